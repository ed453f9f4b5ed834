//! What answers have taught, shared by all lanes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use replayer_core::Limits;
use replayer_core::correlate::{Correlation, Correlator, Learned, Scope};
use schema::Exchange;
use schema::run::RunCorrelation;

use super::Job;
use crate::run_store::Answered;

/// Bytes of two bodies up to which they are read where the event loop runs: some 100 µs.
const BODY_BYTES_HERE_MAX: usize = 32 << 10;

/// What answers have taught about later requests.
#[derive(Debug)]
pub(crate) struct Correlated {
    rules: Arc<Correlation>,
    limits: Limits,
    /// Never held across an await.
    learned: Mutex<Correlator>,
    /// Whether anything was learned or used that is not kept.
    is_ahead: AtomicBool,
}

impl Correlated {
    /// Nothing learned yet.
    pub(crate) fn new(rules: Correlation, limits: Limits) -> Self {
        Self {
            learned: Mutex::new(Correlator::new(rules.clone(), &limits)),
            rules: Arc::new(rules),
            limits,
            is_ahead: AtomicBool::new(false),
        }
    }

    /// Puts what was learned into the job's request.
    pub(super) fn apply(&self, job: &mut Job) {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        if learned.apply(&mut job.request, job.scope) {
            self.is_ahead.store(true, Ordering::Relaxed);
        }
    }

    /// Learns from an answer; long bodies are read on another thread, and what waits for this answer waits for that.
    ///
    /// # Panics
    /// If that thread does.
    pub(super) async fn learn(&self, answered: Answered, scope: Scope) -> Answered {
        let bytes = body_bytes(&answered.recorded) + body_bytes(&answered.actual);
        let (rules, limits) = (Arc::clone(&self.rules), self.limits);
        let extract = move || {
            let extracted = rules.extract(&answered.recorded, &answered.actual, &limits);
            (answered, extracted)
        };
        let (answered, extracted) = if bytes <= BODY_BYTES_HERE_MAX {
            extract()
        } else {
            let task = tokio::task::spawn_blocking(extract);
            task.await.expect("comparing two answers does not panic")
        };
        if !extracted.is_empty() {
            let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
            learned.learn(extracted, scope);
            self.is_ahead.store(true, Ordering::Relaxed);
        }
        answered
    }

    /// What is to be kept, if anything was learned since this was asked last.
    pub(crate) fn to_keep(&self) -> Option<Box<Learned>> {
        if !self.is_ahead.swap(false, Ordering::Relaxed) {
            return None;
        }
        let learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Box::new(learned.save()))
    }

    /// What was to be kept was not.
    pub(crate) fn keep_later(&self) {
        self.is_ahead.store(true, Ordering::Relaxed);
    }

    /// Goes on with what another process had learned.
    pub(crate) fn restore(&self, learned: Learned) {
        let mut correlator = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        if !correlator.restore(learned) {
            tracing::warn!("what the run had learned from answers cannot be read: it is forgotten");
        }
    }

    /// What was learned and used.
    pub(crate) fn report(&self) -> RunCorrelation {
        let learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        learned.report()
    }
}

fn body_bytes(exchange: &Exchange) -> usize {
    let response = exchange.response.as_ref();
    response.map_or(0, |response| response.body.bytes.len())
}
