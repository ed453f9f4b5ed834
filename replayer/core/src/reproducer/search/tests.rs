use bytes::Bytes;
use schema::Headers;

use super::*;
use crate::testing::{at, exchange};

const SID: &str = "9f86d081884c7d659a2feaa0c55ad015";
const OTHER_SID: &str = "2c26b46b68ffc68ff99b453c1d304134";
const CSRF: &str = "b5bb9d8014a0f9b1d61e21e796d78dcc";
const KEY: &str = "fcde2b2edba56bf408601fb721fe9b5c";

/// A request of this connection at so many milliseconds, its fields and what answers it.
#[derive(Clone, Copy)]
struct Sent<'a>(
    u64,
    u64,
    &'a str,
    &'a [(&'a str, &'a str)],
    &'a [(&'a str, &'a str)],
    &'a str,
);

impl Sent<'_> {
    fn exchange(&self) -> Exchange {
        let Self(connection, millis, line, fields, answer, body) = *self;
        let mut exchange = exchange(connection, 0, millis);
        let request = exchange.request.as_mut().unwrap();
        let (method, path) = line.split_once(' ').unwrap();
        (request.method, request.path) = (method.to_owned(), path.to_owned());
        request.headers = fields.iter().copied().collect::<Headers>();
        let response = exchange.response.as_mut().unwrap();
        response.headers = answer.iter().copied().collect::<Headers>();
        response.body.bytes = Bytes::from(body.to_owned());
        exchange
    }

    fn link(&self) -> Link {
        Link {
            recorded: self.exchange(),
            baseline: None,
            candidate: Some(self.exchange()),
        }
    }
}

