//! HTTP/1 bytes of both directions, with gaps: where packets are cut makes no difference.

use std::sync::Arc;
use std::time::Duration;

use benches::wire::{TcpPacket, flags};
use recorder_core::{Anomaly, Frame, Limits, LinkType};
use schema::Timestamp;

use super::input::Input;
use crate::{Recording, check_conservation, options, record_frames};

/// Most bytes of one step, and of one packet.
const STEP_BYTES_MAX: usize = 4_096;

/// What happens next on the connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    /// An end sends bytes; it acknowledges all that the other one sent, or no more than with its last bytes.
    Send {
        side: usize,
        acknowledges: bool,
        bytes: &'a [u8],
    },
    /// An end sends bytes that the mirror loses.
    Lose { side: usize, len: u16 },
}

/// Takes a byte of options (1: the handshake is seen, 2: both ends close), a seed of the borders (two bytes), and steps: one
/// byte (1: the server sends, 2: the mirror loses, 4: nothing new is acknowledged), length (two bytes, low first), and the
/// bytes.
///
/// # Panics
/// If the borders of packets change what is recorded.
pub fn fuzz_h1(data: &[u8]) {
    let (options, seed, steps) = parse(data);
    check_borders(&steps, options, seed);
}

/// Options, seed and steps of an input.
pub(super) fn parse(data: &[u8]) -> (u8, u16, Vec<Step<'_>>) {
    let mut input = Input(data);
    let options = input.byte();
    let seed = input.word();
    let mut steps = Vec::new();
    while !input.is_empty() {
        let kind = input.byte();
        let len = usize::from(input.word()) % (STEP_BYTES_MAX + 1);
        let side = usize::from(kind & 1);
        steps.push(if kind & 2 == 0 {
            Step::Send {
                side,
                acknowledges: kind & 4 == 0,
                bytes: input.take(len),
            }
        } else {
            Step::Lose {
                side,
                len: len as u16,
            }
        });
    }
    (options, seed, steps)
}

/// Records the steps in large packets and in small ones, and gives what came of it.
pub(super) fn check_borders(steps: &[Step<'_>], options: u8, seed: u16) -> Recording {
    let whole = run(steps, options, |len| len);
    let mut state = u32::from(seed) << 1 | 1;
    let parts = run(steps, options, |len| {
        state = state.wrapping_mul(0x915f_77f5).wrapping_add(0x3c6e_f35f);
        let choice = (state >> 16) as usize;
        // Small pieces mostly: heads and chunk sizes are cut often.
        if choice.is_multiple_of(4) {
            len
        } else {
            1 + choice / 4 % 7
        }
    });
    assert_eq!(summary(&parts), summary(&whole));
    for (part, whole) in parts.exchanges.iter().zip(&whole.exchanges) {
        assert_eq!(part, whole);
    }
    whole
}

/// Records the steps with packets whose length `cut` chooses.
fn run(steps: &[Step<'_>], options: u8, mut cut: impl FnMut(usize) -> usize) -> Recording {
    let mut wire = Wire::default();
    if options & 1 != 0 {
        wire.packet(0, flags::SYN, &[]);
        wire.next[0] = wire.next[0].wrapping_add(1);
        wire.packet(1, flags::SYN | flags::ACK, &[]);
        wire.next[1] = wire.next[1].wrapping_add(1);
    }
    wire.seen = wire.next;
    for step in steps {
        match *step {
            Step::Send {
                side,
                acknowledges,
                mut bytes,
            } => {
                if acknowledges {
                    wire.seen[side] = wire.next[1 - side];
                }
                while !bytes.is_empty() {
                    let mut len = cut(bytes.len()).min(bytes.len());
                    // Where the beginning was not seen, a packet with a single zero may be a keep-alive probe.
                    let is_joined = options & 1 == 0;
                    if is_joined && (bytes[..len] == [0] || bytes[len..] == [0]) {
                        len = bytes.len().min(len + 1);
                    }
                    let (piece, rest) = bytes.split_at(len);
                    wire.packet(side, flags::ACK, piece);
                    wire.next[side] = wire.next[side].wrapping_add(piece.len() as u32);
                    bytes = rest;
                }
            }
            Step::Lose { side, len } => {
                wire.next[side] = wire.next[side].wrapping_add(u32::from(len));
                wire.seen[1 - side] = wire.next[side];
                wire.packet(1 - side, flags::ACK, &[]);
            }
        }
    }
    if options & 2 != 0 {
        for side in [0, 1] {
            wire.seen[side] = wire.next[1 - side];
            wire.packet(side, flags::FIN | flags::ACK, &[]);
            wire.next[side] = wire.next[side].wrapping_add(1);
        }
    }
    wire.record()
}

/// Packets of one connection in the making, all captured at the same time.
struct Wire {
    next: [u32; 2],
    /// How far each end has acknowledged the other.
    seen: [u32; 2],
    frames: Vec<Vec<u8>>,
}

impl Default for Wire {
    fn default() -> Self {
        let next = [1_000, 5_000];
        Self {
            next,
            seen: [next[1], next[0]],
            frames: Vec::new(),
        }
    }
}

impl Wire {
    fn packet(&mut self, side: usize, flags: u8, payload: &[u8]) {
        let ends = [([10, 0, 0, 1], 40_000).into(), ([10, 0, 0, 2], 80).into()];
        let packet = TcpPacket {
            from: ends[side],
            to: ends[1 - side],
            seq: self.next[side],
            ack: if flags == flags::SYN {
                0
            } else {
                self.seen[side]
            },
            flags,
            id: 0,
            timestamps: [0, 0],
            payload,
        };
        self.frames.push(packet.ip());
    }

    fn record(&self) -> Recording {
        let source: Arc<str> = "fuzz".into();
        let frames = self.frames.iter().map(|bytes| Frame {
            at: Timestamp::from_micros(1_795_352_400_000_000),
            link: LinkType::RawIp,
            bytes,
            wire_len: bytes.len() as u32,
            source: &source,
        });
        // What is acknowledged and not there is lost at once: how many packets come meanwhile must not matter.
        let limits = Limits {
            gap_grace: Duration::ZERO,
            ..Limits::default()
        };
        let recording = record_frames(frames, limits, options());
        check_conservation(self.frames.len() as u64, &recording);
        recording
    }
}

/// What does not depend on the number of packets.
fn summary(recording: &Recording) -> (usize, [u64; 3], Vec<(Anomaly, u64)>) {
    let totals = &recording.totals;
    let bytes = [
        totals.bytes_http,
        totals.ledger.bytes_not_http,
        totals.ledger.bytes_tls,
    ];
    let anomalies = Anomaly::ALL
        .iter()
        .filter(|anomaly| !anomaly.as_str().starts_with("tcp_"))
        .map(|&anomaly| (anomaly, totals.anomaly(anomaly)));
    (recording.exchanges.len(), bytes, anomalies.collect())
}
