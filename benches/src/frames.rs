//! What a mirror delivers of the traffic: frames in the order of their arrival, made one exchange at a time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use schema::Timestamp;

use crate::wire::{self, PAYLOAD_BYTES_MAX, TcpPacket, flags};
use crate::{Rng, Traffic};

/// One Ethernet frame with its capture time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimedFrame {
    /// When the mirror delivers it.
    pub at: Timestamp,
    /// The whole frame.
    pub bytes: Vec<u8>,
}

/// What became of the frames so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// Sent by the two ends.
    pub sent: u64,
    /// Never delivered.
    pub lost: u64,
    /// Delivered twice.
    pub duplicated: u64,
    /// Delivered late.
    pub reordered: u64,
}

/// Iterator over the frames, in the order of their arrival.
#[derive(Debug)]
pub struct Frames {
    traffic: Traffic,
    server: SocketAddr,
    next_exchange: u64,
    slots: Vec<Slot>,
    /// Frames that may arrive after some that are not made yet.
    pending: BinaryHeap<Reverse<(Timestamp, u64, Vec<u8>)>>,
    rng: Rng,
    counts: FrameCounts,
}

/// One keep-alive connection.
#[derive(Clone, Debug)]
struct Slot {
    client: SocketAddr,
    /// The next sequence number of client and server; `None` before the first connection.
    next: Option<[u32; 2]>,
    id: u16,
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

const FRAME_GAP: Duration = Duration::from_micros(12);

impl Frames {
    pub(crate) fn new(traffic: Traffic) -> Self {
        assert!(traffic.connections > 0, "traffic needs a connection");
        let turn = traffic.interval.as_nanos() * u128::from(traffic.connections);
        // An exchange may start at the end of its interval and the next one of its connection at the beginning.
        let longest = traffic.latency * 3 / 2 + traffic.interval + Duration::from_millis(2);
        assert!(
            longest.as_nanos() < turn || traffic.exchanges <= traffic.connections,
            "a connection would get its next request before the answer to the last: more connections or a longer interval"
        );
        let slot = Slot {
            client: traffic.client(0),
            next: None,
            id: 0,
        };
        Self {
            server: Traffic::SERVER.parse().expect("the constant is an address"),
            next_exchange: 0,
            slots: vec![slot; traffic.connections as usize],
            pending: BinaryHeap::new(),
            rng: Rng::of(traffic.seed, 4, 0),
            counts: FrameCounts::default(),
            traffic,
        }
    }

    /// What became of the frames so far.
    #[must_use]
    pub fn counts(&self) -> FrameCounts {
        self.counts
    }

    fn make_exchange(&mut self, number: u64) {
        let (slot, _) = self.traffic.place(number);
        let slot = slot as usize;
        let mut at = self.traffic.start_of(number);
        if self.slots[slot].client != self.traffic.client(number) || self.slots[slot].next.is_none()
        {
            at = self.reconnect(slot, self.traffic.client(number), number, at);
        }
        let exchange = self.traffic.exchange(number);
        at = self.send(slot, Side::Client, &exchange.request(), at);
        at = at.saturating_add(self.traffic.latency_of(number));
        self.send(slot, Side::Server, &exchange.response(), at);
        let last_of_slot = number + self.traffic.connections >= self.traffic.exchanges;
        if last_of_slot {
            let end = at.saturating_add(Duration::from_millis(1));
            self.close(slot, end);
        }
    }

    /// Closes the slot's connection, if it has one, and opens another.
    fn reconnect(
        &mut self,
        slot: usize,
        client: SocketAddr,
        number: u64,
        mut at: Timestamp,
    ) -> Timestamp {
        at = self.close(slot, at);
        let mut rng = Rng::of(self.traffic.seed, 5, number);
        let [isn_client, isn_server] = [rng.next_u64() as u32, rng.next_u64() as u32];
        self.slots[slot].client = client;
        self.slots[slot].next = Some([isn_client, isn_server]);
        for (side, bits) in [
            (Side::Client, flags::SYN),
            (Side::Server, flags::SYN | flags::ACK),
            (Side::Client, flags::ACK),
        ] {
            self.packet(slot, side, bits, &[], at);
            at = at.saturating_add(FRAME_GAP * 4);
        }
        at
    }

