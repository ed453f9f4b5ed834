//! The verdict of a run in plain words: pass, fail, or not enough evidence, and why.
//!
//! The rules, first one that holds:
//!
//! 0. The schedule has a gate (`lag_max_us`) and a request was later than that: **fail**. A replay that was late is not the
//!    recorded traffic, whatever its answers are.
//! 1. An answer differs, or the target gave none to a request although it answered others: **fail**. One is enough; there
//!    is no threshold under which a difference is noise.
//! 2. Nothing was judged, the run did not reach the end of the window, less was judged than the gate asks for (what a stream
//!    lacked counts as not judged), or nobody knows what a stream lacked: **not enough evidence**. So a run in which nothing was
//!    compared never passes.
//! 3. Otherwise: **pass**.

use schema::run::{
    ReasonCount, RunConclusion, RunCoverage, RunDocument, RunState, RunTotals, RunVerdict,
};

use super::followed;
use super::words::{grouped, plural, share_text};

/// Why a request failed that was in flight when the run was asked to stop.
const CUT_OFF: &str = "interrupted";

/// What the run that `document` describes concludes. Looks at its state, gates, coverage, totals and endpoints.
#[must_use]
pub fn conclude(document: &RunDocument) -> RunConclusion {
    let totals = &document.totals;
    let selected = totals.selected();
    let share = |part: u64| {
        if selected == 0 {
            0.0
        } else {
            part as f64 / selected as f64
        }
    };
    let (verdict, sentence) = verdict(document);
    RunConclusion {
        verdict,
        sentence,
        reasons: reasons(document),
        recorded_share: share(totals.recorded_completely),
        sent_share: share(totals.sent),
        judged_share: share(totals.judged()),
    }
}

fn verdict(document: &RunDocument) -> (RunVerdict, String) {
    let totals = &document.totals;
    let (selected, judged) = (totals.selected(), totals.judged());
    let failed = totals.differed > 0 || (unanswered(totals) > 0 && judged > 0);
    if let Some(late) = lateness(document) {
        let mut sentence = late;
        if failed {
            sentence.push_str("; ");
            sentence.push_str(&failure(document));
        }
        return (RunVerdict::Fail, sentence);
    }
    if failed {
        return (RunVerdict::Fail, failure(document));
    }
    let lacking = |sentence: String| (RunVerdict::NotEnoughEvidence, sentence);
    if selected == 0 {
        return lacking("the window holds no request that was to be replayed".to_owned());
    }
    if judged == 0 {
        let why = totals.incomparable_by.first().map_or_else(
            || "the run ended before the first answer".to_owned(),
            |first| format!("most often: {}", first.reason),
        );
        let requests = plural(selected, "request");
        return lacking(format!(
            "nothing was compared: none of {requests} has two whole answers ({why})"
        ));
    }
    // What follows a recording has no end to come to: its verdict is of what has come so far.
    let goes_on = document.follow.is_some() && document.state == RunState::Running;
    if document.state != RunState::Finished && !goes_on {
        return lacking(format!(
            "nothing differs so far, but the run was {} after {}",
            ended(document.state),
            plural(totals.planned, "request"),
        ));
    }
    if let Some(lack) = document.follow.as_ref().and_then(followed::lack) {
        return lacking(lack);
    }
    let gate = document.gates.judged_share_min;
    let missed = document.follow.as_ref().map_or(0, |follow| follow.missed);
    let (selected, share_judged) = (selected + missed, share_text(judged, selected + missed));
    if (judged as f64) < gate * selected as f64 {
        return lacking(format!(
            "nothing differs, but {} of {} ({share_judged}) could be judged, and {} % is asked for",
            grouped(judged),
            plural(selected, "request"),
            Percent(gate),
        ));
    }
    let sentence = if judged == selected {
        format!(
            "{} sent and judged, and every answer is as recorded",
            match selected {
                1 => "the 1 request was".to_owned(),
                n => format!("all {} requests were", grouped(n)),
            }
        )
    } else {
        format!(
            "{} of {} ({share_judged}) were judged, and every answer is as recorded",
            grouped(judged),
            plural(selected, "request"),
        )
    };
    (RunVerdict::Pass, sentence)
}

