//! Pass, fail, or not enough evidence: the gates, and why.
//!
//! First rule that holds:
//!
//! 1. A gate on findings, latency or lag does not hold: **fail**. One finding is enough.
//! 2. Nothing was judged, a run is not whole, the join lost rows, too little was judged, or a required endpoint was not
//!    exercised: **not enough evidence**.
//! 3. **pass**.

use globset::GlobMatcher;
use schema::comparison::{ComparisonDocument, Gate};
use schema::run::RunVerdict;

use crate::report::{capture_reasons, grouped, plural, share_text};

/// What a pass asks for.
#[derive(Clone, Debug)]
pub struct Gates {
    /// Whether accepted groups fail as well.
    pub fail_on_any: bool,
    /// Share of the selected requests that must have been judged, 0 to 1.
    pub judged_share_min: f64,
    /// Largest lag of the candidate's run, microseconds.
    pub lag_us_max: Option<i64>,
    /// By how much, as a share of the baseline's mean latency, an endpoint may be slower.
    pub slowdown_max: Option<f64>,
    /// Endpoints that must have been judged at least once.
    pub required: Vec<Required>,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            fail_on_any: false,
            judged_share_min: 1.0,
            lag_us_max: None,
            slowdown_max: None,
            required: Vec::new(),
        }
    }
}

/// An endpoint that must have been judged.
#[derive(Clone, Debug)]
pub struct Required {
    /// The glob over `METHOD host /path/template`, as typed.
    pub text: String,
    /// What matches it.
    pub glob: GlobMatcher,
}

/// Whether a gate that does not hold is a failure or a lack of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    Failure,
    Evidence,
}

/// Writes gates, verdict, sentence and reasons into a document that has everything else.
pub fn conclude(document: &mut ComparisonDocument, gates: &Gates) {
    let weighed = weigh(document, gates);
    let broken = |weight| {
        weighed
            .iter()
            .find(move |(w, gate)| *w == weight && !gate.holds)
    };
    let totals = &document.totals;
    let (verdict, sentence) = match (broken(Weight::Failure), broken(Weight::Evidence)) {
        (Some((_, gate)), _) => (RunVerdict::Fail, gate.text.clone()),
        (None, Some((_, gate))) => (
            RunVerdict::NotEnoughEvidence,
            format!(
                "the refactor changed nothing that was seen, but {}",
                gate.text
            ),
        ),
        (None, None) => (RunVerdict::Pass, pass(document)),
    };
    let shares = format!(
        "of {}: {} captured, {} sent, {} judged",
        plural(totals.selected, "request"),
        share_text(totals.captured, totals.selected.max(1)),
        share_text(totals.sent, totals.selected.max(1)),
        share_text(totals.judged, totals.selected.max(1)),
    );
    let mut reasons = vec![shares];
    reasons.extend(
        weighed
            .iter()
            .filter(|(_, gate)| !gate.holds)
            .map(|(_, gate)| gate.text.clone()),
    );
    reasons.extend(
        totals
            .incomparable_by
            .iter()
            .map(|by| format!("{} not judged: {}", was(by.count), by.reason)),
    );
    reasons.extend(aside(document));
    reasons.extend(in_doubt(document));
    reasons.extend(capture_reasons(document.coverage.as_ref()));
    document.verdict = verdict;
    document.sentence = sentence;
    document.reasons = reasons;
    document.gates = weighed.into_iter().map(|(_, gate)| gate).collect();
}

fn weigh(document: &ComparisonDocument, gates: &Gates) -> Vec<(Weight, Gate)> {
    let gate = |weight, gate: &str, holds, text| {
        (
            weight,
            Gate {
                gate: gate.to_owned(),
                holds,
                text,
            },
        )
    };
    let mut weighed = vec![findings(document, gates)];
    if let Some(most) = gates.lag_us_max {
        let lag = document.candidate.lag_us_max.unwrap_or(0);
        let text = format!(
            "the candidate's requests were up to {} ms late",
            lag / 1_000
        );
        weighed.push(gate(Weight::Failure, "--max-lag", lag <= most, text));
    }
    if let Some(most) = gates.slowdown_max {
        weighed.push(slowdown(document, most));
    }
    for side in [&document.baseline, &document.candidate] {
        if let Some(state) = side.state.as_deref()
            && state != "finished"
        {
            let text = format!("run {} is {state}, not finished", side.run);
            weighed.push(gate(Weight::Evidence, "runs are whole", false, text));
        }
        if side.unjoined > 0 {
            let text = format!(
                "{} of run {} came twice or too late to be joined (--join-memory)",
                plural(side.unjoined, "answer"),
                side.run
            );
            weighed.push(gate(
                Weight::Evidence,
                "every answer is joined",
                false,
                text,
            ));
        }
    }
    let totals = &document.totals;
    let is_enough = totals.judged > 0
        && totals.judged as f64 >= gates.judged_share_min * totals.selected as f64;
    let text = format!(
        "{} of {} ({}) were judged, and {} % is asked for",
        grouped(totals.judged),
        plural(totals.selected, "request"),
        share_text(totals.judged, totals.selected.max(1)),
        gates.judged_share_min * 100.0
    );
    weighed.push(gate(Weight::Evidence, "--min-coverage", is_enough, text));
    for required in &gates.required {
        let judged: u64 = document
            .endpoints
            .iter()
            .filter(|endpoint| required.glob.is_match(&endpoint.endpoint))
            .map(|endpoint| endpoint.totals.judged)
            .sum();
        let text = format!(
            "{} of endpoint {} were judged",
            plural(judged, "request"),
            required.text
        );
        weighed.push(gate(Weight::Evidence, "--require", judged > 0, text));
    }
    weighed
}

