//! The report for a terminal: the verdict, why, and endpoint by endpoint, worst first, within 100 columns.

use std::fmt::Write as _;

use replayer_core::report::{grouped, plural, share_text};
use schema::run::{DivergenceGroup, EndpointReport, NotCompared, RunDocument};

use super::units::{
    funnel, mean_text, schedule_text, second_text, sentence, span_text, target_text, took_text,
    verdict_colour, verdict_text,
};
use crate::output::{Colour, Style};

/// Columns that a line may take.
const WIDTH: usize = 100;

/// Endpoints that are listed; the rest is summed up in a line.
const ENDPOINTS_MAX: usize = 20;

/// Divergence groups that are listed of an endpoint.
const GROUPS_MAX: usize = 6;

/// Columns of the endpoint's name.
const ENDPOINT_WIDTH: usize = 48;

/// The report as text, with a newline at the end.
pub(crate) fn summary(document: &RunDocument, archive: &str, style: Style) -> String {
    let mut text = String::new();
    head(document, archive, style, &mut text);
    reasons(document, style, &mut text);
    endpoints(document, style, &mut text);
    rewritten(document, style, &mut text);
    correlated(document, style, &mut text);
    not_compared(document, style, &mut text);
    text
}

fn head(document: &RunDocument, archive: &str, style: Style, text: &mut String) {
    let verdict = verdict_text(document).to_uppercase();
    let verdict = style.paint(verdict_colour(document), &verdict);
    let mut line = |line: String| {
        text.push_str(line.trim_end());
        text.push('\n');
    };
    line(format!(
        "{verdict}  {}",
        style.paint(Colour::Strong, &document.run)
    ));
    for part in wrap(&sentence(document), WIDTH) {
        line(part);
    }
    line(String::new());
    let source = &document.source;
    let window = format!("{} to {}", second_text(source.from), second_text(source.to));
    let took = took_text(document).map_or_else(String::new, |took| format!(", took {took}"));
    let mut facts = vec![
        ("window", format!("{window} UTC, {archive}")),
        ("target", target_text(document)),
        ("schedule", format!("{}{took}", schedule_text(document))),
    ];
    if !source.filters.is_empty() {
        facts.insert(1, ("filters", source.filters.join(" ")));
    }
    let lag = &document.report.schedule.lag;
    if document.schedule.is_paced() && lag.count > 0 {
        facts.push((
            "lag",
            format!(
                "p50 {}, p99 {}, p99.9 {}, max {}; mean {} in the first tenth, {} in the last",
                span_text(lag.p50_us),
                span_text(lag.p99_us),
                span_text(lag.p999_us),
                span_text(lag.max_us),
                mean_text(document.report.schedule.lag_first_tenth_us),
                mean_text(document.report.schedule.lag_last_tenth_us),
            ),
        ));
    }
    let latency = &document.report.latency;
    if latency.recorded.count > 0 {
        facts.push((
            "latency",
            format!(
                "p50 {} -> {}, p99 {} -> {} (recorded -> replayed)",
                span_text(latency.recorded.p50_us),
                span_text(latency.replayed.p50_us),
                span_text(latency.recorded.p99_us),
                span_text(latency.replayed.p99_us),
            ),
        ));
    }
    for (name, value) in facts {
        for (index, part) in wrap(&value, WIDTH - 11).into_iter().enumerate() {
            let name = if index == 0 { name } else { "" };
            line(format!(
                "{}{part}",
                style.paint(Colour::Faint, &format!("{name:<11}"))
            ));
        }
    }
    line(String::new());
    let selected = document.totals.selected();
    for (name, count) in funnel(document) {
        let share = share_text(count, selected.max(1));
        line(format!("{name:<22}{:>12}  {share:>12}", grouped(count)));
    }
}

fn reasons(document: &RunDocument, style: Style, text: &mut String) {
    let Some(conclusion) = &document.conclusion else {
        return;
    };
    if conclusion.reasons.is_empty() {
        return;
    }
    text.push('\n');
    text.push_str(&style.paint(Colour::Strong, "To know"));
    text.push('\n');
    for reason in &conclusion.reasons {
        for (index, part) in wrap(reason, WIDTH - 2).into_iter().enumerate() {
            text.push_str(if index == 0 { "- " } else { "  " });
            text.push_str(&part);
            text.push('\n');
        }
    }
}

