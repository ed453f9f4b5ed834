//! Sixty changes of behaviour, each at one resource, as a switch of the service.

use serde_json::{Value, json};
use tests::Arrival;

use super::service::{Made, number};

/// One change.
pub(super) struct Planted {
    pub(super) name: &'static str,
    pub(super) resource: &'static str,
    pub(super) change: fn(&Arrival, &mut Made),
}

impl std::fmt::Debug for Planted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const fn plant(
    name: &'static str,
    resource: &'static str,
    change: fn(&Arrival, &mut Made),
) -> Planted {
    Planted {
        name,
        resource,
        change,
    }
}

/// Whether the request is `GET /resource/{id}` for this id; 0 for any.
fn one(arrival: &Arrival, id: u64) -> bool {
    let last = arrival.path().rsplit('/').next().unwrap();
    let asked = last.parse::<u64>().unwrap_or(0);
    arrival.method == "GET" && asked > 0 && asked <= 20 && (id == 0 || asked == id)
}

fn post(arrival: &Arrival) -> bool {
    arrival.method == "POST"
}

fn stats(arrival: &Arrival) -> bool {
    arrival.path().ends_with("/stats")
}

/// Whether the request is for a page of a list.
fn page(arrival: &Arrival, page: u64) -> bool {
    arrival.target.ends_with(&format!("?page={page}"))
}

fn set(made: &mut Made, name: &str, value: Value) {
    made.body[name] = value;
}

fn gone(made: &mut Made, name: &str) {
    made.body.as_object_mut().unwrap().shift_remove(name);
}

fn swap(value: &mut Value, a: &str, b: &str) {
    let first = value[a].take();
    value[a] = value[b].take();
    value[b] = first;
}

fn items(made: &mut Made) -> &mut Vec<Value> {
    made.body["items"].as_array_mut().unwrap()
}

fn header(made: &mut Made, name: &str, value: Option<&str>) {
    made.headers.retain(|(found, _)| found != name);
    if let Some(value) = value {
        made.headers.push((name.to_owned(), value.to_owned()));
    }
}

/// A time of the answer, so many hours later.
fn shift(made: &mut Made, name: &str, hours: u64) {
    let time: schema::Timestamp = made.body[name].as_str().unwrap().parse().unwrap();
    let later = time.saturating_add(std::time::Duration::from_secs(hours * 3_600));
    set(made, name, json!(later.to_string()));
}

