//! What one recording has done: every frame, byte and exchange accounted for, and what to do about what is missing.
//!
//! The names of the fields are what `--json` prints, and stay.

mod advice;
mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use recorder_core::{Anomaly, Counters, Redaction, TlsServers, TlsTraffic};
use schema::{Completeness, RecorderId, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::capture::Report;
use crate::recording::Recorded;
use crate::shard::Done;
use crate::spool::Replayed;
use crate::upload::{Left, Published, Segments};

/// Servers with TLS that a summary names.
const TLS_SERVERS_MAX: usize = 20;

/// The result of one recording.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Whether everything that was given was read.
    pub outcome: Outcome,
    /// Who wrote the segments.
    pub recorder: String,
    /// Where they are.
    pub archive: String,
    /// Captures that were read.
    pub files: u64,
    /// Captures that end in the middle or are damaged; they were read up to there.
    pub incomplete_files: Vec<IncompleteFile>,
    /// Whether reading was interrupted.
    pub interrupted: bool,
    /// Time of the earliest frame, RFC 3339; null without frames.
    pub first_frame: Option<String>,
    /// Time of the latest frame, RFC 3339.
    pub last_frame: Option<String>,
    /// Seconds of captured time.
    pub capture_seconds: f64,
    /// Seconds that recording took.
    pub wall_seconds: f64,
    /// Frames read.
    pub frames: Frames,
    /// TCP payload, by what became of it.
    pub payload_bytes: PayloadBytes,
    /// TCP connections.
    pub connections: Connections,
    /// Servers that speak TLS, those with the most bytes first; at most 20.
    pub tls_servers: Vec<TlsServer>,
    /// Exchanges recorded: `total`, then by completeness.
    pub exchanges: Map<String, Value>,
    /// Exchanges that were not recorded, by choice.
    pub left_out: LeftOut,
    /// What was taken out of the others; null without rules.
    pub redaction: Option<RedactedBy>,
    /// What the mirror lost.
    pub gaps: Gaps,
    /// Segments of the archive.
    pub segments: Tables,
    /// What the spool did; null without one.
    pub spool: Option<SpoolSummary>,
    /// Everything odd, by name, without those that were not seen.
    pub anomalies: Map<String, Value>,
    /// What to do about what is missing.
    pub advice: Vec<String>,
}

/// How a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything that was given was read.
    Complete,
    /// A capture was cut or damaged, reading was interrupted, or the archive lacks something of what was recorded.
    Incomplete,
}

/// What a spool did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SpoolSummary {
    /// Its folder.
    pub folder: String,
    /// What an earlier recording that was not ended had left, which was published now.
    pub recovered: Replayed,
    /// Exchanges that were left out because it was full.
    pub exchanges_shed: u64,
    /// Segments that wait in it for the archive.
    pub segments_waiting: u64,
    /// Segments that were set aside because another object has their place.
    pub segments_set_aside: u64,
    /// Whether exchanges wait in it because the disk has no room for their segments.
    pub unsealed: bool,
}

/// A capture that was not read to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IncompleteFile {
    /// Its name.
    pub file: String,
    /// Why.
    pub reason: String,
}

/// Frames by what they are: the classes from `tcp_payload` to `undecodable` add up to `total`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Frames {
    /// All.
    pub total: u64,
    /// Their bytes, as captured.
    pub bytes: u64,
    /// TCP with payload.
    pub tcp_payload: u64,
    /// TCP without: handshakes, acknowledgements, ends.
    pub tcp_no_payload: u64,
    /// IP fragments that waited for others.
    pub ip_fragment: u64,
    /// IP, another protocol.
    pub not_tcp: u64,
    /// No IP.
    pub not_ip: u64,
    /// Malformed, or cut inside a header, or of a link type that is not supported.
    pub undecodable: u64,
    /// Of all, those that the capture or the mirror cut.
    pub truncated: u64,
    /// Bytes cut off.
    pub truncated_bytes: u64,
    /// Beside all, those that were dropped before anyone could read them.
    pub dropped: u64,
    /// Of all, those whose header gives no time, or one that cannot be: they took that of the frame before.
    pub untimed: u64,
    /// Of the undecodable ones, those of an unsupported link type, by its number.
    pub unsupported_link_types: BTreeMap<u32, u64>,
}

