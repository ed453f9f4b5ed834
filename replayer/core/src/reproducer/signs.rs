//! What tells two builds' answers to one request apart: lines that one has and the other has not, or not as often.
//!
//! Lines are looked at in forms of less and less detail, and the first that tells decides: as they are, with other digits (a
//! time is another one each time), by kind alone. Where something is missing or new, the kinds come first: how often something
//! is there does not depend on what it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schema::comparison::FindingGroup;
use schema::{Completeness, Exchange, Response};

use super::lines::{checksum, json_lines, text_lines};
use super::shell::quoted;
use super::{About, Link};
use crate::compare::{Difference, Rules, differences, plain_body};
use crate::location::pattern;

/// Lines of one form that are looked for, of each answer.
const LINES_MAX: usize = 8;
/// Longest line that is looked for.
const LINE_BYTES_MAX: usize = 400;
/// Longest body of an answer that is read.
const BODY_BYTES_MAX: usize = 16 << 20;

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Status,
    /// The fields of this name.
    Fields(String),
    Json,
    Text,
    /// CRC and length of the body.
    Checksum,
}

/// How lines are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Exact,
    /// With the index of each element.
    Places,
    Digits,
    Kinds,
}

/// A line, and how often each answer has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sign {
    line: String,
    recorded: Option<usize>,
    baseline: usize,
    candidate: usize,
}

/// What tells the answers apart.
#[derive(Clone, Debug)]
pub(super) struct Signs {
    source: Source,
    views: Vec<(View, Vec<Sign>)>,
}

/// The three answers.
#[derive(Clone, Copy)]
struct Answers<'a> {
    recorded: Option<&'a Exchange>,
    baseline: &'a Exchange,
    candidate: &'a Exchange,
}

impl Signs {
    /// What tells the last answers of a chain apart at the place of its group.
    pub(super) fn of(group: &FindingGroup, last: &Link) -> Self {
        let none = Self {
            source: Source::Status,
            views: Vec::new(),
        };
        let Some(candidate) = &last.candidate else {
            return none;
        };
        let answers = Answers {
            recorded: last.baseline.as_ref().map(|_| &last.recorded),
            baseline: last.baseline.as_ref().unwrap_or(&last.recorded),
            candidate,
        };
        let here = here(group, answers);
        let sources = match group.part.as_str() {
            "header" | "trailer" => {
                let name = group.location.split('[').next().unwrap_or_default();
                vec![Source::Fields(name.to_owned())]
            }
            "body" => vec![Source::Json, Source::Text, Source::Checksum],
            _ => vec![Source::Status],
        };
        let by_kind = matches!(group.kind.as_str(), "missing" | "extra" | "type");
        for source in sources {
            let views = views(&source, answers, &group.location, &here, by_kind);
            if !views.is_empty() {
                return Self { source, views };
            }
        }
        none
    }

