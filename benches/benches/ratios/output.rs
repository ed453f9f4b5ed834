//! The one place that prints.

use std::io::Write as _;

/// Prints one line at once, so that a long measurement is seen to go on.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    // A reader that went away is no reason to stop measuring.
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// Prints a number beside its goal.
pub(crate) fn result(name: &str, value: f64, unit: &str, goal: Goal) {
    let (word, bound, met) = match goal {
        Goal::AtMost(bound) => ("at most", bound, value <= bound),
        Goal::AtLeast(bound) => ("at least", bound, value >= bound),
    };
    let verdict = if met { "met" } else { "MISSED" };
    line(&format!(
        "{name:<44} {value:>9.2}{unit:<4} goal {word} {bound}{unit}: {verdict}"
    ));
}

/// What a number is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

/// The median of some measurements.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
