//! The program runs where it will run: in the kernel, which says by delivering where it sends a datagram.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::sync::Arc;

use recorder_core::{Dispatcher, Frame, Limits, TunnelPorts};
use schema::Timestamp;
use socket2::{Domain, Protocol, Socket, Type};

use super::super::sys;
use super::*;

const SHARDS: u32 = 4;

/// A group of sockets with the program, and one that sends to them.
struct Group {
    tunnel: LinkType,
    sockets: Vec<UdpSocket>,
    sender: UdpSocket,
    dispatcher: Dispatcher,
}

impl Group {
    fn new(tunnel: LinkType) -> Self {
        let mut address: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let sockets: Vec<UdpSocket> = (0..SHARDS)
            .map(|_| {
                let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
                socket.set_reuse_port(true).unwrap();
                socket.bind(&address.into()).unwrap();
                let socket = UdpSocket::from(socket);
                address = socket.local_addr().unwrap();
                socket
            })
            .collect();
        sys::attach_steering(sockets[0].as_fd(), &mut program(tunnel, 4789, SHARDS)).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.connect(address).unwrap();
        Self {
            tunnel,
            sockets,
            sender,
            dispatcher: Dispatcher::new(TunnelPorts::default(), Limits::default()),
        }
    }

    /// The shard that the datagram belongs to, and the one that the kernel gives it to.
    fn shards(&mut self, datagram: &[u8]) -> (u32, u32) {
        let source: Arc<str> = "test".into();
        let hash = self.dispatcher.hash(&Frame {
            at: Timestamp::MIN,
            link: self.tunnel,
            bytes: datagram,
            wire_len: u32::try_from(datagram.len()).unwrap(),
            source: &source,
        });
        self.sender.send(datagram).unwrap();
        let fds: Vec<_> = self.sockets.iter().map(|socket| socket.as_fd()).collect();
        sys::wait(&fds, 5_000);
        let mut got = None;
        for (index, socket) in (0..).zip(&self.sockets) {
            socket.set_nonblocking(true).unwrap();
            if socket.recv(&mut [0; 2_048]).is_ok() {
                got = Some(index);
            }
        }
        let belongs = u32::try_from(hash % u64::from(SHARDS)).unwrap();
        (belongs, got.expect("the datagram arrives at one socket"))
    }
}

/// TCP in IPv4 with `words` words of header; `fragment` is the field with flags and offset.
fn ipv4(from: [u8; 4], to: [u8; 4], ports: [u16; 2], words: u8, fragment: u16) -> Vec<u8> {
    let header = usize::from(words) * 4;
    let mut packet = vec![0; header + 20];
    packet[0] = 0x40 | words;
    packet[2..4].copy_from_slice(&u16::try_from(header + 20).unwrap().to_be_bytes());
    packet[6..8].copy_from_slice(&fragment.to_be_bytes());
    packet[8..10].copy_from_slice(&[64, 6]);
    packet[12..16].copy_from_slice(&from);
    packet[16..20].copy_from_slice(&to);
    tcp(&mut packet[header..], ports);
    packet
}

fn ipv6(from: [u8; 16], to: [u8; 16], ports: [u16; 2]) -> Vec<u8> {
    let mut packet = vec![0; 60];
    packet[0] = 0x60;
    packet[5..8].copy_from_slice(&[20, 6, 64]);
    packet[8..24].copy_from_slice(&from);
    packet[24..40].copy_from_slice(&to);
    tcp(&mut packet[40..], ports);
    packet
}

fn tcp(header: &mut [u8], ports: [u16; 2]) {
    header[..2].copy_from_slice(&ports[0].to_be_bytes());
    header[2..4].copy_from_slice(&ports[1].to_be_bytes());
    header[12..14].copy_from_slice(&[0x50, 0x10]);
}

fn ethernet(ether_type: u16, packet: &[u8]) -> Vec<u8> {
    [&[2; 12][..], &ether_type.to_be_bytes(), packet].concat()
}

fn vxlan(frame: &[u8]) -> Vec<u8> {
    [&[8, 0, 0, 0, 0, 0, 42, 0][..], frame].concat()
}

fn geneve(protocol: u16, options: usize, inner: &[u8]) -> Vec<u8> {
    let mut header = vec![u8::try_from(options / 4).unwrap(), 0];
    header.extend(protocol.to_be_bytes());
    header.extend([0, 0, 42, 0]);
    header.resize(8 + options, 0);
    header.extend(inner);
    header
}

