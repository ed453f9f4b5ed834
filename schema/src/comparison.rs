//! `comparison.json`: what two builds answered differently over one window, whose each difference is, and the verdict.
//!
//! A document has no time of its own: the same inputs give the same document, byte for byte, under the same id. Times are
//! RFC 3339 text in UTC, spans are whole microseconds, shares go from 0 to 1. Fields are only ever added.

use serde::{Deserialize, Serialize};

use crate::run::text;
use crate::run::{Latency, ReasonCount, RunCoverage, RunVerdict};
use crate::time::Timestamp;

/// The version of the document that this code writes; a reader refuses documents of a newer one.
pub const COMPARISON_FORMAT: u32 = 1;

/// The document of one comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparisonDocument {
    /// Version of the document, [`COMPARISON_FORMAT`].
    pub format: u32,
    /// The verdict's id: a hash of everything that the comparison was made from, 16 hexadecimal digits.
    pub comparison: String,
    /// Name and version of the program that wrote it.
    pub program: String,
    /// URL of the archive, without credentials.
    pub archive: String,
    /// First instant of the window.
    #[serde(with = "text::time")]
    pub from: Timestamp,
    /// First instant after the window.
    #[serde(with = "text::time")]
    pub to: Timestamp,
    /// The candidate's filters, each as it was typed.
    pub filters: Vec<String>,
    /// What the candidate is held against.
    pub baseline: ComparedSide,
    /// What is judged.
    pub candidate: ComparedSide,
    /// Runs of the baseline's build from which noise was learned.
    pub noise_runs: Vec<ComparedSide>,
    /// What the ledger says of the window; null where the archive has no ledger.
    #[serde(default)]
    pub coverage: Option<RunCoverage>,
    /// When something was not recorded, or was lost, in order of time and at most 100 of a kind.
    #[serde(default)]
    pub holes: Vec<CoverageHole>,
    /// Holes that are not listed.
    #[serde(default)]
    pub holes_left_out: u64,
    /// Pass, fail, or not enough evidence.
    pub verdict: RunVerdict,
    /// Why, in one sentence.
    pub sentence: String,
    /// What else a reader must know: what was not captured, sent or judged, each with its number.
    pub reasons: Vec<String>,
    /// What a pass asks for, and what came of it.
    pub gates: Vec<Gate>,
    /// What became of every request.
    pub totals: ComparedTotals,
    /// By endpoint, those with most that the refactor changed first.
    pub endpoints: Vec<ComparedEndpoint>,
    /// Alike findings together; those that need a person first.
    pub groups: Vec<FindingGroup>,
    /// Findings that are in no group, because there are too many groups.
    pub ungrouped: u64,
    /// Fields that differ between runs of one build.
    pub noise: Vec<NoiseField>,
    /// Rules, and what each set aside.
    pub rules: Vec<AppliedRule>,
    /// Path templates by which requests are put together, beside those that show in how a path looks: those of the file of
    /// rules, then learned ones.
    #[serde(default)]
    pub templates: Vec<PathTemplate>,
    /// Whether no template was learned because the window has too many different paths.
    #[serde(default)]
    pub templates_overfull: bool,
    /// Groups of the acceptance file that did not come up.
    #[serde(default)]
    pub fixed: Vec<AcceptedGroup>,
    /// What happened when, over the window.
    pub timeline: ComparedTimeline,
}

/// Where a comparison's document lies below the archive's URL.
#[must_use]
pub fn comparison_path(comparison: &str) -> String {
    format!("comparisons/{comparison}/comparison.json")
}

impl ComparisonDocument {
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
    /// If it is no comparison, or of a newer format.
    pub fn from_json(json: &[u8]) -> Result<Self, ComparisonDocumentError> {
        /// Only the version, so that a newer document is called newer and not malformed.
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let Version { format } = serde_json::from_slice(json)?;
        if format > COMPARISON_FORMAT {
            return Err(ComparisonDocumentError::Newer(format));
        }
        Ok(serde_json::from_slice(json)?)
    }
}

/// Why a comparison's document was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComparisonDocumentError {
    /// It is no JSON, or not of a comparison.
    #[error("not a comparison's document")]
    Malformed(#[from] serde_json::Error),
    /// It was written by a newer program.
    #[error(
        "comparison has format {0}, this program reads up to {COMPARISON_FORMAT}: use a newer one"
    )]
    Newer(u32),
}

