//! `recorder listen`: datagrams over loopback in, an archive out.

mod behind;
mod device;
mod live;
mod operate;
mod overload;
mod spool;

use std::io::Write as _;
use std::net::{TcpStream, UdpSocket};
use std::path::Path;

use benches::{Mix, Traffic, wire};
use recorder::Summary;
use schema::{Completeness, Exchange, Vni};
use tests::{
    Listening, PacketScript, await_answer, files_below, get, metric, mirror, read_archive,
    read_ledger,
};

const LOOPBACK: [&str; 4] = ["--vxlan", "127.0.0.1:0", "--metrics", "127.0.0.1:0"];

/// Bytes of Ethernet, IPv4 and UDP before the datagram's own, in the generator's frames.
const OUTER: usize = 14 + 20 + 8;

/// The datagrams of generated traffic.
fn datagrams(traffic: &Traffic) -> Vec<Vec<u8>> {
    let frames = traffic.frames();
    frames.map(|frame| frame.bytes[OUTER..].to_vec()).collect()
}

/// Sends all, no faster than the recorder takes them: loopback loses what no buffer holds.
fn send(socket: &UdpSocket, listening: &Listening, datagrams: &[Vec<u8>]) {
    let metrics = listening.bound().metrics.unwrap();
    let before = metric(&get(metrics).1, "recorder_frames_total");
    for (sent, batch) in (1..).zip(datagrams.chunks(2_000)) {
        for datagram in batch {
            socket.send(datagram).unwrap();
        }
        let due = before + (2_000 * (sent - 1) + batch.len()) as u64;
        await_answer(metrics, |_, text| {
            metric(text, "recorder_frames_total") >= due
        });
    }
}

/// What both ends said, without where and when: the traffic's own truth against what is in the archive.
fn assert_is_truth(traffic: &Traffic, exchanges: &[Exchange]) {
    assert_eq!(exchanges.len() as u64, traffic.exchanges);
    for exchange in exchanges {
        let request = exchange.request.as_ref().unwrap();
        let truth = traffic.find(&request.path).expect("the path was sent");
        let answer = exchange.response.as_ref().unwrap();
        assert_eq!(exchange.completeness, Completeness::Complete);
        assert!(truth.request().ends_with(&request.body.bytes));
        assert!(truth.response().ends_with(&answer.body.bytes));
    }
}

fn traffic(exchanges: u64) -> Traffic {
    Traffic {
        exchanges,
        mix: Mix::Mixed,
        ..Traffic::default()
    }
}

fn stop(listening: Listening) -> Summary {
    listening.stop().unwrap()
}

#[test]
fn mirrored_traffic_becomes_an_archive() {
    let place = tempfile::tempdir().unwrap();
    let listening = Listening::start(place.path(), &LOOPBACK);
    let socket = mirror("127.0.3.7", listening.bound().vxlan.unwrap());
    let traffic = traffic(1_000);
    let datagrams = datagrams(&traffic);
    send(&socket, &listening, &datagrams);
    let summary = stop(listening);
    assert_eq!(summary.exchange_count("complete"), 1_000);
    let exchanges = read_archive(place.path());
    assert_is_truth(&traffic, &exchanges);
    for exchange in &exchanges {
        let connection = &exchange.connection;
        assert_eq!(connection.source.as_deref(), Some("127.0.3.7"));
        assert_eq!(connection.vni, Some(Vni::new(42)));
    }
    let ledger = read_ledger(place.path());
    let frames: u64 = ledger.iter().map(|(_, row)| row.frames).sum();
    let dropped: u64 = ledger.iter().map(|(_, row)| row.frames_dropped).sum();
    assert_eq!((frames, dropped), (datagrams.len() as u64, 0));
}

