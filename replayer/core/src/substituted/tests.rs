use super::*;
use crate::compare::sample;

const BASELINE: &str = "b7Kq93Lm2Xw8";
const CANDIDATE: &str = "z4Tn61Vc5Rj0";

fn sent(path: &str) -> Exchange {
    sample::replayed(sample::exchange(path, 200, &[], b""), 0)
}

fn row(baseline: &Exchange, candidate: &Exchange) -> Row {
    let recorded = sample::exchange("/", 200, &[], b"");
    Row {
        id: recorded.id(),
        recorded_start: recorded.start(),
        sides: [recorded, candidate.clone(), baseline.clone()]
            .map(|side| Some(Box::new(side)))
            .into(),
    }
}

const SIDES: Sides = Sides {
    baseline: 2,
    candidate: 1,
    noise: vec![],
};

fn value(expected: &str, actual: &str) -> Difference {
    Difference {
        part: Part::Body,
        location: "$.id".to_owned(),
        kind: DivergenceKind::Value,
        expected: Some(expected.to_owned()),
        actual: Some(actual.to_owned()),
    }
}

/// What explains a difference between answers to `asked`, after requests for `learned` were seen.
fn explained(learned: (&str, &str), asked: (&str, &str), expected: &str, actual: &str) -> bool {
    let mut substituted = Substituted::new();
    let limits = Limits::default();
    substituted.learn(&row(&sent(learned.0), &sent(learned.1)), &SIDES, &limits);
    let (left, right) = (sent(asked.0), sent(asked.1));
    substituted.explains(
        &Counterparts::new(Held::Refactor, &left, &right),
        &value(expected, actual),
    )
}

#[test]
fn what_was_sent_in_the_same_place_stands_for_each_other() {
    let both = (format!("/c/{BASELINE}"), format!("/c/{CANDIDATE}"));
    let learned = (both.0.as_str(), both.1.as_str());
    let other = ("/a", "/a");
    let quoted = |value: &str| format!("\"{value}\"");
    let link = |value: &str| format!("\"/c/{value}?page=2\"");
    let table = [
        (other, quoted(BASELINE), quoted(CANDIDATE), true),
        (other, link(BASELINE), link(CANDIDATE), true),
        (other, quoted(CANDIDATE), quoted(BASELINE), false),
        (other, quoted(BASELINE), quoted("z4Tn61Vc5Rj1"), false),
        (
            other,
            link(BASELINE),
            format!("\"/c/{CANDIDATE}?page=3\""),
            false,
        ),
        // A short one says something only about the answer to its own request.
        (("/c/7", "/c/8"), "7".to_owned(), "8".to_owned(), true),
        (("/c/7", "/c/8"), "7".to_owned(), "9".to_owned(), false),
        (other, "7".to_owned(), "8".to_owned(), false),
    ];
    for (asked, expected, actual, is_explained) in table {
        assert_eq!(
            explained(learned, asked, &expected, &actual),
            is_explained,
            "{asked:?} {expected} {actual}"
        );
    }
    assert!(!explained(("/c/7", "/c/8"), other, "7", "8"));
}

#[test]
fn what_is_cut_is_not_explained() {
    let both = (format!("/c/{BASELINE}"), format!("/c/{CANDIDATE}"));
    let explained = |length: usize| {
        let text = |id: &str| format!("{id} {}", "same ".repeat(length));
        let (expected, actual) = excerpt::pair(
            &(text(BASELINE) + "total=5"),
            &(text(CANDIDATE) + "total=5"),
            2_048,
        );
        explained((&both.0, &both.1), ("/a", "/a"), &expected, &actual)
    };
    assert!(explained(10));
    assert!(!explained(1_000), "the total may be another");
}

#[test]
fn another_type_or_status_is_never_explained() {
    let (left, right) = (sent("/c/404"), sent("/c/200"));
    let substituted = Substituted::new();
    let explains = |difference: &Difference| {
        substituted.explains(
            &Counterparts::new(Held::Refactor, &left, &right),
            difference,
        )
    };
    assert!(explains(&value("404", "200")));
    let status = Difference {
        part: Part::Status,
        ..value("404", "200")
    };
    let kind = Difference {
        kind: DivergenceKind::Type,
        ..value("404", "200")
    };
    assert!(!explains(&status) && !explains(&kind));
}

#[test]
fn values_in_bodies_and_fields_of_requests_count_and_those_beyond_the_bound_do_not() {
    let with = |value: &str| {
        let mut exchange = sent("/a");
        let request = exchange.request.as_mut().unwrap();
        request
            .headers
            .push("Authorization", &format!("Bearer {value}"));
        request.headers.push("Content-Type", "application/json");
        request.body.bytes = format!("{{\"cart\":\"c{value}\"}}").into();
        exchange
    };
    let pair = row(&with(BASELINE), &with(CANDIDATE));
    let expected = |prefix: &str| {
        value(
            &format!("\"{prefix}{BASELINE}\""),
            &format!("\"{prefix}{CANDIDATE}\""),
        )
    };
    for (max, count) in [(1_000, 2), (0, 0)] {
        let mut substituted = Substituted::new();
        let limits = Limits {
            substituted_pairs_max: max,
            ..Limits::default()
        };
        substituted.learn(&pair, &SIDES, &limits);
        let known = ["", "c"].iter().filter(|prefix| {
            let (left, right) = (sent("/x"), sent("/x"));
            substituted.explains(
                &Counterparts::new(Held::Refactor, &left, &right),
                &expected(prefix),
            )
        });
        assert_eq!(known.count(), count);
        assert_eq!(substituted.left_out() > 0, max == 0);
    }
}
