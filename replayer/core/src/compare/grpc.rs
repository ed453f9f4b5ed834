//! gRPC bodies message by message (gRPC over HTTP/2, "Length-Prefixed-Message"; gRPC-Web puts its trailers behind them).
//!
//! Messages are compared by their bytes, after `grpc-encoding` is undone: without their schema nobody can say which field
//! they differ in. A place is `message 3`, counted from one; equal messages at the beginning and at the end are put aside,
//! so that one message more in a stream is one difference. The status is a trailer, and compared as one.

use std::borrow::Cow;

use schema::{DivergenceKind, Response, decode_content};

use super::excerpt::pair_of_bytes;
use super::text::hunk;
use super::{Difference, Found, Rules};

/// Messages of a body; one with more is compared by bytes.
const MESSAGES_MAX: usize = 100_000;
/// Bytes before each message: a flag and a length.
const PREFIX: usize = 5;

/// One message of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Message<'b> {
    form: Form,
    bytes: Cow<'b, [u8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Message,
    /// Compressed, and left so: it does not decode, or nobody knows how.
    Compressed,
    /// The trailers of gRPC-Web.
    Trailers,
    /// With flags that nobody has defined: flag, length and bytes.
    Flagged,
    /// What is left when a body ends within a message.
    Cut,
}

/// Compares two bodies that differ; `Ok(false)` if one has too many messages for that, an error is why they cannot be
/// compared.
pub(super) fn compare(
    (expected, expected_bytes): (&Response, &[u8]),
    (actual, actual_bytes): (&Response, &[u8]),
    rules: &Rules,
    found: &mut Found,
) -> Result<bool, String> {
    let limit = rules.body_bytes_max;
    let left = messages(expected, expected_bytes, limit)?;
    let right = messages(actual, actual_bytes, limit)?;
    let (Some(left), Some(right)) = (left, right) else {
        return Ok(false);
    };
    let same = |(a, b): &(&Message<'_>, &Message<'_>)| a == b;
    let before = left.iter().zip(&right).take_while(same).count();
    let shorter = left.len().min(right.len()) - before;
    let ends = left.iter().rev().zip(right.iter().rev());
    let after = ends.take(shorter).take_while(same).count();
    let (left, right) = (
        &left[before..left.len() - after],
        &right[before..right.len() - after],
    );
    if is_reordered(left, right) {
        found.add(|| {
            let all =
                |list: &[Message<'_>]| list.iter().map(|m| &*m.bytes).collect::<Vec<_>>().concat();
            let (expected, actual) =
                pair_of_bytes(&all(left), &all(right), rules.excerpt_bytes_max);
            Difference {
                kind: DivergenceKind::Order,
                ..hunk("messages".to_owned(), Some(expected), Some(actual))
            }
        });
        return Ok(true);
    }
    for index in 0..left.len().max(right.len()) {
        let (left, right) = (left.get(index), right.get(index));
        if left != right {
            found.add(|| difference(before + index, left, right, rules));
        }
    }
    Ok(true)
}

/// Whether both sides have the same messages in another order.
fn is_reordered(left: &[Message<'_>], right: &[Message<'_>]) -> bool {
    let sorted = |list: &[Message<'_>]| {
        let mut keys: Vec<(u8, Vec<u8>)> = list
            .iter()
            .map(|m| (m.form as u8, m.bytes.to_vec()))
            .collect();
        keys.sort_unstable();
        keys
    };
    left.len() == right.len() && left.len() > 1 && sorted(left) == sorted(right)
}

fn difference(
    index: usize,
    left: Option<&Message<'_>>,
    right: Option<&Message<'_>>,
    rules: &Rules,
) -> Difference {
    let form = left.or(right).map_or(Form::Message, |message| message.form);
    let location = match form {
        Form::Trailers => "trailers".to_owned(),
        Form::Message | Form::Compressed | Form::Flagged | Form::Cut => {
            format!("message {}", index + 1)
        }
    };
    let bytes = |message: Option<&Message<'_>>| message.map_or_else(Vec::new, |m| m.bytes.to_vec());
    let (expected, actual) = pair_of_bytes(&bytes(left), &bytes(right), rules.excerpt_bytes_max);
    let mut difference = hunk(location, left.map(|_| expected), right.map(|_| actual));
    if let (Some(left), Some(right)) = (left, right)
        && left.form != right.form
    {
        difference.kind = DivergenceKind::Type;
        let say = |message: &Message<'_>| {
            format!("{} of {} bytes", message.form.as_str(), message.bytes.len())
        };
        (difference.expected, difference.actual) = (Some(say(left)), Some(say(right)));
    }
    difference
}

impl Form {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Compressed => "compressed message",
            Self::Trailers => "trailers",
            Self::Flagged => "message with unknown flags",
            Self::Cut => "beginning of a message",
        }
    }
}

/// The messages of a body; `None` if they are too many, an error if they decode to more than `limit` bytes.
fn messages<'b>(
    response: &Response,
    bytes: &'b [u8],
    limit: usize,
) -> Result<Option<Vec<Message<'b>>>, String> {
    let coding = response.headers.get("grpc-encoding").unwrap_or("identity");
    let mut messages = Vec::new();
    let mut rest = bytes;
    let mut left = limit;
    while !rest.is_empty() {
        if messages.len() == MESSAGES_MAX {
            return Ok(None);
        }
        let Some((flag, body, after)) = framed(rest) else {
            messages.push(Message {
                form: Form::Cut,
                bytes: Cow::Borrowed(rest),
            });
            break;
        };
        let whole = &rest[..rest.len() - after.len()];
        rest = after;
        if flag & 0x7e != 0 {
            messages.push(Message {
                form: Form::Flagged,
                bytes: Cow::Borrowed(whole),
            });
            continue;
        }
        let form = if flag & 0x80 != 0 {
            Form::Trailers
        } else {
            Form::Message
        };
        let message = if flag & 1 == 0 {
            Message {
                form,
                bytes: Cow::Borrowed(body),
            }
        } else {
            match decode_content(coding, body, left) {
                Ok(plain) if coding != "identity" => {
                    left -= plain.len();
                    Message {
                        form,
                        bytes: Cow::Owned(plain),
                    }
                }
                Err(schema::ContentError::TooLarge) => {
                    return Err("gRPC messages decode to more than the limit".to_owned());
                }
                Ok(_) | Err(_) => Message {
                    form: Form::Compressed,
                    bytes: Cow::Borrowed(body),
                },
            }
        };
        messages.push(message);
    }
    Ok(Some(messages))
}

/// Flag and bytes of the first message, and what follows it; `None` if it is not there whole.
fn framed(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (prefix, rest) = bytes.split_at_checked(PREFIX)?;
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
    let (body, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((prefix[0], body, rest))
}

#[cfg(test)]
mod tests;
