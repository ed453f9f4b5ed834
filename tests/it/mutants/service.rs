//! The service: ten resources with four endpoints each, over a real PostgreSQL. Its answers carry what makes comparing
//! hard: the time, random ids and tokens, numbers of a sequence that goes on from run to run, rows in the order in which the
//! database happens to have them, and sums of floats in that order.

use std::sync::Mutex;

use serde_json::Value;
use tests::{Answer, Arrival, Session, sql_text};

use super::planted::{Change, Planted};

/// What is sold; every second one lists its rows without `order by`.
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
/// What every run begins with.
pub(super) const SCHEMA: &str = include_str!("schema.sql");
/// Rows that each resource begins with.
const ROWS: u64 = 20;
/// Rows of a page.
const PAGE: u64 = 8;

/// One row; who asks for it counts as a visitor of random rows, which moves them in the table.
const ONE: &str = "
update item set views = views + 1 where resource = {resource} and random() < 0.05;
select json_build_object(
  'id', id,
  'name', name,
  'price', price,
  'qty', qty,
  'note', note,
  'status', status,
  'kind', resource,
  'tax', trunc(tax, 2),
  'active', active,
  'currency', currency,
  'amount_text', to_char(amount, 'FM9,999.00'),
  'created', to_char(created at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'),
  'updated_at', to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),
  'etag', left(md5(random()::text), 16),
  'customer', json_build_object('first', first_name, 'last', last_name, 'city', city, 'zip', zip)
) from item where resource = {resource} and id = {id}";

/// A page of rows.
const LIST: &str = "
select json_build_object(
  'items', coalesce(json_agg(json_build_object(
    'id', id, 'name', name, 'price', price, 'qty', qty, 'note', note, 'status', status)), '[]'),
  'page', {page},
  'total', (select count(*) from item where resource = {resource}),
  'generated_at', now()
) from (select * from item where resource = {resource} and id > {first} and id <= {last} {order}) as rows";

/// Numbers over all rows, which others visit meanwhile. The last digits of the average depend on the order in which floats are
/// added up.
const STATS: &str = "
update item set views = views + 1 where resource = {resource} and random() < 0.3;
select json_build_object(
  'count', count(*) + (select count(*) from entry where resource = {resource}),
  'sum', sum(amount),
  'average', avg(weight),
  'max', max(qty * 100 + id),
  'elapsed_ms', extract(epoch from clock_timestamp() - statement_timestamp()) * 1000
) from item where resource = {resource}";

/// A new row.
const CREATE: &str = "
insert into entry (resource, reference, qty, total)
select {resource}, {reference}, {qty}, {qty} * 11.50
from generate_series(1, 1)
returning json_build_object(
  'id', id,
  'number', number,
  'reference', reference,
  'total', total,
  'created_at', to_char(created_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),
  'message', format('%s %s was created', resource, number)
)
-- end";

/// A cookie and a name for the request.
const TOKENS: &str = "select md5(random()::text), left(md5(random()::text), 16)";

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
    database: Mutex<Session>,
}

impl Service {
    /// A build with one planted change, or none. `run` is how many runs there were before: numbers that a sequence gave away
    /// are not taken back when state is restored.
    pub(super) fn new(planted: Option<&'static Planted>, mut database: Session, run: u64) -> Self {
        let _set = database.rows(&format!("select setval('number', {})", 1 + run * 10_000));
        Self {
            planted,
            database: Mutex::new(database),
        }
    }