/// All of them.
#[rustfmt::skip]
pub(super) static PLANTED: [Planted; 60] = [
    plant("tax is rounded up, for one row", "orders", |a, m| if one(a, 6) { set(m, "tax", number("0.86")) }),
    plant("field is missing", "invoices", |a, m| if one(a, 0) { gone(m, "currency") }),
    plant("field is new", "users", |a, m| if one(a, 0) { set(m, "debug", json!(1)) }),
    plant("field is renamed", "products", |a, m| if one(a, 0) { let v = m.body["qty"].take(); gone(m, "qty"); set(m, "quantity", v) }),
    plant("price and tax are swapped", "carts", |a, m| if one(a, 0) { swap(&mut m.body, "price", "tax") }),
    plant("empty text for null", "payments", |a, m| if one(a, 2) { set(m, "note", json!("")) }),
    plant("null for empty text", "shipments", |a, m| if one(a, 3) { set(m, "note", Value::Null) }),
    plant("null is left out", "refunds", |a, m| if one(a, 4) { gone(m, "note") }),
    plant("number became text", "reviews", |a, m| if one(a, 0) { let v = m.body["price"].to_string(); set(m, "price", json!(v)) }),
    plant("scale of a number", "coupons", |a, m| if one(a, 1) { set(m, "price", number("3.1")) }),
    plant("flag is flipped, for one row", "orders", |a, m| if one(a, 9) { set(m, "active", json!(false)) }),
    plant("one row has another quantity", "invoices", |a, m| if one(a, 17) { set(m, "qty", json!(3)) }),
    plant("last row is not found", "users", |a, m| if one(a, 20) { m.status = 404; m.body = json!({"error": "not found"}) }),
    plant("error mapped to 200", "products", |_, m| if m.status == 404 { m.status = 200; m.body = json!({}) }),
    plant("not found became a failure", "carts", |_, m| if m.status == 404 { m.status = 500 }),
    plant("stored time in another zone", "payments", |a, m| if one(a, 0) { shift(m, "created", 1) }),
    plant("time of the answer in another zone", "shipments", |a, m| if one(a, 0) { shift(m, "updated_at", 1) }),
    plant("time of the answer as a number", "refunds", |a, m| if one(a, 0) { set(m, "updated_at", json!(1_795_694_400)) }),
    plant("date in local form", "reviews", |a, m| if one(a, 5) { set(m, "created", json!("05.03.2026 08:15:30")) }),
    plant("fraction of a second is lost", "coupons", |a, m| if one(a, 0) { let v = m.body["created"].as_str().unwrap().replace(".250", ""); set(m, "created", json!(v)) }),
    plant("decimal comma", "orders", |a, m| if one(a, 0) { let v = m.body["amount_text"].as_str().unwrap().replace(',', " ").replace('.', ",").replace(' ', "."); set(m, "amount_text", json!(v)) }),
    plant("UTF-8 read as Latin-1", "invoices", |a, m| if one(a, 0) { m.body["customer"]["last"] = json!("MÃ¼ller") }),
    plant("umlauts became question marks", "users", |a, m| if one(a, 0) { m.body["customer"]["city"] = json!("Z?rich") }),
    plant("another case", "products", |a, m| if one(a, 8) { set(m, "status", json!("PAID")) }),
    plant("padded with spaces", "carts", |a, m| if one(a, 0) { set(m, "currency", json!("EUR  ")) }),
    plant("name is cut", "payments", |a, m| if one(a, 0) { let v: String = m.body["name"].as_str().unwrap().chars().take(20).collect(); set(m, "name", json!(v)) }),
    plant("leading zero is lost", "shipments", |a, m| if one(a, 0) { m.body["customer"]["zip"] = json!("8001") }),
    plant("another sign", "refunds", |a, m| if one(a, 7) { set(m, "price", number("-21.70")) }),
    plant("nested field is missing", "reviews", |a, m| if one(a, 11) { m.body["customer"].as_object_mut().unwrap().shift_remove("city"); }),
    plant("first and last name are swapped", "coupons", |a, m| if one(a, 0) { swap(&mut m.body["customer"], "first", "last") }),
    plant("token is gone", "orders", |a, m| if one(a, 0) { gone(m, "etag") }),
    plant("UUID became a number", "invoices", |a, m| if post(a) { set(m, "id", json!(12)) }),
    plant("counter is null", "users", |a, m| if post(a) { set(m, "number", Value::Null) }),
    plant("another Content-Type", "products", |a, m| if one(a, 0) { header(m, "Content-Type", Some("text/plain")) }),
    plant("Cache-Control is gone", "carts", |a, m| if stats(a) { header(m, "Cache-Control", None) }),
    plant("cookie is not Secure", "payments", |a, m| if post(a) { header(m, "Set-Cookie", Some("sid=1; HttpOnly")) }),
    plant("count in a header is off by one", "shipments", |a, m| if page(a, 1) { header(m, "X-Total-Count", Some("19")) }),
    plant("Location is gone", "refunds", |a, m| if post(a) { header(m, "Location", None) }),
    plant("created became ok", "reviews", |a, m| if post(a) { m.status = 200 }),
    plant("discount on three or more", "coupons", |a, m| if post(a) && a.body.windows(8).any(|w| w == b"\"qty\":3,") { set(m, "total", number("34.49")) }),
    plant("reference is not echoed", "orders", |a, m| if post(a) { gone(m, "reference") }),
    plant("time of creation without its zone, an hour off", "invoices", |a, m| if post(a) { shift(m, "created_at", 2) }),
    plant("update is lost", "users", |a, m| if stats(a) { set(m, "count", json!(20)) }),
    plant("row is stored twice", "products", |a, m| if stats(a) { let n = m.body["count"].as_u64().unwrap(); if n > 20 { set(m, "count", json!(n * 2 - 20)) } }),
    plant("last row of a page is missing", "carts", |a, m| if page(a, 2) { items(m).pop(); }),
    plant("row comes twice", "payments", |a, m| if page(a, 1) { let first = items(m)[0].clone(); items(m).push(first) }),
    plant("page begins a row early", "orders", |a, m| if page(a, 2) { let rows = items(m); rows.pop(); let mut early = rows[0].clone(); early["id"] = json!(8); early["name"] = json!("Artikel Größe 8 mit einem langen Namen"); rows.insert(0, early) }),
    plant("total of a list", "refunds", |a, m| if page(a, 3) { set(m, "total", json!(4)) }),
    plant("rows in another order", "users", |a, m| if page(a, 1) { items(m).reverse() }),
    plant("row is missing where order is random", "invoices", |a, m| if page(a, 3) { items(m).retain(|row| row["id"] != 19) }),
    plant("price of a row where order is random", "products", |a, m| if page(a, 2) { for row in items(m) { if row["id"] == 12 { row["price"] = number("36.21") } } }),
    plant("note of a row where order is random", "shipments", |a, m| { if a.path() == "/shipments" && a.method == "GET" { for row in m.body["items"].as_array_mut().unwrap() { if row["id"] == 10 { row["note"] = json!("") } } } }),
    plant("empty list is null", "reviews", |a, m| if page(a, 4) { set(m, "items", Value::Null) }),
    plant("average is rounded", "coupons", |a, m| if stats(a) { set(m, "average", number("0.31")) }),
    plant("sum is a cent off", "orders", |a, m| if stats(a) { set(m, "sum", number("2310.51")) }),
    plant("maximum leaves the last row out", "invoices", |a, m| if stats(a) { set(m, "max", json!(230)) }),
    plant("measure became text", "users", |a, m| if stats(a) { set(m, "elapsed_ms", json!("fast")) }),
    plant("count became a float", "products", |a, m| if stats(a) { let n = m.body["count"].to_string(); set(m, "count", number(&format!("{n}.0"))) }),
    plant("one request is not answered", "carts", |a, m| if one(a, 13) { m.is_hung_up = true }),
    plant("message says something else", "payments", |a, m| if post(a) { let v = m.body["message"].as_str().unwrap().replace("created", "updated"); set(m, "message", json!(v)) }),
];