/// What to say of a replay that did not keep its schedule within the gate.
fn lateness(document: &RunDocument) -> Option<String> {
    let schedule = &document.report.schedule;
    let most = document.gates.lag_max_us?;
    (schedule.late > 0).then(|| {
        format!(
            "the replay was late: {} of {} went out more than {} after their time, up to {}, so that its numbers are not \
             those of the recorded schedule",
            grouped(schedule.late),
            plural(schedule.lag.count, "request"),
            Millis(most),
            Millis(schedule.lag_own_max_us),
        )
    })
}

/// Microseconds as milliseconds.
struct Millis(u64);

impl std::fmt::Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}.{:02} ms",
            grouped(self.0 / 1_000),
            self.0 % 1_000 / 10
        )
    }
}

/// Requests that the target did not answer whole; those that the end of the run cut off are not its fault.
fn unanswered(totals: &RunTotals) -> u64 {
    let cut_off = totals
        .failed_by
        .iter()
        .filter(|by| by.reason == CUT_OFF)
        .map(|by| by.count);
    totals.failed - cut_off.sum::<u64>()
}

const fn ended(state: RunState) -> &'static str {
    match state {
        RunState::Running => "not ended",
        RunState::Interrupted => "interrupted",
        RunState::Failed | RunState::Finished => "broken off",
    }
}

/// A share in percent, without zeros that say nothing.
struct Percent(f64);

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{:.4}", self.0 * 100.0);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

fn failure(document: &RunDocument) -> String {
    let totals = &document.totals;
    let endpoints = &document.report.endpoints;
    let hit = |differs: fn(&schema::run::EndpointReport) -> bool| {
        endpoints.iter().filter(|e| differs(e)).count() as u64
    };
    let mut parts = Vec::new();
    if totals.differed > 0 {
        parts.push(format!(
            "{} of {} differ{} from what was recorded, at {} of {}",
            grouped(totals.differed),
            plural(totals.judged(), "judged answer"),
            if totals.differed == 1 { "s" } else { "" },
            grouped(hit(|endpoint| endpoint.differed > 0)),
            plural(endpoints.len() as u64, "endpoint"),
        ));
    }
    if unanswered(totals) > 0 {
        parts.push(format!(
            "{} got no whole answer from the target",
            plural(unanswered(totals), "request")
        ));
    }
    parts.join(", and ")
}

/// What a reader must know beside the verdict: each thing that was not recorded, sent or judged.
fn reasons(document: &RunDocument) -> Vec<String> {
    let totals = &document.totals;
    let mut reasons = document
        .follow
        .as_ref()
        .map_or_else(Vec::new, followed::reasons);
    let goes_on = document.follow.is_some() && document.state == RunState::Running;
    if document.state != RunState::Finished && !goes_on {
        reasons.push(format!(
            "the run was {} before the end of its window; what was not read is not in these numbers",
            ended(document.state)
        ));
    }
    if totals.not_reached > 0 {
        reasons.push(format!(
            "{} read and not sent before the run ended",
            was(totals.not_reached, "request")
        ));
    }
    let incomplete: u64 = sum(&totals.recorded_incompletely_by);
    if incomplete > 0 {
        reasons.push(format!(
            "{} recorded incompletely: {}",
            was(incomplete, "request"),
            list(&totals.recorded_incompletely_by)
        ));
    }
    if totals.failed > 0 {
        reasons.push(format!(
            "{} got no whole answer: {}",
            plural(totals.failed, "request"),
            list(&totals.failed_by)
        ));
    }
    if totals.skipped > 0 {
        reasons.push(format!(
            "{} not sent: {}",
            was(totals.skipped, "request"),
            list(&totals.skipped_by)
        ));
    }
    let others = other_incomparable(totals);
    if !others.is_empty() {
        reasons.push(format!(
            "{} sent, and not judged: {}",
            was(sum(&others), "request"),
            list(&others)
        ));
    }
    reasons.extend(resumption_reasons(document));
    if totals.filtered_out > 0 {
        reasons.push(format!(
            "{} of the window did not pass the filters and were not replayed",
            plural(totals.filtered_out, "request")
        ));
    }
    reasons.extend(correlation_reasons(document));
    reasons.extend(capture_reasons(document.coverage.as_ref()));
    reasons
}

