use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::LinkType;

fn options() -> Options {
    Options {
        body_bytes_max: 1 << 20,
        ..Options::default()
    }
}

/// A pipeline, and the frames of a conversation to put into it.
struct Fixture {
    pipeline: Pipeline,
    source: Arc<str>,
    now: Timestamp,
    exchanges: Vec<Exchange>,
}

/// Where a packet goes: ports of both ends, and the VXLAN network that it is in.
#[derive(Clone, Copy)]
struct Route {
    client: u16,
    vni: Option<u32>,
}

impl Fixture {
    fn new(limits: Limits) -> Self {
        Self {
            pipeline: Pipeline::new(limits, options()),
            source: "test.pcap".into(),
            now: "2026-11-22T10:00:00Z".parse().unwrap(),
            exchanges: Vec::new(),
        }
    }

    fn frame(&mut self, link: LinkType, bytes: &[u8], wire_len: usize) {
        self.now = self.now.saturating_add(Duration::from_millis(1));
        self.pipeline.handle_frame(&Frame {
            at: self.now,
            link,
            bytes,
            wire_len: u32::try_from(wire_len).unwrap(),
            source: &self.source,
        });
        self.drain();
    }

    fn drain(&mut self) {
        self.exchanges.extend(std::iter::from_fn(|| {
            self.pipeline.poll_exchange().map(|it| *it)
        }));
    }

    /// A segment of a conversation with port 80; `from_client` says who sends.
    fn segment(
        &mut self,
        route: Route,
        from_client: bool,
        numbers: (u32, u32),
        flags: u8,
        payload: &str,
    ) {
        let ip = packet(
            route.client,
            from_client,
            numbers,
            flags,
            payload.as_bytes(),
        );
        match route.vni {
            None => self.frame(LinkType::RawIp, &ip, ip.len()),
            Some(vni) => {
                let bytes = [
                    &[8, 0, 0, 0],
                    (vni << 8).to_be_bytes().as_slice(),
                    &[2; 12],
                    &[8, 0],
                    &ip,
                ]
                .concat();
                self.frame(LinkType::Vxlan, &bytes, bytes.len());
            }
        }
    }

    fn request(&mut self, route: Route, numbers: (u32, u32), target: &str) -> u32 {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        self.segment(route, true, numbers, 0x18, &request);
        numbers
            .0
            .wrapping_add(u32::try_from(request.len()).unwrap())
    }

    fn answer(&mut self, route: Route, numbers: (u32, u32)) -> u32 {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        self.segment(route, false, numbers, 0x18, answer);
        numbers.0.wrapping_add(u32::try_from(answer.len()).unwrap())
    }

    fn finish(&mut self) -> Vec<LedgerRow> {
        self.pipeline.finish();
        self.drain();
        std::iter::from_fn(|| self.pipeline.poll_ledger()).collect()
    }

    fn targets(&self) -> Vec<String> {
        let request = |exchange: &Exchange| {
            exchange
                .request
                .as_ref()
                .map(|request| request.path.clone())
        };
        self.exchanges
            .iter()
            .map(|exchange| request(exchange).unwrap_or_default())
            .collect()
    }
}

fn packet(
    client: u16,
    from_client: bool,
    numbers: (u32, u32),
    flags: u8,
    payload: &[u8],
) -> Vec<u8> {
    let len = u16::try_from(40 + payload.len()).unwrap().to_be_bytes();
    let ip = [0x45, 0, len[0], len[1], 0, 0, 0, 0, 64, 6, 0, 0];
    let (mut ends, mut ports) = ([[10, 0, 0, 1], [10, 0, 0, 2]], [client, 80]);
    if !from_client {
        ends.reverse();
        ports.reverse();
    }
    [
        ip.as_slice(),
        ends.as_flattened(),
        &ports[0].to_be_bytes(),
        &ports[1].to_be_bytes(),
        &numbers.0.to_be_bytes(),
        &numbers.1.to_be_bytes(),
        &[0x50, flags, 255, 255, 0, 0, 0, 0],
        payload,
    ]
    .concat()
}

const PLAIN: Route = Route {
    client: 40_000,
    vni: None,
};

