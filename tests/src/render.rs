//! What was recorded, as text for golden files: one line per exchange, indented details, what was counted at the end.

use std::fmt::Write as _;

use recorder_core::{Anomaly, Counters};
use schema::{Body, Certainty, Exchange, Headers, Timestamp};

use crate::Recording;

/// Bodies up to this length are printed, longer ones summed up.
const BODY_SHOWN_MAX: usize = 120;

/// A whole recording. Times are milliseconds after the first exchange's start.
#[must_use]
pub fn render(recording: &Recording) -> String {
    let mut exchanges: Vec<_> = recording.exchanges.iter().collect();
    exchanges.sort_by_key(|exchange| (exchange.start(), exchange.id()));
    let start = exchanges
        .first()
        .map_or(Timestamp::MIN, |exchange| exchange.start());
    let mut text = String::new();
    for exchange in exchanges {
        text.push_str(&render_exchange(exchange, start));
    }
    text.push_str(&render_totals(&recording.totals));
    text
}

/// One exchange.
#[must_use]
pub fn render_exchange(exchange: &Exchange, start: Timestamp) -> String {
    let mut lines = vec![title(exchange)];
    lines.extend(
        provenance(exchange)
            .into_iter()
            .map(|line| format!("    {line}")),
    );
    if let Some(request) = &exchange.request {
        lines.push(format!(
            "    request {}",
            times(request.start, request.end, start)
        ));
        if let Some(target) = &request.target {
            lines.push(format!("      target {target}"));
        }
        message(
            &mut lines,
            &request.headers,
            &request.body,
            request.trailers.as_ref(),
        );
    }
    for interim in &exchange.interim_statuses {
        lines.push(format!("    interim {interim}"));
    }
    if let Some(response) = &exchange.response {
        lines.push(format!(
            "    response {}",
            times(response.start, response.end, start)
        ));
        message(
            &mut lines,
            &response.headers,
            &response.body,
            response.trailers.as_ref(),
        );
        if let Some(encoding) = &response.body_encoding {
            lines.push(format!("      still encoded {encoding}"));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Who asked what, how it was answered, how whole it is.
fn title(exchange: &Exchange) -> String {
    let request = exchange.request.as_ref().map_or_else(
        || "(no request)".to_owned(),
        |request| {
            let host = request.host.as_deref().unwrap_or("-");
            let query = request
                .query
                .as_ref()
                .map_or_else(String::new, |query| format!("?{query}"));
            format!("{} {host} {}{query}", request.method, request.path)
        },
    );
    let status = exchange
        .response
        .as_ref()
        .map_or_else(|| "none".to_owned(), |response| response.status.to_string());
    let Exchange {
        index,
        protocol,
        completeness,
        ..
    } = exchange;
    format!("#{index} {request} {protocol} -> {status} {completeness}")
}

/// Where it was seen, and what is not certain or not there.
fn provenance(exchange: &Exchange) -> Vec<String> {
    let connection = &exchange.connection;
    let mut lines = vec![format!("{} > {}", connection.client, connection.server)];
    if let Some(vni) = connection.vni {
        let source = connection.source.as_deref().unwrap_or("-");
        lines.push(format!("mirrored by {source} in network {}", vni.get()));
    }
    for (what, certainty) in [("framing", exchange.framing), ("pairing", exchange.pairing)] {
        if certainty == Certainty::Assumed {
            lines.push(format!("{what} assumed"));
        }
    }
    if let Some(span) = exchange.tcp {
        lines.push(format!(
            "tcp {}..{} acknowledging {}",
            span.sequence, span.sequence_end, span.acknowledgement
        ));
    }
    for (what, bytes) in [
        ("request", exchange.request_missing_bytes),
        ("response", exchange.response_missing_bytes),
    ] {
        if bytes > 0 {
            lines.push(format!("{what} lacks {bytes} bytes"));
        }
    }
    lines
}

fn message(lines: &mut Vec<String>, headers: &Headers, body: &Body, trailers: Option<&Headers>) {
    for (name, value) in headers.iter() {
        lines.push(format!("      {name}: {value}"));
    }
    if body.wire_bytes > 0 || !body.bytes.is_empty() {
        lines.push(format!("      body {}", body_text(body)));
    }
    for (name, value) in trailers.iter().flat_map(|trailers| trailers.iter()) {
        lines.push(format!("      trailer {name}: {value}"));
    }
}

fn body_text(body: &Body) -> String {
    let bytes = &body.bytes;
    let shown = if bytes.len() <= BODY_SHOWN_MAX {
        format!("{:?}", String::from_utf8_lossy(bytes))
    } else {
        let sum = bytes.iter().fold(0_u32, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u32::from(*byte))
        });
        format!("{} bytes, sum {sum:08x}", bytes.len())
    };
    if body.wire_bytes == bytes.len() as u64 {
        shown
    } else {
        format!("{shown} ({} bytes on the wire)", body.wire_bytes)
    }
}

fn times(from: Timestamp, to: Timestamp, start: Timestamp) -> String {
    format!(
        "{}..{} ms",
        from.since(start).as_millis(),
        to.since(start).as_millis()
    )
}

/// What was counted, without what is zero.
fn render_totals(totals: &Counters) -> String {
    let ledger = &totals.ledger;
    let counts = [
        ("frames", ledger.frames),
        ("frames_truncated", ledger.frames_truncated),
        ("bytes_truncated", ledger.bytes_truncated),
        ("frames_undecodable", ledger.frames_undecodable),
        ("connections_opened", ledger.connections_opened),
        (
            "connections_joined_midstream",
            ledger.connections_joined_midstream,
        ),
        ("gaps", ledger.gaps),
        ("gap_bytes", ledger.gap_bytes),
        ("exchanges", ledger.exchanges),
        ("exchanges_incomplete", ledger.exchanges_incomplete),
        ("bytes_not_http", ledger.bytes_not_http),
        ("bytes_tls", ledger.bytes_tls),
    ];
    let mut text = "counted".to_owned();
    for (name, count) in counts.iter().filter(|(_, count)| *count > 0) {
        write!(text, " {name}={count}").expect("writing to a string cannot fail");
    }
    text.push('\n');
    for anomaly in Anomaly::ALL
        .iter()
        .filter(|anomaly| totals.anomaly(**anomaly) > 0)
    {
        let (name, count) = (anomaly.as_str(), totals.anomaly(*anomaly));
        writeln!(text, "anomaly {name}={count}").expect("writing to a string cannot fail");
    }
    text
}
