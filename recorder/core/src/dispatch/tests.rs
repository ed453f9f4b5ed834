use std::sync::Arc;

use schema::Timestamp;

use super::*;
use crate::LinkType;
use crate::wire::tests::frames::{ethernet, fragment, ipv4, tcp, udp, vxlan, with_id};

const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];

fn hash(dispatcher: &mut Dispatcher, bytes: &[u8]) -> u64 {
    let source: Arc<str> = "file".into();
    dispatcher.hash(&Frame {
        at: Timestamp::MIN,
        link: LinkType::Ethernet,
        bytes,
        wire_len: u32::try_from(bytes.len()).unwrap(),
        source: &source,
    })
}

fn dispatcher() -> Dispatcher {
    Dispatcher::new(TunnelPorts::default(), Limits::default())
}

fn packet(from: [u8; 4], to: [u8; 4], ports: [u16; 2]) -> Vec<u8> {
    let payload = vec![b'x'; 200];
    let tcp = tcp(ports[0], ports[1], 7, 9, 0x10, &payload);
    ethernet(0x0800, &ipv4(from, to, 6, &tcp))
}

fn mirrored(by: [u8; 4], port: u16, frame: &[u8]) -> Vec<u8> {
    let datagram = udp(port, 4789, &vxlan(8, 5, frame));
    ethernet(0x0800, &ipv4(by, [9; 4], 17, &datagram))
}

#[test]
fn both_directions_go_together_however_they_are_wrapped() {
    let there = packet(A, B, [40_000, 80]);
    let back = packet(B, A, [80, 40_000]);
    let mut dispatcher = dispatcher();
    let expected = hash(&mut dispatcher, &there);
    for frame in [
        back.clone(),
        mirrored([1; 4], 65_408, &there),
        mirrored([2; 4], 65_535, &back),
    ] {
        assert_eq!(hash(&mut dispatcher, &frame), expected);
    }
    assert_ne!(hash(&mut dispatcher, &packet(A, B, [40_001, 80])), expected);
}

/// Between two hosts only the client's port differs: every shard gets its share, also where the count is a power of two.
#[test]
fn connections_between_two_hosts_spread() {
    let mut dispatcher = dispatcher();
    for shards in [2_u64, 3, 4, 8] {
        let mut counts = [0_u32; 8];
        for port in 0..2_000 {
            let hash = hash(&mut dispatcher, &packet(A, B, [32_768 + port, 80]));
            counts[usize::try_from(hash % shards).unwrap()] += 1;
        }
        let fair = 2_000 / u32::try_from(shards).unwrap();
        let used = &counts[..usize::try_from(shards).unwrap()];
        assert!(
            used.iter().all(|&count| count.abs_diff(fair) < fair / 4),
            "{used:?}"
        );
    }
}

#[test]
fn fragments_follow_the_first_one() {
    let bytes = tcp(40_000, 80, 7, 9, 0x10, &[b'x'; 200]);
    let piece = |from: usize, to: usize| fragment(4, from..to, bytes.len(), &bytes[from..to]);
    let (first, last) = (piece(0, 80), piece(80, bytes.len()));
    let whole = ethernet(0x0800, &ipv4([1; 4], [2; 4], 6, &bytes));
    let wrapped = |ip: &[u8]| mirrored([1; 4], 65_408, &ethernet(0x0800, ip));
    let mut dispatcher = dispatcher();
    let expected = hash(&mut dispatcher, &whole);
    for ip in [&first, &last] {
        assert_eq!(hash(&mut dispatcher, &ethernet(0x0800, ip)), expected);
        assert_eq!(hash(&mut dispatcher, &wrapped(ip)), expected);
    }
    // Its ports are not known yet: it waits somewhere, and the first one comes there.
    let astray = hash(&mut dispatcher, &ethernet(0x0800, &with_id(5, &last)));
    assert_eq!(
        hash(&mut dispatcher, &ethernet(0x0800, &with_id(5, &first))),
        astray
    );
    // A copy of it goes with the rest of its datagram, too.
    for ip in [&first, &last] {
        let frame = ethernet(0x0800, &with_id(5, ip));
        assert_eq!(hash(&mut dispatcher, &frame), astray);
    }
}

#[test]
fn datagrams_remembered_are_bounded() {
    let mut dispatcher = Dispatcher::new(
        TunnelPorts::default(),
        Limits {
            fragmented_datagrams_max: 4,
            ..Limits::default()
        },
    );
    for id in 0..100 {
        let piece = fragment(id, 0..80, 120, &[0; 80]);
        hash(&mut dispatcher, &ethernet(0x0800, &piece));
        assert!(dispatcher.order.len() <= 4);
        assert_eq!(dispatcher.order.len(), dispatcher.datagrams.len());
    }
}

/// Hosts count datagrams with 16 bits, some for each peer anew: the same number comes again for another connection.
#[test]
fn a_number_that_is_used_again_is_another_datagram() {
    let mut dispatcher = dispatcher();
    for port in [40_000, 40_001, 40_002] {
        let bytes = tcp(port, 80, 7, 9, 0x10, &[b'x'; 200]);
        let whole = ethernet(0x0800, &ipv4([1; 4], [2; 4], 6, &bytes));
        let belongs = hash(&mut dispatcher, &whole);
        for range in [0..64, 64..128, 128..bytes.len()] {
            let part = fragment(4, range.clone(), bytes.len(), &bytes[range]);
            let part = ethernet(0x0800, &part);
            assert_eq!(hash(&mut dispatcher, &part), belongs, "port {port}");
        }
    }
}
