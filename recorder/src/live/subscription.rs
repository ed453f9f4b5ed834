//! One subscriber's thread: reads the feed, filters, encodes, and waits for the subscriber as long as it takes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use schema::Timestamp;
use schema::filter::Filter;
use schema::live::{Row, StreamEncoder};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::cursor::{Cursor, Step};
use super::feed::{Feed, Item};
use crate::clock;

/// Bounds of one batch: rows, and raw bytes without the row that reaches them.
const BATCH: (usize, usize) = (1_024, 4 << 20);
/// How long a batch that is not full waits for more rows: each batch costs some kilobytes whatever is in it.
const GATHER: Duration = Duration::from_millis(50);
/// How often something is sent at least: who is gone is noticed, and proxies see that the stream is alive.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// What every message of an Arrow stream begins with
/// (<https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format>).
const MARKER: [u8; 4] = [0xff; 4];

/// Encoded batches that may wait for a subscriber, beside the one that its connection is at.
pub(super) const BATCHES_WAITING: usize = 1;

/// What one subscriber gets.
#[derive(Debug)]
pub(super) struct Subscription {
    feed: Arc<Feed>,
    cursor: Cursor,
    filter: Filter,
    encoder: StreamEncoder,
    out: mpsc::Sender<io::Result<Bytes>>,
    /// Bytes of the next message that were sent before there was one.
    begun: usize,
    /// The number after the last exchange that was looked at.
    expected: u64,
    /// Exchanges missed that no row tells of yet.
    missed: u64,
}

/// The subscriber is gone.
struct Gone;

impl Subscription {
    /// What passes `filter` from `number` on goes to `out`.
    pub(super) fn new(
        feed: Arc<Feed>,
        number: u64,
        filter: Filter,
        encoder: StreamEncoder,
        out: mpsc::Sender<io::Result<Bytes>>,
    ) -> Self {
        Self {
            cursor: Cursor::new(Arc::clone(&feed), number),
            feed,
            filter,
            encoder,
            out,
            begun: 0,
            expected: number,
            missed: 0,
        }
    }

    /// Runs until the feed ends or the subscriber is gone.
    pub(super) fn run(mut self) {
        let out = self.out.clone();
        if let Err(error) = self.send_all() {
            tracing::error!("the live stream failed: {error:#}");
            // The stream breaks off: what was sent is not taken for all.
            let _ = out.blocking_send(Err(io::Error::other("the recorder failed")));
        }
    }

    fn send_all(&mut self) -> anyhow::Result<()> {
        let _counted = self.feed.count_subscriber();
        // The schema comes at once, so that a subscriber knows that it is one.
        let mut ended = self.send(&[])?.is_err();
        let mut sent_at = Instant::now();
        while !ended {
            let (rows, more) = self.gather()?;
            ended = !more || self.out.is_closed();
            if ended {
                break;
            }
            let is_late = sent_at.elapsed() >= HEARTBEAT;
            ended = match (rows.is_empty(), is_late) {
                (true, false) => continue,
                (true, true) => self.send_sign(clock::now())?.is_err(),
                (false, _) => self.send(&rows)?.is_err(),
            };
            sent_at = Instant::now();
        }
        Ok(())
    }

    /// The next rows, and whether more may come.
    fn gather(&mut self) -> anyhow::Result<(Vec<Row>, bool)> {
        let mut rows = Vec::new();
        let mut bytes = 0;
        let mut until = Instant::now() + HEARTBEAT / 5;
        let mut begun = false;
        loop {
            let room = (BATCH.0 - rows.len(), BATCH.1 - bytes);
            match self.cursor.step(room, until)? {
                Step::Items(items) if items.is_empty() => return Ok((rows, true)),
                Step::Items(items) => {
                    if !std::mem::replace(&mut begun, true) {
                        until = Instant::now() + GATHER;
                    }
                    for item in items {
                        if let Some(row) = self.row(item) {
                            bytes += row.exchange.memory();
                            rows.push(row);
                        }
                    }
                    if rows.len() >= BATCH.0 || bytes >= BATCH.1 || Instant::now() >= until {
                        return Ok((rows, true));
                    }
                }
                Step::Ended => {
                    if rows.is_empty() {
                        return self.finish();
                    }
                    return Ok((rows, true));
                }
            }
        }
    }

    /// The row of an exchange, if it passes the filter; what lies between it and the one before was missed.
    fn row(&mut self, item: Item) -> Option<Row> {
        self.missed += item.number - self.expected;
        self.expected = item.number + 1;
        self.filter.keeps(&item.exchange).then(|| Row {
            position: self.feed.position(item.place),
            missed: std::mem::take(&mut self.missed),
            exchange: item.exchange,
        })
    }

    /// Shows that the stream is alive. A batch without rows says more: that everything that was done up to a moment ago has
    /// come. While that is not so, because exchanges wait to be recorded or the filter has left out all of many, the next
    /// message is begun with what every message begins with, byte by byte, and then there is nothing left to show.
    fn send_sign(&mut self, now: Timestamp) -> anyhow::Result<Result<(), Gone>> {
        if self.feed.is_quiet(self.cursor.next_number(), now) {
            return self.send(&[]);
        }
        let Some(byte) = MARKER.get(self.begun..=self.begun) else {
            return Ok(Ok(()));
        };
        self.begun += 1;
        let sent = self.out.blocking_send(Ok(Bytes::copy_from_slice(byte)));
        Ok(sent.map_err(|_| Gone))
    }

    /// A message, without what was sent of it.
    fn rest_of(&mut self, message: Bytes) -> Bytes {
        debug_assert!(message.starts_with(&MARKER), "every message begins so");
        message.slice(std::mem::take(&mut self.begun)..)
    }

    fn send(&mut self, rows: &[Row]) -> anyhow::Result<Result<(), Gone>> {
        let bytes = self.encoder.encode(rows)?;
        let bytes = self.rest_of(bytes);
        let missed = rows.iter().map(|row| row.missed).sum();
        let sent = self.out.blocking_send(Ok(bytes)).map_err(|_| Gone);
        self.feed.count_rows(rows.len() as u64, missed);
        Ok(sent)
    }

    /// Says that the stream is whole; if it is not, and no row is left to tell how much it lacks, it breaks off instead.
    fn finish(&mut self) -> anyhow::Result<(Vec<Row>, bool)> {
        // What the cursor passed over behind the last row was missed too.
        let passed = self.cursor.next_number().saturating_sub(self.expected);
        let missed = std::mem::take(&mut self.missed) + passed;
        let end = if missed == 0 {
            let end = self.encoder.finish()?;
            Ok(self.rest_of(end))
        } else {
            self.feed.count_rows(0, missed);
            tracing::warn!(
                missed,
                "a live stream ends and lacks its last exchanges: its subscriber was too slow, or they are gone from the spool"
            );
            Err(io::Error::other("exchanges were missed"))
        };
        // Whoever is gone does not miss it.
        let _ = self.out.blocking_send(end);
        Ok((Vec::new(), false))
    }
}

#[cfg(test)]
mod tests;