    pub(super) fn answer(&self, arrival: &Arrival) -> Answer {
        let mut database = self.database.lock().unwrap();
        let name = arrival.path().trim_start_matches('/');
        let name = name.split('/').next().unwrap_or_default();
        let planted = self.planted.filter(|planted| planted.resource == name);
        let mut made = Build { planted }.answer(arrival, &mut database);
        if let Some(Planted {
            change: Change::Answer(change),
            ..
        }) = planted
        {
            change(arrival, &mut made);
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

/// What answers the requests for one resource.
struct Build {
    planted: Option<&'static Planted>,
}

impl Build {
    fn answer(&self, arrival: &Arrival, database: &mut Session) -> Made {
        let tokens = database.rows(TOKENS);
        let (cookie, trace) = tokens[0].split_once('|').unwrap();
        let mut made = Made {
            status: 200,
            headers: vec![
                ("Content-Type".to_owned(), "application/json".to_owned()),
                ("Cache-Control".to_owned(), "no-store".to_owned()),
                (
                    "Set-Cookie".to_owned(),
                    format!("sid={cookie}; Secure; HttpOnly"),
                ),
                ("X-Trace".to_owned(), trace.to_owned()),
            ],
            body: Value::Null,
            is_hung_up: false,
        };
        let mut parts = arrival.path().trim_start_matches('/').split('/');
        let resource = parts.next().unwrap_or_default();
        match (arrival.method.as_str(), parts.next()) {
            ("POST", _) => self.create(resource, arrival, database, &mut made),
            (_, None) => self.list(resource, arrival, database, &mut made),
            (_, Some("stats")) => {
                let asked = [("{resource}", sql_text(resource))];
                made.body = self.ask(database, STATS, &asked).unwrap();
            }
            (_, Some(id)) => {
                let id: u32 = id.parse().unwrap();
                let asked = [("{resource}", sql_text(resource)), ("{id}", id.to_string())];
                match self.ask(database, ONE, &asked) {
                    Some(body) => made.body = body,
                    None => {
                        made.status = 404;
                        made.body = serde_json::json!({ "error": "not found" });
                    }
                }
            }
        }
        made
    }

    fn list(&self, resource: &str, arrival: &Arrival, database: &mut Session, made: &mut Made) {
        let page = arrival.target.rsplit('=').next().unwrap();
        let page: u64 = page.parse().unwrap();
        let place = RESOURCES.iter().position(|name| *name == resource);
        let is_ordered = place.is_some_and(|place| place.is_multiple_of(2));
        let order = if is_ordered { "order by id" } else { "" };
        let asked = [
            ("{resource}", sql_text(resource)),
            ("{page}", page.to_string()),
            ("{first}", ((page - 1) * PAGE).to_string()),
            ("{last}", (page * PAGE).to_string()),
            ("{order}", order.to_owned()),
        ];
        made.body = self.ask(database, LIST, &asked).unwrap();
        made.headers
            .push(("X-Total-Count".to_owned(), ROWS.to_string()));
    }

    fn create(&self, resource: &str, arrival: &Arrival, database: &mut Session, made: &mut Made) {
        let sent: Value = serde_json::from_slice(&arrival.body).unwrap();
        let asked = [
            ("{resource}", sql_text(resource)),
            ("{reference}", sql_text(sent["reference"].as_str().unwrap())),
            ("{qty}", sent["qty"].to_string()),
        ];
        made.status = 201;
        made.body = self.ask(database, CREATE, &asked).unwrap();
        let id = made.body["id"].to_string();
        let location = format!("/{resource}/{}", id.trim_matches('"'));
        made.headers.push(("Location".to_owned(), location));
    }

    /// The first row that a statement gives, as JSON; the statement as this build has it.
    fn ask(
        &self,
        database: &mut Session,
        statement: &'static str,
        asked: &[(&str, String)],
    ) -> Option<Value> {
        let mut statement = statement.to_owned();
        if let Some(Planted {
            change: Change::Statement(changes),
            ..
        }) = self.planted
            && changes.iter().all(|(old, _)| statement.contains(old))
        {
            for (old, new) in *changes {
                statement = statement.replacen(old, new, 1);
            }
        }
        for (name, value) in asked {
            statement = statement.replace(name, value);
        }
        let rows = database.rows(&statement);
        rows.first().map(|row| serde_json::from_str(row).unwrap())
    }
}

/// How many of the service's statements have all that a change takes away.
pub(super) fn statements_with(changes: &[(&str, &str)]) -> usize {
    let has_all = |statement: &&str| changes.iter().all(|(old, _)| statement.contains(old));
    [ONE, LIST, STATS, CREATE]
        .iter()
        .filter(|statement| has_all(statement))
        .count()
}
