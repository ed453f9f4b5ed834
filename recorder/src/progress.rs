//! How far reading is, drawn on standard error while it is a terminal.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::shard::Shared;
use crate::units::count;

const KNOWN: &str =
    "{bar:30} {percent:>3}%  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left  {msg}";
const UNKNOWN: &str = "{spinner} {bytes}  {bytes_per_sec}  {msg}";

/// A bar, or nothing.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    bytes: Arc<AtomicU64>,
    shared: Arc<Shared>,
}

impl Progress {
    /// A bar over `total` bytes, if it is wanted and standard error is a terminal.
    pub(crate) fn new(
        wanted: bool,
        total: Option<u64>,
        bytes: Arc<AtomicU64>,
        shared: Arc<Shared>,
    ) -> Self {
        let bar = if wanted && std::io::stderr().is_terminal() {
            let template = if total.is_some() { KNOWN } else { UNKNOWN };
            let style = ProgressStyle::with_template(template).expect("the template is correct");
            ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr()).with_style(style)
        } else {
            ProgressBar::hidden()
        };
        Self { bar, bytes, shared }
    }

    /// Draws how far it is now.
    pub(crate) fn draw(&self) {
        if self.bar.is_hidden() {
            return;
        }
        let exchanges = self.shared.exchanges.load(Ordering::Relaxed);
        self.bar
            .set_message(format!("{} exchanges", count(exchanges)));
        self.bar.set_position(self.bytes.load(Ordering::Relaxed));
    }

    /// Removes it.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
