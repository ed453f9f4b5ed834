//! `run.json`: what was replayed, against what, how, with which verdict.
//!
//! The document is written when a run starts (state `running`), again whenever a segment of the run is published, and at
//! its end; so a run that was killed is seen as such, with what it knew last. Times are RFC 3339 text in UTC, spans are
//! whole microseconds, shares go from 0 to 1. Fields are only ever added; readers ignore what they do not know.

mod correlation;
mod follow;
mod gates;
mod report;
mod rewriting;
pub(crate) mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::{TimeWindow, Timestamp};
pub use correlation::{CorrelationSource, RunCorrelation};
pub use follow::{OpenGap, RunFollow};
pub use gates::RunGates;
pub use report::{
    Answer, DiffRow, DoubtfulExchange, EndpointReport, Example, Latency, NotCompared, Percentiles,
    Quantile, ReasonCount, RunReport, ScheduleReport, TimeBucket, Timeline,
};
pub use report::{DivergenceGroup, GroupExample};
pub use rewriting::{AppliedRewrite, RunRewriting};

/// The version of the document that this code writes; a reader refuses documents of a newer one.
pub const RUN_FORMAT: u32 = 1;

/// The document of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunDocument {
    /// Version of the document, [`RUN_FORMAT`].
    pub format: u32,
    /// The run's name: its folder below `runs/`.
    pub run: String,
    /// How far the run came.
    pub state: RunState,
    /// Name and version of the program that wrote it.
    pub program: String,
    /// When the run began.
    #[serde(with = "text::time")]
    pub started_at: Timestamp,
    /// When it ended; null while it runs and after a kill.
    #[serde(default, with = "text::time_option")]
    pub finished_at: Option<Timestamp>,
    /// What was replayed.
    pub source: RunSource,
    /// Against what.
    pub target: RunTarget,
    /// The flags as they were typed, or set by a variable, by name without `--`: what a run that goes on does again. Flags
    /// whose values may hold secrets are not among them.
    #[serde(default)]
    pub options: BTreeMap<String, Vec<String>>,
    /// Names of flags that were given and are not in `options`, because their values may hold secrets.
    #[serde(default)]
    pub options_left_out: Vec<String>,
    /// Hashes of the files that flags name and that say what is sent, by flag.
    #[serde(default)]
    pub option_files: BTreeMap<String, String>,
    /// In how many parts the run is replayed, each by a machine of its own; 0 where it is not divided.
    #[serde(default)]
    pub shards: u32,
    /// Of one part: which it is, from 0.
    #[serde(default)]
    pub shard: Option<u32>,
    /// Of a run in parts: what became of each that has begun.
    #[serde(default)]
    pub parts: Vec<RunPart>,
    /// Each time that the run went on after it had been killed, interrupted or had failed.
    #[serde(default)]
    pub resumed: Vec<RunResumption>,
    /// On which schedule, in which order.
    pub schedule: RunSchedule,
    /// Of a run that follows a recording: how, and what did not come.
    #[serde(default)]
    pub follow: Option<RunFollow>,
    /// What the ledger says of the window; null where the archive has no ledger.
    #[serde(default)]
    pub coverage: Option<RunCoverage>,
    /// How much evidence a pass takes.
    #[serde(default)]
    pub gates: RunGates,
    /// What became of every exchange.
    #[serde(default)]
    pub totals: RunTotals,
    /// How requests were changed by rules; null while the run runs, and where there were none.
    #[serde(default)]
    pub rewriting: Option<RunRewriting>,
    /// Which values of answers went into later requests; null while the run runs, and where none were to.
    #[serde(default)]
    pub correlation: Option<RunCorrelation>,
    /// The verdict; null while the run runs.
    #[serde(default)]
    pub conclusion: Option<RunConclusion>,
    /// The aggregates that a report is drawn from.
    #[serde(default)]
    pub report: RunReport,
}

impl RunDocument {
    /// A document of a run that begins at `started_at`, without results.
    #[must_use]
    pub fn new(
        run: String,
        program: String,
        started_at: Timestamp,
        source: RunSource,
        target: RunTarget,
        schedule: RunSchedule,
    ) -> Self {
        Self {
            format: RUN_FORMAT,
            run,
            state: RunState::Running,
            program,
            started_at: started_at.to_micros_precision(),
            finished_at: None,
            source,
            target,
            options: BTreeMap::new(),
            options_left_out: Vec::new(),
            option_files: BTreeMap::new(),
            shards: 0,
            shard: None,
            parts: Vec::new(),
            resumed: Vec::new(),
            schedule,
            follow: None,
            coverage: None,
            gates: RunGates::default(),
            totals: RunTotals::default(),
            rewriting: None,
            correlation: None,
            conclusion: None,
            report: RunReport::default(),
        }
    }

