//! One connection's segments in any order, with losses, cuts and repetitions, against what was sent.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use benches::wire::{TcpPacket, flags};
use recorder_core::{Frame, Limits, LinkType};
use schema::{Certainty, Completeness, Exchange, Timestamp};

use super::input::Input;
use crate::{Recording, check_conservation, options, record_frames};

/// What the mirror does in the end, and what must then hold beside the law that what is called whole was sent so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Every byte comes in the end, and nothing is given up: every exchange is whole.
    Lossless,
    /// No time passes: what is missing is exactly what was never captured.
    Timeless,
    /// Time passes, and bounds are narrow.
    Narrow,
}

/// Takes a byte of options (the lowest two bits: the mode; 4: the sequence numbers wrap; the rest: how many exchanges), and
/// operations of five bytes each, see `Wire::operate`.
///
/// # Panics
/// If what is recorded contradicts what was sent.
pub fn fuzz_reassembly(data: &[u8]) {
    let mut input = Input(data);
    let first = input.byte();
    let mode = match first & 3 {
        0 => Mode::Lossless,
        1 => Mode::Timeless,
        _ => Mode::Narrow,
    };
    let origin = if first & 4 == 0 { 1_000 } else { 0xffff_ff80 };
    let mut wire = Wire::new(origin, usize::from(first >> 3) % 5 + 1);
    wire.handshake();
    while !input.is_empty() {
        wire.operate(&mut input, mode);
    }
    if mode == Mode::Lossless {
        wire.send_everything();
    }
    wire.close();
    let recording = wire.record(mode);
    wire.check(&recording, mode);
}

/// A connection whose both ends have sent everything already, and what the mirror makes of it.
struct Wire {
    origin: u32,
    /// What each end sent.
    streams: [Vec<u8>; 2],
    /// Where each end's messages end.
    ends: [Vec<usize>; 2],
    /// Which bytes were captured.
    captured: [BTreeSet<usize>; 2],
    at: Timestamp,
    /// Time, bytes captured, bytes on the wire.
    frames: Vec<(Timestamp, Vec<u8>, u32)>,
}

impl Wire {
    fn new(origin: u32, exchanges: usize) -> Self {
        let (mut streams, mut ends) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        for number in 0..exchanges {
            for (side, message) in message(number).into_iter().enumerate() {
                streams[side].extend(message);
                ends[side].push(streams[side].len());
            }
        }
        Self {
            origin,
            streams,
            ends,
            captured: Default::default(),
            at: Timestamp::from_micros(1_795_352_400_000_000),
            frames: Vec::new(),
        }
    }

    /// An operation: kind and end (one byte), place (two), length (one), cut or time (one).
    fn operate(&mut self, input: &mut Input<'_>, mode: Mode) {
        let kind = input.byte();
        let (place, len, extra) = (input.word(), input.byte(), input.byte());
        let side = usize::from(kind & 1);
        let stream = self.streams[side].len();
        let at = usize::from(place) % (stream + 1);
        match (kind >> 1) % 8 {
            // A segment, or a copy of one.
            0..=3 => self.segment(side, at, usize::from(len), 0),
            // A segment whose tail the mirror cut off: lost for good, even if another copy has it.
            4 if mode == Mode::Narrow => {
                self.segment(side, at, usize::from(len), usize::from(extra));
            }
            // An acknowledgement of anything that the other end sent.
            5 => {
                let acked = usize::from(place) % (self.streams[1 - side].len() + 1);
                self.packet(side, flags::ACK, at, acked, 0, 0);
            }
            // A keep-alive probe after a message whose answer is there: a byte that is none of the stream's.
            6 => {
                let end = self.ends[side][usize::from(place) % self.ends[side].len()];
                self.packet(1 - side, flags::ACK, 0, end, 0, 0);
                self.probe(side, end);
            }
            _ if mode == Mode::Narrow => {
                self.at = self
                    .at
                    .saturating_add(Duration::from_millis(8) * u32::from(extra));
            }
            _ => {}
        }
    }

    fn handshake(&mut self) {
        self.control(0, flags::SYN, self.origin.wrapping_sub(1), 0);
        self.control(
            1,
            flags::SYN | flags::ACK,
            self.origin.wrapping_sub(1),
            self.origin,
        );
    }

    /// Both streams again from the start to the end, an exchange at a time.
    fn send_everything(&mut self) {
        let mut from = [0, 0];
        for exchange in 0..self.ends[0].len() {
            for side in [0, 1] {
                let end = self.ends[side][exchange];
                self.segment(side, from[side], end - from[side], 0);
                from[side] = end;
            }
        }
    }

    fn close(&mut self) {
        for side in [0, 1] {
            let (end, peer) = (self.streams[side].len(), self.streams[1 - side].len());
            let fins = usize::from(side == 1);
            self.packet(side, flags::FIN | flags::ACK, end, peer + fins, 0, 0);
        }
    }

    /// A segment as it was sent: inside one message, acknowledging what came before that.
    fn segment(&mut self, side: usize, at: usize, len: usize, cut: usize) {
        let end = self.ends[side].iter().copied().find(|end| *end > at);
        let len = len.min(end.unwrap_or(at) - at);
        if len == 0 {
            return;
        }
        let number = self.ends[side].iter().filter(|end| **end <= at).count();
        // A request follows the answer before it, an answer follows its request.
        let before = (number + side).checked_sub(1);
        let acked = before.map_or(0, |before| self.ends[1 - side][before]);
        self.packet(side, flags::ACK, at, acked, len, cut.min(len));
    }

