//! Many sequences in time order become one: a k-way merge that opens each source when its time comes.
//!
//! A source is a segment: its key says when it begins, so it is opened only when everything before that has been given
//! out. What is open at a time is therefore bounded by how many segments overlap, not by the window.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::{Exchange, ExchangeId, Timestamp};

/// What the driver has to do.
#[derive(Debug, PartialEq)]
#[must_use]
pub enum Step {
    /// Open this source; batches of it will be asked for.
    Open(usize),
    /// Give the next batch of this source, or say that it has ended.
    NeedsBatch(usize),
    /// The next exchange in time order (ties by id).
    Exchange(Box<Exchange>),
    /// Every source has ended.
    Finished,
}

/// Merges sources, each in order of [`Exchange::start`].
#[derive(Debug)]
pub struct Merge {
    /// Not opened yet: earliest possible start and number, in order.
    unopened: VecDeque<(Timestamp, usize)>,
    /// The exchanges at hand of each open source.
    batches: Vec<VecDeque<Exchange>>,
    /// The head of each open source that has one.
    heads: BinaryHeap<Reverse<(Timestamp, ExchangeId, usize)>>,
    /// The open source that has no head; it has to get one before anything is given out.
    starved: Option<usize>,
}

impl Merge {
    /// A merge of as many sources as there are `starts`, each the earliest start that its source can hold, in order.
    ///
    /// # Panics
    /// If `starts` is not in order.
    #[must_use]
    pub fn new(starts: &[Timestamp]) -> Self {
        assert!(
            starts.is_sorted(),
            "sources are opened in order of their start"
        );
        Self {
            unopened: starts.iter().copied().zip(0..).collect(),
            batches: std::iter::repeat_with(VecDeque::new)
                .take(starts.len())
                .collect(),
            heads: BinaryHeap::new(),
            starved: None,
        }
    }

    /// Gives the batch that was asked for: exchanges in order, none before those of the last batch; an empty one is asked
    /// for again.
    pub fn handle_batch(&mut self, source: usize, batch: Vec<Exchange>) {
        debug_assert_eq!(self.starved, Some(source), "a batch that was not asked for");
        debug_assert!(batch.is_sorted_by_key(|exchange| (exchange.start(), exchange.id())));
        self.batches[source] = batch.into();
        self.take_head(source);
    }

    /// Says that the source that was asked for a batch has ended.
    pub fn handle_end(&mut self, source: usize) {
        debug_assert_eq!(
            self.starved,
            Some(source),
            "the end of a source that was not asked"
        );
        self.starved = None;
        self.batches[source] = VecDeque::new();
    }

    /// What to do next.
    pub fn poll(&mut self) -> Step {
        if let Some(source) = self.starved {
            return Step::NeedsBatch(source);
        }
        let head = self.heads.peek().map(|Reverse((start, ..))| *start);
        if let Some(&(start, source)) = self.unopened.front()
            && head.is_none_or(|head| start <= head)
        {
            self.unopened.pop_front();
            self.starved = Some(source);
            return Step::Open(source);
        }
        let Some(Reverse((_, _, source))) = self.heads.pop() else {
            return Step::Finished;
        };
        let exchange = self.batches[source]
            .pop_front()
            .expect("a head is of a batch that is not empty");
        self.take_head(source);
        Step::Exchange(Box::new(exchange))
    }

    /// Files the head of `source`, or notes that it needs one.
    fn take_head(&mut self, source: usize) {
        match self.batches[source].front() {
            Some(exchange) => {
                self.heads
                    .push(Reverse((exchange.start(), exchange.id(), source)));
                self.starved = None;
            }
            None => self.starved = Some(source),
        }
    }
}

#[cfg(test)]
mod tests;
