//! What an operator must be told while recording goes on: pure, from what was counted.
//!
//! Each kind of warning is given at most once a minute, with what has come since.

use std::collections::VecDeque;
use std::time::Duration;

use recorder_core::Anomaly;
use schema::Timestamp;

use super::stats::Snapshot;

/// How often the same kind of warning is given.
const REPEAT_AFTER: Duration = Duration::from_secs(60);
/// How long nothing may come before that is worth a word.
const SILENCE: Duration = Duration::from_secs(60);
/// Seconds over which the share of dropped frames is taken.
const WINDOW_SECONDS: usize = 60;

/// Looks at what was counted, once a second.
#[derive(Debug)]
pub(super) struct Watch {
    started: Timestamp,
    /// For each kind of warning, the count that was told last, and when.
    told: [(u64, Timestamp); KINDS.len()],
    /// Frames and drops at the last seconds, oldest first.
    window: VecDeque<(u64, u64)>,
    silence_told: bool,
}

/// A kind of warning: what is counted, and what to say of it.
struct Kind {
    count: fn(&Snapshot) -> u64,
    text: &'static str,
}

const KINDS: [Kind; 6] = [
    Kind {
        count: |now| now.counters.ledger.frames_dropped,
        text: "frames were dropped before they could be read, and what they carried is lost: give the receive buffer more \
               room (net.core.rmem_max, --receive-buffer), more --shards, or let connections go whole with --shed sample",
    },
    Kind {
        count: |now| now.counters.anomaly(Anomaly::ProxyHeader),
        text: "datagrams begin with a PROXY protocol header, which was skipped: switch proxy protocol v2 off at the load \
               balancer's target group",
    },
    Kind {
        count: |now| now.counters.anomaly(Anomaly::TunnelMalformed),
        text: "datagrams are not what their port promises: see that only the mirror can send here (security group), and \
               that VXLAN comes to --vxlan and GENEVE to --geneve",
    },
    Kind {
        count: |now| now.counters.ledger.frames_truncated,
        text: "the mirror cut frames: let the MTU of the target exceed that of the source by 54 bytes (IPv4) or 74 bytes \
               (IPv6), or raise PacketLength of the mirror session",
    },
    Kind {
        count: |now| now.counters.anomaly(Anomaly::TcpOneSided),
        text: "connections are seen from one side only: the mirror filter needs inbound and outbound rules",
    },
    Kind {
        count: |now| now.counters.ledger.exchanges_shed,
        text: "requests that a proxy copied were let go, because the archive's store is slow, or they come faster than they can \
               be recorded or over too many connections: see recorder_queue_bytes, and give this machine more room, or \
               --sample",
    },
];

/// A warning: how many since the last one, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Warning {
    pub(super) count: u64,
    pub(super) text: &'static str,
}

impl Watch {
    pub(super) fn new(started: Timestamp) -> Self {
        Self {
            started,
            told: [(0, Timestamp::MIN); KINDS.len()],
            window: VecDeque::with_capacity(WINDOW_SECONDS + 1),
            silence_told: false,
        }
    }

    /// Looks at the counts of `now`; gives what is to be said.
    pub(super) fn look(&mut self, snapshot: &Snapshot, now: Timestamp) -> Vec<Warning> {
        let ledger = &snapshot.counters.ledger;
        // A request that a proxy copied weighs as much as a frame.
        let came = ledger.frames + snapshot.mirrored.saturating_sub(ledger.exchanges_shed);
        self.window
            .push_back((came, ledger.frames_dropped + ledger.exchanges_shed));
        if self.window.len() > WINDOW_SECONDS {
            self.window.pop_front();
        }
        let mut warnings = Vec::new();
        for (kind, (told, at)) in KINDS.iter().zip(&mut self.told) {
            let count = (kind.count)(snapshot);
            if count > *told && now.since(*at) >= REPEAT_AFTER {
                warnings.push(Warning {
                    count: count - *told,
                    text: kind.text,
                });
                (*told, *at) = (count, now);
            }
        }
        let silent =
            ledger.frames == 0 && snapshot.mirrored == 0 && now.since(self.started) >= SILENCE;
        if silent && !self.silence_told {
            self.silence_told = true;
            warnings.push(Warning {
                count: 0,
                text: "nothing has come yet: see that the mirror session is active, that its filter accepts inbound and \
                       outbound traffic, and that the security group here allows the UDP port from the mirrored subnets",
            });
        }
        warnings
    }

    /// The share of frames that were dropped in the last minute, from 0 to 1.
    pub(super) fn drop_share(&self) -> f64 {
        let (Some(first), Some(last)) = (self.window.front(), self.window.back()) else {
            return 0.0;
        };
        let (frames, drops) = (last.0 - first.0, last.1 - first.1);
        if drops == 0 {
            return 0.0;
        }
        drops as f64 / (frames + drops) as f64
    }
}

#[cfg(test)]
mod tests;