#[test]
fn frames_become_exchanges_and_rows() {
    let mut fixture = Fixture::new(Limits::default());
    let next = fixture.request(PLAIN, (1, 1), "/one");
    let answered = fixture.answer(PLAIN, (1, next));
    fixture.request(PLAIN, (next, answered), "/two");
    fixture.frame(LinkType::Ethernet, &[0; 60], 60);
    fixture.frame(LinkType::Ethernet, &[0; 10], 500);
    let rows = fixture.finish();
    assert_eq!(fixture.targets(), ["/one", "/two"]);
    let [row] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    assert_eq!(row.source.as_deref(), Some("test.pcap"));
    assert_eq!(
        (
            row.frames,
            row.frames_undecodable,
            row.exchanges,
            row.exchanges_incomplete
        ),
        (5, 1, 2, 1)
    );
    assert_eq!((row.frames_truncated, row.bytes_truncated), (1, 490));
    assert_eq!(
        (row.connections_opened, row.connections_joined_midstream),
        (0, 1)
    );
    let totals = fixture.pipeline.totals();
    assert_eq!((totals.frames_payload, totals.frames_not_ip), (3, 1));
    assert_eq!(totals.frames_accounted(), 5);
}

/// Frames come over several ways: what one of them lacks is not given up before the others are as far.
#[test]
fn what_lies_behind_the_horizon_is_waited_for() {
    for (has_horizon, complete) in [(true, 2), (false, 1)] {
        let mut fixture = Fixture::new(Limits::default());
        let next = fixture.request(PLAIN, (1, 1), "/one");
        let answered = fixture.answer(PLAIN, (1, next));
        if has_horizon {
            fixture.pipeline.set_horizon(fixture.now);
        }
        fixture.answer(PLAIN, (answered, next + (next - 1)));
        fixture.now = fixture.now.saturating_add(Duration::from_secs(1));
        let other = Route {
            client: 41_000,
            ..PLAIN
        };
        fixture.request(other, (1, 1), "/other");
        fixture.request(PLAIN, (next, answered), "/two");
        fixture.finish();
        let exchanges = fixture.exchanges.iter();
        let whole = exchanges.filter(|exchange| exchange.completeness == Completeness::Complete);
        assert_eq!(whole.count(), complete, "{:?}", fixture.targets());
    }
}

#[test]
fn the_same_addresses_in_two_networks_are_two_connections() {
    let mut fixture = Fixture::new(Limits::default());
    for vni in [5, 6] {
        let route = Route {
            vni: Some(vni),
            ..PLAIN
        };
        let next = fixture.request(route, (1, 1), "/");
        fixture.answer(route, (1, next));
    }
    fixture.finish();
    let [first, second] = fixture.exchanges.as_slice() else {
        panic!("{:?}", fixture.targets());
    };
    assert_ne!(first.connection.id, second.connection.id);
    assert_eq!(second.connection.vni.map(schema::Vni::get), Some(6));
    assert!(
        fixture
            .exchanges
            .iter()
            .all(|exchange| exchange.response.is_some())
    );
}

#[test]
fn reused_ports_are_a_new_connection() {
    let mut fixture = Fixture::new(Limits::default());
    for (first, target) in [(1_000, "/old"), (900_000, "/new")] {
        fixture.segment(PLAIN, true, (first - 1, 0), 0x02, "");
        fixture.segment(PLAIN, false, (4_999, first), 0x12, "");
        let next = fixture.request(PLAIN, (first, 5_000), target);
        let answered = fixture.answer(PLAIN, (5_000, next));
        fixture.segment(PLAIN, false, (answered, next), 0x11, "");
        fixture.segment(PLAIN, true, (next, answered + 1), 0x11, "");
    }
    fixture.finish();
    assert_eq!(fixture.targets(), ["/old", "/new"]);
    let ids: Vec<_> = fixture
        .exchanges
        .iter()
        .map(|exchange| exchange.id().to_string())
        .collect();
    assert_ne!(ids[0][..16], ids[1][..16]);
    assert!(ids.iter().all(|id| id.ends_with("-0")), "{ids:?}");
    assert_eq!(fixture.pipeline.totals().ledger.connections_opened, 2);
}

#[test]
fn the_table_is_bounded() {
    let limits = Limits {
        connections_max: 100,
        ..Limits::default()
    };
    let mut fixture = Fixture::new(limits);
    for client in 1..=1_000 {
        fixture.request(Route { client, vni: None }, (1, 1), &format!("/{client}"));
        assert!(fixture.pipeline.connections() <= 100);
    }
    fixture.finish();
    assert_eq!(fixture.pipeline.connections(), 0);
    let expected: Vec<_> = (1..=1_000).map(|client| format!("/{client}")).collect();
    assert_eq!(
        fixture.targets(),
        expected,
        "what is given up comes out, oldest first"
    );
    let totals = fixture.pipeline.totals();
    assert_eq!(totals.anomaly(Anomaly::ConnectionEvicted), 900);
    assert_eq!(
        (totals.ledger.exchanges, totals.ledger.exchanges_incomplete),
        (1_000, 1_000)
    );
}

