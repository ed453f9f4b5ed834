//! Laws that hold for any traffic: nothing is lost in silence, nothing is invented, and what the mirror does within bounds
//! changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use benches::{Impairment, Mix, SentExchange, TimedFrame, Traffic};
use proptest::prelude::*;
use recorder_core::{Frame, Limits, LinkType};
use schema::{Certainty, Completeness, Exchange};
use tests::{PacketScript, Recording, check_conservation, options, record};

/// Frames through a pipeline, with the sums checked that must hold whatever came in.
fn record_frames<'a>(
    link: LinkType,
    frames: impl Iterator<Item = (schema::Timestamp, &'a [u8])>,
) -> Recording {
    let source: Arc<str> = "gateway.pcap".into();
    let mut count = 0;
    let frames = frames.inspect(|_| count += 1).map(|(at, bytes)| Frame {
        at,
        link,
        bytes,
        wire_len: bytes.len() as u32,
        source: &source,
    });
    let recording = tests::record_frames(frames, Limits::default(), options());
    check_conservation(count, &recording);
    recording
}

fn record_traffic(traffic: &Traffic) -> Recording {
    let frames: Vec<TimedFrame> = traffic.frames().collect();
    record_frames(
        LinkType::Ethernet,
        frames
            .iter()
            .map(|frame| (frame.at, frame.bytes.as_slice())),
    )
}

/// Whether an archived exchange is byte for byte what was sent.
fn same(exchange: &Exchange, sent: &SentExchange) -> bool {
    let (Some(request), Some(response)) = (&exchange.request, &exchange.response) else {
        return false;
    };
    let head = |start: String, headers: &schema::Headers| {
        let fields: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        format!("{start}\r\n{fields}\r\n")
    };
    let query = request
        .query
        .as_ref()
        .map_or_else(String::new, |query| format!("?{query}"));
    let request_line = format!("{} {}{query} HTTP/1.1", request.method, request.path);
    head(request_line, &request.headers) == sent.request_head
        && request.body.bytes == sent.request_body
        && head(
            format!("HTTP/1.1 {} OK", response.status),
            &response.headers,
        ) == sent.response_head
        && response.body.bytes == sent.response_body
}

/// The law: what is marked complete and exact is what was sent. Gives how many are so marked.
fn check_truth(traffic: &Traffic, exchanges: &[Exchange]) -> u64 {
    let mut whole = BTreeMap::new();
    for exchange in exchanges {
        let certain = exchange.framing == Certainty::Exact && exchange.pairing == Certainty::Exact;
        if exchange.completeness != Completeness::Complete || !certain {
            continue;
        }
        let path = &exchange.request.as_ref().unwrap().path;
        let sent = traffic
            .find(path)
            .unwrap_or_else(|| panic!("{path} was never sent"));
        assert!(
            same(exchange, &sent),
            "{path} is not what was sent: {exchange:?}"
        );
        *whole.entry(sent.number).or_insert(0) += 1;
    }
    assert!(
        whole.values().all(|&times| times == 1),
        "an exchange was recorded twice"
    );
    whole.len() as u64
}

fn impaired(seed: u64, loss: f64, duplicate: f64, reorder: f64) -> Traffic {
    Traffic {
        seed,
        exchanges: 150,
        mix: Mix::Mixed,
        exchanges_per_connection: 4,
        impairment: Impairment {
            loss,
            duplicate,
            reorder,
            delay_max: Duration::from_micros(400),
        },
        ..Traffic::default()
    }
}

