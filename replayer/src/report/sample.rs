//! A run's document for tests: small, and with something of everything that a report shows.

use schema::Timestamp;
use schema::run::{
    Answer, DiffRow, DivergenceGroup, EndpointReport, Example, GroupExample, Latency, NotCompared,
    Percentiles, Quantile, ReasonCount, RunCoverage, RunDocument, RunSchedule, RunSource, RunState,
    RunTarget, ScheduleReport, TimeBucket, Timeline,
};

/// Text as an attacker would put it into an answer.
pub(crate) const HOSTILE: &str = "<script>alert('1')</script>\u{202e}\u{7}\" onload=\"x";

fn at(text: &str) -> Timestamp {
    text.parse().expect("tests write times that are times")
}

fn percentiles(count: u64, p50_us: u64) -> Percentiles {
    Percentiles {
        count,
        mean_us: p50_us as f64,
        p50_us,
        p90_us: p50_us * 2,
        p99_us: p50_us * 4,
        p999_us: p50_us * 8,
        max_us: p50_us * 10,
        curve: [0.0, 0.5, 0.9, 1.0]
            .into_iter()
            .map(|share| Quantile {
                share,
                us: (p50_us as f64 * (1.0 + share)) as u64,
            })
            .collect(),
    }
}

fn by(count: u64, reason: &str) -> Vec<ReasonCount> {
    vec![ReasonCount {
        reason: reason.to_owned(),
        count,
    }]
}

/// A run that failed: of 1,000 requests 12 differ at one endpoint, 2 got no answer at another, 5 were not judged.
#[expect(clippy::too_many_lines, reason = "one value, field by field")]
pub(crate) fn failed_run() -> RunDocument {
    let mut document = RunDocument::new(
        "nightly-7".to_owned(),
        "replayer 0.1.0".to_owned(),
        at("2026-11-22T13:15:00Z"),
        RunSource {
            archive: "s3://traffic/shop".to_owned(),
            from: at("2026-11-15T00:00:00Z"),
            to: at("2026-11-22T00:00:00Z"),
            filters: vec!["--exclude-path /health*".to_owned()],
            segments: 12,
        },
        RunTarget {
            url: "http://10.0.9.4:8080/v2".to_owned(),
            label: Some("7f3a1c".to_owned()),
            host: "recorded".to_owned(),
            forwarded: true,
            proofs: Vec::new(),
            writes: "allowed".to_owned(),
            insecure: false,
        },
        RunSchedule {
            speed: Some(10.0),
            order: "connection".to_owned(),
            in_flight_max: 1_000,
            timeout_us: 30_000_000,
            ..RunSchedule::default()
        },
    );
    document.state = RunState::Finished;
    document.finished_at = Some(at("2026-11-23T06:03:00Z"));
    document.coverage = Some(RunCoverage {
        minutes: 10_080,
        minutes_recorded: 10_077,
        frames: 91_234,
        frames_dropped: 12,
        exchanges: 1_120,
        exchanges_incomplete: 5,
        ..RunCoverage::default()
    });
    let totals = &mut document.totals;
    (totals.read, totals.filtered_out, totals.planned) = (1_120, 120, 1_000);
    (totals.recorded_completely, totals.recorded_incompletely_by) = (995, by(5, "response_gap"));
    (totals.sent, totals.failed, totals.failed_by) = (998, 2, by(2, "timeout"));
    (totals.matched, totals.differed, totals.incomparable) = (981, 12, 7);
    totals.incomparable_by = [by(5, "recorded response_gap"), by(2, "failed: timeout")].concat();
    totals.divergences = 15;
    let report = &mut document.report;
    report.endpoints = vec![quotes(), products(), orders()];
    report.latency = Latency {
        recorded: percentiles(993, 9_000),
        replayed: percentiles(993, 8_000),
    };
    report.schedule = ScheduleReport {
        lag: percentiles(1_000, 200),
        order_wait: percentiles(1_000, 40),
        early: 0,
        order_waited: 31,
        held_back: 0,
        late: 0,
        lag_own_max_us: 900,
        latency_from_due: percentiles(993, 8_200),
        lag_first_tenth_us: 201.0,
        lag_last_tenth_us: 204.0,
    };
    report.timeline = Timeline {
        start: Some(at("2026-11-22T13:15:00Z")),
        bucket_us: 60_000_000,
        buckets: (0..20)
            .map(|n| TimeBucket {
                due: 50,
                sent: 50,
                differed: u64::from(n % 7 == 0),
                lag_count: if n == 9 { 0 } else { 50 },
                lag_sum_us: 10_000,
                lag_max_us: 900,
                ..TimeBucket::default()
            })
            .collect(),
    };
    let field = |name: &str, aspect: &str, reason: &str, differed| NotCompared {
        part: "header".to_owned(),
        name: name.to_owned(),
        aspect: aspect.to_owned(),
        reason: reason.to_owned(),
        seen: 993,
        differed,
    };
    report.not_compared = vec![
        field("date", "all", "tells when the answer was made", 993),
        field("etag", "value", "made from storage or build", 0),
    ];
    document.conclusion = Some(replayer_core::report::conclude(&document));
    document
}

