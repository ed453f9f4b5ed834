//! `replayer follow`: a run of what is recorded while it is recorded.
//!
//! ```text
//! live stream --task--> Feed: core's Follow puts it into order --> reader --> driver, lanes, writer: as of any run
//! segments ----------------'
//! ```
//! * `live`: the stream, with reconnects. `segments`: the archive as it grows.
//! * `feed`: both, as the reader of a run wants them. `facts`: what is known meanwhile. `rolling`: what is printed of it.

mod facts;
mod feed;
mod live;
mod rolling;
mod segments;

use std::sync::Arc;

use replayer_core::coverage::Coverage;
use schema::run::RunFollow;
use schema::{RecorderId, TimeWindow, Timestamp};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::{FollowConfig, RunConfig};
use crate::fetch;
use crate::run::run_coverage;
use crate::select::Selected;
use crate::store;
use crate::store::Archive;

pub(crate) use facts::FollowFacts;
pub(crate) use feed::{Fed, Feed, FeedParts};
pub(crate) use rolling::Rolling;

/// A follow that runs: what its parts share.
#[derive(Debug)]
pub(crate) struct Followed {
    /// What is known of it.
    pub(crate) facts: Arc<FollowFacts>,
    stop: watch::Sender<bool>,
    parts: FeedParts,
}

/// What is followed as a window, which has no segments yet.
///
/// # Errors
/// If the archive cannot be opened.
pub(crate) fn selected(config: &RunConfig, follow: &FollowConfig) -> anyhow::Result<Selected> {
    let now = Clock::start().now().to_micros_precision();
    let start = follow.from.unwrap_or(now);
    let end = match (follow.to, follow.span) {
        (Some(to), _) => to,
        (None, Some(span)) => start.saturating_add(span),
        (None, None) => Timestamp::MAX,
    };
    anyhow::ensure!(
        start < end,
        "nothing to follow: it would begin at {start} and end at {end}; correct --from, --to or --for"
    );
    Ok(Selected {
        store: store::open(&config.selection.archive, &config.selection.keys)?,
        window: TimeWindow { start, end },
        segments: Vec::new().into(),
        coverage: None,
    })
}

/// What a document says of a follow that begins.
fn begun(follow: &FollowConfig, window: TimeWindow) -> RunFollow {
    RunFollow {
        live: follow.live.as_ref().map(|live| live.url.to_string()),
        delay_us: u64::try_from(follow.delay.as_micros()).unwrap_or(u64::MAX),
        until: (window.end < Timestamp::MAX).then_some(window.end),
        ..RunFollow::default()
    }
}

impl Followed {
    /// Begins or goes on with what `config` follows, if it follows anything.
    pub(crate) async fn of(config: &RunConfig, selected: &Selected, clock: Clock) -> Option<Self> {
        let follow = config.follow.clone()?;
        let known = config.resume.as_ref();
        let known = known.and_then(|document| document.follow.clone());
        let known = known.unwrap_or_else(|| begun(&follow, selected.window));
        let (stop, stopped) = watch::channel(false);
        let facts = Arc::new(FollowFacts::new(known));
        let parts = FeedParts {
            config: follow,
            window: selected.window,
            store: selected.store.clone(),
            limits: config.limits,
            clock,
            refused: config.guard.recorded(&config.target).await,
            stop: stopped,
            facts: Arc::clone(&facts),
            resumed: None,
        };
        Some(Self { facts, stop, parts })
    }

    /// What its reader needs.
    pub(crate) fn parts(&self) -> FeedParts {
        self.parts.clone()
    }

    /// Tells of it meanwhile.
    pub(crate) fn rolling(&self, json: bool) -> Rolling {
        let FeedParts { config, clock, .. } = &self.parts;
        Rolling::start(Arc::clone(&self.facts), config.every, *clock, json)
    }

    /// Lets it end: nothing more is taken, and what was taken is sent.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Adds what the ledger says of what was followed.
    pub(crate) async fn look_into_ledger(&self) {
        if !self.parts.config.has_archive {
            return;
        }
        let window = TimeWindow {
            start: self.parts.window.start,
            end: self.facts.now().reached.unwrap_or(Timestamp::MIN),
        };
        match coverage(&self.parts.store, window).await {
            Ok(coverage) => self.facts.set_coverage(coverage.as_ref().map(run_coverage)),
            Err(error) => tracing::warn!("the ledger cannot be read: {error:#}"),
        }
    }
}

/// What the ledger says of what was followed, as far as it has been published.
///
/// # Errors
/// If it cannot be read.
async fn coverage(store: &Archive, window: TimeWindow) -> anyhow::Result<Option<Coverage>> {
    if window.start >= window.end {
        return Ok(None);
    }
    let Some(rows) = fetch::ledger(store, window).await? else {
        return Ok(None);
    };
    let minute = |(_, row): &(RecorderId, schema::LedgerRow)| row.minute;
    let Some(last) = rows.iter().map(minute).max() else {
        return Ok(None);
    };
    let published = last.saturating_add(std::time::Duration::from_secs(60));
    let window = TimeWindow {
        end: window.end.min(published),
        ..window
    };
    Ok((window.start < window.end).then(|| Coverage::new(window, &rows)))
}
