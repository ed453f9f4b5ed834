//! Replaying: requests a second over oha's, and how true the schedule is kept.
//!
//! The target is nginx with one worker on the first core, which answers every request with the recorded answer, so that all
//! answers match. Where rates are compared, the client is pinned to the second core, so that neither takes the other's
//! time; where the schedule is measured, it may use what there is, as anyone's would.

use std::fs::{self, File};
use std::io::BufWriter;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use benches::{Traffic, write_pcap};
use serde_json::Value;

use crate::ROUNDS;
use crate::output::{Goal, line, median, result};
use crate::run::{Cost, Programs, measure as run};
use crate::timer::beside;

const CONNECTIONS: u64 = 64;
const SPEED_EXCHANGES: u64 = 200_000;
/// 30 seconds at the default of 2,000 a second.
const SCHEDULE_EXCHANGES: u64 = 60_000;
/// Over as many connections as oha.
const AS_FAST_AS_IT_GOES: [&str; 4] = ["--speed", "max", "--in-flight", "64"];
/// Of what it can send at most, how much it sends where its schedule is looked at.
const LOAD: f64 = 0.8;
const TARGET_CORE: &str = "0";
const CLIENT_CORE: &str = "1";
const WINDOW: [&str; 4] = [
    "--from",
    "2026-11-22T12:00:00Z",
    "--to",
    "2026-11-22T14:00:00Z",
];

/// nginx with one fixed answer; stopped on drop.
struct Nginx {
    child: Child,
    port: u16,
}