/// What a gateway load balancer sends: the mirror's whole datagram inside GENEVE.
fn through_gateway(frame: &[u8], outer_words: u8) -> Vec<u8> {
    let mirrored = vxlan(frame);
    let mut packet = ipv4([10, 0, 3, 7], [10, 0, 0, 9], [0; 2], outer_words, 0);
    let header = usize::from(outer_words) * 4;
    packet.truncate(header);
    packet[9] = 17;
    let len = 8 + mirrored.len();
    packet[2..4].copy_from_slice(&u16::try_from(header + len).unwrap().to_be_bytes());
    packet.extend([0xff, 0x80]);
    packet.extend(4789_u16.to_be_bytes());
    packet.extend(u16::try_from(len).unwrap().to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(mirrored);
    geneve(0x0800, 32, &packet)
}

/// Many flows, in every wrapping that the program reads: the kernel gives each datagram, of either direction, to the socket
/// of the shard that the flow belongs to.
#[test]
fn the_kernel_chooses_as_the_dispatcher_does() {
    let mut groups = [Group::new(LinkType::Vxlan), Group::new(LinkType::Geneve)];
    let mut spread = [0_u32; SHARDS as usize];
    for flow in 0..60_u16 {
        let [high, low] = flow.wrapping_mul(7_919).to_be_bytes();
        let (client, server) = ([10, 1, high, low], [10, 2, 0, 10]);
        let ports = [32_768 + flow * 3, 8_080];
        let mut client6 = [0x20; 16];
        client6[14..].copy_from_slice(&[high, low]);
        let mut places = Vec::new();
        for backwards in [false, true] {
            let ends = if backwards {
                (server, client)
            } else {
                (client, server)
            };
            let ends6 = if backwards {
                ([1; 16], client6)
            } else {
                (client6, [1; 16])
            };
            let ports = if backwards {
                [ports[1], ports[0]]
            } else {
                ports
            };
            let words = 5 + u8::try_from(flow % 11).unwrap();
            let four = ethernet(0x0800, &ipv4(ends.0, ends.1, ports, words, 0x4000));
            let six = ethernet(0x86dd, &ipv6(ends6.0, ends6.1, ports));
            let options = usize::from(flow % 64) * 4;
            for (group, datagram) in [
                (0, vxlan(&four)),
                (0, vxlan(&six)),
                (1, geneve(0x6558, options, &four)),
                (1, geneve(0x6558, options, &six)),
                (1, geneve(0x0800, options, &four[14..])),
                (1, geneve(0x86dd, options, &six[14..])),
                (1, through_gateway(&four, words)),
                (1, through_gateway(&six, 5)),
            ] {
                let (belongs, got) = groups[group].shards(&datagram);
                assert_eq!(belongs, got, "flow {flow}, {datagram:02x?}");
                places.push(got);
            }
        }
        assert_eq!(places[..8], places[8..], "both directions of flow {flow}");
        spread[places[0] as usize] += 1;
    }
    assert!(spread.iter().all(|&flows| flows > 3), "{spread:?}");
}

/// What the program cannot read meets at the first socket, whose thread forwards it: fragments above all, which must come to
/// one thread in order.
#[test]
fn what_cannot_be_read_goes_to_the_first_socket() {
    let mut groups = [Group::new(LinkType::Vxlan), Group::new(LinkType::Geneve)];
    let plain = |fragment| ipv4([10, 1, 0, 1], [10, 2, 0, 10], [40_000, 80], 5, fragment);
    let whole = ethernet(0x0800, &plain(0));
    let mut vlan = whole.clone();
    vlan.splice(12..12, [0x81, 0, 0, 5]);
    let mut not_tcp = plain(0);
    not_tcp[9] = 1;
    for (group, datagram) in [
        (0, vxlan(&ethernet(0x0800, &plain(0x2000)))),
        (0, vxlan(&ethernet(0x0800, &plain(0x0001)))),
        (0, vxlan(&vlan)),
        (0, vxlan(&ethernet(0x0800, &not_tcp))),
        (0, vxlan(&whole[..30])),
        (0, vec![8]),
        (0, b"junk".to_vec()),
        (1, geneve(0x0800, 0, &plain(0x2000))),
        (1, geneve(0x8847, 8, &plain(0))),
        (1, vec![0x3f; 12]),
    ] {
        let (_, got) = groups[group].shards(&datagram);
        assert_eq!(got, 0, "{datagram:02x?}");
    }
}
