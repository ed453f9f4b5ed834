use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::compare::Rules;

/// `path kind expected|actual` for each difference.
fn differences(expected: &str, actual: &str) -> Vec<String> {
    let rules = Rules::default();
    let parse = |text| parse_json(text, rules.json_depth_max);
    let (expected, actual) = (
        parse(expected.as_bytes()).expect("expected is JSON"),
        parse(actual.as_bytes()).expect("actual is JSON"),
    );
    let mut found = Found::new(&rules);
    compare(Notation::Json, &expected, &actual, &rules, &mut found);
    let text = |side: &Option<String>| side.as_deref().unwrap_or("-").to_owned();
    found
        .kept
        .iter()
        .map(|d| {
            let (expected, actual) = (text(&d.expected), text(&d.actual));
            format!("{} {:?} {expected}|{actual}", d.location, d.kind)
        })
        .collect()
}

#[test]
fn structure_is_compared_and_each_path_is_named() {
    for (expected, actual, found) in [
        (r#"{"a":1,"b":2}"#, r#"{ "b" : 2, "a" : 1 }"#, vec![]),
        (r#"{"a":1}"#, r#"{"a":2}"#, vec!["$.a Value 1|2"]),
        (r#"{"a":1}"#, r#"{"a":"1"}"#, vec![r#"$.a Type 1|"1""#]),
        (r#"{"a":null}"#, r#"{"a":""}"#, vec![r#"$.a Type null|"""#]),
        (r#"{"a":1}"#, r"{}", vec!["$.a Missing 1|-"]),
        (r"{}", r#"{"a":1}"#, vec!["$.a Extra -|1"]),
        (
            r#"{"a":1}"#,
            r#"{"b":1}"#,
            vec!["$.a Missing 1|-", "$.b Extra -|1"],
        ),
        ("1.0", "1", vec!["$ Value 1.0|1"]),
        ("100", "1e2", vec!["$ Value 100|1e2"]),
        (
            "12345678901234567890.10",
            "12345678901234567890.1",
            vec!["$ Value 12345678901234567890.10|12345678901234567890.1"],
        ),
        ("true", "false", vec!["$ Value true|false"]),
        ("{}", "[]", vec!["$ Type {}|[]"]),
        (r#""\u00e9\n""#, r#""é\u000a""#, vec![]),
        (r#""\ud83d\ude00""#, r#""😀""#, vec![]),
        (
            r#"{"odd 'name'":1}"#,
            r#"{"odd 'name'":2}"#,
            vec![r"$['odd \'name\''] Value 1|2"],
        ),
        ("[1,2,3]", "[1,9,3]", vec!["$[1] Value 2|9"]),
        ("[1,2,3]", "[3,2,1]", vec!["$ Order [1,2,3]|[3,2,1]"]),
        // One row less in the middle is one difference, and so is one row more.
        ("[1,2,3,4]", "[1,3,4]", vec!["$[1] Missing 2|-"]),
        ("[1,3,4]", "[1,2,3,4]", vec!["$[1] Extra -|2"]),
        ("[1,1]", "[1]", vec!["$[1] Missing 1|-"]),
        ("[]", "[1,2]", vec!["$[0] Extra -|1", "$[1] Extra -|2"]),
        (
            r#"{"items":[{"price":10.5},{"price":11}]}"#,
            r#"{"items":[{"price":10.5},{"price":11.01}]}"#,
            vec!["$.items[1].price Value 11|11.01"],
        ),
    ] {
        assert_eq!(
            differences(expected, actual),
            found,
            "{expected} against {actual}"
        );
    }
}

#[test]
fn objects_of_any_size_are_compared_by_name() {
    let object = |order: &mut dyn Iterator<Item = usize>, last: usize| {
        let members: Vec<String> = order
            .map(|n| format!("\"k{n}\":{}", if n == 30 { last } else { n }))
            .collect();
        format!("{{{}}}", members.join(","))
    };
    let (forth, back) = (object(&mut (0..40), 30), object(&mut (0..40).rev(), 31));
    assert_eq!(differences(&forth, &back), ["$.k30 Value 30|31"]);
}

#[test]
fn differences_beyond_the_bound_are_counted() {
    let array = |value: u32| format!("[{}]", vec![value.to_string(); 500].join(","));
    let rules = Rules::default();
    let (a, b) = (array(1), array(2));
    let parse = |text: &'static str| parse_json(text.as_bytes(), 8).unwrap();
    let mut found = Found::new(&rules);
    compare(
        Notation::Json,
        &parse(Box::leak(a.into_boxed_str())),
        &parse(Box::leak(b.into_boxed_str())),
        &rules,
        &mut found,
    );
    assert_eq!(
        (found.kept.len(), found.found),
        (rules.divergences_max, 500)
    );
}

#[test]
fn long_strings_are_cut_around_their_difference() {
    let long = |end: &str| format!("\"{}{end}{}\"", "x".repeat(1_000), "y".repeat(1_000));
    let found = differences(&long("old"), &long("new"));
    assert!(
        found[0].contains("xold") && found[0].contains("xnew"),
        "{found:?}"
    );
    assert!(found[0].len() < 600, "{found:?}");
}

#[test]
fn the_parser_takes_json_and_nothing_else() {
    use JsonError::{DuplicateName, Malformed, TooDeep, UnpairedSurrogate};
    for (text, expected) in [
        ("", Malformed),
        ("{", Malformed),
        ("{}x", Malformed),
        ("{} {}", Malformed),
        ("[1,]", Malformed),
        (r#"{"a":1,}"#, Malformed),
        ("{a:1}", Malformed),
        ("01", Malformed),
        ("1.", Malformed),
        (".5", Malformed),
        ("+1", Malformed),
        ("1e", Malformed),
        ("-", Malformed),
        ("nul", Malformed),
        ("NaN", Malformed),
        ("\"\n\"", Malformed),
        (r#""\x""#, Malformed),
        (r#""\u12""#, Malformed),
        (r#""\u+123""#, Malformed),
        ("\u{feff}{}", Malformed),
        (r#"{"a":1,"a":2}"#, DuplicateName),
        (r#"{"a":1,"\u0061":1}"#, DuplicateName),
        (r#""\ud800""#, UnpairedSurrogate),
        (r#""\udc00\ud800""#, UnpairedSurrogate),
        ("[[[[[]]]]]", TooDeep),
    ] {
        assert_eq!(parse_json(text.as_bytes(), 4), Err(expected), "{text}");
    }
    assert_eq!(parse_json(b"\"\xff\"", 4), Err(Malformed));
    assert_eq!(
        parse_json(b" [[[[]]]] ", 4),
        Ok(parse_json(b"[[[[]]]]", 4).unwrap())
    );
    assert_eq!(parse_json(b"-0.50E+07", 1), Ok(Json::Number("-0.50E+07")));
    assert_eq!(
        parse_json(br#""a\/\b""#, 1),
        Ok(Json::String(Cow::Borrowed("a/\u{8}")))
    );
}

/// JSON text of any shape.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,6})?([eE][+-]?[0-9]{1,3})?",
        any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6)
                .prop_map(|all| format!("[{}]", all.join(" , "))),
            prop::collection::btree_map("[a-z ]{0,4}", inner, 0..6).prop_map(|members| {
                let members: Vec<String> = members
                    .iter()
                    .map(|(name, value)| format!("\"{name}\": {value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn accepts_what_serde_json_accepts(text in prop_oneof![any_json(), "[\\[\\]{}\",:0-9a-z\\\\ .eE+-]{0,24}"]) {
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        match parse_json(text.as_bytes(), 128) {
            Ok(ours) => {
                prop_assert!(theirs.is_ok());
                let written = ours.to_text(usize::MAX);
                prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), theirs.unwrap());
            }
            Err(JsonError::Malformed) => prop_assert!(theirs.is_err(), "{}", text),
            Err(_) => {}
        }
    }

    #[test]
    fn a_value_equals_itself_and_kinds_mirror(a in any_json(), b in any_json()) {
        prop_assert_eq!(differences(&a, &a), Vec::<String>::new());
        let mirror = |kind: DivergenceKind| match kind {
            DivergenceKind::Missing => DivergenceKind::Extra,
            DivergenceKind::Extra => DivergenceKind::Missing,
            kind => kind,
        };
        let rules = Rules { divergences_max: usize::MAX, ..Rules::default() };
        let sorted = |expected: &str, actual: &str, turn: bool| {
            let (expected, actual) = (parse_json(expected.as_bytes(), 128).unwrap(), parse_json(actual.as_bytes(), 128).unwrap());
            let mut found = Found::new(&rules);
            compare(Notation::Json, &expected, &actual, &rules, &mut found);
            let mut all: Vec<_> = found.kept.into_iter()
                .map(|d| (d.location, if turn { mirror(d.kind) } else { d.kind })).collect();
            all.sort();
            all
        };
        let there = sorted(&a, &b, false);
        prop_assert_eq!(&there, &sorted(&b, &a, true));
        let equal = serde_json::from_str::<serde_json::Value>(&a).unwrap() == serde_json::from_str::<serde_json::Value>(&b).unwrap();
        prop_assert_eq!(there.is_empty(), equal);
    }
}
