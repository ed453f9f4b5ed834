//! HTML by what a browser makes of it: normalised to a line for each tag and text, and these compared as lines.
//!
//! What says nothing: the case of names, the order and quotes of attributes, how characters are escaped, and white space
//! that does not show (runs of it, and beside tags that begin a block). Text in `pre` and `textarea`, scripts and style
//! sheets count to the last character, and so do comments. Places are as in XPath: `/html/body/table/tr[3]/td`, an
//! attribute `/html/body/a/@href`; tags that HTML lets a writer leave out are not made up.

use std::collections::BTreeMap;

use html5gum::{DefaultEmitter, Token, Tokenizer};

use super::excerpt::{beginning, pair};
use super::text::{Change, changes, hunk};
use super::{Found, Rules};
use crate::line_diff::pairs;

/// Lines of a document; one with more is compared as text.
const LINES_MAX: usize = 50_000;
/// Open elements that are remembered; what is deeper belongs to the deepest of them.
const OPEN_MAX: usize = 1_024;
/// Steps of a place; of a longer one the last.
const STEPS_MAX: usize = 32;
/// Elements that never have an end tag (HTML standard section 13.1.2).
const VOID: [&str; 13] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
];
/// Elements in a line of text, beside which a space shows.
const INLINE: [&str; 26] = [
    "a", "abbr", "b", "bdi", "bdo", "button", "cite", "code", "data", "em", "i", "img", "input",
    "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "u",
];
/// Elements whose end tag is implied by a next one of the same name.
const IMPLIED: [&str; 8] = ["dd", "dt", "li", "option", "p", "td", "th", "tr"];
/// Elements whose text is shown, or run, as it is.
const VERBATIM: [&str; 4] = ["pre", "script", "style", "textarea"];

/// A document as lines.
#[derive(Debug, Default)]
struct Normalised {
    texts: Vec<String>,
    lines: Vec<Line>,
    elements: Vec<Element>,
}

/// What is known of a line beside its text.
#[derive(Debug)]
struct Line {
    /// The element that it belongs to.
    element: Option<usize>,
    /// Attributes, if it is a start tag.
    attributes: Option<BTreeMap<String, String>>,
}

#[derive(Debug)]
struct Element {
    parent: Option<usize>,
    name: String,
    /// Which one of its name among its siblings, from 1.
    nth: usize,
    /// How many children of each name there were.
    children: BTreeMap<String, usize>,
}

/// Compares two documents that differ; `false` if they are too long for that.
pub(super) fn compare(expected: &str, actual: &str, rules: &Rules, found: &mut Found) -> bool {
    let (Some(left), Some(right)) = (normalised(expected), normalised(actual)) else {
        return false;
    };
    let mut floor = (0, 0);
    let rows = pairs(&left.texts, &right.texts);
    for change in changes(&rows, &left.texts, &right.texts) {
        let change = match change {
            Change::Gone(from, to) => {
                let (from, to) = from_start_tag(&left.texts, floor.0, from, to);
                floor.0 = to;
                Change::Gone(from, to)
            }
            Change::New(from, to) => {
                let (from, to) = from_start_tag(&right.texts, floor.1, from, to);
                floor.1 = to;
                Change::New(from, to)
            }
            Change::Became(l, r) => {
                floor = (l + 1, r + 1);
                change
            }
        };
        if let Change::Became(l, r) = change
            && tag_name(&left.texts[l]) == tag_name(&right.texts[r])
            && let Some(before) = &left.lines[l].attributes
            && let Some(after) = &right.lines[r].attributes
        {
            attributes(&left.place(l), before, after, rules, found);
            continue;
        }
        let side = match change {
            Change::New(..) => &right,
            Change::Became(..) | Change::Gone(..) => &left,
        };
        let place = |line| side.place(line);
        found.add(|| change.difference(&left.texts, &right.texts, place, rules));
    }
    true
}

