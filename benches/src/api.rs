//! API traffic as services really send it: the same shapes over and over, few distinct values, some ids and times; about half
//! of all answers were sent before, byte for byte.

use std::fmt::Write as _;

use crate::{Rng, SentExchange, Traffic};

const CHOICE: u64 = 11;
const PRODUCT: u64 = 12;
const USER: u64 = 13;
const STATE: u64 = 14;

/// How many different things there are.
const PRODUCTS: u64 = 2_000;
const PRODUCTS_A_PAGE: u64 = 12;
const CATEGORIES: u64 = 40;

const HOST: &str = "api.shop.example.com";
const WORDS: [&str; 32] = [
    "classic",
    "cotton",
    "shirt",
    "with",
    "long",
    "sleeves",
    "and",
    "a",
    "soft",
    "collar",
    "made",
    "from",
    "organic",
    "wool",
    "for",
    "cold",
    "days",
    "water",
    "resistant",
    "jacket",
    "in",
    "three",
    "colours",
    "leather",
    "boots",
    "light",
    "summer",
    "dress",
    "pocket",
    "zip",
    "machine",
    "washable",
];
const COLOURS: [&str; 6] = ["black", "navy", "white", "olive", "red", "sand"];
const STATES: [&str; 4] = ["confirmed", "packed", "shipped", "delivered"];
const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "ShopApp/7.4.1 (Android 16; Pixel 9)",
];

/// A request and the answer to it, without heads.
struct Call {
    method: &'static str,
    path: String,
    query: Option<String>,
    request_body: String,
    status: u16,
    response_body: String,
}

impl Call {
    fn get(path: String, response_body: String) -> Self {
        Self {
            method: "GET",
            path,
            query: None,
            request_body: String::new(),
            status: 200,
            response_body,
        }
    }
}

/// Exchange `number` of the traffic.
pub(crate) fn exchange(traffic: &Traffic, number: u64) -> SentExchange {
    let (slot, generation) = traffic.place(number);
    let user = Rng::of(traffic.seed, USER, slot << 32 | generation).below(1 << 40);
    let call = call(traffic, number, user);
    let target = match &call.query {
        Some(query) => format!("{}?{query}", call.path),
        None => call.path.clone(),
    };
    SentExchange {
        number,
        method: call.method,
        host: HOST,
        request_head: request_head(
            traffic,
            number,
            user,
            call.method,
            &target,
            &call.request_body,
        ),
        response_head: response_head(traffic, number, call.status, &call.response_body),
        path: call.path,
        query: call.query,
        request_body: call.request_body,
        status: call.status,
        response_body: call.response_body,
    }
}

fn call(traffic: &Traffic, number: u64, user: u64) -> Call {
    let mut rng = Rng::of(traffic.seed, CHOICE, number);
    let product = popular(&mut rng);
    match rng.below(100) {
        0..30 => Call::get(
            format!("/api/v1/products/{}", 10_000 + product),
            self::product(traffic.seed, product, true),
        ),
        30..45 => {
            let (category, page) = (product % CATEGORIES, rng.below(5));
            let mut call = Call::get(
                "/api/v1/products".to_owned(),
                listing(traffic.seed, category, page),
            );
            call.query = Some(format!("category={category}&page={page}&sort=popular"));
            call
        }
        45..55 => Call::get("/api/v1/me".to_owned(), profile(user)),
        55..70 => Call::get("/api/v1/cart".to_owned(), cart(traffic, number, user)),
        70..80 => Call {
            method: "POST",
            path: "/api/v1/cart/items".to_owned(),
            query: None,
            request_body: format!(
                "{{\"product_id\":{},\"quantity\":{}}}",
                10_000 + product,
                1 + rng.below(3)
            ),
            status: 201,
            response_body: cart(traffic, number, user),
        },
        80..90 => {
            let order = rng.below(1 << 32);
            Call::get(
                format!("/api/v1/orders/{order}"),
                self::order(traffic, number, order, user),
            )
        }
        90..97 => Call::get(
            "/api/v1/recommendations".to_owned(),
            recommendations(&mut rng),
        ),
        97..99 => Call {
            status: 404,
            ..Call::get(
                format!("/api/v1/products/{}", 90_000 + product),
                "{\"error\":{\"code\":\"not_found\",\"message\":\"no such product\"}}".to_owned(),
            )
        },
        _ => Call::get("/health".to_owned(), "{\"status\":\"ok\"}".to_owned()),
    }
}

