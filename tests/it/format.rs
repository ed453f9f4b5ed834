//! Files written by earlier versions are read for ever.
//!
//! `tests/golden/format/*-1.0.parquet` were written by the first version of the format and stay as they are. When a new
//! minor version adds columns, add files of that version beside them; `UPDATE_EXPECT=1` writes the files that are not there,
//! and never one that is.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use schema::{
    Body, BodyDigest, Certainty, Charset, Completeness, ConnectionId, ConnectionInfo, Divergence,
    DivergenceKind, Exchange, ExchangeId, ExchangeVerdict, Headers, InDoubt, Integrity, Keyring,
    LedgerRow, Outcome, Projection, Protocol, RecorderId, Replay, Request, Response,
    SegmentBuilder, SegmentDecoder, SegmentKey, SegmentOptions, Step, TimeWindow, Timestamp, Vni,
};

/// Where one file of the golden ones lies, as it would in an archive.
const SEGMENT_KEY: &str =
    "exchanges/date=2026-11-22/hour=13/1795352400000000-1795352400000800-golden-00000007.parquet";

#[test]
fn format_1_0_recording_is_read() {
    let file = golden("segment-1.0.parquet", || segment(recording(), false));
    assert_eq!(decode(&file, TimeWindow::ALL), recording());
}

#[test]
fn format_1_0_window_is_read() {
    let file = golden("segment-1.0.parquet", || segment(recording(), false));
    let window = TimeWindow {
        start: at(100),
        end: at(300),
    };
    assert_eq!(decode(&file, window), recording()[1..3]);
}

#[test]
fn format_1_0_run_is_read() {
    let file = golden("run-1.0.parquet", || segment(run(), true));
    assert_eq!(decode(&file, TimeWindow::ALL), run());
}

#[test]
fn format_1_5_run_is_read() {
    let mut rows = run();
    for (pass, row) in (0..).zip(&mut rows) {
        let replay = row.replay.as_mut().unwrap();
        replay.pass = pass;
        replay.in_doubt = InDoubt::ALL.get(pass as usize).copied();
    }
    let file = golden("run-1.5.parquet", || segment(rows.clone(), true));
    assert_eq!(decode(&file, TimeWindow::ALL), rows);
}

#[test]
fn format_1_0_ledger_is_read() {
    check_ledger("ledger-1.0.parquet", ledger());
}

#[test]
fn format_1_1_ledger_is_read() {
    check_ledger("ledger-1.1.parquet", ledger_1_1());
}

#[test]
fn format_1_2_ledger_is_read() {
    let mut rows = ledger_1_1();
    (rows[1].exchanges_shed, rows[1].interruptions) = (3, 1);
    check_ledger("ledger-1.2.parquet", rows);
}

#[test]
fn format_1_3_ledger_is_read() {
    let mut rows = ledger_1_1();
    (rows[1].exchanges_shed, rows[1].interruptions) = (3, 1);
    rows[1].bodies_masked = 16;
    check_ledger("ledger-1.3.parquet", rows);
}

/// Version 1.6 added the digest of a body that is not stored whole.
#[test]
fn format_1_6_recording_is_read() {
    let mut rows = recording();
    let response = rows.iter_mut().find_map(|row| row.response.as_mut());
    response.unwrap().body_digest = Some(BodyDigest::of(b"hello"));
    let file = golden("segment-1.6.parquet", || segment(rows.clone(), false));
    assert_eq!(decode(&file, TimeWindow::ALL), rows);
}

/// Version 1.4 added the checksum; what earlier ones wrote has none.
#[test]
fn format_1_4_recording_has_a_checksum() {
    let file = golden("segment-1.4.parquet", || segment(recording(), false));
    assert_eq!(decode(&file, TimeWindow::ALL), recording());
    assert_eq!(schema::verify(&file).unwrap(), Integrity::Intact);
    for name in [
        "segment-1.0.parquet",
        "run-1.0.parquet",
        "ledger-1.3.parquet",
    ] {
        let file = golden(name, || unreachable!("it is there"));
        assert_eq!(schema::verify(&file).unwrap(), Integrity::Unknown, "{name}");
    }
}

#[track_caller]
fn check_ledger(name: &str, rows: Vec<LedgerRow>) {
    let file = golden(name, || {
        let segment = schema::encode_ledger(&rows, &recorder(), 2, 3, &Keyring::default()).unwrap();
        segment.bytes
    });
    let expected: Vec<_> = rows.into_iter().map(|row| (recorder(), row)).collect();
    assert_eq!(
        schema::decode_ledger(file, &Keyring::default()).unwrap(),
        expected
    );
}

/// Version 1.1 added a counter.
fn ledger_1_1() -> Vec<LedgerRow> {
    let mut rows = ledger();
    rows[1].exchanges_filtered_out = 11;
    rows
}

