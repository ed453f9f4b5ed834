use super::*;

#[test]
fn json_becomes_a_line_for_each_value() {
    let cases = [
        (r#"{"a":1}"#, "$.a = 1"),
        (
            r#"{ "a" : "x\"}" , "b-c":[ ] }"#,
            "$.a = \"x\\\"}\"|$['b-c'] = []",
        ),
        (
            r#"[{"a":[1,2.50]},{},null]"#,
            "$[0].a[0] = 1|$[0].a[1] = 2.50|$[1] = {}|$[2] = null",
        ),
        (r#"{"a":{"b":{}},"c":true}"#, "$.a.b = {}|$.c = true"),
        (r#""text""#, "$ = \"text\""),
    ];
    for (body, expected) in cases {
        let lines = json_lines(body.as_bytes()).unwrap().join("|");
        assert_eq!(lines, expected, "{body}");
    }
    for none in ["", "text", "{", "{\"a\":}"] {
        assert_eq!(json_lines(none.as_bytes()), None, "{none}");
    }
}

#[test]
fn text_becomes_a_line_for_each_line_and_element() {
    let lines = text_lines(b"<p class=a>1 &amp; 2</p>\r\n\n  x;y \n").unwrap();
    assert_eq!(lines, ["p class=a", "1", "amp; 2", "/p", "x;y"]);
    assert_eq!(text_lines(b"\x00\x01"), None);
}

/// The examples are what `cksum` of coreutils prints.
#[test]
fn checksums_are_those_of_cksum() {
    assert_eq!(checksum(b""), "4294967295 0");
    assert_eq!(checksum(b"hello\n"), "3015617425 6");
}
