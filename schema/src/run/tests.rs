use super::*;

fn document() -> RunDocument {
    let at = |text: &str| text.parse().unwrap();
    RunDocument::new(
        "2026-11-22T13-00-00Z-a".to_owned(),
        "replayer 0.1.0".to_owned(),
        at("2026-11-22T13:00:00.000250Z"),
        RunSource {
            archive: "s3://bucket/prefix".to_owned(),
            from: at("2026-11-15T00:00:00Z"),
            to: at("2026-11-22T00:00:00Z"),
            filters: vec!["--path /orders/*".to_owned()],
            segments: 3,
        },
        RunTarget {
            url: "http://127.0.0.1:8080/".to_owned(),
            label: Some("build 7".to_owned()),
            host: "recorded".to_owned(),
            forwarded: true,
            proofs: Vec::new(),
            writes: "allowed".to_owned(),
            insecure: false,
        },
        RunSchedule {
            speed: Some(1.0),
            order: "connection".to_owned(),
            in_flight_max: 1_000,
            timeout_us: 30_000_000,
            ..RunSchedule::default()
        },
    )
}

#[test]
fn survives_the_way_through_json() {
    let mut document = document();
    assert_eq!(
        RunDocument::from_json(&document.to_json()).unwrap(),
        document
    );
    document.finished_at = Some(document.started_at);
    document.state = RunState::Interrupted;
    document.conclusion = Some(RunConclusion {
        verdict: RunVerdict::NotEnoughEvidence,
        sentence: "nothing was compared".to_owned(),
        reasons: vec![],
        recorded_share: 1.0,
        sent_share: 0.5,
        judged_share: 0.25,
    });
    assert_eq!(
        RunDocument::from_json(&document.to_json()).unwrap(),
        document
    );
}

#[test]
fn words_and_times_are_text() {
    let json: serde_json::Value = serde_json::from_slice(&document().to_json()).unwrap();
    assert_eq!(json["state"], "running");
    assert_eq!(json["started_at"], "2026-11-22T13:00:00.000250Z");
    assert_eq!(json["source"]["to"], "2026-11-22T00:00:00.000000Z");
    assert_eq!(json["format"], RUN_FORMAT);
}

#[test]
fn a_newer_document_is_refused_by_its_version_and_not_by_its_fields() {
    let error = RunDocument::from_json(br#"{"format": 9, "else": 1}"#).unwrap_err();
    assert!(matches!(error, RunDocumentError::Newer(9)), "{error}");
    for text in ["", "{}", "[]", r#"{"format": 1}"#] {
        let error = RunDocument::from_json(text.as_bytes()).unwrap_err();
        assert!(matches!(error, RunDocumentError::Malformed(_)), "{text}");
    }
}

#[test]
fn fields_that_are_not_known_are_ignored() {
    let mut json: serde_json::Value = serde_json::from_slice(&document().to_json()).unwrap();
    json["added_later"] = serde_json::json!({"a": 1});
    let read = RunDocument::from_json(json.to_string().as_bytes()).unwrap();
    assert_eq!(read, document());
}

fn reasons(counts: &[(&str, u64)]) -> Vec<ReasonCount> {
    let reason = |&(reason, count): &(&str, u64)| ReasonCount {
        reason: reason.to_owned(),
        count,
    };
    counts.iter().map(reason).collect()
}

fn learned(source: &str, learned: u64, places: &[(&str, u64)]) -> CorrelationSource {
    CorrelationSource {
        source: source.to_owned(),
        learned,
        used: places.iter().map(|(_, count)| count).sum(),
        places: reasons(places),
    }
}

fn correlation(sources: Vec<CorrelationSource>) -> RunCorrelation {
    RunCorrelation {
        automatic: true,
        values_learned: sources.iter().map(|source| source.learned).sum(),
        substitutions: sources.iter().map(|source| source.used).sum(),
        requests_changed: 1,
        missed: reasons(&[("ambiguous", 2)]),
        sources,
        ..RunCorrelation::default()
    }
}

#[test]
fn what_parts_have_learned_adds_up() {
    let mut whole = correlation(vec![learned("cookie:a", 2, &[("cookie", 3)])]);
    whole.merge(&correlation(vec![
        learned("json:/token", 5, &[("header", 9)]),
        learned("cookie:a", 1, &[("path", 1), ("cookie", 4)]),
    ]));
    let expected = vec![
        learned("json:/token", 5, &[("header", 9)]),
        learned("cookie:a", 3, &[("cookie", 7), ("path", 1)]),
    ];
    assert_eq!(whole.sources, expected);
    let sums = (
        whole.values_learned,
        whole.substitutions,
        whole.requests_changed,
    );
    assert_eq!(sums, (8, 17, 2));
    assert_eq!(whole.missed, reasons(&[("ambiguous", 4)]));
    // Beyond the bound, sources are one.
    let many = |from: usize| {
        let names = (from..from + 200).map(|number| format!("header:X-{number}"));
        correlation(
            names
                .map(|name| learned(&name, 1, &[("header", 1)]))
                .collect(),
        )
    };
    let mut whole = many(0);
    whole.merge(&many(200));
    assert_eq!(whole.sources.len(), RunCorrelation::SOURCES_MAX + 1);
    let sum: u64 = whole.sources.iter().map(|source| source.used).sum();
    assert_eq!((whole.values_learned, sum), (400, 400));
    assert_eq!(whole.sources[0].source, "other");
}
