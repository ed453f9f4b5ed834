//! The progress bar of a run: on standard error, and only where that is a terminal.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use schema::{TimeWindow, Timestamp};
use tokio::time::Instant;

use crate::run_store::RunProgress;

/// What became of the exchanges so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Read from the archive and meant.
    pub(crate) planned: u64,
    /// Answered.
    pub(crate) sent: u64,
    /// Tried, without a whole answer.
    pub(crate) failed: u64,
    /// Not sent, with a reason.
    pub(crate) skipped: u64,
    /// Not sent, because the run ended first.
    pub(crate) not_reached: u64,
    /// Sent and not answered yet.
    pub(crate) in_flight: u64,
    /// Those that were late because as many were in flight as may be.
    pub(crate) held_back: u64,
    /// The greatest lag.
    pub(crate) lag_max: Duration,
    /// The lag of the last request that was answered.
    pub(crate) lag_last: Duration,
}

/// A progress bar, or none.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    window: TimeWindow,
    started: Instant,
    run: Arc<RunProgress>,
}

impl Progress {
    /// A bar over `window`, the part in which something was recorded, if standard error is a terminal, else none.
    #[must_use]
    pub(crate) fn new(window: TimeWindow, run: Arc<RunProgress>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(window_position(window, window.end));
            let style = ProgressStyle::with_template("{bar:30} {percent:>3}%  {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self {
            bar,
            window,
            started: Instant::now(),
            run,
        }
    }

    /// No bar: of a run whose end is not known.
    #[must_use]
    pub(crate) fn hidden(run: Arc<RunProgress>) -> Self {
        Self {
            bar: None,
            window: TimeWindow::ALL,
            started: Instant::now(),
            run,
        }
    }

    /// Draws how far the run is: how much of the window's time, and at which rate requests are answered.
    ///
    /// How many exchanges a window holds is not known before it is read, and its time is: the bar and the remaining time go
    /// by time, and are exact at recorded pace.
    pub(crate) fn draw(&self, counts: &Counts, recorded_now: Timestamp) {
        let Some(bar) = &self.bar else {
            return;
        };
        let position = window_position(self.window, recorded_now);
        let whole = window_position(self.window, self.window.end);
        bar.set_position(position.min(whole));
        let elapsed = self.started.elapsed().as_secs_f64().max(0.001);
        let ended = counts.sent + counts.failed + counts.skipped;
        let share = position as f64 / whole.max(1) as f64;
        let left = if share > 0.001 {
            let left = Duration::from_secs_f64((elapsed / share - elapsed).clamp(0.0, 1e9));
            indicatif::HumanDuration(left).to_string()
        } else {
            "?".to_owned()
        };
        bar.set_message(format!(
            "{ended} of {} read, {:.0}/s, lag {:.1} ms, {} failed, {} differ, {left} left",
            counts.planned,
            (counts.sent + counts.failed) as f64 / elapsed,
            counts.lag_last.as_secs_f64() * 1e3,
            counts.failed,
            self.run.differed(),
        ));
    }

    /// Says that the run ends early.
    pub(crate) fn stopping(&self) {
        if let Some(bar) = &self.bar {
            bar.println(
                "stopping: waiting for what is in flight; press Ctrl-C again to give up the run",
            );
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Milliseconds from the start of `window` to `time`.
fn window_position(window: TimeWindow, time: Timestamp) -> u64 {
    u64::try_from(time.since(window.start).as_millis()).unwrap_or(u64::MAX)
}
