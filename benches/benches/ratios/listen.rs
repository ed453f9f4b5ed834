//! Listening: the rate at which a recorder loses nothing, beside that of a bare counter of datagrams with the same buffer in
//! the same run; and what the pipeline does when it is fed from memory.
//!
//! One processor sends, the other receives and records into a synced spool. Loopback does part of a receiver's work in the
//! sender, for the counter and the recorder alike.

mod count;
mod load;
mod memory;
mod recording;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::output::{Goal, line, result};
use crate::run::Programs;

use count::Counter;
pub(crate) use count::count_here;
use load::{How, Load};
use recording::Recording;

/// Processors: who sends, and who receives.
const SENDER: usize = 1;
const RECEIVER: &str = "0";

/// Receive buffer of both receivers, bytes.
const BUFFER_BYTES: usize = 64 << 20;

/// How long a rate is tried, how long those of the goals are held, and how long half of the first is.
const TRIAL: Duration = Duration::from_secs(5);
const MINUTE: Duration = Duration::from_secs(60);
const EVER: Duration = Duration::from_secs(180);
const SOAK: Duration = Duration::from_secs(600);

/// Shares of the counter's rate that are to be recorded: for a minute, and for ever.
const MINUTE_SHARE: f64 = 0.5;
const EVER_SHARE: f64 = 0.35;

/// Part of a share that a rate may lack because batches are sent a little late.
const LATENESS: f64 = 0.99;

/// How much a rate is lowered by that loses frames.
const STEP: f64 = 0.85;

/// How often a rate is lowered, to a seventh, and how often one between two is tried.
const TRIES_MAX: usize = 12;

/// How long it may take to publish what is left of a load that is to go on for ever: what one segment takes, and a little.
const BEHIND_MAX: Duration = Duration::from_secs(10);

/// How much memory may have grown from the first half of the long run to the second.
const GROWTH_MAX: f64 = 1.1;

/// What became of a load.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    /// Frames sent a second.
    rate: f64,
    /// Frames that did not arrive.
    lost: u64,
    /// Exchanges that are not in the spool, or not whole.
    lacking: u64,
    /// CPU time of the receiver a frame, nanoseconds: until it was spooled, and until all was sealed and published.
    receiving_ns: f64,
    total_ns: f64,
    /// How long it took, once it was told to stop, until everything was published.
    behind: Duration,
    /// Highest resident memory of the receiver, MiB: in the first half of the time, and in the second.
    memory: [f64; 2],
}

impl Outcome {
    fn is_whole(&self) -> bool {
        self.lost == 0 && self.lacking == 0
    }
}

/// What the pipeline does when it is fed from memory.
pub(crate) fn measure_pipeline() {
    memory::measure();
}

/// What is to be measured over the network.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// The rates of the goals, for a minute and for ever.
    Rates,
    /// Ten minutes.
    Soak,
    /// So many frames a second for so long, to be looked at with a profiler.
    Offer(f64, Duration),
}

/// Measures over the network. The sender is a thread of its own, so that nothing else stays bound to its processor.
pub(crate) fn measure(part: Part, programs: &Programs, folder: &Path) -> anyhow::Result<()> {
    std::thread::scope(|scope| {
        let run = || match part {
            Part::Rates => rates(programs, folder),
            Part::Soak => soak(programs, folder),
            Part::Offer(rate, span) => {
                let mut load = Load::new(How::Datagrams)?;
                let outcome = Recording::measure(programs, folder, &mut load, rate, span)?;
                tell("recorder listen", &outcome);
                Ok(())
            }
        };
        let measuring = scope.spawn(run);
        measuring.join().ok().context("the measurement panicked")?
    })
}

