use super::*;
use crate::compare::parse_json;

fn aligned(expected: &str, actual: &str, key: Option<&str>) -> Option<Alignment> {
    let parse = |text: &str| match parse_json(text.as_bytes(), 8).map(|json| json.to_text(1 << 20))
    {
        Ok(text) => text,
        Err(error) => panic!("{error}"),
    };
    let (expected, actual) = (parse(expected), parse(actual));
    let both = [&expected, &actual].map(|text| parse_json(text.as_bytes(), 8).unwrap());
    let [Json::Array(expected), Json::Array(actual)] = &both else {
        panic!("not arrays");
    };
    align(expected, actual, key)
}

#[test]
fn rows_are_found_again_by_what_names_them() {
    let expected = r#"[{"id":1,"p":5},{"id":2,"p":5},{"id":3,"p":7}]"#;
    let table = [
        // Another order, and another price.
        (
            r#"[{"id":3,"p":8},{"id":1,"p":5},{"id":2,"p":5}]"#,
            (3, 0, 0, true),
        ),
        // One row fewer.
        (r#"[{"id":1,"p":5},{"id":3,"p":7}]"#, (2, 1, 0, false)),
        // One row more, at the beginning.
        (
            r#"[{"id":9,"p":5},{"id":1,"p":5},{"id":2,"p":5},{"id":3,"p":7}]"#,
            (3, 0, 1, false),
        ),
        // Another id: the row itself is there.
        (
            r#"[{"id":1,"p":5},{"id":8,"p":5},{"id":3,"p":7}]"#,
            (3, 0, 0, false),
        ),
    ];
    for (actual, (pairs, missing, extra, is_reordered)) in table {
        let found = aligned(expected, actual, None).unwrap();
        let counts = (found.pairs.len(), found.missing.len(), found.extra.len());
        assert_eq!(counts, (pairs, missing, extra), "{actual}");
        assert_eq!(found.is_reordered, is_reordered, "{actual}");
    }
}

#[test]
fn values_are_a_multiset_where_nothing_names_them() {
    let found = aligned("[3,1,1,2]", "[1,2,3,1]", None).unwrap();
    assert!(found.is_reordered && found.missing.is_empty() && found.extra.is_empty());
    let found = aligned("[1,2,2,3]", "[3,2,1]", None).unwrap();
    assert_eq!((found.missing, found.is_reordered), (vec![2], true));
    assert_eq!(aligned("[1,2]", "[3,4]", None), None);
}

#[test]
fn a_given_key_is_taken_at_its_word() {
    let (expected, actual) = (
        r#"[{"k":"a","v":1},{"k":"b","v":2}]"#,
        r#"[{"k":"b","v":2},{"k":"c","v":1}]"#,
    );
    let found = aligned(expected, actual, Some("k")).unwrap();
    assert_eq!(found.pairs, [(1, 0)]);
    assert_eq!((found.missing, found.extra), (vec![0], vec![1]));
}
