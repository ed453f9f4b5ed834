use crate::compare::sample::{compared, exchange, found, replayed};

fn differences(content_type: &str, expected: &[u8], actual: &[u8]) -> Vec<String> {
    let headers = [("Content-Type", content_type)];
    let answer = |body: &[u8]| exchange("/", 200, &headers, body);
    found(&compared(&answer(expected), &replayed(answer(actual), 0)))
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn text_is_compared_by_lines() {
    for (content_type, expected, actual, found) in [
        (
            "text/csv",
            &b"id;n\n1;a\n2;b\n"[..],
            &b"id;n\n1;a\n2;c\n"[..],
            vec!["line 3 Value 2;b|2;c"],
        ),
        (
            "text/csv",
            b"1\n2\n3\n4\n",
            b"1\n4\n",
            vec!["line 2 Missing 2\n3|-"],
        ),
        (
            "text/csv",
            b"1\n4\n",
            b"1\n2\n3\n4\n",
            vec!["line 2 Extra -|2\n3"],
        ),
        (
            "text/plain",
            b"a\nb\n",
            b"a\r\nb\r\n",
            vec!["white space Value a\nb\n|a\r\nb\r\n"],
        ),
        (
            "text/plain",
            b"a\nb\nc\n",
            b"a\r\nb\r\nd\r\n",
            vec!["line 3 Value c|d", "white space Value a|a\r"],
        ),
        ("text/plain", b"a\nb", b"a\nb\n", vec!["line 3 Extra -|"]),
        // Bytes become text as declared, and are compared as bytes where they are none.
        (
            "text/plain; charset=ISO-8859-1",
            b"\xe9\n1",
            b"\xe9\n2",
            vec!["line 2 Value 1|2"],
        ),
        (
            "text/plain",
            b"\xe9\n1",
            b"\xe9\n2",
            vec!["@2 Value e9 0a 31|e9 0a 32"],
        ),
        (
            "text/plain",
            "é".as_bytes(),
            b"\xe9",
            vec!["@0 Value c3 a9|e9"],
        ),
        (
            "text/plain; charset=\"utf-16\"",
            b"a\x00",
            b"b\x00",
            vec!["@0 Value a\0|b\0"],
        ),
        ("", b"a\nb", b"a\nc", vec!["line 2 Value b|c"]),
        ("image/png", b"a\nb", b"a\nc", vec!["@2 Value a\nb|a\nc"]),
        // Server-sent events are lines.
        (
            "text/event-stream",
            b"data: 1\n\ndata: 2\n\n",
            b"data: 1\n\ndata: 3\n\n",
            vec!["line 3 Value data: 2|data: 3"],
        ),
        // Lines of JSON are rows.
        (
            "application/x-ndjson",
            b"{\"id\":1,\"n\":1}\n{\"id\":2,\"n\":2}\n",
            b"{\"n\":1,\"id\":1}\n{\"n\":3,\"id\":2}",
            vec!["$[1].n Value 2|3"],
        ),
        (
            "text/plain",
            b"{\"id\":1}\n{\"id\":2}\n",
            b"{\"id\":2}\n",
            vec!["$[0] Missing {\"id\":1}|-"],
        ),
    ] {
        let found: Vec<String> = found.iter().map(|found| format!("body {found}")).collect();
        let texts = (
            String::from_utf8_lossy(expected),
            String::from_utf8_lossy(actual),
        );
        assert_eq!(
            differences(content_type, expected, actual),
            found,
            "{texts:?}"
        );
    }
}

#[test]
fn forms_are_compared_by_name() {
    let form = "application/x-www-form-urlencoded";
    for (expected, actual, found) in [
        ("a=1&b=x+y", "b=x%20y&a=1", vec![]),
        ("a=1&b=2", "a=1&b=3", vec!["$.b Value \"2\"|\"3\""]),
        ("a=1&b=2", "a=1", vec!["$.b Missing \"2\"|-"]),
        (
            "a=1&a=2",
            "a=2&a=1",
            vec!["$.a Order [\"1\",\"2\"]|[\"2\",\"1\"]"],
        ),
        ("a=1", "a=", vec!["$.a Value \"1\"|\"\""]),
        // Not UTF-8: what looks alike may differ.
        ("a=%ff", "a=%fe", vec!["@4 Value a=%ff|a=%fe"]),
    ] {
        let found: Vec<String> = found.iter().map(|found| format!("body {found}")).collect();
        assert_eq!(
            differences(form, expected.as_bytes(), actual.as_bytes()),
            found,
            "{expected}"
        );
    }
}
