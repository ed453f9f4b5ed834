//! The order of rows inside a batch: by endpoint, because answers of one endpoint resemble each other.

use super::pending::Held;
use crate::Exchange;

/// Indices of `batch`, which is ordered by time, by (method, host, path shape, time).
pub(super) fn by_endpoint(batch: &[Held]) -> Vec<u32> {
    // One text for all keys, so that a row costs no allocation.
    let mut text = String::with_capacity(batch.len() * 48);
    let mut keys = Vec::with_capacity(batch.len());
    for (index, held) in (0_u32..).zip(batch) {
        let from = text.len();
        push_endpoint(&held.exchange, &mut text);
        keys.push((from..text.len(), index));
    }
    keys.sort_unstable_by(|(a, a_index), (b, b_index)| {
        let (a, b) = (&text.as_bytes()[a.clone()], &text.as_bytes()[b.clone()]);
        a.cmp(b).then(a_index.cmp(b_index))
    });
    keys.into_iter().map(|(_, index)| index).collect()
}

/// Writes method, host and the shape of the path: segments with a digit are ids more often than not, and become `*`.
fn push_endpoint(exchange: &Exchange, text: &mut String) {
    let Some(request) = &exchange.request else {
        return;
    };
    text.push_str(&request.method);
    text.push(' ');
    text.push_str(request.host.as_deref().unwrap_or_default());
    for segment in request.path.split('/') {
        text.push('/');
        if segment.bytes().any(|byte| byte.is_ascii_digit()) {
            text.push('*');
        } else {
            text.push_str(segment);
        }
    }
}
