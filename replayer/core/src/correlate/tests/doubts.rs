//! What is not learned, not put, or counted.

use super::*;

/// What is not certain is not learned.
#[test]
fn doubtful_pairs_are_not_learned() {
    let other = "c157a79031e1c40f85931829bc5fc552";
    let cases = [
        (
            "rows in another order",
            200,
            format!(r#"["{OLD}","{NEW}"]"#),
            200,
            format!(r#"["{NEW}","{OLD}"]"#),
        ),
        (
            "a row more",
            200,
            format!(r#"["{OLD}"]"#),
            200,
            format!(r#"["{NEW}","{other}"]"#),
        ),
        (
            "another status",
            200,
            format!(r#"{{"t":"{OLD}"}}"#),
            401,
            format!(r#"{{"t":"{NEW}"}}"#),
        ),
        (
            "two meanings",
            200,
            format!(r#"{{"a":"{OLD}","b":"{OLD}"}}"#),
            200,
            format!(r#"{{"a":"{NEW}","b":"{other}"}}"#),
        ),
        (
            "a time",
            200,
            r#"{"at":"2026-11-22T13:00:00Z"}"#.to_owned(),
            200,
            r#"{"at":"2026-11-23T13:00:00Z"}"#.to_owned(),
        ),
        (
            "another kind",
            200,
            format!(r#"{{"t":"{OLD}"}}"#),
            200,
            r#"{"t":null}"#.to_owned(),
        ),
        (
            "another page",
            200,
            format!("<p>token {OLD}"),
            200,
            format!("<b>error {NEW}"),
        ),
    ];
    for (what, recorded_status, recorded, status, actual) in cases {
        let mut correlator = correlator(&[]);
        teach(
            &mut correlator,
            Said(recorded_status, &[], &recorded),
            Said(status, &[], &actual),
        );
        assert_eq!(correlator.report().values_learned, 0, "{what}");
    }
}

#[test]
fn what_is_missed_is_counted() {
    let missed = |correlator: &Correlator| -> Vec<(String, u64)> {
        let missed = correlator.report().missed;
        missed.into_iter().map(|by| (by.reason, by.count)).collect()
    };
    let one = |reason: &str| vec![(reason.to_owned(), 1)];
    let cookie = [("Set-Cookie", "sid=1")];
    let mut absent = correlator(&[]);
    teach(&mut absent, Said(200, &cookie, ""), Said(200, &[], ""));
    assert_eq!(missed(&absent), one("absent_in_answer"));
    let mut absent = correlator(&["json:/id"]);
    teach(
        &mut absent,
        Said(200, &[], r#"{"id":1}"#),
        Said(200, &[], "{}"),
    );
    assert_eq!(missed(&absent), one("absent_in_answer"));
    let mut foreign = correlator(&["json:/id"]);
    teach(
        &mut foreign,
        Said(200, &[], r#"{"id":"a"}"#),
        Said(200, &[], r#"{"id":"\u00e9"}"#),
    );
    assert_eq!(missed(&foreign), one("not_ascii"));
    let mut long = correlator(&[]);
    let text = "x".repeat((1 << 20) + 1);
    teach(&mut long, Said(200, &[], &text), Said(200, &[], ""));
    assert_eq!(missed(&long), one("answer_body_too_large"));
    let mut many = correlator(&[]);
    let list = |start: u32| {
        let ids = (start..start + 1_100).map(|n| format!("\"a{n:04}b{n:04}c{n:04}d{n:04}e\""));
        format!("[{}]", ids.collect::<Vec<_>>().join(","))
    };
    teach(
        &mut many,
        Said(200, &[], &list(0)),
        Said(200, &[], &list(5_000)),
    );
    assert_eq!(missed(&many), [("too_many_in_answer".to_owned(), 76)]);
    assert_eq!(many.report().values_learned, 1_024);
}

/// Bodies with a Content-Encoding are decoded, changed and encoded again; what cannot be is counted and left as it is.
#[test]
fn coded_bodies() {
    let mut correlator = taught_values(&[], [OLD, "b5bb9d8014a0f9b1d61e21e796d7-longer"], |v| {
        (vec![("X-Token", v.to_owned())], String::new())
    });
    let plain = format!(r#"{{"t":"{OLD}"}}"#);
    for coding in ["gzip", "br", "zstd", "deflate"] {
        let mut request = request(
            "/",
            &[
                ("Content-Encoding", coding),
                ("Content-Length", "1"),
                ("Content-MD5", "x"),
            ],
            "",
        );
        let coded = schema::encode_content(coding, plain.as_bytes()).unwrap();
        request.body.bytes = coded.into();
        let request = applied(&mut correlator, request);
        let new = schema::decode_content(coding, &request.body.bytes, 1 << 20).unwrap();
        assert_eq!(
            String::from_utf8(new).unwrap(),
            r#"{"t":"b5bb9d8014a0f9b1d61e21e796d7-longer"}"#
        );
        assert_eq!(
            request.headers.get("content-length"),
            Some(&*request.body.bytes.len().to_string())
        );
        assert_eq!(request.body.wire_bytes, request.body.bytes.len() as u64);
        assert_eq!(request.headers.get("content-md5"), None);
    }
    let unreadable = request("/", &[("Content-Encoding", "gzip")], OLD);
    assert_eq!(applied(&mut correlator, unreadable.clone()), unreadable);
    let binary = request("/", &[("Content-Type", "application/grpc")], OLD);
    assert_eq!(applied(&mut correlator, binary.clone()), binary);
    let mut long = request("/", &[], &"x".repeat((1 << 20) + 1));
    long.body.bytes = long.body.bytes.clone();
    assert_eq!(applied(&mut correlator, long.clone()), long);
    let missed: Vec<String> = correlator
        .report()
        .missed
        .into_iter()
        .map(|by| by.reason)
        .collect();
    assert_eq!(
        missed,
        [
            "request_body_unreadable",
            "request_body_too_large",
            "request_body_binary"
        ]
    );
}

/// Rules alone: nothing is learned by itself.
#[test]
fn automatic_can_be_off() {
    let correlation = Correlation {
        automatic: false,
        rules: vec!["json:/token".parse().unwrap()],
    };
    let limits = Limits::default();
    let cookie = [("Set-Cookie", "sid=9f86d081884c7d659a2feaa0c55ad015")];
    let recorded = answered(Said(
        200,
        &cookie,
        r#"{"token":"abc","id":"9f86d081884c7d659a2feaa0c55ad015"}"#,
    ));
    let other = [("Set-Cookie", "sid=b5bb9d8014a0f9b1d61e21e796d78dcc")];
    let actual = answered(Said(
        200,
        &other,
        r#"{"token":"xyz","id":"b5bb9d8014a0f9b1d61e21e796d78dcc"}"#,
    ));
    let extracted = correlation.extract(&recorded, &actual, &limits);
    let sources: Vec<&str> = extracted.pairs.iter().map(|pair| &*pair.source).collect();
    assert_eq!(sources, ["json:/token"]);
}

/// No value gets into what is told.
#[test]
fn reports_hold_no_values() {
    let mut correlator = taught(&["header:x-t"], |v| {
        (
            vec![("X-T", v.to_owned()), ("Set-Cookie", format!("sid={v}"))],
            format!(r#"{{"{v}":{{"token":"{v}"}}}}"#),
        )
    });
    sent(&mut correlator, &format!("/{OLD}"), &[], "");
    let report = format!("{:?}", correlator.report());
    assert!(!report.contains(OLD) && !report.contains(NEW), "{report}");
}
