//! Link layers and tunnels, frames that are cut, and what is no HTTP.

use recorder_core::LinkType;
use tests::PacketScript;

use super::golden;

const GET: &str = "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// The first bytes of a TLS 1.2 ClientHello.
const CLIENT_HELLO: &[u8] = &[
    0x16, 3, 1, 0, 47, 1, 0, 0, 43, 3, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 0, 0, 4, 0x13, 1, 0x13, 2, 1,
    0,
];

fn exchange(script: PacketScript) -> PacketScript {
    script.connect().client(GET).server(OK).close()
}

golden! {
    vlan => exchange(PacketScript::new().vlan(100));
    vlan_in_vlan => exchange(PacketScript::new().vlan(100).vlan(200));
    vxlan => exchange(PacketScript::new().vxlan(1_234));
    vxlan_with_vlans => exchange(PacketScript::new().vlan(7).vxlan(1_234).vlan(8));
    ipv6 => exchange(PacketScript::new().between("[2001:db8::1]:40000", "[2001:db8::2]:80"));
    ipv6_in_vxlan => exchange(PacketScript::new().between("[2001:db8::1]:40000", "[2001:db8::2]:80").vxlan(5));
    cooked_v1 => exchange(PacketScript::new().link(LinkType::LinuxSll));
    cooked_v2 => exchange(PacketScript::new().link(LinkType::LinuxSll2));
    loopback => exchange(PacketScript::new().link(LinkType::Null));
    loopback_ipv6 => exchange(PacketScript::new().link(LinkType::Null).between("[::1]:40000", "[::1]:80"));
    raw_ip => exchange(PacketScript::new().link(LinkType::RawIp));

    /// The same addresses and ports in two networks are two connections.
    same_addresses_in_two_networks => PacketScript::new()
        .vxlan(1).connect().client(GET)
        .between("10.0.0.1:40000", "10.0.0.2:80").bare().vxlan(2).connect().client(GET)
        .on(0).bare().vxlan(1).server(OK)
        .on(1).bare().vxlan(2).server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");

    /// The mirror cut a frame inside the answer's body: it lacks those bytes, and says how many.
    truncated_in_body => PacketScript::new()
        .connect().client(GET)
        .server("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n0123456789").cut(110)
        .server("abcdefghijABCDEFGHIJ")
        .client_ack()
        .client(GET).server(OK)
        .close();

    /// The mirror cut a frame inside the answer's head.
    truncated_in_head => PacketScript::new()
        .connect().client(GET)
        .server("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n0123456789").cut(80)
        .server("abcdefghijABCDEFGHIJ")
        .client_ack()
        .client(GET).server(OK)
        .close();

    /// The mirror cut a frame inside the TCP header.
    truncated_in_tcp_header => PacketScript::new()
        .connect().client(GET)
        .server(OK).cut(40)
        .client_ack()
        .close();

    /// Datagrams to the tunnel's port that are too short, and frames of other protocols.
    undecodable => exchange(
        PacketScript::new()
            .frame(benches::wire::ethernet(&benches::wire::udp(
                "10.0.0.1:1".parse().unwrap(), "10.0.0.2:4789".parse().unwrap(), &[8, 0, 0, 0])))
            .frame([[0xff; 12].as_slice(), &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]].concat())
            .frame([1, 2, 3])
            .frame([]),
    );

    /// A request in three IP fragments, and an answer whose fragments arrive in reverse.
    ip_fragments => PacketScript::new()
        .connect()
        .client(GET).fragment(24)
        .server(OK).fragment(24).reverse(3)
        .close();

    /// The middle one of three fragments is lost, and the peer has acknowledged what it carried.
    ip_fragment_lost => PacketScript::new()
        .connect()
        .client(GET).fragment(24).reverse(2).lose(1)
        .server(OK)
        .client(GET).server(OK)
        .close();

    /// A fragment that would end beyond the longest datagram there is: dropped, and the whole ones around it are read.
    ip_fragment_out_of_bounds => {
        let script = PacketScript::new().connect().client(GET).fragment(24);
        let mut frame = script.frames()[4].bytes.clone();
        frame[20..22].copy_from_slice(&[0x1f, 0xff]);
        script.frame(frame).server(OK).close()
    };

    /// A load balancer that was told to put a PROXY header before each datagram.
    proxy_header_before_vxlan => {
        let script = PacketScript::new().connect();
        let frames = script.frames().iter().map(|frame| {
            let proxy = [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[0x20, 0, 0, 0]].concat();
            let vxlan = benches::wire::vxlan_payload(&frame.bytes, schema::Vni::new(77));
            let ends = ("10.0.3.7:50000".parse().unwrap(), "10.0.0.9:4789".parse().unwrap());
            benches::wire::ethernet(&benches::wire::udp(ends.0, ends.1, &[proxy, vxlan].concat()))
        });
        frames.fold(PacketScript::new(), PacketScript::frame)
    };

    tls => PacketScript::new()
        .connect()
        .client(CLIENT_HELLO)
        .server([0x16, 3, 3, 0, 4, 2, 0, 0, 0])
        .client([0x17, 3, 3, 0, 5, 1, 2, 3, 4, 5])
        .close();

    not_http => PacketScript::new()
        .connect()
        .server("220 mail.example ESMTP\r\n")
        .client("EHLO a.example\r\n")
        .server("250 hello\r\n")
        .close();
}