    /// The document as it is stored: JSON, indented, with a newline at the end.
    ///
    /// # Panics
    /// Never: every field has a JSON form.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("every field has a JSON form");
        json.push(b'\n');
        json
    }

    /// Reads a stored document.
    ///
    /// # Errors
    /// If it is no run document, or of a newer format.
    pub fn from_json(json: &[u8]) -> Result<Self, RunDocumentError> {
        /// Only the version, so that a newer document is called newer and not malformed.
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let Version { format } = serde_json::from_slice(json)?;
        if format > RUN_FORMAT {
            return Err(RunDocumentError::Newer(format));
        }
        Ok(serde_json::from_slice(json)?)
    }
}

/// Why a run document was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunDocumentError {
    /// It is no JSON, or not of a run.
    #[error("not a run document")]
    Malformed(#[from] serde_json::Error),
    /// It was written by a newer program.
    #[error("run document has format {0}, this program reads up to {RUN_FORMAT}: use a newer one")]
    Newer(u32),
}

/// How far a run came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It runs, or it was killed.
    Running,
    /// It went through the whole window.
    Finished,
    /// It was asked to stop before the end of the window.
    Interrupted,
    /// It failed before the end of the window.
    Failed,
}

impl RunState {
    /// The word of the document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

/// What was replayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSource {
    /// URL of the archive, without credentials.
    pub archive: String,
    /// First instant of the window.
    #[serde(with = "text::time")]
    pub from: Timestamp,
    /// First instant after the window.
    #[serde(with = "text::time")]
    pub to: Timestamp,
    /// The filters and the sampling, each as it would be typed (`--path /orders/*`); empty for the whole window.
    #[serde(default)]
    pub filters: Vec<String>,
    /// Segments that the window touches.
    #[serde(default)]
    pub segments: u64,
}

impl RunSource {
    /// The window.
    #[must_use]
    pub fn window(&self) -> TimeWindow {
        TimeWindow {
            start: self.from,
            end: self.to,
        }
    }
}

/// Against what a run was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTarget {
    /// URL of the target, without credentials.
    pub url: String,
    /// Which build the target runs, as the user said (`--label`).
    #[serde(default)]
    pub label: Option<String>,
    /// The Host that was sent: `recorded`, `target`, or a name.
    pub host: String,
    /// Whether `X-Forwarded-*` fields were added.
    pub forwarded: bool,
    /// How the target proved that it is a test environment, without secrets; empty for one on loopback.
    #[serde(default)]
    pub proofs: Vec<String>,
    /// Requests that may change something: `allowed`, `skipped` or `by policy`.
    #[serde(default)]
    pub writes: String,
    /// Whether any certificate was taken, for any name.
    #[serde(default)]
    pub insecure: bool,
}

/// One part of a run that several machines replay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPart {
    /// Which, from 0.
    pub shard: u32,
    /// How far it came.
    pub state: RunState,
    /// When it began.
    #[serde(with = "text::time")]
    pub started_at: Timestamp,
    /// When it ended; null while it runs and after a kill.
    #[serde(default, with = "text::time_option")]
    pub finished_at: Option<Timestamp>,
    /// Segments that it found in the window.
    pub segments: u64,
    /// What became of its exchanges.
    pub planned: u64,
    /// Answered by the target.
    pub sent: u64,
    /// Tried without a whole answer.
    pub failed: u64,
    /// Not sent.
    pub skipped: u64,
    /// Its greatest lag without waits forced by order, microseconds.
    pub lag_own_max_us: u64,
}

/// One time that a run went on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunResumption {
    /// When.
    #[serde(with = "text::time")]
    pub at: Timestamp,
    /// How it had ended: `running` after a kill.
    pub after: RunState,
    /// What was done about requests that may have been sent: which of them are sent again (`--send-again`).
    pub send_again: String,
}

/// On which schedule and in which order a run was sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunSchedule {
    /// Speed relative to the recording; null for as fast as possible, or where `rate` sets an even rate.
    pub speed: Option<f64>,
    /// Even rate, requests a second.
    pub rate: Option<f64>,
    /// Rate that was never exceeded, requests a second.
    pub rate_max: Option<f64>,
    /// What kept its order: `connection`, `session` or `none`.
    pub order: String,
    /// Most requests in flight at once.
    pub in_flight_max: u64,
    /// What became of a request that was due at that bound: `wait` (it was late) or `skip` (it was not sent).
    #[serde(default = "wait")]
    pub when_behind: String,
    /// How long the rate grew from nothing to its full height, microseconds.
    #[serde(default)]
    pub ramp_us: u64,
    /// How often the window was replayed; null where `loop_us` says how long.
    #[serde(default = "once")]
    pub loop_count: Option<u64>,
    /// How long the window was replayed again and again, microseconds of the schedule.
    #[serde(default)]
    pub loop_us: Option<u64>,
    /// How long an answer was waited for, microseconds.
    pub timeout_us: u64,
}

