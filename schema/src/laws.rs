//! Laws that hold for any exchange, any order of pushing and any window.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use crate::builder::Bounds;
use crate::testing::{HOUR, at, options, read};
use crate::{
    Body, BodyDigest, Certainty, Charset, Completeness, ConnectionId, ConnectionInfo, Exchange,
    ExchangeVerdict, Headers, InDoubt, Outcome, Projection, Protocol, Pushed, RecorderId, Replay,
    Request, Response, SegmentBuilder, SegmentKey, SegmentOptions, TimeWindow, Timestamp, Vni,
};

/// Batches of few rows, so that few exchanges make many batches and row groups.
const BOUNDS: Bounds = Bounds {
    batch_rows: 4,
    batch_bytes: 20_000,
    row_group_bytes: 4_000,
    row_group_raw_bytes: 40_000,
};

/// Times of the hour; many of them are equal.
fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![0_u64..20, 0_u64..3_600_000_000].prop_map(at)
}

fn headers() -> impl Strategy<Value = Headers> {
    vec((".{0,8}", ".{0,12}"), 0..4).prop_map(|fields| {
        let fields = fields.iter();
        fields
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    })
}

fn body() -> impl Strategy<Value = Body> {
    (vec(any::<u8>(), 0..40), 0..=i64::MAX as u64).prop_map(|(bytes, wire_bytes)| Body {
        bytes: Bytes::from(bytes),
        wire_bytes,
    })
}

fn address() -> impl Strategy<Value = SocketAddr> {
    (any::<IpAddr>(), any::<u16>()).prop_map(SocketAddr::from)
}

fn connection() -> impl Strategy<Value = Arc<ConnectionInfo>> {
    // Few ids, so that different connections share one.
    let id = prop_oneof![Just(7), any::<u64>()].prop_map(ConnectionId);
    let vni = of((0_u32..1 << 24).prop_map(Vni::new));
    (id, of("[a-c]{0,3}"), vni, address(), address()).prop_map(
        |(id, source, vni, client, server)| {
            Arc::new(ConnectionInfo {
                id,
                source: source.map(Arc::from),
                vni,
                client,
                server,
            })
        },
    )
}

fn request() -> impl Strategy<Value = Request> {
    let target = (of(".{0,9}"), of(".{0,9}"), of(".{0,9}"));
    (
        time(),
        time(),
        "[A-Z]{1,4}",
        ".{0,9}",
        target,
        headers(),
        body(),
        of(headers()),
    )
        .prop_map(
            |(start, end, method, path, (host, query, target), headers, body, trailers)| Request {
                start,
                end,
                method,
                host,
                path,
                query,
                target,
                headers,
                body,
                trailers,
            },
        )
}

fn response() -> impl Strategy<Value = Response> {
    (
        time(),
        time(),
        any::<u16>(),
        headers(),
        body(),
        of("gzip|br"),
        of(any::<u128>().prop_map(BodyDigest)),
        of(headers()),
    )
        .prop_map(
            |(start, end, status, headers, body, body_encoding, body_digest, trailers)| Response {
                start,
                end,
                status,
                headers,
                body,
                body_encoding,
                body_digest,
                trailers,
            },
        )
}

fn replay() -> impl Strategy<Value = Replay> {
    let times = (time(), time(), any::<i64>(), any::<i64>());
    let outcome = (select(Outcome::ALL), of(".{0,9}"));
    let verdict = (
        select(ExchangeVerdict::ALL),
        of(".{0,9}"),
        0..=i32::MAX as u32,
    );
    let doubt = (0..=i32::MAX as u32, of(select(InDoubt::ALL)));
    (times, outcome, verdict, doubt).prop_map(
        |(
            (recorded_start, due, lag_us, order_wait_us),
            (outcome, outcome_reason),
            (verdict, verdict_reason, divergences),
            (pass, in_doubt),
        )| Replay {
            recorded_start,
            due,
            lag_us,
            order_wait_us,
            outcome,
            outcome_reason,
            verdict,
            verdict_reason,
            divergences,
            pass,
            in_doubt,
        },
    )
}

