//! Headers around payloads.

use std::ops::Range;

fn be16(value: usize) -> [u8; 2] {
    u16::try_from(value).unwrap().to_be_bytes()
}

pub(crate) fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&[2; 12], ether_type.to_be_bytes().as_slice(), payload].concat()
}

/// Ethernet with VLAN tags of the given types, outermost first.
pub(crate) fn vlan(tags: &[u16], ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2; 12];
    for tag in tags {
        bytes.extend_from_slice(&tag.to_be_bytes());
        bytes.extend_from_slice(&[0, 9]);
    }
    bytes.extend_from_slice(&ether_type.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

pub(crate) fn ipv4(from: [u8; 4], to: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = be16(20 + payload.len());
    let header = [0x45, 0, high, low, 0, 1, 0, 0, 64, protocol, 0, 0];
    [&header, from.as_slice(), &to, payload].concat()
}

/// A fragment, of IPv4, that carries `range` of a payload of `whole` bytes.
pub(crate) fn fragment(id: u16, range: Range<usize>, whole: usize, payload: &[u8]) -> Vec<u8> {
    let more = if range.end < whole { 0x2000 } else { 0 };
    let mut bytes = ipv4([1; 4], [2; 4], 6, payload);
    bytes[6..8].copy_from_slice(&be16(range.start / 8 + more));
    with_id(id, &bytes)
}

pub(crate) fn with_id(id: u16, ip: &[u8]) -> Vec<u8> {
    let mut bytes = ip.to_vec();
    bytes[4..6].copy_from_slice(&id.to_be_bytes());
    bytes
}

pub(crate) fn ipv6(from: u128, to: u128, next: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = be16(payload.len());
    let header = [0x60, 0, 0, 0, high, low, next, 64];
    [
        &header,
        from.to_be_bytes().as_slice(),
        &to.to_be_bytes(),
        payload,
    ]
    .concat()
}

pub(crate) fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let len = be16(8 + payload.len());
    [
        from.to_be_bytes().as_slice(),
        &to.to_be_bytes(),
        &len,
        &[0, 0],
        payload,
    ]
    .concat()
}

pub(crate) fn tcp(
    from: u16,
    to: u16,
    sequence: u32,
    acknowledgement: u32,
    flags: u8,
    payload: &[u8],
) -> Vec<u8> {
    [
        from.to_be_bytes().as_slice(),
        &to.to_be_bytes(),
        &sequence.to_be_bytes(),
        &acknowledgement.to_be_bytes(),
        &[0x50, flags, 0xff, 0xff, 0, 0, 0, 0],
        payload,
    ]
    .concat()
}

pub(crate) fn vxlan(flags: u8, vni: u32, frame: &[u8]) -> Vec<u8> {
    [
        &[flags, 0xff, 0xff, 0xff],
        (vni << 8 | 0x55).to_be_bytes().as_slice(),
        frame,
    ]
    .concat()
}

pub(crate) fn geneve(vni: u32, protocol: u16, options_len: usize, payload: &[u8]) -> Vec<u8> {
    let words = u8::try_from(options_len / 4).unwrap();
    let options = vec![1; options_len];
    let vni = (vni << 8).to_be_bytes();
    [
        &[words, 0],
        protocol.to_be_bytes().as_slice(),
        &vni,
        &options,
        payload,
    ]
    .concat()
}

pub(crate) fn gre(flags: u8, protocol: u16, fields_len: usize, payload: &[u8]) -> Vec<u8> {
    [
        &[flags, 0],
        protocol.to_be_bytes().as_slice(),
        &vec![3; fields_len],
        payload,
    ]
    .concat()
}

pub(crate) fn erspan2(frame: &[u8]) -> Vec<u8> {
    [&[0x10, 9, 0, 7, 0, 0, 0, 1], frame].concat()
}

pub(crate) fn erspan3(subheader: bool, frame: &[u8]) -> Vec<u8> {
    let header = [0x20, 9, 0, 7, 1, 2, 3, 4, 0, 0, 0, u8::from(subheader)];
    [
        header.as_slice(),
        if subheader { &[5; 8] } else { &[] },
        frame,
    ]
    .concat()
}
