use super::super::sample::{HOSTILE, failed_run};
use super::escape::marked;
use super::*;

/// Elements that have no end tag.
const VOID: [&str; 3] = ["meta", "input", "br"];

/// Walks over the tags of a page and gives each element's name and attributes; fails where tags do not nest.
fn elements(page: &str) -> Vec<(String, String)> {
    let mut elements = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = page.strip_prefix("<!doctype html>").expect("a doctype");
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').expect("a tag ends");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(
                open.pop().as_deref(),
                Some(name),
                "</{name}> closes its own"
            );
            continue;
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        elements.push((name.to_owned(), attributes.to_owned()));
        // What a script or a style says is no markup.
        if name == "script" || name == "style" {
            let end = format!("</{name}>");
            rest = &rest[rest.find(&end).expect("it ends") + end.len()..];
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    elements
}

#[test]
fn the_page_is_well_formed_and_needs_nothing_from_elsewhere() {
    let page = page(&failed_run(), "s3://traffic/shop");
    let elements = elements(&page);
    let count = |name: &str| {
        elements
            .iter()
            .filter(|(element, _)| element == name)
            .count()
    };
    assert_eq!(
        (count("html"), count("h1"), count("script"), count("style")),
        (1, 1, 1, 1)
    );
    assert!(count("svg") >= 4, "{}", count("svg"));
    for (name, attributes) in &elements {
        let refers = ["src=", "href=", "url(", "@import"]
            .iter()
            .any(|word| attributes.contains(word));
        assert!(
            !refers && !["link", "img", "iframe"].contains(&name.as_str()),
            "<{name} {attributes}>"
        );
    }
    assert!(!CSS.contains("url(") && !CSS.contains("@import"));
    // The filter list in the head shows that only what is in the page may run.
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn text_of_traffic_is_shown_and_never_obeyed() {
    let page = page(&failed_run(), HOSTILE);
    assert!(!page.contains(HOSTILE));
    assert!(
        !page.contains("<script>alert"),
        "a script of an answer is in the page"
    );
    assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"));
    assert!(!page.contains('\u{202e}') && !page.contains('\u{7}'));
    // An attribute of traffic's making would show as one more attribute of some element.
    assert!(
        elements(&page)
            .iter()
            .all(|(_, attributes)| !attributes.contains("onload=\""))
    );
}

#[test]
fn the_page_holds_the_numbers_of_the_document() {
    let document = failed_run();
    let page = page(&document, "s3://traffic/shop");
    let conclusion = document.conclusion.as_ref().unwrap();
    for text in [
        "<h1 id=\"verdict\">fail</h1>",
        &format!("<p class=\"why\">{}.</p>", conclusion.sentence),
        "<span class=\"num count-bad\">12</span>",
        "5 recorded response_gap",
        "7f3a1c",
        "10,077 of 10,080",
        "201 µs in the first tenth",
        "<code>date</code>",
        "tells when the answer was made",
        "<del>5</del>",
        "<ins>4</ins>",
        "&times;2.00",
        "num slower",
        "replayer show s3://traffic/shop/runs/nightly-7 00c0ffee00c0ffee-12",
    ] {
        assert!(page.contains(text), "{text} is not on the page");
    }
    for reason in &conclusion.reasons {
        assert!(page.contains(&format!("<li>{reason}</li>")), "{reason}");
    }
}

#[test]
fn an_empty_run_has_a_page() {
    let mut document = failed_run();
    document.report = schema::run::RunReport::default();
    document.totals = schema::run::RunTotals::default();
    document.coverage = None;
    document.conclusion = None;
    document.state = schema::run::RunState::Running;
    let page = page(&document, "a");
    elements(&page);
    assert!(page.contains("<h1 id=\"verdict\">running</h1>"));
    assert!(!page.contains("NaN"));
}

#[test]
fn what_differs_is_marked_and_the_rest_is_not() {
    for (expected, actual, was, is) in [
        ("19.95", "19.94", "19.9<del>5</del>", "19.9<ins>4</ins>"),
        ("abc", "abxc", "abc", "ab<ins>x</ins>c"),
        ("aa", "a", "a<del>a</del>", "a"),
        ("<b>", "<i>", "&lt;<del>b</del>&gt;", "&lt;<ins>i</ins>&gt;"),
        ("é", "è", "<del>é</del>", "<ins>è</ins>"),
        ("", "x", "", "<ins>x</ins>"),
    ] {
        assert_eq!(marked(expected, actual), (was.to_owned(), is.to_owned()));
    }
}
