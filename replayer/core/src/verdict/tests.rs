use std::time::Duration;

use schema::run::RunVerdict;

use super::*;
use crate::blame::Sides;
use crate::compare::sample;
use crate::noise::Noise;
use crate::rules::RuleSet;
use crate::substituted::Substituted;
use crate::testing::comparison;

/// Judges (recorded, candidate, baseline) bodies; an empty candidate is missing.
fn concluded(
    bodies: &[(&str, &str, &str)],
    gates: &Gates,
    limits: VerdictLimits,
) -> ComparisonDocument {
    let sides = Sides {
        baseline: 2,
        candidate: 1,
        noise: vec![],
    };
    let mut judge = Judge::new(
        sides,
        RuleSet::default(),
        Noise::default(),
        Substituted::default(),
    );
    let mut tally = Tally::new(3, limits, Templates::default());
    for (n, (recorded, candidate, baseline)) in bodies.iter().enumerate() {
        let at = |body: &str| {
            let mut exchange = sample::exchange(&format!("/a/{n}"), 200, &[], body.as_bytes());
            exchange.index = u32::try_from(n).unwrap();
            let request = exchange.request.as_mut().unwrap();
            request.start = request.start.saturating_add(Duration::from_secs(n as u64));
            exchange
        };
        let recorded = at(recorded);
        let row = Row {
            id: recorded.id(),
            recorded_start: recorded.start(),
            sides: vec![
                Some(Box::new(recorded.clone())),
                (!candidate.is_empty()).then(|| Box::new(sample::replayed(at(candidate), 0))),
                Some(Box::new(sample::replayed(at(baseline), 0))),
            ],
        };
        let _stored = tally.add(&mut judge, &row);
    }
    let mut document = comparison();
    tally.write_into(&mut document);
    for group in &mut document.groups {
        group.standing = (group.blame == "refactor").then(|| "new".to_owned());
    }
    conclude(&mut document, gates);
    let totals = &document.totals;
    assert_eq!(
        totals.selected,
        totals.same
            + totals.refactor
            + totals.fixed
            + totals.environment
            + totals.noise
            + totals.rule
            + totals.incomparable
    );
    document
}

#[test]
fn what_was_sent_perhaps_twice_is_counted_and_said() {
    let sides = Sides {
        baseline: RECORDED,
        candidate: 1,
        noise: vec![],
    };
    let judge = |rules, noise| Judge::new(sides, rules, noise, Substituted::default());
    let mut judge = judge(RuleSet::default(), Noise::default());
    let mut tally = Tally::new(2, VerdictLimits::default(), Templates::default());
    for (doubt, body) in [
        (Some(InDoubt::SentAgain), "1"),
        (Some(InDoubt::SentAgain), "2"),
        (Some(InDoubt::NotSentAgain), "1"),
        (None, "1"),
    ] {
        let recorded = sample::exchange("/a", 200, &[], b"1");
        let mut sent = sample::replayed(sample::exchange("/a", 200, &[], body.as_bytes()), 0);
        sent.replay.as_mut().unwrap().in_doubt = doubt;
        let row = Row {
            id: recorded.id(),
            recorded_start: recorded.start(),
            sides: vec![Some(Box::new(recorded)), Some(Box::new(sent))],
        };
        let _stored = tally.add(&mut judge, &row);
    }
    let expected = Doubts {
        sent_again: 2,
        blamed: 1,
    };
    assert_eq!(tally.in_doubt(), [Doubts::default(), expected]);
    let mut document = comparison();
    document.candidate.sent_perhaps_twice = 2;
    document.candidate.sent_perhaps_twice_blamed = 1;
    conclude(&mut document, &Gates::default());
    let is_said = |reason: &String| reason.starts_with("2 requests were sent perhaps twice by run");
    assert!(
        document.reasons.iter().any(is_said),
        "{:?}",
        document.reasons
    );
}

#[test]
fn one_changed_answer_in_a_thousand_fails() {
    let mut bodies = vec![("{\"x\":1}", "{\"x\":1}", "{\"x\":1}"); 1_000];
    let pass = concluded(&bodies, &Gates::default(), VerdictLimits::default());
    assert_eq!(pass.verdict, RunVerdict::Pass, "{}", pass.sentence);
    bodies[777].1 = "{\"x\":2}";
    let fail = concluded(&bodies, &Gates::default(), VerdictLimits::default());
    assert_eq!(fail.verdict, RunVerdict::Fail);
    assert_eq!(
        fail.sentence,
        "the refactor changed 1 answer in 1 way, at 1 endpoint"
    );
    let group = &fail.groups[0];
    assert_eq!(
        (group.requests, group.of, group.cause.as_str()),
        (1, 1_000, "another number")
    );
    assert_eq!(
        group.reproducer.last().unwrap(),
        &group.examples[0].exchange
    );
    assert!(group.sides.is_some());
}

#[test]
fn what_is_missing_is_no_pass() {
    let bodies = [("{}", "{}", "{}"), ("{}", "", "{}")];
    let document = concluded(&bodies, &Gates::default(), VerdictLimits::default());
    assert_eq!(document.verdict, RunVerdict::NotEnoughEvidence);
    assert!(
        document
            .reasons
            .iter()
            .any(|reason| reason.ends_with("not in the candidate's run")),
        "{:?}",
        document.reasons
    );
    let gates = Gates {
        judged_share_min: 0.5,
        ..Gates::default()
    };
    assert_eq!(
        concluded(&bodies, &gates, VerdictLimits::default()).verdict,
        RunVerdict::Pass
    );
    assert_eq!(
        concluded(&[], &gates, VerdictLimits::default()).verdict,
        RunVerdict::NotEnoughEvidence
    );
}

#[test]
fn an_environment_that_differs_does_not_fail_and_is_said() {
    let document = concluded(
        &[("{\"x\":1}", "{\"x\":2}", "{\"x\":2}")],
        &Gates::default(),
        VerdictLimits::default(),
    );
    assert_eq!(document.verdict, RunVerdict::Pass);
    assert_eq!(document.totals.environment, 1);
    assert!(
        document
            .reasons
            .iter()
            .any(|reason| reason.contains("otherwise than production"))
    );
}

#[test]
fn bounds_hold_and_what_is_beyond_is_counted() {
    let bodies = [
        ("{}", "{\"x\":1}", "{}"),
        ("{}", "{\"y\":1}", "{}"),
        ("{}", "{\"z\":1}", "{}"),
    ];
    let limits = VerdictLimits {
        groups_max: 2,
        sides_max: 1,
        buckets_max: 2,
        ..VerdictLimits::default()
    };
    let document = concluded(&bodies, &Gates::default(), limits);
    assert_eq!((document.groups.len(), document.ungrouped), (2, 1));
    assert_eq!(
        document
            .groups
            .iter()
            .filter(|group| group.sides.is_some())
            .count(),
        1
    );
    assert!(document.timeline.buckets.len() <= 2);
    assert_eq!(
        document
            .timeline
            .buckets
            .iter()
            .map(|bucket| bucket.requests)
            .sum::<u64>(),
        3
    );
    assert_eq!(document.verdict, RunVerdict::Fail);
}
