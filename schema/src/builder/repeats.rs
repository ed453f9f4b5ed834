//! Whether the same bodies come again and again.

use std::collections::HashSet;

use super::pending::Held;
use crate::Body;
use crate::properties::BodyDictionaries;

/// Repeated bytes of a batch, in percent, from which on a dictionary of bodies pays: one that is full of bodies that never
/// come again costs a reader their decoding, and the writer their hashing.
const REPEATED_PERCENT: usize = 10;

/// Decides for a segment by its first batch.
pub(super) fn worth_a_dictionary(batch: &[Held]) -> BodyDictionaries {
    let exchanges = || batch.iter().map(|held| &held.exchange);
    BodyDictionaries {
        request: repeats(
            exchanges()
                .filter_map(|exchange| exchange.request.as_ref())
                .map(|request| &request.body),
        ),
        response: repeats(
            exchanges()
                .filter_map(|exchange| exchange.response.as_ref())
                .map(|response| &response.body),
        ),
    }
}

fn repeats<'a>(bodies: impl Iterator<Item = &'a Body>) -> bool {
    let mut seen = HashSet::new();
    let (mut bytes, mut repeated) = (0_usize, 0_usize);
    for body in bodies.map(|body| &body.bytes[..]) {
        bytes += body.len();
        if !seen.insert(body) {
            repeated += body.len();
        }
    }
    repeated > 0 && repeated * 100 >= bytes * REPEATED_PERCENT
}