/// Several shards give one archive: segments have one numbering, and the ledger one row for a minute and source.
#[test]
fn several_shards_are_one_recorder() {
    let place = tempfile::tempdir().unwrap();
    let mut flags = LOOPBACK.to_vec();
    flags.extend(["--shards", "3", "--segment-bytes", "64KiB"]);
    let listening = Listening::start(place.path(), &flags);
    let socket = mirror("127.0.0.1", listening.bound().vxlan.unwrap());
    let traffic = traffic(600);
    send(&socket, &listening, &datagrams(&traffic));
    let summary = stop(listening);
    assert_eq!(summary.exchanges_total(), 600);
    assert_is_truth(&traffic, &read_archive(place.path()));
    let mut sequences: Vec<u64> = keys(&place.path().join("exchanges"));
    sequences.sort_unstable();
    assert!(sequences.len() > 2, "the archive has several segments");
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1));
    let rows: Vec<_> = read_ledger(place.path())
        .into_iter()
        .map(|(_, row)| (row.minute, row.source, row.vni))
        .collect();
    let mut distinct = rows.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(rows.len(), distinct.len(), "{rows:?}");
}

fn keys(folder: &Path) -> Vec<u64> {
    let key = |path: &std::path::PathBuf| {
        let key: schema::SegmentKey = path.to_str().unwrap().parse().unwrap();
        key.sequence()
    };
    files_below(folder).iter().map(key).collect()
}

/// A connection whose packets are fragments has them in one place, whichever socket they came to: what is forwarded comes
/// after what is not, and is waited for.
#[test]
fn fragments_of_a_connection_meet() {
    const CONNECTIONS: usize = 40;
    let place = tempfile::tempdir().unwrap();
    let mut flags = LOOPBACK.to_vec();
    flags.extend(["--shards", "4"]);
    let listening = Listening::start(place.path(), &flags);
    let socket = mirror("127.0.0.1", listening.bound().vxlan.unwrap());
    let mut script = PacketScript::new();
    for number in 0..CONNECTIONS {
        let client = format!("10.0.0.1:{}", 41_000 + number);
        script = script.between(&client, "10.0.0.2:80").connect();
    }
    let head = "POST /f HTTP/1.1\r\nHost: a\r\nContent-Length: 1200\r\n\r\n";
    let request = [head.as_bytes(), &[b'x'; 1_200]].concat();
    let answer = [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n"[..],
        &[b'y'; 600],
    ]
    .concat();
    for number in 1..=CONNECTIONS {
        script = script.on(number).client(&request).fragment(256);
        script = script.on(number).server(&answer).fragment(256);
        script = script.on(number).close();
    }
    let frames = script.frames().iter();
    let datagrams = frames.map(|frame| wire::vxlan_payload(&frame.bytes, Vni::new(7)));
    send(&socket, &listening, &datagrams.collect::<Vec<_>>());
    let summary = stop(listening);
    assert_eq!(
        summary.exchange_count("complete"),
        CONNECTIONS as u64,
        "{}",
        summary.text()
    );
    assert_eq!(
        (summary.gaps.count, summary.frames.ip_fragment > 200),
        (0, true)
    );
}

/// GENEVE as a gateway load balancer sends it: bare IP inside.
#[test]
fn geneve_is_received_too() {
    let place = tempfile::tempdir().unwrap();
    let listening = Listening::start(
        place.path(),
        &["--geneve", "127.0.0.1:0", "--metrics", "127.0.0.1:0"],
    );
    assert_eq!(listening.bound().vxlan, None);
    let socket = mirror("127.0.0.1", listening.bound().geneve.unwrap());
    let script = PacketScript::new()
        .connect()
        .client("GET /g HTTP/1.1\r\nHost: a\r\n\r\n")
        .server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .close();
    let datagrams: Vec<_> = script
        .frames()
        .iter()
        .map(|frame| wire::geneve_payload(0x0800, &frame.bytes[14..], Vni::new(9), &[0; 32]))
        .collect();
    send(&socket, &listening, &datagrams);
    assert_eq!(stop(listening).exchange_count("complete"), 1);
    let exchanges = read_archive(place.path());
    assert_eq!(exchanges[0].connection.vni, Some(Vni::new(9)));
}

