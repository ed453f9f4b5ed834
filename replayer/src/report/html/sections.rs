//! Sections of the page beside the endpoints: facts, coverage, schedule, latency, what was not compared.

use std::fmt::Write as _;

use replayer_core::report::{grouped, share_text};
use schema::run::{EndpointReport, Percentiles, RunDocument};

use super::super::chart;
use super::super::units::{
    funnel, mean_text, schedule_text, second_text, span_text, target_text, took_text,
};
use super::escape::escape;

/// Endpoints in the table of latencies.
const LATENCY_ROWS_MAX: usize = 50;

/// Requests below which a 99th percentile is little more than the slowest one: such endpoints come last, uncoloured.
const LATENCY_COUNT_MIN: u64 = 100;

/// What was replayed, against what, how.
pub(super) fn facts(document: &RunDocument, archive: &str, page: &mut String) {
    page.push_str("<section>\n<h2>What was replayed</h2>\n<dl>\n");
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(page, "<dt>{name}</dt><dd>{}</dd>", escape(value));
    };
    let source = &document.source;
    fact(
        "Window",
        &format!("{} to {}", second_text(source.from), second_text(source.to)),
    );
    fact("Archive", archive);
    if !source.filters.is_empty() {
        fact("Filters", &source.filters.join(" "));
    }
    fact("Target", &target_text(document));
    let host = match document.target.host.as_str() {
        "recorded" => "as recorded",
        "target" => "the target's",
        name => name,
    };
    let forwarded = if document.target.forwarded {
        "; X-Forwarded-* added"
    } else {
        ""
    };
    fact("Host header", &format!("{host}{forwarded}"));
    fact("Schedule", &schedule_text(document));
    let ended = took_text(document).map_or_else(
        || format!(", {}", document.state.as_str()),
        |took| format!(", took {took} ({})", document.state.as_str()),
    );
    fact(
        "Replayed",
        &format!("{}{ended}", second_text(document.started_at)),
    );
    page.push_str("</dl>\n</section>\n");
}

/// How much of the window was recorded, sent and judged.
pub(super) fn coverage(document: &RunDocument, page: &mut String) {
    page.push_str("<section>\n<h2>How much of it was judged</h2>\n<div class=\"funnel\">\n");
    let selected = document.totals.selected();
    let steps = funnel(document);
    for (index, (name, count)) in steps.iter().enumerate() {
        let width = if selected == 0 {
            0.0
        } else {
            *count as f64 * 100.0 / selected as f64
        };
        let last = if index + 1 == steps.len() {
            " last"
        } else {
            ""
        };
        let _ = writeln!(
            page,
            "<span>{name}</span><span class=\"bar{last}\"><i style=\"width:{width:.3}%\"></i></span>\
             <span class=\"num\">{}</span><span class=\"num faint\">{}</span>",
            grouped(*count),
            share_text(*count, selected.max(1)),
        );
    }
    page.push_str("</div>\n");
    let Some(ledger) = &document.coverage else {
        page.push_str(
            "<p class=\"faint\" style=\"margin-top:12px\">The archive has no capture ledger for this window.</p>\n</section>\n",
        );
        return;
    };
    page.push_str("<h3>Capture of this window</h3>\n<dl>\n");
    let mut fact = |name: &str, value: String| {
        let _ = writeln!(page, "<dt>{name}</dt><dd>{value}</dd>");
    };
    fact(
        "Minutes recorded",
        format!(
            "{} of {}",
            grouped(ledger.minutes_recorded),
            grouped(ledger.minutes)
        ),
    );
    fact(
        "Frames",
        format!(
            "{} received, {} dropped, {} cut",
            grouped(ledger.frames),
            grouped(ledger.frames_dropped),
            grouped(ledger.frames_truncated)
        ),
    );
    fact(
        "Lost by the mirror",
        format!(
            "{} bytes in {} gaps",
            grouped(ledger.gap_bytes),
            grouped(ledger.gaps)
        ),
    );
    fact(
        "Exchanges",
        format!(
            "{} stored, {} of them incomplete",
            grouped(ledger.exchanges),
            grouped(ledger.exchanges_incomplete)
        ),
    );
    page.push_str("</dl>\n</section>\n");
}

