use std::sync::Arc;

use schema::{Exchange, LedgerRow, Timestamp};

use crate::{Limits, MirrorConnection, MirrorStep, Options, Pipeline, Redaction, Selection};

/// What a pipeline makes of requests, one connection each, a second apart.
fn run(options: &Options, requests: &[&str], shed: u64) -> (Vec<Exchange>, Vec<LedgerRow>) {
    let mut pipeline = Pipeline::new(Limits::default(), options.clone());
    for (second, request) in (1..).zip(requests) {
        let [peer, local] = ["10.0.0.2:40000", "10.0.0.3:8090"].map(|text| text.parse().unwrap());
        let at = Timestamp::from_micros(second * 1_000_000);
        let mut connection = MirrorConnection::new(peer, local, at);
        let mut bytes = request.as_bytes();
        match connection.handle_bytes(at, &mut bytes, &Limits::default(), options) {
            MirrorStep::Answer(mirrored) => pipeline.handle_mirrored(*mirrored),
            _ => pipeline.handle_mirrored(connection.finish(at).unwrap()),
        }
    }
    if shed > 0 {
        let source: Arc<str> = "nginx-mirror".into();
        pipeline.handle_shed(Timestamp::from_micros(30_000_000), &source, shed);
    }
    let totals = pipeline.totals();
    assert_eq!(totals.bytes_payload, totals.bytes_accounted());
    pipeline.finish();
    let exchanges = std::iter::from_fn(|| pipeline.poll_exchange().map(|it| *it)).collect();
    (
        exchanges,
        std::iter::from_fn(|| pipeline.poll_ledger()).collect(),
    )
}

#[test]
fn requests_are_counted_under_their_proxy() {
    let requests = [
        "GET /a HTTP/1.1\r\nHost: x\r\nX-Original-URI: /a\r\n\r\n",
        "GET /b HTTP/1.1\r\nHost: x-shadow\r\n\r\n",
        "GET /c HTTP/1.1\r\nHost: x\r\nX-Original-URI: /c\r\n\r\n",
        "junk\r\n",
    ];
    let (exchanges, ledger) = run(&Options::default(), &requests, 7);
    assert_eq!(exchanges.len(), 3);
    let counts: Vec<_> = ledger
        .iter()
        .map(|row| {
            let counts = (row.exchanges, row.exchanges_incomplete, row.exchanges_shed);
            (row.source.as_deref().unwrap(), counts, row.bytes_not_http)
        })
        .collect();
    let expected = [
        ("envoy-mirror", (1, 1, 0), 0),
        ("http-mirror", (0, 0, 0), 6),
        ("nginx-mirror", (9, 9, 7), 0),
    ];
    assert_eq!(counts, expected);
}

#[test]
fn selection_and_redaction_apply() {
    let options = Options {
        selection: Selection {
            drop: vec!["path=/health".parse().unwrap()],
            ..Selection::default()
        },
        redaction: Some(Redaction::new(&["header:x-key".to_owned()], None).unwrap()),
        ..Options::default()
    };
    let requests = [
        "GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\nX-Key: hush\r\n\r\n",
    ];
    let (exchanges, ledger) = run(&options, &requests, 0);
    assert_eq!(exchanges.len(), 1);
    let request = exchanges[0].request.as_ref().unwrap();
    assert_eq!(request.headers.get("x-key"), Some("***"));
    assert_eq!(
        (ledger[0].exchanges, ledger[0].exchanges_filtered_out),
        (1, 1)
    );
}
