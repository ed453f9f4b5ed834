use proptest::prelude::*;
use schema::comparison::PathTemplate;
use schema::{ConnectionId, Timestamp};

use super::*;
use crate::compare::{Rules, differences, sample};
use crate::rules::parse_rules;

const ENDPOINT: &str = "GET shop.example /orders/{id}";

fn divergence(at: &str, kind: DivergenceKind, sides: (&str, &str), exchange: u32) -> Divergence {
    Divergence {
        exchange: ExchangeId {
            connection: ConnectionId(1),
            index: exchange,
        },
        recorded_start: Timestamp::from_micros(sample::RECORDED_US),
        method: "GET".to_owned(),
        host: None,
        path: "/orders/1".to_owned(),
        endpoint: ENDPOINT.to_owned(),
        part: if at == "status" { "status" } else { "body" }.to_owned(),
        location: at.to_owned(),
        kind,
        expected: Some(sides.0.to_owned()),
        actual: Some(sides.1.to_owned()),
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_form_has_its_proposal() {
    use DivergenceKind::{Missing, Order, Type, Value};
    let hour_later = Moments {
        sent_us: sample::RECORDED_US + 3_600_000_000,
        status: Some(200),
    };
    let table: [(&str, DivergenceKind, &str, &str, &str); 13] = [
        ("$.tags", Order, "[1,2]", "[2,1]", "unordered"),
        (
            "$.sum",
            Value,
            "0.30000000000000004",
            "0.3",
            "tolerate number",
        ),
        ("$.total", Value, "10", "12", "none: numbers up to 2 apart"),
        ("$.total", Value, "10.50", "10.5", "preset oracle"),
        ("$.note", Type, "null", "\"\"", "preset oracle"),
        (
            "$.at",
            Value,
            "\"2026-11-22T13:00:00Z\"",
            "\"2026-11-22T14:00:00Z\"",
            "preset clock",
        ),
        (
            "$.at",
            Value,
            "\"2026-11-22T13:00:00Z\"",
            "\"2026-11-22T13:00:07Z\"",
            "tolerate time = \"8s\"",
        ),
        (
            "$.at",
            Value,
            "\"2026-11-22T13:00:00Z\"",
            "\"2026-11-22T15:00:00Z\"",
            "none: times up to 2.00 h apart",
        ),
        (
            "$.trace",
            Value,
            "\"6f1c2a3b-1111-2222-3333-444455556666\"",
            "\"7f1c2a3b-1111-2222-3333-444455556666\"",
            "ignore",
        ),
        ("$.text", Value, "\"12 items\"", "\"13 items\"", "mask"),
        ("$.name", Value, "\"ada\"", "\"bob\"", "none: other values"),
        (
            "$.name",
            Missing,
            "\"ada\"",
            "",
            "none: something is missing",
        ),
        ("status", Value, "200", "404", "none: another status"),
    ];
    for (at, kind, expected, actual, proposal) in table {
        let mut suggester = Suggester::default();
        suggester.add(
            &divergence(at, kind, (expected, actual), 0),
            Some(hour_later),
        );
        let found = &suggester.suggestions(|_| Some(2))[0];
        let says = found.says.clone().unwrap_or_default();
        let text = found.rule.map_or_else(
            || format!("none: {}", found.reason),
            |rule| format!("{rule} {says}"),
        );
        assert!(
            text.starts_with(proposal),
            "{at} {expected} {actual}: {text}"
        );
    }
}

#[test]
fn one_difference_of_another_form_is_enough_for_no_proposal() {
    let mut suggester = Suggester::default();
    for index in 0..1_000 {
        let sides = ("\"12 items\"", "\"13 items\"");
        suggester.add(
            &divergence("$.text", DivergenceKind::Value, sides, index),
            None,
        );
    }
    assert_eq!(suggester.suggestions(|_| None)[0].rule, Some("mask"));
    let sides = ("\"12 items\"", "\"none\"");
    suggester.add(
        &divergence("$.text", DivergenceKind::Value, sides, 1_000),
        None,
    );
    let found = &suggester.suggestions(|_| None)[0];
    assert_eq!(
        (found.rule, found.differences, found.requests),
        (None, 1_001, 1_001)
    );
}

#[test]
fn an_id_that_seldom_differs_is_not_ignored() {
    let mut suggester = Suggester::default();
    let sides = ("\"AbCdEf012345678\"", "\"ZbCdEf012345678\"");
    suggester.add(&divergence("$.ref", DivergenceKind::Value, sides, 0), None);
    assert_eq!(suggester.suggestions(|_| Some(2))[0].rule, Some("ignore"));
    for of in [None, Some(3)] {
        assert_eq!(suggester.suggestions(|_| of)[0].rule, None, "{of:?}");
    }
}

#[test]
fn fields_are_bounded() {
    let mut suggester = Suggester::default();
    for index in 0..=FIELDS_MAX {
        let at = format!("$.f{index}x");
        suggester.add(&divergence(&at, DivergenceKind::Value, ("1", "2"), 0), None);
    }
    assert_eq!(
        (suggester.fields.len(), suggester.beyond()),
        (FIELDS_MAX, 1)
    );
    let text = to_toml(
        &suggester.suggestions(|_| None),
        &[],
        "run x",
        suggester.beyond(),
    );
    assert!(text.contains("# 1 differences at more places were not looked at."));
}

proptest! {
    /// The file is one that `--rules` reads, and its rules set aside exactly what they were proposed for.
    #[test]
    fn proposals_are_rules_that_hold(
        name in "[a-z ,{}*?\\[\\]\"'\u{1}]{1,6}",
        texts in ("[a-z]{1,5}", 0u32..99, 100u32..999),
    ) {
        let (word, left, right) = texts;
        let json = |number: u32| {
            let mut name_text = String::new();
            crate::compare::write_string(&name, &mut name_text);
            format!("{{{name_text}:\"{word} {number}\"}}")
        };
        let answer = |body: String| sample::exchange("/orders/1", 200, &[], body.as_bytes());
        let (expected, actual) = (answer(json(left)), answer(json(right)));
        let comparison = sample::compared(&expected, &sample::replayed(actual.clone(), 0));
        let mut suggester = Suggester::default();
        for divergence in &comparison.divergences {
            suggester.add(divergence, None);
        }
        let suggestions = suggester.suggestions(|_| None);
        prop_assert_eq!(suggestions[0].rule, Some("mask"));
        let template = PathTemplate {
            host: "shop.example".to_owned(),
            template: "/users/{name}".to_owned(),
            source: "learned".to_owned(),
            values: 12,
            requests: 20,
            words: vec![],
        };
        let text = to_toml(&suggestions, &[template], "run\nx", 0);
        let mut rules = parse_rules(&text, "f").map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
        prop_assert_eq!(rules.templates().len(), 1);
        let found = differences(&expected, &actual, &Rules::default()).unwrap().kept;
        let between = Between::of(&expected, &actual);
        prop_assert!(rules.sets_aside(ENDPOINT, &found[0], between).is_some(), "{}", text);
        let other = "GET shop.example /orders/{id}/x";
        prop_assert!(rules.sets_aside(other, &found[0], between).is_none());
    }
}
