//! Bytes that a target answers: where reads are cut makes no difference, no bound is passed, no byte is taken twice.

use replayer_core::h1::{AnswerReader, Asked, Bounds, Event, ReadError};

use super::input::Input;

const BOUNDS: Bounds = Bounds {
    head_bytes_max: 512,
    chunk_line_bytes_max: 24,
};

/// What an answer was read as.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    interim_statuses: Vec<u16>,
    status: Option<u16>,
    fields: Vec<(String, String)>,
    trailers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Whether the connection can be used again; `None` where the answer did not end.
    reusable: Option<bool>,
    error: Option<ReadError>,
    /// Bytes up to the end of the answer.
    taken: usize,
}

/// Takes a byte of options (1: the answer is to HEAD, 2: the request closes the connection), a seed of the cuts (two bytes),
/// and what the target answers until it closes the connection.
///
/// # Panics
/// If the cuts change what is read, or a bound is passed.
pub fn fuzz_answer(data: &[u8]) {
    let mut input = Input(data);
    let options = input.byte();
    let seed = input.word();
    let bytes = input.take(data.len());
    let asked = Asked {
        head: options & 1 != 0,
        persistent: options & 2 == 0,
    };
    let whole = read(asked, bytes, |len| len);
    let mut state = u32::from(seed) << 1 | 1;
    let parts = read(asked, bytes, |len| {
        state = state.wrapping_mul(0x915f_77f5).wrapping_add(0x3c6e_f35f);
        1 + (state >> 16) as usize % 7 % len
    });
    assert_eq!(parts, whole);
    let text = |fields: &[(String, String)]| {
        fields
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>()
    };
    // A byte of a head that is not UTF-8 takes two of text.
    let heads = text(&whole.fields) + text(&whole.trailers);
    assert!(heads <= 2 * BOUNDS.head_bytes_max);
    assert!(whole.body.len() <= bytes.len() && whole.taken <= bytes.len());
    assert!(whole.reusable != Some(true) || asked.persistent);
}

fn read(asked: Asked, bytes: &[u8], mut cut: impl FnMut(usize) -> usize) -> Told {
    let mut reader = AnswerReader::new(asked, BOUNDS);
    let mut told = Told::default();
    let mut arrived = 0;
    loop {
        match reader.handle_input(&bytes[told.taken..arrived]) {
            Err(error) => {
                told.error = Some(error);
                // How much of what is no answer was looked at depends on the cuts.
                told.taken = 0;
                return told;
            }
            Ok((taken, event)) => {
                told.taken += taken;
                match event {
                    Event::Interim(status) => told.interim_statuses.push(status),
                    Event::Head(head) => {
                        told.status = Some(head.status);
                        told.fields = own(&head.headers);
                    }
                    Event::Data(data) => told.body.extend_from_slice(data),
                    Event::Trailers(fields, _) => told.trailers = own(&fields),
                    Event::End { reusable } => {
                        told.reusable = Some(reusable);
                        return told;
                    }
                    Event::NeedsInput if arrived < bytes.len() => {
                        arrived += cut(bytes.len() - arrived).clamp(1, bytes.len() - arrived);
                    }
                    Event::NeedsInput => break,
                }
            }
        }
    }
    match reader.finish() {
        Ok(_) => told.reusable = Some(false),
        Err(error) => told.error = Some(error),
    }
    told.taken = bytes.len();
    told
}

fn own(fields: &schema::Headers) -> Vec<(String, String)> {
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    fields.iter().map(own).collect()
}
