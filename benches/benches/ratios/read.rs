//! Recording: CPU time over tcpdump's, peak memory, and the archive's size over the compressed capture's.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use benches::{Traffic, write_pcap};

use crate::ROUNDS;
use crate::output::{Goal, line, median, result};
use crate::run::{Cost, Programs, measure as run};

const EXCHANGES: u64 = 200_000;

/// Reads one capture with both programs in turns.
pub(crate) fn measure(programs: &Programs, folder: &Path, size: bool) -> anyhow::Result<()> {
    let capture = folder.join("gets.pcap");
    let traffic = Traffic {
        exchanges: EXCHANGES,
        connections: 64,
        ..Traffic::default()
    };
    let written = write_pcap(traffic.frames(), BufWriter::new(File::create(&capture)?))?;
    line(&format!(
        "capture: {EXCHANGES} GET exchanges in VXLAN, {} frames, {:.0} MB",
        written.frames,
        written.bytes as f64 / 1e6
    ));
    let archive = folder.join("archive");
    let (mut ours, mut theirs): (Vec<Cost>, Vec<Cost>) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        if archive.exists() {
            fs::remove_dir_all(&archive)?;
        }
        let tcpdump = [
            "tcpdump".as_ref(),
            "-r".as_ref(),
            capture.as_os_str(),
            "-w".as_ref(),
            "/dev/null".as_ref(),
        ];
        let other = run(&[0], &tcpdump)?;
        let recorder = [
            programs.recorder.as_os_str(),
            "read".as_ref(),
            capture.as_os_str(),
            "--archive".as_ref(),
            archive.as_os_str(),
        ];
        let own = run(&[0], &recorder)?;
        line(&format!(
            "round {round}: recorder read {:.2} s CPU, {:.2} s, {:.0} MiB; tcpdump {:.2} s CPU, {:.2} s",
            own.cpu, own.wall, own.memory, other.cpu, other.wall
        ));
        ours.push(own);
        theirs.push(other);
    }
    let cpu = |costs: &[Cost]| median(costs.iter().map(|cost| cost.cpu).collect());
    let memory = ours.iter().map(|cost| cost.memory).fold(0.0, f64::max);
    result(
        "recorder read, CPU over tcpdump -w /dev/null",
        cpu(&ours) / cpu(&theirs),
        "x",
        Goal::AtMost(15.0),
    );
    result(
        "recorder read, peak memory",
        memory,
        "MiB",
        Goal::AtMost(150.0),
    );
    if size {
        measure_size(&capture, &archive)?;
    }
    Ok(())
}

fn measure_size(capture: &Path, archive: &Path) -> anyhow::Result<()> {
    let compressed = capture.with_extension("pcap.zst");
    let status = Command::new("zstd")
        .args(["-q", "-f", "-3"])
        .arg(capture)
        .arg("-o")
        .arg(&compressed)
        .status();
    ensure!(status.context("start zstd")?.success(), "zstd failed");
    let ours = bytes_below(archive)?;
    let theirs = fs::metadata(&compressed)?.len();
    line(&format!(
        "archive {:.1} MB; capture with zstd -3 {:.1} MB",
        ours as f64 / 1e6,
        theirs as f64 / 1e6
    ));
    result(
        "archive, bytes over zstd -3 of the capture",
        ours as f64 / theirs as f64,
        "x",
        Goal::AtMost(0.75),
    );
    Ok(())
}

fn bytes_below(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    let mut folders: Vec<PathBuf> = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                bytes += metadata.len();
            }
        }
    }
    Ok(bytes)
}
