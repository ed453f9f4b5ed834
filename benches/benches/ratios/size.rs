//! Size: the archive beside the capture under zstd and the messages as text under gzip, by kind of traffic.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use benches::{Mix, Traffic, write_pcap};

use crate::output::{Goal, line, result};
use crate::run::{Programs, measure as run};

/// What is measured: its name, exchanges, and the goal over `zstd -3` of the capture.
const KINDS: [(&str, Mix, u64, Option<f64>); 4] = [
    ("API JSON", Mix::Api, 100_000, Some(0.35)),
    ("half random hex", Mix::Gets, 100_000, Some(0.7)),
    ("repeated static answers", Mix::Static, 10_000, None),
    ("incompressible answers", Mix::Incompressible, 20_000, None),
];

/// Measures every kind.
pub(crate) fn measure(programs: &Programs, folder: &Path) -> anyhow::Result<()> {
    for (name, mix, exchanges, goal) in KINDS {
        let traffic = Traffic {
            exchanges,
            mix,
            connections: 64,
            ..Traffic::default()
        };
        let ratio = measure_kind(programs, folder, name, &traffic)?;
        if let Some(goal) = goal {
            let name = format!("archive of {name}, over zstd -3");
            result(&name, ratio, "x", Goal::AtMost(goal));
        }
    }
    Ok(())
}

/// Prints bytes an exchange of everything; gives the archive's over those of the capture under `zstd -3`.
fn measure_kind(
    programs: &Programs,
    folder: &Path,
    name: &str,
    traffic: &Traffic,
) -> anyhow::Result<f64> {
    let capture = folder.join("size.pcap");
    write_pcap(traffic.frames(), BufWriter::new(File::create(&capture)?))?;
    let archive = folder.join("size");
    let recorder = [
        programs.recorder.as_os_str(),
        "read".as_ref(),
        capture.as_os_str(),
        "--archive".as_ref(),
        archive.as_os_str(),
    ];
    run(&[0], &recorder)?;
    let ours = bytes_below(&archive)? as f64;
    fs::remove_dir_all(&archive)?;
    let quick = compressed(&["zstd", "-3"], &capture)?;
    let thorough = compressed(&["zstd", "-19", "--long=27", "-T0"], &capture)?;
    fs::remove_file(&capture)?;
    let text = folder.join("size.txt");
    let mut file = BufWriter::new(File::create(&text)?);
    let mut raw = 0;
    for exchange in traffic.truth() {
        for message in [exchange.request(), exchange.response()] {
            raw += message.len();
            file.write_all(&message)?;
        }
    }
    file.flush()?;
    let gzip = compressed(&["gzip"], &text)?;
    fs::remove_file(&text)?;
    let each = |bytes: f64| bytes / traffic.exchanges as f64;
    line(&format!(
        "{name}: {:.0} B an exchange; archive {:.0}, capture with zstd -3 {:.0}, with zstd -19 --long {:.0}, text with gzip {:.0}",
        each(raw as f64),
        each(ours),
        each(quick),
        each(thorough),
        each(gzip)
    ));
    Ok(ours / quick)
}

/// Bytes that a program makes of a file on its standard output.
fn compressed(command: &[&str], file: &Path) -> anyhow::Result<f64> {
    let target = file.with_extension("compressed");
    let (program, flags) = command.split_first().context("a program")?;
    let status = Command::new(program)
        .args(flags)
        .args(["-q", "-c"])
        .arg(file)
        .stdout(File::create(&target)?)
        .status();
    ensure!(
        status
            .with_context(|| format!("start {program}"))?
            .success(),
        "{program} failed"
    );
    let bytes = fs::metadata(&target)?.len();
    fs::remove_file(&target)?;
    Ok(bytes as f64)
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