#[test]
fn generated_traffic_is_recorded_whole() {
    for vni in [None, Some(schema::Vni::new(9))] {
        let traffic = Traffic {
            exchanges: 400,
            vni,
            ..impaired(3, 0.0, 0.0, 0.0)
        };
        let recording = record_traffic(&traffic);
        assert_eq!(recording.exchanges.len(), 400);
        assert_eq!(check_truth(&traffic, &recording.exchanges), 400);
        assert_eq!(recording.totals.ledger.gaps, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// A mirror that reorders and repeats within bounds changes nothing.
    #[test]
    fn reordering_and_repeating_change_nothing(seed: u64, duplicate in 0.0..0.2, reorder in 0.0..0.3) {
        let traffic = impaired(seed, 0.0, duplicate, reorder);
        let recording = record_traffic(&traffic);
        prop_assert_eq!(recording.exchanges.len(), 150);
        prop_assert_eq!(check_truth(&traffic, &recording.exchanges), 150);
        prop_assert_eq!(recording.totals.ledger.gaps, 0);
    }

    /// Whatever a mirror loses, what is marked complete is what was sent, and most of what was not hit is there.
    #[test]
    fn loss_is_never_passed_off_as_whole(seed: u64, loss in 0.0..0.05, reorder in 0.0..0.1) {
        let traffic = impaired(seed, loss, 0.02, reorder);
        let mut frames = traffic.frames();
        frames.by_ref().for_each(drop);
        let lost = frames.counts().lost;
        let recording = record_traffic(&traffic);
        let whole = check_truth(&traffic, &recording.exchanges);
        // One lost frame damages the exchange that it carries, and at most the one beside it.
        prop_assert!(whole + 2 * lost >= 150, "{} whole, {} frames lost", whole, lost);
    }

    /// Where packets are cut makes no difference.
    #[test]
    fn the_borders_of_packets_change_nothing(client in 1_usize..200, server in 1_usize..200) {
        let traffic = Traffic { mix: Mix::Posts, ..Traffic::default() };
        let sent: Vec<_> = (0..3).map(|number| traffic.exchange(number)).collect();
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n";
        let script = |client: usize, server: usize| {
            let start = PacketScript::new().connect();
            let script = sent.iter().fold(start, |script, sent| {
                script.client_in(client, sent.request()).server_in(server, sent.response())
            });
            script.client_in(client, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n").server_in(server, chunked).close()
        };
        let timeless = |script: &PacketScript| {
            let mut exchanges = record(script).exchanges;
            for exchange in &mut exchanges {
                let (request, response) = (exchange.request.as_mut().unwrap(), exchange.response.as_mut().unwrap());
                for time in [&mut request.start, &mut request.end, &mut response.start, &mut response.end] {
                    *time = schema::Timestamp::MIN;
                }
            }
            exchanges
        };
        prop_assert_eq!(timeless(&script(client, server)), timeless(&script(1_448, 1_448)));
    }

    /// No bytes make the recorder fail, and each frame is counted somewhere.
    #[test]
    fn arbitrary_frames_are_accounted_for(frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..50), link in 0_usize..7) {
        let links = tests::fuzz::LINKS;
        let at = |index: usize| schema::Timestamp::from_micros(1_795_352_400_000_000 + index as i64 * 1_000_000);
        record_frames(links[link], frames.iter().enumerate().map(|(index, bytes)| (at(index), bytes.as_slice())));
    }

    /// Real frames with some bytes changed: closer to what parsers trip over than noise.
    #[test]
    fn damaged_frames_are_accounted_for(seed: u64, damage in proptest::collection::vec((0_usize..400, 0_usize..600, any::<u8>()), 0..40)) {
        let traffic = Traffic { exchanges: 60, ..impaired(seed, 0.01, 0.02, 0.05) };
        let mut frames: Vec<TimedFrame> = traffic.frames().collect();
        let count = frames.len();
        for (frame, place, value) in damage {
            let bytes = &mut frames[frame % count].bytes;
            let place = place % bytes.len();
            bytes[place] = value;
        }
        record_frames(LinkType::Ethernet, frames.iter().map(|frame| (frame.at, frame.bytes.as_slice())));
    }

    /// Cut anywhere, in order: what is left is accounted for.
    #[test]
    fn captures_that_end_anywhere_are_accounted_for(seed: u64, keep in 0_usize..700) {
        let traffic = impaired(seed, 0.0, 0.0, 0.0);
        let frames: Vec<TimedFrame> = traffic.frames().take(keep).collect();
        let recording = record_frames(LinkType::Ethernet, frames.iter().map(|frame| (frame.at, frame.bytes.as_slice())));
        check_truth(&traffic, &recording.exchanges);
    }
}
