//! Datagrams in pieces.

use super::frames::with_id;
use super::*;

/// Puts IP packets into reassembly; of what comes out, the TCP payload and what is missing of it.
fn reassemble(packets: &[Vec<u8>], limits: &Limits) -> (Vec<(Vec<u8>, u32)>, u64) {
    let (mut fragments, mut given_up, mut whole) = (Fragments::default(), 0, Vec::new());
    for packet in packets {
        let decoded = run(LinkType::RawIp, packet);
        let Content::Fragment(fragment) = decoded.content else {
            panic!("{:?} is no fragment", decoded.content);
        };
        let now = Timestamp::from_micros(1);
        match fragments.insert(&fragment, decoded.wrapping, now, limits, &mut given_up) {
            Inserted::Held => {}
            Inserted::Dropped => given_up += 1,
            Inserted::Whole(datagram) => {
                let decoded =
                    decode_datagram(&datagram, decoded.wrapping, &TunnelPorts::default(), limits);
                let Content::Tcp(packet) = decoded.content else {
                    panic!("{:?} is no TCP", decoded.content);
                };
                whole.push((packet.payload.to_vec(), packet.missing));
            }
        }
    }
    given_up += fragments.finish();
    (whole, given_up)
}

#[test]
fn fragments_make_a_datagram_in_any_order() {
    let payload: Vec<u8> = (0..100).collect();
    let bytes = tcp(1, 80, 7, 9, Flags::ACK, &payload);
    let piece = |range: std::ops::Range<usize>| {
        frames::fragment(4, range.clone(), bytes.len(), &bytes[range])
    };
    let pieces = [piece(0..40), piece(40..80), piece(80..120)];
    let limits = Limits::default();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let packets = order.map(|index| pieces[index].clone());
        assert_eq!(
            reassemble(&packets, &limits),
            (vec![(payload.clone(), 0)], 0),
            "{order:?}"
        );
    }
    let overlapping = [piece(0..64), piece(40..80), piece(32..120)];
    assert_eq!(
        reassemble(&overlapping, &limits),
        (vec![(payload.clone(), 0)], 0),
        "overlapping"
    );
    let twice = [piece(0..40), piece(0..40), piece(40..80), piece(80..120)];
    assert_eq!(
        reassemble(&twice, &limits),
        (vec![(payload.clone(), 0)], 0),
        "one twice"
    );
    assert_eq!(
        reassemble(&pieces[..2], &limits),
        (vec![], 1),
        "the last one lost"
    );
    assert_eq!(
        reassemble(&pieces[1..], &limits),
        (vec![], 1),
        "the first one lost"
    );

    let mut cut = pieces.clone();
    cut[2].truncate(20 + 30);
    let expected = (payload[..90].to_vec(), 10);
    assert_eq!(
        reassemble(&cut, &limits),
        (vec![expected], 0),
        "the last one cut"
    );
    let cut = [pieces[0].clone(), pieces[1][..20 + 30].to_vec()];
    assert_eq!(
        reassemble(&cut, &limits),
        (vec![], 1),
        "one in the middle cut"
    );

    let mixed = [
        with_id(1, &pieces[0]),
        with_id(2, &pieces[0]),
        with_id(2, &pieces[1]),
        with_id(2, &pieces[2]),
    ];
    assert_eq!(
        reassemble(&mixed, &limits),
        (vec![(payload, 0)], 1),
        "two datagrams"
    );
}

#[test]
fn fragments_are_bounded() {
    let first = |id: u16| with_id(id, &frames::fragment(4, 0..400, 1_000, &[7; 400]));
    let many: Vec<_> = (0..100).map(first).collect();
    let few = Limits {
        fragmented_datagrams_max: 10,
        ..Limits::default()
    };
    let small = Limits {
        fragment_bytes_max: 4_000,
        ..Limits::default()
    };
    for limits in [few, small] {
        let (mut fragments, mut given_up) = (Fragments::default(), 0);
        for packet in &many {
            let decoded = run(LinkType::RawIp, packet);
            let Content::Fragment(fragment) = decoded.content else {
                panic!("no fragment");
            };
            fragments.insert(
                &fragment,
                decoded.wrapping,
                Timestamp::MIN,
                &limits,
                &mut given_up,
            );
        }
        assert!(given_up >= 90, "{given_up} given up");
        assert_eq!(given_up + fragments.finish(), 100);
    }

    let (mut fragments, limits) = (Fragments::default(), Limits::default());
    let packet = first(1);
    let decoded = run(LinkType::RawIp, &packet);
    let Content::Fragment(fragment) = decoded.content else {
        panic!("no fragment");
    };
    fragments.insert(&fragment, decoded.wrapping, Timestamp::MIN, &limits, &mut 0);
    let due = fragments.next_expiry(&limits).unwrap();
    assert_eq!(fragments.expire(Timestamp::MIN, &limits), 0);
    assert_eq!(fragments.expire(due, &limits), 1);
    assert_eq!(fragments.next_expiry(&limits), None);
}
