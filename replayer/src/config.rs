//! What was typed, made sense of: the only place that validates, and the only thing that the rest sees.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context as _, bail};
use governor::Quota;
use replayer_core::Limits;
use replayer_core::filter::{Filter, Pattern};
use replayer_core::pace::Pace;
use replayer_core::rewrite::{HostPolicy, Rewrite};
use replayer_core::scheduler::Order;
use replayer_core::window::{Calendar, Span};
use schema::Sample;

use crate::cli::{
    CalendarArg, FilterArgs, OrderArg, PaceArgs, PlanArgs, RunArgs, TargetArgs, WindowArgs,
};
use crate::send::Target;
use crate::units::Speed;

/// Which exchanges of which archive.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    /// URL of the archive.
    pub(crate) archive: String,
    /// The window.
    pub(crate) span: Span,
    /// The filter.
    pub(crate) filter: Filter,
    /// The filter as typed, for the run's document.
    pub(crate) filter_text: Vec<String>,
}

/// `replayer plan`.
#[derive(Clone, Debug)]
pub(crate) struct PlanConfig {
    /// What to count.
    pub(crate) selection: Selection,
    /// Whether JSON is printed.
    pub(crate) json: bool,
}

/// `replayer run`.
#[derive(Clone, Debug)]
pub(crate) struct RunConfig {
    /// What to replay.
    pub(crate) selection: Selection,
    /// Where to.
    pub(crate) target: Target,
    /// How requests are changed.
    pub(crate) rewrite: Rewrite,
    /// When they are due.
    pub(crate) pace: Pace,
    /// The rate that is never exceeded.
    pub(crate) rate_max: Option<RateMax>,
    /// What keeps its order.
    pub(crate) order: Order,
    /// How long one request may take.
    pub(crate) timeout: Duration,
    /// Every bound.
    pub(crate) limits: Limits,
    /// Whether answers are compared.
    pub(crate) compare: bool,
    /// The share of the requests that must have been judged for a pass.
    pub(crate) judged_share_min: f64,
    /// Name of the run; `None` to make one.
    pub(crate) run: Option<String>,
    /// Which build the target runs.
    pub(crate) label: Option<String>,
    /// What `--host-header` said: `recorded`, `target` or a name.
    pub(crate) host_text: String,
    /// Whether JSON is printed.
    pub(crate) json: bool,
}

/// A rate that is never exceeded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateMax {
    /// Requests a second.
    pub(crate) per_second: f64,
    /// The same for the limiter.
    pub(crate) quota: Quota,
}

impl TryFrom<PlanArgs> for PlanConfig {
    type Error = anyhow::Error;

    fn try_from(args: PlanArgs) -> anyhow::Result<Self> {
        Ok(Self {
            selection: selection(args.archive.archive, &args.window, args.filter)?,
            json: args.json,
        })
    }
}

impl TryFrom<RunArgs> for RunConfig {
    type Error = anyhow::Error;

    fn try_from(args: RunArgs) -> anyhow::Result<Self> {
        let (target, path_prefix) = Target::parse(&args.target.target)?;
        let rewrite = Rewrite {
            path_prefix,
            host: host_policy(&args.target, &target)?,
            forwarded: !args.target.no_forwarded,
        };
        if args.pace.in_flight == 0 {
            bail!("--in-flight 0 would never send anything; give 1 or more");
        }
        Ok(Self {
            selection: selection(args.archive.archive, &args.window, args.filter)?,
            target,
            rewrite,
            pace: pace(&args.pace),
            rate_max: args
                .pace
                .max_rate
                .map(|rate| RateMax::new(rate.0))
                .transpose()?,
            order: match args.pace.order {
                OrderArg::Connection => Order::Connection,
                OrderArg::None => Order::None,
            },
            timeout: args.target.timeout.0,
            limits: Limits {
                in_flight_max: args.pace.in_flight,
                body_bytes_max: args.target.max_body.0,
                ..Limits::default()
            },
            compare: !args.no_compare,
            judged_share_min: args.min_coverage,
            run: args.run.map(run_name).transpose()?,
            label: args.target.label,
            host_text: args.target.host_header,
            json: args.json,
        })
    }
}

