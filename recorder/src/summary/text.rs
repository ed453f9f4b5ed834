//! A summary as an operator reads it.

use std::fmt::Write as _;
use std::time::Duration;

use super::Summary;
use crate::units::{ByteSize, count, span};
use crate::upload::Segments;

/// Widest line of running text.
const WIDTH: usize = 100;

/// One line of the table: what, how much, and a remark.
struct Row {
    label: String,
    value: String,
    note: String,
}

pub(super) fn render(summary: &Summary) -> String {
    let mut text = heading(summary);
    text.push('\n');
    let rows = rows(summary);
    let label_width = rows.iter().map(|row| row.label.len()).max().unwrap_or(0);
    let value_width = rows.iter().map(|row| row.value.len()).max().unwrap_or(0);
    for Row { label, value, note } in rows {
        let line = format!("  {label:label_width$}  {value:>value_width$}  {note}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    for file in &summary.incomplete_files {
        text.push('\n');
        wrap(
            &mut text,
            "! ",
            &format!("{} is {}", file.file, file.reason),
        );
    }
    if summary.interrupted {
        text.push_str("\n! interrupted: what follows was not read; exchanges under way are recorded as they were\n");
    }
    if !summary.advice.is_empty() {
        text.push_str("\nWhat to do\n");
        for advice in &summary.advice {
            wrap(&mut text, "  - ", advice);
        }
    }
    text
}

fn heading(summary: &Summary) -> String {
    let (files, exchanges) = (summary.files, summary.exchanges_total());
    let files_noun = if files == 1 { "capture" } else { "captures" };
    let exchanges_noun = if exchanges == 1 {
        "exchange"
    } else {
        "exchanges"
    };
    let origin = match files {
        0 => "live".to_owned(),
        files => format!("of {} {files_noun}", count(files)),
    };
    let mut heading = format!(
        "Recorded {} {exchanges_noun} {origin} as {}\n     into {}\n",
        count(exchanges),
        summary.recorder,
        summary.archive
    );
    if let (Some(first), Some(last)) = (&summary.first_frame, &summary.last_frame) {
        let captured = span(Duration::from_secs_f64(summary.capture_seconds));
        let _ = writeln!(heading, "     from {first}\n       to {last} ({captured})");
    }
    heading
}

fn rows(summary: &Summary) -> Vec<Row> {
    let mut rows = Vec::new();
    frame_rows(summary, &mut rows);
    payload_rows(summary, &mut rows);
    let connections = &summary.connections;
    rows.push(row(
        "Connections",
        count(connections.opened + connections.joined_midstream),
        format!(
            "{} from their handshake on, {} joined midway",
            count(connections.opened),
            count(connections.joined_midstream)
        ),
    ));
    if summary.gaps.count > 0 {
        let lost = format!("{} never captured", ByteSize(summary.gaps.bytes));
        rows.push(row("  gaps", count(summary.gaps.count), lost));
    }
    rows.push(row(
        "Exchanges",
        count(summary.exchanges_total()),
        String::new(),
    ));
    for (name, value) in summary.exchanges.iter().skip(1) {
        push_some(&mut rows, name, value.as_u64().unwrap_or(0), "");
    }
    let left_out = &summary.left_out;
    push_some(
        &mut rows,
        "left out by filters",
        left_out.filtered,
        "not recorded",
    );
    push_some(
        &mut rows,
        "left out by sampling",
        left_out.sampled,
        "not recorded",
    );
    if let Some(redaction) = &summary.redaction {
        let values = redaction.rules.iter().map(|rule| rule.matches).sum();
        rows.push(row("Redacted", count(values), redaction.policy.clone()));
        let note = "taken out whole: they could not be read";
        push_some(&mut rows, "bodies", redaction.bodies_masked, note);
    }
    segment_rows(summary, &mut rows);
    spool_rows(summary, &mut rows);
    if !summary.anomalies.is_empty() {
        rows.push(row("Oddities", String::new(), String::new()));
    }
    for (name, value) in &summary.anomalies {
        push_some(&mut rows, name, value.as_u64().unwrap_or(0), "");
    }
    let seconds = summary.wall_seconds.max(1e-6);
    let rate = format!(
        "{} frames/s, {}/s",
        count((summary.frames.total as f64 / seconds) as u64),
        ByteSize((summary.frames.bytes as f64 / seconds) as u64)
    );
    rows.push(row(
        "Took",
        span(Duration::from_secs_f64(summary.wall_seconds)),
        rate,
    ));
    rows
}

fn frame_rows(summary: &Summary, rows: &mut Vec<Row>) {
    let frames = &summary.frames;
    let bytes = ByteSize(frames.bytes).to_string();
    rows.push(row("Frames", count(frames.total), bytes));
    push_some(rows, "TCP with payload", frames.tcp_payload, "");
    push_some(rows, "TCP without payload", frames.tcp_no_payload, "");
    push_some(rows, "IP fragments", frames.ip_fragment, "");
    push_some(rows, "not TCP", frames.not_tcp, "");
    push_some(rows, "not IP", frames.not_ip, "");
    push_some(rows, "undecodable", frames.undecodable, "");
    if frames.truncated > 0 {
        let note = format!("of them all; {} cut off", ByteSize(frames.truncated_bytes));
        push_some(rows, "truncated", frames.truncated, &note);
    }
    push_some(rows, "dropped", frames.dropped, "beside them");
}

fn payload_rows(summary: &Summary, rows: &mut Vec<Row>) {
    let payload = &summary.payload_bytes;
    rows.push(row(
        "Payload",
        ByteSize(payload.total).to_string(),
        String::new(),
    ));
    let parts = [
        ("HTTP", payload.http),
        ("TLS", payload.tls),
        ("not HTTP", payload.not_http),
        ("repeated", payload.repeated),
        ("discarded", payload.discarded),
    ];
    for (label, bytes) in parts.into_iter().filter(|&(_, bytes)| bytes > 0) {
        rows.push(row(
            &format!("  {label}"),
            ByteSize(bytes).to_string(),
            String::new(),
        ));
    }
}

fn segment_rows(summary: &Summary, rows: &mut Vec<Row>) {
    let tables = &summary.segments;
    for (label, segments) in [("Segments", &tables.exchanges), ("Ledger", &tables.capture)] {
        let Segments {
            published,
            published_bytes,
            already_there,
            already_there_bytes,
        } = *segments;
        let mut notes = Vec::new();
        if published > 0 || already_there == 0 {
            notes.push(format!("{} written", ByteSize(published_bytes)));
        }
        if already_there > 0 {
            let bytes = ByteSize(already_there_bytes);
            notes.push(format!(
                "{} with {bytes} were already there",
                count(already_there)
            ));
        }
        rows.push(row(
            label,
            count(published + already_there),
            notes.join(", "),
        ));
    }
}

fn spool_rows(summary: &Summary, rows: &mut Vec<Row>) {
    let Some(spool) = &summary.spool else {
        return;
    };
    rows.push(row("Spool", String::new(), spool.folder.clone()));
    let recovered = &spool.recovered;
    push_some(
        rows,
        "recovered",
        recovered.exchanges,
        "of a recording that was not ended",
    );
    let parts = [
        ("cut off at its end", recovered.torn_bytes),
        ("damaged", recovered.damaged_bytes),
    ];
    for (label, bytes) in parts.into_iter().filter(|&(_, bytes)| bytes > 0) {
        let bytes = ByteSize(bytes).to_string();
        rows.push(row(&format!("  {label}"), bytes, String::new()));
    }
    push_some(
        rows,
        "lost to damage",
        recovered.exchanges_lost,
        "exchanges",
    );
    push_some(
        rows,
        "left out",
        spool.exchanges_shed,
        "exchanges: it was full",
    );
    push_some(rows, "waiting", spool.segments_waiting, "segments");
    push_some(rows, "set aside", spool.segments_set_aside, "segments");
}

fn row(label: &str, value: String, note: String) -> Row {
    let label = label.to_owned();
    Row { label, value, note }
}

/// A row of a part, unless there is none of it.
fn push_some(rows: &mut Vec<Row>, label: &str, value: u64, note: &str) {
    if value > 0 {
        rows.push(row(&format!("  {label}"), count(value), note.to_owned()));
    }
}

/// Adds `words` in lines of at most [`WIDTH`] columns, the first after `bullet` and the others below its text.
fn wrap(text: &mut String, bullet: &str, words: &str) {
    let mut line = bullet.to_owned();
    for word in words.split(' ') {
        if line.len() + 1 + word.len() > WIDTH && line.len() > bullet.len() {
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(bullet.len());
        }
        line.push_str(word);
        line.push(' ');
    }
    text.push_str(line.trim_end());
    text.push('\n');
}
