//! JUnit XML: a test case a gate and an endpoint; a gate that does not hold is a failure, and so is a group of findings that
//! nobody has accepted. What is no pass has a failure or an error.

use std::fmt::Write as _;

use schema::comparison::{ComparisonDocument, FindingGroup, Gate};
use schema::run::RunVerdict;

/// The file.
pub(super) fn render(document: &ComparisonDocument) -> String {
    let is_bad =
        |group: &&FindingGroup| matches!(group.standing.as_deref(), Some("new" | "returned"));
    let failing: Vec<&FindingGroup> = document.groups.iter().filter(is_bad).collect();
    let failed = |endpoint: &str| failing.iter().any(|group| group.endpoint == endpoint);
    let failures = document
        .endpoints
        .iter()
        .filter(|e| failed(&e.endpoint))
        .count();
    let failures = failures + document.gates.iter().filter(|gate| !gate.holds).count();
    let is_short = document.verdict == RunVerdict::NotEnoughEvidence;
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        xml,
        "<testsuites>\n<testsuite name=\"replayer compare {} against {}\" tests=\"{}\" failures=\"{failures}\" errors=\"{}\">",
        escape(&document.candidate.run),
        escape(&document.baseline.run),
        document.gates.len() + document.endpoints.len() + usize::from(is_short),
        u8::from(is_short),
    );
    if is_short {
        let _ = writeln!(
            xml,
            "<testcase classname=\"verdict\" name=\"enough evidence\"><error message=\"{}\"/></testcase>",
            escape(&document.sentence)
        );
    }
    document.gates.iter().for_each(|gate| write(gate, &mut xml));
    for endpoint in &document.endpoints {
        let _ = write!(
            xml,
            "<testcase classname=\"endpoint\" name=\"{}\">",
            escape(&endpoint.endpoint)
        );
        for group in failing
            .iter()
            .filter(|group| group.endpoint == endpoint.endpoint)
        {
            let what = format!("{} {}: {}", group.part, group.location, group.cause);
            let _ = write!(
                xml,
                "<failure type=\"{}\" message=\"{}\">{} of {} requests, group {}, first {}</failure>",
                escape(&group.kind),
                escape(&what),
                group.requests,
                group.of,
                group.group,
                group.first,
            );
        }
        xml.push_str("</testcase>\n");
    }
    xml.push_str("</testsuite>\n</testsuites>\n");
    xml
}

fn write(gate: &Gate, xml: &mut String) {
    let name = escape(&gate.gate);
    let _ = write!(xml, "<testcase classname=\"gate\" name=\"{name}\">");
    if !gate.holds {
        let message = escape(&gate.text);
        let _ = write!(xml, "<failure type=\"gate\" message=\"{message}\"/>");
    }
    xml.push_str("</testcase>\n");
}

/// Text for XML; characters that XML 1.0 has no place for (section 2.2) become U+FFFD.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\r' | '\t' => escaped.push(' '),
            control if control < ' ' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
