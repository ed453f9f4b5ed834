use super::*;
use crate::compare::{Rules, differences, sample};

const ENDPOINT: &str = "GET shop.example /a";

/// Which rule sets aside each difference of two answers, the second an hour after the first.
fn aside(set: &mut RuleSet, expected: &str, actual: &str) -> Vec<Option<String>> {
    let answer = |body: &str, at_s: i64| {
        let json = [("Content-Type", "application/json")];
        let exchange = sample::exchange("/a", 200, &json, body.as_bytes());
        sample::replayed(exchange, at_s * 1_000_000)
    };
    let (left, right) = (answer(expected, 0), answer(actual, 3_600));
    let rules = Rules {
        keys: set.keys(),
        ..Rules::default()
    };
    let found = differences(&left, &right, &rules).unwrap().kept;
    let between = Between::of(&left, &right);
    found
        .iter()
        .map(|d| set.sets_aside(ENDPOINT, d, between))
        .collect()
}

#[test]
fn rules_set_aside_what_they_name_and_are_counted() {
    let text = r#"
[[ignore]]
at = "$.trace"

[[tolerate]]
endpoint = "GET * /a"
at = "$.rows[*].total"
number = 0.01

[[tolerate]]
at = "$.at"
time = "2h"

[[unordered]]
at = "$.tags"

[[mask]]
at = "$.note"

[[ignore]]
endpoint = "POST * /a"
at = "$.**"
"#;
    let mut set = parse_rules(text, "rules.toml").unwrap();
    let table = [
        (
            r#"{"trace":1}"#,
            r#"{"trace":2}"#,
            Some("rules.toml:3 ignore $.trace"),
        ),
        (
            r#"{"rows":[{"total":1.00}]}"#,
            r#"{"rows":[{"total":1.01}]}"#,
            Some("rules.toml:7 tolerate $.rows[*].total"),
        ),
        (
            r#"{"rows":[{"total":1.00}]}"#,
            r#"{"rows":[{"total":1.02}]}"#,
            None,
        ),
        (
            r#"{"rows":[{"total":1.00}]}"#,
            r#"{"rows":[{"total":"1"}]}"#,
            None,
        ),
        (
            r#"{"at":"2026-12-02T13:00:00Z"}"#,
            r#"{"at":"2026-12-02T14:00:00Z"}"#,
            Some("rules.toml:11 tolerate $.at"),
        ),
        (
            r#"{"tags":[1,2]}"#,
            r#"{"tags":[2,1]}"#,
            Some("rules.toml:15 unordered $.tags"),
        ),
        (
            r#"{"note":"no 1"}"#,
            r#"{"note":"no 2"}"#,
            Some("rules.toml:18 mask $.note"),
        ),
        (r#"{"note":"no 1"}"#, r#"{"note":"nr 2"}"#, None),
    ];
    for (expected, actual, rule) in table {
        let found = aside(&mut set, expected, actual);
        assert_eq!(found, [rule.map(str::to_owned)], "{expected} {actual}");
    }
    assert_eq!(set.applied()[0].suppressed, 1);
    assert_eq!(set.applied().last().unwrap().suppressed, 1);
}

#[test]
fn errors_name_the_line() {
    let table = [
        ("\n[[ignore]]\nat = \n", 3),
        ("[[ignore]]\nat = \"a\"\nwhat = 1\n", 3),
        ("[[tolerate]]\nat = \"a\"\n", 1),
        ("[[tolerate]]\nat = \"a\"\ntime = \"5 parsecs\"\n", 3),
        ("presets = [\n \"sybase\"]\n", 2),
        ("[[ignore]]\nat = \"a\"\nendpoint = \"[a\"\n", 3),
    ];
    for (text, line) in table {
        let error = parse_rules(text, "rules.toml").unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(
            error
                .to_string()
                .starts_with(&format!("rules.toml:{line}: ")),
            "{error}"
        );
    }
}

#[test]
fn a_key_is_taken_from_the_rules() {
    let set = parse_rules("[[keyed]]\nat = \"$.items\"\nkey = \"sku\"\n", "r").unwrap();
    assert_eq!(set.keys(), [("$.items".to_owned(), "sku".to_owned())]);
}

#[test]
fn presets_know_what_a_migration_rewrites() {
    let mut set = RuleSet::default();
    set.add_preset(Preset::Oracle);
    set.add_preset(Preset::Clock);
    let table = [
        (
            r#"{"a":""}"#,
            r#"{"a":null}"#,
            Some("oracle: '' equals null"),
        ),
        (r#"{"a":""}"#, "{}", Some("oracle: '' equals null")),
        (r#"{"a":"x"}"#, r#"{"a":null}"#, None),
        (r#"["a",null]"#, r#"["a"]"#, None),
        (
            r#"{"a":1.50}"#,
            r#"{"a":1.5}"#,
            Some("oracle: number scale"),
        ),
        (r#"{"a":1.50}"#, r#"{"a":1.51}"#, None),
        (r#"{"a":10}"#, r#"{"a":1}"#, None),
        (
            r#"{"a":"EUR "}"#,
            r#"{"a":"EUR"}"#,
            Some("oracle: char padding"),
        ),
        (
            r#"{"a":"2026-11-26"}"#,
            r#"{"a":"2026-11-26T00:00:00.000Z"}"#,
            Some("oracle: date precision and zone"),
        ),
        (
            r#"{"a":"2026-11-26T10:00:00"}"#,
            r#"{"a":"2026-11-26T12:30:00"}"#,
            None,
        ),
        ("[1,2,3]", "[3,2,1]", Some("oracle: rows without order by")),
        // The second answer came an hour after the first.
        (
            r#"{"a":"2026-12-02T13:00:00Z"}"#,
            r#"{"a":"2026-12-02T14:00:01Z"}"#,
            Some("clock: moved with the request"),
        ),
    ];
    for (expected, actual, effect) in table {
        let found = aside(&mut set, expected, actual);
        assert_eq!(found, [effect.map(str::to_owned)], "{expected} {actual}");
    }
    let counted: u64 = set.applied().iter().map(|rule| rule.suppressed).sum();
    assert_eq!(counted, 7);
}
