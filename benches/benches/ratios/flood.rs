//! A million connections at once, and as many again: what each costs in memory, and whether more connections cost more each.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use benches::Flood;
use recorder_core::{Frame, Limits, LinkType, Options, Pipeline};
use schema::Timestamp;

use crate::output::{Goal, line, result};

const CONNECTIONS: u32 = 1_000_000;
/// What cost is compared with.
const FEW: u32 = 100_000;

/// Measures each flood in a process of its own.
pub(crate) fn measure() -> anyhow::Result<()> {
    let here = std::env::current_exe().context("find this benchmark")?;
    for (name, kind, goal) in [
        ("half-open", HALF_OPEN, 512.0),
        ("one-sided", ONE_SIDED, 2_560.0),
    ] {
        let flood = run(&here, kind)?;
        line(&format!(
            "a million {name} connections: {:.0} MiB, a million more: {:.0} MiB; a frame {:.0} ns, with a tenth of them {:.0} ns",
            flood.at_bound / f64::from(1 << 20),
            flood.at_end / f64::from(1 << 20),
            flood.frame_ns,
            flood.frame_ns_few
        ));
        let each = flood.at_end / f64::from(CONNECTIONS);
        let name_ = format!("memory a {name} connection, at the bound");
        result(&name_, each, "B", Goal::AtMost(goal));
        let name_ = format!("a frame of a million {name}, over 100,000");
        result(
            &name_,
            flood.frame_ns / flood.frame_ns_few,
            "x",
            Goal::AtMost(3.0),
        );
    }
    Ok(())
}

const HALF_OPEN: &str = "half-open";
const ONE_SIDED: &str = "one-sided";

/// What one flood cost.
#[derive(Debug)]
struct Measured {
    /// Bytes of memory with a million connections, and after as many again.
    at_bound: f64,
    at_end: f64,
    frame_ns: f64,
    frame_ns_few: f64,
}

fn run(here: &Path, kind: &str) -> anyhow::Result<Measured> {
    let output = Command::new(here).args(["--flood", kind]).output();
    let output = output.context("start the measuring process")?;
    ensure!(output.status.success(), "the flood failed");
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = text
        .split_whitespace()
        .map_while(|word| word.parse().ok())
        .collect();
    let [at_bound, at_end, frame_ns, frame_ns_few] = numbers[..] else {
        bail!("the flood printed {text}");
    };
    Ok(Measured {
        at_bound,
        at_end,
        frame_ns,
        frame_ns_few,
    })
}

/// What `ratios --flood KIND` does.
pub(crate) fn flood_here(kind: &str) -> anyhow::Result<()> {
    let flood = || match kind {
        ONE_SIDED => Flood::one_sided(),
        _ => Flood::half_open(),
    };
    let few = send(flood(), FEW)?;
    let many = send(flood(), CONNECTIONS)?;
    line(&format!(
        "{} {} {} {}",
        many.at_bound, many.at_end, many.frame_ns, few.frame_ns
    ));
    Ok(())
}

/// Opens `connections`, which is the bound, and as many again.
fn send(mut flood: Flood, connections: u32) -> anyhow::Result<Measured> {
    let source: Arc<str> = "flood".into();
    let limits = Limits {
        connections_max: connections as usize,
        ..Limits::default()
    };
    let mut pipeline = Pipeline::new(limits, Options::default());
    let before = resident()?;
    let mut at_bound = 0.0;
    #[expect(
        clippy::disallowed_methods,
        reason = "this is a clock of the measurement"
    )]
    let started = std::time::Instant::now();
    for number in 0..2 * connections {
        let bytes = flood.packet(number);
        pipeline.handle_frame(&Frame {
            at: Timestamp::from_micros(1_795_352_400_000_000 + i64::from(number) * 2),
            link: LinkType::RawIp,
            bytes,
            wire_len: bytes.len() as u32,
            source: &source,
        });
        while pipeline.poll_exchange().is_some() {}
        if number + 1 == connections {
            at_bound = resident()? - before;
        }
    }
    let frame_ns = started.elapsed().as_secs_f64() * 1e9 / f64::from(2 * connections);
    Ok(Measured {
        at_bound,
        at_end: resident()? - before,
        frame_ns,
        frame_ns_few: 0.0,
    })
}

/// Resident memory of this process, bytes.
pub(crate) fn resident() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next());
    let kibibytes: f64 = kibibytes.context("read the memory")?.parse()?;
    Ok(kibibytes * 1_024.0)
}
