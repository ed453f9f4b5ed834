//! Waking up on time.
//!
//! tokio's timers have a grain of a millisecond, and epoll rounds up by another. At 2,000 requests a second that is several
//! due times, so a thread of its own waits on a futex, which the kernel ends within some 60 us, and wakes the event loop. It
//! costs nothing while nothing is due, which spinning would not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use tokio::sync::Notify;
use tokio::time::Instant;

/// A thread that lets those that keep the schedule go first wherever cores are scarce: decoding a batch or encoding a segment
/// takes tens of milliseconds at a time, and neither is urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// It takes answers, so it goes before the one that reads more requests: what was sent is then compared and stored while
    /// the cache still holds it, and little waits. The other way round a request costs half as much again.
    Writer,
    /// It reads ahead.
    Reader,
}

impl Behind {
    /// How far the thread stands back, as a nice value (setpriority(2)).
    const fn nice(self) -> i32 {
        match self {
            Self::Writer => 5,
            Self::Reader => 10,
        }
    }
}

/// Makes the calling thread stand back.
pub(crate) fn stand_back(thread: Behind) {
    // A system that refuses leaves the threads equal, which costs lag and nothing else; the lag is stored.
    let own = Some(rustix::thread::gettid());
    let _refused = rustix::process::setpriority_process(own, thread.nice());
}

/// Wakes one task at a time, as close to the instant as the kernel allows.
#[derive(Debug)]
pub(crate) struct FineTimer {
    shared: Arc<Shared>,
    /// What the thread was last told.
    armed: Option<Instant>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    deadline: std::sync::Mutex<Option<Instant>>,
    fired: Notify,
    stopped: AtomicBool,
}

impl FineTimer {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            deadline: std::sync::Mutex::new(None),
            fired: Notify::new(),
            stopped: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("timer".to_owned())
            .spawn(move || theirs.run())?;
        Ok(Self {
            shared,
            armed: None,
            thread: Some(thread),
        })
    }

    /// Waits until `at`. May be dropped and called again with another instant; may return early once after that.
    pub(crate) async fn sleep_until(&mut self, at: Instant) {
        if self.armed != Some(at) {
            self.armed = Some(at);
            *self.shared.deadline() = Some(at);
            if let Some(thread) = &self.thread {
                thread.thread().unpark();
            }
        }
        // The thread knows nothing of tokio's paused time in tests, and need not: whichever comes first.
        tokio::select! {
            () = self.shared.fired.notified() => {}
            () = tokio::time::sleep_until(at) => {}
        }
        self.armed = None;
    }
}

impl Drop for FineTimer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It has nothing to do but end.
            let _ended = thread.join();
        }
    }
}

impl Shared {
    fn deadline(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.deadline
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn run(&self) {
        while !self.stopped.load(Ordering::Acquire) {
            let deadline = *self.deadline();
            let Some(deadline) = deadline else {
                std::thread::park();
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let mut current = self.deadline();
                if *current == Some(deadline) {
                    *current = None;
                }
                drop(current);
                self.fired.notify_one();
            } else {
                std::thread::park_timeout(left);
            }
        }
    }
}