fn quotes() -> EndpointReport {
    let group =
        |location: &str, kind: &str, exchanges, expected: Option<&str>, actual: Option<&str>| {
            DivergenceGroup {
                part: "body".to_owned(),
                location: location.to_owned(),
                kind: kind.to_owned(),
                exchanges,
                divergences: exchanges,
                first: at("2026-11-16T09:12:00Z"),
                last: at("2026-11-21T18:40:00Z"),
                examples: vec![GroupExample {
                    exchange: "00c0ffee00c0ffee-12".to_owned(),
                    location: location.to_owned(),
                    expected: expected.map(str::to_owned),
                    actual: actual.map(str::to_owned),
                }],
            }
        };
    let row = |expected: Option<&str>, actual: Option<&str>| DiffRow {
        expected: expected.map(str::to_owned),
        actual: actual.map(str::to_owned),
    };
    let answer = |latency_us| Answer {
        status: 200,
        content_type: Some("application/json".to_owned()),
        body_bytes: 40,
        latency_us,
    };
    EndpointReport {
        endpoint: "POST shop.example /v1/quotes".to_owned(),
        planned: 400,
        sent: 400,
        matched: 388,
        differed: 12,
        latency: Latency {
            recorded: percentiles(400, 9_000),
            replayed: percentiles(400, 18_000),
        },
        groups: vec![
            group("$.tax", "value", 12, Some("19.95"), Some("19.94")),
            group("$.note", "extra", 3, None, Some(HOSTILE)),
        ],
        examples: vec![Example {
            exchange: "00c0ffee00c0ffee-12".to_owned(),
            recorded_start: at("2026-11-16T09:12:00Z"),
            request: format!("POST /v1/quotes?q={HOSTILE}"),
            expected: answer(9_100),
            actual: answer(8_200),
            rows: vec![
                row(None, None),
                row(Some("  \"lines\": []"), Some("  \"lines\": []")),
                row(Some("  \"tax\": 19.95"), Some("  \"tax\": 19.94")),
                row(None, Some(HOSTILE)),
            ],
            rows_left_out: 1,
            divergences: 2,
        }],
        ..EndpointReport::default()
    }
}

fn products() -> EndpointReport {
    EndpointReport {
        endpoint: format!("GET shop.example /products/{HOSTILE}"),
        planned: 200,
        sent: 198,
        failed: 2,
        matched: 198,
        incomparable: 2,
        incomparable_by: by(2, "failed: timeout"),
        ..EndpointReport::default()
    }
}

fn orders() -> EndpointReport {
    EndpointReport {
        endpoint: "GET shop.example /orders/{id}".to_owned(),
        planned: 400,
        sent: 400,
        matched: 395,
        incomparable: 5,
        incomparable_by: by(5, "recorded response_gap"),
        latency: Latency {
            recorded: percentiles(395, 9_000),
            replayed: percentiles(395, 4_000),
        },
        ..EndpointReport::default()
    }
}
