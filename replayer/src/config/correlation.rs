//! `--correlate`.

use anyhow::Context as _;
use replayer_core::correlate::{Correlation, CorrelationRule};

/// What is learned: cookies and random values unless `off` is among the words, and what the rules name.
///
/// # Errors
/// If a word is neither `auto`, `off` nor a rule.
pub(super) fn correlation(words: &[String]) -> anyhow::Result<Option<Correlation>> {
    let is_switch = |word: &str| matches!(word, "auto" | "off");
    let rules = words.iter().filter(|word| !is_switch(word)).map(|word| {
        let rule = word.parse::<CorrelationRule>();
        rule.with_context(|| format!("--correlate `{word}`"))
    });
    let correlation = Correlation {
        automatic: !words.iter().any(|word| word == "off"),
        rules: rules.collect::<anyhow::Result<_>>()?,
    };
    let is_off = !correlation.automatic && correlation.rules.is_empty();
    Ok((!is_off).then_some(correlation))
}
