//! Where a subscriber is: among the recent exchanges, or behind them in the spool.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::feed::{Feed, Item, Look, Span};
use crate::spool::{Follower, Place};

/// How long to wait for frames that are being written.
const WRITTEN_SOON: Duration = Duration::from_millis(100);

/// Reads a feed from some number on.
#[derive(Debug)]
pub(super) struct Cursor {
    feed: Arc<Feed>,
    /// The number of the exchange that is wanted next.
    next: u64,
    reading: Option<Reading>,
}

/// A file of the spool that is read.
#[derive(Debug)]
struct Reading {
    span: Span,
    follower: Follower,
    /// Exchanges of the frame at hand.
    items: VecDeque<Item>,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Step {
    /// These; numbers that are left out are gone. None at all if nothing came in time.
    Items(Vec<Item>),
    /// Nothing more comes.
    Ended,
}

impl Cursor {
    /// A cursor that begins with `number`.
    pub(super) fn new(feed: Arc<Feed>, number: u64) -> Self {
        Self {
            feed,
            next: number,
            reading: None,
        }
    }

    /// The number of the exchange that is wanted next; all before it was given out, or is gone.
    pub(super) fn next_number(&self) -> u64 {
        self.next
    }

    /// The exchanges that come next, within bounds of rows and bytes. Waits for them until `deadline`.
    ///
    /// # Errors
    /// If the disk of the spool fails.
    pub(super) fn step(
        &mut self,
        bounds: (usize, usize),
        deadline: Instant,
    ) -> anyhow::Result<Step> {
        loop {
            match self.feed.look(self.next, bounds, deadline) {
                Look::Recent(items) => {
                    self.reading = None;
                    self.next += items.len() as u64;
                    return Ok(Step::Items(items));
                }
                Look::Spooled(span) => {
                    let items = self.read(span, bounds)?;
                    if !items.is_empty() {
                        return Ok(Step::Items(items));
                    }
                    if Instant::now() >= deadline {
                        return Ok(Step::Items(Vec::new()));
                    }
                }
                Look::Gone(first) => self.next = first,
                Look::Nothing => return Ok(Step::Items(Vec::new())),
                Look::Ended => return Ok(Step::Ended),
            }
        }
    }

    /// Reads on in a file; nothing if it has no more for now, or ends.
    fn read(
        &mut self,
        span: Span,
        (rows_max, bytes_max): (usize, usize),
    ) -> anyhow::Result<Vec<Item>> {
        let at_hand = self.reading.take();
        let at_hand = at_hand.filter(|reading| reading.span.generation == span.generation);
        let mut reading = match at_hand {
            Some(reading) => reading,
            None => match self.feed.follow(span.generation)? {
                Some(follower) => Reading {
                    span,
                    follower,
                    items: VecDeque::new(),
                },
                None => {
                    self.pass(span);
                    return Ok(Vec::new());
                }
            },
        };
        while reading.items.is_empty() {
            let Some(frame) = reading.follower.next()? else {
                self.pass(span);
                self.reading = span.end.is_none().then_some(reading);
                return Ok(Vec::new());
            };
            let item = |(row, exchange)| Item {
                number: span.first + row,
                place: Place {
                    generation: span.generation,
                    row,
                },
                exchange: Arc::new(exchange),
            };
            let wanted = |item: &Item| item.number >= self.next;
            reading.items = frame.into_iter().map(item).filter(wanted).collect();
        }
        let mut items = Vec::new();
        let mut bytes = 0;
        while items.len() < rows_max
            && bytes < bytes_max
            && let Some(item) = reading.items.pop_front()
        {
            bytes += item.exchange.memory();
            self.next = item.number + 1;
            items.push(item);
        }
        self.reading = Some(reading);
        Ok(items)
    }

    /// A file has no more: what it should have had besides is gone, unless it is still written.
    fn pass(&mut self, span: Span) {
        match span.end {
            Some(end) => self.next = self.next.max(end),
            None => std::thread::park_timeout(WRITTEN_SOON),
        }
    }
}
