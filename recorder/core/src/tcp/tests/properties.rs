//! Laws of reassembly over random dialogues.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use script::Told;

/// A packet of a generated dialogue.
#[derive(Clone, Debug)]
struct Sent {
    from: End,
    offset: usize,
    len: usize,
    /// How far the sender had the other end's bytes.
    acked: usize,
    fin: bool,
}

/// A dialogue: what each end sends, and the packets in which it does.
#[derive(Clone, Debug)]
struct Dialogue {
    streams: [Vec<u8>; 2],
    sent: Vec<Sent>,
    first: [u32; 2],
    handshake: bool,
}

/// Turns of up to 400 bytes in segments of up to 60, each acknowledged, and at the end a FIN each.
fn dialogue() -> impl Strategy<Value = Dialogue> {
    let turn = prop::collection::vec(1_usize..60, 1..8);
    let firsts = prop::array::uniform2(any::<u32>());
    (
        prop::collection::vec(turn, 1..6),
        firsts,
        any::<bool>(),
        any::<u8>(),
    )
        .prop_map(|(turns, first, handshake, seed)| {
            let mut told = Dialogue {
                streams: [Vec::new(), Vec::new()],
                sent: Vec::new(),
                first,
                handshake,
            };
            for (index, turn) in turns.iter().enumerate() {
                let from = if index % 2 == 0 { A } else { B };
                for &len in turn {
                    // Without a handshake, one byte before the next may as well be a keep-alive's.
                    told.send(from, len.max(if handshake { 1 } else { 2 }), seed);
                }
                told.push(from.peer(), 0, false);
            }
            told.push(A, 0, true);
            told.push(B, 0, true);
            told.push(A, 0, false);
            told
        })
}

impl Dialogue {
    fn send(&mut self, from: End, len: usize, seed: u8) {
        self.push(from, len, false);
        let stream = &mut self.streams[from.index()];
        for _ in 0..len {
            let byte = (stream.len() * 31 + usize::from(seed)) % 251;
            // Never zero: a lone zero at the beginning is taken for a keep-alive's.
            stream.push(u8::try_from(byte).unwrap() + 1);
        }
    }

    fn push(&mut self, from: End, len: usize, fin: bool) {
        let peer_fin = self
            .sent
            .iter()
            .any(|sent| sent.fin && sent.from == from.peer());
        let own_fin = self.sent.iter().any(|sent| sent.fin && sent.from == from);
        self.sent.push(Sent {
            from,
            offset: self.streams[from.index()].len() + usize::from(own_fin),
            len,
            acked: self.streams[from.peer().index()].len() + usize::from(peer_fin),
            fin,
        });
    }

    fn sequence(&self, end: End, offset: usize) -> u32 {
        self.first[end.index()].wrapping_add(u32::try_from(offset).unwrap())
    }

    /// Plays packets a tenth of a millisecond apart, and ends.
    fn play(&self, packets: &[Sent]) -> Script {
        let mut run = Script::new(Limits::default());
        if self.handshake {
            run.play_at_once(&[
                syn(A, self.first[0].wrapping_sub(1)),
                syn_ack(B, self.first[1].wrapping_sub(1), self.first[0]),
            ]);
        }
        for sent in packets {
            run.pass(Duration::from_micros(100));
            run.handle(&Segment {
                from: sent.from,
                at: run.now(),
                sequence: self.sequence(sent.from, sent.offset),
                acknowledgement: self.sequence(sent.from.peer(), sent.acked),
                flags: Flags(Flags::ACK | if sent.fin { Flags::FIN } else { 0 }),
                payload: self.streams[sent.from.index()]
                    .get(sent.offset..sent.offset + sent.len)
                    .unwrap_or_default(),
                missing: 0,
                ip_id: 0,
            });
        }
        run.finish(Close::Unknown);
        run.check_sums("play");
        run
    }
}

/// What was told of one end: bytes where they are known, `None` where there was a gap. Checks the offsets.
fn stream(run: &Script, end: End) -> Vec<Option<u8>> {
    let mut stream = Vec::new();
    for told in &run.events {
        match told {
            Told::Bytes(from, offset, bytes) if *from == end => {
                let offset = run.offset(end, *offset);
                assert_eq!(offset, stream.len() as u64, "offsets follow one another");
                stream.extend(bytes.iter().copied().map(Some));
            }
            Told::Gap(from, len) if *from == end => {
                stream.resize(stream.len() + usize::try_from(*len).unwrap(), None);
            }
            _ => {}
        }
    }
    stream
}

fn whole(bytes: &[u8]) -> Vec<Option<u8>> {
    bytes.iter().copied().map(Some).collect()
}

/// The turns in the order in which they were told: an end each time it takes over, with how far it was told by then.
fn turns(run: &Script) -> Vec<(End, usize)> {
    let mut turns: Vec<(End, usize)> = Vec::new();
    let mut told = [0; 2];
    for event in &run.events {
        if let Told::Bytes(from, _, bytes) = event {
            told[from.index()] += bytes.len();
            match turns.last_mut() {
                Some((end, len)) if end == from => *len = told[from.index()],
                _ => turns.push((*from, told[from.index()])),
            }
        }
    }
    turns
}

