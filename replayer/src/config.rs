//! What was typed, made sense of: the only place that validates, and the only thing that the rest sees.

mod calibrate;
mod compare;
mod correlation;
mod follow;
mod policy;
mod rewriting;
mod timing;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use replayer_core::Limits;
use replayer_core::checkpoint::SendAgain;
use replayer_core::correlate::Correlation;
use replayer_core::filter::Filter;
use replayer_core::permission::Permissions;
use replayer_core::rewrite::{HostPolicy, Rewrite, Rewriting};
use replayer_core::shard::Shard;
use replayer_core::window::{Calendar, Span};
use schema::run::RunDocument;
use schema::{Keyring, Pattern, Sample};

use crate::cli::{
    ArchiveArgs, CalendarArg, FilterArgs, HttpVersionArg, PlanArgs, RunArgs, SendAgainArg,
    TargetArgs, WindowArgs,
};
use crate::guard::Guard;
use crate::keys;
use crate::send::{HttpVersion, Target, TlsOptions};

pub(crate) use calibrate::CalibrateConfig;
pub(crate) use compare::CompareConfig;
pub(crate) use follow::{FollowConfig, LiveConfig, archive as follow_archive, follow};
pub(crate) use timing::{Passes, Timing};

/// Shell commands around a run.
#[derive(Clone, Debug)]
pub(crate) struct Hooks {
    /// Before anything is sent.
    pub(crate) before: Option<String>,
    /// When the last answer has come.
    pub(crate) after: Option<String>,
}

/// Which exchanges of which archive.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    /// URL of the archive.
    pub(crate) archive: String,
    /// What encrypts it, and what is written into it.
    pub(crate) keys: Keyring,
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
    /// Whom it is trusted by.
    pub(crate) tls: TlsOptions,
    /// As which version of HTTP requests are sent.
    pub(crate) http_version: HttpVersion,
    /// What it has to prove.
    pub(crate) guard: Guard,
    /// Which requests may be sent.
    pub(crate) permissions: Permissions,
    /// Commands around the run.
    pub(crate) hooks: Hooks,
    /// How requests are changed.
    pub(crate) rewrite: Rewrite,
    /// And how by the user's rules.
    pub(crate) rewriting: Rewriting,
    /// Which values of answers go into later requests; `None` for none.
    pub(crate) correlation: Option<Correlation>,
    /// Whether requests carry the names of run and exchange.
    pub(crate) reprise_headers: bool,
    /// When they are due, and in which order.
    pub(crate) timing: Timing,
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
    /// The flags that were given, as text.
    pub(crate) options: BTreeMap<String, Vec<String>>,
    /// Which part of the window is this machine's; `None` for all of it.
    pub(crate) shard: Option<Shard>,
    /// How often what has ended is published.
    pub(crate) checkpoint_every: Duration,
    /// Which requests that may have been sent are sent again, by a run that goes on.
    pub(crate) send_again: SendAgain,
    /// The run that goes on, as it was left.
    pub(crate) resume: Option<Box<RunDocument>>,
    /// What is followed while it is recorded; a window is replayed without.
    pub(crate) follow: Option<FollowConfig>,
    /// Whether JSON is printed.
    pub(crate) json: bool,
}

impl TryFrom<PlanArgs> for PlanConfig {
    type Error = anyhow::Error;

    fn try_from(args: PlanArgs) -> anyhow::Result<Self> {
        Ok(Self {
            selection: selection(args.archive, &args.window, args.filter)?,
            json: args.json,
        })
    }
}

impl TryFrom<RunArgs> for RunConfig {
    type Error = anyhow::Error;

