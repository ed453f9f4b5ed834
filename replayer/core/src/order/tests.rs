use schema::{Exchange, Protocol, SampleBy};

use super::{Order, Places, Sessions};
use crate::scheduler::Place;
use crate::testing::{at, exchange, with_request};

/// An exchange on a connection of its own, with a cookie in the request and one set by the answer.
fn visit(connection: u64, sent: &str, set: &str) -> Exchange {
    let mut exchange = with_request(exchange(connection, 0, connection), |request| {
        if !sent.is_empty() {
            request
                .headers
                .push("Cookie", &format!("theme=dark; sid={sent}"));
        }
    });
    let response = exchange.response.as_mut().unwrap();
    if !set.is_empty() {
        response
            .headers
            .push("Set-Cookie", &format!("sid={set}; HttpOnly"));
    }
    exchange
}

fn by_cookie() -> SampleBy {
    SampleBy::Cookie("sid".to_owned())
}

#[test]
fn a_session_begins_with_its_login_and_outlives_its_cookie() {
    let mut sessions = Sessions::new(by_cookie());
    let login = sessions.of(&visit(1, "", "a"));
    assert_eq!(sessions.of(&visit(2, "a", "")), login);
    assert_eq!(sessions.of(&visit(3, "a", "b")), login, "it rotates");
    assert_eq!(sessions.of(&visit(4, "b", "c")), login);
    assert_eq!(sessions.of(&visit(5, "c", "")), login);
    assert_ne!(sessions.of(&visit(6, "d", "")), login);
    assert_ne!(
        sessions.of(&visit(7, "", "")),
        sessions.of(&visit(8, "", ""))
    );
}

#[test]
fn what_is_beyond_the_bound_is_forgotten_oldest_first() {
    let mut sessions = Sessions::with_limit(by_cookie(), 2);
    let first = sessions.of(&visit(1, "a", "b"));
    for (connection, sent, set) in [(2, "c", "d"), (3, "e", "f")] {
        sessions.of(&visit(connection, sent, set));
    }
    assert_ne!(sessions.of(&visit(4, "b", "")), first, "forgotten");
    assert_eq!(
        sessions.of(&visit(5, "f", "")),
        sessions.of(&visit(6, "e", ""))
    );
}

#[test]
fn sessions_by_address_and_header() {
    let mut by_address = Sessions::new(SampleBy::ClientIp);
    assert_eq!(
        by_address.of(&exchange(1, 0, 0)),
        by_address.of(&exchange(2, 0, 0))
    );
    let user = |name: &str| {
        with_request(exchange(1, 0, 0), |request| {
            request.headers.push("X-User", name)
        })
    };
    let mut by_header = Sessions::new(SampleBy::Header("x-user".to_owned()));
    assert_eq!(by_header.of(&user("anna")), by_header.of(&user("anna")));
    assert_ne!(by_header.of(&user("anna")), by_header.of(&user("bert")));
}

#[test]
fn places() {
    let first = exchange(7, 0, 5);
    let mut multiplexed = exchange(7, 0, 5);
    multiplexed.protocol = Protocol::Http2;
    let place = |order: Order, exchange: &Exchange, pass| Places::new(order).of(exchange, pass);
    let connection = place(Order::Connection, &first, 0);
    assert_eq!(connection, Place::InTurn { group: 7 });
    assert_ne!(
        place(Order::Connection, &first, 1),
        connection,
        "another pass"
    );
    assert_eq!(place(Order::None, &first, 0), Place::Free);
    let seen = Place::AfterSeen {
        group: 7,
        other: None,
        start: at(5),
        end: Some(at(6)),
    };
    assert_eq!(place(Order::Connection, &multiplexed, 0), seen);
    let session = place(Order::Session(SampleBy::ClientIp), &first, 0);
    assert!(matches!(session, Place::AfterSeen { end: Some(_), .. }));

    let mut places = Places::new(Order::Session(by_cookie()));
    let mut follows = |exchange: &Exchange, pass| match places.of(exchange, pass) {
        Place::AfterSeen { group, other, .. } => (group, other),
        place => panic!("{place:?}"),
    };
    let form = follows(&visit(1, "", ""), 0);
    assert_eq!(form.1, None, "what is of no session follows its own kind");
    let login = follows(&visit(1, "", "a"), 0);
    assert_eq!(login.1, Some(form.0), "the page with the form");
    assert_eq!(follows(&visit(1, "a", ""), 0), login);
    let elsewhere = follows(&visit(2, "a", ""), 0);
    assert_eq!(elsewhere.0, login.0);
    assert_ne!(elsewhere.1, Some(form.0), "another connection");
    assert_ne!(
        follows(&visit(1, "a", ""), 1).1,
        Some(form.0),
        "another pass"
    );
}