fn endpoints(document: &RunDocument, style: Style, text: &mut String) {
    let endpoints = &document.report.endpoints;
    if endpoints.is_empty() {
        return;
    }
    text.push('\n');
    let table = Table::new(&[ENDPOINT_WIDTH, 9, 8, 8, 8, 14]);
    table.head(
        &[
            "endpoint",
            "requests",
            "differ",
            "failed",
            "unjudged",
            "p99, change",
        ],
        style,
        text,
    );
    for endpoint in endpoints.iter().take(ENDPOINTS_MAX) {
        row(endpoint, &table, style, text);
        for group in endpoint.groups.iter().take(GROUPS_MAX) {
            text.push_str(&group_line(group, style));
        }
        let groups_more = endpoint.groups.len().saturating_sub(GROUPS_MAX) as u64;
        if groups_more > 0 || endpoint.ungrouped > 0 {
            let mut more = vec![];
            if groups_more > 0 {
                more.push(format!("{} more", plural(groups_more, "group")));
            }
            if endpoint.ungrouped > 0 {
                more.push(format!(
                    "{} in no group",
                    plural(endpoint.ungrouped, "divergence")
                ));
            }
            text.push_str(&style.paint(Colour::Faint, &format!("    … {}", more.join(", "))));
            text.push('\n');
        }
    }
    if endpoints.len() > ENDPOINTS_MAX {
        let rest = &endpoints[ENDPOINTS_MAX..];
        let sum = |count: fn(&EndpointReport) -> u64| rest.iter().map(count).sum::<u64>();
        let line = format!(
            "… {} more: {}, {} differ, {} failed, {} not judged",
            plural(rest.len() as u64, "endpoint"),
            plural(sum(|e| e.planned), "request"),
            grouped(sum(|e| e.differed)),
            grouped(sum(|e| e.failed)),
            grouped(sum(|e| e.incomparable) - sum(|e| e.failed)),
        );
        text.push_str(&style.paint(Colour::Faint, &line));
        text.push('\n');
    }
}

fn row(endpoint: &EndpointReport, table: &Table, style: Style, text: &mut String) {
    let latency = &endpoint.latency;
    let before_after = if latency.recorded.count == 0 {
        "-".to_owned()
    } else {
        let change = latency.replayed.p99_us as f64 / latency.recorded.p99_us.max(1) as f64;
        format!("{} x{change:.1}", span_text(latency.recorded.p99_us))
    };
    let colour = if endpoint.differed + endpoint.failed > 0 {
        Some(Colour::Bad)
    } else if endpoint.incomparable > 0 {
        Some(Colour::Doubt)
    } else {
        None
    };
    // Failed ones have a column of their own.
    let unjudged = endpoint.incomparable.saturating_sub(endpoint.failed);
    table.row(
        &[
            &one_line(&endpoint.endpoint),
            &grouped(endpoint.planned),
            &grouped(endpoint.differed),
            &grouped(endpoint.failed),
            &grouped(unjudged),
            &before_after,
        ],
        colour,
        style,
        text,
    );
}

/// `    12x  body $.items[*].price  value   10.5 -> 10.51   00c0ffee00c0ffee-0`
fn group_line(group: &DivergenceGroup, style: Style) -> String {
    let place = if group.location.is_empty() {
        group.part.clone()
    } else {
        format!("{} {}", group.part, group.location)
    };
    let mut lines = format!(
        "    {:>6}x  {:<44} {}\n",
        grouped(group.exchanges),
        clip(&one_line(&place), 44),
        style.paint(Colour::Bad, &group.kind),
    );
    if let Some(example) = group.examples.first() {
        let (was, is) = sides(example.expected.as_deref(), example.actual.as_deref(), 30);
        let line = format!("             {was} -> {is}  in {}", example.exchange);
        lines.push_str(&style.paint(Colour::Faint, &clip(&line, WIDTH)));
        lines.push('\n');
    }
    lines
}

fn rewritten(document: &RunDocument, style: Style, text: &mut String) {
    let Some(rewriting) = &document.rewriting else {
        return;
    };
    text.push('\n');
    text.push_str(&style.paint(Colour::Strong, "Requests changed by rules"));
    text.push('\n');
    for line in super::rewritten::lines(rewriting) {
        let _ = writeln!(text, "- {line}");
    }
}

