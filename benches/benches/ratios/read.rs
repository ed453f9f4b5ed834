//! Recording: CPU time over tcpdump's, and peak memory.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use benches::{Mix, Traffic, write_pcap};
use recorder::Captures;
use recorder_core::{Limits, Options, Pipeline};

use crate::ROUNDS;
use crate::output::{Goal, line, median, result};
use crate::run::{Cost, Programs, measure as run};

const EXCHANGES: u64 = 200_000;
/// 1.1 GB.
const LARGE_EXCHANGES: u64 = 10_000;

/// Reads one capture with both programs in turns, and with our parser alone.
pub(crate) fn measure(programs: &Programs, folder: &Path) -> anyhow::Result<()> {
    let capture = write(folder, "gets.pcap", Mix::Gets, EXCHANGES)?;
    let archive = folder.join("archive");
    let mut costs = Costs::default();
    for round in 1..=ROUNDS {
        costs.measure(round, programs, &capture, &archive)?;
    }
    let memory = costs.ours.iter().map(|cost| cost.memory);
    result(
        "recorder read, CPU over tcpdump -w /dev/null",
        costs.ratio(&costs.ours),
        "x",
        Goal::AtMost(10.0),
    );
    result(
        "recorder read, peak memory",
        memory.fold(0.0, f64::max),
        "MiB",
        Goal::AtMost(150.0),
    );
    result(
        "parsing into a null sink, over the same",
        costs.ratio(&costs.parsed),
        "x",
        Goal::AtMost(2.5),
    );
    fs::remove_dir_all(&archive)?;
    Ok(fs::remove_file(&capture)?)
}

/// The same with answers of 100 KiB.
pub(crate) fn measure_large(programs: &Programs, folder: &Path) -> anyhow::Result<()> {
    let capture = write(folder, "large.pcap", Mix::LargeAnswers, LARGE_EXCHANGES)?;
    let archive = folder.join("large");
    let mut costs = Costs::default();
    for round in 1..=ROUNDS {
        costs.measure(round, programs, &capture, &archive)?;
    }
    result(
        "recorder read, answers of 100 KiB, over tcpdump",
        costs.ratio(&costs.ours),
        "x",
        Goal::AtMost(10.0),
    );
    fs::remove_dir_all(&archive)?;
    Ok(fs::remove_file(&capture)?)
}

/// What `ratios --parse FILE` does: all of recording but writing.
pub(crate) fn parse_here(file: &str) -> anyhow::Result<()> {
    let mut captures = Captures::open(&[file.into()])?;
    let options = Options {
        body_bytes_max: 16 << 20,
        ..Options::default()
    };
    let mut pipeline = Pipeline::new(Limits::default(), options);
    let mut exchanges = 0;
    while let Some(frame) = captures.next_frame()? {
        pipeline.handle_frame(&frame);
        exchanges += std::iter::from_fn(|| pipeline.poll_exchange()).count();
    }
    pipeline.finish();
    exchanges += std::iter::from_fn(|| pipeline.poll_exchange()).count();
    line(&format!("{exchanges} exchanges"));
    Ok(())
}

/// Writes a capture of generated traffic in VXLAN.
fn write(folder: &Path, name: &str, mix: Mix, exchanges: u64) -> anyhow::Result<PathBuf> {
    let capture = folder.join(name);
    let traffic = Traffic {
        exchanges,
        mix,
        connections: 64,
        ..Traffic::default()
    };
    let written = write_pcap(traffic.frames(), BufWriter::new(File::create(&capture)?))?;
    line(&format!(
        "capture: {exchanges} exchanges in VXLAN ({mix:?}), {} frames, {:.0} MB",
        written.frames,
        written.bytes as f64 / 1e6
    ));
    Ok(capture)
}

/// What the rounds cost.
#[derive(Debug, Default)]
struct Costs {
    ours: Vec<Cost>,
    parsed: Vec<Cost>,
    theirs: Vec<Cost>,
}

impl Costs {
    /// One round: each program once.
    fn measure(
        &mut self,
        round: usize,
        programs: &Programs,
        capture: &Path,
        archive: &Path,
    ) -> anyhow::Result<()> {
        if archive.exists() {
            fs::remove_dir_all(archive)?;
        }
        let tcpdump = [
            "tcpdump".as_ref(),
            "-r".as_ref(),
            capture.as_os_str(),
            "-w".as_ref(),
            "/dev/null".as_ref(),
        ];
        let other = run(&[0], &tcpdump)?;
        let here = std::env::current_exe().context("find this benchmark")?;
        let parse = [here.as_os_str(), "--parse".as_ref(), capture.as_os_str()];
        let parsed = run(&[0], &parse)?;
        let recorder = [
            programs.recorder.as_os_str(),
            "read".as_ref(),
            capture.as_os_str(),
            "--archive".as_ref(),
            archive.as_os_str(),
        ];
        let own = run(&[0], &recorder)?;
        line(&format!(
            "round {round}: recorder read {:.2} s CPU, {:.2} s, {:.0} MiB; parsing alone {:.2} s CPU; tcpdump {:.2} s CPU, {:.2} s",
            own.cpu, own.wall, own.memory, parsed.cpu, other.cpu, other.wall
        ));
        self.ours.push(own);
        self.parsed.push(parsed);
        self.theirs.push(other);
        Ok(())
    }

    /// Median CPU over tcpdump's.
    fn ratio(&self, costs: &[Cost]) -> f64 {
        let cpu = |costs: &[Cost]| median(costs.iter().map(|cost| cost.cpu).collect());
        cpu(costs) / cpu(&self.theirs)
    }
}
