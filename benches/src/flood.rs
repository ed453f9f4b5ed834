//! One packet from each of very many clients.

use crate::wire::{TcpPacket, flags};

/// Packets that all begin another connection to the same server.
#[derive(Clone, Debug)]
pub struct Flood {
    packet: Vec<u8>,
}

impl Flood {
    /// Connections that go no further than their SYN.
    #[must_use]
    pub fn half_open() -> Self {
        Self::of(flags::SYN, &[])
    }

    /// Connections of which one end is seen, in the middle of a request.
    #[must_use]
    pub fn one_sided() -> Self {
        let request =
            b"POST /upload HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000\r\n\r\nabcdef";
        Self::of(flags::ACK, request)
    }

    fn of(flags: u8, payload: &[u8]) -> Self {
        let packet = TcpPacket {
            from: ([10, 0, 0, 0], 40_000).into(),
            to: ([10, 255, 0, 2], 80).into(),
            seq: 1_000,
            ack: 5_000,
            flags,
            id: 0,
            timestamps: [0, 0],
            payload,
        };
        Self {
            packet: packet.ip(),
        }
    }

    /// The IP packet of client `number`, of which the lower 24 bits tell clients apart.
    pub fn packet(&mut self, number: u32) -> &[u8] {
        // Behind the version byte: the client's address.
        self.packet[13..16].copy_from_slice(&number.to_be_bytes()[1..]);
        &self.packet
    }
}