/// What a run that was ended early and went on may have lost meanwhile.
fn resumption_reasons(document: &RunDocument) -> Vec<String> {
    let totals = &document.totals;
    let mut reasons = Vec::new();
    if !document.resumed.is_empty() {
        let times = plural(document.resumed.len() as u64, "time");
        reasons.push(format!("the run was ended early and went on ({times})"));
    }
    let mut found = document.parts.iter().map(|part| part.segments);
    let first = found.next();
    if found.any(|segments| Some(segments) != first) {
        reasons.push(
            "the machines that replayed the parts found different numbers of segments: the archive has grown meanwhile, \
             and what came late may have been replayed in part"
                .to_owned(),
        );
    }
    if totals.in_doubt > 0 {
        reasons.push(format!(
            "{} in doubt after a kill, which may have been sent and left no answer: {} sent again, {} not",
            was(totals.in_doubt, "request"),
            grouped(totals.in_doubt_sent_again),
            grouped(totals.in_doubt - totals.in_doubt_sent_again),
        ));
    }
    reasons
}

/// What requests should have taken from answers and may not have.
fn correlation_reasons(document: &RunDocument) -> Vec<String> {
    let Some(correlation) = &document.correlation else {
        return Vec::new();
    };
    let mut reasons = Vec::new();
    if correlation.values_forgotten > 0 {
        reasons.push(format!(
            "{} that the target had issued were forgotten at the bound: later requests carried the recorded ones",
            plural(correlation.values_forgotten, "value"),
        ));
    }
    if !correlation.missed.is_empty() {
        let counts: Vec<String> = correlation
            .missed
            .iter()
            .map(|missed| format!("{} {}", grouped(missed.count), missed.reason))
            .collect();
        reasons.push(format!(
            "what requests may have had to take from answers and did not: {}",
            counts.join(", ")
        ));
    }
    reasons
}

/// What the ledger says was lost before the archive.
pub(crate) fn capture_reasons(coverage: Option<&RunCoverage>) -> Vec<String> {
    let Some(coverage) = coverage else {
        return vec![
            "the archive has no capture ledger for this window, so what the mirror lost is not known"
                .to_owned(),
        ];
    };
    let mut reasons = Vec::new();
    let missing = coverage.minutes.saturating_sub(coverage.minutes_recorded);
    if missing > 0 {
        reasons.push(format!(
            "no recorder ran in {} of the {} of the window",
            grouped(missing),
            plural(coverage.minutes, "minute")
        ));
    }
    if coverage.recorder_minutes_missing > 0 {
        reasons.push(format!(
            "one recorder was down for {} in which another one recorded",
            plural(coverage.recorder_minutes_missing, "minute")
        ));
    }
    let counts = [
        (coverage.frames_dropped, "frame", "dropped at capture"),
        (coverage.frames_truncated, "frame", "cut by the mirror"),
        (coverage.gap_bytes, "byte", "lost by the mirror"),
        (
            coverage.exchanges_shed,
            "exchange",
            "lost in a spool that was full or damaged",
        ),
        (
            coverage.exchanges_sampled_out,
            "exchange",
            "left out by sampling or filters at capture",
        ),
        (coverage.bytes_tls, "byte", "encrypted and not readable"),
    ];
    for (count, noun, what) in counts {
        if count > 0 {
            reasons.push(format!("{} {what}", was(count, noun)));
        }
    }
    if coverage.interruptions > 0 {
        reasons.push(format!(
            "a recorder ended without being told to ({}): what passed until it ran again is not known",
            plural(coverage.interruptions, "time")
        ));
    }
    reasons
}

/// Why answers were not judged, where neither the recording nor the outcome says it already.
fn other_incomparable(totals: &RunTotals) -> Vec<ReasonCount> {
    let is_said = |reason: &str| {
        ["failed", "skipped"]
            .iter()
            .any(|start| reason == *start || reason.starts_with(&format!("{start}:")))
            || totals
                .recorded_incompletely_by
                .iter()
                .any(|by| reason == format!("recorded {}", by.reason))
    };
    totals
        .incomparable_by
        .iter()
        .filter(|by| !is_said(&by.reason))
        .cloned()
        .collect()
}

fn was(count: u64, noun: &str) -> String {
    let verb = if count == 1 { "was" } else { "were" };
    format!("{} {verb}", plural(count, noun))
}

fn sum(counts: &[ReasonCount]) -> u64 {
    counts.iter().map(|by| by.count).sum()
}

fn list(counts: &[ReasonCount]) -> String {
    let parts: Vec<String> = counts
        .iter()
        .map(|by| format!("{} {}", grouped(by.count), by.reason))
        .collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests;
