//! Floods: state is bounded by what the limits say, whoever sends.

use std::sync::Arc;

use benches::Flood;
use benches::wire::{TcpPacket, flags};
use recorder_core::{Anomaly, Frame, Limits, LinkType, Pipeline};
use schema::Timestamp;
use tests::options;

/// Connections that are tracked at once here; `cargo bench -p benches --bench ratios -- flood` does the same with a million.
const CONNECTIONS_MAX: usize = 100_000;
/// Memory per connection that carried nothing, its place in the table and its timer included.
const HALF_OPEN_BYTES_MAX: u64 = 512;
/// Memory per connection of which one end is seen, in the middle of a request.
const ONE_SIDED_BYTES_MAX: u64 = 2_560;

/// Resident memory of this process.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kibibytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes * 1_024
}

/// Sends one packet from each of `connections` clients, all different; gives the memory at the bound and at the end.
fn flood(connections: u32, mut flood: Flood, held_bytes_max: usize) -> (Pipeline, u64, u64) {
    let source: Arc<str> = "flood.pcap".into();
    let limits = Limits {
        connections_max: CONNECTIONS_MAX,
        held_bytes_max,
        ..Limits::default()
    };
    let mut pipeline = Pipeline::new(limits, options());
    let before = resident();
    let mut at_bound = 0;
    for number in 0..connections {
        let bytes = flood.packet(number);
        pipeline.handle_frame(&Frame {
            at: Timestamp::from_micros(1_795_352_400_000_000 + i64::from(number) * 2),
            link: LinkType::RawIp,
            bytes,
            wire_len: bytes.len() as u32,
            source: &source,
        });
        while pipeline.poll_exchange().is_some() {}
        assert!(pipeline.connections() <= CONNECTIONS_MAX);
        if number as usize == CONNECTIONS_MAX {
            at_bound = resident() - before;
        }
    }
    let at_end = resident() - before;
    (pipeline, at_bound, at_end)
}

#[test]
fn half_open_connections() {
    let (pipeline, at_bound, at_end) = flood(300_000, Flood::half_open(), 64 << 20);
    assert_eq!(pipeline.connections(), CONNECTIONS_MAX);
    let evicted = pipeline.totals().anomaly(Anomaly::ConnectionEvicted);
    assert_eq!(evicted, 300_000 - CONNECTIONS_MAX as u64);
    let bound = HALF_OPEN_BYTES_MAX * CONNECTIONS_MAX as u64;
    assert!(
        at_bound <= bound,
        "{} bytes a connection",
        at_bound / CONNECTIONS_MAX as u64
    );
    assert!(
        at_end <= bound + (8 << 20),
        "{at_bound} bytes grew to {at_end}"
    );
}

/// Nobody answers: what was sent waits for an end that is never seen, up to a bound, and goes on.
#[test]
fn one_sided_connections() {
    let (pipeline, at_bound, at_end) = flood(200_000, Flood::one_sided(), 4 << 20);
    assert_eq!(pipeline.connections(), CONNECTIONS_MAX);
    let bound = ONE_SIDED_BYTES_MAX * CONNECTIONS_MAX as u64;
    assert!(
        at_bound <= bound,
        "{} bytes a connection",
        at_bound / CONNECTIONS_MAX as u64
    );
    assert!(
        at_end <= bound + (16 << 20),
        "{at_bound} bytes grew to {at_end}"
    );
    // Each that was given up left its request behind.
    let exchanges = pipeline.totals().ledger.exchanges;
    assert!(exchanges >= 90_000, "{exchanges}");
}

/// User time of this process so far, in ticks of 10 ms.
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // After the name in brackets; user time is the fourteenth field.
    let fields = stat.rsplit_once(')').unwrap().1;
    fields.split_whitespace().nth(11).unwrap().parse().unwrap()
}

/// Ticks that an upload of `mebibytes` takes, with each pair of segments in the wrong order.
fn upload(mebibytes: usize) -> u64 {
    let size = mebibytes << 20;
    let head = format!("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n");
    let stream = [head.as_bytes(), &vec![b'x'; size]].concat();
    let source: Arc<str> = "upload.pcap".into();
    let mut pipeline = Pipeline::new(Limits::default(), options());
    let mut packets: Vec<_> = stream.chunks(1_448).enumerate().collect();
    packets.chunks_mut(2).skip(1).for_each(<[_]>::reverse);
    let before = ticks();
    for (number, payload) in packets {
        let packet = TcpPacket {
            from: ([10, 0, 0, 1], 40_000).into(),
            to: ([10, 0, 0, 2], 80).into(),
            seq: 1_000 + number as u32 * 1_448,
            ack: 5_000,
            flags: flags::ACK,
            id: 0,
            timestamps: [0, 0],
            payload,
        };
        let bytes = packet.ip();
        pipeline.handle_frame(&Frame {
            at: Timestamp::from_micros(1_795_352_400_000_000),
            link: LinkType::RawIp,
            bytes: &bytes,
            wire_len: bytes.len() as u32,
            source: &source,
        });
    }
    pipeline.finish();
    let exchange = pipeline.poll_exchange().unwrap();
    assert_eq!(exchange.request.unwrap().body.wire_bytes, size as u64);
    ticks() - before
}

#[test]
fn one_upload_costs_no_more_per_byte_when_it_is_longer() {
    let (short, long) = (upload(3), upload(12));
    // Four times as much; sixteen times if each byte cost as much as there are bytes before it.
    assert!(
        long <= 8 * short.max(5),
        "{short} and {long} ticks of 10 ms"
    );
}
