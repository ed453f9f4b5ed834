//! The pipeline alone, fed from memory on one processor: what it does when frames cost nothing to receive.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::wire::{TcpPacket, flags};
use benches::{Mix, Traffic};
use recorder_core::{Frame, Limits, LinkType, Options, Pipeline};
use schema::Timestamp;

use crate::ROUNDS;
use crate::output::{Goal, line, median, result};

/// Bytes of a small frame, and of what stands in it before the payload.
const SMALL_BYTES: usize = 200;
const HEADERS_BYTES: usize = 14 + 20 + 32;
const PAYLOAD_BYTES: usize = SMALL_BYTES - HEADERS_BYTES;

/// What of an answer's first frame is body.
const BEGUN_BYTES: usize = 20;

/// Connections that are open at once.
const CONNECTIONS: u16 = 64;

/// Frames that each server sends, however many make an answer.
const FRAMES_EACH: usize = 300;

/// How often the frames are gone through in a round, each time by a new pipeline.
const PASSES: u32 = 20;

/// Measures small frames, then bulk.
pub(super) fn measure() {
    for (name, frames) in [("one a message", 1), ("50 an answer", 50)] {
        let small = small(frames);
        result(
            &format!("pipeline from memory, 200 B, {name}"),
            rate(&small) / 1e6,
            "M/s",
            Goal::AtLeast(1.5),
        );
    }
    let traffic = Traffic {
        exchanges: 500,
        mix: Mix::LargeAnswers,
        vni: None,
        ..Traffic::default()
    };
    let bulk: Vec<_> = traffic.frames().map(|frame| frame.bytes).collect();
    let bytes: usize = bulk.iter().map(Vec::len).sum();
    let frame_bytes = bytes as f64 / bulk.len() as f64;
    let rate = rate(&bulk);
    line(&format!(
        "answers of 100 KiB: {frame_bytes:.0} B a frame, acknowledgements included, {:.0} ns each",
        1e9 / rate
    ));
    result(
        "pipeline from memory, answers of 100 KiB",
        rate * frame_bytes * 8.0 / 1e9,
        "Gb/s",
        Goal::AtLeast(10.0),
    );
}

/// Frames a second: the median of some rounds.
#[expect(
    clippy::disallowed_methods,
    reason = "this is a clock of the measurement"
)]
fn rate(frames: &[Vec<u8>]) -> f64 {
    let source: Arc<str> = "memory".into();
    let round = |_| {
        let started = Instant::now();
        let mut exchanges = 0;
        for _ in 0..PASSES {
            let mut pipeline = Pipeline::new(Limits::default(), Options::default());
            let mut at = Timestamp::from_micros(1_795_352_400_000_000);
            for bytes in frames {
                at = at.saturating_add(Duration::from_nanos(700));
                pipeline.handle_frame(&Frame {
                    at,
                    link: LinkType::Ethernet,
                    bytes,
                    wire_len: bytes.len() as u32,
                    source: &source,
                });
                exchanges += std::iter::from_fn(|| pipeline.poll_exchange()).count();
            }
        }
        assert!(exchanges > 0, "the frames hold exchanges");
        f64::from(PASSES) * frames.len() as f64 / started.elapsed().as_secs_f64()
    };
    median((0..ROUNDS).map(round).collect())
}

/// Connections that take turns, every frame in order and, behind the handshakes, of 200 B: a request fills one, an answer
/// `answer_frames`.
fn small(answer_frames: usize) -> Vec<Vec<u8>> {
    let fill = |start: &str, bytes: usize| {
        let end = "\r\n\r\n";
        let fill = "x".repeat(bytes - start.len() - end.len());
        format!("{start}{fill}{end}")
    };
    let request = fill(
        "GET /api/v1/orders/4711 HTTP/1.1\r\nHost: shop.example\r\nX-Fill: ",
        PAYLOAD_BYTES,
    );
    let body_bytes = BEGUN_BYTES + (answer_frames - 1) * PAYLOAD_BYTES;
    let head = fill(
        &format!("HTTP/1.1 200 OK\r\nContent-Length: {body_bytes}\r\nX-Fill: "),
        PAYLOAD_BYTES - BEGUN_BYTES,
    );
    let answer = head + &"y".repeat(body_bytes);
    let mut talks: Vec<_> = (0..CONNECTIONS).map(Talk::new).collect();
    let mut frames: Vec<_> = talks.iter_mut().flat_map(Talk::handshake).collect();
    for _ in 0..FRAMES_EACH / answer_frames {
        frames.extend(talks.iter_mut().map(|talk| talk.send(CLIENT, &request)));
        for start in (0..answer.len()).step_by(PAYLOAD_BYTES) {
            let payload = &answer[start..start + PAYLOAD_BYTES];
            frames.extend(talks.iter_mut().map(|talk| talk.send(SERVER, payload)));
        }
    }
    frames
}

const CLIENT: usize = 0;
const SERVER: usize = 1;

/// One connection: its ends, and the next sequence number of each.
struct Talk {
    ends: [SocketAddr; 2],
    next: [u32; 2],
}

impl Talk {
    fn new(number: u16) -> Self {
        Self {
            ends: [
                SocketAddr::from(([10, 1, 0, 1], 40_000 + number)),
                SocketAddr::from(([10, 2, 0, 10], 80)),
            ],
            next: [1_000, 2_000],
        }
    }

    fn handshake(&mut self) -> [Vec<u8>; 3] {
        let asked = self.packet(CLIENT, flags::SYN, "");
        self.next[CLIENT] += 1;
        let agreed = self.packet(SERVER, flags::SYN | flags::ACK, "");
        self.next[SERVER] += 1;
        [asked, agreed, self.packet(CLIENT, flags::ACK, "")]
    }

    fn send(&mut self, from: usize, payload: &str) -> Vec<u8> {
        let frame = self.packet(from, flags::ACK | flags::PSH, payload);
        self.next[from] += payload.len() as u32;
        frame
    }

    fn packet(&self, from: usize, flags: u8, payload: &str) -> Vec<u8> {
        let to = 1 - from;
        let packet = TcpPacket {
            from: self.ends[from],
            to: self.ends[to],
            seq: self.next[from],
            ack: self.next[to],
            flags,
            id: 0,
            timestamps: [1, 1],
            payload: payload.as_bytes(),
        };
        packet.ethernet()
    }
}
