use super::*;

const GENERATION: u64 = 7;

/// Three frames and the records in them.
fn frames() -> (Vec<u8>, Vec<Frame>) {
    let mut writer = FrameWriter::new(GENERATION, Keyring::default());
    let mut file = Vec::new();
    let mut frames = Vec::new();
    for (number, text) in ["first frame", "", "the third frame, RSF1 in it"]
        .into_iter()
        .enumerate()
    {
        let number = number as u64;
        file.extend(writer.encode(text.as_bytes(), number * 10));
        frames.push(Frame {
            number,
            rows_before: number * 10,
            records: Bytes::from_static(text.as_bytes()),
        });
    }
    (file, frames)
}

/// Scans `file` in pieces of `piece` bytes.
fn scan(file: &[u8], piece: usize) -> Vec<Found> {
    let mut scanner = Scanner::new(GENERATION, 0, Keyring::default());
    let mut found = Vec::new();
    for bytes in file.chunks(piece.max(1)) {
        scanner.push(bytes);
        found.extend(std::iter::from_fn(|| scanner.poll()));
    }
    scanner.finish();
    found.extend(std::iter::from_fn(|| scanner.poll()));
    found
}

fn whole(found: &[Found]) -> Vec<&Frame> {
    let mut whole = Vec::new();
    for one in found {
        if let Found::Frame(frame) = one {
            whole.push(frame);
        }
    }
    whole
}

/// Bytes that are told to be no frame.
fn told(found: &[Found]) -> u64 {
    let bytes = |found: &Found| match found {
        Found::Frame(_) | Found::Locked(_) => 0,
        Found::Damage { bytes, .. } | Found::TornTail { bytes } => *bytes,
    };
    found.iter().map(bytes).sum()
}

#[test]
fn frames_come_back_however_the_file_is_cut_up() {
    let (file, frames) = frames();
    let expected: Vec<_> = frames.into_iter().map(Found::Frame).collect();
    for piece in 1..=file.len() {
        assert_eq!(scan(&file, piece), expected, "pieces of {piece}");
    }
}

/// Wherever a crash cuts a file, the whole frames before are read and the rest is counted, to the byte.
#[test]
fn a_torn_tail_is_counted() {
    let (file, frames) = frames();
    let mut ends = vec![0];
    let mut writer = FrameWriter::new(GENERATION, Keyring::default());
    for frame in &frames {
        let bytes = writer.encode(&frame.records, frame.rows_before).len();
        ends.push(ends.last().unwrap() + bytes);
    }
    for cut in 0..file.len() {
        let found = scan(&file[..cut], 16);
        let survive = ends.iter().filter(|end| **end <= cut).count() - 1;
        assert_eq!(whole(&found), frames[..survive].iter().collect::<Vec<_>>());
        let torn = (cut - ends[survive]) as u64;
        assert_eq!(told(&found), torn, "cut at {cut}");
        let damage = found.iter().any(|one| matches!(one, Found::Damage { .. }));
        assert!(!damage, "a cut is no damage: {found:?}");
    }
}

/// A file whose end was allocated and not written.
#[test]
fn zeros_at_the_end_are_a_torn_tail() {
    let (mut file, frames) = frames();
    file.extend([0; 4_096]);
    let found = scan(&file, 1_000);
    assert_eq!(whole(&found), frames.iter().collect::<Vec<_>>());
    assert_eq!(found.last(), Some(&Found::TornTail { bytes: 4_096 }));
}

/// Whichever bit flips, exactly the frame that holds it is lost, and its bytes are told.
#[test]
fn one_flipped_bit_costs_one_frame() {
    let (file, frames) = frames();
    let mut writer = FrameWriter::new(GENERATION, Keyring::default());
    let lengths: Vec<_> = frames
        .iter()
        .map(|frame| writer.encode(&frame.records, frame.rows_before).len())
        .collect();
    for bit in 0..file.len() * 8 {
        let mut damaged = file.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let mut hit = 0;
        let mut start = 0;
        while bit / 8 >= start + lengths[hit] {
            start += lengths[hit];
            hit += 1;
        }
        let found = scan(&damaged, 64);
        let expected: Vec<_> = frames
            .iter()
            .filter(|frame| frame.number != hit as u64)
            .collect();
        assert_eq!(whole(&found), expected, "bit {bit}");
        assert_eq!(told(&found), lengths[hit] as u64, "bit {bit}");
    }
}

/// Blocks of another file, or an older one, that a disk brings up: they look whole.
#[test]
fn frames_of_another_file_and_repeated_ones_are_damage() {
    let (file, frames) = frames();
    let mut writer = FrameWriter::new(GENERATION - 1, Keyring::default());
    let other = writer.encode(b"old", 0).to_vec();
    let mut mixed = file.clone();
    mixed.splice(0..0, other.iter().copied());
    let found = scan(&mixed, 100);
    let bytes = other.len() as u64;
    assert_eq!(found[0], Found::Damage { at: 0, bytes });
    assert_eq!(whole(&found).len(), frames.len());

    let mut repeated = file.clone();
    repeated.extend_from_slice(&file);
    let found = scan(&repeated, 100);
    assert_eq!(whole(&found).len(), frames.len());
    assert_eq!(told(&found), file.len() as u64);
}

#[test]
fn a_frame_that_was_not_written_gives_its_number_back() {
    let mut writer = FrameWriter::new(GENERATION, Keyring::default());
    writer.encode(b"lost", 0);
    writer.take_back();
    let file = writer.encode(b"kept", 0);
    let found = scan(file, 10);
    assert_eq!(whole(&found)[0].number, 0);
}
