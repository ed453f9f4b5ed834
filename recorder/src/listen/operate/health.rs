//! Whether a load balancer should send traffic here, and why not.

use std::time::Duration;

use crate::spool::SpoolFacts;
use crate::units::{ByteSize, span};

/// What health depends on.
#[derive(Clone, Copy, Debug)]
pub(in crate::listen) struct Condition {
    /// The recorder was told to stop.
    pub(in crate::listen) draining: bool,
    /// How long the writer has been at one segment.
    pub(in crate::listen) writer_silence: Duration,
    /// The most of that.
    pub(in crate::listen) writer_stall: Duration,
    /// What the spool holds, if there is one.
    pub(in crate::listen) spool: Option<SpoolFacts>,
    /// Share of frames dropped in the last minute.
    pub(in crate::listen) drop_share: f64,
    /// The most of that.
    pub(in crate::listen) drop_share_max: f64,
}

/// Whether it is healthy, and in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::listen) struct Health {
    pub(in crate::listen) healthy: bool,
    /// A line for each reason, or `ok`; and what is no reason but takes its time.
    pub(in crate::listen) text: String,
}

impl Condition {
    pub(in crate::listen) fn health(&self) -> Health {
        let mut reasons = Vec::new();
        if self.draining {
            reasons.push("draining: the recorder was told to stop".to_owned());
        }
        if self.writer_silence > self.writer_stall {
            let silence = span(self.writer_silence);
            reasons.push(format!(
                "writer stalled: it has been at one segment for {silence}; see the log for what the archive's store says"
            ));
        }
        if let Some(spool) = self.spool.filter(|spool| spool.full) {
            reasons.push(format!(
                "spool full: it holds {} of {}, or its disk has no room; see the log for what the archive's store says",
                ByteSize(spool.bytes),
                ByteSize(spool.bytes_max)
            ));
        }
        if self.drop_share > self.drop_share_max {
            reasons.push(format!(
                "drops: {:.2} % of the frames of the last minute were dropped, more than {:.2} %",
                self.drop_share * 100.0,
                self.drop_share_max * 100.0
            ));
        }
        let healthy = reasons.is_empty();
        if healthy {
            reasons.push("ok".to_owned());
        }
        if let Some(left) = self
            .spool
            .map(|spool| spool.left_bytes)
            .filter(|&left| left > 0)
        {
            reasons.push(format!(
                "recovering: {} of frames that the last recording left are made into segments beside what comes",
                ByteSize(left)
            ));
        }
        let text = reasons.join("\n") + "\n";
        Health { healthy, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: SpoolFacts = SpoolFacts {
        bytes: 1 << 20,
        bytes_max: 1 << 30,
        rows: 7,
        oldest: None,
        left_bytes: 0,
        full: false,
        stored: 9,
        shed: 0,
    };

    const WELL: Condition = Condition {
        draining: false,
        writer_silence: Duration::from_secs(30),
        writer_stall: Duration::from_secs(30),
        spool: Some(ROOM),
        drop_share: 0.01,
        drop_share_max: 0.01,
    };

    #[test]
    fn health_says_why_not() {
        let cases = [
            (WELL, true, vec!["ok"]),
            (
                Condition {
                    draining: true,
                    ..WELL
                },
                false,
                vec!["draining"],
            ),
            (
                Condition {
                    spool: Some(SpoolFacts {
                        left_bytes: 3 << 30,
                        ..ROOM
                    }),
                    ..WELL
                },
                true,
                vec!["ok\nrecovering: 3.00 GiB"],
            ),
            (
                Condition {
                    spool: Some(SpoolFacts { full: true, ..ROOM }),
                    ..WELL
                },
                false,
                vec!["spool full", "1.00 MiB of 1.00 GiB"],
            ),
            (
                Condition {
                    writer_silence: Duration::from_secs(31),
                    drop_share: 0.5,
                    ..WELL
                },
                false,
                vec!["writer stalled", "31.0 s", "drops: 50.00 %", "1.00 %"],
            ),
        ];
        for (condition, healthy, words) in cases {
            let health = condition.health();
            assert_eq!(health.healthy, healthy, "{}", health.text);
            for word in words {
                assert!(health.text.contains(word), "{}", health.text);
            }
        }
    }
}