#[test]
fn idle_connections_end_by_packet_time() {
    let mut fixture = Fixture::new(Limits::default());
    fixture.request(PLAIN, (1, 1), "/");
    let mut last = fixture.now;
    // Everything that has a time of its own: the first segment's grace, the ledger's row, the connection.
    let mut times = Vec::new();
    while let Some(at) = fixture.pipeline.poll_timeout() {
        assert!(at > last, "time moves on: {at} after {last}");
        times.push(at.since(fixture.now).as_secs());
        last = at;
        fixture.pipeline.handle_timeout(at);
        fixture.drain();
    }
    assert_eq!(
        times,
        [0, 119, 601, 719],
        "grace, row of the minute, idle connection, row of its exchange"
    );
    assert_eq!(fixture.targets(), ["/"]);
    assert_eq!(fixture.pipeline.connections(), 0);
}

#[test]
fn drops_of_the_socket_are_counted() {
    let mut fixture = Fixture::new(Limits::default());
    fixture
        .pipeline
        .handle_drops(fixture.now, &Arc::clone(&fixture.source), 17);
    let rows = fixture.finish();
    assert_eq!((rows[0].frames, rows[0].frames_dropped), (0, 17));
}

const LINKS: [LinkType; 6] = [
    LinkType::Null,
    LinkType::Ethernet,
    LinkType::RawIp,
    LinkType::LinuxSll,
    LinkType::LinuxSll2,
    LinkType::Vxlan,
];

/// Bytes that are packets more often than not, changed here and there.
fn frame_bytes() -> impl Strategy<Value = (LinkType, Vec<u8>, usize)> {
    let noise = (
        0..LINKS.len(),
        prop::collection::vec(any::<u8>(), 0..120),
        0_usize..200,
    )
        .prop_map(|(link, bytes, more)| (LINKS[link], bytes.clone(), bytes.len() + more));
    let payload = prop_oneof![
        Just(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello".to_vec()),
        Just(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..80),
    ];
    let numbers = (0_u32..300, 0_u32..300);
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let cut = prop_oneof![4 => Just(0_usize), 1 => 0_usize..40];
    let real = (
        1_u16..4,
        any::<bool>(),
        numbers,
        any::<u8>(),
        payload,
        edits,
        cut,
    )
        .prop_map(
            |(client, from_client, numbers, flags, payload, edits, cut)| {
                // Most segments are plain data; a random set of flags in one of four.
                let flags = if flags < 192 { 0x18 } else { flags };
                let mut bytes = packet(client, from_client, numbers, flags, &payload);
                let len = bytes.len();
                for (index, value) in edits {
                    let at = index.index(len);
                    bytes[at] = value;
                }
                bytes.truncate(len - cut.min(len));
                (LinkType::RawIp, bytes, len)
            },
        );
    prop_oneof![3 => real, 1 => noise]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// No bytes make it panic; every frame has one class, every byte of payload one fate, and the rows add up.
    #[test]
    fn every_frame_and_byte_is_accounted(
        frames in prop::collection::vec((frame_bytes(), 0_u64..200_000), 0..80),
    ) {
        let mut fixture = Fixture::new(Limits { connections_max: 3, ..Limits::default() });
        let (count, mut bytes) = (frames.len() as u64, 0);
        for ((link, frame, wire_len), pause) in frames {
            fixture.now = fixture.now.saturating_add(Duration::from_millis(pause));
            bytes += frame.len() as u64;
            fixture.frame(link, &frame, wire_len);
        }
        let rows = fixture.finish();
        let totals = fixture.pipeline.totals();
        prop_assert_eq!(totals.ledger.frames, count);
        prop_assert_eq!(totals.ledger.bytes, bytes);
        prop_assert_eq!(totals.frames_accounted(), count);
        prop_assert_eq!(totals.bytes_accounted(), totals.bytes_payload);
        prop_assert_eq!(totals.ledger.exchanges, fixture.exchanges.len() as u64);
        prop_assert_eq!(rows.iter().map(|row| row.frames).sum::<u64>(), count);
        prop_assert_eq!(rows.iter().map(|row| row.exchanges).sum::<u64>(), totals.ledger.exchanges);
        prop_assert_eq!(rows.iter().map(|row| row.gap_bytes).sum::<u64>(), totals.ledger.gap_bytes);
        prop_assert_eq!(fixture.pipeline.held, 0);
        for pair in rows.windows(2) {
            prop_assert!(pair[0].minute <= pair[1].minute);
            prop_assert!(pair[1].minute.since(pair[0].minute) <= Duration::from_secs(60));
        }
    }
}
