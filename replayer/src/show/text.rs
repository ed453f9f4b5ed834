//! One exchange for a terminal: the request as a curl command, what differs, both answers side by side.

use replayer_core::compare::Comparison;
use replayer_core::endpoint;
use replayer_core::report::{CONTEXT, answer_lines, plural, side_by_side};
use schema::run::DiffRow;
use schema::{Exchange, ExchangeVerdict, Outcome, Request, Response};

use super::Shown;
use crate::output::{Colour, Style};
use crate::report::{clip, one_line, second_text, sides, span_text};

/// Columns of one side.
const SIDE: usize = 48;

/// Rows that are shown without `--whole`.
const ROWS_MAX: usize = 200;

/// Bytes of a request body that are put into the command.
const BODY_BYTES_MAX: usize = 4_096;

/// The exchange as text.
pub(super) fn text(shown: &Shown, whole: bool, style: Style) -> String {
    let Shown {
        document,
        recorded,
        actual,
        comparison,
    } = shown;
    let mut text = Text::default();
    let verdict = match comparison.verdict {
        ExchangeVerdict::Match => style.paint(Colour::Good, "MATCH"),
        ExchangeVerdict::Differ => style.paint(Colour::Bad, "DIFFER"),
        ExchangeVerdict::Incomparable => style.paint(Colour::Doubt, "NOT JUDGED"),
    };
    let reason = comparison
        .reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(": {reason}"));
    text.line(&format!(
        "{verdict}{reason}  {}",
        style.paint(Colour::Strong, &one_line(&endpoint::of(recorded)))
    ));
    text.line(&format!(
        "exchange {}, recorded {}{}",
        recorded.id(),
        second_text(recorded.start()),
        sent_text(actual)
    ));
    if let Some(request) = &actual.request {
        text.heading("The request as it was sent", style);
        text.line(&curl(request, &document.target.url));
    }
    if !comparison.divergences.is_empty() {
        differences(comparison, style, &mut text);
    }
    if let (Some(expected), Some(answer)) = (&recorded.response, &actual.response) {
        let is_whole = whole || comparison.verdict != ExchangeVerdict::Differ;
        answers(expected, answer, is_whole, style, &mut text);
    }
    text.0
}

/// Lines without spaces at their ends.
#[derive(Debug, Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    fn heading(&mut self, heading: &str, style: Style) {
        self.line("");
        self.line(&style.paint(Colour::Strong, heading));
    }
}

fn differences(comparison: &Comparison, style: Style, text: &mut Text) {
    text.heading(&plural(comparison.found, "difference"), style);
    for divergence in &comparison.divergences {
        let (was, is) = sides(
            divergence.expected.as_deref(),
            divergence.actual.as_deref(),
            60,
        );
        text.line(&format!(
            "  {} {}: {was} -> {is}",
            divergence.part,
            one_line(&divergence.location),
        ));
    }
    let more = comparison.found - comparison.divergences.len() as u64;
    if more > 0 {
        text.line(&format!("  … {more} more"));
    }
}

fn answers(expected: &Response, actual: &Response, whole: bool, style: Style, text: &mut Text) {
    text.heading(&format!("{:<SIDE$} | replayed", "recorded"), style);
    let lines = answer_lines(expected, actual);
    let (context, rows_max) = if whole {
        (usize::MAX, usize::MAX)
    } else {
        (CONTEXT, ROWS_MAX)
    };
    let (mut rows, left_out) = side_by_side(&lines.expected, &lines.actual, context, rows_max);
    if rows.is_empty() {
        // Without a difference nothing is near one; every line is what a reader asked for.
        rows = lines.expected.into_iter().map(same_row).collect();
    }
    for row in &rows {
        text.line(&row_text(row, style));
    }
    if left_out > 0 {
        text.line(&format!(
            "… {} more; see them with --whole",
            plural(left_out, "line")
        ));
    }
}

fn same_row(line: String) -> DiffRow {
    DiffRow {
        expected: Some(line.clone()),
        actual: Some(line),
    }
}

fn sent_text(actual: &Exchange) -> String {
    let Some(replay) = &actual.replay else {
        return String::new();
    };
    let reason = replay
        .outcome_reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(" ({reason})"));
    match replay.outcome {
        Outcome::Sent | Outcome::Failed => format!(
            "; {}{reason} {}, {} after it was due",
            replay.outcome,
            second_text(actual.start()),
            span_text(u64::try_from(replay.lag_us).unwrap_or(0))
        ),
        Outcome::Skipped => format!("; {}{reason}", replay.outcome),
    }
}

fn row_text(row: &DiffRow, style: Style) -> String {
    let (expected, actual) = match (&row.expected, &row.actual) {
        (None, None) => return style.paint(Colour::Faint, "  ⋯"),
        (expected, actual) => (
            expected.as_deref().unwrap_or_default(),
            actual.as_deref().unwrap_or_default(),
        ),
    };
    let mark = match (&row.expected, &row.actual) {
        (Some(a), Some(b)) if a == b => '|',
        (Some(_), Some(_)) => '~',
        (Some(_), None) => '<',
        _ => '>',
    };
    let line = format!(
        "{:<SIDE$} {mark} {}",
        clip(&one_line(expected), SIDE),
        clip(&one_line(actual), SIDE)
    );
    if mark == '|' {
        line
    } else {
        style.paint(Colour::Bad, &line)
    }
}

/// The request as a command for a shell.
pub(super) fn curl(request: &Request, target: &str) -> String {
    let origin = url::Url::parse(target)
        .map(|url| url.origin().ascii_serialization())
        .unwrap_or_else(|_| target.trim_end_matches('/').to_owned());
    let query = request
        .query
        .as_ref()
        .map_or_else(String::new, |query| format!("?{query}"));
    let mut parts = vec![format!(
        "curl -si --path-as-is -X {} {}",
        quoted(&request.method),
        quoted(&format!("{origin}{}{query}", request.path))
    )];
    for (name, value) in request.headers.iter() {
        // curl counts and frames the body itself.
        let is_framing = ["content-length", "transfer-encoding", "connection"]
            .iter()
            .any(|framing| name.eq_ignore_ascii_case(framing));
        if !is_framing {
            let field = one_line(&format!("{name}: {value}"));
            parts.push(format!("-H {}", quoted(&field)));
        }
    }
    let body = &request.body.bytes;
    let mut note = String::new();
    if !body.is_empty() {
        match std::str::from_utf8(body) {
            Ok(text) if text.len() <= BODY_BYTES_MAX && text.chars().all(is_harmless) => {
                parts.push(format!("--data-binary {}", quoted(text)));
            }
            _ => {
                note = format!(
                    "\n  # with a body of {} bytes, which is in the archive",
                    body.len()
                )
            }
        }
    }
    format!("  {}{note}", parts.join(" \\\n    "))
}

/// Whether a terminal shows the character, and does nothing else.
fn is_harmless(c: char) -> bool {
    !c.is_control() || matches!(c, '\n' | '\r' | '\t')
}

/// A word for a POSIX shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
