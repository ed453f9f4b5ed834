use std::time::Duration;

use schema::run::{RunSchedule, RunSource, RunTarget};
use schema::{ConnectionId, ConnectionInfo, Timestamp};

use super::*;
use crate::compare::sample::{exchange, replayed, unanswered};
use crate::compare::{Rules, compare};

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json"), ("Date", "now")];

fn document() -> RunDocument {
    RunDocument::new(
        "r".to_owned(),
        "replayer".to_owned(),
        Timestamp::MIN,
        RunSource {
            archive: "a".to_owned(),
            from: Timestamp::MIN,
            to: Timestamp::MAX,
            filters: vec![],
            segments: 1,
        },
        RunTarget {
            url: "http://target/".to_owned(),
            label: None,
            host: "recorded".to_owned(),
            forwarded: true,
            proofs: Vec::new(),
            writes: "allowed".to_owned(),
            insecure: false,
        },
        RunSchedule::default(),
    )
}

/// The `n`th exchange, `n` seconds after the first.
fn nth(n: u32, mut exchange: Exchange) -> Exchange {
    exchange.connection = std::sync::Arc::new(ConnectionInfo {
        id: ConnectionId(u64::from(n)),
        ..(*exchange.connection).clone()
    });
    let later = Duration::from_secs(u64::from(n));
    if let Some(request) = &mut exchange.request {
        request.start = request.start.saturating_add(later);
        request.end = request.end.saturating_add(later);
    }
    if let Some(response) = &mut exchange.response {
        response.start = response.start.saturating_add(later);
        response.end = response.end.saturating_add(later);
    }
    exchange
}

