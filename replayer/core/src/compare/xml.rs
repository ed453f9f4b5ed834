//! XML by structure: elements as values that the comparison of JSON knows, and places as XPath.
//!
//! | XML | value |
//! |---|---|
//! | `<a>text</a>` | a string |
//! | `<a x="1"><b/>…</a>` | an object with `@x`, a member for each name of children, and `#text` |
//! | children of one name | one value, or an array if they are several |
//! | another namespace than the parent's | `@xmlns`, whatever prefix stands for it |
//!
//! What says nothing: the order of attributes, prefixes, comments, how characters are escaped (entities, CDATA), the XML
//! declaration, and white space between elements where there is no other text. Children of one name are aligned as rows of
//! JSON are; children of different names in another order are one difference of kind `order`. Everything else counts:
//! text to the last space, processing instructions, and where in mixed content a text stands.
//!
//! Text that is no XML, has a document type, nests deeper than JSON may, or is in an encoding other than UTF-8, UTF-16,
//! US-ASCII and ISO-8859-1 is compared as text.

use std::borrow::Cow;

use roxmltree::{Document, Node, ParsingOptions};
use rustc_hash::FxHashSet;

use super::json::Json;
use super::members::{Member, Members};

/// The member that says in which order the children of an element stand.
pub(super) const ORDER: &str = "#order";
/// The member that holds text beside attributes or elements.
const TEXT: &str = "#text";
/// Nodes of a document; one with more is compared as text.
const NODES_MAX: u32 = 4_000_000;

/// Reads a document; `None` if it is none that is compared by structure.
pub(super) fn parse(text: &str, depth_max: usize) -> Option<Json<'static>> {
    let options = ParsingOptions {
        nodes_limit: NODES_MAX,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options).ok()?;
    // Instructions before and after the root element belong to the document.
    let mut members = Members::default();
    for pi in document.root().children().filter_map(|child| child.pi()) {
        members.add(format!("?{}", pi.target), instruction(pi.value));
    }
    let root = document.root_element();
    members.add(name(root), value(root, None, depth_max)?);
    Some(members.into_object())
}

/// The bytes of a document as text, by byte order mark and declaration (XML 1.0 appendix F); `None` for other encodings.
pub(super) fn decoded(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let units = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, rest) = rest.as_chunks::<2>();
        let units = pairs.iter().map(|&pair| unit(pair));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        text.ok().filter(|_| rest.is_empty()).map(Cow::Owned)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => return units(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return units(rest, u16::from_be_bytes),
        _ => {}
    }
    let head = &bytes[..bytes.len().min(200)];
    let declaration = head.split(|&byte| byte == b'>').next().unwrap_or_default();
    let declaration = String::from_utf8_lossy(declaration).to_ascii_lowercase();
    let is_latin = declaration.starts_with("<?xml")
        && ["iso-8859-1", "latin1"]
            .iter()
            .any(|name| declaration.contains(name));
    if is_latin {
        return Some(bytes.iter().map(|&byte| char::from(byte)).collect());
    }
    std::str::from_utf8(bytes).ok().map(Cow::Borrowed)
}

/// The document as lines for readers: an element that has nothing but text in one. `None` if it is none.
pub(super) fn lines(bytes: &[u8], depth_max: usize) -> Option<Vec<String>> {
    let text = decoded(bytes)?;
    let document = Document::parse(&text).ok()?;
    let mut lines = Vec::new();
    write_lines(document.root_element(), 0, depth_max, &mut lines);
    Some(lines)
}

fn write_lines(node: Node<'_, '_>, depth: usize, depth_max: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let name = node.tag_name().name();
    let mut tag = format!("{indent}<{name}");
    for attribute in node.attributes() {
        tag.push_str(&format!(" {}={:?}", attribute.name(), attribute.value()));
    }
    let text = |node: Node<'_, '_>| node.text().unwrap_or_default().to_owned();
    if !node.children().any(|child| child.is_element()) {
        let text: String = node.children().filter(Node::is_text).map(text).collect();
        return lines.push(match text.as_str() {
            "" => format!("{tag}/>"),
            text => format!("{tag}>{text}</{name}>"),
        });
    }
    lines.push(format!("{tag}>"));
    for child in node.children() {
        if child.is_element() && depth < depth_max {
            write_lines(child, depth + 1, depth_max, lines);
        } else if child.is_element() {
            lines.push(format!("{indent}  …"));
        } else if child.is_text() && !text(child).trim().is_empty() {
            lines.push(format!("{indent}  {}", text(child).trim()));
        }
    }
    lines.push(format!("{indent}</{name}>"));
}

/// The members of an element, also of one that has nothing but text.
pub(super) fn members<'v>(value: &'v Json<'v>) -> Cow<'v, [Member<'v>]> {
    match value {
        Json::Object(members) => Cow::Borrowed(members),
        Json::String(text) if text.is_empty() => Cow::Owned(Vec::new()),
        other => Cow::Owned(vec![(TEXT.into(), other.clone())]),
    }
}

