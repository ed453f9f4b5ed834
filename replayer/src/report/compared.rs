//! A comparison as one self-contained HTML page: no script, style, font or picture from elsewhere.
//!
//! The document itself is in the page, as JSON; the script draws the visible part of it, so ten thousand groups scroll as
//! ten do. Everything that comes from traffic is set as text, never as markup.

use schema::comparison::ComparisonDocument;

const CSS: &str = include_str!("compared.css");
const SCRIPT: &str = include_str!("compared.js");
const BODY: &str = include_str!("compared.html");

/// The page.
pub(crate) fn compared_page(document: &ComparisonDocument) -> String {
    let title = super::html::escaped(&format!(
        "{}: {} against {}",
        document.verdict.as_str(),
        document.candidate.run,
        document.baseline.run
    ));
    // In a script element only `</` and `<!--` would end or change it; both begin with the one escaped character.
    let json = String::from_utf8_lossy(&document.to_json()).replace('<', "\\u003c");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{CSS}</style>\n</head>\n<body>\n{BODY}\
         <script type=\"application/json\" id=\"data\">{json}</script>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}