fn add(report: &mut Report, recorded: &Exchange, actual: &Exchange) {
    report.add(
        recorded,
        actual,
        &compare(recorded, actual, &Rules::default()),
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one document, number by number")]
fn every_exchange_is_counted_once_and_the_sums_add_up() {
    let mut report = Report::new(true);
    for n in 0..100 {
        let recorded = nth(n, exchange("/orders/1", 200, JSON, br#"{"total":10}"#));
        let actual = match n {
            0..10 => replayed(
                nth(n, exchange("/orders/1", 200, JSON, br#"{"total":11}"#)),
                100,
            ),
            10..15 => unanswered(&recorded, Outcome::Failed, "timeout"),
            15..18 => unanswered(&recorded, Outcome::Skipped, "request_gap"),
            _ => replayed(recorded.clone(), 100),
        };
        add(&mut report, &recorded, &actual);
    }
    let mut document = document();
    report.write_into(&mut document, 130, 20);
    let totals = &document.totals;
    assert_eq!(
        (
            totals.read,
            totals.filtered_out,
            totals.planned,
            totals.not_reached
        ),
        (130, 20, 100, 10)
    );
    assert_eq!((totals.sent, totals.failed, totals.skipped), (92, 5, 3));
    assert_eq!(
        (totals.matched, totals.differed, totals.incomparable),
        (82, 10, 8)
    );
    assert_eq!(totals.divergences, 10);
    let reasons: Vec<_> = totals
        .incomparable_by
        .iter()
        .map(|by| (by.reason.as_str(), by.count))
        .collect();
    assert_eq!(
        reasons,
        [("failed: timeout", 5), ("skipped: request_gap", 3)]
    );

    let [endpoint] = document.report.endpoints.as_slice() else {
        panic!("one endpoint: {:?}", document.report.endpoints);
    };
    assert_eq!(endpoint.endpoint, "GET shop.example /orders/{id}");
    assert_eq!((endpoint.planned, endpoint.differed), (100, 10));
    let [group] = endpoint.groups.as_slice() else {
        panic!("one group: {:?}", endpoint.groups);
    };
    assert_eq!(
        (
            group.part.as_str(),
            group.location.as_str(),
            group.kind.as_str()
        ),
        ("body", "$.total", "value")
    );
    assert_eq!(
        (group.exchanges, group.divergences, group.examples.len()),
        (10, 10, 3)
    );
    assert_eq!(group.last.since(group.first), Duration::from_secs(9));
    assert_eq!(
        endpoint.examples.len(),
        1,
        "one example shows the one group"
    );
    let example = &endpoint.examples[0];
    assert_eq!(example.request, "GET /orders/1");
    let changed: Vec<_> = example
        .rows
        .iter()
        .filter(|row| row.expected != row.actual)
        .collect();
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].expected.as_deref(), Some("  \"total\": 10"));
    assert_eq!(changed[0].actual.as_deref(), Some("  \"total\": 11"));

    let date = &document.report.not_compared[0];
    assert_eq!(
        (date.name.as_str(), date.seen, date.differed),
        ("date", 92, 0)
    );
    assert_eq!(document.report.latency.recorded.count, 92);
    assert_eq!(document.report.latency.recorded.p50_us / 100, 50);
}

#[test]
#[should_panic(expected = "what has an outcome was read and selected")]
fn more_answers_than_were_read_are_a_bug() {
    let mut report = Report::new(true);
    let recorded = exchange("/", 200, JSON, b"{}");
    add(&mut report, &recorded, &replayed(recorded.clone(), 0));
    report.write_into(&mut document(), 1, 1);
}

#[test]
fn bounds_hold_and_what_is_beyond_is_counted() {
    let limits = ReportLimits {
        endpoints_max: 3,
        groups_max: 2,
        examples_max: 1,
        buckets_max: 8,
        ..ReportLimits::default()
    };
    let mut report = Report::with_limits(true, limits);
    for n in 0..50 {
        let path = format!("/p{}", char::from(b'a' + u8::try_from(n % 10).unwrap()));
        let recorded = nth(n, exchange(&path, 200, JSON, br#"{"a":1,"b":2}"#));
        let actual = replayed(nth(n, exchange(&path, 200, JSON, br#"{"a":2,"b":3}"#)), 0);
        add(&mut report, &recorded, &actual);
    }
    let mut document = document();
    report.write_into(&mut document, 50, 0);
    let endpoints = &document.report.endpoints;
    assert_eq!(endpoints.len(), 4);
    assert_eq!(endpoints[0].endpoint, "other");
    assert_eq!((endpoints[0].planned, endpoints[0].differed), (35, 35));
    let groups: usize = endpoints.iter().map(|e| e.groups.len()).sum();
    let grouped: u64 = endpoints
        .iter()
        .flat_map(|e| &e.groups)
        .map(|g| g.divergences)
        .sum();
    let ungrouped: u64 = endpoints.iter().map(|e| e.ungrouped).sum();
    assert_eq!((groups, grouped + ungrouped), (2, 100));
    assert_eq!(endpoints.iter().map(|e| e.examples.len()).sum::<usize>(), 1);
    let timeline = &document.report.timeline;
    assert!(timeline.buckets.len() <= 8, "{}", timeline.buckets.len());
    assert_eq!(timeline.buckets.iter().map(|b| b.due).sum::<u64>(), 50);
    assert_eq!(timeline.buckets.iter().map(|b| b.sent).sum::<u64>(), 50);
}

#[test]
fn a_schedule_that_drifts_is_seen() {
    let mut report = Report::new(true);
    for n in 0..1_000 {
        let recorded = nth(n, exchange("/", 200, JSON, b"{}"));
        let mut actual = replayed(recorded.clone(), i64::from(n) * 10);
        if let Some(replay) = &mut actual.replay {
            replay.order_wait_us = if n % 2 == 0 { replay.lag_us / 2 } else { 0 };
        }
        add(&mut report, &recorded, &actual);
    }
    let mut document = document();
    report.write_into(&mut document, 1_000, 0);
    let schedule = &document.report.schedule;
    assert_eq!((schedule.early, schedule.order_waited), (0, 499));
    assert!(
        (4_900..5_100).contains(&schedule.lag.p50_us),
        "{schedule:?}"
    );
    assert!(schedule.lag_first_tenth_us < 1_000.0, "{schedule:?}");
    assert!(schedule.lag_last_tenth_us > 6_000.0, "{schedule:?}");
}

#[test]
fn locations_without_indices_and_keys() {
    for (location, pattern) in [
        ("$", "$"),
        ("$.items[12].price", "$.items[*].price"),
        ("$[0][1]", "$[*][*]"),
        ("$.users['42'].name", "$.users.*.name"),
        ("$.users['a.b[1]'].name", "$.users['a.b[1]'].name"),
        (r"$['it\'s'][3]", r"$['it\'s'][*]"),
        ("$.by_day['2026-11-22']", "$.by_day.*"),
        ("@120", "@*"),
        ("content-type", "content-type"),
        ("", ""),
    ] {
        assert_eq!(crate::location::pattern(location), pattern, "{location}");
    }
}

#[test]
fn side_by_side_pairs_changed_lines_and_leaps_over_equal_ones() {
    let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let show = |expected: &str, actual: &str, max: usize| {
        let (rows, left_out) = side_by_side(&lines(expected), &lines(actual), CONTEXT, max);
        let cell = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "-".to_owned());
        let rows: Vec<String> = rows
            .iter()
            .map(|r| format!("{}:{}", cell(&r.expected), cell(&r.actual)))
            .collect();
        (rows.join(" "), left_out)
    };
    for (expected, actual, rows) in [
        ("a b c", "a b c", ""),
        ("a b c", "a x c", "a:a b:x c:c"),
        ("a b c", "a c", "a:a b:- c:c"),
        ("a c", "a b c", "a:a -:b c:c"),
        ("1 2 3 4 5 6 7 8", "1 2 3 4 5 6 7 x", "-:- 5:5 6:6 7:7 8:x"),
        (
            "x 2 3 4 5 6 7 8 9 y",
            "a 2 3 4 5 6 7 8 9 b",
            "x:a 2:2 3:3 4:4 -:- 7:7 8:8 9:9 y:b",
        ),
    ] {
        assert_eq!(
            show(expected, actual, 99),
            (rows.to_owned(), 0),
            "{expected} {actual}"
        );
    }
    assert_eq!(show("a b c d", "w x y z", 2), ("a:w b:x".to_owned(), 2));
}
