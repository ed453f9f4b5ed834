use std::collections::BTreeSet;

use schema::{Completeness, Timestamp};

use super::{MirrorConnection, MirrorStep, Mirrored, NotRequest};
use crate::{Limits, Options};

fn connection() -> MirrorConnection {
    let [peer, local] = ["10.0.0.2:40000", "10.0.0.3:8090"].map(|text| text.parse().unwrap());
    MirrorConnection::new(peer, local, Timestamp::from_micros(5))
}

fn feed(connection: &mut MirrorConnection, mut bytes: &[u8]) -> Vec<MirrorStep> {
    let (limits, options) = (Limits::default(), Options::default());
    let mut steps = Vec::new();
    while !bytes.is_empty() {
        let at = Timestamp::from_micros(9);
        steps.push(connection.handle_bytes(at, &mut bytes, &limits, &options));
    }
    steps
}

fn requests(steps: Vec<MirrorStep>) -> Vec<Mirrored> {
    let request = |step| match step {
        MirrorStep::Answer(mirrored) => *mirrored,
        other => panic!("{other:?}"),
    };
    steps.into_iter().map(request).collect()
}

/// Nothing is known of how requests came to the proxy: none waits for another one when they are replayed.
#[test]
fn each_request_is_a_connection_of_its_own() {
    let get = "GET /a HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n";
    let mirrored = requests(feed(&mut connection(), get.repeat(50).as_bytes()));
    let ids: BTreeSet<_> = mirrored
        .iter()
        .map(|mirrored| mirrored.exchange.as_ref().unwrap().id())
        .collect();
    assert_eq!(ids.len(), 50);
    let exchange = mirrored[0].exchange.as_ref().unwrap();
    assert_eq!(exchange.completeness, Completeness::NoResponse);
    assert_eq!(exchange.connection.client, "192.0.2.7:0".parse().unwrap());
    assert_eq!(exchange.connection.server, "10.0.0.2:0".parse().unwrap());
    assert_eq!(exchange.connection.source.as_deref(), Some("http-mirror"));
    assert_eq!(mirrored[0].counters.bytes_http, get.len() as u64);
}

#[test]
fn a_proxy_that_wants_to_close_is_understood() {
    for (head, keeps) in [
        ("GET / HTTP/1.1\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nConnection: a, Close\r\n\r\n", false),
        ("GET / HTTP/1.0\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
    ] {
        let mirrored = requests(feed(&mut connection(), head.as_bytes()));
        assert_eq!(mirrored[0].keeps_connection(), keeps, "{head:?}");
    }
}

#[test]
fn what_is_left_at_the_end_is_told_once() {
    let mut cut = connection();
    assert!(cut.is_between_requests());
    feed(&mut cut, b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab");
    assert_eq!((cut.is_in_head(), cut.held()), (false, 2));
    let left = cut.finish(Timestamp::from_micros(10)).unwrap();
    assert_eq!(left.exchange.unwrap().request_missing_bytes, 3);
    assert!(cut.finish(Timestamp::from_micros(11)).is_none());

    let mut junk = connection();
    let steps = feed(&mut junk, b"\x16\x03\x01\x00\x05hello");
    assert!(matches!(steps[..], [MirrorStep::Refuse(NotRequest::Tls)]));
    let left = junk.finish(Timestamp::from_micros(10)).unwrap();
    assert_eq!(
        (left.is_request(), left.counters.ledger.bytes_tls),
        (false, 10)
    );

    let mut idle = connection();
    assert!(idle.finish(Timestamp::from_micros(10)).is_none());
}
