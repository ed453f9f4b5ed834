//! Which values of answers went into later requests, in words and as a part of the page: counts, and never a value.

use std::fmt::Write as _;

use replayer_core::report::{grouped, plural};
use schema::run::{CorrelationSource, ReasonCount, RunCorrelation, RunDocument};

use super::html::escaped;

/// Sources that are listed on a terminal.
const SOURCES_MAX: usize = 20;

/// `12 values learned, put 40 times into 30 requests`.
pub(crate) fn sentence(correlation: &RunCorrelation) -> String {
    let mut sentence = format!(
        "{} learned, put {} into {}",
        plural(correlation.values_learned, "value"),
        plural(correlation.substitutions, "time"),
        plural(correlation.requests_changed, "request"),
    );
    if correlation.values_forgotten > 0 {
        let forgotten = grouped(correlation.values_forgotten);
        let _ = write!(sentence, "; {forgotten} forgotten at the bound");
    }
    sentence
}

/// A line a source: where its values were learned, how many, and where they were used.
pub(crate) fn lines(correlation: &RunCorrelation) -> Vec<String> {
    let sources = &correlation.sources;
    let line = |source: &CorrelationSource| {
        let name = super::terminal::one_line(&source.source);
        format!("{name}: {}", uses(source))
    };
    let mut lines: Vec<String> = sources.iter().take(SOURCES_MAX).map(line).collect();
    if sources.len() > SOURCES_MAX {
        lines.push(format!("and {} more sources", sources.len() - SOURCES_MAX));
    }
    lines
}

fn uses(source: &CorrelationSource) -> String {
    if source.learned == 0 {
        return "never found".to_owned();
    }
    let used = if source.used == 0 {
        "never used".to_owned()
    } else {
        format!("used in {}", counts(&source.places))
    };
    format!("{} learned, {used}", grouped(source.learned))
}

fn counts(counts: &[ReasonCount]) -> String {
    let words: Vec<String> = counts
        .iter()
        .map(|count| format!("{} {}", count.reason, grouped(count.count)))
        .collect();
    words.join(", ")
}

/// The part of the page; nothing where nothing was learned and no rule wanted anything.
pub(super) fn section(document: &RunDocument, page: &mut String) {
    let Some(correlation) = &document.correlation else {
        return;
    };
    if correlation.sources.is_empty() && correlation.missed.is_empty() {
        return;
    }
    let _ = write!(
        page,
        "<section>\n<h2>What requests took from answers</h2>\n<p>{}.</p>\n\
         <table>\n<tr><th>Learned from</th><th class=\"num\">values</th><th>Used in</th></tr>\n",
        sentence(correlation)
    );
    for source in &correlation.sources {
        let used = match (source.learned, source.used) {
            (0, _) => "<span class=\"faint\">never found</span>".to_owned(),
            (_, 0) => "<span class=\"faint\">never used</span>".to_owned(),
            _ => escaped(&counts(&source.places)),
        };
        let _ = writeln!(
            page,
            "<tr><td><code>{}</code></td><td class=\"num\">{}</td><td>{used}</td></tr>",
            escaped(&source.source),
            grouped(source.learned),
        );
    }
    page.push_str("</table>\n");
    if !correlation.missed.is_empty() {
        let _ = writeln!(
            page,
            "<p>Not carried over: {}.</p>",
            escaped(&counts(&correlation.missed))
        );
    }
    page.push_str("</section>\n");
}
