//! What changed, endpoint by endpoint: counts, groups of divergences, examples side by side.

use std::fmt::Write as _;

use replayer_core::report::{grouped, plural};
use schema::run::{
    DiffRow, DivergenceGroup, EndpointReport, Example, GroupExample, ReasonCount, RunDocument,
};

use super::super::units::{minute_text, second_text, span_text};
use super::escape::{escape, marked};

/// Endpoints on the page; what is beyond is in run.json.
const ENDPOINTS_MAX: usize = 500;

/// Groups of one endpoint on the page.
const GROUPS_MAX: usize = 100;

/// Endpoints that are open when the page opens: the worst.
const OPEN_MAX: usize = 2;

/// The section.
pub(super) fn section(document: &RunDocument, archive: &str, page: &mut String) {
    let endpoints = &document.report.endpoints;
    let differing = endpoints.iter().filter(|endpoint| is_bad(endpoint)).count();
    page.push_str("<section>\n<div class=\"tools\"><h2>What changed, by endpoint</h2>");
    if endpoints.len() > 1 {
        page.push_str(
            "<span id=\"found\" class=\"faint\" role=\"status\"></span>\
             <input type=\"search\" id=\"search\" placeholder=\"Filter endpoints ( / )\" aria-label=\"Filter endpoints\">\
             <button type=\"button\" id=\"toggle\">Expand all</button>",
        );
    }
    page.push_str("</div>\n");
    let _ = writeln!(
        page,
        "<p class=\"faint\">{} of {} with a difference or without an answer, these first. An endpoint is method, host and \
         path, with ids in the path left open.</p>",
        grouped(differing as u64),
        plural(endpoints.len() as u64, "endpoint"),
    );
    page.push_str(
        "<div class=\"cols head\"><span></span><span>Endpoint</span><span class=\"num\">requests</span>\
         <span class=\"num\">differ</span><span class=\"num\">failed</span><span class=\"num\">not judged</span></div>\n\
         <div class=\"endpoints\">\n",
    );
    let place = format!("{}/runs/{}", archive.trim_end_matches('/'), document.run);
    for (index, endpoint) in endpoints.iter().take(ENDPOINTS_MAX).enumerate() {
        row(endpoint, index, &place, page);
    }
    page.push_str("</div>\n");
    let more = endpoints.len().saturating_sub(ENDPOINTS_MAX);
    if more > 0 {
        let _ = writeln!(
            page,
            "<p class=\"faint\">{more} more endpoints are in run.json.</p>"
        );
    }
    page.push_str("</section>\n");
}

fn is_bad(endpoint: &EndpointReport) -> bool {
    endpoint.differed + endpoint.failed > 0
}

fn row(endpoint: &EndpointReport, index: usize, place: &str, page: &mut String) {
    let count = |count: u64, class: &str| {
        let class = if count == 0 { "zero" } else { class };
        format!("<span class=\"num {class}\">{}</span>", grouped(count))
    };
    // Failed ones have a column of their own.
    let unjudged = endpoint.incomparable.saturating_sub(endpoint.failed);
    let cells = format!(
        "<code>{}</code>{}{}{}{}",
        escape(&endpoint.endpoint),
        count(endpoint.planned, ""),
        count(endpoint.differed, "count-bad"),
        count(endpoint.failed, "count-bad"),
        count(unjudged, "count-doubt"),
    );
    let fields: Vec<&str> = endpoint
        .groups
        .iter()
        .map(|group| group.location.as_str())
        .collect();
    let text = format!("{} {}", endpoint.endpoint, fields.join(" ")).to_lowercase();
    let text = escape(&text);
    if endpoint.groups.is_empty() && endpoint.incomparable == 0 && endpoint.ungrouped == 0 {
        let _ = writeln!(
            page,
            "<div class=\"plain cols\" data-text=\"{text}\"><span></span>{cells}</div>"
        );
        return;
    }
    let open = if index < OPEN_MAX && is_bad(endpoint) {
        " open"
    } else {
        ""
    };
    let _ = writeln!(
        page,
        "<details class=\"endpoint\" id=\"endpoint-{index}\" data-text=\"{text}\"{open}><summary class=\"cols\">{cells}</summary>\n\
         <div class=\"inside\">"
    );
    reasons(&endpoint.incomparable_by, page);
    groups(endpoint, place, page);
    for example in &endpoint.examples {
        figure(example, place, page);
    }
    page.push_str("</div></details>\n");
}

fn reasons(reasons: &[ReasonCount], page: &mut String) {
    if reasons.is_empty() {
        return;
    }
    let parts: Vec<String> = reasons
        .iter()
        .map(|by| format!("{} {}", grouped(by.count), by.reason))
        .collect();
    let _ = writeln!(
        page,
        "<p class=\"faint\">Not judged: {}</p>",
        escape(&parts.join(", "))
    );
}