/// A product, of which few are asked for much more often than the rest.
fn popular(rng: &mut Rng) -> u64 {
    let bound = 1 + rng.below(PRODUCTS);
    rng.below(bound)
}

fn product(seed: u64, product: u64, whole: bool) -> String {
    let mut rng = Rng::of(seed, PRODUCT, product);
    let mut text = format!(
        "{{\"id\":{},\"sku\":\"SKU-{:06}\",\"name\":\"{}\",\"price\":{{\"amount\":\"{}.{:02}\",\"currency\":\"EUR\"}},\"in_stock\":{}",
        10_000 + product,
        rng.below(1_000_000),
        words(&mut rng, 3),
        5 + rng.below(195),
        [0, 50, 90, 95, 99][rng.below(5) as usize],
        !rng.chance(0.1),
    );
    if whole {
        let colour = |rng: &mut Rng| COLOURS[rng.below(6) as usize];
        let _ = write!(
            text,
            ",\"category_id\":{},\"description\":\"{}\",\"variants\":[{{\"colour\":\"{}\",\"size\":\"M\",\"stock\":{}}},\
             {{\"colour\":\"{}\",\"size\":\"L\",\"stock\":{}}}],\"images\":[\"https://img.shop.example.com/p/{}/1.jpg\",\
             \"https://img.shop.example.com/p/{}/2.jpg\"],\"rating\":{{\"average\":{}.{},\"count\":{}}}",
            product % CATEGORIES,
            words(&mut rng, 60),
            colour(&mut rng),
            rng.below(40),
            colour(&mut rng),
            rng.below(40),
            10_000 + product,
            10_000 + product,
            3 + rng.below(2),
            rng.below(10),
            rng.below(900),
        );
    }
    text.push('}');
    text
}

fn listing(seed: u64, category: u64, page: u64) -> String {
    let first = category * 48 + page * PRODUCTS_A_PAGE;
    let items: Vec<_> = (first..first + PRODUCTS_A_PAGE)
        .map(|number| product(seed, number % PRODUCTS, false))
        .collect();
    format!(
        "{{\"items\":[{}],\"page\":{page},\"pages\":5,\"total\":{}}}",
        items.join(","),
        5 * PRODUCTS_A_PAGE
    )
}

fn profile(user: u64) -> String {
    format!(
        "{{\"id\":{user},\"name\":\"Customer {}\",\"email\":\"customer.{}@mail.example\",\"language\":\"en\",\"currency\":\"EUR\",\
         \"newsletter\":{},\"addresses\":[{{\"street\":\"Main Street {}\",\"city\":\"Springfield\",\"postcode\":\"{:05}\",\"country\":\"DE\"}}]}}",
        user % 100_000,
        user % 100_000,
        user.is_multiple_of(3),
        1 + user % 180,
        user % 99_999,
    )
}

fn cart(traffic: &Traffic, number: u64, user: u64) -> String {
    let mut rng = Rng::of(traffic.seed, STATE, user ^ (number / 640));
    let items: Vec<_> = (0..1 + rng.below(5))
        .map(|_| {
            let (product, quantity) = (popular(&mut rng), 1 + rng.below(3));
            let item = self::product(traffic.seed, product, false);
            format!("{{\"product\":{item},\"quantity\":{quantity}}}")
        })
        .collect();
    format!(
        "{{\"cart_id\":\"{}\",\"updated_at\":\"{}\",\"items\":[{}],\"discounts\":[],\"shipping\":{{\"method\":\"standard\",\"amount\":\"4.95\"}}}}",
        uuid(&mut Rng::of(traffic.seed, USER, user)),
        traffic
            .start_of(number)
            .to_utc()
            .format("%Y-%m-%dT%H:%M:%S%.3fZ"),
        items.join(","),
    )
}

