//! The status line on a terminal, and what the system says of the process.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use schema::Timestamp;

use super::stats::Snapshot;
use crate::units::{count, span};

/// One line that is drawn once a second, or nothing.
#[derive(Debug)]
pub(super) struct Status {
    bar: ProgressBar,
    before: Option<(Timestamp, u64, u64, u64)>,
}

impl Status {
    /// A line, if it is wanted and standard error is a terminal.
    pub(super) fn new(wanted: bool) -> Self {
        let bar = if wanted && std::io::stderr().is_terminal() {
            let style =
                ProgressStyle::with_template("{spinner} {msg}").expect("the template is correct");
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
        } else {
            ProgressBar::hidden()
        };
        Self { bar, before: None }
    }

    /// Draws what was counted since the last time.
    pub(super) fn draw(&mut self, snapshot: &Snapshot, lag: Duration, now: Timestamp) {
        let ledger = &snapshot.counters.ledger;
        let (frames, bytes, exchanges) = (ledger.frames, ledger.bytes, snapshot.exchanges_total());
        let before = self.before.replace((now, frames, bytes, exchanges));
        let Some((then, frames_then, bytes_then, exchanges_then)) = before else {
            return;
        };
        if self.bar.is_hidden() {
            return;
        }
        let seconds = now.since(then).as_secs_f64().max(1e-3);
        let rate = |now: u64, then: u64| (now - then) as f64 / seconds;
        self.bar.set_message(format!(
            "{} frames/s  {:.2} Gbit/s  {} exchanges/s  {} dropped  {} connections  {} behind",
            count(rate(frames, frames_then) as u64),
            rate(bytes, bytes_then) * 8.0 / 1e9,
            count(rate(exchanges, exchanges_then) as u64),
            count(ledger.frames_dropped),
            count(snapshot.connections),
            span(lag),
        ));
        self.bar.tick();
    }

    /// Removes it.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Resident memory of this process, bytes (`proc_pid_statm(5)`).
pub(super) fn memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes << 10)
}