#[test]
fn format_1_0_divergences_are_read() {
    let file = golden("divergences-1.0.parquet", || {
        schema::encode_divergences(&divergences(), 3, &Keyring::default()).unwrap()
    });
    assert_eq!(
        schema::decode_divergences(file, &Keyring::default()).unwrap(),
        divergences()
    );
}

#[test]
fn format_1_0_key_is_read() {
    let key: SegmentKey = SEGMENT_KEY.parse().unwrap();
    assert_eq!((key.start(), key.end()), (at(0), at(800)));
    assert_eq!((key.recorder(), key.sequence()), (&recorder(), 7));
}

#[test]
fn format_golden_rows_have_every_word() {
    fn every<T: Copy + PartialEq + std::fmt::Debug>(all: &[T], used: impl Fn(&Exchange) -> T) {
        let rows = recording();
        for word in all {
            assert!(rows.iter().any(|row| used(row) == *word), "{word:?}");
        }
    }
    every(Completeness::ALL, |row| row.completeness);
    every(Protocol::ALL, |row| row.protocol);
    every(Charset::ALL, |row| row.charset);
    every(Certainty::ALL, |row| row.framing);
    every(Certainty::ALL, |row| row.pairing);
}

/// The bytes of a golden file.
fn golden(name: &str, write: impl FnOnce() -> Bytes) -> Bytes {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("golden/format")
        .join(name);
    if !path.exists() && std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, write()).unwrap();
    }
    let bytes = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; UPDATE_EXPECT=1 writes it", path.display()));
    bytes.into()
}

fn decode(file: &Bytes, window: TimeWindow) -> Vec<Exchange> {
    let mut decoder = SegmentDecoder::new(
        file.len() as u64,
        &Keyring::default(),
        window,
        Projection::All,
    );
    let mut decoded = Vec::new();
    loop {
        match decoder.step().unwrap() {
            Step::NeedsData(ranges) => {
                let slice =
                    |range: &Range<u64>| file.slice(range.start as usize..range.end as usize);
                let data = ranges.iter().map(slice).collect();
                decoder.push(ranges, data).unwrap();
            }
            Step::Exchanges(exchanges) => decoded.extend(exchanges),
            Step::Finished => return decoded,
        }
    }
}

fn segment(exchanges: Vec<Exchange>, replayed: bool) -> Bytes {
    let mut builder = SegmentBuilder::new(SegmentOptions {
        recorder: recorder(),
        writer: "recorder 0.1.0".to_owned(),
        zstd_level: 3,
        spool: Some("spool-1".to_owned()),
        sampling: Some("0.1 by cookie:session".to_owned()),
        redaction: Some("none".to_owned()),
        replayed,
        keys: Keyring::default(),
    });
    for exchange in exchanges {
        builder.push(exchange).unwrap();
    }
    builder.seal(7).unwrap().unwrap().bytes
}

fn recorder() -> RecorderId {
    "golden".parse().unwrap()
}

/// A time `micros` after 2026-11-22T13:00:00Z.
fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(1_795_352_400_000_000 + micros)
}

/// One row of each completeness, 100 us apart, in order.
fn recording() -> Vec<Exchange> {
    let rows = (0_u32..).zip(Completeness::ALL);
    rows.map(|(index, &completeness)| row(index, completeness))
        .collect()
}

fn row(index: u32, completeness: Completeness) -> Exchange {
    let start = i64::from(index) * 100;
    let latin1 = completeness == Completeness::Aborted;
    let protocol = match index % 3 {
        0 => Protocol::Http11,
        1 => Protocol::Http10,
        _ => Protocol::Http2,
    };
    let certainty = |assumed| match assumed {
        true => Certainty::Assumed,
        false => Certainty::Exact,
    };
    let (is, missing) = (
        |word| completeness == word,
        |word| u64::from(completeness == word) * 1_460,
    );
    Exchange {
        connection: connection(index),
        index,
        stream_id: (protocol == Protocol::Http2).then_some(2 * index + 1),
        protocol,
        request: (!is(Completeness::NoRequest)).then(|| request(start, latin1)),
        response: (!is(Completeness::NoResponse))
            .then(|| response(start, if is(Completeness::Upgraded) { 101 } else { 200 })),
        interim_statuses: if index == 0 { vec![100, 103] } else { vec![] },
        request_missing_bytes: missing(Completeness::RequestGap),
        response_missing_bytes: missing(Completeness::ResponseGap),
        completeness,
        framing: certainty(is(Completeness::ResponseGap)),
        pairing: certainty(is(Completeness::RequestGap)),
        charset: if latin1 {
            Charset::Latin1
        } else {
            Charset::Utf8
        },
        tcp: None,
        replay: None,
    }
}