    /// The end of the script: the answer, and what it says.
    pub(super) fn written(&self, last: &Link, about: &About) -> String {
        let mut text =
            String::from("\n# The last answer, and what tells the builds' answers apart.\n");
        if matches!(
            self.source,
            Source::Json | Source::Text | Source::Fields(_) | Source::Status
        ) {
            text.push_str("cat \"$work/head\"\nhead -c 65536 \"$work/body\"\necho\n");
        }
        let lines = match &self.source {
            Source::Status => "printf 'status %s\\n' \"$status\"".to_owned(),
            Source::Fields(name) => format!(
                "fields {} | sed {}",
                quoted(name),
                quoted(&format!("s/^/{name}: /"))
            ),
            Source::Json => "json_lines < \"$work/body\"".to_owned(),
            Source::Text => "text_lines < \"$work/body\"".to_owned(),
            Source::Checksum => "cksum < \"$work/body\"".to_owned(),
        };
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(text, "{lines} > \"$work/lines\"");
        let status_or = |none: &str, exchange: Option<&Exchange>| {
            let response = exchange.and_then(|exchange| exchange.response.as_ref());
            response.map_or_else(|| none.to_owned(), |response| response.status.to_string())
        };
        let status = |exchange| status_or("none", exchange);
        // As the script's functions have it.
        let code = |exchange| status_or("000", exchange);
        let row = "printf '%9s %9s %9s %9s  %s\\n'";
        let baseline = about.baseline.as_ref().map(|_| last.baseline.as_ref());
        let _ = writeln!(
            text,
            "{row} recorded baseline candidate now ''\n{row} {} {} {} \"$status\" status",
            status(Some(&last.recorded)),
            status(baseline.unwrap_or(Some(&last.recorded))),
            status(last.candidate.as_ref()),
        );
        text.push_str("found=\n");
        for (view, signs) in &self.views {
            let _ = writeln!(
                text,
                "compare_by {} {} {}",
                quoted(view.sed(&self.source)),
                code(last.baseline.as_ref().or(Some(&last.recorded))),
                code(last.candidate.as_ref()),
            );
            for sign in signs {
                let recorded = sign
                    .recorded
                    .map_or_else(|| "-".to_owned(), |count| count.to_string());
                let (baseline, candidate) = (sign.baseline, sign.candidate);
                let _ = writeln!(
                    text,
                    "tell {recorded} {baseline} {candidate} {}",
                    quoted(&sign.line)
                );
            }
            text.push_str("decide\n");
        }
        if self.views.is_empty() {
            text.push_str("# What tells them apart is not in what the runs store: the beginnings of both answers are the same.\n");
        }
        text.push_str("conclude\n");
        text
    }
}

impl View {
    /// What makes lines look so.
    const fn sed(self, source: &Source) -> &'static str {
        match (self, matches!(source, Source::Json)) {
            (Self::Exact, true) => r"s/\[[0-9][0-9]*\]/[*]/g",
            (Self::Exact | Self::Places, _) => "",
            (Self::Digits, true) => r"s/\[[0-9][0-9]*\]/[*]/g; s/[0-9]/0/g",
            (Self::Digits, false) => "s/[0-9]/0/g",
            (Self::Kinds, true) => {
                r#"s/\[[0-9][0-9]*\]/[*]/g; s/ = ".*/ = "..."/; s/ = -\{0,1\}[0-9].*/ = 0/"#
            }
            (Self::Kinds, false) => "s/[A-Za-z0-9][A-Za-z0-9]*/x/g",
        }
    }

    /// A line as [`View::sed`] makes it.
    fn of(self, line: &str, source: &Source) -> String {
        let is_json = matches!(source, Source::Json);
        let line = match self {
            Self::Exact | Self::Digits | Self::Kinds if is_json => without_indices(line),
            _ => line.to_owned(),
        };
        match self {
            Self::Exact | Self::Places => line,
            Self::Digits => line.replace(|c: char| c.is_ascii_digit(), "0"),
            Self::Kinds if is_json => kind_of(&line),
            Self::Kinds => runs_as_x(&line),
        }
    }
}

/// What differs at the place of the group; of that, what did not differ between the recording and the baseline already, if
/// there is any.
fn here(group: &FindingGroup, answers: Answers<'_>) -> Vec<Difference> {
    let found = |left, right| {
        let found = differences(left, right, &Rules::default());
        found.map_or_else(|_| Vec::new(), |found| found.kept)
    };
    let mut here = found(answers.baseline, answers.candidate);
    here.retain(|difference| {
        let place = pattern(&difference.location);
        difference.part.as_str() == group.part && place == group.location
    });
    let before = answers
        .recorded
        .map_or_else(Vec::new, |recorded| found(recorded, answers.baseline));
    let differed = |difference: &Difference| {
        before
            .iter()
            .any(|other| other.location == difference.location)
    };
    if !here.iter().all(differed) {
        here.retain(|difference| !differed(difference));
    }
    here
}

