//! Halves of exchanges that two recorders have: joined as the format's specification says, they are the whole.

use std::sync::Arc;

use benches::{Mix, Traffic};
use recorder_core::{Frame, Limits, LinkType};
use schema::{Completeness, Exchange};
use tests::{options, record_frames};

/// Records the frames whose inner source port is the server's, or those whose is not.
fn half(traffic: &Traffic, of_server: bool) -> Vec<Exchange> {
    let source: Arc<str> = if of_server { "b.pcap" } else { "a.pcap" }.into();
    // Source port: behind Ethernet and IPv4 without options.
    let frames: Vec<_> = traffic
        .frames()
        .filter(|frame| (frame.bytes[34..36] == 8_080_u16.to_be_bytes()) == of_server)
        .collect();
    let frames = frames.iter().map(|frame| Frame {
        at: frame.at,
        link: LinkType::Ethernet,
        bytes: &frame.bytes,
        wire_len: frame.bytes.len() as u32,
        source: &source,
    });
    record_frames(frames, Limits::default(), options()).exchanges
}

/// The rule of `schema/README.md`, section 3.
fn is_pair(asked: &Exchange, answer: &Exchange) -> bool {
    let ends = |exchange: &Exchange| (exchange.connection.client, exchange.connection.server);
    let (Some(q), Some(a)) = (asked.tcp, answer.tcp) else {
        return false;
    };
    ends(asked) == ends(answer)
        && asked.connection.vni == answer.connection.vni
        && answer.start().since(asked.start()).as_secs() < 300
        && a.acknowledgement == q.sequence_end
        && q.acknowledgement == a.sequence
}

#[test]
fn halves_recorded_apart_are_joined() {
    let traffic = Traffic {
        exchanges: 200,
        mix: Mix::Mixed,
        exchanges_per_connection: 4,
        vni: None,
        ..Traffic::default()
    };
    let (asked, answers) = (half(&traffic, false), half(&traffic, true));
    assert_eq!((asked.len(), answers.len()), (200, 200));
    for exchange in &asked {
        assert_eq!(exchange.completeness, Completeness::NoResponse);
        let found: Vec<_> = answers
            .iter()
            .filter(|answer| is_pair(exchange, answer))
            .collect();
        assert_eq!(found.len(), 1, "{exchange:?}");
        let answer = found[0];
        assert_eq!(answer.completeness, Completeness::NoRequest);
        let path = &exchange.request.as_ref().unwrap().path;
        let sent = traffic.find(path).unwrap();
        assert_eq!(
            exchange.request.as_ref().unwrap().body.bytes,
            sent.request_body
        );
        assert_eq!(
            answer.response.as_ref().unwrap().body.bytes,
            sent.response_body
        );
    }
}

/// Both halves seen: nothing to join.
#[test]
fn whole_exchanges_need_no_numbers() {
    let recording = tests::record(
        &tests::PacketScript::new()
            .connect()
            .client("GET / HTTP/1.1\r\n\r\n")
            .server("HTTP/1.1 204 No Content\r\n\r\n")
            .close(),
    );
    assert_eq!(recording.exchanges.len(), 1);
    assert_eq!(recording.exchanges[0].tcp, None);
}
