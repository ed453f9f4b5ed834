use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Impairment, Mix, Month, Traffic, write_pcap};

#[test]
fn the_same_seed_gives_the_same_frames_in_the_order_of_their_arrival() {
    let traffic = Traffic {
        exchanges: 200,
        mix: Mix::Mixed,
        exchanges_per_connection: 3,
        impairment: Impairment {
            loss: 0.01,
            duplicate: 0.02,
            reorder: 0.05,
            delay_max: Duration::from_millis(2),
        },
        ..Traffic::default()
    };
    let mut frames = traffic.frames();
    let first: Vec<_> = frames.by_ref().collect();
    let counts = frames.counts();
    assert!(first.is_sorted_by_key(|frame| frame.at));
    assert!(
        counts.lost > 0 && counts.duplicated > 0 && counts.reordered > 0,
        "{counts:?}"
    );
    assert_eq!(
        first.len() as u64,
        counts.sent - counts.lost + counts.duplicated
    );
    assert_eq!(first, traffic.frames().collect::<Vec<_>>());
    let other = Traffic { seed: 2, ..traffic };
    assert_ne!(first, other.frames().collect::<Vec<_>>());
}

#[test]
fn messages_have_the_stated_sizes() {
    for (mix, request, body, answer) in [
        (Mix::Gets, 500, 0, 1_024),
        (Mix::Posts, 500 + 4_096, 4_096, 1_024),
        (Mix::LargeAnswers, 500, 0, 102_400),
    ] {
        let exchange = Traffic {
            mix,
            ..Traffic::default()
        }
        .exchange(123);
        assert_eq!(exchange.request().len(), request, "{mix:?}");
        assert_eq!(exchange.request_body.len(), body, "{mix:?}");
        assert_eq!(exchange.response_body.len(), answer, "{mix:?}");
    }
}

#[test]
fn a_path_finds_its_exchange() {
    let traffic = Traffic {
        mix: Mix::Mixed,
        ..Traffic::default()
    };
    for exchange in traffic.truth().take(40) {
        assert_eq!(traffic.find(&exchange.path), Some(exchange));
    }
    assert_eq!(traffic.find("/api/v1/orders/1000000"), None);
    assert_eq!(traffic.find("/healthz"), None);
}

#[test]
fn one_answer_for_all_is_one_body() {
    let traffic = Traffic {
        answers: 1,
        ..Traffic::default()
    };
    assert_eq!(
        traffic.exchange(3).response_body,
        traffic.exchange(900).response_body
    );
    assert_ne!(
        traffic.exchange(3).request_head,
        traffic.exchange(900).request_head
    );
}

/// Reading the data of bare frames in order gives every byte that was sent, whoever reads them.
#[test]
fn frames_carry_what_was_said() {
    let traffic = Traffic {
        exchanges: 60,
        mix: Mix::Mixed,
        connections: 12,
        exchanges_per_connection: 2,
        vni: None,
        ..Traffic::default()
    };
    let mut streams: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for frame in traffic.frames() {
        let header = usize::from(frame.bytes[14 + 20 + 12] >> 4) * 4;
        let ends = frame.bytes[14 + 12..14 + 24].to_vec();
        streams
            .entry(ends)
            .or_default()
            .extend(&frame.bytes[14 + 20 + header..]);
    }
    let mut expected: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let server: std::net::SocketAddr = Traffic::SERVER.parse().unwrap();
    let key = |from: std::net::SocketAddr, to: std::net::SocketAddr| {
        let (std::net::IpAddr::V4(a), std::net::IpAddr::V4(b)) = (from.ip(), to.ip()) else {
            unreachable!("the traffic is IPv4")
        };
        [
            &a.octets()[..],
            &b.octets(),
            &from.port().to_be_bytes(),
            &to.port().to_be_bytes(),
        ]
        .concat()
    };
    for sent in traffic.truth() {
        let client = traffic.client(sent.number);
        expected
            .entry(key(client, server))
            .or_default()
            .extend(sent.request());
        expected
            .entry(key(server, client))
            .or_default()
            .extend(sent.response());
    }
    assert_eq!(streams.len(), expected.len());
    assert!(streams == expected);
}

#[test]
fn a_capture_file_has_every_frame() {
    let traffic = Traffic {
        exchanges: 20,
        ..Traffic::default()
    };
    let mut file = Vec::new();
    let written = write_pcap(traffic.frames(), &mut file).unwrap();
    assert_eq!(written.bytes, file.len() as u64);
    assert_eq!(written.frames, traffic.frames().count() as u64);
}

/// What a recorder may count on: the same things come again, and nothing is longer than it says.
#[test]
fn api_traffic_repeats_itself() {
    let traffic = Traffic {
        exchanges: 2_000,
        mix: Mix::Api,
        ..Traffic::default()
    };
    let bodies: Vec<_> = traffic.truth().map(|sent| sent.response_body).collect();
    let distinct: std::collections::BTreeSet<_> = bodies.iter().collect();
    let bytes = bodies.iter().map(String::len).sum::<usize>() / bodies.len();
    assert!((600..900).contains(&bytes), "{bytes} B a body");
    let share = distinct.len() * 100 / bodies.len();
    assert!((40..75).contains(&share), "{share} % are distinct");
    for sent in traffic.truth().take(200) {
        let length = format!("Content-Length: {}\r\n", sent.response_body.len());
        assert!(sent.response_head.contains(&length));
        let json: Result<serde_json::Value, _> = serde_json::from_str(&sent.response_body);
        assert!(json.is_ok(), "{}", sent.response_body);
    }
}

#[test]
fn a_month_has_its_segments_in_their_hours_and_its_exchanges_in_the_ledger() {
    let start = Traffic::default().start;
    let month = Month {
        recorder: "gw-1".parse().unwrap(),
        start,
        hours: 3,
        segments_an_hour: 7,
        exchanges_a_segment: 2,
        mix: Mix::Api,
        answers: u64::MAX,
    };
    let segments: Vec<_> = month.segments().collect();
    assert_eq!(segments.len(), 21);
    let mut starts = Vec::new();
    for (number, (path, file)) in (0..).zip(&segments) {
        let key: schema::SegmentKey = path.parse().unwrap();
        assert_eq!(
            key.start().hour(),
            start.saturating_add(Duration::from_secs(3_600) * (number / 7))
        );
        let (keys, all) = (schema::Keyring::default(), schema::TimeWindow::ALL);
        let each = |exchange: schema::Exchange| starts.push(exchange.start());
        schema::decode_segment(file, &keys, all, schema::Projection::Summary, each).unwrap();
    }
    assert_eq!(starts.len(), 42);
    assert!(starts.is_sorted());
    let rows = month.ledger().map(|(_, file)| {
        let rows = schema::decode_ledger(file, &schema::Keyring::default()).unwrap();
        assert_eq!(rows.len(), 1);
        rows[0].1.exchanges
    });
    let rows: Vec<_> = rows.collect();
    assert_eq!((rows.len(), rows.iter().sum::<u64>()), (180, 42));
}