/// The views that tell the answers apart, in the order in which they are asked.
fn views(
    source: &Source,
    answers: Answers<'_>,
    location: &str,
    here: &[Difference],
    by_kind: bool,
) -> Vec<(View, Vec<Sign>)> {
    let (Some(baseline), Some(candidate)) = (
        source.lines(answers.baseline),
        source.lines(answers.candidate),
    ) else {
        return Vec::new();
    };
    let recorded = answers.recorded.and_then(|recorded| source.lines(recorded));
    let order = match (by_kind, source) {
        (_, Source::Status | Source::Checksum) => &[View::Exact][..],
        (true, _) => &[View::Kinds, View::Exact, View::Digits],
        (false, _) => &[View::Exact, View::Digits, View::Kinds],
    };
    // Those at the place of the finding, if there are any there.
    for only_here in [true, false] {
        let ask = |view: View| {
            let mut signs = signs(source, view, [&baseline, &candidate], recorded.as_deref());
            let any = !only_here || (view == View::Kinds && *source == Source::Text);
            signs.retain(|sign| any || is_here(source, sign, location, here));
            let is_exact = matches!(view, View::Exact | View::Digits);
            if is_exact && !is_certain(&signs) {
                signs.clear();
            }
            few(signs)
        };
        let found = order.iter().map(|&view| (view, ask(view)));
        let mut found: Vec<_> = found.filter(|(_, signs)| !signs.is_empty()).collect();
        if by_kind && matches!(found.first(), Some((View::Kinds, _))) {
            // That a line is not there says nothing where its value is another one each time.
            found.truncate(1);
            // Of an answer that is quite another one, that it is not there says nothing either.
            let both = common(source, [&baseline, &candidate], recorded.as_deref());
            found[0].1.extend(both);
        }
        if found.is_empty() && *source == Source::Json {
            let signs = ask(View::Places);
            found.extend((!signs.is_empty()).then_some((View::Places, signs)));
        }
        // A form that says what a finer one said already says nothing.
        found.dedup_by(|after, before| after.1 == before.1);
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// Lines that two answers do not have equally often, in the order of the first and then of the second.
fn signs(
    source: &Source,
    view: View,
    sides: [&[String]; 2],
    recorded: Option<&[String]>,
) -> Vec<Sign> {
    let [baseline, candidate] = sides.map(|lines| counted(source, view, lines));
    let recorded = recorded.map(|lines| counted(source, view, lines));
    let mut seen = BTreeMap::new();
    for line in sides.into_iter().flatten() {
        let line = view.of(line, source);
        let place = seen.len();
        seen.entry(line).or_insert(place);
    }
    let mut lines: Vec<(String, usize)> = seen.into_iter().collect();
    lines.sort_by_key(|(_, place)| *place);
    let count =
        |counts: &BTreeMap<String, usize>, line: &str| counts.get(line).copied().unwrap_or(0);
    lines
        .into_iter()
        .map(|(line, _)| Sign {
            recorded: recorded.as_ref().map(|counts| count(counts, &line)),
            baseline: count(&baseline, &line),
            candidate: count(&candidate, &line),
            line,
        })
        .filter(|sign| sign.baseline != sign.candidate && sign.line.len() <= LINE_BYTES_MAX)
        .collect()
}

/// A line of JSON, by its kind, that both answers have once.
fn common(source: &Source, sides: [&[String]; 2], recorded: Option<&[String]>) -> Option<Sign> {
    if *source != Source::Json {
        return None;
    }
    let [baseline, candidate] = sides.map(|lines| counted(source, View::Kinds, lines));
    let is_once = |line: &&String| {
        line.len() <= LINE_BYTES_MAX && candidate.get(*line) == Some(&1) && baseline[*line] == 1
    };
    let line = baseline.keys().find(is_once)?.clone();
    let recorded = recorded.map(|lines| counted(source, View::Kinds, lines));
    Some(Sign {
        recorded: recorded.map(|counts| counts.get(&line).copied().unwrap_or(0)),
        baseline: 1,
        candidate: 1,
        line,
    })
}

fn counted(source: &Source, view: View, lines: &[String]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry(view.of(line, source)).or_insert(0) += 1;
    }
    counts
}

/// Whether a line is at the place of the finding.
fn is_here(source: &Source, sign: &Sign, location: &str, here: &[Difference]) -> bool {
    match source {
        Source::Json => {
            let path = sign.line.split(" = ").next().unwrap_or_default();
            let rest = pattern(path);
            let rest = rest.strip_prefix(location);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        }
        Source::Text => here.iter().any(|difference| {
            let texts = [&difference.expected, &difference.actual];
            texts.into_iter().flatten().any(|text| {
                let text = text.trim().trim_end_matches('…');
                !text.is_empty() && (sign.line.contains(text) || text.contains(&sign.line))
            })
        }),
        Source::Status | Source::Fields(_) | Source::Checksum => true,
    }
}

/// Whether lines tell as they are: each answer has one that the other lacks. That one is not there says nothing of an answer
/// whose values are others each time, unless the recorded answer has it as well.
fn is_certain(signs: &[Sign]) -> bool {
    let lost = |sign: &Sign| sign.baseline > sign.candidate;
    let (any_lost, any_gained) = (signs.iter().any(lost), !signs.iter().all(lost));
    let is_stable = |sign: &Sign| sign.recorded == Some(sign.baseline);
    any_lost && (any_gained || signs.iter().all(is_stable))
}

/// A few that the baseline has and a few that the candidate has.
fn few(signs: Vec<Sign>) -> Vec<Sign> {
    let (lost, gained): (Vec<Sign>, Vec<Sign>) = signs
        .into_iter()
        .partition(|sign| sign.baseline > sign.candidate);
    let lost = lost.into_iter().take(LINES_MAX);
    lost.chain(gained.into_iter().take(LINES_MAX)).collect()
}

impl Source {
    /// The lines of an answer; `None` if they are not known.
    fn lines(&self, exchange: &Exchange) -> Option<Vec<String>> {
        let Some(response) = &exchange.response else {
            return (*self == Self::Status).then(|| vec!["status 000".to_owned()]);
        };
        let body = || whole_body(exchange, response);
        match self {
            Self::Status => Some(vec![format!("status {}", response.status)]),
            Self::Fields(name) => {
                let trailers = response
                    .trailers
                    .iter()
                    .flat_map(|trailers| trailers.get_all(name));
                let values = response.headers.get_all(name).chain(trailers);
                Some(
                    values
                        .map(|value| format!("{name}: {}", value.trim()))
                        .collect(),
                )
            }
            Self::Json => json_lines(&body()?),
            Self::Text => text_lines(&body()?),
            Self::Checksum => Some(vec![checksum(&body()?)]),
        }
    }
}

/// The body without its Content-Encoding, if all of it is stored.
fn whole_body(exchange: &Exchange, response: &Response) -> Option<Vec<u8>> {
    if exchange.completeness != Completeness::Complete {
        return None;
    }
    plain_body(response, BODY_BYTES_MAX)
        .ok()
        .map(std::borrow::Cow::into_owned)
}

/// `$.items[2].price` as `$.items[*].price`.
fn without_indices(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('[') {
        text.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 && rest[digits..].starts_with(']') {
            text.push('*');
            rest = &rest[digits..];
        }
    }
    text + rest
}

/// A line of JSON with the kind of its value.
fn kind_of(line: &str) -> String {
    let mut line = match line.find(" = \"") {
        Some(at) => format!("{} = \"...\"", &line[..at]),
        None => line.to_owned(),
    };
    let number = line.match_indices(" = ").find(|(at, _)| {
        let value = &line[at + 3..];
        value
            .strip_prefix('-')
            .unwrap_or(value)
            .starts_with(|c: char| c.is_ascii_digit())
    });
    if let Some((at, _)) = number {
        line.truncate(at);
        line.push_str(" = 0");
    }
    line
}

/// Letters and digits in a row as one `x`.
fn runs_as_x(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut in_run = false;
    for c in line.chars() {
        let is_word = c.is_ascii_alphanumeric();
        match (is_word, in_run) {
            (true, false) => text.push('x'),
            (true, true) => {}
            (false, _) => text.push(c),
        }
        in_run = is_word;
    }
    text
}

#[cfg(test)]
mod tests;