impl RunSchedule {
    /// Whether requests had due times: false for as fast as possible, where lag says nothing.
    #[must_use]
    pub fn is_paced(&self) -> bool {
        self.speed.is_some() || self.rate.is_some()
    }
}

/// What documents did that do not say `when_behind`.
fn wait() -> String {
    "wait".to_owned()
}

/// What documents did that do not say `loop_count`.
#[expect(clippy::unnecessary_wraps, reason = "serde calls it for an option")]
const fn once() -> Option<u64> {
    Some(1)
}

/// What the completeness ledger says of the window: sums over its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCoverage {
    /// Minutes that the window touches.
    pub minutes: u64,
    /// Those among them that some recorder lived through.
    pub minutes_recorded: u64,
    /// Minutes that one recorder lacks between its first and its last, while another one recorded.
    #[serde(default)]
    pub recorder_minutes_missing: u64,
    /// Frames received.
    pub frames: u64,
    /// Frames that the socket or the NIC dropped.
    pub frames_dropped: u64,
    /// Frames that the mirror cut.
    pub frames_truncated: u64,
    /// Holes in TCP streams.
    pub gaps: u64,
    /// Bytes in those holes.
    pub gap_bytes: u64,
    /// Exchanges stored.
    pub exchanges: u64,
    /// Those among them that are not complete.
    pub exchanges_incomplete: u64,
    /// Exchanges that were recorded and are not in the archive.
    #[serde(default)]
    pub exchanges_shed: u64,
    /// How often a recorder ended without being told to.
    #[serde(default)]
    pub interruptions: u64,
    /// Exchanges that sampling or filters left out at capture.
    pub exchanges_sampled_out: u64,
    /// TCP payload that was TLS and could not be read.
    pub bytes_tls: u64,
}

/// What became of every exchange of the window.
///
/// `read = filtered_out + planned + not_reached`, `planned = sent + failed + skipped = matched + differed +
/// incomparable`, and each list of reasons adds up to its number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTotals {
    /// Exchanges of the window that were read from the archive.
    pub read: u64,
    /// Those that the filters left out.
    pub filtered_out: u64,
    /// Those that were to be sent and have an outcome.
    pub planned: u64,
    /// Those that were to be sent and have none, because the run ended first.
    pub not_reached: u64,
    /// Planned, and recorded completely.
    pub recorded_completely: u64,
    /// Planned, and not recorded completely, by completeness.
    pub recorded_incompletely_by: Vec<ReasonCount>,
    /// Planned, and answered by the target.
    pub sent: u64,
    /// Planned and tried, and no whole answer came back.
    pub failed: u64,
    /// Why.
    pub failed_by: Vec<ReasonCount>,
    /// Planned, and not sent.
    pub skipped: u64,
    /// Why.
    pub skipped_by: Vec<ReasonCount>,
    /// Answers without a difference.
    pub matched: u64,
    /// Answers with at least one difference.
    pub differed: u64,
    /// Answers that could not be judged.
    pub incomparable: u64,
    /// Why.
    pub incomparable_by: Vec<ReasonCount>,
    /// Differences in all, also those beyond what is stored of one exchange.
    pub divergences: u64,
    /// Planned, and in doubt after a kill: it may have been sent, and no answer was stored.
    #[serde(default)]
    pub in_doubt: u64,
    /// Those among them that were sent again when the run went on; the others are skipped as `in_doubt`.
    #[serde(default)]
    pub in_doubt_sent_again: u64,
}

impl RunTotals {
    /// Exchanges that were compared to the end.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.matched + self.differed
    }

    /// Exchanges that the filters selected, reached or not.
    #[must_use]
    pub fn selected(&self) -> u64 {
        self.planned + self.not_reached
    }
}

/// What a run concludes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunVerdict {
    /// Enough was judged, and all of it matched.
    Pass,
    /// An answer differs, or the target did not answer.
    Fail,
    /// Nothing differs, and too little was judged to say so.
    NotEnoughEvidence,
}

impl RunVerdict {
    /// In plain words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotEnoughEvidence => "not enough evidence",
        }
    }
}

/// The verdict of a run, with why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunConclusion {
    /// Pass, fail, or not enough evidence.
    pub verdict: RunVerdict,
    /// Why, in one sentence.
    pub sentence: String,
    /// What else a reader must know: what was not recorded, not sent, not judged, each with its number.
    pub reasons: Vec<String>,
    /// Share of the selected requests that was recorded completely.
    pub recorded_share: f64,
    /// Share of them that was sent and answered.
    pub sent_share: f64,
    /// Share of them that was judged.
    pub judged_share: f64,
}

#[cfg(test)]
mod tests;