/// Lines that are gone or new, moved up to begin with a start tag where that says the same: `</li><li>2` among others of
/// its like is `<li>2</li>` as well.
fn from_start_tag(lines: &[String], floor: usize, from: usize, to: usize) -> (usize, usize) {
    let begins = |line: usize| lines[line].starts_with('<') && !lines[line].starts_with("</");
    let (mut first, mut end) = (from, to);
    while !begins(first) {
        if first <= floor || lines[first - 1] != lines[end - 1] {
            return (from, to);
        }
        (first, end) = (first - 1, end - 1);
    }
    (first, end)
}

impl Normalised {
    /// Where a line stands, as in XPath.
    fn place(&self, line: usize) -> String {
        let mut steps = Vec::new();
        let mut at = self.lines[line].element;
        while let Some(element) = at.map(|at| &self.elements[at]) {
            if steps.len() == STEPS_MAX {
                steps.push("…".to_owned());
                break;
            }
            steps.push(match element.nth {
                1 => element.name.clone(),
                nth => format!("{}[{nth}]", element.name),
            });
            at = element.parent;
        }
        steps.reverse();
        format!("/{}", steps.join("/"))
    }
}

fn attributes(
    place: &str,
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
    rules: &Rules,
    found: &mut Found,
) {
    let max = rules.excerpt_bytes_max;
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let at = || format!("{place}/@{name}");
        match (before.get(name), after.get(name)) {
            (Some(left), Some(right)) if left != right => found.add(|| {
                let (left, right) = pair(left, right, max);
                hunk(at(), Some(left), Some(right))
            }),
            (Some(left), None) => found.add(|| hunk(at(), Some(beginning(left, max)), None)),
            (None, Some(right)) => found.add(|| hunk(at(), None, Some(beginning(right, max)))),
            _ => {}
        }
    }
}

fn tag_name(line: &str) -> &str {
    let end = line.find([' ', '>']).unwrap_or(line.len());
    &line[..end]
}

/// The document as normalised lines, for readers; `None` if they are too many.
pub(super) fn lines(text: &str) -> Option<Vec<String>> {
    normalised(text).map(|document| document.texts)
}

/// The lines of a document; `None` if they are too many.
fn normalised(text: &str) -> Option<Normalised> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut normaliser = Normaliser::default();
    for token in Tokenizer::new_with_emitter(text, emitter) {
        let Ok(token) = token;
        normaliser.take(token);
        if normaliser.document.lines.len() > LINES_MAX {
            return None;
        }
    }
    normaliser.end_text(true);
    Some(normaliser.document)
}

#[derive(Debug, Default)]
struct Normaliser {
    document: Normalised,
    /// Open elements, innermost last.
    open: Vec<usize>,
    /// How many elements of each name stand in none.
    roots: BTreeMap<String, usize>,
    /// Text since the last tag.
    text: String,
    /// Whether white space at the beginning of the text shows: what is before it is in the same line.
    follows_inline: bool,
}

