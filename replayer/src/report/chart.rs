//! Charts as inline SVG: drawn from numbers alone, so nothing in them needs to be escaped.

use std::fmt::Write as _;

use schema::run::{Percentiles, TimeBucket, Timeline};

use super::units::span_text;

/// Size of a chart in its own units; the page scales it.
const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 150.0;
/// Room for labels: left, bottom, top and right of the plot.
const LEFT: f64 = 56.0;
const BOTTOM: f64 = 20.0;
const TOP: f64 = 10.0;
const RIGHT: f64 = 8.0;

/// One line of a chart: the class that colours it, and a value for each place.
struct Series {
    class: &'static str,
    values: Vec<Option<f64>>,
}

/// Lag over the run: the mean of each bucket, and its largest.
pub(super) fn lag(timeline: &Timeline) -> String {
    let of = |value: fn(&TimeBucket) -> f64| {
        timeline
            .buckets
            .iter()
            .map(|bucket| (bucket.lag_count > 0).then(|| value(bucket).max(0.0)))
            .collect()
    };
    over_time(
        timeline,
        &[
            Series {
                class: "second",
                values: of(|bucket| bucket.lag_max_us as f64),
            },
            Series {
                class: "first",
                values: of(|bucket| bucket.lag_sum_us as f64 / bucket.lag_count as f64),
            },
        ],
        |us| span_text(us.round() as u64),
    )
}

/// Requests a second over the run: due and sent.
pub(super) fn rate(timeline: &Timeline) -> String {
    let seconds = timeline.bucket_us as f64 / 1e6;
    let of = |count: fn(&TimeBucket) -> u64| {
        let rate = |bucket| Some(count(bucket) as f64 / seconds);
        timeline.buckets.iter().map(rate).collect()
    };
    over_time(
        timeline,
        &[
            Series {
                class: "second",
                values: of(|bucket| bucket.due),
            },
            Series {
                class: "first",
                values: of(|bucket| bucket.sent),
            },
        ],
        |rate| format!("{}/s", short(rate)),
    )
}

/// Exchanges that differ or failed, over the run; the times are of the replay.
pub(super) fn trouble(timeline: &Timeline) -> String {
    let values = timeline
        .buckets
        .iter()
        .map(|bucket| Some((bucket.differed + bucket.failed) as f64));
    over_time(
        timeline,
        &[Series {
            class: "bad",
            values: values.collect(),
        }],
        short,
    )
}

/// Latency by percentile, recorded and replayed, on a logarithmic scale that stretches towards the slowest.
pub(super) fn percentiles(recorded: &Percentiles, replayed: &Percentiles) -> String {
    let all = recorded.curve.iter().chain(&replayed.curve);
    let (low, high) = all.fold((f64::INFINITY, 1.0_f64), |(low, high), point| {
        let us = point.us.max(1) as f64;
        (low.min(us), high.max(us))
    });
    if !low.is_finite() {
        return String::new();
    }
    let (low, high) = (low.log10().floor(), high.log10().ceil());
    let decades = (high - low).max(1.0);
    // As many nines as the number of measurements can tell apart.
    let nines_max = (recorded.count.max(10) as f64).log10().min(4.0);
    let x = |share: f64| {
        let nines = -(1.0 - share).max(1e-9).log10();
        LEFT + (nines / nines_max).min(1.0) * (WIDTH - LEFT - RIGHT)
    };
    let y = |us: u64| {
        let height = HEIGHT - TOP - BOTTOM;
        HEIGHT - BOTTOM - ((us.max(1) as f64).log10() - low) / decades * height
    };
    let mut svg = open();
    for decade in 0..=(decades as i32) {
        let us = 10_f64.powf(low + f64::from(decade));
        grid_line(&mut svg, y(us as u64), &span_text(us as u64));
    }
    for (share, label) in [
        (0.0, "0"),
        (0.5, "50"),
        (0.9, "90"),
        (0.99, "99"),
        (0.999, "99.9"),
    ] {
        if -(1.0_f64 - share).log10() <= nines_max {
            x_label(&mut svg, x(share), label);
        }
    }
    for (class, percentiles) in [("second", recorded), ("first", replayed)] {
        let points: Vec<String> = percentiles
            .curve
            .iter()
            .map(|point| format!("{:.1},{:.1}", x(point.share), y(point.us)))
            .collect();
        // Writing to a string cannot fail, here and below.
        let _ = write!(
            svg,
            r#"<polyline class="line {class}" points="{}"/>"#,
            points.join(" ")
        );
    }
    svg + "</svg>"
}