fn rates(programs: &Programs, folder: &Path) -> anyhow::Result<()> {
    let mut load = Load::new(How::Datagrams)?;
    let bare = bare(&mut load)?;
    let record =
        |load: &mut Load, rate, span| Recording::measure(programs, folder, load, rate, span);
    // For a minute segments may wait; what goes on for ever must have made nearly all of them when it ends.
    let goals = [
        (MINUTE, MINUTE_SHARE, Duration::MAX),
        (EVER, EVER_SHARE, BEHIND_MAX),
    ];
    for (span, share, behind_max) in goals {
        let mut held = 0.0;
        let mut rate = bare.rate * share;
        for _ in 0..TRIES_MAX {
            let outcome = record(&mut load, rate, span)?;
            tell(&format!("recorder listen for {span:?}"), &outcome);
            if outcome.is_whole() && outcome.behind <= behind_max {
                held = outcome.rate;
                break;
            }
            rate *= STEP;
        }
        let name = format!("recorder over counter, frames/s, {} s", span.as_secs());
        let goal = Goal::AtLeast(share * LATENESS);
        result(&name, held / bare.rate, "x", goal);
    }
    let mut bulk = Load::new(How::Segments)?;
    let gigabits = |outcome: &Outcome, load: &Load| outcome.rate * load.frame_bytes() * 8.0 / 1e9;
    let bare = highest(&mut bulk, |load, rate| Counter::measure(load, rate, TRIAL))?;
    let ours = highest(&mut bulk, |load, rate| record(load, rate, TRIAL))?;
    tell("recorder listen, bulk by UDP_SEGMENT", &ours);
    line(&format!(
        "bulk with nothing lost: {:.2} Gbit/s recorded, {:.2} Gbit/s counted: {:.2}x",
        gigabits(&ours, &bulk),
        gigabits(&bare, &bulk),
        ours.rate / bare.rate
    ));
    Ok(())
}

/// Half of the rate that a minute is held, for ten.
fn soak(programs: &Programs, folder: &Path) -> anyhow::Result<()> {
    let mut load = Load::new(How::Datagrams)?;
    let bare = bare(&mut load)?;
    let rate = bare.rate * MINUTE_SHARE / 2.0;
    let outcome = Recording::measure(programs, folder, &mut load, rate, SOAK)?;
    tell("recorder listen for ten minutes", &outcome);
    let missing = outcome.lost + outcome.lacking;
    let name = "ten minutes at half of that, frames lost";
    result(name, missing as f64, "", Goal::AtMost(0.0));
    let growth = outcome.memory[1] / outcome.memory[0];
    let name = "memory, second half over first";
    result(name, growth, "x", Goal::AtMost(GROWTH_MAX));
    Ok(())
}

/// The counter's highest rate.
fn bare(load: &mut Load) -> anyhow::Result<Outcome> {
    let bare = highest(load, |load, rate| Counter::measure(load, rate, TRIAL))?;
    line(&format!(
        "bare recvmmsg counter: {:.0} frames/s of {:.0} B with nothing lost, {:.0} ns of CPU a frame",
        bare.rate,
        load.frame_bytes(),
        bare.receiving_ns
    ));
    Ok(bare)
}

/// The highest rate at which nothing is lost, to within a twentieth where that is found soon: below the highest at which can
/// be sent at all.
///
/// # Errors
/// If frames are lost at any rate that is tried.
fn highest(
    load: &mut Load,
    mut trial: impl FnMut(&mut Load, f64) -> anyhow::Result<Outcome>,
) -> anyhow::Result<Outcome> {
    let mut outcome = trial(load, f64::INFINITY)?;
    if outcome.is_whole() {
        return Ok(outcome);
    }
    let mut lossy = outcome.rate;
    for _ in 0..TRIES_MAX {
        if outcome.is_whole() {
            break;
        }
        lossy = outcome.rate;
        outcome = trial(load, lossy * STEP)?;
    }
    if !outcome.is_whole() {
        tell("the lowest rate that was tried", &outcome);
        bail!("frames are lost at {:.0} frames/s too", outcome.rate);
    }
    for _ in 0..TRIES_MAX {
        if lossy <= outcome.rate * 1.05 {
            break;
        }
        let middle = f64::midpoint(lossy, outcome.rate);
        let between = trial(load, middle)?;
        if between.is_whole() && between.rate > outcome.rate {
            outcome = between;
        } else {
            lossy = middle;
        }
    }
    Ok(outcome)
}

fn tell(what: &str, outcome: &Outcome) {
    line(&format!(
        "{what}: {:.0} frames/s, {} lost, {} exchanges lacking, {:.0} ns of CPU a frame while they came and {:.0} in all, \
         the rest published in {:.1} s, {:.0} MiB, then {:.0} MiB",
        outcome.rate,
        outcome.lost,
        outcome.lacking,
        outcome.receiving_ns,
        outcome.total_ns,
        outcome.behind.as_secs_f64(),
        outcome.memory[0],
        outcome.memory[1]
    ));
}
