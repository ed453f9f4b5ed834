use std::io::Cursor;
use std::sync::Arc;

use super::*;

/// A block of `order` with `body`, padded.
fn block(order: ByteOrder, kind: u32, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    body.resize(body.len().next_multiple_of(4), 0);
    let len = word(order, u32::try_from(body.len()).unwrap() + 12);
    [&word(order, kind)[..], &len, &body, &len].concat()
}

fn word(order: ByteOrder, value: u32) -> [u8; 4] {
    match order {
        ByteOrder::Big => value.to_be_bytes(),
        ByteOrder::Little => value.to_le_bytes(),
    }
}

fn half(order: ByteOrder, value: u16) -> [u8; 2] {
    match order {
        ByteOrder::Big => value.to_be_bytes(),
        ByteOrder::Little => value.to_le_bytes(),
    }
}

fn section(order: ByteOrder) -> Vec<u8> {
    let version = [&half(order, 1)[..], &half(order, 0)].concat();
    let body = [&word(order, 0x1a2b_3c4d)[..], &version, &[0xff; 8]].concat();
    block(order, SECTION_HEADER, &body)
}

fn interface(order: ByteOrder, link: u16, options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = [&half(order, link)[..], &[0; 2], &word(order, 0)].concat();
    for (code, value) in options {
        body.extend(half(order, *code));
        body.extend(half(order, u16::try_from(value.len()).unwrap()));
        body.extend(*value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    block(order, INTERFACE_DESCRIPTION, &body)
}

fn packet(order: ByteOrder, interface: u32, ticks: u64, wire_len: u32, data: &[u8]) -> Vec<u8> {
    let (high, low) = ((ticks >> 32) as u32, ticks as u32);
    let fields = [
        interface,
        high,
        low,
        u32::try_from(data.len()).unwrap(),
        wire_len,
    ];
    let mut body: Vec<u8> = fields
        .iter()
        .flat_map(|&field| word(order, field))
        .collect();
    body.extend(data);
    block(order, ENHANCED_PACKET, &body)
}

/// Every packet as (nanoseconds, link, wire length, data), and the fault that ended the file.
#[expect(clippy::type_complexity, reason = "a test's table")]
fn read(file: &[u8]) -> (Vec<(u64, Link, u32, Vec<u8>)>, Option<String>) {
    let mut input = Input::new(Box::new(Cursor::new(file.to_vec())), &Arc::default()).unwrap();
    let (mut capture, mut packets) = (PcapNg::open(), Vec::new());
    loop {
        match capture.next(&mut input) {
            Ok(Some(head)) => packets.push((
                head.at.as_nanos(),
                head.link,
                head.wire_len,
                input.used(head.data, head.len).to_vec(),
            )),
            Ok(None) => return (packets, None),
            Err(fault) => return (packets, Some(fault.0)),
        }
    }
}

#[test]
fn resolutions_and_offsets_of_each_interface() {
    let s = 1_700_000_000_u64;
    for order in [ByteOrder::Big, ByteOrder::Little] {
        let offset = |value: i64| match order {
            ByteOrder::Big => value.to_be_bytes(),
            ByteOrder::Little => value.to_le_bytes(),
        };
        let file = [
            section(order),
            // An unknown option and text that is no UTF-8 first; no end-of-options anywhere.
            interface(order, 1, &[(2, b"\xff\xfe."), (4_242, b"x")]),
            interface(order, 113, &[(IF_TSRESOL, &[9])]),
            interface(
                order,
                101,
                &[(IF_TSRESOL, &[3]), (IF_TSOFFSET, &offset(-5))],
            ),
            interface(order, 276, &[(IF_TSRESOL, &[0x80 | 10])]),
            interface(order, 105, &[(IF_TSRESOL, &[12])]),
            packet(order, 0, s * 1_000_000 + 7, 4, b"abcd"),
            packet(order, 1, s * 1_000_000_000 + 9, 3, b"abc"),
            packet(order, 2, s * 1_000 + 1, 9, b"ab"),
            packet(order, 3, (s << 10) + 512, 0, b""),
            packet(order, 4, 5_000_000_000_000_123, 1, b"a"),
        ]
        .concat();
        let nanos = s * 1_000_000_000;
        let expected = vec![
            (nanos + 7_000, Link::from_number(1), 4, b"abcd".to_vec()),
            (nanos + 9, Link::from_number(113), 3, b"abc".to_vec()),
            (
                nanos - 4_999_000_000,
                Link::from_number(101),
                9,
                b"ab".to_vec(),
            ),
            (nanos + 500_000_000, Link::from_number(276), 0, Vec::new()),
            (5_000_000_000_000, Link::Unsupported(105), 1, b"a".to_vec()),
        ];
        assert_eq!(read(&file), (expected, None), "{order:?}");
    }
}

#[test]
fn a_new_section_has_its_own_order_and_interfaces() {
    let (big, little) = (ByteOrder::Big, ByteOrder::Little);
    let first = [
        section(little),
        interface(little, 1, &[]),
        packet(little, 0, 1, 1, b"a"),
    ];
    let second = [
        section(big),
        interface(big, 101, &[]),
        packet(big, 0, 2, 1, b"b"),
    ];
    let undescribed = [section(little), packet(little, 0, 3, 1, b"c")];
    let file = [first.concat(), second.concat(), undescribed.concat()].concat();
    let (packets, fault) = read(&file);
    assert_eq!(packets.len(), 2);
    assert_eq!(packets[1].1, Link::from_number(101));
    assert!(fault.unwrap().contains("undescribed interface"));
}

#[test]
fn simple_and_obsolete_packets_are_read_too() {
    let order = ByteOrder::Little;
    let simple = [&word(order, 6)[..], b"simple"].concat();
    let mut obsolete = [&half(order, 0)[..], &half(order, 3)].concat();
    for field in [0, 5, 3, 3] {
        obsolete.extend(word(order, field));
    }
    obsolete.extend(b"old");
    let file = [
        section(order),
        interface(order, 1, &[]),
        block(order, PACKET, &obsolete),
        block(order, SIMPLE_PACKET, &simple),
        block(order, 0x0bad, b"a block that no one knows"),
    ]
    .concat();
    let ethernet = Link::from_number(1);
    let expected = vec![
        (5_000, ethernet, 3, b"old".to_vec()),
        (5_000, ethernet, 6, b"simple".to_vec()),
    ];
    assert_eq!(read(&file), (expected, None));
}

#[test]
fn a_file_cut_at_any_byte_gives_its_whole_packets() {
    let order = ByteOrder::Little;
    let head = [section(order), interface(order, 1, &[])].concat();
    let one = packet(order, 0, 1, 3, b"one");
    let file = [head.clone(), one.clone(), packet(order, 0, 2, 3, b"two")].concat();
    for cut in head.len()..=file.len() {
        let (packets, fault) = read(&file[..cut]);
        assert_eq!(packets.len(), (cut - head.len()) / one.len(), "{cut}");
        let whole = (cut - head.len()).is_multiple_of(one.len());
        assert_eq!(fault.is_none(), whole, "{cut}");
        assert!(
            fault.is_none_or(|fault| fault.starts_with("cut off")),
            "{cut}"
        );
    }
}

#[test]
fn damage_is_named_and_never_a_panic() {
    let order = ByteOrder::Little;
    let head = [section(order), interface(order, 1, &[])].concat();
    let mut differ = packet(order, 0, 1, 3, b"one");
    *differ.last_mut().unwrap() = 1;
    let too_long = [word(order, 6), word(order, 1 << 30), [0; 4]].concat();
    let overlong = {
        let fields = [0, 0, 1, 400, 400];
        let body: Vec<u8> = fields
            .iter()
            .flat_map(|&field| word(order, field))
            .collect();
        block(order, ENHANCED_PACKET, &body)
    };
    for bad in [differ, too_long, overlong, [0xff; 64].to_vec()] {
        let (packets, fault) = read(&[head.clone(), bad].concat());
        assert!(packets.is_empty());
        assert!(fault.unwrap().starts_with("damaged"));
    }
}

#[test]
fn a_time_that_cannot_be_is_that_of_the_packet_before() {
    let order = ByteOrder::Little;
    let file = [
        section(order),
        interface(order, 1, &[]),
        packet(order, 0, 7, 1, b"a"),
        packet(order, 0, u64::MAX - 5_000_000, 1, b"b"),
        packet(order, 0, 9, 1, b"c"),
    ]
    .concat();
    let (packets, fault) = read(&file);
    let times: Vec<_> = packets.iter().map(|packet| packet.0).collect();
    assert_eq!((times, fault), (vec![7_000, 7_000, 9_000], None));
}
