use std::sync::Arc;

use bytes::Bytes;
use schema::{Certainty, Charset, Completeness, ConnectionId, Protocol, TcpSpan};

use super::*;

fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn headers(fields: &[(&str, &str)]) -> Headers {
    fields.iter().copied().collect()
}

/// An exchange with everything that one can have.
fn full() -> Exchange {
    Exchange {
        connection: Arc::new(ConnectionInfo {
            id: ConnectionId(0xfedc_ba98_7654_3210),
            source: Some("10.0.3.7".into()),
            vni: Some(Vni::new(0x00ff_ffff)),
            client: "192.0.2.1:40000".parse().unwrap(),
            server: "[2001:db8::1]:80".parse().unwrap(),
        }),
        index: 300,
        stream_id: Some(0x7fff_ffff),
        protocol: Protocol::Http2,
        request: Some(Request {
            start: Timestamp::from_nanos(1_795_352_400_000_000_123),
            end: time(2),
            method: "POST".to_owned(),
            host: Some(String::new()),
            path: "/\u{e9}".to_owned(),
            query: Some("a=1".to_owned()),
            target: Some("*".to_owned()),
            headers: headers(&[("Host", "shop"), ("", ""), ("Host", "shop")]),
            body: Body {
                bytes: Bytes::from(vec![0xa5; 300]),
                wire_bytes: u64::MAX,
            },
            trailers: Some(Headers::default()),
        }),
        response: Some(Response {
            start: time(3),
            end: time(4),
            status: 599,
            headers: headers(&[("ETag", "\"x\"")]),
            body: Body::default(),
            body_encoding: Some("br".to_owned()),
            body_digest: Some(BodyDigest(7 << 100)),
            trailers: Some(headers(&[("Digest", "y")])),
        }),
        interim_statuses: vec![100, 103],
        request_missing_bytes: 128,
        response_missing_bytes: 16_384,
        completeness: Completeness::Upgraded,
        framing: Certainty::Assumed,
        pairing: Certainty::Assumed,
        charset: Charset::Latin1,
        replay: None,
        tcp: Some(TcpSpan {
            sequence: u32::MAX,
            sequence_end: 7,
            acknowledgement: 0,
        }),
    }
}

/// An exchange with nothing that one need not have.
fn bare() -> Exchange {
    let mut exchange = full();
    exchange.connection = Arc::new(ConnectionInfo {
        id: ConnectionId(1),
        source: None,
        vni: None,
        client: "192.0.2.1:40000".parse().unwrap(),
        server: "192.0.2.2:80".parse().unwrap(),
    });
    exchange.stream_id = None;
    exchange.tcp = None;
    exchange.request = None;
    exchange.interim_statuses.clear();
    let response = exchange.response.as_mut().unwrap();
    response.body_encoding = None;
    response.trailers = None;
    exchange
}

fn row() -> LedgerRow {
    let mut row = LedgerRow {
        minute: time(60_000_000),
        source: Some("gw.pcap".to_owned()),
        vni: Some(Vni::new(7)),
        ..LedgerRow::default()
    };
    for (value, counter) in (1_u64..).zip(row.counters_mut()) {
        *counter = value << 8;
    }
    row
}

fn encode() -> (Vec<u8>, Vec<Record>) {
    let mut bytes = Vec::new();
    let exchanges = [full(), full(), bare()];
    for exchange in &exchanges {
        write_exchange(&mut bytes, exchange);
    }
    write_ledger(&mut bytes, &row());
    write_policy(&mut bytes, &policy());
    let mut records: Vec<_> = exchanges
        .into_iter()
        .map(|exchange| Record::Exchange(Box::new(exchange)))
        .collect();
    records.push(Record::Ledger(Box::new(row())));
    records.push(Record::Policy(Box::new(policy())));
    (bytes, records)
}

fn policy() -> Policy {
    Policy {
        sampling: Some("keep path=/\u{e9}".to_owned()),
        redaction: None,
    }
}

fn decode(bytes: &[u8]) -> Option<(Vec<Record>, Vec<LedgerRow>)> {
    let bytes = Bytes::copy_from_slice(bytes);
    let (mut records, mut open) = (Vec::new(), Vec::new());
    read_all(&bytes, |record| records.push(record), |row| open.push(row)).ok()?;
    Some((records, open))
}

#[test]
fn records_come_back_as_they_were() {
    let (mut bytes, records) = encode();
    write_open(&mut bytes, &row());
    let (read, open) = decode(&bytes).unwrap();
    assert_eq!(read, records);
    assert_eq!(open, [row()]);
    let connection = |record: &Record| match record {
        Record::Exchange(exchange) => Arc::clone(&exchange.connection),
        Record::Ledger(_) | Record::Policy(_) => unreachable!("the first two are exchanges"),
    };
    assert!(Arc::ptr_eq(&connection(&read[0]), &connection(&read[1])));
}

/// A frame's checksum was right, so bytes that do not fit come from another version: an error, never a panic or a wild
/// allocation.
#[test]
fn bytes_that_do_not_fit_are_an_error() {
    let (bytes, _) = encode();
    for end in 1..bytes.len() {
        let read = decode(&bytes[..end]);
        assert!(read.is_none_or(|(records, _)| records.len() < 5), "{end}");
    }
    for at in 0..bytes.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut other = bytes.clone();
            other[at] = value;
            // What it gives does not matter, only that it ends.
            drop(decode(&other));
        }
    }
    assert!(decode(&[9]).is_none(), "an unknown tag");
}
