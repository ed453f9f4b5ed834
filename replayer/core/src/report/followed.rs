//! What following a recording came to, in words: what the stream lacked, and what came late.

use schema::run::RunFollow;

use super::words::{grouped, plural};

/// Why nothing can be concluded although nothing differs, if that is so.
pub(super) fn lack(follow: &RunFollow) -> Option<String> {
    (follow.gaps_unknown > 0).then(|| {
        format!(
            "nothing differs, but the stream was broken {} and the archive does not say what was recorded meanwhile",
            plural(follow.gaps_unknown, "time")
        )
    })
}

/// What a reader must know beside the verdict.
pub(super) fn reasons(follow: &RunFollow) -> Vec<String> {
    let mut reasons = Vec::new();
    if follow.missed > 0 {
        reasons.push(format!(
            "{} missed: the stream lacked them, and the archive did not have them in time",
            plural(follow.missed, "exchange")
        ));
    }
    if follow.gaps_unknown > 0 {
        reasons.push(format!(
            "the stream was broken {}, and what was recorded meanwhile is not known",
            plural(follow.gaps_unknown, "time")
        ));
    }
    if follow.caught_up > 0 {
        reasons.push(format!(
            "{} that the stream lacked came from the archive",
            plural(follow.caught_up, "exchange")
        ));
    }
    if !follow.open.is_empty() {
        let gaps = plural(follow.open.len() as u64, "gap");
        reasons.push(format!("{gaps} of the stream: the archive is looked into"));
    }
    if follow.late > 0 {
        reasons.push(format!(
            "{} came after their turn, up to {} ms, and went out at once: a longer --delay keeps the order",
            plural(follow.late, "exchange"),
            grouped(follow.late_max_us / 1_000)
        ));
    }
    reasons
}