fn over_time(timeline: &Timeline, series: &[Series], label: impl Fn(f64) -> String) -> String {
    let count = timeline.buckets.len();
    if count == 0 {
        return String::new();
    }
    let values = series.iter().flat_map(|series| &series.values);
    let max = values.fold(0.0_f64, |max, value| max.max(value.unwrap_or(0.0)));
    let max = nice_above(max);
    let step = (WIDTH - LEFT - RIGHT) / count as f64;
    let y = |value: f64| HEIGHT - BOTTOM - value / max * (HEIGHT - TOP - BOTTOM);
    let mut svg = open();
    for part in 0..=2 {
        let value = max * f64::from(part) / 2.0;
        grid_line(&mut svg, y(value), &label(value));
    }
    let length_us = timeline.bucket_us.saturating_mul(count as u64);
    for part in 0..=4_u32 {
        let us = length_us as f64 * f64::from(part) / 4.0;
        let x = LEFT + (WIDTH - LEFT - RIGHT) * f64::from(part) / 4.0;
        let text = if part == 0 {
            "0".to_owned()
        } else {
            span_text(us as u64)
        };
        x_label(&mut svg, x, &text);
    }
    for series in series {
        line(
            &mut svg,
            series,
            |index| LEFT + (index as f64 + 0.5) * step,
            &y,
        );
    }
    svg + "</svg>"
}

/// Draws one series; a bucket without a value is a hole in the line, a value alone is a dot.
fn line(svg: &mut String, series: &Series, x: impl Fn(usize) -> f64, y: &impl Fn(f64) -> f64) {
    let mut points: Vec<String> = Vec::new();
    let mut flush = |points: &mut Vec<String>| {
        let class = series.class;
        match points.as_slice() {
            [] => {}
            [point] => {
                let (x, y) = point.split_once(',').unwrap_or((point, "0"));
                let _ = write!(
                    svg,
                    r#"<circle class="dot {class}" cx="{x}" cy="{y}" r="2"/>"#
                );
            }
            many => {
                let _ = write!(
                    svg,
                    r#"<polyline class="line {class}" points="{}"/>"#,
                    many.join(" ")
                );
            }
        }
        points.clear();
    };
    for (index, value) in series.values.iter().enumerate() {
        match value {
            Some(value) => points.push(format!("{:.1},{:.1}", x(index), y(*value))),
            None => flush(&mut points),
        }
    }
    flush(&mut points);
}

fn open() -> String {
    format!(r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-hidden="true">"#)
}

fn grid_line(svg: &mut String, y: f64, label: &str) {
    let _ = write!(
        svg,
        r#"<line class="grid" x1="{LEFT}" x2="{:.1}" y1="{y:.1}" y2="{y:.1}"/><text class="label end" x="{:.1}" y="{:.1}">{label}</text>"#,
        WIDTH - RIGHT,
        LEFT - 6.0,
        y + 3.5,
    );
}

fn x_label(svg: &mut String, x: f64, label: &str) {
    let anchor = if x < LEFT + 1.0 {
        "start"
    } else if x > WIDTH - RIGHT - 1.0 {
        "end"
    } else {
        "middle"
    };
    let _ = write!(
        svg,
        r#"<text class="label {anchor}" x="{x:.1}" y="{:.1}">{label}</text>"#,
        HEIGHT - 5.0,
    );
}

/// The next 1, 2 or 5 times a power of ten.
fn nice_above(max: f64) -> f64 {
    if max <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(max.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|nice| *nice >= max)
        .unwrap_or(max)
}

fn short(value: f64) -> String {
    match value {
        v if v >= 10_000.0 => format!("{:.0}k", v / 1e3),
        v if v >= 1_000.0 => format!("{:.1}k", v / 1e3),
        v if v >= 10.0 || v.fract() == 0.0 => format!("{v:.0}"),
        v => format!("{v:.1}"),
    }
}
