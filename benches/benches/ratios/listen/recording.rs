//! The recorder as it is run: `recorder listen` with one shard and a synced spool, and what its metrics say.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeValLike as _;
use nix::unistd::Pid;
use serde_json::Value;

use super::load::{Load, Sent};
use super::{BUFFER_BYTES, Outcome, RECEIVER};
use crate::run::Programs;

/// How often it is asked how far it is, and how many times at most. What it answers may be two seconds old.
const LOOK_EVERY: Duration = Duration::from_millis(2_500);
const LOOKS_MAX: usize = 100;

/// How often its memory is looked at.
const WEIGH_EVERY: Duration = Duration::from_millis(300);

/// Nanoseconds of one tick of a process's CPU time (`USER_HZ`).
const TICK_NS: f64 = 1e7;

/// A running recorder.
pub(super) struct Recording {
    child: Child,
    vxlan: SocketAddr,
    metrics: SocketAddr,
    folder: PathBuf,
}

impl Recording {
    /// Sends a load to a recorder; everything that it has recorded is removed.
    pub(super) fn measure(
        programs: &Programs,
        folder: &Path,
        load: &mut Load,
        rate: f64,
        span: Duration,
    ) -> anyhow::Result<Outcome> {
        let recording = Self::start(programs, folder)?;
        let (sent, memory) = beside(recording.child.id(), || {
            load.send(recording.vxlan, rate, span)
        });
        recording.outcome(&sent?, memory)
    }

    fn start(programs: &Programs, folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.join("listen");
        let mut command = Command::new("taskset");
        command.args(["-c", RECEIVER]).arg(&programs.recorder);
        command.args([
            "listen",
            "--json",
            "--shards",
            "1",
            "--vxlan",
            "127.0.0.1:0",
        ]);
        // Segments may be made long after: what is behind is to be seen, not given up.
        command.args(["--metrics", "127.0.0.1:0", "--drain", "600s"]);
        command.args(["--spool-max", "20GiB"]);
        command.args(["--receive-buffer", &BUFFER_BYTES.to_string()]);
        command.arg("--archive").arg(folder.join("archive"));
        command.arg("--spool").arg(folder.join("spool"));
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("start the recorder")?;
        let mut log = BufReader::new(child.stderr.take().context("read the log")?);
        let mut text = String::new();
        let said = loop {
            let mut line = String::new();
            ensure!(log.read_line(&mut line)? > 0, "the recorder ended: {text}");
            let said: Value = serde_json::from_str(&line)?;
            if said["message"] == "listening" {
                break said;
            }
            text += &line;
        };
        // What else it says is taken from it, so that it does not wait.
        std::thread::spawn(move || log.read_to_string(&mut String::new()));
        let address = |name: &str| -> anyhow::Result<SocketAddr> {
            Ok(said[name].as_str().context("an address")?.parse()?)
        };
        Ok(Self {
            vxlan: address("vxlan")?,
            metrics: address("metrics")?,
            child,
            folder,
        })
    }

    /// Waits until everything that has arrived is in the spool, then ends it.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is a clock of the measurement"
    )]
    fn outcome(mut self, sent: &Sent, memory: [f64; 2]) -> anyhow::Result<Outcome> {
        let pid = self.child.id();
        let page = self.settled(sent)?;
        let receiving = cpu_ns(pid)?;
        let told_to_stop = Instant::now();
        let before = children_ns()?;
        kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGTERM)?;
        let mut text = String::new();
        let out = self.child.stdout.as_mut().context("read the recorder")?;
        out.read_to_string(&mut text)?;
        self.child.wait()?;
        let total = children_ns()? - before;
        let summary: Value = serde_json::from_str(&text).context("the recorder's summary")?;
        let complete = summary["exchanges"]["complete"].as_u64().unwrap_or(0);
        let frames = summary["frames"]["total"].as_u64().unwrap_or(0);
        let spooled = count(&page, "recorder_exchanges_spooled_total");
        fs::remove_dir_all(&self.folder)?;
        Ok(Outcome {
            rate: sent.frames as f64 / sent.took.as_secs_f64(),
            lost: sent.frames.saturating_sub(frames),
            lacking: sent.exchanges.saturating_sub(spooled.min(complete)),
            receiving_ns: receiving / frames as f64,
            total_ns: total / frames as f64,
            behind: told_to_stop.elapsed(),
            memory,
        })
    }

    /// What the metrics say once nothing more comes: they are twice the same.
    fn settled(&self, sent: &Sent) -> anyhow::Result<String> {
        let mut last = (0, 0);
        for _ in 0..LOOKS_MAX {
            let page = self.ask()?;
            let now = (
                count(&page, "recorder_frames_total"),
                count(&page, "recorder_exchanges_spooled_total"),
            );
            let whole = now.0 >= sent.frames && now.1 >= sent.exchanges;
            if whole || (now == last && now.0 > 0) {
                return Ok(page);
            }
            last = now;
            pause(LOOK_EVERY);
        }
        bail!("the recorder does not come to an end with what it got")
    }

    fn ask(&self) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(self.metrics)?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    }
}

/// Waits so long, whatever wakes this thread.
#[expect(
    clippy::disallowed_methods,
    reason = "this is a clock of the measurement"
)]
fn pause(span: Duration) {
    let until = Instant::now() + span;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
}

/// The value of a metric without labels; 0 if there is none.
fn count(page: &str, name: &str) -> u64 {
    let value = page
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

/// Does `work` while the memory of a process is looked at: what the work gave, and the peaks of both halves of its time, MiB.
fn beside<T>(pid: u32, work: impl FnOnce() -> T) -> (T, [f64; 2]) {
    let stopped = AtomicBool::new(false);
    let looks = || {
        let mut looks = vec![resident(pid)];
        while !stopped.load(Ordering::Acquire) {
            std::thread::park_timeout(WEIGH_EVERY);
            looks.push(resident(pid));
        }
        looks
    };
    let (done, looks) = std::thread::scope(|scope| {
        let looking = scope.spawn(looks);
        let done = work();
        stopped.store(true, Ordering::Release);
        (done, looking.join().unwrap_or_default())
    });
    let (first, second) = looks.split_at(looks.len() / 2);
    let peak = |looks: &[f64]| looks.iter().copied().fold(0.0, f64::max);
    (done, [peak(first), peak(second)])
}

/// Resident memory of a process, MiB, without what it has freed and the kernel has not needed yet (`proc_pid_smaps(5)`).
pub(super) fn resident(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let mebibytes = |name: &str| -> Option<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kibibytes / 1_024.0)
    };
    match (mebibytes("Rss:"), mebibytes("LazyFree:")) {
        (Some(resident), Some(freed)) => resident - freed,
        _ => f64::NAN,
    }
}

/// CPU time of a process so far, nanoseconds (`proc_pid_stat(5)`).
fn cpu_ns(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // Behind the name, which may hold anything.
    let (_, rest) = stat.rsplit_once(')').context("read the CPU time")?;
    let ticks = |word: &str| word.parse::<f64>().ok();
    let times: Vec<f64> = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(ticks)
        .collect();
    Ok(times.iter().sum::<f64>() * TICK_NS)
}

/// CPU time of all processes that this one started and that have ended, nanoseconds.
fn children_ns() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let times = usage.user_time().num_nanoseconds() + usage.system_time().num_nanoseconds();
    Ok(times as f64)
}
