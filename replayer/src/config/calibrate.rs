//! `replayer calibrate`: a run of a sample, as fast as the target answers.

use anyhow::{Context as _, bail};
use replayer_core::pace::Pace;

use super::RunConfig;
use crate::cli::{
    CalibrateArgs, CorrelateArgs, FlowArgs, GoingOnArgs, JudgingArgs, PaceArgs, PaceFlags,
    RewriteArgs, RunArgs, SendAgainArg, Typed, WhenBehindArg,
};
use crate::units::{Loop, Span, Speed};

/// Stands for the server on loopback until that has a port.
const LOOPBACK: &str = "http://127.0.0.1:9";

/// A calibration.
#[derive(Clone, Debug)]
pub(crate) struct CalibrateConfig {
    /// A run of the window; of a sample of it, when that is there.
    pub(crate) run: RunConfig,
    /// Whether it goes to a server on loopback that answers at once.
    pub(crate) to_loopback: bool,
    /// The speed that the window shall be replayed at.
    pub(crate) speed: f64,
    /// About how long is measured.
    pub(crate) seconds: f64,
    /// Whether JSON is printed.
    pub(crate) json: bool,
}

impl TryFrom<CalibrateArgs> for CalibrateConfig {
    type Error = anyhow::Error;

    fn try_from(args: CalibrateArgs) -> anyhow::Result<Self> {
        let Speed::Factor(speed) = args.speed else {
            bail!(
                "--speed max needs as many machines as there are; give a number, such as --speed 10"
            );
        };
        let mut target = args.target;
        let hooks = [("--before", &target.before), ("--after", &target.after)];
        for (flag, command) in hooks {
            if command.is_some() {
                bail!("{flag} is for runs; what is measured is a sample");
            }
        }
        let to_loopback = target.target.is_none();
        if to_loopback {
            target.target = Some(LOOPBACK.to_owned());
            target.allow_writes = true;
        }
        let run = RunConfig::try_from(RunArgs {
            typed: Typed::default(),
            archive: args.archive,
            target,
            window: args.window,
            filter: args.filter,
            pace: as_fast_as_it_goes(FlowArgs {
                order: args.order,
                session_key: args.session_key,
                in_flight: args.in_flight,
                when_behind: WhenBehindArg::Wait,
                max_lag: None,
            }),
            shard: None,
            shards: None,
            rewrite: RewriteArgs {
                rewrite: Vec::new(),
                rewrite_file: None,
                shift_time: Vec::new(),
                authorization_env: None,
                jwt_key: None,
            },
            correlate: CorrelateArgs {
                correlate: Vec::new(),
            },
            judging: JudgingArgs {
                no_compare: args.no_compare,
                min_coverage: 1.0,
            },
            run: None,
            json: args.json,
            going_on: GoingOnArgs {
                resume: None,
                resume_if_begun: false,
                send_again: SendAgainArg::Idempotent,
            },
            checkpoint: "10s".parse::<Span>().context("a span")?,
        })?;
        debug_assert_eq!(run.timing.pace, Pace::Max);
        Ok(Self {
            run,
            to_loopback,
            speed,
            seconds: args.span.0.as_secs_f64(),
            json: args.json,
        })
    }
}

/// Once through the sample, each request when there is room for it.
fn as_fast_as_it_goes(flow: FlowArgs) -> PaceArgs {
    PaceArgs(PaceFlags {
        speed: Speed::Max,
        rate: None,
        max_rate: None,
        ramp: None,
        repeat: Loop::Count(1),
        start_at: None,
        flow,
    })
}
