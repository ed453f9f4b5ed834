use super::*;
use crate::compare::sample;
use crate::rules::parse_rules;
use schema::Outcome;

const ENDPOINT: &str = "GET shop.example /a";

fn recorded(body: &str) -> Exchange {
    sample::exchange(
        "/a",
        200,
        &[("Content-Type", "application/json")],
        body.as_bytes(),
    )
}

fn answered(body: &str) -> Exchange {
    sample::replayed(recorded(body), 0)
}

fn row(sides: Vec<Option<Exchange>>) -> Row {
    let recorded = recorded("{}");
    Row {
        id: recorded.id(),
        recorded_start: recorded.start(),
        sides: sides.into_iter().map(|side| side.map(Box::new)).collect(),
    }
}

/// Recording, candidate, baseline, another run of the baseline.
fn judge(rules: &str, noise: Noise) -> Judge {
    let sides = Sides {
        baseline: 2,
        candidate: 1,
        noise: vec![3],
    };
    Judge::new(
        sides,
        parse_rules(rules, "r").unwrap(),
        noise,
        Substituted::default(),
    )
}

fn blames(judge: &mut Judge, bodies: [&str; 4]) -> Vec<(String, Blame)> {
    let [first, candidate, baseline, again] = bodies;
    let sides = vec![
        Some(recorded(first)),
        Some(answered(candidate)),
        Some(answered(baseline)),
        Some(answered(again)),
    ];
    let judged = judge.judge(ENDPOINT, &row(sides));
    assert_eq!(judged.incomparable, None);
    judged
        .blamed
        .into_iter()
        .map(|b| (b.difference.location, b.blame))
        .collect()
}

#[test]
fn three_answers_say_whose_a_difference_is() {
    let one = |place: &str, blame| vec![(place.to_owned(), blame)];
    let (a, b, c) = (r#"{"x":1}"#, r#"{"x":2}"#, r#"{"x":3}"#);
    // Recorded, candidate, baseline, baseline again.
    let table = [
        ([a, a, a, a], vec![]),
        ([a, b, b, b], one("$.x", Blame::Environment)),
        ([a, b, a, a], one("$.x", Blame::Refactor)),
        ([a, a, b, b], one("$.x", Blame::Fixed)),
        ([a, c, b, b], one("$.x", Blame::Refactor)),
    ];
    for (bodies, expected) in table {
        assert_eq!(
            blames(&mut judge("", Noise::default()), bodies),
            expected,
            "{bodies:?}"
        );
    }
}

#[test]
fn noise_and_rules_set_aside_a_field_and_not_the_request() {
    let mut noise = Noise::default();
    let pair = (answered(r#"{"id":1,"x":1}"#), answered(r#"{"id":2,"x":1}"#));
    noise.learn(ENDPOINT, &pair.0, &pair.1, &options(&RuleSet::default()));
    let mut judge = judge("[[ignore]]\nat = \"$.y\"\n", noise);
    let found = blames(
        &mut judge,
        [
            r#"{"id":0,"x":1,"y":0}"#,
            r#"{"id":3,"x":2,"y":1}"#,
            r#"{"id":1,"x":1,"y":0}"#,
            r#"{"id":2,"x":1,"y":0}"#,
        ],
    );
    let expected = [
        ("$.id", Blame::Noise),
        ("$.x", Blame::Refactor),
        ("$.y", Blame::Rule),
    ];
    assert_eq!(
        found,
        expected.map(|(place, blame)| (place.to_owned(), blame))
    );
    assert_eq!(judge.noise().fields()[0].suppressed, 1);
    assert_eq!(judge.rules().applied()[0].suppressed, 1);
}

#[test]
fn what_cannot_be_judged_says_why() {
    let ok = || Some(answered("{}"));
    let failed = |reason| Some(sample::unanswered(&recorded("{}"), Outcome::Failed, reason));
    let mut cut = answered("{}");
    cut.completeness = Completeness::ResponseTruncated;
    let table = [
        (
            vec![Some(recorded("{}")), None, ok(), None],
            Some("not in the candidate's run"),
        ),
        (
            vec![Some(recorded("{}")), ok(), None, None],
            Some("not in the baseline's run"),
        ),
        (
            vec![Some(recorded("{}")), ok(), failed("timeout"), None],
            Some("baseline failed: timeout"),
        ),
        (
            vec![Some(recorded("{}")), failed("interrupted"), ok(), None],
            Some("candidate failed: interrupted"),
        ),
        (
            vec![
                Some(recorded("{}")),
                failed("timeout"),
                failed("timeout"),
                None,
            ],
            Some("candidate failed: timeout"),
        ),
        (
            vec![Some(recorded("{}")), Some(cut), ok(), None],
            Some("answer response_truncated"),
        ),
        // The old build answers, and the new one does not: that is a finding, not a lack of evidence.
        (
            vec![Some(recorded("{}")), failed("timeout"), ok(), None],
            None,
        ),
    ];
    for (sides, reason) in table {
        let judged = judge("", Noise::default()).judge(ENDPOINT, &row(sides));
        assert_eq!(judged.incomparable.as_deref(), reason);
        assert_eq!(judged.worst(), reason.is_none().then_some(Blame::Refactor));
    }
}
