use super::*;

mod frames;

use frames::{erspan2, erspan3, ethernet, geneve, gre, ipv4, ipv6, tcp, udp, vlan, vxlan, with_id};

const PORTS: [u16; 2] = [4789, 8472];

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
    decode(&frame, &PORTS, &Limits::default())
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
fn reads_every_tunnel() {
    let frame = inner_frame();
    let around = |protocol, payload: &[u8]| {
        ethernet(0x0800, &ipv4([9, 9, 9, 1], [9, 9, 9, 2], protocol, payload))
    };
    let in_udp = |port, payload: &[u8]| around(17, &udp(65_500, port, payload));
    let gpe = |next: u8, inner: &[u8]| [&[0x0c, 0, 0, next, 0, 0, 5, 0], inner].concat();
    let nsh = [&[0x0f, 0xc2, 1, 3, 0, 0, 0, 0], frame.as_slice()].concat();
    let proxied = [
        b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x04abcd".as_slice(),
        &vxlan(0x08, 5, &frame),
    ]
    .concat();
    let cases: &[(&str, Vec<u8>, &str)] = &[
        (
            "vxlan",
            in_udp(4789, &vxlan(0x08, 5_569_041, &frame)),
            "tcp from 9.9.9.1 vni 5569041",
        ),
        (
            "vxlan of Linux",
            in_udp(8472, &vxlan(0x08, 5, &frame)),
            "tcp from 9.9.9.1 vni 5",
        ),
        (
            "vxlan elsewhere",
            in_udp(4790 + 1, &vxlan(0x08, 5, &frame)),
            "not tcp",
        ),
        (
            "vxlan with policy and reserved bits",
            in_udp(4789, &vxlan(0xf9 & !0x04, 5, &frame)),
            "tcp from 9.9.9.1 vni 5",
        ),
        (
            "vxlan without I",
            in_udp(4789, &vxlan(0x80, 5, &frame)),
            "tunnel_malformed",
        ),
        (
            "vxlan of 4 bytes",
            in_udp(4789, &[8, 0, 0, 0]),
            "tunnel_malformed",
        ),
        (
            "vxlan-gpe ip",
            in_udp(4790, &gpe(1, &inner_ip())),
            "tcp from 9.9.9.1 vni 5",
        ),
        (
            "vxlan-gpe ethernet on 4789",
            in_udp(4789, &gpe(3, &frame)),
            "tcp from 9.9.9.1 vni 5",
        ),
        (
            "vxlan-gpe nsh",
            in_udp(4790, &gpe(4, &nsh)),
            "tcp from 9.9.9.1 vni 5",
        ),
        (
            "vxlan-gpe of nothing",
            in_udp(4790, &gpe(77, &nsh)),
            "tunnel_malformed",
        ),
        (
            "geneve ethernet",
            in_udp(6081, &geneve(6, 0x6558, 0, &frame)),
            "tcp from 9.9.9.1 vni 6",
        ),
        (
            "geneve ip with options",
            in_udp(6081, &geneve(0, 0x0800, 32, &inner_ip())),
            "tcp from 9.9.9.1 vni 0",
        ),
        (
            "geneve of a future version",
            in_udp(6081, &[0x40, 0, 8, 0, 0, 0, 0, 0]),
            "tunnel_malformed",
        ),
        (
            "a gateway load balancer's geneve around the mirror's vxlan",
            in_udp(
                6081,
                &geneve(
                    0,
                    0x0800,
                    32,
                    &ipv4(
                        [10, 0, 3, 7],
                        [8; 4],
                        17,
                        &udp(1, 4789, &vxlan(8, 77, &frame)),
                    ),
                ),
            ),
            "tcp from 10.0.3.7 vni 77",
        ),
        (
            "an overlay's vxlan inside the mirror's",
            in_udp(
                4789,
                &vxlan(
                    8,
                    5,
                    &ethernet(
                        0x0800,
                        &ipv4([3; 4], [4; 4], 17, &udp(1, 8472, &vxlan(8, 1, &frame))),
                    ),
                ),
            ),
            "tcp from 9.9.9.1 vni 5",
        ),
        (
            "gre ip",
            around(47, &gre(0, 0x0800, 0, &inner_ip())),
            "tcp from 9.9.9.1",
        ),
        (
            "gre with checksum, key and sequence",
            around(47, &gre(0xb0, 0x6558, 12, &frame)),
            "tcp from 9.9.9.1",
        ),
        (
            "erspan I",
            around(47, &gre(0, 0x88be, 0, &frame)),
            "tcp from 9.9.9.1",
        ),
        (
            "erspan II",
            around(47, &gre(0x10, 0x88be, 4, &erspan2(&frame))),
            "tcp from 9.9.9.1",
        ),
        (
            "erspan III",
            around(47, &gre(0x10, 0x22eb, 4, &erspan3(false, &frame))),
            "tcp from 9.9.9.1",
        ),
        (
            "erspan III with subheader",
            around(47, &gre(0x10, 0x22eb, 4, &erspan3(true, &frame))),
            "tcp from 9.9.9.1",
        ),
        ("ip in ip", around(4, &inner_ip()), "tcp from 9.9.9.1"),
        (
            "6in4",
            around(41, &ipv6(1, 2, 6, &inner())),
            "tcp from 9.9.9.1",
        ),
        (
            "teredo",
            in_udp(
                3544,
                &[&[0; 8], ipv6(1, 2, 6, &inner()).as_slice()].concat(),
            ),
            "tcp from 9.9.9.1",
        ),
        (
            "a proxy header before vxlan",
            in_udp(4789, &proxied),
            "tcp from 9.9.9.1 vni 5",
        ),
    ];
    for (name, bytes, expected) in cases {
        check(name, LinkType::Ethernet, bytes, expected);
        let proxy = run(LinkType::Ethernet, bytes).proxy_header;
        assert_eq!(proxy, name.contains("proxy"), "{name}");
    }
    check(
        "a socket's datagram",
        LinkType::Vxlan,
        &vxlan(8, 5, &frame),
        "tcp vni 5",
    );
}

