//! A month on S3: how long the first request of any hour takes, what a month of the ledger takes, and what memory a month's replay.
//!
//! The server is a real one on this machine. Archives are made at once: 139 segments in each of 720 hours, which are 100,080, and
//! a ledger with a file a minute.

mod target;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use benches::{Mix, Month, S3Server, Traffic};
use object_store::ObjectStoreExt as _;
use schema::Timestamp;
use tokio::runtime::Runtime;

use self::target::Target;
use crate::ROUNDS;
use crate::output::{Goal, line, median, result};
use crate::run::{Cost, Programs, measure as run};

const HOURS: u64 = 720;
const SEGMENTS_AN_HOUR: u64 = 139;
const EXCHANGES_A_SEGMENT: u64 = 4;
/// How often a request alone is timed.
const BARE: usize = 20;
const HOUR: Duration = Duration::from_secs(3_600);
/// Names of archives.
const MONTH: &str = "month";
const ALONE: &str = "alone";
const LEDGER: &str = "ledger";

/// A month on a server, and one of its hours alone.
struct Remote<'p> {
    programs: &'p Programs,
    server: S3Server,
    runtime: Runtime,
    target: Target,
    hours: u64,
}

/// Measures reading out of a month of so many hours (720 if it is not said).
pub(crate) fn measure(programs: &Programs, hours: Option<u64>) -> anyhow::Result<()> {
    let hours = hours.unwrap_or(HOURS).max(4);
    let remote = Remote {
        programs,
        server: S3Server::start(),
        runtime: Runtime::new()?,
        target: Target::start()?,
        hours,
    };
    remote.put(MONTH, &month(0, hours))?;
    remote.put(ALONE, &month(hours / 2, 1))?;
    remote.first_requests()?;
    remote.month_of_the_ledger()
}

fn month(from: u64, hours: u64) -> Month {
    Month {
        recorder: "gw-1".parse().expect("it is a legal id"),
        start: hour(from),
        hours,
        segments_an_hour: SEGMENTS_AN_HOUR,
        exchanges_a_segment: EXCHANGES_A_SEGMENT,
        mix: Mix::Api,
        answers: u64::MAX,
    }
}

/// The start of an hour of the month.
fn hour(number: u64) -> Timestamp {
    let hours = u32::try_from(number).unwrap_or(u32::MAX);
    Traffic::default().start.saturating_add(HOUR * hours)
}