fn groups(endpoint: &EndpointReport, place: &str, page: &mut String) {
    if endpoint.groups.is_empty() {
        return;
    }
    page.push_str(
        "<table class=\"groups\">\n<tr><th>Where</th><th>Kind</th><th>For example</th>\
         <th class=\"num\">exchanges</th></tr>\n",
    );
    for group in endpoint.groups.iter().take(GROUPS_MAX) {
        group_row(group, place, page);
    }
    page.push_str("</table>\n");
    let more = endpoint.groups.len().saturating_sub(GROUPS_MAX);
    if more > 0 {
        let _ = writeln!(
            page,
            "<p class=\"faint\">{more} more groups are in run.json.</p>"
        );
    }
    if endpoint.ungrouped > 0 {
        let _ = writeln!(
            page,
            "<p class=\"faint\">{} beyond what a report groups; all counted, and the stored ones are in the run's divergences.</p>",
            plural(endpoint.ungrouped, "divergence")
        );
    }
}

fn group_row(group: &DivergenceGroup, place: &str, page: &mut String) {
    let _ = write!(
        page,
        "<tr><td><span class=\"faint\">{}</span> <code>{}</code></td><td><span class=\"kind\">{}</span></td><td>",
        escape(&group.part),
        escape(&group.location),
        escape(&group.kind),
    );
    if let Some(example) = group.examples.first() {
        sides(example, place, page);
    }
    let span = if group.first == group.last {
        minute_text(group.first)
    } else {
        format!(
            "{} to {}",
            minute_text(group.first),
            minute_text(group.last)
        )
    };
    let _ = writeln!(
        page,
        "</td><td class=\"num\" title=\"recorded {span}; {} in all\">{}</td></tr>",
        plural(group.divergences, "divergence"),
        grouped(group.exchanges)
    );
}

fn sides(example: &GroupExample, place: &str, page: &mut String) {
    let nothing = || "<span class=\"faint\">nothing</span>".to_owned();
    let (was, is) = match (&example.expected, &example.actual) {
        (Some(expected), Some(actual)) => marked(expected, actual),
        (expected, actual) => {
            let side = |side: &Option<String>, tag: &str| {
                side.as_ref()
                    .map_or_else(nothing, |text| format!("<{tag}>{}</{tag}>", escape(text)))
            };
            (side(expected, "del"), side(actual, "ins"))
        }
    };
    let _ = write!(
        page,
        "<span title=\"replayer show {} {}\"><code class=\"was\">{was}</code><code class=\"is\">{is}</code></span>",
        escape(place),
        escape(&example.exchange),
    );
}

fn figure(example: &Example, place: &str, page: &mut String) {
    let _ = writeln!(
        page,
        "<figure class=\"example\" id=\"exchange-{id}\"><figcaption><code><b>{}</b></code>\
         <span class=\"faint\">recorded {}, exchange <code>{id}</code>, {}</span></figcaption>\n\
         <table class=\"diff\"><tr><th>Recorded: {}, {}</th><th>Replayed: {}, {}</th></tr>",
        escape(&example.request),
        second_text(example.recorded_start),
        plural(example.divergences, "divergence"),
        example.expected.status,
        span_text(example.expected.latency_us),
        example.actual.status,
        span_text(example.actual.latency_us),
        id = escape(&example.exchange),
    );
    for row in &example.rows {
        diff_row(row, page);
    }
    page.push_str("</table>");
    let more = if example.rows_left_out > 0 {
        format!(
            "{} more differ or stand near. ",
            plural(example.rows_left_out, "line")
        )
    } else {
        String::new()
    };
    let _ = writeln!(
        page,
        "<div class=\"hint\">{more}Whole: <code>replayer show {} {}</code></div></figure>",
        escape(place),
        escape(&example.exchange)
    );
}

fn diff_row(row: &DiffRow, page: &mut String) {
    let _ = match (&row.expected, &row.actual) {
        (None, None) => writeln!(
            page,
            "<tr class=\"leap\"><td>&#8943;</td><td>&#8943;</td></tr>"
        ),
        (Some(expected), Some(actual)) if expected == actual => {
            let line = escape(expected);
            writeln!(page, "<tr><td>{line}</td><td>{line}</td></tr>")
        }
        (Some(expected), Some(actual)) => {
            let (expected, actual) = marked(expected, actual);
            writeln!(
                page,
                "<tr><td class=\"gone\">{expected}</td><td class=\"come\">{actual}</td></tr>"
            )
        }
        (Some(expected), None) => writeln!(
            page,
            "<tr><td class=\"gone\"><del>{}</del></td><td></td></tr>",
            escape(expected)
        ),
        (None, Some(actual)) => writeln!(
            page,
            "<tr><td></td><td class=\"come\"><ins>{}</ins></td></tr>",
            escape(actual)
        ),
    };
}
