//! Frames inside frames.

use super::frames::{erspan2, erspan3, geneve, gre, vxlan};
use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
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
    check(
        "a socket's GENEVE datagram",
        LinkType::Geneve,
        &geneve(6, 0x6558, 32, &frame),
        "tcp vni 6",
    );
    let mirrored = udp(1, 4789, &vxlan(8, 77, &frame));
    check(
        "a gateway load balancer's datagram with the mirror's inside",
        LinkType::Geneve,
        &geneve(0, 0x0800, 32, &ipv4([10, 0, 3, 7], [8; 4], 17, &mirrored)),
        "tcp from 10.0.3.7 vni 77",
    );
}

#[test]
fn tunnels_are_read_on_any_port_that_is_named() {
    let frame = inner_frame();
    let around = |port, payload: &[u8]| {
        let datagram = udp(65_500, port, payload);
        ethernet(0x0800, &ipv4([9, 9, 9, 1], [9, 9, 9, 2], 17, &datagram))
    };
    let ports = TunnelPorts {
        vxlan: vec![8_888],
        geneve: vec![9_999],
    };
    for (bytes, expected) in [
        (
            around(8_888, &vxlan(8, 5, &frame)),
            "tcp from 9.9.9.1 vni 5",
        ),
        (
            around(9_999, &geneve(6, 0x6558, 0, &frame)),
            "tcp from 9.9.9.1 vni 6",
        ),
        (around(4_789, &vxlan(8, 5, &frame)), "not tcp"),
        (around(6_081, &geneve(6, 0x6558, 0, &frame)), "not tcp"),
    ] {
        let source: Arc<str> = "file".into();
        let frame = Frame {
            at: Timestamp::MIN,
            link: LinkType::Ethernet,
            bytes: &bytes,
            wire_len: u32::try_from(bytes.len()).unwrap(),
            source: &source,
        };
        let decoded = decode(&frame, &ports, &Limits::default());
        assert_eq!(describe(&decoded), expected);
    }
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
