//! The service: ten resources with four endpoints each, and state in memory. Its answers carry what makes comparing hard:
//! the time, random ids and tokens, a counter that goes on from run to run, rows in random order, and sums of floats.

use std::sync::Mutex;
use std::time::SystemTime;

use serde_json::{Value, json};
use tests::{Answer, Arrival};

use super::planted::Planted;

/// What is sold; every second one lists its rows in random order.
pub(super) const RESOURCES: [&str; 10] = [
    "orders",
    "invoices",
    "users",
    "products",
    "carts",
    "payments",
    "shipments",
    "refunds",
    "reviews",
    "coupons",
];
/// Rows that each resource begins with.
const ROWS: u64 = 20;
/// Rows of a page.
const PAGE: u64 = 8;

/// An answer in the making.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Value,
    /// The connection is closed instead of an answer.
    pub(super) is_hung_up: bool,
}

/// One running build.
#[derive(Debug)]
pub(super) struct Service {
    planted: Option<&'static Planted>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: u64,
    /// Rows that were added, by resource.
    added: [u64; RESOURCES.len()],
    number: u64,
}

impl Service {
    /// A build with one planted change, or none; `seed` makes its ids, orders and sums.
    pub(super) fn new(planted: Option<&'static Planted>, seed: u64) -> Self {
        let state = State {
            random: seed,
            added: [0; RESOURCES.len()],
            number: seed * 10_000,
        };
        Self {
            planted,
            state: Mutex::new(state),
        }
    }

    pub(super) fn answer(&self, arrival: &Arrival) -> Answer {
        let mut state = self.state.lock().unwrap();
        let mut made = state.answer(arrival);
        if let Some(planted) = self.planted
            && arrival
                .path()
                .starts_with(&format!("/{}", planted.resource))
        {
            (planted.change)(arrival, &mut made);
        }
        if made.is_hung_up {
            return Answer::raw("");
        }
        let headers: Vec<(&str, &str)> = made
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        Answer::new(made.status, &headers, made.body.to_string())
    }
}

impl State {
    fn answer(&mut self, arrival: &Arrival) -> Made {
        let mut parts = arrival.path().trim_start_matches('/').split('/');
        let name = parts.next().unwrap_or_default();
        let resource = RESOURCES
            .iter()
            .position(|resource| *resource == name)
            .unwrap();
        let mut made = Made {
            status: 200,
            headers: vec![
                ("Content-Type".to_owned(), "application/json".to_owned()),
                ("Cache-Control".to_owned(), "no-store".to_owned()),
                (
                    "Set-Cookie".to_owned(),
                    format!("sid={}; Secure; HttpOnly", self.hex()),
                ),
                ("X-Trace".to_owned(), self.hex()),
            ],
            body: Value::Null,
            is_hung_up: false,
        };
        match (arrival.method.as_str(), parts.next()) {
            ("POST", _) => self.create(resource, arrival, &mut made),
            (_, None) => self.list(resource, arrival, &mut made),
            (_, Some("stats")) => self.stats(resource, &mut made),
            (_, Some(id)) => self.one(resource, id.parse().unwrap_or(0), &mut made),
        }
        made
    }

    fn list(&mut self, resource: usize, arrival: &Arrival, made: &mut Made) {
        let page: u64 = arrival
            .target
            .rsplit('=')
            .next()
            .unwrap()
            .parse()
            .unwrap_or(1);
        let first = (page - 1) * PAGE + 1;
        let mut items: Vec<Value> = (first..(first + PAGE).min(ROWS + 1)).map(row).collect();
        if resource % 2 == 1 {
            for index in (1..items.len()).rev() {
                let other = usize::try_from(self.next() % (index as u64 + 1)).unwrap();
                items.swap(index, other);
            }
        }
        made.headers
            .push(("X-Total-Count".to_owned(), ROWS.to_string()));
        made.body = json!({ "items": items, "page": page, "total": ROWS, "generated_at": now() });
    }

    fn one(&mut self, resource: usize, id: u64, made: &mut Made) {
        if id == 0 || id > ROWS {
            made.status = 404;
            made.body = json!({ "error": "not found" });
            return;
        }
        let mut body = row(id);
        let tax = id * 100 / 7;
        let more = json!({
            "kind": RESOURCES[resource],
            "tax": number(&format!("{}.{:02}", tax / 100, tax % 100)),
            "active": id.is_multiple_of(3),
            "currency": "EUR",
            "amount_text": format!("1,{:03}.50", id),
            "created": format!("2026-03-{:02}T08:15:30.250Z", id),
            "updated_at": now(),
            "etag": self.hex(),
            "customer": { "first": "Jürgen", "last": "Müller", "city": "Zürich", "zip": "08001" },
        });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        made.body = body;
    }

    fn stats(&mut self, resource: usize, made: &mut Made) {
        // The last digits depend on the order in which floats are added up.
        let averages = ["0.30000000000000004", "0.3", "0.29999999999999999"];
        let average = averages[usize::try_from(self.next() % 3).unwrap()];
        made.body = json!({
            "count": ROWS + self.added[resource],
            "sum": number("2310.50"),
            "average": number(average),
            "max": 231,
            "elapsed_ms": self.next() % 30 + 1,
        });
    }

    fn create(&mut self, resource: usize, arrival: &Arrival, made: &mut Made) {
        let sent: Value = serde_json::from_slice(&arrival.body).unwrap();
        self.added[resource] += 1;
        self.number += 1;
        let id = self.uuid();
        let total = sent["qty"].as_u64().unwrap() * 1_150;
        made.status = 201;
        made.headers.push((
            "Location".to_owned(),
            format!("/{}/{id}", RESOURCES[resource]),
        ));
        made.body = json!({
            "id": id,
            "number": self.number,
            "reference": sent["reference"],
            "total": number(&format!("{}.{:02}", total / 100, total % 100)),
            "created_at": now(),
            "message": format!("{} {} was created", RESOURCES[resource], self.number),
        });
    }

    /// splitmix64 (Steele, Lea, Flood 2014).
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn hex(&mut self) -> String {
        format!("{:016x}", self.next() | 1)
    }

    fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0xfff,
            low & 0xffff_ffff_ffff
        )
    }
}

fn row(id: u64) -> Value {
    json!({
        "id": id,
        "name": format!("Artikel Größe {id} mit einem langen Namen"),
        "price": number(&format!("{}.{}0", id * 3, id % 10)),
        "qty": id % 5,
        "note": if id.is_multiple_of(2) { Value::Null } else { Value::from("") },
        "status": if id.is_multiple_of(4) { "paid" } else { "open" },
    })
}

/// A number as it is written.
pub(super) fn number(text: &str) -> Value {
    Value::Number(serde_json::from_str(text).unwrap())
}

fn now() -> String {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let now = schema::Timestamp::from_nanos(u64::try_from(since.as_nanos()).unwrap());
    now.to_micros_precision().to_string()
}
