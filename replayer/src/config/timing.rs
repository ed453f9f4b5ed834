//! When requests are due, and in which order.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context as _, bail};
use governor::Quota;
use replayer_core::order::Order;
use replayer_core::pace::Pace;
use replayer_core::scheduler::WhenBehind;
use schema::{SampleBy, Timestamp};

use crate::cli::{OrderArg, PaceFlags, WhenBehindArg};
use crate::units::{Loop, Speed};

/// When requests are due, and in which order.
#[derive(Clone, Debug)]
pub(crate) struct Timing {
    /// How recorded times become due times.
    pub(crate) pace: Pace,
    /// How long the rate grows to its full height.
    pub(crate) ramp: Duration,
    /// When the schedule begins; `None` for when the first exchange was read.
    pub(crate) start_at: Option<Timestamp>,
    /// Of what is followed: how long after it was recorded a request is due.
    pub(crate) delay: Option<Duration>,
    /// How often the window is replayed.
    pub(crate) passes: Passes,
    /// The rate that is never exceeded.
    pub(crate) rate_max: Option<RateMax>,
    /// What keeps its order.
    pub(crate) order: Order,
    /// What becomes of a request at the bound of requests in flight.
    pub(crate) when_behind: WhenBehind,
    /// The gate: lag that no request may exceed.
    pub(crate) lag_max: Option<Duration>,
}

/// How often a window is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passes {
    /// So many times.
    Count(u64),
    /// For so much of the schedule.
    For(Duration),
}

/// A rate that is never exceeded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateMax {
    /// Requests a second.
    pub(crate) per_second: f64,
    /// The same for the limiter.
    pub(crate) quota: Quota,
}

impl Timing {
    /// Of one of `machines` that share a window.
    pub(super) fn new(flags: PaceFlags, machines: u32) -> anyhow::Result<Self> {
        if flags.flow.in_flight == 0 {
            bail!("--in-flight 0 would never send anything; give 1 or more");
        }
        let pace = match (flags.rate, flags.speed) {
            (Some(rate), _) => Pace::Even { per_second: rate.0 },
            (None, Speed::Factor(speed)) => Pace::Recorded { speed },
            (None, Speed::Max) => Pace::Max,
        };
        let timing = Self {
            pace,
            ramp: flags.ramp.map_or(Duration::ZERO, |ramp| ramp.0),
            start_at: flags.start_at,
            delay: None,
            passes: match flags.repeat {
                Loop::Count(count) => Passes::Count(count),
                Loop::For(span) => Passes::For(span),
            },
            rate_max: flags
                .max_rate
                .map(|rate| RateMax::new(rate.0, machines))
                .transpose()?,
            order: order(flags.flow.order, flags.flow.session_key)?,
            when_behind: match flags.flow.when_behind {
                WhenBehindArg::Wait => WhenBehind::Wait,
                WhenBehindArg::Skip => WhenBehind::Skip,
            },
            lag_max: flags.flow.max_lag.map(|lag| lag.0),
        };
        timing.check_due_times()?;
        Ok(timing)
    }

    /// As fast as possible no request has a due time before its turn comes, and much has no meaning.
    fn check_due_times(&self) -> anyhow::Result<()> {
        if self.pace != Pace::Max {
            return Ok(());
        }
        let flags = [
            ("--ramp", !self.ramp.is_zero()),
            ("--loop DURATION", matches!(self.passes, Passes::For(_))),
            ("--when-behind skip", self.when_behind == WhenBehind::Skip),
            ("--max-lag", self.lag_max.is_some()),
            ("--start-at", self.start_at.is_some()),
        ];
        for (flag, is_set) in flags {
            if is_set {
                bail!(
                    "{flag} needs due times, and with --speed max there are none; give --rate, or --speed with a number"
                );
            }
        }
        Ok(())
    }
}

fn order(order: OrderArg, key: Option<SampleBy>) -> anyhow::Result<Order> {
    Ok(match (order, key) {
        (OrderArg::Connection, _) => Order::Connection,
        (OrderArg::None, _) => Order::None,
        (OrderArg::Session, Some(SampleBy::Connection)) => {
            bail!("--session-key connection is --order connection; a session goes over connections")
        }
        (OrderArg::Session, Some(key)) => Order::Session(key),
        (OrderArg::Session, None) => bail!(
            "--order session needs to know what makes a session: add --session-key cookie:NAME, header:NAME or client-ip"
        ),
    })
}

impl RateMax {
    /// Each of several machines keeps to its share.
    fn new(per_second: f64, machines: u32) -> anyhow::Result<Self> {
        let share = per_second / f64::from(machines);
        let quota = Quota::with_period(Duration::from_secs_f64(1.0 / share))
            .with_context(|| format!("--max-rate {per_second}/s is too fast to be a limit"))?;
        // A millisecond's worth at once: finer than that no timer is asked to be.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rates are at most 1e9"
        )]
        let burst = NonZeroU32::new((share / 1_000.0) as u32).unwrap_or(NonZeroU32::MIN);
        Ok(Self {
            per_second,
            quota: quota.allow_burst(burst),
        })
    }
}