impl RateMax {
    fn new(per_second: f64) -> anyhow::Result<Self> {
        let quota = Quota::with_period(Duration::from_secs_f64(1.0 / per_second))
            .with_context(|| format!("--max-rate {per_second}/s is too fast to be a limit"))?;
        // A millisecond's worth at once: finer than that no timer is asked to be.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rates are at most 1e9"
        )]
        let burst = NonZeroU32::new((per_second / 1_000.0) as u32).unwrap_or(NonZeroU32::MIN);
        Ok(Self {
            per_second,
            quota: quota.allow_burst(burst),
        })
    }
}

fn selection(
    archive: String,
    window: &WindowArgs,
    filter: FilterArgs,
) -> anyhow::Result<Selection> {
    let span = match (window.last, window.window) {
        (Some(last), _) => Span::Last(last.0),
        (_, Some(CalendarArg::Week)) => Span::Newest(Calendar::Week),
        (_, Some(CalendarArg::Month)) => Span::Newest(Calendar::Month),
        (None, None)
            if window.from.is_none() && window.to.is_none() && window.exchange.is_empty() =>
        {
            bail!(
                "no window: choose one with --last 7d, --window week or month, --from TIME --to TIME, or --exchange ID"
            )
        }
        (None, None) => Span::Between {
            from: window.from,
            to: window.to,
        },
    };
    let filter_text = filter_text(window, &filter);
    let filter = Filter {
        exchanges: window.exchange.iter().copied().collect(),
        methods: filter.method,
        hosts: hosts(&filter.host)?,
        paths: paths("--path", &filter.path)?,
        excluded_paths: paths("--exclude-path", &filter.exclude_path)?,
        statuses: filter.status,
        headers: filter.header,
        sample: filter.sample.map(|share| Sample {
            share,
            by: filter.sample_by,
        }),
    };
    Ok(Selection {
        archive,
        span,
        filter,
        filter_text,
    })
}

fn hosts(globs: &[String]) -> anyhow::Result<Vec<Pattern>> {
    if globs.iter().any(|glob| glob == "target") {
        bail!(
            "--host selects by recorded host; to send the target's name use --host-header target"
        );
    }
    globs
        .iter()
        .map(|glob| Pattern::host(glob).context("--host"))
        .collect()
}

fn paths(flag: &'static str, globs: &[String]) -> anyhow::Result<Vec<Pattern>> {
    globs
        .iter()
        .map(|glob| Pattern::path(glob).context(flag))
        .collect()
}

/// The filters as they would be typed.
fn filter_text(window: &WindowArgs, filter: &FilterArgs) -> Vec<String> {
    let mut text: Vec<String> = window
        .exchange
        .iter()
        .map(|id| format!("--exchange {id}"))
        .collect();
    let groups = [
        ("--method", &filter.method),
        ("--host", &filter.host),
        ("--path", &filter.path),
        ("--exclude-path", &filter.exclude_path),
    ];
    for (flag, values) in groups {
        text.extend(values.iter().map(|value| format!("{flag} {value}")));
    }
    text.extend(
        filter
            .status
            .iter()
            .map(|status| format!("--status {status}")),
    );
    text.extend(
        filter
            .header
            .iter()
            .map(|header| format!("--header {header}")),
    );
    if let Some(share) = filter.sample {
        text.push(format!("--sample {}%", share * 100.0));
        text.push(format!("--sample-by {}", filter.sample_by));
    }
    text
}

fn pace(args: &PaceArgs) -> Pace {
    match (args.rate, args.speed) {
        (Some(rate), _) => Pace::Even { per_second: rate.0 },
        (None, Speed::Factor(speed)) => Pace::Recorded { speed },
        (None, Speed::Max) => Pace::Max,
    }
}

fn host_policy(args: &TargetArgs, target: &Target) -> anyhow::Result<HostPolicy> {
    match args.host_header.as_str() {
        "recorded" => Ok(HostPolicy::Recorded),
        "target" => Ok(HostPolicy::Fixed(target.authority().to_owned())),
        name if name.is_empty()
            || name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/') =>
        {
            bail!(
                "--host-header `{name}` is no host; give recorded, target, or a name such as shop.test:8080"
            )
        }
        name => Ok(HostPolicy::Fixed(name.to_owned())),
    }
}

/// A run's name is a folder of the archive.
fn run_name(name: String) -> anyhow::Result<String> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=64).contains(&name.len()) && name.bytes().all(legal) && !name.starts_with('.') {
        Ok(name)
    } else {
        bail!("--run `{name}` cannot name a folder; use up to 64 letters, digits, `.`, `_` or `-`")
    }
}

#[cfg(test)]
mod tests;
