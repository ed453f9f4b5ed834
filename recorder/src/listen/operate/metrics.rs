//! Numbers for Prometheus, text format 0.0.4 (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::fmt::Write as _;

use recorder_core::Anomaly;
use schema::Completeness;

use crate::listen::stats::Snapshot;
use crate::live::FeedFacts;
use crate::recording::Publication;
use crate::spool::SpoolFacts;

/// Everything that is exported.
#[derive(Debug)]
pub(in crate::listen) struct Facts<'a> {
    pub(in crate::listen) snapshot: &'a Snapshot,
    pub(in crate::listen) healthy: bool,
    pub(in crate::listen) queue_bytes: u64,
    pub(in crate::listen) publication: Publication,
    /// The live stream, if it is served.
    pub(in crate::listen) live: Option<FeedFacts>,
    /// Resident memory of the process, if the system tells.
    pub(in crate::listen) memory_bytes: Option<u64>,
}

/// The text; every name begins with `recorder_`, and every counter ends in `_total`.
pub(in crate::listen) fn render(facts: &Facts<'_>) -> String {
    let mut text = String::with_capacity(8 << 10);
    let totals = columns(facts).into_iter().chain(others(facts));
    for (name, value, help) in totals {
        head(&mut text, &format!("{name}_total"), "counter", help);
        let _ = writeln!(text, "recorder_{name}_total {value}");
    }
    let help = "Exchanges recorded, by completeness";
    head(&mut text, "exchanges_total", "counter", help);
    for (completeness, count) in Completeness::ALL.iter().zip(&facts.snapshot.exchanges) {
        let _ = writeln!(
            text,
            "recorder_exchanges_total{{completeness=\"{completeness}\"}} {count}"
        );
    }
    let help = "Odd things in the traffic, by name";
    head(&mut text, "anomalies_total", "counter", help);
    for &anomaly in Anomaly::ALL {
        let (name, count) = (anomaly.as_str(), facts.snapshot.counters.anomaly(anomaly));
        let _ = writeln!(
            text,
            "recorder_anomalies_total{{anomaly=\"{name}\"}} {count}"
        );
    }
    for (name, value, help) in gauges(facts) {
        head(&mut text, name, "gauge", help);
        let _ = writeln!(text, "recorder_{name} {value}");
    }
    text
}

/// The ledger's columns, under their names.
fn columns(facts: &Facts<'_>) -> Vec<(&'static str, u64, &'static str)> {
    let ledger = &facts.snapshot.counters.ledger;
    vec![
        ("frames", ledger.frames, "Frames received"),
        ("bytes", ledger.bytes, "Bytes of those frames"),
        (
            "frames_dropped",
            ledger.frames_dropped,
            "Frames dropped by sockets, between shards, or with connections that were let go",
        ),
        (
            "frames_truncated",
            ledger.frames_truncated,
            "Frames that the mirror cut",
        ),
        (
            "bytes_truncated",
            ledger.bytes_truncated,
            "Bytes that the mirror cut off",
        ),
        (
            "frames_undecodable",
            ledger.frames_undecodable,
            "Frames that cannot be read",
        ),
        (
            "connections_opened",
            ledger.connections_opened,
            "Connections whose handshake was seen",
        ),
        (
            "connections_joined_midstream",
            ledger.connections_joined_midstream,
            "Connections that were under way when first seen",
        ),
        ("gaps", ledger.gaps, "Holes in TCP streams"),
        ("gap_bytes", ledger.gap_bytes, "Bytes in those holes"),
        (
            "exchanges_incomplete",
            ledger.exchanges_incomplete,
            "Exchanges that are not complete",
        ),
        (
            "exchanges_filtered_out",
            ledger.exchanges_filtered_out,
            "Exchanges left out by filters",
        ),
        (
            "exchanges_sampled_out",
            ledger.exchanges_sampled_out,
            "Exchanges left out by sampling or filters",
        ),
        (
            "exchanges_shed",
            ledger.exchanges_shed + facts.publication.spool.map_or(0, |(spool, _)| spool.shed),
            "Exchanges that came and are not stored: copies of requests that were too many, or the spool was full",
        ),
        (
            "bodies_masked",
            ledger.bodies_masked,
            "Bodies that redaction took out whole because it could not read them",
        ),
        (
            "bytes_not_http",
            ledger.bytes_not_http,
            "TCP payload that is not HTTP",
        ),
        ("bytes_tls", ledger.bytes_tls, "TCP payload that is TLS"),
    ]
}

