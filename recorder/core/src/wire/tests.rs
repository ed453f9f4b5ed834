use super::*;

mod fragmented;
pub(crate) mod frames;
mod tunnels;

use frames::{ethernet, ipv4, ipv6, tcp, udp, vlan};

/// The TCP packet that every frame here carries.
fn inner() -> Vec<u8> {
    tcp(40_000, 80, 7, 9, Flags::ACK, b"GET / HTTP/1.1\r\n\r\n")
}

fn inner_ip() -> Vec<u8> {
    ipv4([10, 0, 0, 1], [10, 0, 0, 2], 6, &inner())
}

fn inner_frame() -> Vec<u8> {
    ethernet(0x0800, &inner_ip())
}

fn run(link: LinkType, bytes: &[u8]) -> Decoded<'_> {
    let source: &'static Arc<str> = Box::leak(Box::new("file".into()));
    let frame = Frame {
        at: Timestamp::MIN,
        link,
        bytes,
        wire_len: u32::try_from(bytes.len()).unwrap(),
        source,
    };
    decode(&frame, &TunnelPorts::default(), &Limits::default())
}

/// What a frame is, in a word; of a TCP packet that is `inner()` the outer source and the network id.
fn describe(decoded: &Decoded<'_>) -> String {
    let outer = match (decoded.wrapping.outer, decoded.wrapping.vni) {
        (None, None) => String::new(),
        (None, Some(vni)) => format!(" vni {}", vni.get()),
        (Some((from, _)), None) => format!(" from {}", from.ip()),
        (Some((from, _)), Some(vni)) => format!(" from {} vni {}", from.ip(), vni.get()),
    };
    match decoded.content {
        Content::Tcp(packet) => {
            assert_eq!((packet.sequence, packet.acknowledgement), (7, 9));
            assert_eq!((packet.from.port, packet.to.port), (40_000, 80));
            assert_eq!(packet.payload, b"GET / HTTP/1.1\r\n\r\n");
            assert_eq!(packet.missing, 0);
            format!("tcp{outer}")
        }
        Content::Fragment(_) => "fragment".to_owned(),
        Content::NotTcp => "not tcp".to_owned(),
        Content::NotIp => "not ip".to_owned(),
        Content::Undecodable(anomaly) => anomaly.as_str().to_owned(),
    }
}

