//! Which socket of a group gets a datagram: a classic BPF program that reads the flow inside and chooses as
//! [`recorder_core::Dispatcher`] does, so that both directions of a connection come to the same thread.
//!
//! Rings of one network interface are chosen between by the same program over packets without a tunnel.
//!
//! The program reads what nearly all mirrored traffic is: TCP in unfragmented IPv4, or in IPv6 without extension headers,
//! directly in Ethernet. Everything else goes to the first socket, whose thread forwards it. A load from behind the end of
//! a datagram ends the program with the first socket too.

use recorder_core::LinkType;

use super::sys::Instruction;

// Operation codes, `linux/bpf_common.h`.
const LOAD_HALF: u16 = 0x28;
const LOAD_BYTE: u16 = 0x30;
// The same at an offset from the index register.
const LOAD_WORD_INDEXED: u16 = 0x40;
const LOAD_HALF_INDEXED: u16 = 0x48;
const LOAD_BYTE_INDEXED: u16 = 0x50;
const LOAD_MEMORY: u16 = 0x60;
const LOAD_INDEX: u16 = 0x01;
const LOAD_INDEX_MEMORY: u16 = 0x61;
const STORE_MEMORY: u16 = 0x02;
const STORE_INDEX: u16 = 0x03;
const ACCUMULATOR_TO_INDEX: u16 = 0x07;
const INDEX_TO_ACCUMULATOR: u16 = 0x87;
const ADD: u16 = 0x04;
const ADD_INDEX: u16 = 0x0c;
const MULTIPLY: u16 = 0x24;
const AND: u16 = 0x54;
const SHIFT_LEFT: u16 = 0x64;
const SHIFT_RIGHT: u16 = 0x74;
const MODULO: u16 = 0x94;
const XOR_INDEX: u16 = 0xac;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_SET: u16 = 0x45;
const RETURN: u16 = 0x06;
const RETURN_ACCUMULATOR: u16 = 0x16;
/// The low bits of every jump.
const JUMP: u16 = 0x05;

const TCP: u32 = 6;
const UDP: u32 = 17;
const ETHERTYPE_IPV4: u32 = 0x0800;
const ETHERTYPE_IPV6: u32 = 0x86dd;
const ETHERNET_IN_GENEVE: u32 = 0x6558;

/// Where the innermost IP header begins, from the index register.
const IP: u32 = 8;

/// Offsets from here on count from the network header, wherever that lies (`SKF_NET_OFF`).
const NETWORK_HEADER: u32 = (-0x10_0000_i32).cast_unsigned();

/// Where a jump goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    /// To the next instruction.
    Next,
    /// The inner packet is IPv4, at [`IP`] from the index register.
    Ipv4,
    /// The same for IPv6.
    Ipv6,
    /// GENEVE holds IP without Ethernet.
    BareIp,
    /// The flow cannot be read.
    Other,
}

/// A program under construction.
#[derive(Debug, Default)]
struct Assembler {
    code: Vec<(Instruction, [Label; 2])>,
    places: Vec<(Label, usize)>,
}

/// The program for a group of `shards` sockets that receive `tunnel`, whose inner VXLAN comes on port `vxlan_port`; or, of
/// Ethernet, for rings of a network interface.
///
/// # Panics
/// If neither receives `tunnel`.
pub(super) fn program(tunnel: LinkType, vxlan_port: u16, shards: u32) -> Vec<Instruction> {
    let mut program = Assembler::default();
    match tunnel {
        LinkType::Vxlan => program.vxlan(),
        LinkType::Geneve => program.geneve(u32::from(vxlan_port)),
        LinkType::Ethernet => program.captured(),
        _ => panic!("no socket receives {tunnel:?}"),
    }
    program.ipv4(shards);
    program.ipv6(shards);
    program.place(Label::Other);
    program.add(RETURN, 0);
    program.finish()
}

