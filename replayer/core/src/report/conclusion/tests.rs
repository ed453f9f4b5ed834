use schema::run::{EndpointReport, RunCoverage, RunSchedule, RunSource, RunTarget};

use super::*;

/// A finished run of 10,000 requests, all of which matched.
fn clean() -> RunDocument {
    let at = |text: &str| text.parse().unwrap();
    let mut document = RunDocument::new(
        "r".to_owned(),
        "replayer".to_owned(),
        at("2026-11-22T13:00:00Z"),
        RunSource {
            archive: "a".to_owned(),
            from: at("2026-11-15T00:00:00Z"),
            to: at("2026-11-22T00:00:00Z"),
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
    );
    document.state = RunState::Finished;
    document.coverage = Some(RunCoverage::default());
    document.totals = RunTotals {
        read: 10_000,
        planned: 10_000,
        recorded_completely: 10_000,
        sent: 10_000,
        matched: 10_000,
        ..RunTotals::default()
    };
    document
}

fn by(count: u64, reason: &str) -> Vec<ReasonCount> {
    vec![ReasonCount {
        reason: reason.to_owned(),
        count,
    }]
}

fn concluded(change: impl FnOnce(&mut RunDocument)) -> (RunVerdict, String, Vec<String>) {
    let mut document = clean();
    change(&mut document);
    let conclusion = conclude(&document);
    (conclusion.verdict, conclusion.sentence, conclusion.reasons)
}

#[test]
fn all_matched_is_a_pass() {
    let (verdict, sentence, reasons) = concluded(|_| {});
    assert_eq!(verdict, RunVerdict::Pass);
    assert_eq!(
        sentence,
        "all 10,000 requests were sent and judged, and every answer is as recorded"
    );
    assert!(reasons.is_empty(), "{reasons:?}");
}

#[test]
fn one_difference_in_ten_thousand_is_a_failure() {
    let (verdict, sentence, _) = concluded(|document| {
        document.totals.matched -= 1;
        document.totals.differed += 1;
        document.report.endpoints = vec![
            EndpointReport {
                differed: 1,
                ..EndpointReport::default()
            },
            EndpointReport::default(),
        ];
    });
    assert_eq!(verdict, RunVerdict::Fail);
    assert_eq!(
        sentence,
        "1 of 10,000 judged answers differs from what was recorded, at 1 of 2 endpoints"
    );
}

#[test]
fn a_target_that_does_not_answer_one_request_fails() {
    let (verdict, sentence, reasons) = concluded(|document| {
        let totals = &mut document.totals;
        (totals.matched, totals.sent) = (9_998, 9_998);
        (totals.failed, totals.incomparable) = (2, 2);
        totals.failed_by = by(2, "timeout");
        totals.incomparable_by = by(2, "failed: timeout");
    });
    assert_eq!(verdict, RunVerdict::Fail);
    assert_eq!(sentence, "2 requests got no whole answer from the target");
    assert_eq!(reasons, ["2 requests got no whole answer: 2 timeout"]);
}

#[test]
fn a_run_in_which_nothing_was_compared_is_no_pass() {
    let (verdict, sentence, _) = concluded(|document| {
        let totals = &mut document.totals;
        (totals.matched, totals.sent) = (0, 0);
        (totals.failed, totals.incomparable) = (10_000, 10_000);
        totals.failed_by = by(10_000, "connection refused");
        totals.incomparable_by = by(10_000, "failed: connection refused");
    });
    assert_eq!(verdict, RunVerdict::NotEnoughEvidence);
    assert_eq!(
        sentence,
        "nothing was compared: none of 10,000 requests has two whole answers (most often: failed: connection refused)"
    );
    let (verdict, sentence, _) = concluded(|document| document.totals = RunTotals::default());
    assert_eq!(verdict, RunVerdict::NotEnoughEvidence);
    assert_eq!(
        sentence,
        "the window holds no request that was to be replayed"
    );
}

#[test]
fn what_was_not_judged_is_said_and_gates_the_pass() {
    let incomplete = |document: &mut RunDocument| {
        let totals = &mut document.totals;
        (totals.matched, totals.incomparable) = (9_996, 4);
        totals.recorded_completely = 9_996;
        totals.recorded_incompletely_by = by(4, "response_gap");
        totals.incomparable_by = by(4, "recorded response_gap");
    };
    let (verdict, sentence, reasons) = concluded(incomplete);
    assert_eq!(verdict, RunVerdict::NotEnoughEvidence);
    assert_eq!(
        sentence,
        "nothing differs, but 9,996 of 10,000 requests (99.96 %) could be judged, and 100 % is asked for"
    );
    assert_eq!(
        reasons,
        ["4 requests were recorded incompletely: 4 response_gap"]
    );
    let (verdict, sentence, _) = concluded(|document| {
        incomplete(document);
        document.gates.judged_share_min = 0.999;
    });
    assert_eq!(verdict, RunVerdict::Pass);
    assert_eq!(
        sentence,
        "9,996 of 10,000 requests (99.96 %) were judged, and every answer is as recorded"
    );
}

#[test]
fn a_run_that_was_stopped_is_partial() {
    let (verdict, sentence, reasons) = concluded(|document| {
        document.state = RunState::Interrupted;
        document.totals.read = 10_050;
        document.totals.not_reached = 50;
    });
    assert_eq!(verdict, RunVerdict::NotEnoughEvidence);
    assert_eq!(
        sentence,
        "nothing differs so far, but the run was interrupted after 10,000 requests"
    );
    assert!(reasons[0].starts_with("the run was interrupted before the end of its window"));
    assert_eq!(
        reasons[1],
        "50 requests were read and not sent before the run ended"
    );
}

#[test]
fn what_the_end_of_a_run_cut_off_is_not_held_against_the_target() {
    let (verdict, _, reasons) = concluded(|document| {
        document.state = RunState::Interrupted;
        let totals = &mut document.totals;
        (totals.matched, totals.sent) = (9_997, 9_997);
        (totals.failed, totals.incomparable) = (3, 3);
        totals.failed_by = by(3, "interrupted");
        totals.incomparable_by = by(3, "failed: interrupted");
    });
    assert_eq!(verdict, RunVerdict::NotEnoughEvidence);
    assert_eq!(reasons[1], "3 requests got no whole answer: 3 interrupted");
}

#[test]
fn what_the_ledger_lost_is_said() {
    let (verdict, _, reasons) = concluded(|document| {
        document.coverage = Some(RunCoverage {
            minutes: 60,
            minutes_recorded: 57,
            frames_dropped: 1_200,
            gap_bytes: 1,
            exchanges_shed: 4,
            interruptions: 1,
            ..RunCoverage::default()
        });
    });
    assert_eq!(verdict, RunVerdict::Pass);
    assert_eq!(
        reasons,
        [
            "no recorder ran in 3 of the 60 minutes of the window",
            "1,200 frames were dropped at capture",
            "1 byte was lost by the mirror",
            "4 exchanges were lost in a spool that was full or damaged",
            "a recorder ended without being told to (1 time): what passed until it ran again is not known",
        ]
    );
    let (_, _, reasons) = concluded(|document| document.coverage = None);
    assert!(reasons[0].contains("no capture ledger"));
}

#[test]
fn shares_are_never_rounded_to_all_or_nothing() {
    for (part, whole, text) in [
        (0, 10, "0 %"),
        (10, 10, "100 %"),
        (0, 0, "100 %"),
        (999_999, 1_000_000, "99.99 %"),
        (1, 1_000_000, "under 0.01 %"),
        (1, 3, "33.33 %"),
    ] {
        assert_eq!(share_text(part, whole), text, "{part} of {whole}");
    }
}