#[test]
fn nesting_is_capped() {
    for (tunnels, expected) in [
        (6, "tcp from 9.9.9.9 vni 1"),
        (7, "nesting_too_deep"),
        (50, "nesting_too_deep"),
    ] {
        let mut frame = inner_frame();
        for _ in 0..tunnels {
            let datagram = udp(1, 4789, &vxlan(8, 1, &frame));
            frame = ethernet(0x0800, &ipv4([9; 4], [8; 4], 17, &datagram));
        }
        assert_eq!(
            describe(&run(LinkType::Ethernet, &frame)),
            expected,
            "{tunnels} tunnels"
        );
    }
}

#[test]
fn networks_inside_the_mirrored_one_keep_connections_apart() {
    let wrapped = |vnis: &[u32]| {
        let mut frame = inner_frame();
        for vni in vnis {
            frame = ethernet(
                0x0800,
                &ipv4([9; 4], [8; 4], 17, &udp(1, 4789, &vxlan(8, *vni, &frame))),
            );
        }
        run(LinkType::Ethernet, &frame).wrapping
    };
    assert_eq!(wrapped(&[1, 5]).vni, wrapped(&[2, 5]).vni);
    assert_ne!(wrapped(&[1, 5]), wrapped(&[2, 5]));
    assert_ne!(wrapped(&[0, 5]), wrapped(&[5]));
    assert_eq!(wrapped(&[1, 5]), wrapped(&[1, 5]));
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
    let mut jumbo = v6.clone();
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
                let decoded = decode_datagram(&datagram, decoded.wrapping, &PORTS, limits);
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
    let mut cut = pieces.clone();
    cut[1].truncate(20 + 30);
    assert_eq!(
        reassemble(&cut[..2], &limits),
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
