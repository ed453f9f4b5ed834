//! What is compared: the recording's window and the runs, found and checked.

use anyhow::{Context as _, bail};
use replayer_core::Limits;
use replayer_core::filter::Filter;
use replayer_core::noise::Noise;
use schema::comparison::ComparedSide;
use schema::run::RunDocument;
use schema::{Projection, Table, TimeWindow, Timestamp};
use xxhash_rust::xxh3::Xxh3;

use super::filter;
use crate::config::CompareConfig;
use crate::fetch::{ExchangeStream, Segment, segments};
use crate::run_ref::RunRef;
use crate::store;
use crate::store::Archive;

/// A run.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) name: String,
    pub(super) document: RunDocument,
    segments: Vec<Segment>,
}

/// Everything that a comparison reads.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) store: Archive,
    pub(super) window: TimeWindow,
    pub(super) filter: Filter,
    recorded: Vec<Segment>,
    pub(super) candidate: Side,
    /// `None` for the recording.
    pub(super) baseline: Option<Side>,
    pub(super) noise: Vec<Side>,
}

impl Side {
    async fn find(archive: &str, store: &Archive, typed: &str) -> anyhow::Result<Self> {
        let run = RunRef::of(typed, Some(archive), store.keys())?;
        if run.archive.trim_end_matches('/') != archive.trim_end_matches('/') {
            bail!(
                "run {typed} is of archive {}, and --archive says {archive}; runs of one recording lie in its archive",
                run.archive
            );
        }
        let document = run.document().await?;
        let table = Table::RunExchanges(run.name.clone());
        let segments = segments(store, &table, TimeWindow::ALL).await?;
        if segments.is_empty() {
            bail!(
                "run {} has no exchanges: it sent none, or was killed before the first were stored",
                run.name
            );
        }
        Ok(Self {
            name: run.name,
            document,
            segments,
        })
    }

    /// Whether it put values of its target's answers into later requests.
    pub(super) fn has_substituted(&self) -> bool {
        let correlation = self.document.correlation.as_ref();
        correlation.is_some_and(|correlation| correlation.substitutions > 0)
    }

    /// When its first request was sent.
    pub(super) fn start(&self) -> Timestamp {
        let starts = self.segments.iter().map(|segment| segment.key.start());
        starts.min().unwrap_or(Timestamp::MIN)
    }

    pub(super) fn described(&self) -> ComparedSide {
        ComparedSide {
            run: self.name.clone(),
            label: self.document.target.label.clone(),
            state: Some(self.document.state.as_str().to_owned()),
            ..recorded()
        }
    }
}

/// The recording as a side.
pub(super) fn recorded() -> ComparedSide {
    ComparedSide {
        run: "recorded".to_owned(),
        label: None,
        state: None,
        exchanges: 0,
        outside: 0,
        unjoined: 0,
        lag_us_max: None,
        sent_perhaps_twice: 0,
        sent_perhaps_twice_blamed: 0,
    }
}

impl Inputs {
    pub(super) async fn find(config: &CompareConfig) -> anyhow::Result<Self> {
        let archive = &config.archive;
        let store = store::open(archive, &config.keys)?;
        let find = async |typed: &str| Side::find(archive, &store, typed).await;
        let candidate = find(&config.candidate).await?;
        let baseline = match config.baseline.as_deref() {
            Some(name) => Some(find(name).await?),
            None => None,
        };
        let mut noise = Vec::new();
        for name in &config.noise {
            noise.push(find(name).await?);
        }
        let source = &candidate.document.source;
        let window = source.window();
        let recorded = segments(&store, &Table::Exchanges, window).await?;
        if recorded.is_empty() {
            bail!(
                "archive {archive} holds no exchanges of {window} any more, which run {} replayed",
                candidate.name
            );
        }
        let filter = filter::of_texts(&source.filters)
            .with_context(|| format!("read the filters of run {}", candidate.name))?;
        Ok(Self {
            window,
            filter,
            recorded,
            candidate,
            baseline,
            noise,
            store,
        })
    }

    pub(super) fn recorded_stream(&self, projection: Projection) -> ExchangeStream {
        let segments = self.recorded.clone();
        let store = self.store.clone();
        ExchangeStream::new(store, segments, self.window, projection, Limits::default())
    }

    pub(super) fn run_stream(&self, side: &Side) -> ExchangeStream {
        let (store, segments) = (self.store.clone(), side.segments.clone());
        ExchangeStream::new(
            store,
            segments,
            TimeWindow::ALL,
            Projection::All,
            Limits::default(),
        )
    }

    /// The recorded exchanges of a part of the window.
    pub(super) fn recorded_between(&self, window: TimeWindow) -> ExchangeStream {
        self.between(self.recorded_segments(window), window)
    }

    /// The segments that may have them.
    pub(super) fn recorded_segments(&self, window: TimeWindow) -> Vec<Segment> {
        overlapping(&self.recorded, window)
    }

    /// The exchanges of a run that were sent in this window.
    pub(super) fn run_between(&self, side: &Side, window: TimeWindow) -> ExchangeStream {
        self.between(overlapping(&side.segments, window), window)
    }

    fn between(&self, segments: Vec<Segment>, window: TimeWindow) -> ExchangeStream {
        let (store, limits) = (self.store.clone(), Limits::default());
        ExchangeStream::new(store, segments, window, Projection::All, limits)
    }

    /// A hash of window, segments, filters, rules, noise profile, gates and build labels: the same inputs, the same id.
    pub(super) fn verdict_id(&self, config: &CompareConfig, noise: &Noise) -> String {
        let mut hash = Xxh3::new();
        let mut add = |text: &str| {
            hash.update(text.as_bytes());
            hash.update(&[0]);
        };
        let sides = [Some(&self.candidate), self.baseline.as_ref()];
        for side in sides.into_iter().flatten().chain(&self.noise) {
            let label = side.document.target.label.as_deref();
            add(&format!("run {} {}", side.name, label.unwrap_or_default()));
            side.segments
                .iter()
                .for_each(|s| add(&format!("{} {}", s.path, s.bytes)));
        }
        add(if self.baseline.is_some() {
            "run"
        } else {
            "recorded"
        });
        self.recorded
            .iter()
            .for_each(|s| add(&format!("{} {}", s.path, s.bytes)));
        add(&self.window.to_string());
        self.candidate
            .document
            .source
            .filters
            .iter()
            .for_each(|text| add(text));
        add(&config.rules_text);
        add(&config.gates_text);
        add(&format!("{:016x}", noise.digest()));
        format!("{:016x}", hash.digest())
    }
}

/// Those segments that may have exchanges of the window.
fn overlapping(segments: &[Segment], window: TimeWindow) -> Vec<Segment> {
    let segments = segments.iter();
    let overlap =
        segments.filter(|segment| window.overlaps(segment.key.start(), segment.key.end()));
    overlap.cloned().collect()
}