/// Moves packets a few places back; without a handshake the first one stays, since it shows where the streams begin.
fn shuffle(packets: &mut [Sent], moves: &[(Index, usize)], handshake: bool) {
    for (index, distance) in moves {
        let from = index.index(packets.len()).max(usize::from(!handshake));
        let to = (from + distance).min(packets.len() - 1);
        packets[from..=to].rotate_left(1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// However it is cut, moved, repeated and overlapped: the same bytes, in the same turns.
    #[test]
    fn disorder_changes_nothing(
        dialogue in dialogue(),
        moves in prop::collection::vec((any::<Index>(), 1_usize..10), 0..3),
        copies in prop::collection::vec((any::<Index>(), 0_usize..20, 0_usize..40, 1_usize..60), 0..6),
    ) {
        let mut packets = dialogue.sent.clone();
        // A copy acknowledges more than its original did. If it overtakes that, what it says of the order is wrong.
        let order_is_told = copies.is_empty() || moves.is_empty();
        for (index, later, shift, len) in copies {
            // A copy with other borders: it begins earlier and ends elsewhere, but within what was sent by then.
            let at = index.index(packets.len());
            let Sent { from, offset, len: old, acked, fin } = packets[at].clone();
            if fin || old == 0 {
                continue;
            }
            let start = offset.saturating_sub(shift);
            let copy = Sent { from, offset: start, len: len.min(offset + old - start), acked, fin };
            let to = (at + 1 + later).min(packets.len());
            packets.insert(to, copy);
        }
        shuffle(&mut packets, &moves, dialogue.handshake);
        let run = dialogue.play(&packets);
        for end in [A, B] {
            prop_assert_eq!(stream(&run, end), whole(&dialogue.streams[end.index()]));
        }
        prop_assert_eq!(run.counters.ledger.gaps, 0);
        if order_is_told {
            prop_assert_eq!(turns(&run), turns(&dialogue.play(&dialogue.sent)));
        }
        prop_assert_eq!(run.told().iter().filter(|line| line.ends_with("fin")).count(), 2);
    }

    /// Whatever is lost: the other bytes at their places, and gaps that add up to what is not there.
    #[test]
    fn loss_is_gaps_of_the_same_length(
        dialogue in dialogue(),
        lost in prop::collection::vec(any::<Index>(), 0..8),
        moves in prop::collection::vec((any::<Index>(), 1_usize..10), 0..3),
    ) {
        let mut packets = dialogue.sent.clone();
        let mut missing = [0; 2];
        for index in lost {
            // The last packets show where the streams end; without a handshake the first ones where they begin.
            let kept = if dialogue.handshake { 0 } else { packets.len() / 2 };
            let (low, high) = (kept, packets.len().saturating_sub(3));
            if low < high {
                let sent = packets.remove(low + index.index(high - low));
                missing[sent.from.index()] += sent.len;
            }
        }
        shuffle(&mut packets, &moves, dialogue.handshake);
        let run = dialogue.play(&packets);
        for end in [A, B] {
            let (told, sent) = (stream(&run, end), &dialogue.streams[end.index()]);
            let begins = if dialogue.handshake { 0 } else { sent.len() - told.len().min(sent.len()) };
            prop_assert_eq!(told.len() + begins, sent.len());
            for (told, sent) in told.iter().zip(&sent[begins..]) {
                prop_assert!(told.is_none_or(|byte| byte == *sent));
            }
            let gaps = told.iter().filter(|byte| byte.is_none()).count();
            if dialogue.handshake {
                prop_assert_eq!(gaps, missing[end.index()]);
            } else {
                prop_assert!(gaps <= missing[end.index()]);
            }
        }
    }

    /// Segments that make no sense at all: no panic, every byte accounted, nothing held beyond the bounds.
    #[test]
    fn nonsense_is_survived(
        lines in prop::collection::vec(
            (any::<bool>(), 0_u32..2_000, 0_u32..2_000, any::<u8>(), 0_usize..40, 0_u32..20, any::<bool>(), 0_u64..60),
            0..60,
        ),
    ) {
        let limits = Limits { held_bytes_half_max: 500, held_bytes_max: 700, sequence_jump_max: 900, ..Limits::default() };
        let bytes: Vec<u8> = (0..40).collect();
        let mut run = Script::new(limits);
        for (from_a, sequence, acknowledgement, flags, len, missing, far, pause) in lines {
            run.pass(Duration::from_millis(pause));
            let base = if far { u32::MAX - 1_000 } else { 0 };
            run.handle(&Segment {
                from: if from_a { A } else { B },
                at: run.now(),
                sequence: base.wrapping_add(sequence),
                acknowledgement,
                flags: Flags(flags),
                payload: &bytes[..len],
                missing,
                ip_id: 1,
            });
            prop_assert!(run.held <= 700);
        }
        run.finish(Close::Unknown);
        run.check_sums("nonsense");
        for end in [A, B] {
            stream(&run, end);
            let closes = run.events.iter().filter(|told| matches!(told, Told::Close(from, _) if *from == end));
            prop_assert_eq!(closes.count(), 1);
        }
    }
}