    fn packet(&mut self, side: usize, bits: u8, at: usize, acked: usize, len: usize, cut: usize) {
        let payload = self.streams[side][at..at + len].to_vec();
        self.captured[side].extend(at..at + len - cut);
        let mut bytes = self.bytes(side, bits, at as u32, acked as u32, &payload);
        let wire_len = bytes.len() as u32;
        bytes.truncate(bytes.len() - cut);
        self.frames.push((self.at, bytes, wire_len));
    }

    fn probe(&mut self, side: usize, end: usize) {
        let bytes = self.bytes(side, flags::ACK, end as u32 - 1, 0, &[0]);
        let wire_len = bytes.len() as u32;
        self.frames.push((self.at, bytes, wire_len));
    }

    fn control(&mut self, side: usize, bits: u8, seq: u32, ack: u32) {
        let place = |number: u32| number.wrapping_sub(self.origin);
        let bytes = self.bytes(side, bits, place(seq), place(ack), &[]);
        let wire_len = bytes.len() as u32;
        self.frames.push((self.at, bytes, wire_len));
    }

    fn bytes(&self, side: usize, bits: u8, at: u32, acked: u32, payload: &[u8]) -> Vec<u8> {
        let ends = [([10, 0, 0, 1], 40_000).into(), ([10, 0, 0, 2], 80).into()];
        let packet = TcpPacket {
            from: ends[side],
            to: ends[1 - side],
            seq: self.origin.wrapping_add(at),
            ack: self.origin.wrapping_add(acked),
            flags: bits,
            id: 0,
            timestamps: [0, 0],
            payload,
        };
        packet.ip()
    }

    fn record(&self, mode: Mode) -> Recording {
        let source: Arc<str> = "fuzz".into();
        let frames = self.frames.iter().map(|(at, bytes, wire_len)| Frame {
            at: *at,
            link: LinkType::RawIp,
            bytes,
            wire_len: *wire_len,
            source: &source,
        });
        let wide = Limits {
            gap_grace_frames: u16::MAX,
            ..Limits::default()
        };
        let narrow = Limits {
            gap_grace_frames: 8,
            gap_wait: Duration::from_secs(2),
            held_bytes_half_max: 1_024,
            held_bytes_max: 1_536,
            ..Limits::default()
        };
        let limits = if mode == Mode::Narrow { narrow } else { wide };
        let recording = record_frames(frames, limits, options());
        check_conservation(self.frames.len() as u64, &recording);
        recording
    }

    fn check(&self, recording: &Recording, mode: Mode) {
        let mut whole = BTreeSet::new();
        for exchange in &recording.exchanges {
            let certain =
                exchange.framing == Certainty::Exact && exchange.pairing == Certainty::Exact;
            if exchange.completeness == Completeness::Complete && certain {
                let number = self.number(exchange);
                assert!(whole.insert(number), "exchange {number} twice");
            }
        }
        let sent: usize = self.streams.iter().map(Vec::len).sum();
        let captured: usize = self.captured.iter().map(BTreeSet::len).sum();
        let totals = &recording.totals;
        match mode {
            Mode::Lossless => {
                assert_eq!(whole.len(), self.ends[0].len(), "{:?}", recording.exchanges);
                assert_eq!(totals.ledger.gap_bytes, 0);
                assert_eq!(totals.bytes_delivered, sent as u64);
            }
            Mode::Timeless => {
                assert_eq!(totals.bytes_delivered, captured as u64);
                assert_eq!(totals.ledger.gap_bytes, (sent - captured) as u64);
            }
            Mode::Narrow => {}
        }
    }

    /// Which exchange a row is that claims to be whole.
    fn number(&self, exchange: &Exchange) -> usize {
        let (request, response) = (exchange.request.as_ref(), exchange.response.as_ref());
        let (request, response) = (
            request.expect("it is whole"),
            response.expect("it is whole"),
        );
        let number: usize = request.path[1..].parse().expect("a path that was sent");
        let [sent, answer] = contents(number);
        assert_eq!(request.body.bytes, sent, "{exchange:?}");
        assert_eq!(response.body.bytes, answer, "{exchange:?}");
        assert_eq!(response.status, STATUS + number as u16);
        number
    }
}

/// Status of the first answer; each later one has the next. None of them says that there is no body.
const STATUS: u16 = 210;

/// The bodies of an exchange.
fn contents(number: usize) -> [Vec<u8>; 2] {
    let body = |seed: usize, len: usize| {
        (0..len)
            .map(|at| b'a' + ((at * at + at * seed) % 23) as u8)
            .collect()
    };
    let lengths = [[0, 40], [300, 0], [7, 500], [150, 90], [1, 1]];
    let [request, response] = lengths[number % lengths.len()];
    [body(number, request), body(number + 7, response)]
}

/// The messages of an exchange; every second answer is chunked.
fn message(number: usize) -> [Vec<u8>; 2] {
    let [sent, answer] = contents(number);
    let mut request = format!(
        "POST /{number} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
        sent.len()
    )
    .into_bytes();
    request.extend(&sent);
    let status = STATUS as usize + number;
    let mut response = if number.is_multiple_of(2) {
        format!("HTTP/1.1 {status} OK\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes()
    } else {
        format!(
            "HTTP/1.1 {status} OK\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        )
        .into_bytes()
    };
    if number.is_multiple_of(2) {
        for chunk in answer.chunks(60) {
            response.extend(format!("{:x}\r\n", chunk.len()).bytes());
            response.extend(chunk);
            response.extend(b"\r\n");
        }
        response.extend(b"0\r\n\r\n");
    } else {
        response.extend(&answer);
    }
    [request, response]
}
