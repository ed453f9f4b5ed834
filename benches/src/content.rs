//! What the two ends of one exchange say.

use std::fmt::Write as _;

use crate::{Mix, Rng, Traffic, api};

/// Bytes of a GET request, head and all.
const GET_BYTES: usize = 500;
/// Bytes of the body of an ordinary answer.
const ANSWER_BYTES: usize = 1_024;
/// Bytes of the body of a POST.
const POST_BYTES: usize = 4_096;
/// Bytes of the body of a large answer.
const LARGE_ANSWER_BYTES: usize = 100 * 1_024;

/// How many static texts there are, and bytes of each.
const STATIC_FILES: u64 = 64;
const STATIC_BYTES: usize = 24 * 1_024;
/// Bytes of an answer that does not compress.
const INCOMPRESSIBLE_BYTES: usize = 4_096;

const REQUEST: u64 = 1;
const ANSWER: u64 = 2;
const SESSION: u64 = 3;

/// One exchange as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentExchange {
    /// Its place in the traffic, from 0.
    pub number: u64,
    /// Method of the request.
    pub method: &'static str,
    /// Host of the request.
    pub host: &'static str,
    /// Path of the request, without the query.
    pub path: String,
    /// Query of the request.
    pub query: Option<String>,
    /// The request's head, up to and with the empty line.
    pub request_head: String,
    /// The request's body.
    pub request_body: String,
    /// Status of the answer.
    pub status: u16,
    /// The answer's head, up to and with the empty line.
    pub response_head: String,
    /// The answer's body.
    pub response_body: String,
}

impl SentExchange {
    pub(crate) fn new(traffic: &Traffic, number: u64) -> Self {
        let mix = match traffic.mix {
            Mix::Mixed => match number % 20 {
                0 => Mix::LargeAnswers,
                1..5 => Mix::Posts,
                _ => Mix::Gets,
            },
            mix => mix,
        };
        if mix == Mix::Api {
            return api::exchange(traffic, number);
        }
        let host = "shop.example.com";
        let (method, path, query, answer_bytes) = asked(mix, number);
        let request_body = match mix {
            Mix::Posts => json(
                &mut Rng::of(traffic.seed, REQUEST, number),
                number,
                POST_BYTES,
            ),
            _ => String::new(),
        };
        let answer = match mix {
            Mix::Static => number % STATIC_FILES,
            _ => number % traffic.answers,
        };
        let mut rng = Rng::of(traffic.seed, ANSWER, answer);
        let response_body = match mix {
            Mix::Incompressible => letters(&mut rng, answer_bytes),
            _ => json(&mut rng, answer, answer_bytes),
        };
        let target = query
            .as_ref()
            .map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
        Self {
            number,
            method,
            host,
            request_head: request_head(traffic, number, method, &target, host, &request_body),
            path,
            query,
            request_body,
            status: 200,
            response_head: response_head(traffic, number, &response_body),
            response_body,
        }
    }

    /// The request's bytes on the wire.
    #[must_use]
    pub fn request(&self) -> Vec<u8> {
        [self.request_head.as_bytes(), self.request_body.as_bytes()].concat()
    }

    /// The answer's bytes on the wire.
    #[must_use]
    pub fn response(&self) -> Vec<u8> {
        [self.response_head.as_bytes(), self.response_body.as_bytes()].concat()
    }
}

/// Method, path and query of a request, and bytes of the answer's body.
fn asked(mix: Mix, number: u64) -> (&'static str, String, Option<String>, usize) {
    match mix {
        Mix::LargeAnswers => (
            "GET",
            format!("/api/v1/reports/{number}"),
            None,
            LARGE_ANSWER_BYTES,
        ),
        Mix::Posts => (
            "POST",
            format!("/api/v1/orders/{number}/lines"),
            None,
            ANSWER_BYTES,
        ),
        Mix::Static => {
            let path = format!("/static/app.{}.js", number % STATIC_FILES);
            ("GET", path, None, STATIC_BYTES)
        }
        Mix::Incompressible => (
            "GET",
            format!("/media/{number}"),
            None,
            INCOMPRESSIBLE_BYTES,
        ),
        Mix::Gets | Mix::Mixed | Mix::Api => {
            let query = format!("expand=lines&page={}", number % 7);
            (
                "GET",
                format!("/api/v1/orders/{number}"),
                Some(query),
                ANSWER_BYTES,
            )
        }
    }
}

/// A head like a browser's: what a user keeps from request to request, and an id that no two requests share.
fn request_head(
    traffic: &Traffic,
    number: u64,
    method: &str,
    target: &str,
    host: &str,
    body: &str,
) -> String {
    let (slot, generation) = traffic.place(number);
    let mut head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\n\
         Accept: application/json\r\nAccept-Language: en-GB,en;q=0.8\r\nX-Request-Id: "
    );
    Rng::of(traffic.seed, REQUEST, !number).hex_into(32, &mut head);
    head.push_str("\r\n");
    if !body.is_empty() {
        write!(
            head,
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        )
        .expect("writing to a string cannot fail");
    }
    head.push_str("Cookie: session=");
    Rng::of(traffic.seed, SESSION, slot << 32 | generation).hex_into(32, &mut head);
    head.push_str("; prefs=");
    let end = "\r\n\r\n";
    let filler = "lang.en-theme.dark-currency.eur-".chars().cycle();
    head.extend(filler.take(GET_BYTES.saturating_sub(head.len() + end.len())));
    head.push_str(end);
    head
}

fn response_head(traffic: &Traffic, number: u64, body: &str) -> String {
    let date = traffic
        .start_of(number)
        .to_utc()
        .format("%a, %d %b %Y %H:%M:%S GMT");
    format!(
        "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: {date}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: keep-alive\r\n\r\n",
        body.len()
    )
}

/// A JSON object of exactly `bytes` bytes, half of them random hex.
fn json(rng: &mut Rng, number: u64, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes);
    write!(text, "{{\"id\":{number},\"lines\":[").expect("writing to a string cannot fail");
    let mut hex = 0;
    while hex + 64 <= bytes / 2 {
        if hex > 0 {
            text.push(',');
        }
        text.push_str("{\"token\":\"");
        rng.hex_into(64, &mut text);
        hex += 64;
        text.push_str("\",\"state\":\"confirmed\",\"quantity\":3}");
    }
    text.push_str("],\"note\":\"");
    let end = "\"}";
    let filler = "left with the neighbour at number twelve, ".chars().cycle();
    text.extend(filler.take(bytes.saturating_sub(text.len() + end.len())));
    text.push_str(end);
    assert_eq!(
        text.len(),
        bytes,
        "a body has the length that was asked for"
    );
    text
}

/// Random letters of an alphabet of 64: six bits in each byte.
fn letters(rng: &mut Rng, bytes: usize) -> String {
    let letter = |_| char::from(LETTERS[rng.below(64) as usize]);
    (0..bytes).map(letter).collect()
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
