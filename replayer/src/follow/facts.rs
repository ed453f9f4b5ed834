//! What is known of a follow while it runs.

use std::sync::{Mutex, MutexGuard, PoisonError};

use schema::run::{RunCoverage, RunDocument, RunFollow, RunState};

/// The newest facts; never held across an await.
#[derive(Debug)]
pub(crate) struct FollowFacts(Mutex<Facts>);

#[derive(Debug)]
struct Facts {
    follow: RunFollow,
    coverage: Option<RunCoverage>,
    /// As it was stored last.
    document: Option<Box<RunDocument>>,
}

impl FollowFacts {
    pub(crate) fn new(begun: RunFollow) -> Self {
        Self(Mutex::new(Facts {
            follow: begun,
            coverage: None,
            document: None,
        }))
    }

    /// What came, and what did not.
    pub(crate) fn set(&self, follow: RunFollow) {
        self.facts().follow = follow;
    }

    /// What the ledger says, in the end.
    pub(crate) fn set_coverage(&self, coverage: Option<RunCoverage>) {
        self.facts().coverage = coverage;
    }

    /// As they are now.
    pub(crate) fn now(&self) -> RunFollow {
        self.facts().follow.clone()
    }

    /// Writes them into the run's document, whose window goes as far as was followed.
    pub(crate) fn write_into(&self, document: &mut RunDocument) {
        let facts = self.facts();
        let reached = facts.follow.reached.unwrap_or(document.source.from);
        document.source.to = reached.max(document.source.from);
        document.follow = Some(facts.follow.clone());
        if facts.coverage.is_some() {
            document.coverage = facts.coverage;
        }
    }

    /// Takes the document as it is stored, for whoever tells of it.
    pub(crate) fn publish(&self, document: &RunDocument) {
        debug_assert_eq!(
            document.state,
            RunState::Running,
            "the end is told elsewhere"
        );
        self.facts().document = Some(Box::new(document.clone()));
    }

    /// The document as it was stored last, once.
    pub(crate) fn take_document(&self) -> Option<Box<RunDocument>> {
        self.facts().document.take()
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
