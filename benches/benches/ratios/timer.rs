//! What a timer can do on this machine in these seconds: a bare loop that waits for one due time after the other.
//!
//! Lag has two causes, the program's and the machine's. This loop does nothing but wait, so its lag is the machine's, and
//! stands beside the program's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How late a loop woke up, microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lag {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) max_us: f64,
}

/// Does `work` while a loop waits for due times `step` apart: what the work gave, and how late the loop was.
pub(crate) fn beside<T>(step: Duration, work: impl FnOnce() -> T) -> (T, Lag) {
    let stopped = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&stopped);
    let waiting = std::thread::spawn(move || wait(step, &stop));
    let done = work();
    stopped.store(true, Ordering::Release);
    let lags = waiting.join().unwrap_or_default();
    (done, percentiles(lags))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the clock that is measured"
)]
fn wait(step: Duration, stopped: &AtomicBool) -> Vec<f64> {
    let started = Instant::now();
    let mut lags = Vec::new();
    let mut due = Duration::ZERO;
    while !stopped.load(Ordering::Acquire) {
        due += step;
        loop {
            let now = started.elapsed();
            if now >= due {
                lags.push((now - due).as_secs_f64() * 1e6);
                break;
            }
            std::thread::park_timeout(due - now);
        }
    }
    lags
}

fn percentiles(mut lags: Vec<f64>) -> Lag {
    lags.sort_by(f64::total_cmp);
    let at = |per_mille: usize| {
        let last = lags.len().saturating_sub(1);
        lags.get(last * per_mille / 1_000)
            .copied()
            .unwrap_or(f64::NAN)
    };
    Lag {
        p50_us: at(500),
        p99_us: at(990),
        max_us: at(1_000),
    }
}
