//! The measurement that the project is held to: our programs and others' on the same input, side by side in one run.
//!
//! ```text
//! cargo bench -p benches --bench ratios              everything
//! cargo bench -p benches --bench ratios -- read      one of: read, size, large, flood, pipeline, listen, soak, compare,
//!                                                    speed, schedule, month, memory, encryption
//! cargo bench -p benches --bench ratios -- offer=200000,60   sends so many frames a second to a recorder, for a minute
//! cargo bench -p benches --bench ratios -- month=72  a month of so many hours, on S3; 720 take a while to put there
//! … -- --programs=DIR                                measures the programs in DIR instead of building them
//! ```
//!
//! Programs that it builds itself get other features of some crates than the benchmark, so a part is compiled twice. Built
//! together, each crate is compiled once:
//!
//! ```text
//! cargo build --release --locked -p recorder -p replayer -p benches --bins --bench ratios
//! cargo bench -p benches --bench ratios --locked -- --programs=$PWD/target/release speed
//! ```
//!
//! Needs `tcpdump`, `zstd`, `gzip`, `nginx`, `taskset` and `oha` in the search path, and the S3 server that `tests/run` installs. Ours and theirs take turns, medians are
//! printed with the goal beside each, and a number that misses its goal fails nothing: it is for a person to see.

mod compare;
mod encryption;
mod flood;
mod listen;
mod month;
mod output;
mod read;
mod replay;
mod run;
mod size;
mod timer;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use mimalloc::MiMalloc;

/// The programs' allocator, for the parts of them that are measured in this process.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How often each program runs.
const ROUNDS: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("--measure", command)) = arguments
        .split_first()
        .map(|(first, rest)| (first.as_str(), rest))
    {
        return run::measure_here(command);
    }
    if let [first, what] = &arguments[..] {
        match first.as_str() {
            "--parse" => return ended(read::parse_here(what)),
            "--compare" => return ended(compare::compare_here(what)),
            "--flood" => return ended(flood::flood_here(what)),
            "--count" => return ended(listen::count_here()),
            _ => {}
        }
    }
    // Cargo passes `--bench` to every benchmark.
    let parts: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|part| !part.starts_with("--"))
        .collect();
    let folder = arguments
        .iter()
        .find_map(|argument| argument.strip_prefix("--programs="));
    ended(measure(&parts, folder))
}

fn ended(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::line(&format!("failed: {error:#}"));
            ExitCode::from(2)
        }
    }
}

fn measure(parts: &[&str], programs: Option<&str>) -> anyhow::Result<()> {
    let wanted = |part: &str| parts.is_empty() || parts.contains(&part);
    if wanted("compare") {
        compare::measure()?;
    }
    if wanted("pipeline") || wanted("listen") {
        listen::measure_pipeline();
    }
    // Everything else runs the programs.
    let in_process = |part: &&str| ["compare", "pipeline"].contains(part);
    if !parts.is_empty() && parts.iter().all(in_process) {
        return Ok(());
    }
    let programs = match programs {
        Some(folder) => run::Programs::in_folder(folder.as_ref()),
        None => run::build()?,
    };
    let folder = tempfile::tempdir()?;
    if wanted("read") {
        read::measure(&programs, folder.path())?;
    }
    if wanted("size") {
        size::measure(&programs, folder.path())?;
    }
    if wanted("large") {
        read::measure_large(&programs, folder.path())?;
    }
    if wanted("flood") {
        flood::measure()?;
    }
    if wanted("listen") {
        listen::measure(listen::Part::Rates, &programs, folder.path())?;
    }
    if wanted("soak") {
        listen::measure(listen::Part::Soak, &programs, folder.path())?;
    }
    let offered = parts.iter().find_map(|part| part.strip_prefix("offer="));
    if let Some(rate) = offered {
        let (rate, seconds) = rate.split_once(',').unwrap_or((rate, "5"));
        let rate = rate.parse().context("read the rate")?;
        let span = Duration::from_secs(seconds.parse().context("read the seconds")?);
        listen::measure(listen::Part::Offer(rate, span), &programs, folder.path())?;
    }
    if wanted("speed") {
        replay::measure_speed(&programs, folder.path())?;
    }
    if wanted("schedule") {
        replay::measure_schedule(&programs, folder.path())?;
    }
    if wanted("encryption") {
        encryption::measure(&programs, folder.path())?;
    }
    if wanted("memory") {
        month::measure_memory(&programs, folder.path())?;
    }
    let hours = parts.iter().find_map(|part| part.strip_prefix("month="));
    if wanted("month") || hours.is_some() {
        let hours = hours
            .map(str::parse)
            .transpose()
            .context("read the hours")?;
        month::measure(&programs, hours)?;
    }
    Ok(())
}