impl Nginx {
    fn start(folder: &Path, body: &str) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let configuration = format!(
            "daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit;\n\
             events {{ worker_connections 4096; }}\n\
             http {{ access_log off; server_tokens off; keepalive_requests 100000000; default_type application/json;\n\
             server {{ listen 127.0.0.1:{port}; location / {{ return 200 '{body}'; }} }} }}\n",
            folder = folder.display()
        );
        let path = folder.join("nginx.conf");
        fs::write(&path, configuration)?;
        let child = Command::new("taskset")
            .args(["-c", TARGET_CORE, "nginx", "-p"])
            .arg(folder)
            .arg("-c")
            .arg(&path)
            .stdin(Stdio::null())
            .spawn()
            .context("start nginx")?;
        let nginx = Self { child, port };
        // Bounded: each try takes at least a millisecond of nginx's start.
        let ready = (0..5_000).any(|_| {
            std::thread::park_timeout(Duration::from_millis(2));
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        ensure!(ready, "nginx does not listen on port {port}");
        Ok(nginx)
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn traffic(exchanges: u64) -> Traffic {
    Traffic {
        exchanges,
        connections: CONNECTIONS,
        exchanges_per_connection: 10_000,
        answers: 1,
        ..Traffic::default()
    }
}

/// Records generated traffic and gives the archive.
fn archive(
    programs: &Programs,
    folder: &Path,
    name: &str,
    exchanges: u64,
) -> anyhow::Result<PathBuf> {
    let capture = folder.join(format!("{name}.pcap"));
    write_pcap(
        traffic(exchanges).frames(),
        BufWriter::new(File::create(&capture)?),
    )?;
    let archive = folder.join(name);
    let recorder = programs.recorder.as_os_str();
    let read = [
        recorder,
        "read".as_ref(),
        capture.as_os_str(),
        "--archive".as_ref(),
        archive.as_os_str(),
    ];
    run(&[0], &read)?;
    fs::remove_file(&capture)?;
    Ok(archive)
}

/// Where a replay runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    /// The client's core alone.
    ItsCore,
    /// Whatever there is.
    All,
}

/// Replays an archive, and gives its cost and the run's document.
fn replay(
    programs: &Programs,
    archive: &Path,
    url: &str,
    name: &str,
    on: On,
    flags: &[&str],
) -> anyhow::Result<(Cost, Value)> {
    let mut command = match on {
        On::ItsCore => vec!["taskset", "-c", CLIENT_CORE],
        On::All => Vec::new(),
    };
    let (program, folder) = (
        programs.replayer.to_string_lossy(),
        archive.to_string_lossy(),
    );
    command.extend([
        program.as_ref(),
        "run",
        "--archive",
        folder.as_ref(),
        "--target",
        url,
        "--allow-writes",
    ]);
    command.extend(WINDOW);
    command.extend(["--run", name]);
    command.extend(flags);
    let cost = run(&[0, 1], &command)?;
    let document = fs::read(archive.join("runs").join(name).join("run.json"))?;
    Ok((cost, serde_json::from_slice(&document)?))
}

/// Requests a second as fast as possible, and CPU a request: ours without and with comparison, and oha's, in turns.
pub(crate) fn measure_speed(programs: &Programs, folder: &Path) -> anyhow::Result<()> {
    let archive = archive(programs, folder, "speed", SPEED_EXCHANGES)?;
    let sent = traffic(SPEED_EXCHANGES).exchange(0);
    let nginx = Nginx::start(folder, &sent.response_body)?;
    let mut rounds: [Vec<Cost>; 3] = Default::default();
    for round in 1..=ROUNDS {
        let other = oha(&nginx)?;
        let url = nginx.url();
        let ours = |flags: &[&str]| {
            let name = format!("speed-{round}-{}", flags.len());
            let flags = [&AS_FAST_AS_IT_GOES[..], flags].concat();
            replay(programs, &archive, &url, &name, On::ItsCore, &flags)
        };
        let (plain, _) = ours(&["--no-compare"])?;
        let (compared, document) = ours(&[])?;
        let totals = &document["totals"];
        let told = |cost: &Cost| format!("{:.0}/s {:.1} us CPU", rate(cost), cpu_us(cost));
        line(&format!(
            "round {round}: oha {}; replayer {}, comparing {} (sent {}, matched {}); peak {:.0} MiB",
            told(&other),
            told(&plain),
            told(&compared),
            totals["sent"],
            totals["matched"],
            compared.memory
        ));
        for (costs, cost) in rounds.iter_mut().zip([other, plain, compared]) {
            costs.push(cost);
        }
    }
    let ratio = |which: usize, of: fn(&Cost) -> f64| {
        let rounds = rounds[which].iter().zip(&rounds[0]);
        median(rounds.map(|(ours, theirs)| of(ours) / of(theirs)).collect())
    };
    for (name, which, goal) in [
        ("not comparing", 1, Goal::AtLeast(0.9)),
        ("comparing", 2, Goal::AtLeast(0.7)),
    ] {
        let name = format!("replayer run --speed max {name}, over oha");
        result(&name, ratio(which, rate), "x", goal);
    }
    for (name, which) in [("not comparing", 1), ("comparing", 2)] {
        let name = format!("CPU a request {name}, over oha's");
        result(&name, ratio(which, cpu_us), "x", Goal::AtMost(1.3));
    }
    Ok(())
}

/// Requests a second.
fn rate(cost: &Cost) -> f64 {
    SPEED_EXCHANGES as f64 / cost.wall
}

/// CPU a request, microseconds.
fn cpu_us(cost: &Cost) -> f64 {
    cost.cpu * 1e6 / SPEED_EXCHANGES as f64
}

/// What oha takes for as many requests, from one core over as many connections.
fn oha(nginx: &Nginx) -> anyhow::Result<Cost> {
    let (number, connections) = (SPEED_EXCHANGES.to_string(), CONNECTIONS.to_string());
    let url = format!("{}/api/v1/orders/1?expand=lines&page=1", nginx.url());
    let mut command = vec!["taskset", "-c", CLIENT_CORE, "oha", "--no-tui"];
    command.extend(["-n", &number, "-c", &connections, &url]);
    run(&[0], &command).context("run oha: `cargo install oha --locked` installs it")
}

/// The schedule at 2,000 requests a second.
pub(crate) fn measure_schedule(programs: &Programs, folder: &Path) -> anyhow::Result<()> {
    let archive = archive(programs, folder, "schedule", SCHEDULE_EXCHANGES)?;
    let sent = traffic(SCHEDULE_EXCHANGES).exchange(0);
    let nginx = Nginx::start(folder, &sent.response_body)?;
    let (mut lags, mut bares, mut drifts) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let name = format!("schedule-{round}");
        let step = Duration::from_micros(500);
        let url = nginx.url();
        let (replayed, bare) = beside(step, || {
            replay(programs, &archive, &url, &name, On::All, &[])
        });
        let (cost, document) = replayed?;
        let schedule = &document["report"]["schedule"];
        let lag = p99_lag(&document);
        let drift = (number(&schedule["lag_last_tenth_us"])
            - number(&schedule["lag_first_tenth_us"]))
            / 1e3;
        line(&format!(
            "round {round}: {:.1} s, {:.1} s CPU, sent {}; lag p50 {} us, p99 {} us, max {} us; drift {drift:.3} ms; a bare loop beside it p50 {:.0} us, p99 {:.0} us, max {:.0} us",
            cost.wall,
            cost.cpu,
            document["totals"]["sent"],
            schedule["lag"]["p50_us"],
            schedule["lag"]["p99_us"],
            schedule["lag"]["max_us"],
            bare.p50_us,
            bare.p99_us,
            bare.max_us
        ));
        bares.push(bare.p99_us / 1e3);
        lags.push(lag);
        drifts.push(drift);
    }
    result(
        "schedule at 2,000/s, p99 lag",
        median(lags),
        "ms",
        Goal::AtMost(1.0),
    );
    line(&format!(
        "{:<44} {:>9.2}ms",
        "the machine's part: a bare loop, p99 lag",
        median(bares)
    ));
    result(
        "schedule at 2,000/s, drift over 30 s",
        median(drifts),
        "ms",
        Goal::AtMost(0.5),
    );
    under_load(programs, &archive, &nginx.url())
}

/// How late requests are at [`LOAD`] of what one core can send.
fn under_load(programs: &Programs, archive: &Path, url: &str) -> anyhow::Result<()> {
    let mut lags = Vec::new();
    for round in 1..=ROUNDS {
        let run = |name: &str, flags: &[&str]| {
            let name = format!("{name}-{round}");
            replay(programs, archive, url, &name, On::ItsCore, flags)
        };
        let (cost, _) = run("most", &AS_FAST_AS_IT_GOES)?;
        let most = SCHEDULE_EXCHANGES as f64 / cost.wall;
        let rate = format!("{:.0}/s", most * LOAD);
        let (_, document) = run("load", &["--rate", &rate])?;
        let lag = p99_lag(&document);
        line(&format!(
            "round {round}: at most {most:.0}/s; at {rate} p99 lag {lag:.2} ms, sent {}",
            document["totals"]["sent"]
        ));
        lags.push(lag);
    }
    let name = "schedule at 80 % of the maximum, p99 lag";
    result(name, median(lags), "ms", Goal::AtMost(5.0));
    Ok(())
}

/// Milliseconds.
fn p99_lag(document: &Value) -> f64 {
    number(&document["report"]["schedule"]["lag"]["p99_us"]) / 1e3
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}