/// Whole minutes of the window in which something was not recorded, or was lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageHole {
    /// The first minute.
    #[serde(with = "text::time")]
    pub from: Timestamp,
    /// The first minute after it.
    #[serde(with = "text::time")]
    pub to: Timestamp,
    /// What: `not recorded`, `interrupted`, `exchanges shed`, `frames dropped`, `frames truncated` or `bytes lost`.
    pub kind: String,
    /// How many: of minutes for `not recorded`, else of what the kind says.
    pub count: u64,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparedSide {
    /// Name of the run; `recorded` for the recording itself.
    pub run: String,
    /// Which build the target ran, as the user said.
    pub label: Option<String>,
    /// How far the run came; null for the recording.
    pub state: Option<String>,
    /// Exchanges of this side that were read.
    pub exchanges: u64,
    /// Those among them that are outside of the window or the filters.
    pub outside: u64,
    /// Those among them that came twice, or too late for the join's memory.
    pub unjoined: u64,
    /// Largest lag of the side, microseconds; null for the recording.
    pub lag_us_max: Option<i64>,
    /// Requests of the window that were sent perhaps twice, because the run was killed before it knew an answer.
    #[serde(default)]
    pub sent_perhaps_twice: u64,
    /// Those among them whose answers the refactor is blamed for.
    #[serde(default)]
    pub sent_perhaps_twice_blamed: u64,
}

/// What became of every request of the window that the filters selected.
///
/// `selected = same + refactor + fixed + environment + noise + rule + incomparable`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedTotals {
    /// Requests that the filters selected.
    pub selected: u64,
    /// Those that were recorded completely.
    pub captured: u64,
    /// Those that the candidate was sent and answered.
    pub sent: u64,
    /// Those whose answers could be held against each other.
    pub judged: u64,
    /// Judged, and no side differs from another.
    pub same: u64,
    /// Judged, and the refactor changed something.
    pub refactor: u64,
    /// Judged, and the worst is that something is now as recorded that was not.
    pub fixed: u64,
    /// Judged, and the worst is that the test environment differs from production.
    pub environment: u64,
    /// Judged, and the worst is noise.
    pub noise: u64,
    /// Judged, and the worst is what a rule sets aside.
    pub rule: u64,
    /// Not judged.
    pub incomparable: u64,
    /// Why not.
    pub incomparable_by: Vec<ReasonCount>,
    /// Findings blamed on the refactor, in all.
    pub findings: u64,
    /// Fields that noise set aside, in all.
    pub noise_suppressed: u64,
    /// Fields that rules set aside, in all.
    pub rule_suppressed: u64,
}

/// One thing that a pass asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The flag that asks for it.
    pub gate: String,
    /// Whether it holds.
    pub holds: bool,
    /// What was asked for, and what is.
    pub text: String,
}

/// One endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ComparedEndpoint {
    /// Method, host and path template.
    pub endpoint: String,
    /// What became of its requests.
    pub totals: ComparedTotals,
    /// Latency from the due time: `recorded` is the baseline's, `replayed` the candidate's.
    pub latency: Latency,
    /// Whether the candidate is slower than the baseline beyond chance, and by how much; null where too few to say.
    #[serde(default)]
    pub slower: Option<Slower>,
}

/// How the candidate's latency compares with the baseline's, request by request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slower {
    /// Pairs that were compared.
    pub pairs: u64,
    /// Mean of (candidate - baseline), microseconds.
    pub mean_us: f64,
    /// Lower end of its 99 % confidence interval, microseconds.
    pub low_us: f64,
    /// Upper end.
    pub high_us: f64,
}

/// Findings that are alike: same endpoint, part, place (list indices apart), kind, cause and blame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingGroup {
    /// Id: a hash of all that makes its findings alike, 16 hexadecimal digits; the same in every comparison.
    pub group: String,
    /// Method, host and path template.
    pub endpoint: String,
    /// `outcome`, `status`, `header`, `trailer` or `body`.
    pub part: String,
    /// Where in the part, with `*` for indices and ids: `$.items[*].price`.
    pub location: String,
    /// `missing`, `extra`, `type`, `value` or `order`.
    pub kind: String,
    /// What changed: `string became null`.
    pub cause: String,
    /// Whose it is.
    pub blame: String,
    /// `new`, `known` or `returned`; null for what needs nobody.
    pub standing: Option<String>,
    /// Requests with such a finding.
    pub requests: u64,
    /// Such findings in all.
    pub findings: u64,
    /// Requests of this endpoint that were judged.
    pub of: u64,
    /// When the first of these requests was recorded.
    #[serde(with = "text::time")]
    pub first: Timestamp,
    /// When the last of these requests was recorded.
    #[serde(with = "text::time")]
    pub last: Timestamp,
    /// The first few.
    pub examples: Vec<FindingExample>,
    /// The requests to send to see it: those of the session before it, and the one that differs. Exchange ids.
    pub reproducer: Vec<String>,
    /// The same requests as a shell script that calls curl; empty where it was not made.
    #[serde(default)]
    pub script: String,
    /// What the script lacks or why there is none, in sentences; empty for a group that needs nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub script_lacks: Vec<String>,
    /// Who accepted it, why and until when, for a known one.
    #[serde(default)]
    pub accepted: Option<AcceptedGroup>,
    /// The answers of the first example side by side.
    #[serde(default)]
    pub sides: Option<SideBySide>,
}

