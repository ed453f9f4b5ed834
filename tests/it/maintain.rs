//! `recorder archive …`: what an archive holds, how whole it is, and what keeps it.

mod broken;
mod check;
mod compact;
mod coverage;
mod expire;
mod forget;
mod ledger;

use std::fs::File;
use std::path::{Path, PathBuf};

use benches::{Mix, Traffic, write_pcap};
use serde_json::Value;
use tests::{Ran, recorder, run};

/// Traffic of a few seconds that crosses the border of an hour.
fn traffic(exchanges: u64) -> Traffic {
    let hour = Traffic::default().start;
    Traffic {
        exchanges,
        mix: Mix::Mixed,
        start: hour.saturating_sub(std::time::Duration::from_millis(30)),
        ..Traffic::default()
    }
}

/// Records it into `archive` as the recorder `id`.
fn record(folder: &Path, traffic: &Traffic, id: &str) -> PathBuf {
    record_with(folder, traffic, id, &[])
}

fn record_with(folder: &Path, traffic: &Traffic, id: &str, flags: &[&str]) -> PathBuf {
    let (capture, archive) = (folder.join(format!("{id}.pcap")), folder.join("archive"));
    write_pcap(traffic.frames(), File::create(&capture).unwrap()).unwrap();
    let mut command = recorder();
    command.arg("read").arg(&capture).arg("--archive");
    command
        .arg(&archive)
        .args(["--recorder-id", id])
        .args(flags);
    let _ = run(&mut command).expect_code(0);
    archive
}

/// `recorder archive …` on an archive.
fn archive(archive: &Path, arguments: &[&str]) -> Ran {
    let (command, rest) = arguments.split_first().unwrap();
    let mut ran = recorder();
    ran.args(["archive", command, "--archive"]).arg(archive);
    run(ran.args(rest).env("COLUMNS", "100"))
}

/// The same with `--json`, which must end with `code`.
#[track_caller]
fn json(folder: &Path, arguments: &[&str], code: i32) -> Value {
    let ran = archive(folder, &[arguments, &["--json"]].concat()).expect_code(code);
    serde_json::from_str(&ran.stdout).unwrap()
}
