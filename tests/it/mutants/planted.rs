//! Sixty changes of behaviour, each at one resource: most in a statement of the service, as a procedure that was rewritten
//! would have them, the others in what becomes of its rows.

use serde_json::json;
use tests::Arrival;

use super::service::Made;

/// One change.
pub(super) struct Planted {
    pub(super) name: &'static str,
    pub(super) resource: &'static str,
    pub(super) change: Change,
}

/// What is changed.
pub(super) enum Change {
    /// In the one statement that has all of these texts, each becomes another one.
    Statement(&'static [(&'static str, &'static str)]),
    /// The answer, after it was made.
    Answer(fn(&Arrival, &mut Made)),
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
        change: Change::Answer(change),
    }
}

const fn rewrite(
    name: &'static str,
    resource: &'static str,
    changes: &'static [(&'static str, &'static str)],
) -> Planted {
    Planted {
        name,
        resource,
        change: Change::Statement(changes),
    }
}

/// Whether the request is `GET /resource/{id}` for a row that is there.
fn one(arrival: &Arrival) -> bool {
    let last = arrival.path().rsplit('/').next().unwrap();
    let asked = last.parse::<u64>().unwrap_or(0);
    arrival.method == "GET" && asked > 0 && asked <= 20
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

fn header(made: &mut Made, name: &str, value: Option<&str>) {
    made.headers.retain(|(found, _)| found != name);
    if let Some(value) = value {
        made.headers.push((name.to_owned(), value.to_owned()));
    }
}

/// All of them.
#[rustfmt::skip]
pub(super) static PLANTED: [Planted; 60] = [
    rewrite("tax is rounded up, for one row", "orders", &[("trunc(tax, 2)", "case when id = 6 then round(tax + 0.005, 2) else trunc(tax, 2) end")]),
    rewrite("field is missing", "invoices", &[("  'currency', currency,\n", "")]),
    rewrite("field is new", "users", &[("'kind', resource,", "'kind', resource, 'debug', 1,")]),
    rewrite("field is renamed", "products", &[("'qty', qty,\n", "'quantity', qty,\n")]),
    rewrite("price and tax are swapped", "carts", &[("'price', price,\n", "'price', trunc(tax, 2),\n"), ("'tax', trunc(tax, 2)", "'tax', price")]),
    rewrite("empty text for null", "payments", &[("'note', note,\n", "'note', case when id = 2 then coalesce(note, '') else note end,\n")]),
    rewrite("null for empty text", "shipments", &[("'note', note,\n", "'note', case when id = 3 then nullif(note, '') else note end,\n")]),
    rewrite("null is left out", "refunds", &[("select json_build_object(\n  'id', id,", "select json_strip_nulls(json_build_object(\n  'id', id,"), ("'zip', zip)\n)", "'zip', zip)\n))")]),
    rewrite("number became text", "reviews", &[("'price', price,\n", "'price', price::text,\n")]),
    rewrite("scale of a number", "coupons", &[("'price', price,\n", "'price', case when id = 1 then trim_scale(price) else price end,\n")]),
    rewrite("flag is flipped, for one row", "orders", &[("'active', active", "'active', id <> 9 and active")]),
    rewrite("one row has another quantity", "invoices", &[("'qty', qty,\n", "'qty', case when id = 17 then qty + 1 else qty end,\n")]),
    rewrite("last row is not found", "users", &[("and id = {id}", "and id = {id} and id < 20")]),
    plant("error mapped to 200", "products", |_, m| if m.status == 404 { m.status = 200; m.body = json!({}) }),
    plant("not found became a failure", "carts", |_, m| if m.status == 404 { m.status = 500 }),
    rewrite("stored time in another zone", "payments", &[("created at time zone 'UTC'", "created at time zone 'Europe/Berlin'")]),
    rewrite("time of the answer in another zone", "shipments", &[("now() at time zone 'UTC'", "now() at time zone 'Europe/Berlin'")]),
    rewrite("time of the answer as a number", "refunds", &[(r#"to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"#, r#"extract(epoch from now())::bigint"#)]),
    rewrite("date in local form", "reviews", &[("'created', ", "'created', case when id = 5 then to_char(created, 'DD.MM.YYYY HH24:MI:SS') else "), (r#"HH24:MI:SS.MS"Z"')"#, r#"HH24:MI:SS.MS"Z"') end"#)]),
    rewrite("fraction of a second is lost", "coupons", &[(r#"SS.MS"Z""#, r#"SS"Z""#)]),
    rewrite("decimal comma", "orders", &[("to_char(amount, 'FM9,999.00')", "translate(to_char(amount, 'FM9,999.00'), ',.', '.,')")]),
    rewrite("UTF-8 read as Latin-1", "invoices", &[("'last', last_name", "'last', convert_from(convert_to(last_name, 'UTF8'), 'LATIN1')")]),
    rewrite("umlauts became question marks", "users", &[("'city', city", "'city', regexp_replace(city, '[^ -~]', '?', 'g')")]),
    rewrite("another case", "products", &[("'status', status,\n", "'status', case when id = 8 then upper(status) else status end,\n")]),
    rewrite("padded with spaces", "carts", &[("'currency', currency", "'currency', rpad(currency, 5)")]),
    rewrite("name is cut", "payments", &[("'name', name,\n", "'name', name::varchar(20),\n")]),
    rewrite("leading zero is lost", "shipments", &[("'zip', zip", "'zip', zip::int::text")]),
    rewrite("another sign", "refunds", &[("'price', price,\n", "'price', case when id = 7 then -price else price end,\n")]),
    rewrite("nested field is missing", "reviews", &[("'zip', zip)", "'zip', zip)::jsonb - case when id = 11 then 'city' else '' end")]),
    rewrite("first and last name are swapped", "coupons", &[("'first', first_name, 'last', last_name", "'first', last_name, 'last', first_name")]),
    rewrite("token is gone", "orders", &[("  'etag', left(md5(random()::text), 16),\n", "")]),
    rewrite("UUID became a number", "invoices", &[("'id', id,\n  'number', number", "'id', 12,\n  'number', number")]),
    rewrite("counter is null", "users", &[("'number', number", "'number', null")]),
    plant("another Content-Type", "products", |a, m| if one(a) { header(m, "Content-Type", Some("text/plain")) }),
    plant("Cache-Control is gone", "carts", |a, m| if stats(a) { header(m, "Cache-Control", None) }),
    plant("cookie is not Secure", "payments", |a, m| if post(a) { header(m, "Set-Cookie", Some("sid=1; HttpOnly")) }),
    plant("count in a header is off by one", "shipments", |a, m| if page(a, 1) { header(m, "X-Total-Count", Some("19")) }),
    plant("Location is gone", "refunds", |a, m| if post(a) { header(m, "Location", None) }),
    plant("created became ok", "reviews", |a, m| if post(a) { m.status = 200 }),
    rewrite("discount on three or more", "coupons", &[("{qty} * 11.50", "{qty} * 11.50 - case when {qty} = 3 then 0.01 else 0 end")]),
    rewrite("reference is not echoed", "orders", &[("  'reference', reference,\n", "")]),
    rewrite("time of creation without its zone, hours off", "invoices", &[("created_at at time zone 'UTC'", "created_at at time zone 'Asia/Tokyo'")]),
    rewrite("update is lost", "users", &[("insert into entry", "begin;\ninsert into entry"), ("-- end", "; rollback")]),
    rewrite("row is stored twice", "products", &[("generate_series(1, 1)", "generate_series(1, 2)")]),
    rewrite("last row of a page is missing", "carts", &[("id <= {last}", "id < {last}")]),
    rewrite("row comes twice", "payments", &[("and id <= {last} {order}", "and id <= {last} union all select * from item where resource = {resource} and id = {first} + 3")]),
    rewrite("page begins a row early", "orders", &[("id > {first} and id <= {last}", "id >= {first} and id < {last}")]),
    rewrite("total of a list", "refunds", &[("'total', (select count(*) from item where resource = {resource}", "'total', (select count(*) from item where resource = {resource} and ({page} <> 3 or id > 16)")]),
    rewrite("rows in another order", "users", &[("{order}", "{order} desc")]),
    rewrite("row is missing where order is random", "invoices", &[("id <= {last}", "id <= {last} and id <> 19")]),
    rewrite("price of a row where order is random", "products", &[("'price', price, 'qty'", "'price', case when id = 12 then price + 0.01 else price end, 'qty'")]),
    rewrite("note of a row where order is random", "shipments", &[("'note', note, 'status'", "'note', case when id = 10 then '' else note end, 'status'")]),
    rewrite("empty list is null", "reviews", &[(", '[]')", ", null)")]),
    rewrite("average is rounded", "coupons", &[("avg(weight)", "round(avg(weight)::numeric, 1)")]),
    rewrite("sum is a cent off", "orders", &[("sum(amount)", "sum(amount) + 0.01")]),
    rewrite("maximum leaves the last row out", "invoices", &[("max(qty * 100 + id)", "max(qty * 100 + id) filter (where id < 19)")]),
    rewrite("measure became text", "users", &[("'elapsed_ms', extract(epoch from clock_timestamp() - statement_timestamp()) * 1000", "'elapsed_ms', 'fast'")]),
    rewrite("count became a float", "products", &[("where resource = {resource}),\n  'sum'", "where resource = {resource})::numeric(10, 1),\n  'sum'")]),
    plant("one request is not answered", "carts", |a, m| if a.path() == "/carts/13" { m.is_hung_up = true }),
    rewrite("message says something else", "payments", &[("was created", "was updated")]),
];