/// How true the schedule was.
pub(super) fn schedule(document: &RunDocument, page: &mut String) {
    page.push_str("<section>\n<h2>How true the schedule was</h2>\n");
    let report = &document.report.schedule;
    if !document.schedule.is_paced() {
        page.push_str(
            "<p class=\"faint\">Requests went out as fast as possible, so there is no lag to speak of.</p>\n",
        );
    } else if report.lag.count == 0 {
        page.push_str("<p class=\"faint\">Nothing was sent.</p>\n");
    } else {
        stats(
            &[
                ("lag p50", span_text(report.lag.p50_us)),
                ("p99", span_text(report.lag.p99_us)),
                ("p99.9", span_text(report.lag.p999_us)),
                ("largest", span_text(report.lag.max_us)),
            ],
            page,
        );
        let _ = writeln!(
            page,
            "<p class=\"faint\" style=\"margin-top:8px\">Mean lag {} in the first tenth of the run and {} in the last; \
             {} sent early; {} waited for an earlier answer of their connection, {} at most.</p>",
            mean_text(report.lag_first_tenth_us),
            mean_text(report.lag_last_tenth_us),
            grouped(report.early),
            grouped(report.order_waited),
            span_text(report.order_wait.max_us),
        );
        figure(
            "Lag over the run",
            &[("k1", "mean"), ("k2", "largest")],
            &chart::lag(&document.report.timeline),
            page,
        );
    }
    figure(
        "Requests a second",
        &[("k1", "sent"), ("k2", "due")],
        &chart::rate(&document.report.timeline),
        page,
    );
    page.push_str("</section>\n");
}

