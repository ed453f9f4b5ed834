//! HTTP/2 bytes of both directions, with gaps: where packets are cut makes no difference.

use super::h1::{Step, check_borders, parse};
use crate::h2::{PREFACE, SETTINGS};

/// The bytes at the beginning of either end that the mirror may lose.
const LOST_BYTES: u16 = 33;

/// Takes what [`fuzz_h1`](super::fuzz_h1) takes; the handshake is always seen. The connection begins with what HTTP/2 begins
/// with, so that the bytes are frames from the first one on; if the options have 4, the mirror loses that.
///
/// # Panics
/// If the borders of packets change what is recorded.
pub fn fuzz_h2(data: &[u8]) {
    let (options, seed, steps) = parse(data);
    let mut all: Vec<_> = match options & 4 {
        0 => [(0, PREFACE), (0, SETTINGS), (1, SETTINGS)]
            .map(|(side, bytes)| Step::Send {
                side,
                acknowledges: true,
                bytes,
            })
            .to_vec(),
        _ => [0, 1]
            .map(|side| Step::Lose {
                side,
                len: LOST_BYTES,
            })
            .to_vec(),
    };
    all.extend(steps);
    check_borders(&all, options | 1, seed);
}