impl Normaliser {
    fn take(&mut self, token: Token) {
        match token {
            Token::String(text) => self.text.push_str(&String::from_utf8_lossy(&text)),
            Token::StartTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                let attributes = tag.attributes.iter().map(|(name, value)| {
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    (text(name), text(value))
                });
                self.start(name, attributes.collect(), tag.self_closing);
            }
            Token::EndTag(tag) => self.end(&String::from_utf8_lossy(&tag.name)),
            Token::Comment(comment) => {
                self.end_text(false);
                let comment = String::from_utf8_lossy(&comment).into_owned();
                self.line(format!("<!--{comment}-->"));
                self.follows_inline = true;
            }
            Token::Doctype(doctype) => {
                self.end_text(true);
                let mut line = format!("<!doctype {}", String::from_utf8_lossy(&doctype.name));
                let ids = [&doctype.public_identifier, &doctype.system_identifier];
                for id in ids.into_iter().flatten() {
                    line.push_str(&format!(" \"{}\"", String::from_utf8_lossy(id)));
                }
                line.push('>');
                self.line(line);
            }
            Token::Error(_) => {}
        }
    }

    fn start(&mut self, name: String, attributes: BTreeMap<String, String>, self_closing: bool) {
        let is_inline = INLINE.contains(&name.as_str());
        self.end_text(!is_inline);
        self.imply_end(&name);
        let parent = self.open.last().copied();
        let elements = &mut self.document.elements;
        let siblings = match parent {
            Some(parent) => &mut elements[parent].children,
            None => &mut self.roots,
        };
        let nth = siblings.entry(name.clone()).or_default();
        *nth += 1;
        let (nth, element) = (*nth, elements.len());
        let mut line = format!("<{name}");
        for (name, value) in &attributes {
            line.push_str(&format!(" {name}={value:?}"));
        }
        line.push('>');
        let is_open = !VOID.contains(&name.as_str()) && !self_closing;
        elements.push(Element {
            parent,
            name,
            nth,
            children: BTreeMap::new(),
        });
        self.document.texts.push(line);
        self.document.lines.push(Line {
            element: Some(element),
            attributes: Some(attributes),
        });
        if is_open && self.open.len() < OPEN_MAX {
            self.open.push(element);
        }
        self.follows_inline = is_inline;
    }

    /// Closes the element whose end tag is implied by the start of another one of the name in the same list, table or text.
    fn imply_end(&mut self, name: &str) {
        let elements = &self.document.elements;
        let innermost = self
            .open
            .iter()
            .rev()
            .map(|&open| elements[open].name.as_str());
        let mut implied = innermost.take_while(|open| IMPLIED.contains(open));
        if IMPLIED.contains(&name)
            && let Some(depth) = implied.position(|open| open == name)
        {
            self.open.truncate(self.open.len() - depth - 1);
        }
    }

    fn end(&mut self, name: &str) {
        let is_inline = INLINE.contains(&name);
        self.end_text(!is_inline);
        self.line(format!("</{name}>"));
        let elements = &self.document.elements;
        if let Some(at) = self
            .open
            .iter()
            .rposition(|&open| elements[open].name == name)
        {
            self.open.truncate(at);
        }
        self.follows_inline = is_inline;
    }

    /// Writes the text since the last tag; `before_block` if white space at its end does not show.
    fn end_text(&mut self, before_block: bool) {
        let text = std::mem::take(&mut self.text);
        let follows_block = !std::mem::take(&mut self.follows_inline);
        if text.is_empty() {
            return;
        }
        let elements = &self.document.elements;
        let is_verbatim = |&open: &usize| VERBATIM.contains(&elements[open].name.as_str());
        if self.open.iter().any(is_verbatim) {
            for line in text.split('\n') {
                self.line(line.to_owned());
            }
            return;
        }
        // White space of HTML (section 2.3.3 of the standard of WHATWG); a no-break space is none.
        let mut shown = String::with_capacity(text.len());
        for word in text
            .split([' ', '\t', '\n', '\u{c}', '\r'])
            .filter(|w| !w.is_empty())
        {
            if !shown.is_empty() {
                shown.push(' ');
            }
            shown.push_str(word);
        }
        let is_space = |c: Option<char>| c.is_some_and(|c| c.is_ascii_whitespace());
        if shown.is_empty() {
            if !follows_block && !before_block {
                self.line(" ".to_owned());
            }
            return;
        }
        if is_space(text.chars().next()) && !follows_block {
            shown.insert(0, ' ');
        }
        if is_space(text.chars().next_back()) && !before_block {
            shown.push(' ');
        }
        self.line(shown);
    }

    fn line(&mut self, text: String) {
        self.document.texts.push(text);
        self.document.lines.push(Line {
            element: self.open.last().copied(),
            attributes: None,
        });
    }
}

#[cfg(test)]
mod tests;