    fn try_from(args: RunArgs) -> anyhow::Result<Self> {
        let typed = args.target.target.as_deref();
        let typed = typed.context(
            "no target: say where requests go with --target URL, such as --target http://10.0.9.4:8080",
        )?;
        let (target, path_prefix) = Target::parse(typed)?;
        let rewrite = Rewrite {
            path_prefix,
            host: host_policy(&args.target, &target)?,
            forwarded: !args.target.no_forwarded,
            run: None,
        };
        let permissions =
            policy::permissions(args.target.policy.as_deref(), args.target.allow_writes)?;
        let in_flight_max = args.pace.0.flow.in_flight;
        let shard = shard(&args)?;
        Ok(Self {
            selection: selection(args.archive, &args.window, args.filter)?,
            tls: tls(&args.target, &target)?,
            http_version: match args.target.http_version {
                HttpVersionArg::Auto => HttpVersion::Auto,
                HttpVersionArg::One => HttpVersion::One,
                HttpVersionArg::Two => HttpVersion::Two,
            },
            target,
            guard: Guard {
                proofs: args.target.target_proof,
                allow_recorded: args.target.allow_recorded_target,
            },
            permissions,
            hooks: Hooks {
                before: args.target.before,
                after: args.target.after,
            },
            rewrite,
            rewriting: rewriting::rewriting(&args.rewrite)?,
            correlation: correlation::correlation(&args.correlate.correlate)?,
            reprise_headers: !args.target.no_reprise_headers,
            timing: Timing::new(args.pace.0, shard.map_or(1, Shard::count))?,
            timeout: args.target.timeout.0,
            limits: Limits {
                in_flight_max,
                body_bytes_max: args.target.max_body.0,
                ..Limits::default()
            },
            compare: !args.judging.no_compare,
            judged_share_min: args.judging.min_coverage,
            run: args.run.map(run_name).transpose()?,
            label: args.target.label,
            host_text: args.target.host_header,
            options: args.typed.0,
            shard,
            checkpoint_every: args.checkpoint.0,
            send_again: match args.going_on.send_again {
                SendAgainArg::None => SendAgain::Nothing,
                SendAgainArg::Safe => SendAgain::Safe,
                SendAgainArg::Idempotent => SendAgain::Idempotent,
                SendAgainArg::All => SendAgain::Everything,
            },
            resume: None,
            follow: None,
            json: args.json,
        })
    }
}

fn selection(
    archive: ArchiveArgs,
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
    let filter = self::filter(window, filter)?;
    Ok(Selection {
        keys: keys::load(&archive.keys.key_file)?,
        archive: archive.archive,
        span,
        filter,
        filter_text,
    })
}

/// The filter that was typed.
///
/// # Errors
/// If a glob is none.
pub(crate) fn filter(window: &WindowArgs, filter: FilterArgs) -> anyhow::Result<Filter> {
    Ok(Filter {
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

fn tls(args: &TargetArgs, target: &Target) -> anyhow::Result<TlsOptions> {
    let options = TlsOptions {
        ca_file: args.ca_file.clone(),
        client: args.client_cert.clone().zip(args.client_key.clone()),
        insecure: args.insecure,
    };
    if !target.is_tls() && options != TlsOptions::default() {
        bail!("--ca-file, --client-cert and --insecure are for https:// targets; {target} is none");
    }
    Ok(options)
}

/// Variables that number the machines of one job, from 0.
const INDEX_VARIABLES: [&str; 2] = ["JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX"];

/// Which part of the window is this machine's.
///
/// # Errors
/// If there is no such part, nothing says which it is, or something is asked for that is not one part's to do.
pub(crate) fn shard(args: &RunArgs) -> anyhow::Result<Option<Shard>> {
    let shard = match (args.shard, args.shards) {
        (Some(shard), Some(count)) if shard.count() != count => {
            bail!("--shard {shard} is not one of --shards {count}; leave one of the two out")
        }
        (Some(shard), _) => shard,
        (None, Some(count)) => {
            let set = |name: &&'static str| Some((*name, std::env::var(name).ok()?));
            let Some((name, text)) = INDEX_VARIABLES.iter().find_map(set) else {
                bail!(
                    "--shards {count} does not say which of them this is: give --shard I/{count}, or set {}",
                    INDEX_VARIABLES.join(" or ")
                );
            };
            let index = text
                .parse()
                .with_context(|| format!("{name}=`{text}` is no number"))?;
            Shard::new(index, count)
                .with_context(|| format!("{name}={text} with --shards {count}"))?
        }
        (None, None) => return Ok(None),
    };
    if args.run.is_none() && args.going_on.resume.is_none() {
        bail!(
            "--shard {shard} is a part of a run: name the run with --run NAME, the same for all parts"
        );
    }
    let hooks = [
        ("--before", &args.target.before),
        ("--after", &args.target.after),
    ];
    for (flag, command) in hooks {
        if command.is_some() {
            bail!(
                "{flag} would be run by each of {} machines: run it once, around all of them",
                shard.count()
            );
        }
    }
    Ok(Some(shard))
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
