//! Annotations for GitHub Actions: workflow commands, a line each.

use schema::comparison::ComparisonDocument;
use schema::run::RunVerdict;

/// Gates and groups that get a line of their own; GitHub shows ten of a step.
const LINES_MAX: usize = 9;

/// The lines.
pub(super) fn render(document: &ComparisonDocument) -> String {
    let level = match document.verdict {
        RunVerdict::Pass => "notice",
        RunVerdict::NotEnoughEvidence => "warning",
        RunVerdict::Fail => "error",
    };
    let title = format!("replayer compare: {}", document.verdict.as_str());
    let mut lines = line(level, &title, &document.sentence);
    let gates = document.gates.iter();
    let gates = gates.filter(|gate| !gate.holds && gate.text != document.sentence);
    let mut left = LINES_MAX;
    for gate in gates.take(LINES_MAX) {
        lines.push_str(&line(level, &gate.gate, &gate.text));
        left -= 1;
    }
    let bad = document
        .groups
        .iter()
        .filter(|group| matches!(group.standing.as_deref(), Some("new" | "returned")));
    for group in bad.take(left) {
        let message = format!(
            "{} {}: {} ({} of {} requests, group {})",
            group.part, group.location, group.cause, group.requests, group.of, group.group
        );
        lines.push_str(&line("error", &group.endpoint, &message));
    }
    lines
}

fn line(level: &str, title: &str, message: &str) -> String {
    let data = |text: &str| {
        text.replace('%', "%25")
            .replace('\r', "%0D")
            .replace('\n', "%0A")
    };
    // In a property, a colon and a comma would end it.
    let title = data(title).replace(':', "%3A").replace(',', "%2C");
    format!("::{level} title={title}::{}\n", data(message))
}
