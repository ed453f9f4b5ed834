//! Programs and what they cost.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

/// Our built programs.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) recorder: PathBuf,
    pub(crate) replayer: PathBuf,
}

impl Programs {
    /// The programs in a folder.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self {
            recorder: folder.join("recorder"),
            replayer: folder.join("replayer"),
        }
    }
}

/// What one run of a program cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    /// User and system time, seconds.
    pub(crate) cpu: f64,
    /// Peak resident memory, MiB.
    pub(crate) memory: f64,
    /// Time on the wall, seconds.
    pub(crate) wall: f64,
}

/// Builds the programs as they are released.
pub(crate) fn build() -> anyhow::Result<Programs> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--release",
            "--locked",
            "--quiet",
            "-p",
            "recorder",
            "-p",
            "replayer",
            "--bins",
        ])
        .current_dir(&root)
        .status()
        .context("start cargo")?;
    ensure!(status.success(), "the programs do not build");
    // This benchmark lies in target/release/deps.
    let here = std::env::current_exe().context("find this benchmark")?;
    let folder = here.ancestors().nth(2).context("find the build folder")?;
    Ok(Programs::in_folder(folder))
}

/// Runs a program and measures it. The program may end with one of `codes`.
///
/// The measuring is done by a process of its own, which has no other child: what the system says of its children is then
/// exactly this program's cost, user and system time of every thread, and its peak memory.
pub(crate) fn measure<S: AsRef<OsStr>>(codes: &[i32], command: &[S]) -> anyhow::Result<Cost> {
    let here = std::env::current_exe().context("find this benchmark")?;
    let output = Command::new(here)
        .arg("--measure")
        .args(command)
        .stdin(Stdio::null())
        .output()
        .context("start the measuring process")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_default();
    let numbers: Vec<f64> = line
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    let [code, cpu, memory, wall] = numbers[..] else {
        bail!(
            "{:?} could not be measured: {}",
            command[0].as_ref(),
            String::from_utf8_lossy(&output.stderr)
        );
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an exit code is a small whole number"
    )]
    let code = code as i32;
    ensure!(
        codes.contains(&code),
        "{:?} ended with code {code}: {}",
        command[0].as_ref(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(Cost { cpu, memory, wall })
}

/// What the measuring process does: runs the command and prints exit code, CPU seconds, peak MiB and wall seconds.
pub(crate) fn measure_here(command: &[String]) -> ExitCode {
    let Some((program, arguments)) = command.split_first() else {
        return ExitCode::from(2);
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one clock of the measurement"
    )]
    let started = std::time::Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .status();
    let wall = started.elapsed().as_secs_f64();
    let (Ok(status), Ok(usage)) = (status, getrusage(UsageWho::RUSAGE_CHILDREN)) else {
        return ExitCode::from(2);
    };
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    let cpu = micros as f64 / 1e6;
    let memory = usage.max_rss() as f64 / 1_024.0;
    let code = status.code().unwrap_or(-1);
    crate::output::line(&format!("{code} {cpu} {memory} {wall}"));
    ExitCode::SUCCESS
}