/// What the ledger has no column for.
fn others(facts: &Facts<'_>) -> Vec<(&'static str, u64, &'static str)> {
    let now = facts.snapshot;
    let spool = facts.publication.spool.unwrap_or_default().0;
    let live = facts.live.unwrap_or_default();
    vec![
        (
            "frames_shed",
            now.shed,
            "Frames of connections that were let go; frames_dropped counts them too",
        ),
        (
            "frames_forwarded",
            now.forwarded,
            "Frames that another shard's socket received",
        ),
        (
            "requests_mirrored",
            now.mirrored,
            "Requests that proxies copied, those that were let go included",
        ),
        (
            "exchanges_spooled",
            spool.stored,
            "Exchanges that the spool took",
        ),
        (
            "fell_behind",
            facts.publication.fell_behind,
            "How often exchanges began to wait in the spool because they came faster than segments were made",
        ),
        (
            "live_rows",
            live.sent,
            "Exchanges sent to subscribers, to each of them",
        ),
        (
            "live_missed",
            live.missed,
            "Exchanges that subscribers were too slow for",
        ),
        (
            "segments_published",
            facts.publication.segments,
            "Segments published",
        ),
        (
            "segment_bytes_published",
            facts.publication.segment_bytes,
            "Bytes of those segments",
        ),
    ]
}

/// What goes up and down. Memory is told where the system tells it.
fn gauges(facts: &Facts<'_>) -> Vec<(&'static str, f64, &'static str)> {
    let now = facts.snapshot;
    let mut gauges = vec![
        (
            "healthy",
            f64::from(u8::from(facts.healthy)),
            "1 if the health check succeeds",
        ),
        (
            "connections_open",
            now.connections as f64,
            "Connections held",
        ),
        (
            "receive_buffer_fill_ratio",
            now.buffer_fill,
            "How full the fullest receive buffer is",
        ),
        (
            "shed_ratio",
            now.shed_share,
            "Share of connections that is let go",
        ),
        (
            "queue_bytes",
            facts.queue_bytes as f64,
            "Bytes of exchanges that wait for the writer",
        ),
        (
            "exchanges_waiting",
            facts.publication.exchanges_waiting as f64,
            "Exchanges recorded since the start and not yet published",
        ),
        (
            "publication_lag_seconds",
            facts.publication.lag.as_secs_f64(),
            "How long the exchange that waits longest has waited to be published",
        ),
    ];
    gauges.extend(facts.live.into_iter().flat_map(live_gauges));
    let spool = facts.publication.spool;
    if spool.is_some() {
        let is_behind = f64::from(u8::from(facts.publication.is_behind));
        let help =
            "1 while exchanges wait in the spool because they come faster than segments are made";
        gauges.push(("behind", is_behind, help));
    }
    gauges.extend(spool.into_iter().flat_map(spool_gauges));
    if let Some(bytes) = facts.memory_bytes {
        gauges.push(("memory_bytes", bytes as f64, "Resident memory"));
    }
    gauges
}

fn live_gauges(live: FeedFacts) -> [(&'static str, f64, &'static str); 2] {
    [
        (
            "live_subscribers",
            live.subscribers as f64,
            "Subscribers of the live stream",
        ),
        (
            "live_recent_bytes",
            live.bytes as f64,
            "Bytes of recent exchanges that subscribers read from",
        ),
    ]
}

fn spool_gauges((spool, segments): (SpoolFacts, u64)) -> [(&'static str, f64, &'static str); 5] {
    [
        (
            "spool_bytes",
            spool.bytes as f64,
            "Disk space that the spool takes",
        ),
        (
            "spool_bytes_max",
            spool.bytes_max as f64,
            "Disk space that the spool may take",
        ),
        (
            "spool_segments_waiting",
            segments as f64,
            "Segments that wait in the spool for the archive",
        ),
        (
            "spool_recovering_bytes",
            spool.left_bytes as f64,
            "Bytes of frames that the last recording left and that are in no segment yet",
        ),
        (
            "spool_full",
            f64::from(u8::from(spool.full)),
            "1 if the spool has no room, or had none in the last 10 s",
        ),
    ]
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(
        text,
        "# HELP recorder_{name} {help}.\n# TYPE recorder_{name} {kind}"
    );
}
