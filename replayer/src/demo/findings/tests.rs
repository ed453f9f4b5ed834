use schema::Timestamp;
use schema::run::{
    DivergenceGroup, EndpointReport, GroupExample, RunSchedule, RunSource, RunTarget,
};

use super::*;

const QUOTES: &str = "POST api.films.example /v1/quotes";

/// A run with this verdict, and one differing exchange at each of these endpoints and places.
fn document(verdict: RunVerdict, differing: &[(&str, &str)]) -> RunDocument {
    let at = Timestamp::from_micros(0);
    let source = RunSource {
        archive: "a".to_owned(),
        from: at,
        to: at,
        filters: Vec::new(),
        segments: 1,
    };
    let target = RunTarget {
        url: "http://localhost".to_owned(),
        label: None,
        host: "recorded".to_owned(),
        forwarded: true,
        proofs: Vec::new(),
        writes: "allowed".to_owned(),
        insecure: false,
    };
    let mut document = RunDocument::new(
        "demo".to_owned(),
        "replayer".to_owned(),
        at,
        source,
        target,
        RunSchedule::default(),
    );
    document.conclusion = Some(RunConclusion {
        verdict,
        sentence: "as it is".to_owned(),
        reasons: Vec::new(),
        recorded_share: 1.0,
        sent_share: 1.0,
        judged_share: 1.0,
    });
    document.totals.matched = 10;
    document.totals.differed = differing.len() as u64;
    document.report.endpoints = differing
        .iter()
        .map(|(endpoint, location)| EndpointReport {
            endpoint: (*endpoint).to_owned(),
            differed: 1,
            groups: vec![DivergenceGroup {
                part: "body".to_owned(),
                location: (*location).to_owned(),
                kind: "value".to_owned(),
                exchanges: 1,
                divergences: 1,
                first: at,
                last: at,
                examples: vec![GroupExample {
                    exchange: "0123456789abcdef-3".to_owned(),
                    location: (*location).to_owned(),
                    expected: None,
                    actual: None,
                }],
            }],
            ..EndpointReport::default()
        })
        .collect();
    document
}

#[test]
fn both_verdicts_and_the_endpoint_are_said() {
    let findings = Findings::of(
        &document(RunVerdict::Pass, &[]),
        &document(RunVerdict::Fail, &[(QUOTES, "$.tax")]),
    )
    .unwrap();
    assert_eq!(findings.example, "0123456789abcdef-3");
    assert_eq!(
        findings.to_string(),
        "faithful   pass  all 10 answers match the recorded ones\n\
         regressed  fail  1 of 11 answers differ from the recorded ones\n\
         \u{20}          all at POST api.films.example /v1/quotes: $.tax and $.total\n"
    );
}

#[test]
fn anything_else_is_a_failure_that_says_why() {
    use RunVerdict::{Fail, NotEnoughEvidence, Pass};
    let planted = (QUOTES, "$.tax");
    type Differing<'a> = &'a [(&'a str, &'a str)];
    let cases: [(RunVerdict, RunVerdict, Differing<'_>, &str); 6] = [
        (
            Fail,
            Fail,
            &[planted],
            "the faithful build should pass, and the verdict is fail",
        ),
        (
            NotEnoughEvidence,
            Fail,
            &[planted],
            "the verdict is not enough evidence: as it is",
        ),
        (
            Pass,
            Pass,
            &[],
            "the regressed build should fail, and the verdict is pass",
        ),
        (
            Pass,
            Fail,
            &[planted, ("GET a /watch/{id}", "")],
            "should differ, and these do: POST",
        ),
        (
            Pass,
            Fail,
            &[("GET a /watch/{id}", "$.tax")],
            "GET a /watch/{id} differs",
        ),
        (
            Pass,
            Fail,
            &[(QUOTES, "$.net")],
            "only $.tax and $.total should differ",
        ),
    ];
    for (faithful, regressed, differing, expected) in cases {
        let error = Findings::of(&document(faithful, &[]), &document(regressed, differing));
        let error = error.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
