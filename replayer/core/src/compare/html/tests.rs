use proptest::prelude::*;

use crate::compare::sample::{compared, exchange, found, replayed};

const HTML: &[(&str, &str)] = &[("Content-Type", "text/html; charset=utf-8")];

fn differences(expected: &str, actual: &str) -> Vec<String> {
    let answer = |body: &str| exchange("/", 200, HTML, body.as_bytes());
    found(&compared(&answer(expected), &replayed(answer(actual), 0)))
}

#[test]
fn what_does_not_show_is_no_difference() {
    for (expected, actual) in [
        ("<P CLASS=a id='b'>x</P>", "<p id=\"b\" class=\"a\">x</p>"),
        (
            "<ul><li>1</li><li>2</li></ul>",
            "<ul>\n  <li>1</li>\n  <li> 2 </li>\n</ul>\n",
        ),
        ("<p>a\n   b</p>", "<p>a b</p>"),
        ("<p>&eacute;&amp;</p>", "<p>é&amp;</p>"),
        ("<!DOCTYPE html><p>", "<!doctype HTML>\n<p>"),
    ] {
        assert_eq!(differences(expected, actual), [""; 0], "{expected}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_place_that_differs_is_named() {
    for (expected, actual, found) in [
        ("<p>a</p>", "<p>b</p>", vec!["/p Value a|b"]),
        (
            "<html><body><p>1<p>2",
            "<html><body><p>1<p>3",
            vec!["/html/body/p[2] Value 2|3"],
        ),
        (
            "<table><tr><td>1<td>2<tr><td>3<td>4</table>",
            "<table><tr><td>1<td>2<tr><td>3<td>5</table>",
            vec!["/table/tr[2]/td[2] Value 4|5"],
        ),
        (
            "<a href=\"/x\">x</a>",
            "<a href=\"/y\">x</a>",
            vec!["/a/@href Value /x|/y"],
        ),
        (
            "<a href=\"/x\">x</a>",
            "<a class=b>x</a>",
            vec!["/a/@class Extra -|b", "/a/@href Missing /x|-"],
        ),
        // A row that is gone is one difference that can be read.
        (
            "<ul><li>1</li><li>2</li><li>3</li></ul>",
            "<ul><li>1</li><li>3</li></ul>",
            vec!["/ul/li[2] Missing <li>\n2\n</li>|-"],
        ),
        (
            "<p>a</p>",
            "<p>a</p><p>b</p>",
            vec!["/p[2] Extra -|<p>\nb\n</p>"],
        ),
        // White space that shows.
        (
            "<b>a</b> <i>b</i>",
            "<b>a</b><i>b</i>",
            vec!["/ Missing  |-"],
        ),
        (
            "<p>a <b>b</b></p>",
            "<p>a<b>b</b></p>",
            vec!["/p Value a |a"],
        ),
        (
            "<pre>a  b</pre>",
            "<pre>a b</pre>",
            vec!["/pre Value a  b|a b"],
        ),
        (
            "<pre>a\n b</pre>",
            "<pre>a\nb</pre>",
            vec!["/pre Value  b|b"],
        ),
        (
            "<p>a\u{a0}b</p>",
            "<p>a b</p>",
            vec!["/p Value a\u{a0}b|a b"],
        ),
        // Scripts are not markup.
        (
            "<script>if (a<b) x='<p>'</script>",
            "<script>if (a<c) x='<p>'</script>",
            vec!["/script Value if (a<b) x='<p>'|if (a<c) x='<p>'"],
        ),
        (
            "<!-- build 1 -->",
            "<!-- build 2 -->",
            vec!["/ Value <!-- build 1 -->|<!-- build 2 -->"],
        ),
        (
            "<b>x</b>",
            "<i>x</i>",
            vec!["/b Value <b>|<i>", "/b Value </b>|</i>"],
        ),
    ] {
        let found: Vec<String> = found.iter().map(|found| format!("body {found}")).collect();
        assert_eq!(differences(expected, actual), found, "{expected} {actual}");
    }
}

#[test]
fn deep_and_broken_markup_takes_no_square_of_time() {
    let deep = |end: &str| format!("{}{end}{}", "<div>".repeat(20_000), "</p>".repeat(20_000));
    let found = differences(&deep("1"), &deep("2"));
    assert!(
        found.len() == 1 && found[0].ends_with("Value 1|2"),
        "{found:?}"
    );
    assert!(found[0].starts_with("body /…/div"), "{found:?}");
    // Too many lines: text, whose one line differs.
    let found = differences(
        &format!("{}1", "<br>".repeat(50_001)),
        &format!("{}2", "<br>".repeat(50_001)),
    );
    assert!(
        found.len() == 1 && found[0].starts_with("body line 1 Value"),
        "{found:?}"
    );
}

proptest! {
    #[test]
    fn any_text_is_itself_and_a_planted_change_is_found(
        before in "(<[a-e]>|</[a-e]>|[ x&;\"'=<>!-]){0,20}",
        after in "(<[a-e]>|</[a-e]>|[ x&;\"'=<>!-]){0,20}",
    ) {
        let page = |text: &str| format!("<main>{before}</main><p>{text}</p>{after}");
        let (old, new) = (page("old"), page("new"));
        let mixed = old.replace("<main>", "<MAIN >");
        // The change may stand in an unclosed attribute or comment; it is found there as well.
        prop_assert!(!differences(&old, &new).is_empty(), "{}", old);
        prop_assert_eq!(differences(&old, &mixed), Vec::<String>::new());
    }
}
