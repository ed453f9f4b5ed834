//! Answers on their way to the run's writer, in batches: waking its thread for each would cost as much as sending.

use std::sync::{Mutex, PoisonError};

use replayer_core::correlate::Learned;

use crate::run_store::{Answered, RunSender};

/// Answers of one batch.
const BATCH_MAX: usize = 64;

/// Collects answers and hands them over, many at once.
#[derive(Debug)]
pub(crate) struct Outbox {
    run: RunSender,
    /// Never held across an await.
    waiting: Mutex<Vec<Answered>>,
}

impl Outbox {
    pub(super) fn new(run: RunSender) -> Self {
        Self {
            run,
            waiting: Mutex::new(Vec::with_capacity(BATCH_MAX)),
        }
    }

    /// Adds an answer; whoever fills the batch hands it over, and waits while the writer is behind.
    ///
    /// # Errors
    /// If the writer has stopped.
    pub(crate) async fn push(&self, answered: Answered) -> anyhow::Result<()> {
        let batch = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.push(answered);
            if waiting.len() < BATCH_MAX {
                return Ok(());
            }
            std::mem::replace(&mut *waiting, Vec::with_capacity(BATCH_MAX))
        };
        self.run.send(batch).await
    }

    /// Asks for a checkpoint after what was handed over; not if the writer is behind, as then one comes soon enough. Whether it
    /// was asked for.
    pub(crate) fn checkpoint(&self, held_back: u64, learned: Option<Box<Learned>>) -> bool {
        self.run.checkpoint(held_back, learned)
    }

    /// Hands over what waits.
    ///
    /// # Errors
    /// If the writer has stopped.
    pub(crate) async fn flush(&self) -> anyhow::Result<()> {
        let batch =
            std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if batch.is_empty() {
            return Ok(());
        }
        self.run.send(batch).await
    }
}