/// TCP payload by what became of it: the classes from `http` on add up to `total`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PayloadBytes {
    /// All, every copy of it.
    pub total: u64,
    /// Became HTTP messages.
    pub http: u64,
    /// TLS.
    pub tls: u64,
    /// Something else, or HTTP that could not be made out.
    pub not_http: u64,
    /// Retransmissions and duplicates.
    pub repeated: u64,
    /// Belonged to no stream.
    pub discarded: u64,
}

/// TCP connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Connections {
    /// Handshake seen.
    pub opened: u64,
    /// Under way when first seen.
    pub joined_midstream: u64,
}

/// Exchanges that were not recorded, by choice; not among those that were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// By `--keep` and `--drop`.
    pub filtered: u64,
    /// By `--sample`.
    pub sampled: u64,
}

/// A server that speaks TLS, which cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TlsServer {
    /// Its inner address and port; `other` for all that are too many to tell apart.
    pub server: String,
    /// Connections.
    pub connections: u64,
    /// TCP payload in both directions.
    pub bytes: u64,
}

/// What redaction did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RedactedBy {
    /// The policy as the segments name it: number and digest of the rules, and the id of the key.
    pub policy: String,
    /// The rules, and how often each found something.
    pub rules: Vec<RuleMatches>,
    /// Bodies that were taken out whole because they could not be read.
    pub bodies_masked: u64,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleMatches {
    /// The rule as typed.
    pub rule: String,
    /// How often it found something.
    pub matches: u64,
}

/// Holes in TCP streams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Gaps {
    /// How many.
    pub count: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// Segments by table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tables {
    /// Of exchanges.
    pub exchanges: Segments,
    /// Of the ledger.
    pub capture: Segments,
}

/// Where and how long a recording was.
pub(crate) struct About<'a> {
    pub(crate) recorder: &'a RecorderId,
    pub(crate) archive: &'a str,
    pub(crate) redaction: Option<&'a Redaction>,
    pub(crate) took: Duration,
    pub(crate) spool: Option<Spooled>,
}

/// What became of a spool.
pub(crate) struct Spooled {
    pub(crate) folder: String,
    pub(crate) recorded: Recorded,
    pub(crate) left: Left,
}

impl SpoolSummary {
    fn new(spooled: &Spooled) -> Self {
        let Spooled {
            folder,
            recorded,
            left,
        } = spooled;
        Self {
            folder: folder.clone(),
            recovered: recorded.replayed.clone(),
            exchanges_shed: recorded.shed,
            segments_waiting: left.waiting,
            segments_set_aside: left.set_aside,
            unsealed: recorded.unsealed > 0,
        }
    }

    /// Whether the archive has everything that was recorded.
    fn is_whole(&self) -> bool {
        self.exchanges_shed + self.segments_waiting + self.segments_set_aside == 0
            && self.recovered.damaged_bytes == 0
            && !self.unsealed
    }
}

impl Summary {
    pub(crate) fn new(about: &About<'_>, done: Done, published: Published) -> Self {
        let Done {
            counters,
            exchanges,
            report,
            interrupted,
            tls,
            matches,
        } = done;
        let spool = about.spool.as_ref().map(SpoolSummary::new);
        let spooled = spool.as_ref().is_none_or(SpoolSummary::is_whole);
        let incomplete = interrupted || !report.faults.is_empty() || !spooled;
        let span = report.span;
        let time = |time: Timestamp| time.to_string();
        let mut summary = Self {
            outcome: if incomplete {
                Outcome::Incomplete
            } else {
                Outcome::Complete
            },
            recorder: about.recorder.to_string(),
            archive: about.archive.to_owned(),
            files: report.files,
            interrupted,
            first_frame: span.map(|(first, _)| time(first)),
            last_frame: span.map(|(_, last)| time(last)),
            capture_seconds: span.map_or(0.0, |(first, last)| last.since(first).as_secs_f64()),
            wall_seconds: about.took.as_secs_f64(),
            frames: Frames::new(&counters, &report),
            payload_bytes: PayloadBytes {
                total: counters.bytes_payload,
                http: counters.bytes_http,
                tls: counters.ledger.bytes_tls,
                not_http: counters.ledger.bytes_not_http,
                repeated: counters.bytes_repeated,
                discarded: counters.bytes_discarded,
            },
            connections: Connections {
                opened: counters.ledger.connections_opened,
                joined_midstream: counters.ledger.connections_joined_midstream,
            },
            tls_servers: tls_servers(&tls),
            exchanges: exchange_counts(&exchanges),
            left_out: LeftOut {
                filtered: counters.ledger.exchanges_filtered_out,
                sampled: counters.ledger.exchanges_sampled_out
                    - counters.ledger.exchanges_filtered_out,
            },
            redaction: about
                .redaction
                .map(|redaction| RedactedBy::new(redaction, &matches, &counters)),
            gaps: Gaps {
                count: counters.ledger.gaps,
                bytes: counters.ledger.gap_bytes,
            },
            segments: Tables {
                exchanges: published.exchanges,
                capture: published.capture,
            },
            anomalies: Anomaly::ALL
                .iter()
                .map(|&anomaly| (anomaly.as_str(), counters.anomaly(anomaly)))
                .filter(|&(_, count)| count > 0)
                .map(|(name, count)| (name.to_owned(), count.into()))
                .collect(),
            incomplete_files: incomplete_files(report.faults),
            spool,
            advice: Vec::new(),
        };
        summary.advice = advice::advice(&summary);
        summary
    }