/// One finding, as an example of its group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingExample {
    /// Id of the exchange.
    pub exchange: String,
    /// Method and request target.
    pub request: String,
    /// Where exactly.
    pub location: String,
    /// What was recorded at that place where it is known, cut for printing.
    pub recorded: Option<String>,
    /// What the baseline answered, cut for printing; null where nothing was there.
    pub expected: Option<String>,
    /// What the candidate answered, cut for printing; null where nothing was there.
    pub actual: Option<String>,
}

/// Up to three answers to one request, line by line: lines that differ, with a few around them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideBySide {
    /// The rows.
    pub rows: Vec<SideRow>,
    /// Rows that were left out because there are too many.
    pub rows_left_out: u64,
}

/// One line of up to three answers; null where the answer has no such line, all null for a leap over equal lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideRow {
    /// As recorded.
    pub recorded: Option<String>,
    /// The baseline's.
    pub baseline: Option<String>,
    /// The candidate's.
    pub candidate: Option<String>,
}

/// A field that differs between two runs of one build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoiseField {
    /// Method, host and path template.
    pub endpoint: String,
    /// `status`, `header`, `trailer` or `body`.
    pub part: String,
    /// Where in the part, with `*` for indices and ids.
    pub location: String,
    /// `missing`, `extra`, `type`, `value` or `order`.
    pub kind: String,
    /// What kind of value it is: `timestamp`, `uuid`, `counter`, `random order`, …
    pub volatile: String,
    /// What the candidate's value must be like to be set aside.
    pub bound: String,
    /// Pairs of baseline answers in which it differed.
    pub evidence: u64,
    /// Pairs of baseline answers of this endpoint that were looked at.
    pub of: u64,
    /// Differences of the candidate that it set aside.
    pub suppressed: u64,
    /// An exchange in which it differed.
    pub example: String,
    /// What one baseline run answered there.
    pub left: Option<String>,
    /// What the other answered.
    pub right: Option<String>,
}

/// A rule, and what it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedRule {
    /// The rule: `rules.toml:12 ignore $.trace`, or a preset's name and effect, `oracle: number scale`.
    pub rule: String,
    /// Differences that it set aside.
    pub suppressed: u64,
}

/// A path template that does not show in how a path looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathTemplate {
    /// The host; a glob for one of the file of rules.
    pub host: String,
    /// The template, `/users/{name}`.
    pub template: String,
    /// `learned`, or which line of the file of rules says it.
    pub source: String,
    /// Different values that were seen; 0 where they were not counted.
    pub values: u64,
    /// Requests that had one of them; 0 where they were not counted.
    pub requests: u64,
    /// Words at the same place that are no values.
    pub words: Vec<String>,
}

/// A group that a person has accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedGroup {
    /// The group's id.
    pub group: String,
    /// What it was: endpoint, place and cause.
    pub what: String,
    /// Who accepted it.
    pub by: String,
    /// Why.
    pub why: String,
    /// Until when, a date; null for ever.
    pub until: Option<String>,
}

/// What happened when: buckets of equal width over the window, by recorded time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedTimeline {
    /// Start of the first bucket; null for an empty window.
    #[serde(default, with = "text::time_option")]
    pub start: Option<Timestamp>,
    /// Width of a bucket, microseconds.
    pub bucket_us: u64,
    /// The buckets, without holes.
    pub buckets: Vec<ComparedBucket>,
}

/// What happened in one bucket of recorded time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedBucket {
    /// Requests that were recorded.
    pub requests: u64,
    /// Those that were judged.
    pub judged: u64,
    /// Those that the refactor changed.
    pub refactor: u64,
}