#[track_caller]
fn check(name: &str, link: LinkType, bytes: &[u8], expected: &str) {
    assert_eq!(describe(&run(link, bytes)), expected, "{name}");
    // Every shorter frame ends somewhere, too; and says so, or lacks payload.
    for len in 0..bytes.len() {
        if let Content::Tcp(packet) = run(link, &bytes[..len]).content {
            assert!(
                packet.missing > 0,
                "{name}: cut to {len} bytes, and nothing is missing"
            );
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn reads_every_link_type() {
    use LinkType as Link;
    let ip = inner_ip();
    let v6 = ipv6(1, 2, 6, &inner());
    let null = |family: [u8; 4], ip: &[u8]| [&family, ip].concat();
    let sll = [
        &[0, 4, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0x08, 0x00],
        ip.as_slice(),
    ]
    .concat();
    let sll2 = [
        &[
            0x86, 0xdd, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0,
        ],
        v6.as_slice(),
    ]
    .concat();
    let cases: &[(&str, Link, Vec<u8>, &str)] = &[
        ("ethernet", Link::Ethernet, inner_frame(), "tcp"),
        ("raw v4", Link::RawIp, ip.clone(), "tcp"),
        ("raw v6", Link::RawIp, v6.clone(), "tcp"),
        ("raw nothing", Link::RawIp, vec![0x70, 1, 2], "not ip"),
        (
            "null little endian",
            Link::Null,
            null([2, 0, 0, 0], &ip),
            "tcp",
        ),
        (
            "null big endian",
            Link::Null,
            null([0, 0, 0, 2], &ip),
            "tcp",
        ),
        (
            "null v6 of a Mac",
            Link::Null,
            null([30, 0, 0, 0], &v6),
            "tcp",
        ),
        (
            "null other family",
            Link::Null,
            null([16, 0, 0, 0], &v6),
            "not ip",
        ),
        ("cooked v1", Link::LinuxSll, sll, "tcp"),
        ("cooked v2", Link::LinuxSll2, sll2, "tcp"),
        ("arp", Link::Ethernet, ethernet(0x0806, &[0; 28]), "not ip"),
        (
            "snap",
            Link::Ethernet,
            ethernet(
                60,
                &[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], ip.as_slice()].concat(),
            ),
            "tcp",
        ),
        (
            "spanning tree",
            Link::Ethernet,
            ethernet(38, &[0x42; 38]),
            "not ip",
        ),
        ("vlan", Link::Ethernet, vlan(&[0x8100], 0x0800, &ip), "tcp"),
        (
            "qinqinq",
            Link::Ethernet,
            vlan(&[0x88a8, 0x9100, 0x8100], 0x86dd, &v6),
            "tcp",
        ),
        (
            "four tags",
            Link::Ethernet,
            vlan(&[0x8100; 4], 0x0800, &ip),
            "nesting_too_deep",
        ),
        (
            "mpls",
            Link::Ethernet,
            ethernet(
                0x8847,
                &[&[0, 0, 0x10, 0, 0, 0, 0x21, 64], ip.as_slice()].concat(),
            ),
            "tcp",
        ),
        (
            "pppoe",
            Link::Ethernet,
            ethernet(
                0x8864,
                &[&[0x11, 0, 0, 1, 0, 60, 0, 0x21], ip.as_slice()].concat(),
            ),
            "tcp",
        ),
        (
            "udp",
            Link::RawIp,
            ipv4([1; 4], [2; 4], 17, &udp(53, 53, b"question")),
            "not tcp",
        ),
        (
            "icmp",
            Link::RawIp,
            ipv4([1; 4], [2; 4], 1, &[8; 64]),
            "not tcp",
        ),
    ];
    for (name, link, bytes, expected) in cases {
        check(name, *link, bytes, expected);
    }
}

#[test]
fn lengths_come_from_the_ip_header() {
    let payload = b"GET / HTTP/1.1\r\n\r\n";
    let packet = |bytes: &[u8]| match run(LinkType::RawIp, bytes).content {
        Content::Tcp(packet) => (packet.payload.to_vec(), packet.missing),
        other => panic!("{other:?}"),
    };
    let whole = inner_ip();
    let padded = [whole.as_slice(), &[0; 9]].concat();
    assert_eq!(packet(&padded), (payload.to_vec(), 0), "ethernet padding");
    let cut = &whole[..whole.len() - 5];
    assert_eq!(
        packet(cut),
        (payload[..13].to_vec(), 5),
        "cut by the mirror"
    );
    let mut offloaded = whole.clone();
    offloaded[2..4].fill(0);
    assert_eq!(packet(&offloaded), (payload.to_vec(), 0), "total length 0");
    let v6 = ipv6(1, 2, 6, &inner());
    assert_eq!(
        packet(&[v6.as_slice(), &[0; 9]].concat()),
        (payload.to_vec(), 0),
        "padding after IPv6"
    );
    assert_eq!(
        packet(&v6[..v6.len() - 5]),
        (payload[..13].to_vec(), 5),
        "IPv6 cut by the mirror"
    );
    let mut jumbo = v6;
    jumbo[4..6].fill(0);
    assert_eq!(packet(&jumbo), (payload.to_vec(), 0), "payload length 0");

    let mut options = whole.clone();
    options[0] = 0x46;
    options.splice(20..20, [1, 1, 1, 0]);
    let total = u16::try_from(options.len()).unwrap().to_be_bytes();
    options[2..4].copy_from_slice(&total);
    assert_eq!(packet(&options), (payload.to_vec(), 0), "IPv4 options");
}

#[test]
fn malformed_headers_are_counted() {
    let edit = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = inner_ip();
        change(&mut bytes);
        describe(&run(LinkType::RawIp, &bytes))
    };
    assert_eq!(
        edit(&|ip| ip[0] = 0x43),
        "header_malformed",
        "header of 12 bytes"
    );
    assert_eq!(
        edit(&|ip| ip[3] = 10),
        "header_malformed",
        "shorter than its header"
    );
    assert_eq!(
        edit(&|ip| ip[32] = 0x10),
        "header_malformed",
        "TCP header of 4 bytes"
    );
    assert_eq!(
        edit(&|ip| ip[32] = 0xf0),
        "header_malformed",
        "TCP header longer than the packet"
    );
    assert_eq!(
        edit(&|ip| ip.truncate(30)),
        "header_cut",
        "cut in the TCP header"
    );
    assert_eq!(
        edit(&|ip| ip.truncate(10)),
        "header_cut",
        "cut in the IP header"
    );
}

#[test]
fn ipv6_extension_headers_are_walked() {
    let chain = |headers: &[(u8, &[u8])]| {
        // Each header names the next one; the last names TCP.
        let mut bytes = Vec::new();
        for (index, (_, body)) in headers.iter().enumerate() {
            let next = headers.get(index + 1).map_or(6, |(kind, _)| *kind);
            bytes.push(next);
            bytes.extend_from_slice(body);
        }
        bytes.extend_from_slice(&inner());
        ipv6(1, 2, headers[0].0, &bytes)
    };
    let hop: (u8, &[u8]) = (0, &[0, 1, 2, 0, 0, 0, 0]);
    let routing: (u8, &[u8]) = (43, &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let atomic: (u8, &[u8]) = (44, &[0, 0, 0, 1, 2, 3, 4]);
    let first: (u8, &[u8]) = (44, &[0, 0, 1, 1, 2, 3, 4]);
    let authentication: (u8, &[u8]) = (51, &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    check("hop by hop", LinkType::RawIp, &chain(&[hop]), "tcp");
    check(
        "all",
        LinkType::RawIp,
        &chain(&[hop, routing, authentication, (60, hop.1)]),
        "tcp",
    );
    check(
        "an atomic fragment is whole",
        LinkType::RawIp,
        &chain(&[atomic]),
        "tcp",
    );
    assert_eq!(
        describe(&run(LinkType::RawIp, &chain(&[first]))),
        "fragment"
    );
    assert_eq!(
        describe(&run(LinkType::RawIp, &chain(&[hop; 17]))),
        "header_malformed"
    );
}
