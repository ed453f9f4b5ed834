//! What answers have taught, shared by all lanes.

use std::sync::{Arc, Mutex, PoisonError};

use replayer_core::Limits;
use replayer_core::correlate::{Correlation, Correlator, Scope};
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
}

impl Correlated {
    /// Nothing learned yet.
    pub(crate) fn new(rules: Correlation, limits: Limits) -> Self {
        Self {
            learned: Mutex::new(Correlator::new(rules.clone(), &limits)),
            rules: Arc::new(rules),
            limits,
        }
    }

    /// Puts what was learned into the job's request.
    pub(super) fn apply(&self, job: &mut Job) {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        learned.apply(&mut job.request, job.scope);
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
        }
        answered
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