/// The connections of the completed chain of the last request, and what it lacks.
fn completed(run: &[Sent<'_>], limits: ReproducerLimits) -> (Vec<u64>, Vec<String>) {
    let exchanges: Vec<Exchange> = run.iter().map(Sent::exchange).collect();
    let chain = vec![run.last().unwrap().link()];
    let mut search = Search::new(limits, at(0), About::default());
    search.add(&chain);
    // More rounds than there are stretches and exchanges together.
    for _ in 0..200 {
        match search.poll() {
            SearchStep::Read(window) => {
                let within = |exchange: &&Exchange| window.contains(exchange.start());
                let mut read = exchanges.iter().filter(within);
                while read
                    .next()
                    .is_some_and(|exchange| search.handle_exchange(exchange))
                {}
                search.handle_end();
            }
            SearchStep::LookUp(wanted) => {
                assert!(!wanted.is_empty());
                search.handle_recorded(|id| exchanges.iter().find(|of| of.id() == id).cloned());
            }
            SearchStep::Finished => {
                let completed = search.complete(0, chain);
                let ids = completed.links.iter();
                let ids = ids.map(|link| link.recorded.connection.id.0).collect();
                return (ids, completed.lacks);
            }
        }
    }
    panic!("the search does not end");
}

fn connections(run: &[Sent<'_>]) -> Vec<u64> {
    let (connections, lacks) = completed(run, ReproducerLimits::default());
    assert_eq!(lacks, [""; 0]);
    connections
}

fn cookie(sid: &str) -> String {
    format!("sid={sid}")
}

#[test]
fn what_gave_a_value_is_found_wherever_it_was_and_what_that_lacks_too() {
    let (mine, theirs) = (cookie(SID), cookie(OTHER_SID));
    let set = |sid: &str| format!("sid={sid}; Path=/");
    let (set_mine, set_theirs) = (set(SID), set(OTHER_SID));
    let page = format!("<form><input name=\"csrf\" value=\"{CSRF}\"></form>");
    let told = connections(&[
        Sent(
            1,
            1_000,
            "GET /login",
            &[],
            &[("Content-Type", "text/html")],
            &page,
        ),
        Sent(
            2,
            2_000,
            "POST /login",
            &[("X-CSRF-Token", CSRF)],
            &[("Set-Cookie", &set_mine)],
            "",
        ),
        Sent(
            3,
            3_000,
            "POST /login",
            &[],
            &[("Set-Cookie", &set_theirs)],
            "",
        ),
        Sent(4, 90_000, "GET /news", &[("Cookie", &mine)], &[], ""),
        Sent(5, 95_000, "POST /cart", &[("Cookie", &mine)], &[], ""),
        Sent(6, 96_000, "POST /cart", &[("Cookie", &theirs)], &[], ""),
        Sent(7, 9_000_000, "GET /cart", &[("Cookie", &mine)], &[], ""),
    ]);
    assert_eq!(told, [1, 2, 5, 7]);
}

#[test]
fn an_id_is_made_by_who_writes_at_the_path_before_it() {
    let made = "{\"order\":{\"id\":31,\"pieces\":2}}";
    let told = connections(&[
        Sent(
            1,
            1_000,
            "POST /orders",
            &[],
            &[("Location", "/orders/31")],
            "",
        ),
        Sent(2, 2_000, "POST /orders", &[], &[], made),
        Sent(
            3,
            3_000,
            "POST /orders",
            &[],
            &[],
            "{\"id\":32,\"pieces\":31}",
        ),
        Sent(4, 4_000, "POST /carts", &[], &[], made),
        Sent(5, 5_000, "GET /orders", &[], &[], "[{\"id\":31}]"),
        Sent(6, 9_000, "GET /orders/31/items", &[], &[], ""),
    ]);
    assert_eq!(told, [2, 6]);
}

#[test]
fn what_a_client_has_from_nowhere_says_nothing_of_other_connections() {
    let echo = format!("{{\"token\":\"{KEY}\"}}");
    let key: &[(&str, &str)] = &[("Authorization", KEY)];
    let told = connections(&[
        Sent(1, 1_000, "POST /echo", key, &[], &echo),
        Sent(2, 2_000, "PUT /stock", key, &[], ""),
        Sent(3, 9_000, "GET /stock", key, &[], ""),
    ]);
    assert_eq!(told, [3]);
    // The id of a trace is not even looked for.
    let trace: &[(&str, &str)] = &[("X-Trace", KEY)];
    let told = connections(&[
        Sent(1, 1_000, "GET /echo", &[], &[], &echo),
        Sent(2, 9_000, "GET /stock", trace, &[], ""),
    ]);
    assert_eq!(told, [2]);
}

#[test]
fn every_bound_cuts_and_says_so() {
    let mine = cookie(SID);
    let set = format!("sid={SID}; Path=/");
    let mine: &[(&str, &str)] = &[("Cookie", &mine)];
    let with_key: &[(&str, &str)] = &[mine[0], ("Authorization", KEY)];
    let run = [
        Sent(1, 1_000, "POST /login", &[], &[("Set-Cookie", &set)], ""),
        Sent(2, 2_000, "POST /cart", mine, &[], ""),
        Sent(3, 3_000, "POST /cart", mine, &[], ""),
        Sent(4, 4_000, "POST /cart", mine, &[], ""),
        Sent(5, 5_000, "GET /cart", with_key, &[], ""),
    ];
    let all = ReproducerLimits::default();
    let told = |limits: ReproducerLimits| completed(&run, limits);
    assert_eq!(told(all), (vec![1, 2, 3, 4, 5], vec![]));
    let cut = [
        (
            ReproducerLimits {
                looked_back_exchanges_max: 2,
                ..all
            },
            vec![5],
            "in 2 exchanges of that run",
        ),
        (
            ReproducerLimits {
                writes_max: 2,
                ..all
            },
            vec![1, 3, 4, 5],
            "At least 1 more requests",
        ),
        (
            ReproducerLimits {
                others_max: 2,
                ..all
            },
            vec![1, 4, 5],
            "At least 2 more requests",
        ),
        (
            ReproducerLimits {
                found_bytes_max: 0,
                ..all
            },
            vec![5],
            "4 requests of other connections could not",
        ),
        (
            ReproducerLimits {
                lacks_max: 1,
                ..all
            },
            vec![1, 2, 3, 4, 5],
            "1 values that requests say",
        ),
    ];
    for (limits, connections, said) in cut {
        let (kept, lacks) = told(limits);
        assert_eq!(kept, connections, "{limits:?}");
        assert!(
            lacks.iter().any(|lack| lack.contains(said)),
            "{lacks:?} {limits:?}"
        );
    }
}
