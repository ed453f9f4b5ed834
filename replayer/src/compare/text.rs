//! A comparison for the terminal.

use std::fmt::Write as _;

use replayer_core::report::{grouped, plural};
use schema::comparison::{ComparisonDocument, FindingGroup};
use schema::run::RunVerdict;

use crate::output::{Colour, Style};
use crate::report::{clip, minute_text, one_line};

/// Groups that are printed; the rest is in the document and in the page.
const GROUPS_MAX: usize = 20;
/// Fields of noise, and groups of the environment, that are printed.
const QUIET_MAX: usize = 10;
/// Columns of a value.
const VALUE_WIDTH: usize = 60;

/// The text.
pub(crate) fn render(document: &ComparisonDocument, style: Style) -> String {
    let mut text = String::new();
    let colour = match document.verdict {
        RunVerdict::Pass => Colour::Good,
        RunVerdict::Fail => Colour::Bad,
        RunVerdict::NotEnoughEvidence => Colour::Doubt,
    };
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        text,
        "{}: {}\n",
        style.paint(colour, document.verdict.as_str()),
        document.sentence
    );
    let side = |side: &schema::comparison::ComparedSide| {
        let label = side
            .label
            .as_ref()
            .map_or_else(String::new, |label| format!(" ({label})"));
        format!("{}{label}", side.run)
    };
    let noise: Vec<String> = document.noise_runs.iter().map(&side).collect();
    let noise = if noise.is_empty() {
        String::new()
    } else {
        format!(", noise from {}", noise.join(", "))
    };
    let _ = writeln!(
        text,
        "candidate {} against baseline {}{noise}\nwindow {} to {}  comparison {}\n",
        side(&document.candidate),
        side(&document.baseline),
        minute_text(document.from),
        minute_text(document.to),
        document.comparison,
    );
    for reason in &document.reasons {
        let _ = writeln!(text, "  {reason}");
    }
    groups(
        document,
        "refactor",
        "What the refactor changed",
        GROUPS_MAX,
        style,
        &mut text,
    );
    groups(
        document,
        "fixed",
        "Now as recorded",
        QUIET_MAX,
        style,
        &mut text,
    );
    groups(
        document,
        "environment",
        "Both builds differ from production",
        QUIET_MAX,
        style,
        &mut text,
    );
    aside(document, style, &mut text);
    text
}

fn groups(
    document: &ComparisonDocument,
    blame: &str,
    title: &str,
    most: usize,
    style: Style,
    text: &mut String,
) {
    let groups: Vec<&FindingGroup> = document
        .groups
        .iter()
        .filter(|group| group.blame == blame)
        .collect();
    if groups.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{}", style.paint(Colour::Strong, title));
    let mut endpoint = "";
    for group in groups.iter().take(most) {
        if group.endpoint != endpoint {
            endpoint = &group.endpoint;
            let _ = writeln!(text, "  {}", one_line(endpoint));
        }
        let standing = group
            .standing
            .as_deref()
            .map_or_else(String::new, |standing| format!(" [{standing}]"));
        let place = if group.location.is_empty() {
            String::new()
        } else {
            format!(" {}", one_line(&group.location))
        };
        let _ = writeln!(
            text,
            "    {}{place}: {}{standing}  {} of {}  {}",
            group.part,
            group.cause,
            grouped(group.requests),
            plural(group.of, "request"),
            style.paint(Colour::Faint, &format!("group {}", group.group)),
        );
        if let Some(example) = group.examples.first() {
            let value = |value: &Option<String>| {
                value.as_deref().map_or_else(
                    || "-".to_owned(),
                    |value| clip(&one_line(value), VALUE_WIDTH),
                )
            };
            let line = format!(
                "{} -> {}  ({}, --exchange {})",
                value(&example.expected),
                value(&example.actual),
                one_line(&clip(&example.request, VALUE_WIDTH)),
                example.exchange
            );
            let _ = writeln!(text, "      {}", style.paint(Colour::Faint, &line));
        }
    }
    if groups.len() > most {
        let _ = writeln!(
            text,
            "  and {} more groups",
            grouped((groups.len() - most) as u64)
        );
    }
}

fn aside(document: &ComparisonDocument, style: Style, text: &mut String) {
    if !document.noise.is_empty() {
        let _ = writeln!(
            text,
            "\n{}",
            style.paint(
                Colour::Strong,
                "Noise: differs between runs of the baseline"
            )
        );
        for field in document.noise.iter().take(QUIET_MAX) {
            let _ = writeln!(
                text,
                "  {} {} {}: {}, in {} of {} pairs; set aside {}",
                one_line(&field.endpoint),
                field.part,
                one_line(&field.location),
                field.volatile,
                grouped(field.evidence),
                grouped(field.of),
                grouped(field.suppressed),
            );
        }
        if document.noise.len() > QUIET_MAX {
            let _ = writeln!(
                text,
                "  and {} more fields",
                grouped((document.noise.len() - QUIET_MAX) as u64)
            );
        }
    }
    let applied: Vec<_> = document
        .rules
        .iter()
        .filter(|rule| rule.suppressed > 0)
        .collect();
    if !applied.is_empty() {
        let _ = writeln!(text, "\n{}", style.paint(Colour::Strong, "Rules"));
        for rule in applied {
            let _ = writeln!(
                text,
                "  {}: set aside {}",
                rule.rule,
                grouped(rule.suppressed)
            );
        }
    }
    templates(document, style, text);
    for fixed in &document.fixed {
        let _ = writeln!(
            text,
            "\nno longer there, accepted by {}: {}",
            fixed.by, fixed.what
        );
    }
}

/// The templates that do not show in how a path looks, so that nobody wonders what an endpoint is made of.
fn templates(document: &ComparisonDocument, style: Style, text: &mut String) {
    if document.templates_overfull {
        let _ = writeln!(
            text,
            "\nno path template was learned: there are too many different paths"
        );
    }
    if document.templates.is_empty() {
        return;
    }
    let title = style.paint(Colour::Strong, "Path templates");
    let _ = writeln!(text, "\n{title}");
    for template in document.templates.iter().take(QUIET_MAX) {
        let (host, path) = (one_line(&template.host), one_line(&template.template));
        let _ = if template.values > 0 {
            let (values, requests) = (grouped(template.values), grouped(template.requests));
            let source = &template.source;
            writeln!(
                text,
                "  {host} {path}: {source} from {values} values in {requests} requests"
            )
        } else {
            writeln!(text, "  {host} {path}: {}", template.source)
        };
    }
    if document.templates.len() > QUIET_MAX {
        let more = grouped((document.templates.len() - QUIET_MAX) as u64);
        let _ = writeln!(text, "  and {more} more templates");
    }
}