fn findings(document: &ComparisonDocument, gates: &Gates) -> (Weight, Gate) {
    let refactor = || {
        document
            .groups
            .iter()
            .filter(|group| group.blame == "refactor")
    };
    let counts = |standing: &str| {
        refactor()
            .filter(|group| group.standing.as_deref() == Some(standing))
            .count() as u64
    };
    let (new, known, returned) = (counts("new"), counts("known"), counts("returned"));
    let bad = new + returned + if gates.fail_on_any { known } else { 0 };
    let endpoints: std::collections::BTreeSet<&str> = refactor()
        .filter(|group| gates.fail_on_any || group.standing.as_deref() != Some("known"))
        .map(|group| group.endpoint.as_str())
        .collect();
    let holds = bad == 0 && document.ungrouped == 0;
    let text = if holds {
        "no new difference".to_owned()
    } else {
        let returned = if returned > 0 {
            format!(", {returned} of them returned")
        } else {
            String::new()
        };
        format!(
            "the refactor changed {} in {}{returned}, at {}",
            plural(document.totals.refactor, "answer"),
            plural(bad, "way"),
            plural(endpoints.len() as u64, "endpoint"),
        )
    };
    let name = if gates.fail_on_any {
        "--fail-on any"
    } else {
        "--fail-on new"
    };
    (
        Weight::Failure,
        Gate {
            gate: name.to_owned(),
            holds,
            text,
        },
    )
}

fn slowdown(document: &ComparisonDocument, most: f64) -> (Weight, Gate) {
    let slow = document.endpoints.iter().find(|endpoint| {
        let mean = endpoint.latency.recorded.mean_us;
        // Only where even the lower end of the interval is beyond.
        endpoint
            .slower
            .is_some_and(|slower| slower.low_us > most * mean)
    });
    let text = slow.map_or_else(
        || "no endpoint is slower than allowed".to_owned(),
        |endpoint| {
            let slower = endpoint.slower.expect("it was looked at");
            format!(
                "{} is slower by {:.1} to {:.1} ms on average (99 % confidence, {})",
                endpoint.endpoint,
                slower.low_us / 1e3,
                slower.high_us / 1e3,
                plural(slower.pairs, "pair"),
            )
        },
    );
    (
        Weight::Failure,
        Gate {
            gate: "--max-slowdown".to_owned(),
            holds: slow.is_none(),
            text,
        },
    )
}

fn pass(document: &ComparisonDocument) -> String {
    let totals = &document.totals;
    let known = document
        .groups
        .iter()
        .filter(|group| group.standing.as_deref() == Some("known"))
        .count();
    let but = if known > 0 {
        format!(
            ", but for {} that {} accepted",
            plural(known as u64, "difference"),
            if known == 1 { "is" } else { "are" }
        )
    } else {
        String::new()
    };
    format!(
        "{} of {} were judged, and the refactor changed none of them{but}",
        grouped(totals.judged),
        plural(totals.selected, "request"),
    )
}

/// What was set aside, so that it is never silent.
fn aside(document: &ComparisonDocument) -> Vec<String> {
    let totals = &document.totals;
    let table = [
        (
            totals.fixed,
            "now answered as recorded, and not by the baseline",
        ),
        (
            totals.environment,
            "answered by both builds otherwise than production",
        ),
    ];
    let mut lines: Vec<String> = table
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", was(*count)))
        .collect();
    let suppressed = [
        (totals.noise_suppressed, "noise"),
        (totals.rule_suppressed, "rules"),
    ];
    let suppressed = suppressed.iter().filter(|(count, _)| *count > 0);
    lines.extend(
        suppressed
            .map(|(count, what)| format!("{} set aside by {what}", plural(*count, "difference"))),
    );
    lines
}

/// What was sent perhaps twice: a build that does not know a request again may answer otherwise, and keep other state.
fn in_doubt(document: &ComparisonDocument) -> Vec<String> {
    let runs = [&document.candidate, &document.baseline];
    let runs = runs.into_iter().chain(&document.noise_runs);
    let lines = runs.filter(|side| side.sent_perhaps_twice > 0).map(|side| {
        format!(
            "{} sent perhaps twice by run {}, which was killed before it knew the answer; {} of them the refactor is blamed for",
            was(side.sent_perhaps_twice),
            side.run,
            grouped(side.sent_perhaps_twice_blamed),
        )
    });
    lines.collect()
}

fn was(count: u64) -> String {
    let verb = if count == 1 { "was" } else { "were" };
    format!("{} {verb}", plural(count, "request"))
}
