//! The report as one self-contained HTML page: no script, style, font or picture from elsewhere.
//!
//! Text that comes from traffic, from the archive or from the command line reaches the page through `escape` alone.

mod endpoints;
mod escape;
mod sections;

use std::fmt::Write as _;

use schema::run::RunDocument;

use super::units::{sentence, verdict_colour, verdict_text};
use crate::output::Colour;
use escape::escape;

const CSS: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Text as it is written in markup.
pub(super) fn escaped(text: &str) -> String {
    escape(text).to_string()
}

/// The page.
pub(super) fn page(document: &RunDocument, archive: &str) -> String {
    let mut page = String::with_capacity(64 << 10);
    let title = format!("{}: {}", verdict_text(document), document.run);
    // Writing to a string cannot fail, here and in the files below.
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>{}</title>\n<style>\n{CSS}</style>\n</head>\n<body>\n<main>\n",
        escape(&title)
    );
    let _ = writeln!(
        page,
        "<div class=\"top\"><span><b>Reprise</b> replay report</span><span>{}</span></div>",
        escape(&document.run)
    );
    verdict(document, &mut page);
    page.push_str("<div class=\"pair\">\n");
    sections::facts(document, archive, &mut page);
    sections::coverage(document, &mut page);
    page.push_str("</div>\n");
    endpoints::section(document, archive, &mut page);
    page.push_str("<div class=\"pair\">\n");
    sections::schedule(document, &mut page);
    page.push_str("<div class=\"stack\">\n");
    sections::latency(document, &mut page);
    sections::trouble(document, &mut page);
    page.push_str("</div>\n</div>\n");
    sections::latency_by_endpoint(document, &mut page);
    super::rewritten::section(document, &mut page);
    super::correlated::section(document, &mut page);
    sections::not_compared(document, &mut page);
    let _ = write!(
        page,
        "<footer>Written by {} from run.json (format {}). Times are UTC. Numbers of a report add up: \
         selected = sent + failed + not sent + not reached; each request has one verdict.</footer>\n\
         </main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        escape(&document.program),
        document.format
    );
    page
}

fn verdict(document: &RunDocument, page: &mut String) {
    let tone = match verdict_colour(document) {
        Colour::Good => "good",
        Colour::Bad => "bad",
        _ => "doubt",
    };
    let _ = write!(
        page,
        "<section class=\"verdict {tone}\">\n<h1 id=\"verdict\">{}</h1>\n<p class=\"why\">{}.</p>\n",
        verdict_text(document),
        escape(&sentence(document))
    );
    let reasons = document
        .conclusion
        .as_ref()
        .map_or(&[][..], |conclusion| &conclusion.reasons);
    if !reasons.is_empty() {
        page.push_str("<ul>\n");
        for reason in reasons {
            let _ = writeln!(page, "<li>{}</li>", escape(reason));
        }
        page.push_str("</ul>\n");
    }
    page.push_str("</section>\n");
}

#[cfg(test)]
mod tests;
