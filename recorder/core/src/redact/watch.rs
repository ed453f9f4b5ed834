//! Which rules have matched nothing for an hour of traffic: most likely they are misspelt, or the service has changed.

use std::time::Duration;

use schema::Timestamp;

/// How long a rule may match nothing before that is told, in packet time with traffic.
const IDLE: Duration = Duration::from_secs(3_600);
/// A silence after which the hour begins anew: nothing can match while nothing comes.
const SILENCE: Duration = Duration::from_secs(600);

/// Watches how often each rule has matched.
#[derive(Clone, Debug, Default)]
pub struct RuleWatch {
    /// The matches of each rule, and since when there were no more.
    seen: Vec<(u64, Timestamp)>,
    last: Option<Timestamp>,
}

impl RuleWatch {
    /// Exchanges have come by `now`, and each rule has matched so often; gives the numbers of the rules that have matched
    /// nothing for an hour, each once an hour.
    pub fn handle_matches(&mut self, now: Timestamp, matches: &[u64]) -> Vec<usize> {
        let silent = self.last.is_none_or(|last| now.since(last) > SILENCE);
        self.last = Some(self.last.map_or(now, |last| last.max(now)));
        self.seen.resize(matches.len(), (0, now));
        let mut idle = Vec::new();
        for (rule, (seen, &count)) in self.seen.iter_mut().zip(matches).enumerate() {
            if silent || seen.0 != count {
                *seen = (count, now);
            } else if now.since(seen.1) >= IDLE {
                *seen = (count, now);
                idle.push(rule);
            }
        }
        idle
    }
}

#[cfg(test)]
mod tests;
