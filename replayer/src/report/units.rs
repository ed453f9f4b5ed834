//! Times and verdicts as a reader reads them.

use schema::Timestamp;
use schema::run::{RunDocument, RunVerdict};

use crate::output::Colour;

/// A span of microseconds in the unit that suits it: `250 µs`, `12.3 ms`, `4.20 s`, `7 min 5 s`, `6 d 3 h`.
pub(crate) fn span_text(us: u64) -> String {
    let seconds = us / 1_000_000;
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..10_000 => format!("{:.2} ms", us as f64 / 1e3),
        10_000..100_000 => format!("{:.1} ms", us as f64 / 1e3),
        100_000..1_000_000 => format!("{:.0} ms", us as f64 / 1e3),
        1_000_000..60_000_000 => format!("{:.2} s", us as f64 / 1e6),
        60_000_000..3_600_000_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600_000_000..86_400_000_000 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A signed span, from a mean.
pub(crate) fn mean_text(us: f64) -> String {
    let sign = if us <= -0.5 { "-" } else { "" };
    format!("{sign}{}", span_text(us.abs().round() as u64))
}

/// A time to the second: `2026-11-22 13:05:07`, UTC.
pub(crate) fn second_text(time: Timestamp) -> String {
    time.to_utc().format("%Y-%m-%d %H:%M:%S").to_string()
}

/// A time to the minute: `2026-11-22 13:05`, UTC.
pub(crate) fn minute_text(time: Timestamp) -> String {
    time.to_utc().format("%Y-%m-%d %H:%M").to_string()
}

/// The verdict in plain words; a run without one says how far it came.
pub(crate) fn verdict_text(document: &RunDocument) -> &'static str {
    match &document.conclusion {
        Some(conclusion) => conclusion.verdict.as_str(),
        None => document.state.as_str(),
    }
}

/// The colour of the verdict.
pub(crate) fn verdict_colour(document: &RunDocument) -> Colour {
    match document
        .conclusion
        .as_ref()
        .map(|conclusion| conclusion.verdict)
    {
        Some(RunVerdict::Pass) => Colour::Good,
        Some(RunVerdict::Fail) => Colour::Bad,
        Some(RunVerdict::NotEnoughEvidence) | None => Colour::Doubt,
    }
}

/// Why, in one sentence.
pub(crate) fn sentence(document: &RunDocument) -> String {
    document.conclusion.as_ref().map_or_else(
        || {
            "the run has no verdict: it runs still, or it was killed; what follows is what it knew last"
                .to_owned()
        },
        |conclusion| conclusion.sentence.clone(),
    )
}

/// On which schedule, in words.
pub(crate) fn schedule_text(document: &RunDocument) -> String {
    let schedule = &document.schedule;
    let pace = match (schedule.rate, schedule.speed) {
        (Some(rate), _) => format!("{rate} requests a second, evenly"),
        (None, Some(1.0)) => "at the recorded speed".to_owned(),
        (None, Some(speed)) => format!("at {speed} times the recorded speed"),
        (None, None) => "as fast as possible".to_owned(),
    };
    let ramp = match schedule.ramp_us {
        0 => String::new(),
        us => format!(" after a ramp of {}", span_text(us)),
    };
    let again = match (schedule.loop_us, schedule.loop_count) {
        (Some(us), _) => format!(", again and again for {}", span_text(us)),
        (None, Some(count)) if count > 1 => format!(", {count} times over"),
        (None, _) => String::new(),
    };
    let max = schedule
        .rate_max
        .map_or_else(String::new, |rate| format!(", at most {rate} a second"));
    let order = match schedule.order.as_str() {
        "none" => "in any order".to_owned(),
        order => format!("in order within each {order}"),
    };
    format!("{pace}{ramp}{max}{again}, {order}")
}

/// How long the run took, once it has ended.
pub(crate) fn took_text(document: &RunDocument) -> Option<String> {
    let took = document.finished_at?.since(document.started_at);
    Some(span_text(
        u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
    ))
}

/// Against what, in words.
pub(crate) fn target_text(document: &RunDocument) -> String {
    match &document.target.label {
        Some(label) => format!("{} (build {label})", document.target.url),
        None => document.target.url.clone(),
    }
}

/// The steps from the archive to the verdict: what each is called, how many requests came so far.
pub(crate) fn funnel(document: &RunDocument) -> [(&'static str, u64); 5] {
    let totals = &document.totals;
    [
        ("selected", totals.selected()),
        ("recorded completely", totals.recorded_completely),
        ("sent and answered", totals.sent),
        ("judged", totals.judged()),
        ("as recorded", totals.matched),
    ]
}