fn correlated(document: &RunDocument, style: Style, text: &mut String) {
    let Some(correlation) = &document.correlation else {
        return;
    };
    let lines = super::correlated::lines(correlation);
    if lines.is_empty() {
        return;
    }
    text.push('\n');
    text.push_str(&style.paint(Colour::Strong, "Taken from answers"));
    let _ = writeln!(text, "\n{}", super::correlated::sentence(correlation));
    for line in lines {
        let _ = writeln!(text, "- {line}");
    }
}

fn not_compared(document: &RunDocument, style: Style, text: &mut String) {
    let fields = &document.report.not_compared;
    if fields.is_empty() {
        return;
    }
    text.push('\n');
    text.push_str(&style.paint(Colour::Strong, "Not compared"));
    text.push('\n');
    let (differing, same): (Vec<_>, Vec<_>) = fields.iter().partition(|field| field.differed > 0);
    let name = |field: &NotCompared| match field.aspect.as_str() {
        "all" => field.name.clone(),
        aspect => format!("{} ({aspect})", field.name),
    };
    let mut parts: Vec<String> = differing
        .into_iter()
        .map(|field| {
            let (differed, seen) = (grouped(field.differed), grouped(field.seen));
            format!("{} differed in {differed} of {seen}", name(field))
        })
        .collect();
    if !same.is_empty() {
        let names: Vec<String> = same.into_iter().map(name).collect();
        parts.push(format!("never different: {}", names.join(", ")));
    }
    for line in wrap(&parts.join("; "), WIDTH) {
        text.push_str(&line);
        text.push('\n');
    }
}

/// Columns of text: the first on the left, the others on the right.
#[derive(Debug)]
pub(crate) struct Table {
    widths: Vec<usize>,
}

impl Table {
    /// A table with columns of these widths.
    pub(crate) fn new(widths: &[usize]) -> Self {
        Self {
            widths: widths.to_vec(),
        }
    }

    fn head(&self, cells: &[&str], style: Style, text: &mut String) {
        self.row(cells, Some(Colour::Faint), style, text);
    }

    /// Adds a row; the first cell is cut to its column, the others never are.
    pub(crate) fn row(
        &self,
        cells: &[&str],
        colour: Option<Colour>,
        style: Style,
        text: &mut String,
    ) {
        let mut line = String::new();
        for (index, (cell, &width)) in cells.iter().zip(&self.widths).enumerate() {
            if index == 0 {
                line.push_str(&pad(&clip(cell, width), width, false));
            } else {
                line.push(' ');
                line.push_str(&pad(cell, width, true));
            }
        }
        let line = line.trim_end();
        text.push_str(&colour.map_or_else(|| line.to_owned(), |colour| style.paint(colour, line)));
        text.push('\n');
    }
}

/// `text` with spaces up to `width` characters; formatting widths count them the same way.
fn pad(text: &str, width: usize, right: bool) -> String {
    if right {
        format!("{text:>width$}")
    } else {
        format!("{text:<width$}")
    }
}

/// At most `width` characters; what is cut is an ellipsis in the middle, because both ends of a path tell something.
pub(crate) fn clip(text: &str, width: usize) -> String {
    let count = text.chars().count();
    if count <= width {
        return text.to_owned();
    }
    let head = (width - 1) * 2 / 3;
    let tail = width - 1 - head;
    let head: String = text.chars().take(head).collect();
    let tail: String = text.chars().skip(count - tail).collect();
    format!("{head}…{tail}")
}

/// Both sides on one line of at most `width` characters each, cut so that what differs is seen.
pub(crate) fn sides(
    expected: Option<&str>,
    actual: Option<&str>,
    width: usize,
) -> (String, String) {
    let plain = |side: Option<&str>| side.map_or_else(|| "nothing".to_owned(), one_line);
    let (was, is) = (plain(expected), plain(actual));
    if was.chars().count() <= width && is.chars().count() <= width {
        return (was, is);
    }
    let same = was
        .chars()
        .zip(is.chars())
        .take_while(|(a, b)| a == b)
        .count();
    let start = same.saturating_sub(width / 3);
    let cut = |text: &str| {
        let count = text.chars().count();
        let before = if start > 0 { "…" } else { "" };
        let room = width - before.chars().count();
        let rest: String = text.chars().skip(start).take(room).collect();
        if count > start + room {
            let shorter: String = rest.chars().take(room - 1).collect();
            format!("{before}{shorter}…")
        } else {
            format!("{before}{rest}")
        }
    };
    (cut(&was), cut(&is))
}

/// Text of traffic on one line, without anything that a terminal would obey or that turns its direction.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// Lines of at most `width` characters, broken between words; a longer word stands alone.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
