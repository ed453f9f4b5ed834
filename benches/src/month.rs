//! An archive of many small segments, as recorders leave it that publish every half minute; made at once, not recorded.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use recorder_core::{Frame, Limits, LinkType, Options, Pipeline};
use schema::{
    Exchange, Keyring, LedgerRow, RecorderId, SegmentBuilder, SegmentOptions, Table, Timestamp,
    encode_ledger,
};

use crate::{Frames, Mix, Traffic};

const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);
const ZSTD_LEVEL: i32 = 3;

/// Hours of an archive, each with as many segments of as many exchanges, evenly spread, and a ledger with a file a minute.
#[derive(Clone, Debug)]
pub struct Month {
    /// Who recorded it.
    pub recorder: RecorderId,
    /// The start of the first hour.
    pub start: Timestamp,
    /// How many hours.
    pub hours: u64,
    /// Segments of an hour.
    pub segments_an_hour: u64,
    /// Exchanges of a segment.
    pub exchanges_a_segment: u64,
    /// Which exchanges.
    pub mix: Mix,
    /// Every how many different answers are the same again.
    pub answers: u64,
}

impl Month {
    /// The files of its exchanges, in their order: paths below the archive's root, and contents.
    ///
    /// # Panics
    /// If an hour has no room for them.
    pub fn segments(&self) -> impl Iterator<Item = (String, Bytes)> {
        (0..self.hours).flat_map(move |hour| {
            let mut exchanges = self.exchanges(hour);
            (0..self.segments_an_hour).map(move |segment| {
                let exchanges = exchanges.by_ref().take(self.exchanges_a_segment as usize);
                let segment = self.segment(hour * self.segments_an_hour + segment, exchanges);
                segment.expect("a segment is made of exchanges of an hour in order")
            })
        })
    }

    /// The files of its ledger, one a minute.
    ///
    /// # Panics
    /// If Parquet refuses.
    pub fn ledger(&self) -> impl Iterator<Item = (String, Bytes)> {
        let an_hour = self.segments_an_hour * self.exchanges_a_segment;
        (0..self.hours * 60).map(move |number| {
            let before = number * an_hour / 60;
            let row = LedgerRow {
                minute: self.start.saturating_add(times(MINUTE, number)),
                source: Some("10.0.3.7".to_owned()),
                exchanges: (number + 1) * an_hour / 60 - before,
                frames: 4 * an_hour / 60,
                ..LedgerRow::default()
            };
            let keys = Keyring::default();
            let sealed = encode_ledger(&[row], &self.recorder, number, ZSTD_LEVEL, &keys);
            let sealed = sealed.expect("a row of the ledger is encoded");
            (Table::Capture.path(&sealed.key), sealed.bytes)
        })
    }

    /// The traffic of an hour.
    fn traffic(&self, hour: u64) -> Traffic {
        let exchanges = self.segments_an_hour * self.exchanges_a_segment;
        Traffic {
            seed: 1 + hour,
            exchanges,
            mix: self.mix,
            answers: self.answers,
            connections: 4,
            start: self.start.saturating_add(times(HOUR, hour)),
            interval: HOUR / u32::try_from(exchanges).unwrap_or(u32::MAX),
            ..Traffic::default()
        }
    }

    fn exchanges(&self, hour: u64) -> Recorded {
        let options = Options {
            body_bytes_max: 1 << 24,
            ..Options::default()
        };
        Recorded {
            source: "10.0.3.7".into(),
            frames: self.traffic(hour).frames(),
            pipeline: Pipeline::new(Limits::default(), options),
            is_over: false,
        }
    }

    fn segment(
        &self,
        number: u64,
        exchanges: impl Iterator<Item = Exchange>,
    ) -> anyhow::Result<(String, Bytes)> {
        let mut builder = SegmentBuilder::new(SegmentOptions {
            recorder: self.recorder.clone(),
            writer: concat!("benches ", env!("CARGO_PKG_VERSION")).to_owned(),
            zstd_level: ZSTD_LEVEL,
            spool: None,
            sampling: None,
            redaction: None,
            replayed: false,
            keys: Keyring::default(),
        });
        for exchange in exchanges {
            let _ = builder.push(exchange)?;
        }
        let sealed = builder
            .seal(number)?
            .context("there are no exchanges left")?;
        Ok((Table::Exchanges.path(&sealed.key), sealed.bytes))
    }
}

/// Frames through the recorder's core.
struct Recorded {
    source: Arc<str>,
    frames: Frames,
    pipeline: Pipeline,
    is_over: bool,
}

impl Iterator for Recorded {
    type Item = Exchange;

    fn next(&mut self) -> Option<Exchange> {
        loop {
            if let Some(exchange) = self.pipeline.poll_exchange() {
                return Some(*exchange);
            }
            match self.frames.next() {
                Some(frame) => self.pipeline.handle_frame(&Frame {
                    at: frame.at,
                    link: LinkType::Ethernet,
                    bytes: &frame.bytes,
                    wire_len: u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX),
                    source: &self.source,
                }),
                None if self.is_over => return None,
                None => {
                    self.pipeline.finish();
                    self.is_over = true;
                }
            }
        }
    }
}

fn times(span: Duration, count: u64) -> Duration {
    span.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
}