/// What was under way when the recorder was told to stop is in the archive, as whole as it was.
#[test]
fn stopping_records_what_is_under_way() {
    let place = tempfile::tempdir().unwrap();
    let listening = Listening::start(place.path(), &LOOPBACK);
    let socket = mirror("127.0.0.1", listening.bound().vxlan.unwrap());
    let script = PacketScript::new()
        .connect()
        .client("GET /answered HTTP/1.1\r\nHost: a\r\n\r\n")
        .server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        .between("10.0.0.1:40001", "10.0.0.2:80")
        .connect()
        .client("GET /waiting HTTP/1.1\r\nHost: a\r\n\r\n");
    let datagrams: Vec<_> = script
        .frames()
        .iter()
        .map(|frame| wire::vxlan_payload(&frame.bytes, Vni::new(7)))
        .collect();
    send(&socket, &listening, &datagrams);
    stop(listening);
    let mut found: Vec<_> = read_archive(place.path())
        .into_iter()
        .map(|exchange| (exchange.request.unwrap().path, exchange.completeness))
        .collect();
    found.sort();
    let expected = [
        ("/answered".to_owned(), Completeness::Aborted),
        ("/waiting".to_owned(), Completeness::NoResponse),
    ];
    assert_eq!(found, expected);
}

/// A recorder to which nothing came was there all the same.
#[test]
fn a_silent_minute_has_a_row() {
    let place = tempfile::tempdir().unwrap();
    let listening = Listening::start(place.path(), &LOOPBACK);
    await_answer(listening.bound().metrics.unwrap(), |status, _| {
        status == 200
    });
    stop(listening);
    let ledger = read_ledger(place.path());
    assert!((1..=2).contains(&ledger.len()), "{ledger:?}");
    assert!(
        ledger
            .iter()
            .all(|(_, row)| row.source.is_none() && row.frames == 0)
    );
}

/// Datagrams of any content and length, to every port: counted, and the next good one is recorded.
#[test]
fn junk_is_counted_and_nothing_stops() {
    let place = tempfile::tempdir().unwrap();
    let mut flags = LOOPBACK.to_vec();
    flags.extend(["--geneve", "127.0.0.1:0", "--shards", "2"]);
    for flag in ["--http-mirror", "--health", "--live"] {
        flags.extend([flag, "127.0.0.1:0"]);
    }
    let listening = Listening::start(place.path(), &flags);
    let bound = listening.bound();
    let mut state = 7_u64;
    let mut junk = Vec::new();
    for length in [0, 1, 7, 8, 9, 21, 22, 40, 64, 65, 1_400, 9_300, 65_507] {
        for _ in 0..20 {
            let mut bytes: Vec<u8> = std::iter::repeat_with(|| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 56) as u8
            })
            .take(length)
            .collect();
            // Half of them look like a tunnel at first.
            if state & 0x100 == 0 && length > 0 {
                bytes[0] = 8;
            }
            junk.push(bytes);
        }
    }
    let vxlan = mirror("127.0.0.1", bound.vxlan.unwrap());
    let geneve = mirror("127.0.0.1", bound.geneve.unwrap());
    send(&vxlan, &listening, &junk);
    send(&geneve, &listening, &junk);
    for address in [bound.http_mirror, bound.health, bound.metrics, bound.live] {
        for bytes in &junk {
            let mut stream = TcpStream::connect(address.unwrap()).unwrap();
            // It may be closed in the middle of it.
            let _ = stream.write_all(bytes);
        }
    }
    let traffic = traffic(50);
    send(&vxlan, &listening, &datagrams(&traffic));
    let summary = stop(listening);
    assert_eq!(summary.exchange_count("complete"), 50, "{}", summary.text());
    assert!(summary.frames.undecodable > 200, "{}", summary.text());
}
