//! Two answers as lines of text that can be laid side by side.

use schema::Response;

use crate::compare::excerpt::first_difference;
use crate::compare::{Json, headers, laid_out, parse_json, plain_body, write_string};

/// Bytes of a body that are laid out in lines; of a longer one, those around the first difference.
const BODY_BYTES_MAX: usize = 256 << 10;

/// Bytes around the first difference of bodies that are not laid out whole.
const AROUND: usize = 1 << 10;

/// Bytes that a hexadecimal line shows.
const HEX_LINE: usize = 16;

/// Nesting up to which JSON is laid out; the comparison's own bound.
const DEPTH_MAX: usize = 128;

/// Two answers as lines.
#[derive(Debug, Default)]
pub struct Lines {
    /// The recorded answer.
    pub expected: Vec<String>,
    /// The target's answer.
    pub actual: Vec<String>,
}

/// Lays out status, compared header fields, and body of two answers. JSON is indented, members of the actual side in the
/// order of the expected side, and XML and HTML get lines of their own, so that lines stand beside their like.
#[must_use]
pub fn answer_lines(expected: &Response, actual: &Response) -> Lines {
    let mut lines = Lines {
        expected: head_lines(expected),
        actual: head_lines(actual),
    };
    let plain = |response| plain_body(response, BODY_BYTES_MAX * 4).ok();
    match (plain(expected), plain(actual)) {
        (Some(expected_body), Some(actual_body)) => {
            let is_small = expected_body.len().max(actual_body.len()) <= BODY_BYTES_MAX;
            let bodies = (expected, &*expected_body, actual, &*actual_body);
            let laid_out = is_small.then(|| laid_out(bodies, DEPTH_MAX)).flatten();
            let body = match laid_out {
                Some((expected, actual)) => Lines { expected, actual },
                None => body_lines(&expected_body, &actual_body),
            };
            lines.expected.extend(body.expected);
            lines.actual.extend(body.actual);
        }
        (expected_plain, actual_plain) => {
            let say = |response: &Response, is_plain: bool| {
                let what = if is_plain { "" } else { " that do not decode" };
                format!("({} bytes{what})", response.body.bytes.len())
            };
            lines.expected.push(say(expected, expected_plain.is_some()));
            lines.actual.push(say(actual, actual_plain.is_some()));
        }
    }
    lines
}

fn head_lines(response: &Response) -> Vec<String> {
    let mut lines = vec![format!("status {}", response.status)];
    let mut fields = headers::shown(&response.headers);
    fields.sort_unstable();
    lines.extend(fields);
    lines.push(String::new());
    lines
}

fn body_lines(expected: &[u8], actual: &[u8]) -> Lines {
    if expected.len().max(actual.len()) <= BODY_BYTES_MAX {
        let parse = |bytes| parse_json(bytes, DEPTH_MAX).ok();
        let (expected_json, actual_json) = (parse(expected), parse(actual));
        if expected_json.is_some() || actual_json.is_some() {
            return Lines {
                expected: expected_json
                    .as_ref()
                    .map_or_else(|| text_lines(expected, 0), |json| json_lines(json, None)),
                actual: actual_json.as_ref().map_or_else(
                    || text_lines(actual, 0),
                    |json| json_lines(json, expected_json.as_ref()),
                ),
            };
        }
        if std::str::from_utf8(expected).is_ok() && std::str::from_utf8(actual).is_ok() {
            return Lines {
                expected: text_lines(expected, 0),
                actual: text_lines(actual, 0),
            };
        }
    }
    let start = first_difference(expected, actual).saturating_sub(AROUND / 4) / HEX_LINE * HEX_LINE;
    let part = |bytes: &[u8]| {
        let start = start.min(bytes.len());
        let part = &bytes[start..bytes.len().min(start + AROUND)];
        text_lines(part, start)
    };
    Lines {
        expected: part(expected),
        actual: part(actual),
    }
}

/// Lines of text, or of hexadecimal digits where it is none; `offset` is where it starts in its body.
fn text_lines(bytes: &[u8], offset: usize) -> Vec<String> {
    let is_text = |text: &&str| {
        text.chars()
            .all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
    };
    if let Some(text) = std::str::from_utf8(bytes).ok().filter(is_text) {
        return text.lines().map(str::to_owned).collect();
    }
    bytes
        .chunks(HEX_LINE)
        .take(AROUND / HEX_LINE)
        .enumerate()
        .map(|(index, chunk)| {
            let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
            let text: String = chunk
                .iter()
                .map(|&byte| match byte {
                    b' '..=b'~' => char::from(byte),
                    _ => '.',
                })
                .collect();
            format!(
                "{:08x}  {:<47}  {text}",
                offset + index * HEX_LINE,
                hex.join(" ")
            )
        })
        .collect()
}

fn json_lines(json: &Json<'_>, guide: Option<&Json<'_>>) -> Vec<String> {
    let mut text = String::new();
    write_indented(json, guide, 0, &mut text);
    text.lines().map(str::to_owned).collect()
}

fn write_indented(json: &Json<'_>, guide: Option<&Json<'_>>, depth: usize, text: &mut String) {
    let new_line = |text: &mut String, depth: usize| {
        text.push('\n');
        text.extend(std::iter::repeat_n("  ", depth));
    };
    match json {
        Json::Array(elements) if !elements.is_empty() => {
            text.push('[');
            for (index, element) in elements.iter().enumerate() {
                new_line(text, depth + 1);
                let guide = match guide {
                    Some(Json::Array(guides)) => guides.get(index),
                    _ => None,
                };
                write_indented(element, guide, depth + 1, text);
                if index + 1 < elements.len() {
                    text.push(',');
                }
            }
            new_line(text, depth);
            text.push(']');
        }
        Json::Object(members) if !members.is_empty() => {
            text.push('{');
            let guides: &[_] = match guide {
                Some(Json::Object(guides)) => guides,
                _ => &[],
            };
            let place = |name: &str| {
                guides
                    .iter()
                    .position(|(guide, _)| guide == name)
                    .unwrap_or(guides.len())
            };
            let mut ordered: Vec<_> = members.iter().collect();
            ordered.sort_by_key(|(name, _)| place(name));
            for (index, (name, value)) in ordered.iter().enumerate() {
                new_line(text, depth + 1);
                write_string(name, text);
                text.push_str(": ");
                let guide = guides.get(place(name)).map(|(_, guide)| guide);
                write_indented(value, guide, depth + 1, text);
                if index + 1 < members.len() {
                    text.push(',');
                }
            }
            new_line(text, depth);
            text.push('}');
        }
        _ => text.push_str(&json.to_text(usize::MAX)),
    }
}
