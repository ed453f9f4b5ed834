//! A request as a command of curl.

use std::fmt::Write as _;

use schema::{Charset, Protocol, Request};

use super::About;
use super::carry::{Carried, Step, Use, uses};
use super::places::{Field, parts};
use super::shell::{format_of, quoted};

/// Header fields that curl makes itself.
const MADE_BY_CURL: [&str; 5] = [
    "content-length",
    "connection",
    "transfer-encoding",
    "expect",
    "keep-alive",
];
/// Fields that curl adds where there are none.
const ADDED_BY_CURL: [&str; 2] = ["user-agent", "accept"];
/// Longest body that is an argument.
const ARGUMENT_BYTES_MAX: usize = 4 << 10;
/// Contents from which on curl asks before it sends them.
const EXPECT_BYTES: usize = 1 << 20;

/// Writes the command of one request.
pub(super) fn command(
    script: &mut String,
    number: usize,
    step: &Step<'_>,
    carried: &[Carried],
    about: &About,
) {
    let Some(request) = step.sent else {
        script.push_str("# not sent: no request was recorded\n");
        return;
    };
    let writer = Writer {
        request,
        step,
        number,
        carried,
        about,
    };
    // Writing to a string cannot fail, here and below.
    if request.trailers.is_some() {
        script.push_str("# its trailer fields are not sent\n");
    }
    let body = writer.body(script);
    let status = step.answer.map_or(0, |answer| answer.status);
    let _ = write!(script, "ask {} {status:03}{}", number + 1, writer.options());
    let _ = write!(script, " {}", writer.url());
    writer.headers(script);
    if let Some(body) = body {
        let _ = write!(script, " \\\n  {body}");
    }
    script.push('\n');
}

struct Writer<'a> {
    request: &'a Request,
    step: &'a Step<'a>,
    number: usize,
    carried: &'a [Carried],
    about: &'a About,
}