    /// How many exchanges were recorded.
    #[must_use]
    pub fn exchanges_total(&self) -> u64 {
        self.exchange_count("total")
    }

    /// How many exchanges of one completeness were recorded, by its name.
    #[must_use]
    pub fn exchange_count(&self, name: &str) -> u64 {
        self.exchanges
            .get(name)
            .and_then(Value::as_u64)
            .unwrap_or(0)
    }

    /// How often an anomaly was seen, by its name.
    #[must_use]
    pub fn anomaly(&self, name: &str) -> u64 {
        self.anomalies
            .get(name)
            .and_then(Value::as_u64)
            .unwrap_or(0)
    }

    /// The summary as an operator reads it, lines of at most 100 columns.
    #[must_use]
    pub fn text(&self) -> String {
        text::render(self)
    }

    /// The summary as a JSON document.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a summary holds nothing that JSON does not know")
    }
}

impl Frames {
    fn new(counters: &Counters, report: &Report) -> Self {
        let ledger = &counters.ledger;
        debug_assert_eq!(counters.frames_accounted(), ledger.frames);
        Self {
            total: ledger.frames,
            bytes: ledger.bytes,
            tcp_payload: counters.frames_payload,
            tcp_no_payload: counters.frames_no_payload,
            ip_fragment: counters.frames_fragment,
            not_tcp: counters.frames_not_tcp,
            not_ip: counters.frames_not_ip,
            undecodable: ledger.frames_undecodable,
            truncated: ledger.frames_truncated,
            truncated_bytes: ledger.bytes_truncated,
            dropped: ledger.frames_dropped,
            untimed: report.untimed,
            unsupported_link_types: report.unsupported.clone(),
        }
    }
}

impl RedactedBy {
    fn new(redaction: &Redaction, matches: &[u64], counters: &Counters) -> Self {
        // Before the first exchange there are no counts.
        let matches = matches.iter().copied().chain(std::iter::repeat(0));
        let rules = redaction.rules().iter().zip(matches);
        Self {
            policy: redaction.to_string(),
            rules: rules
                .map(|(rule, matches)| RuleMatches {
                    rule: rule.clone(),
                    matches,
                })
                .collect(),
            bodies_masked: counters.ledger.bodies_masked,
        }
    }
}

fn exchange_counts(counts: &[u64]) -> Map<String, Value> {
    let total: u64 = counts.iter().sum();
    let each = Completeness::ALL.iter().zip(counts);
    std::iter::once(("total".to_owned(), total.into()))
        .chain(each.map(|(name, &count)| (name.as_str().to_owned(), count.into())))
        .collect()
}

/// The servers with the most TLS; the rest together.
fn tls_servers(tls: &TlsServers) -> Vec<TlsServer> {
    let named = |server: String, traffic: TlsTraffic| TlsServer {
        server,
        connections: traffic.connections,
        bytes: traffic.bytes,
    };
    let mut other = tls.other();
    let mut servers = Vec::new();
    for (server, traffic) in tls.by_bytes() {
        if servers.len() < TLS_SERVERS_MAX {
            servers.push(named(server.to_string(), traffic));
        } else {
            other.connections += traffic.connections;
            other.bytes += traffic.bytes;
        }
    }
    if other != TlsTraffic::default() {
        servers.push(named("other".to_owned(), other));
    }
    servers
}

fn incomplete_files(faults: Vec<(String, String)>) -> Vec<IncompleteFile> {
    let file = |(file, reason)| IncompleteFile { file, reason };
    faults.into_iter().map(file).collect()
}

#[cfg(test)]
mod tests;