impl Remote<'_> {
    fn put(&self, archive: &str, month: &Month) -> anyhow::Result<()> {
        let started = now();
        let files = month.segments().chain(month.ledger());
        self.runtime.block_on(self.server.put_all(archive, files))?;
        line(&format!(
            "archive `{archive}`: {} hours, {} segments of {} exchanges, {} files of the ledger, put in {:.0} s",
            month.hours,
            month.hours * month.segments_an_hour,
            month.exchanges_a_segment,
            month.hours * 60,
            started.elapsed().as_secs_f64()
        ));
        Ok(())
    }

    /// A command line on an archive.
    fn words(&self, words: &[&str], archive: &str, from: u64, to: u64) -> Vec<String> {
        let (from, to) = (hour(from).to_string(), hour(to).to_string());
        let url = self.server.url(archive);
        let place = ["--archive", &url, "--from", &from, "--to", &to];
        let words = words.iter().chain(&place);
        words.map(|word| (*word).to_owned()).collect()
    }

    /// The first request of an hour, in the month and alone in turns.
    fn first_requests(&self) -> anyhow::Result<()> {
        let bare = self.bare()?;
        let started = now();
        let version = Command::new(&self.programs.replayer)
            .arg("--version")
            .output()?;
        ensure!(version.status.success(), "the replayer does not start");
        line(&format!(
            "a GET alone {:.1} ms; the program's start alone {:.0} ms",
            bare * 1e3,
            started.elapsed().as_secs_f64() * 1e3
        ));
        let (mut of_month, mut of_hour, mut plans) = (Vec::new(), Vec::new(), [vec![], vec![]]);
        for round in 0..ROUNDS as u64 {
            // Another hour each time: nothing of it is in anybody's cache.
            let at = (round * 2 + 1) * self.hours / (2 * ROUNDS as u64);
            of_hour.push(self.first_request(ALONE, self.hours / 2, round)?);
            of_month.push(self.first_request(MONTH, at, round)?);
            plans[0].push(self.plan(ALONE, self.hours / 2, self.hours / 2 + 1)?.wall);
            plans[1].push(self.plan(MONTH, at, at + 1)?.wall);
        }
        let [alone, among] = plans.map(median);
        line(&format!(
            "first request of an hour: alone {:.3} s, in the month {:.3} s; `plan` of it: alone {alone:.3} s, in the month {among:.3} s",
            median(of_hour.clone()),
            median(of_month.clone()),
        ));
        let goal = Goal::AtMost(1.0);
        let first = median(of_month.clone());
        result(
            "first request of an hour of a month on S3",
            first - bare,
            "s",
            goal,
        );
        let ratio = first / median(of_hour);
        result(
            "the same, over that of the hour alone",
            ratio,
            "x",
            Goal::AtMost(1.2),
        );
        Ok(())
    }

    /// Seconds of one request to the store that gives a segment whole.
    fn bare(&self) -> anyhow::Result<f64> {
        let (path, _) = month(self.hours / 2, 1)
            .segments()
            .next()
            .context("a segment")?;
        let client = self.server.client()?;
        let place = format!("{ALONE}/{path}").into();
        let once = || {
            let started = now();
            let got = self
                .runtime
                .block_on(async { client.get(&place).await?.bytes().await });
            got.map(|_| started.elapsed().as_secs_f64())
        };
        let times = (0..BARE).map(|_| once()).collect::<Result<_, _>>()?;
        Ok(median(times))
    }

    /// Seconds from the program's start to its first request.
    fn first_request(&self, archive: &str, at: u64, round: u64) -> anyhow::Result<f64> {
        let _ = self.target.take_first();
        let (name, url) = (format!("first-{round}"), self.target.url());
        let words = [
            "run",
            "--run",
            &name,
            "--speed",
            "max",
            "--allow-writes",
            "--target",
            &url,
        ];
        let started = now();
        let ran = Command::new(&self.programs.replayer)
            .args(self.words(&words, archive, at, at + 1))
            .envs(self.server.variables())
            .stdin(Stdio::null())
            .output()?;
        let errors = String::from_utf8_lossy(&ran.stderr);
        ensure!(ran.status.code() == Some(1), "the replay failed: {errors}");
        let first = self.target.take_first().context("nothing was sent")?;
        Ok(first.duration_since(started).as_secs_f64())
    }

    fn plan(&self, archive: &str, from: u64, to: u64) -> anyhow::Result<Cost> {
        self.cost(
            &self.programs.replayer,
            &self.words(&["plan"], archive, from, to),
        )
    }

    /// What a command on an archive costs, whether it finds holes or not.
    fn cost(&self, program: &Path, words: &[String]) -> anyhow::Result<Cost> {
        // The measuring process and the program take the variables over.
        let variables = self.server.variables();
        let variables = variables
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let mut command = vec!["env".to_owned()];
        command.extend(variables);
        command.push(program.display().to_string());
        command.extend_from_slice(words);
        run(&[0, 1], &command)
    }

    /// The coverage of the whole month, before and after the ledger's segments of each hour became one.
    fn month_of_the_ledger(&self) -> anyhow::Result<()> {
        let month = month(0, self.hours);
        let put = self.server.put_all(LEDGER, month.ledger());
        self.runtime.block_on(put)?;
        let coverage = self.words(&["archive", "coverage"], LEDGER, 0, self.hours);
        let compact = self.words(
            &["archive", "compact", "--min-age", "0s"],
            LEDGER,
            0,
            self.hours,
        );
        let recorder = &self.programs.recorder;
        let before = self.cost(recorder, &coverage)?;
        let compaction = self.cost(recorder, &compact)?;
        let after = self.cost(recorder, &coverage)?;
        line(&format!(
            "ledger of {} files: coverage {:.1} s, {:.0} MiB; compacting it {:.0} s; then coverage {:.2} s",
            self.hours * 60,
            before.wall,
            before.memory,
            compaction.wall,
            after.wall
        ));
        let plan = self.plan(MONTH, 0, self.hours)?;
        line(&format!(
            "`plan` of the whole month: {:.1} s, {:.1} s CPU, peak {:.0} MiB",
            plan.wall, plan.cpu, plan.memory
        ));
        Ok(())
    }
}

/// What a replay of a month takes at most in memory, and a tenth of it: sessions, and a target that answers all of it wrong.
pub(crate) fn measure_memory(programs: &Programs, folder: &Path) -> anyhow::Result<()> {
    let target = Target::start()?;
    let mut peaks = Vec::new();
    for hours in [HOURS / 10, HOURS] {
        let archive = folder.join(format!("memory-{hours}"));
        let month = Month {
            segments_an_hour: 2,
            exchanges_a_segment: 200,
            mix: Mix::Gets,
            ..month(0, hours)
        };
        for (path, bytes) in month.segments().chain(month.ledger()) {
            let path = archive.join(path);
            std::fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
            std::fs::write(path, bytes)?;
        }
        let place = archive.display().to_string();
        let (from, to, url) = (hour(0).to_string(), hour(hours).to_string(), target.url());
        let program = programs.replayer.display().to_string();
        let window = ["--archive", &place, "--from", &from, "--to", &to];
        let plan = run(
            &[0, 1],
            &[&[program.as_str(), "plan"], &window[..]].concat(),
        )?;
        let how = ["run", "--speed", "max", "--allow-writes", "--target", &url];
        let order = ["--order", "session", "--session-key", "cookie:session"];
        let command = [&[program.as_str()], &how[..], &order, &window].concat();
        let replay = run(&[1], &command)?;
        line(&format!(
            "{hours} hours, {} exchanges: `plan` {:.1} s, peak {:.0} MiB; `run --order session` {:.1} s, peak {:.0} MiB",
            hours * 400,
            plan.wall,
            plan.memory,
            replay.wall,
            replay.memory
        ));
        peaks.push(plan.memory.max(replay.memory));
        std::fs::remove_dir_all(&archive)?;
    }
    let peak = peaks.iter().copied().fold(0.0, f64::max);
    result(
        "a month's replay, peak memory",
        peak,
        "MiB",
        Goal::AtMost(512.0),
    );
    line(&format!(
        "{:<44} {:>9.2}x",
        "the same, over that of a tenth of it",
        peaks[1] / peaks[0]
    ));
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is a clock of the measurement"
)]
fn now() -> Instant {
    Instant::now()
}