/// Any exchange of a run or of a recording; `index` makes its id its own.
fn exchange() -> impl Strategy<Value = Exchange> {
    let messages = prop_oneof![
        (request(), of(response())).prop_map(|(request, response)| (Some(request), response)),
        response().prop_map(|response| (None, Some(response))),
    ];
    let words = (
        select(Protocol::ALL),
        select(Completeness::ALL),
        select(Certainty::ALL),
        select(Certainty::ALL),
        select(Charset::ALL),
    );
    let numbers = (
        of(0..=i32::MAX as u32),
        vec(100_u16..200, 0..3),
        0..=i64::MAX as u64,
        0..=i64::MAX as u64,
    );
    (connection(), messages, words, numbers).prop_map(
        |(connection, (request, response), words, numbers)| Exchange {
            connection,
            index: 0,
            stream_id: numbers.0,
            protocol: words.0,
            request,
            response,
            interim_statuses: numbers.1,
            request_missing_bytes: numbers.2,
            response_missing_bytes: numbers.3,
            completeness: words.1,
            framing: words.2,
            pairing: words.3,
            charset: words.4,
            tcp: None,
            replay: None,
        },
    )
}

fn exchanges() -> impl Strategy<Value = Vec<Exchange>> {
    let rows = vec((exchange(), replay()), 1..40);
    (rows, any::<bool>()).prop_map(|(rows, replayed)| {
        let rows = (0..).zip(rows);
        rows.map(|(index, (exchange, replay))| Exchange {
            index,
            replay: replayed.then(|| Box::new(replay)),
            ..exchange
        })
        .collect()
    })
}

fn window() -> impl Strategy<Value = TimeWindow> {
    let nanos = prop_oneof![0_u64..25_000, 0_u64..3_600_000_000_000];
    let time = nanos.prop_map(|nanos| Timestamp::from_nanos(HOUR * 1_000 + nanos));
    prop_oneof![
        Just(TimeWindow::ALL),
        [time.clone(), time].prop_map(|[start, end]| TimeWindow { start, end }),
    ]
}

/// Encodes into as many segments as late rows make necessary.
fn encode(exchanges: Vec<Exchange>) -> Vec<Bytes> {
    let options = SegmentOptions {
        replayed: exchanges[0].replay.is_some(),
        ..options()
    };
    let mut segments = Vec::new();
    let mut left = exchanges;
    while !left.is_empty() {
        let mut builder = SegmentBuilder::with_bounds(options.clone(), BOUNDS);
        let mut late = Vec::new();
        for exchange in left {
            if let Pushed::Late(exchange) = builder.push(exchange).unwrap() {
                late.push(*exchange);
            }
        }
        segments.extend(builder.seal(0).unwrap().map(|segment| segment.bytes));
        left = late;
    }
    segments
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_window_of_a_segment_is_what_was_pushed_in_order(
        exchanges in exchanges(),
        window in window(),
    ) {
        let place = |exchange: &Exchange| (exchange.start(), exchange.id());
        let mut expected: Vec<_> = exchanges
            .iter()
            .filter(|exchange| window.contains(exchange.start()))
            .cloned()
            .collect();
        expected.sort_by_key(place);

        let mut decoded = Vec::new();
        for file in encode(exchanges) {
            let segment = read(&file, window, Projection::All).unwrap().exchanges();
            prop_assert!(segment.is_sorted_by_key(place), "a segment is in order");
            decoded.extend(segment);
        }
        decoded.sort_by_key(place);
        prop_assert_eq!(decoded, expected);
    }

    #[test]
    fn a_key_is_read_as_it_is_written_and_sorts_by_time(
        a in key(),
        b in key(),
    ) {
        prop_assert_eq!(a.to_string().parse(), Ok(a.clone()));
        let path = format!("bucket/exchanges/{a}");
        prop_assert_eq!(path.parse(), Ok(a.clone()));
        if a.start() != b.start() {
            prop_assert_eq!(a.to_string().cmp(&b.to_string()), a.start().cmp(&b.start()));
        }
    }
}

fn key() -> impl Strategy<Value = SegmentKey> {
    let micros = 0_i64..9_999_999_999_000_000;
    (
        micros,
        0_i64..3_600_000_000,
        "[A-Za-z0-9._-]{1,64}",
        0_u64..1 << 40,
    )
        .prop_map(|(start, length, recorder, sequence)| {
            let start = Timestamp::from_micros(start);
            let last = start.hour().as_micros() + 3_599_999_999;
            let end = Timestamp::from_micros((start.as_micros() + length).min(last));
            SegmentKey::new(
                start,
                end,
                recorder.parse::<RecorderId>().unwrap(),
                sequence,
            )
        })
}