impl Writer<'_> {
    fn uses(&self, field: Field) -> Vec<Use> {
        let part = parts(self.request)
            .into_iter()
            .find(|(of, ..)| *of == field);
        part.map_or_else(Vec::new, |(_, place, text)| {
            uses(text, place, self.number, self.carried)
        })
    }

    fn options(&self) -> String {
        let mut options = String::new();
        if self.request.method == "HEAD" {
            options.push_str(" --head");
        } else {
            let _ = write!(options, " -X {}", quoted(&self.request.method));
        }
        options.push_str(match self.step.protocol {
            Protocol::Http10 => " --http1.0",
            Protocol::Http11 => " --http1.1",
            Protocol::Http2 => " \"$http2\"",
        });
        if self.request.headers.get("accept-encoding").is_some() {
            options.push_str(" --compressed");
        }
        if self.about.insecure {
            options.push_str(" -k");
        }
        options
    }

    fn url(&self) -> String {
        let mut target = self.request.path.clone();
        let mut uses = self.uses(Field::Path);
        if let Some(query) = &self.request.query {
            target.push('?');
            uses.extend(behind(self.uses(Field::Query), target.len()));
            target.push_str(query);
        }
        // The prefix is in TARGET.
        let prefix = self.step.path_prefix.len();
        let is_below = target.starts_with(self.step.path_prefix)
            && target[prefix..].starts_with('/')
            && uses.iter().all(|used| used.range.start >= prefix);
        if is_below {
            for used in &mut uses {
                used.range = used.range.start - prefix..used.range.end - prefix;
            }
            target.drain(..prefix);
        }
        let word = self.word(&target, &uses);
        if is_below && target.bytes().all(is_left_alone) {
            return format!("\"$TARGET\"{word}");
        }
        let prefix = if is_below { "\"$prefix\"" } else { "" };
        format!("--request-target {prefix}{word} \"$TARGET\"")
    }

    fn headers(&self, script: &mut String) {
        for (index, (name, value)) in self.request.headers.iter().enumerate() {
            let is = |other: &&str| name.eq_ignore_ascii_case(other);
            if MADE_BY_CURL.iter().any(is) || (self.about.host_of_target && is(&"host")) {
                continue;
            }
            let field = match &self.about.authorization_env {
                Some(variable) if is(&"authorization") => format!("'{name}: '\"${variable}\""),
                // A field without a value would be left out.
                _ if value.is_empty() => quoted(&format!("{name};")),
                _ => {
                    let begin = format!("{name}: ");
                    let uses = behind(self.uses(Field::Header(index)), begin.len());
                    self.word(&(begin + value), &uses.collect::<Vec<_>>())
                }
            };
            let _ = write!(script, " \\\n  -H {field}");
        }
        let has = |name: &str| self.request.headers.get(name).is_some();
        let mut without = |name: &str| {
            let _ = write!(script, " \\\n  -H '{name}:'");
        };
        for name in ADDED_BY_CURL {
            if !has(name) {
                without(name);
            }
        }
        if self.has_body() && !has("content-type") {
            without("content-type");
        }
        if self.request.body.bytes.len() >= EXPECT_BYTES {
            without("expect");
        }
        let chunked = has("transfer-encoding") && self.step.protocol == Protocol::Http11;
        if chunked && self.has_body() {
            script.push_str(" \\\n  -H 'Transfer-Encoding: chunked'");
        }
    }

    /// Whether there is a body, or a length of none.
    fn has_body(&self) -> bool {
        !self.request.body.bytes.is_empty() || self.request.headers.get("content-length").is_some()
    }

    /// The arguments that send the body; what does not fit into one is written to a file before.
    fn body(&self, script: &mut String) -> Option<String> {
        if !self.has_body() || self.request.method == "HEAD" {
            return None;
        }
        let bytes = &self.request.body.bytes;
        let uses = self.uses(Field::Body);
        let text = std::str::from_utf8(bytes).ok();
        let is_plain = |text: &&str| {
            !text.chars().any(|c| c.is_control() && c != '\n') && text.len() <= ARGUMENT_BYTES_MAX
        };
        if let Some(text) = text.filter(is_plain) {
            return Some(format!("--data-raw {}", pieces(text, &uses, quoted)));
        }
        let mut format = String::new();
        let mut values = String::new();
        let mut copied = 0;
        for used in &uses {
            format.push_str(&format_of(&bytes[copied..used.range.start]));
            format.push_str("%s");
            let _ = write!(values, " {}", value(used));
            copied = used.range.end;
        }
        format.push_str(&format_of(&bytes[copied..]));
        let _ = writeln!(script, "printf -- '{format}'{values} > \"$work/sent\"");
        Some("--data-binary @\"$work/sent\"".to_owned())
    }

    /// Text of the head with carried values.
    fn word(&self, text: &str, uses: &[Use]) -> String {
        pieces(text, uses, |text| {
            if self.step.charset == Charset::Latin1 && !text.is_ascii() {
                format!(
                    "\"$(printf -- '{}')\"",
                    format_of(&self.step.charset.to_wire(text))
                )
            } else {
                quoted(text)
            }
        })
    }
}

/// Whether curl sends the byte as it stands in a URL: unreserved and reserved ones (RFC 3986 section 2) but for `#`, and `%`.
fn is_left_alone(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&byte)
}

/// The same in a text that is so many bytes longer before.
fn behind(uses: Vec<Use>, bytes: usize) -> impl Iterator<Item = Use> {
    uses.into_iter().map(move |used| Use {
        range: used.range.start + bytes..used.range.end + bytes,
        ..used
    })
}

/// A text with carried values, as one word.
fn pieces(text: &str, uses: &[Use], quoted: impl Fn(&str) -> String) -> String {
    let mut word = String::new();
    let mut copied = 0;
    for used in uses {
        if copied < used.range.start {
            word.push_str(&quoted(&text[copied..used.range.start]));
        }
        word.push_str(&value(used));
        copied = used.range.end;
    }
    if copied < text.len() || word.is_empty() {
        word.push_str(&quoted(&text[copied..]));
    }
    word
}

fn value(used: &Use) -> String {
    if used.encoded {
        format!("\"$(encoded \"${}\")\"", used.variable)
    } else {
        format!("\"${}\"", used.variable)
    }
}
