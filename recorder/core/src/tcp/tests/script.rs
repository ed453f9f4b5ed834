//! A dialogue as data: lines of segments, a millisecond apart.

use std::time::Duration;

use super::*;

/// One segment of a script.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) from: End,
    pub(super) sequence: u32,
    pub(super) acknowledgement: u32,
    pub(super) flags: u8,
    pub(super) payload: &'static [u8],
    pub(super) missing: u32,
    pub(super) ip_id: u16,
}

impl Line {
    pub(super) fn id(self, ip_id: u16) -> Self {
        Self { ip_id, ..self }
    }

    pub(super) fn cut(self, missing: u32) -> Self {
        Self { missing, ..self }
    }

    pub(super) fn syn(self) -> Self {
        let ack = if self.acknowledgement == 0 {
            0
        } else {
            Flags::ACK
        };
        Self {
            flags: Flags::SYN | ack,
            ..self
        }
    }

    pub(super) fn acks(self, acknowledgement: u32) -> Self {
        Self {
            acknowledgement,
            flags: self.flags | Flags::ACK,
            ..self
        }
    }

    pub(super) fn segment(&self, at: Timestamp) -> Segment<'static> {
        Segment {
            from: self.from,
            at,
            sequence: self.sequence,
            acknowledgement: self.acknowledgement,
            flags: Flags(self.flags),
            payload: self.payload,
            missing: self.missing,
            ip_id: self.ip_id,
        }
    }
}

fn line(from: End, sequence: u32, acknowledgement: u32, flags: u8) -> Line {
    Line {
        from,
        sequence,
        acknowledgement,
        flags,
        payload: b"",
        missing: 0,
        ip_id: 0,
    }
}

pub(super) fn syn(from: End, sequence: u32) -> Line {
    line(from, sequence, 0, Flags::SYN)
}

pub(super) fn syn_ack(from: End, sequence: u32, acknowledgement: u32) -> Line {
    line(from, sequence, acknowledgement, Flags::SYN | Flags::ACK)
}

pub(super) fn ack(from: End, sequence: u32, acknowledgement: u32) -> Line {
    line(from, sequence, acknowledgement, Flags::ACK)
}

pub(super) fn fin(from: End, sequence: u32, acknowledgement: u32) -> Line {
    line(from, sequence, acknowledgement, Flags::FIN | Flags::ACK)
}

pub(super) fn rst(from: End, sequence: u32) -> Line {
    line(from, sequence, 0, Flags::RST)
}

pub(super) fn data(from: End, sequence: u32, acknowledgement: u32, payload: &'static str) -> Line {
    Line {
        payload: payload.as_bytes(),
        ..line(from, sequence, acknowledgement, Flags::ACK)
    }
}

/// What a connection told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Open(String),
    Bytes(End, u64, Vec<u8>),
    Gap(End, u64),
    Close(End, Close),
}

/// A connection, and everything that it told.
pub(super) struct Script {
    pub(super) connection: Connection,
    pub(super) counters: Counters,
    pub(super) held: usize,
    pub(super) events: Vec<Told>,
    limits: Limits,
    now: Timestamp,
    begun: bool,
}

impl Script {
    pub(super) fn new(limits: Limits) -> Self {
        let now = Timestamp::from_micros(1_000_000);
        Self {
            connection: Connection::new(&ack(A, 0, 0).segment(now)),
            counters: Counters::default(),
            held: 0,
            events: Vec::new(),
            limits,
            now,
            begun: false,
        }
    }

    /// Each line a millisecond after the one before.
    pub(super) fn play(&mut self, lines: &[Line]) {
        for line in lines {
            self.now = self.now.saturating_add(Duration::from_millis(1));
            self.wake();
            self.play_at_once(&[*line]);
        }
    }

    pub(super) fn play_at_once(&mut self, lines: &[Line]) {
        for line in lines {
            self.handle(&line.segment(self.now));
        }
    }

    pub(super) fn handle(&mut self, segment: &Segment<'_>) {
        if !self.begun {
            self.begun = true;
            self.connection = Connection::new(segment);
        }
        self.run(|connection, cx| connection.handle_segment(segment, cx));
    }

    /// Packet time passes.
    pub(super) fn pass(&mut self, time: Duration) {
        self.now = self.now.saturating_add(time);
        self.wake();
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    fn wake(&mut self) {
        let now = self.now;
        while let Some(at) = self.connection.deadline(&self.limits)
            && at <= now
        {
            self.now = at;
            self.run(Connection::handle_timeout);
        }
        self.now = now;
    }

    pub(super) fn finish(&mut self, how: Close) {
        self.run(|connection, cx| connection.finish(how, cx));
        assert_eq!(self.held, 0, "a finished connection holds nothing");
    }

    fn run(&mut self, act: impl FnOnce(&mut Connection, &mut Context<'_>)) {
        let events = &mut self.events;
        let mut sink = |event: Event<'_>, _: &mut Counters| match event {
            Event::Open { initiator, origin } => {
                let end = initiator.map_or_else(|| "-".to_owned(), |end| format!("{end:?}"));
                events.push(Told::Open(format!("{end} {origin}")));
            }
            Event::Chunk(chunk) => match events.last_mut() {
                Some(Told::Bytes(from, offset, bytes))
                    if *from == chunk.from && *offset + bytes.len() as u64 == chunk.offset =>
                {
                    bytes.extend_from_slice(chunk.bytes);
                }
                _ => events.push(Told::Bytes(chunk.from, chunk.offset, chunk.bytes.to_vec())),
            },
            Event::Gap { from, len, .. } => events.push(Told::Gap(from, len)),
            Event::Close { from, how, .. } => events.push(Told::Close(from, how)),
        };
        let mut cx = Context {
            now: self.now,
            limits: &self.limits,
            counters: &mut self.counters,
            held: &mut self.held,
            sink: &mut sink,
        };
        act(&mut self.connection, &mut cx);
    }

    /// How far into its end's stream a place is.
    pub(super) fn offset(&self, from: End, place: u64) -> u64 {
        place - self.connection.half(from).origin.number()
    }

    /// One line an event.
    pub(super) fn told(&self) -> Vec<String> {
        let line = |told: &Told| match told {
            Told::Open(what) => format!("open {what}"),
            Told::Bytes(from, place, bytes) => {
                let offset = self.offset(*from, *place);
                format!("{from:?} {offset} {}", String::from_utf8_lossy(bytes))
            }
            Told::Gap(from, len) => format!("{from:?} gap {len}"),
            Told::Close(from, how) => format!("{from:?} {how:?}")
                .replace("Fin", "fin")
                .replace("Reset", "reset")
                .replace("Unknown", "unknown"),
        };
        self.events.iter().map(line).collect()
    }

    /// Every byte of payload was told, repeated or discarded.
    #[track_caller]
    pub(super) fn check_sums(&self, name: &str) {
        assert_eq!(
            self.counters.bytes_accounted(),
            self.counters.bytes_payload,
            "{name}: bytes"
        );
        let gaps: u64 = self
            .events
            .iter()
            .map(|told| {
                if let Told::Gap(_, len) = told {
                    *len
                } else {
                    0
                }
            })
            .sum();
        assert_eq!(self.counters.ledger.gap_bytes, gaps, "{name}: gap bytes");
    }
}