impl Assembler {
    /// RFC 7348 section 5: 8 bytes of VXLAN, 14 of Ethernet.
    fn vxlan(&mut self) {
        self.add(LOAD_INDEX, 14);
        self.ether_type(8 + 12);
    }

    /// RFC 8926 section 3.4, with Ethernet or IP inside; and what a gateway load balancer sends: IP, UDP and VXLAN inside.
    fn geneve(&mut self, vxlan_port: u32) {
        // The index register is the length of the options.
        self.add(LOAD_BYTE, 0);
        self.add(AND, 0x3f);
        self.add(SHIFT_LEFT, 2);
        self.add(ACCUMULATOR_TO_INDEX, 0);
        self.add(LOAD_HALF, 2);
        self.jump(JUMP_EQUAL, ETHERTYPE_IPV4, Label::BareIp, Label::Next);
        self.jump(JUMP_EQUAL, ETHERTYPE_IPV6, Label::Ipv6, Label::Next);
        self.jump(JUMP_EQUAL, ETHERNET_IN_GENEVE, Label::Next, Label::Other);
        self.add(LOAD_HALF_INDEXED, 8 + 12);
        self.add(STORE_MEMORY, 0);
        self.advance(14);
        self.add(LOAD_MEMORY, 0);
        self.jump(JUMP_EQUAL, ETHERTYPE_IPV4, Label::Ipv4, Label::Next);
        self.jump(JUMP_EQUAL, ETHERTYPE_IPV6, Label::Ipv6, Label::Other);

        self.place(Label::BareIp);
        self.add(LOAD_BYTE_INDEXED, IP + 9);
        self.jump(JUMP_EQUAL, UDP, Label::Next, Label::Ipv4);
        self.add(LOAD_HALF_INDEXED, IP + 6);
        self.jump(JUMP_SET, 0x3fff, Label::Other, Label::Next);
        self.skip_ipv4_header();
        self.add(LOAD_HALF_INDEXED, IP + 2);
        self.jump(JUMP_EQUAL, vxlan_port, Label::Next, Label::Other);
        // UDP, VXLAN and Ethernet.
        self.add(LOAD_HALF_INDEXED, IP + 8 + 8 + 12);
        self.add(STORE_MEMORY, 0);
        self.advance(8 + 8 + 14);
        self.add(LOAD_MEMORY, 0);
        self.jump(JUMP_EQUAL, ETHERTYPE_IPV4, Label::Ipv4, Label::Next);
        self.jump(JUMP_EQUAL, ETHERTYPE_IPV6, Label::Ipv6, Label::Other);
    }

    /// What rings share begins with Ethernet or with IP, by the way that it takes; where IP begins, the kernel knows.
    fn captured(&mut self) {
        self.add(LOAD_INDEX, NETWORK_HEADER.wrapping_sub(IP));
        self.add(LOAD_BYTE_INDEXED, IP);
        self.add(SHIFT_RIGHT, 4);
        self.jump(JUMP_EQUAL, 4, Label::Ipv4, Label::Next);
        self.jump(JUMP_EQUAL, 6, Label::Ipv6, Label::Other);
    }

    /// Goes on by the EtherType at `offset`.
    fn ether_type(&mut self, offset: u32) {
        self.add(LOAD_HALF, offset);
        self.jump(JUMP_EQUAL, ETHERTYPE_IPV4, Label::Ipv4, Label::Next);
        self.jump(JUMP_EQUAL, ETHERTYPE_IPV6, Label::Ipv6, Label::Other);
    }

    fn ipv4(&mut self, shards: u32) {
        self.place(Label::Ipv4);
        self.add(LOAD_BYTE_INDEXED, IP + 9);
        self.jump(JUMP_EQUAL, TCP, Label::Next, Label::Other);
        // Fragments have no ports, but for the first: they go where all of them meet.
        self.add(LOAD_HALF_INDEXED, IP + 6);
        self.jump(JUMP_SET, 0x3fff, Label::Other, Label::Next);
        self.fold(IP + 12, 2);
        self.skip_ipv4_header();
        self.choose(IP, shards);
    }