    fn close(&mut self, slot: usize, mut at: Timestamp) -> Timestamp {
        if self.slots[slot].next.is_none() {
            return at;
        }
        for (side, bits) in [
            (Side::Client, flags::FIN | flags::ACK),
            (Side::Server, flags::FIN | flags::ACK),
            (Side::Client, flags::ACK),
        ] {
            self.packet(slot, side, bits, &[], at);
            at = at.saturating_add(FRAME_GAP * 4);
        }
        self.slots[slot].next = None;
        at
    }

    /// Sends data; the other end acknowledges every second packet, and an answer's end.
    fn send(&mut self, slot: usize, side: Side, data: &[u8], mut at: Timestamp) -> Timestamp {
        let packets = data.len().div_ceil(PAYLOAD_BYTES_MAX);
        for (index, payload) in data.chunks(PAYLOAD_BYTES_MAX).enumerate() {
            let last = index + 1 == packets;
            let push = if last { flags::PSH } else { 0 };
            self.packet(slot, side, flags::ACK | push, payload, at);
            at = at.saturating_add(FRAME_GAP);
            // The answer itself acknowledges the request's end.
            if (index % 2 == 1 && !last) || (last && side == Side::Server) {
                self.packet(slot, side.other(), flags::ACK, &[], at);
                at = at.saturating_add(FRAME_GAP);
            }
        }
        at
    }

    fn packet(&mut self, slot: usize, side: Side, bits: u8, payload: &[u8], at: Timestamp) {
        let state = &mut self.slots[slot];
        let next = state
            .next
            .as_mut()
            .expect("packets are sent on open connections");
        let (this, that) = (side as usize, side.other() as usize);
        let ends = [state.client, self.server];
        let millis = (at.as_micros() / 1_000) as u32;
        let ack = if bits & flags::ACK == 0 {
            0
        } else {
            next[that]
        };
        let packet = TcpPacket {
            from: ends[this],
            to: ends[that],
            seq: next[this],
            ack,
            flags: bits,
            id: state.id,
            timestamps: [millis, millis.wrapping_sub(1)],
            payload,
        };
        let mut frame = packet.ethernet();
        let control = u32::from(bits & (flags::SYN | flags::FIN) != 0);
        next[this] = next[this].wrapping_add(payload.len() as u32 + control);
        state.id = state.id.wrapping_add(1);
        if let Some(vni) = self.traffic.vni {
            let mirror = Ipv4Addr::new(10, 0, 3, 7);
            frame = wire::vxlan(&frame, vni, mirror, 49_152 + state.client.port() % 16_384);
        }
        self.mirror(at, frame);
    }

    /// The mirror takes a frame: it may lose, delay or repeat it.
    fn mirror(&mut self, mut at: Timestamp, frame: Vec<u8>) {
        let impairment = self.traffic.impairment;
        let delay_max = u64::try_from(impairment.delay_max.as_micros()).unwrap_or(u64::MAX);
        self.counts.sent += 1;
        if self.rng.chance(impairment.loss) {
            self.counts.lost += 1;
            return;
        }
        if self.rng.chance(impairment.reorder) {
            self.counts.reordered += 1;
            at = at.saturating_add(Duration::from_micros(1 + self.rng.below(delay_max)));
        }
        if self.rng.chance(impairment.duplicate) {
            self.counts.duplicated += 1;
            let again = at.saturating_add(Duration::from_micros(1 + self.rng.below(delay_max)));
            self.push(again, frame.clone());
        }
        self.push(at, frame);
    }

    fn push(&mut self, at: Timestamp, frame: Vec<u8>) {
        // The count keeps frames of one instant in the order in which they were sent.
        let order = self.counts.sent;
        self.pending.push(Reverse((at, order, frame)));
    }
}

impl Iterator for Frames {
    type Item = TimedFrame;

    fn next(&mut self) -> Option<TimedFrame> {
        while self.next_exchange < self.traffic.exchanges {
            let horizon = self.traffic.start_of(self.next_exchange);
            let ready = matches!(self.pending.peek(), Some(Reverse((at, ..))) if *at < horizon);
            if ready {
                break;
            }
            let number = self.next_exchange;
            self.next_exchange += 1;
            self.make_exchange(number);
        }
        let Reverse((at, _, bytes)) = self.pending.pop()?;
        Some(TimedFrame { at, bytes })
    }
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}