/// How a member is called in a place.
pub(super) fn step(name: &str) -> &str {
    if name == TEXT { "text()" } else { name }
}

/// Both orders of the children that both sides have, if they stand in another one.
///
/// Where a side has more children than the other, something is missing or new anyway; then an order that is a part of the
/// other is not called another one.
pub(super) fn another_order(
    expected: &[Member<'_>],
    actual: &[Member<'_>],
) -> Option<(String, String)> {
    let order = |members: &[Member<'_>]| {
        let (_, order) = members.iter().find(|(name, _)| name == ORDER)?;
        match order {
            Json::String(order) => Some(order.clone().into_owned()),
            _ => None,
        }
    };
    let (left, right) = (order(expected)?, order(actual)?);
    if left == right {
        return None;
    }
    let names = |members: &[Member<'_>]| -> FxHashSet<String> {
        members.iter().map(|(name, _)| name.to_string()).collect()
    };
    let both = (names(expected), names(actual));
    let shared = |order: &str| {
        let names = order
            .split(' ')
            .filter(|n| both.0.contains(*n) && both.1.contains(*n));
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.dedup();
        names
    };
    let (left, right) = (shared(&left), shared(&right));
    let count = |members: &[Member<'_>]| -> usize {
        let one = |(name, value): &Member<'_>| match value {
            _ if name.starts_with('@') => 0,
            Json::Array(elements) => elements.len(),
            _ => 1,
        };
        members.iter().map(one).sum()
    };
    let is_part = |part: &[String], whole: &[String]| {
        let mut whole = whole.iter();
        part.iter().all(|name| whole.any(|other| other == name))
    };
    let as_many = count(expected) == count(actual);
    let is_same = left == right || (!as_many && (is_part(&left, &right) || is_part(&right, &left)));
    (!is_same).then(|| (left.join(" "), right.join(" ")))
}

/// An element; `None` if it nests too deep.
fn value(node: Node<'_, '_>, parent: Option<&str>, depth_left: usize) -> Option<Json<'static>> {
    let depth_left = depth_left.checked_sub(1)?;
    let namespace = node.tag_name().namespace();
    let mut members = Members::default();
    if namespace != parent {
        let uri = namespace.unwrap_or_default().to_owned();
        members.add("@xmlns".to_owned(), Json::String(uri.into()));
    }
    for attribute in node.attributes() {
        let prefix = attribute.namespace().map_or_else(String::new, prefix);
        let name = format!("@{prefix}{}", attribute.name());
        members.add(name, Json::String(attribute.value().to_owned().into()));
    }
    let has_children = node.children().any(|child| child.is_element());
    let mut order: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut texts = Vec::new();
    for child in node.children() {
        if child.is_text() {
            text.push_str(child.text().unwrap_or_default());
            continue;
        }
        if child.is_comment() {
            continue;
        }
        flush(&mut text, &mut texts, &mut order);
        let (name, value) = match child.pi() {
            Some(pi) => (format!("?{}", pi.target), instruction(pi.value)),
            None => (name(child), value(child, namespace, depth_left)?),
        };
        if order.last() != Some(&name) {
            order.push(name.clone());
        }
        members.add(name, value);
    }
    if has_children {
        flush(&mut text, &mut texts, &mut order);
        for text in texts {
            members.add(TEXT.to_owned(), Json::String(text.into()));
        }
    } else {
        // Text of its own counts to the last space, also where instructions stand in it.
        texts.push(text);
        let text = texts.concat();
        if members.is_empty() {
            return Some(Json::String(text.into()));
        }
        if !text.is_empty() {
            members.add(TEXT.to_owned(), Json::String(text.into()));
        }
    }
    if order.len() > 1 {
        members.add(ORDER.to_owned(), Json::String(order.join(" ").into()));
    }
    Some(members.into_object())
}

/// Puts a text between elements away, unless it is white space.
fn flush(text: &mut String, texts: &mut Vec<String>, order: &mut Vec<String>) {
    let text = std::mem::take(text);
    if text.trim().is_empty() {
        return;
    }
    texts.push(text);
    if order.last().is_none_or(|last| last != TEXT) {
        order.push(TEXT.to_owned());
    }
}

fn name(node: Node<'_, '_>) -> String {
    node.tag_name().name().to_owned()
}

fn instruction(value: Option<&str>) -> Json<'static> {
    Json::String(value.unwrap_or_default().to_owned().into())
}

/// What stands before an attribute's name for its namespace, the same whatever prefix the document uses.
fn prefix(namespace: &str) -> String {
    match namespace {
        "http://www.w3.org/XML/1998/namespace" => "xml:".to_owned(),
        "http://www.w3.org/2001/XMLSchema-instance" => "xsi:".to_owned(),
        "http://www.w3.org/1999/xlink" => "xlink:".to_owned(),
        other => format!("{{{other}}}"),
    }
}

#[cfg(test)]
mod tests;