/// Latency of both sides over all endpoints.
pub(super) fn latency(document: &RunDocument, page: &mut String) {
    let latency = &document.report.latency;
    page.push_str("<section>\n<h2>Latency before and after</h2>\n");
    if latency.recorded.count == 0 {
        page.push_str(
            "<p class=\"faint\">No request was answered whole on both sides.</p>\n</section>\n",
        );
        return;
    }
    page.push_str("<table>\n<tr><th></th>");
    for name in ["p50", "p90", "p99", "p99.9", "largest"] {
        let _ = write!(page, "<th class=\"num\">{name}</th>");
    }
    page.push_str("</tr>\n");
    for (name, side) in [
        ("recorded", &latency.recorded),
        ("replayed", &latency.replayed),
    ] {
        let _ = write!(page, "<tr><td>{name}</td>");
        for us in [
            side.p50_us,
            side.p90_us,
            side.p99_us,
            side.p999_us,
            side.max_us,
        ] {
            let _ = write!(page, "<td class=\"num\">{}</td>", span_text(us));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table>\n");
    figure(
        "Latency by percentile",
        &[("k1", "replayed"), ("k2", "recorded")],
        &chart::percentiles(&latency.recorded, &latency.replayed),
        page,
    );
    let _ = writeln!(
        page,
        "<p class=\"faint\" style=\"margin-top:10px\">From the first byte of the request to the last of the answer, of {} \
         that were answered whole on both sides. Recorded where the traffic was mirrored, replayed where the replayer ran: \
         the network between them is in the difference.</p>\n</section>",
        if latency.recorded.count == 1 {
            "the 1 request".to_owned()
        } else {
            format!("the {} requests", grouped(latency.recorded.count))
        },
    );
}

/// When answers differed or failed.
pub(super) fn trouble(document: &RunDocument, page: &mut String) {
    if document.totals.differed + document.totals.failed == 0 {
        return;
    }
    page.push_str("<section>\n<h2>When answers differed or failed</h2>\n");
    figure(
        "Answers by due time",
        &[("k3", "differ or failed")],
        &chart::trouble(&document.report.timeline),
        page,
    );
    page.push_str("</section>\n");
}

/// Latency of both sides by endpoint, the largest growth of the 99th percentile first.
pub(super) fn latency_by_endpoint(document: &RunDocument, page: &mut String) {
    let mut endpoints: Vec<&EndpointReport> = document
        .report
        .endpoints
        .iter()
        .filter(|endpoint| endpoint.latency.recorded.count > 0)
        .collect();
    if endpoints.is_empty() {
        return;
    }
    endpoints.sort_by(|a, b| {
        tells(b)
            .cmp(&tells(a))
            .then_with(|| change(b).total_cmp(&change(a)))
            .then_with(|| a.endpoint.cmp(&b.endpoint))
    });
    page.push_str(
        "<section>\n<h2>Latency by endpoint</h2>\n<table>\n<tr><th>Endpoint</th><th class=\"num\">requests</th>\
         <th class=\"num\">p50 recorded</th><th class=\"num\">replayed</th>\
         <th class=\"num\">p99 recorded</th><th class=\"num\">replayed</th><th class=\"num\">p99 change</th></tr>\n",
    );
    for endpoint in endpoints.iter().take(LATENCY_ROWS_MAX) {
        let (recorded, replayed) = (&endpoint.latency.recorded, &endpoint.latency.replayed);
        let _ = writeln!(
            page,
            "<tr><td><code>{}</code></td><td class=\"num\">{}</td>{}{}<td class=\"num {}\">&times;{:.2}</td></tr>",
            escape(&endpoint.endpoint),
            grouped(recorded.count),
            cells(recorded, replayed, |side| side.p50_us),
            cells(recorded, replayed, |side| side.p99_us),
            change_class(endpoint),
            change(endpoint),
        );
    }
    page.push_str("</table>\n");
    let more = endpoints.len().saturating_sub(LATENCY_ROWS_MAX);
    if more > 0 {
        let _ = writeln!(
            page,
            "<p class=\"faint\">{more} more endpoints are in run.json.</p>"
        );
    }
    page.push_str("</section>\n");
}

fn cells(recorded: &Percentiles, replayed: &Percentiles, of: fn(&Percentiles) -> u64) -> String {
    format!(
        "<td class=\"num\">{}</td><td class=\"num\">{}</td>",
        span_text(of(recorded)),
        span_text(of(replayed))
    )
}

fn change(endpoint: &EndpointReport) -> f64 {
    let latency = &endpoint.latency;
    latency.replayed.p99_us as f64 / latency.recorded.p99_us.max(1) as f64
}

/// Whether the endpoint was asked often enough for a 99th percentile to tell anything.
fn tells(endpoint: &EndpointReport) -> bool {
    endpoint.latency.recorded.count >= LATENCY_COUNT_MIN
}

fn change_class(endpoint: &EndpointReport) -> &'static str {
    match change(endpoint) {
        _ if !tells(endpoint) => "faint",
        c if c >= 1.5 => "slower",
        c if c <= 0.67 => "faster",
        _ => "",
    }
}

/// What was seen and not compared, and why.
pub(super) fn not_compared(document: &RunDocument, page: &mut String) {
    let fields = &document.report.not_compared;
    page.push_str("<section>\n<h2>What was not compared, and why</h2>\n");
    if fields.is_empty() {
        page.push_str(
            "<p class=\"faint\">Every header field that was seen was compared in full.</p>\n</section>\n",
        );
        return;
    }
    page.push_str(
        "<table>\n<tr><th>Header field</th><th>Not compared</th><th>Why</th>\
         <th class=\"num\">seen in</th><th class=\"num\">differed in</th></tr>\n",
    );
    for field in fields {
        let _ = writeln!(
            page,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td></tr>",
            escape(&field.name),
            escape(&field.aspect),
            escape(&field.reason),
            grouped(field.seen),
            grouped(field.differed),
        );
    }
    page.push_str("</table>\n</section>\n");
}

fn stats(numbers: &[(&str, String)], page: &mut String) {
    page.push_str("<div class=\"stats\">\n");
    for (name, value) in numbers {
        let _ = writeln!(page, "<span>{name}<b>{value}</b></span>");
    }
    page.push_str("</div>\n");
}

fn figure(title: &str, keys: &[(&str, &str)], svg: &str, page: &mut String) {
    if svg.is_empty() {
        return;
    }
    let _ = write!(page, "<figure class=\"chart\"><figcaption><b>{title}</b>");
    for (class, name) in keys {
        let _ = write!(page, "<span class=\"key {class}\">{name}</span>");
    }
    let _ = writeln!(page, "</figcaption>{svg}</figure>");
}
