//! How rules changed requests, in words and as a part of the page.

use std::fmt::Write as _;

use replayer_core::report::{grouped, plural};
use schema::run::{AppliedRewrite, RunDocument, RunRewriting};

use super::html::escaped;
use super::terminal::one_line;

/// A line a rule: how many requests it changed, and what it left.
pub(crate) fn lines(rewriting: &RunRewriting) -> Vec<String> {
    let line = |rule: &AppliedRewrite| format!("{}: {}", one_line(&rule.rule), effect(rule));
    rewriting.rules.iter().map(line).collect()
}

fn effect(rule: &AppliedRewrite) -> String {
    let left: Vec<String> = rule
        .left_as_recorded
        .iter()
        .map(|left| format!("{} {}", grouped(left.count), left.reason))
        .collect();
    let left = if left.is_empty() {
        String::new()
    } else {
        format!("; left as recorded: {}", left.join(", "))
    };
    match rule.requests {
        0 => format!("never matched{left}"),
        requests => format!("{}{left}", plural(requests, "request")),
    }
}

/// The part of the page; nothing without rules.
pub(super) fn section(document: &RunDocument, page: &mut String) {
    let Some(rewriting) = &document.rewriting else {
        return;
    };
    page.push_str(
        "<section>\n<h2>How requests were changed</h2>\n<table>\n<tr><th>Rule</th><th>Requests</th></tr>\n",
    );
    for rule in &rewriting.rules {
        let _ = writeln!(
            page,
            "<tr><td><code>{}</code></td><td>{}</td></tr>",
            escaped(&rule.rule),
            escaped(&effect(rule))
        );
    }
    page.push_str("</table>\n</section>\n");
}