fn order(traffic: &Traffic, number: u64, order: u64, user: u64) -> String {
    let mut rng = Rng::of(traffic.seed, STATE, order);
    let lines: Vec<_> = (0..1 + rng.below(4))
        .map(|line| {
            let product = popular(&mut rng);
            format!(
                "{{\"line\":{line},\"product_id\":{},\"quantity\":{},\"state\":\"{}\",\"unit_price\":\"{}.95\"}}",
                10_000 + product,
                1 + rng.below(3),
                STATES[rng.below(4) as usize],
                5 + product % 190,
            )
        })
        .collect();
    format!(
        "{{\"order_id\":{order},\"reference\":\"{}\",\"customer_id\":{user},\"placed_at\":\"{}\",\"state\":\"{}\",\"lines\":[{}],\
         \"payment\":{{\"method\":\"card\",\"last4\":\"{:04}\",\"state\":\"captured\"}}}}",
        uuid(&mut rng),
        traffic
            .start_of(number)
            .to_utc()
            .format("%Y-%m-%dT%H:%M:%SZ"),
        STATES[rng.below(4) as usize],
        lines.join(","),
        rng.below(10_000),
    )
}

fn recommendations(rng: &mut Rng) -> String {
    let items: Vec<_> = (0..8)
        .map(|_| {
            format!(
                "{{\"product_id\":{},\"score\":0.{:04}}}",
                10_000 + popular(rng),
                rng.below(10_000)
            )
        })
        .collect();
    format!("{{\"model\":\"reco-v12\",\"items\":[{}]}}", items.join(","))
}

/// The head of an app's request: a bearer token that a user keeps, and a trace id that no two requests share.
fn request_head(
    traffic: &Traffic,
    number: u64,
    user: u64,
    method: &str,
    target: &str,
    body: &str,
) -> String {
    let mut rng = Rng::of(traffic.seed, CHOICE, !number);
    let mut head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: {}\r\nAccept: application/json\r\n\
         Accept-Encoding: gzip, br\r\nAccept-Language: en-GB,en;q=0.8\r\nX-Forwarded-Proto: https\r\n\
         X-Forwarded-For: 203.0.113.{}\r\nAuthorization: Bearer ",
        AGENTS[(user % 5) as usize],
        user % 254,
    );
    Rng::of(traffic.seed, USER, !user).hex_into(160, &mut head);
    head.push_str("\r\ntraceparent: 00-");
    rng.hex_into(32, &mut head);
    head.push('-');
    rng.hex_into(16, &mut head);
    head.push_str("-01\r\n");
    if !body.is_empty() {
        let _ = write!(
            head,
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        );
    }
    head.push_str("\r\n");
    head
}

fn response_head(traffic: &Traffic, number: u64, status: u16, body: &str) -> String {
    let reason = match status {
        201 => "Created",
        404 => "Not Found",
        _ => "OK",
    };
    format!(
        "HTTP/1.1 {status} {reason}\r\nServer: nginx\r\nDate: {}\r\nContent-Type: application/json; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: keep-alive\r\nCache-Control: no-store\r\nVary: Accept-Encoding, Authorization\r\n\
         Strict-Transport-Security: max-age=31536000; includeSubDomains\r\nX-Content-Type-Options: nosniff\r\n\
         X-Frame-Options: DENY\r\nX-Request-Id: {}\r\nX-Runtime: 0.{:06}\r\n\r\n",
        traffic
            .start_of(number)
            .to_utc()
            .format("%a, %d %b %Y %H:%M:%S GMT"),
        body.len(),
        uuid(&mut Rng::of(traffic.seed, STATE, !number)),
        Rng::of(traffic.seed, STATE, number.rotate_left(20)).below(90_000),
    )
}

fn words(rng: &mut Rng, number: u64) -> String {
    let words: Vec<_> = (0..number)
        .map(|_| WORDS[rng.below(WORDS.len() as u64) as usize])
        .collect();
    words.join(" ")
}

fn uuid(rng: &mut Rng) -> String {
    let mut hex = String::new();
    rng.hex_into(32, &mut hex);
    format!(
        "{}-{}-4{}-a{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..]
    )
}