/// Two connections: one of a mirror over IPv4, one of a capture file over IPv6.
fn connection(index: u32) -> Arc<ConnectionInfo> {
    Arc::new(if index.is_multiple_of(2) {
        ConnectionInfo {
            id: ConnectionId(0x00c0_ffee_00c0_ffee),
            source: Some("10.0.3.7".into()),
            vni: Some(Vni::new(42)),
            client: "192.0.2.1:40000".parse().unwrap(),
            server: "198.51.100.2:80".parse().unwrap(),
        }
    } else {
        ConnectionInfo {
            id: ConnectionId(0xffff_ffff_ffff_ffff),
            source: None,
            vni: None,
            client: "[2001:db8::1]:40001".parse().unwrap(),
            server: "[2001:db8::2]:8080".parse().unwrap(),
        }
    })
}

fn request(start: i64, latin1: bool) -> Request {
    let mut headers = Headers::default();
    headers.push("Host", "shop.example");
    headers.push("Cookie", "a=1");
    headers.push("cookie", "b=2");
    headers.push("X-Empty", "");
    // In latin-1 the value is the bytes 4a fc, which are no UTF-8; in UTF-8 it is text beyond latin-1.
    headers.push(
        "X-Name",
        if latin1 {
            "J\u{fc}"
        } else {
            "\u{20ac} \u{1d11e}"
        },
    );
    let body = Bytes::from_static(b"\x00\xff\r\n{\"a\":1}");
    Request {
        start: at(start),
        end: at(start + 1),
        method: "POST".to_owned(),
        host: Some("shop.example".to_owned()),
        path: "/orders/1".to_owned(),
        query: Some("a=%20&b".to_owned()),
        target: latin1.then(|| "http://shop.example/orders/1?a=%20&b".to_owned()),
        headers,
        body: Body {
            wire_bytes: 1 << 40,
            bytes: body,
        },
        trailers: Some([("X-Sum", "1")].into_iter().collect()),
    }
}

fn response(start: i64, status: u16) -> Response {
    Response {
        start: at(start + 2),
        end: at(start + 3),
        status,
        headers: [("content-encoding", "br"), ("Set-Cookie", "a=1")]
            .into_iter()
            .collect(),
        body: Body {
            wire_bytes: 5,
            bytes: Bytes::from_static(b"\x0b\x02\x80hello\x03"),
        },
        body_encoding: Some("br".to_owned()),
        body_digest: None,
        trailers: Some(Headers::default()),
    }
}

/// The recording's rows as a target answered them: one of each outcome and verdict.
fn run() -> Vec<Exchange> {
    let endings = [
        (Outcome::Sent, ExchangeVerdict::Match, None),
        (Outcome::Failed, ExchangeVerdict::Differ, Some("timeout")),
        (
            Outcome::Skipped,
            ExchangeVerdict::Incomparable,
            Some("upgraded"),
        ),
    ];
    let rows = (0_u32..).zip(recording().into_iter().zip(endings));
    rows.map(|(index, (exchange, (outcome, verdict, reason)))| Exchange {
        replay: Some(Box::new(Replay {
            recorded_start: at(-604_800_000_000),
            due: at(i64::from(index)),
            lag_us: -1_i64 + i64::from(index),
            order_wait_us: 9,
            outcome,
            outcome_reason: reason.map(str::to_owned),
            verdict,
            verdict_reason: reason.map(str::to_owned),
            divergences: index,
            pass: 0,
            in_doubt: None,
        })),
        ..exchange
    })
    .collect()
}

/// A minute in which nothing came, and one with every counter another number.
fn ledger() -> Vec<LedgerRow> {
    let silent = LedgerRow {
        minute: at(0),
        ..LedgerRow::default()
    };
    let busy = LedgerRow {
        minute: at(60_000_000),
        source: Some("10.0.3.7".to_owned()),
        vni: Some(Vni::new(42)),
        frames: 1,
        bytes: 2,
        frames_dropped: 3,
        frames_truncated: 4,
        bytes_truncated: 5,
        frames_undecodable: 6,
        connections_opened: 7,
        connections_joined_midstream: 8,
        gaps: 9,
        gap_bytes: 10,
        exchanges: 11,
        exchanges_incomplete: 12,
        exchanges_sampled_out: 13,
        exchanges_filtered_out: 0,
        bodies_masked: 0,
        bytes_not_http: 14,
        bytes_tls: 1 << 40,
        exchanges_shed: 0,
        interruptions: 0,
    };
    vec![silent, busy]
}

fn divergences() -> Vec<Divergence> {
    // `order` came after version 1.0.
    let kinds = DivergenceKind::ALL[..4]
        .iter()
        .zip([true, false].iter().cycle());
    kinds
        .map(|(&kind, &present)| Divergence {
            exchange: ExchangeId {
                connection: ConnectionId(0x00c0_ffee_00c0_ffee),
                index: 12,
            },
            recorded_start: at(5),
            method: "GET".to_owned(),
            host: present.then(|| "shop.example".to_owned()),
            path: "/orders/1".to_owned(),
            endpoint: "GET shop.example /orders/*".to_owned(),
            part: "body".to_owned(),
            location: "$.items[0].price".to_owned(),
            kind,
            expected: present.then(|| "1.00".to_owned()),
            actual: (!present).then(|| "1".to_owned()),
        })
        .collect()
}
