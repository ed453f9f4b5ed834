//! Header blocks of one client, and what is left of them when one is lost.

use schema::{Certainty, Completeness, Exchange};

use super::h1::{Step, check_borders};
use super::input::Input;
use crate::h2::{END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, frame};

/// Blocks of one connection.
const BLOCKS_MAX: usize = 64;

/// Takes the number of the block that the mirror loses, a seed of the borders (two bytes), and blocks: a length and the bytes.
/// Each block is a request, and is answered.
///
/// # Panics
/// If the borders of packets change what is recorded, or the loss of a block makes an exchange say something else that is
/// called complete and exact all the same.
pub fn fuzz_hpack(data: &[u8]) {
    let mut input = Input(data);
    let lost = usize::from(input.byte());
    let seed = input.word();
    let mut frames = Vec::new();
    while !input.is_empty() && frames.len() < BLOCKS_MAX {
        let len = usize::from(input.byte());
        let stream = 2 * frames.len() as u32 + 1;
        frames.push(frame(
            HEADERS,
            END_HEADERS | END_STREAM,
            stream,
            input.take(len),
        ));
    }
    let answers: Vec<u8> = (0..frames.len() as u32)
        .flat_map(|number| frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, &[0x88]))
        .collect();
    let send = |side, bytes| Step::Send {
        side,
        acknowledges: true,
        bytes,
    };
    let mut steps = vec![send(0, PREFACE), send(0, SETTINGS), send(1, SETTINGS)];
    let first = steps.len();
    steps.extend(frames.iter().map(|frame| send(0, frame)));
    steps.push(send(1, &answers));
    let whole = check_borders(&steps, 1, seed);
    if let Some(frame) = frames.get(lost) {
        steps[first + lost] = Step::Lose {
            side: 0,
            len: frame.len() as u16,
        };
        let torn = check_borders(&steps, 1, seed);
        for exchange in torn
            .exchanges
            .iter()
            .filter(|exchange| is_certain(exchange))
        {
            let same =
                |other: &&Exchange| other.stream_id == exchange.stream_id && is_certain(other);
            if let Some(other) = whole.exchanges.iter().find(same) {
                assert_eq!(content(exchange), content(other));
            }
        }
    }
}

fn is_certain(exchange: &Exchange) -> bool {
    exchange.completeness == Completeness::Complete && exchange.framing == Certainty::Exact
}

fn content(exchange: &Exchange) -> String {
    let request = exchange.request.as_ref();
    format!(
        "{:?}",
        request.map(|request| (
            &request.method,
            &request.host,
            &request.path,
            &request.query,
            &request.headers
        ))
    )
}