    fn ipv6(&mut self, shards: u32) {
        self.place(Label::Ipv6);
        self.add(LOAD_BYTE_INDEXED, IP + 6);
        self.jump(JUMP_EQUAL, TCP, Label::Next, Label::Other);
        self.fold(IP + 8, 8);
        self.choose(IP + 40, shards);
    }

    /// Memory word 0 becomes the exclusive or of `words` words from `offset`: of both addresses.
    fn fold(&mut self, offset: u32, words: u32) {
        // The index register is needed for the exclusive or; memory word 2 keeps it.
        self.add(STORE_INDEX, 2);
        self.add(LOAD_WORD_INDEXED, offset);
        self.add(STORE_MEMORY, 0);
        for word in 1..words {
            self.add(LOAD_WORD_INDEXED, offset + 4 * word);
            self.add(LOAD_INDEX_MEMORY, 0);
            self.add(XOR_INDEX, 0);
            self.add(STORE_MEMORY, 0);
            self.add(LOAD_INDEX_MEMORY, 2);
        }
    }

    /// Mixes the folded addresses with the ports at `offset`, and returns a socket. What is computed is what
    /// `recorder_core::Dispatcher` computes.
    fn choose(&mut self, offset: u32, shards: u32) {
        self.add(LOAD_HALF_INDEXED, offset);
        self.add(STORE_MEMORY, 1);
        self.add(LOAD_HALF_INDEXED, offset + 2);
        self.add(LOAD_INDEX_MEMORY, 1);
        self.add(XOR_INDEX, 0);
        self.add(LOAD_INDEX_MEMORY, 0);
        self.add(XOR_INDEX, 0);
        self.add(MULTIPLY, 0x9e37_79b1);
        self.add(SHIFT_RIGHT, 16);
        self.add(MODULO, shards);
        self.add(RETURN_ACCUMULATOR, 0);
    }

    /// Adds the length of the IPv4 header at [`IP`] to the index register.
    fn skip_ipv4_header(&mut self) {
        self.add(LOAD_BYTE_INDEXED, IP);
        self.add(AND, 0x0f);
        self.add(SHIFT_LEFT, 2);
        self.add(ADD_INDEX, 0);
        self.add(ACCUMULATOR_TO_INDEX, 0);
    }

    /// Adds `bytes` to the index register.
    fn advance(&mut self, bytes: u32) {
        self.add(INDEX_TO_ACCUMULATOR, 0);
        self.add(ADD, bytes);
        self.add(ACCUMULATOR_TO_INDEX, 0);
    }

    fn add(&mut self, code: u16, value: u32) {
        self.jump(code, value, Label::Next, Label::Next);
    }

    fn jump(&mut self, code: u16, value: u32, then: Label, otherwise: Label) {
        let instruction = Instruction {
            code,
            jt: 0,
            jf: 0,
            k: value,
        };
        self.code.push((instruction, [then, otherwise]));
    }

    fn place(&mut self, label: Label) {
        self.places.push((label, self.code.len()));
    }

    /// Resolves the jumps.
    fn finish(self) -> Vec<Instruction> {
        let Self { code, places } = self;
        let distance = |from: usize, label: Label| {
            let place = places.iter().find(|(placed, _)| *placed == label);
            let to = place.map_or(from + 1, |(_, place)| *place);
            u8::try_from(to - from - 1).expect("the program is shorter than a jump can be")
        };
        let resolve =
            |(at, (mut instruction, [then, otherwise])): (usize, (Instruction, [Label; 2]))| {
                if instruction.code & 0x07 == JUMP {
                    instruction.jt = distance(at, then);
                    instruction.jf = distance(at, otherwise);
                }
                instruction
            };
        code.into_iter().enumerate().map(resolve).collect()
    }
}

#[cfg(test)]
mod tests;
