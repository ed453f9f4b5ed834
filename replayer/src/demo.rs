//! `replayer demo`: the whole path on a bundled capture, with the very commands that a user would type.
//!
//! It records mirrored packets with the `recorder` program, serves two builds of a small service on loopback, replays the
//! recording against both, and leaves the archive and the reports in a folder. One build answers as recorded; in the other
//! one rule is broken, see [`price`]. Every step prints its command first, and runs exactly that.
//!
//! * `routes`, `catalogue`, `price`: the service's answers, without I/O; `service` puts them on a socket.
//! * `folder`: what the demo leaves behind. `recorder`: where the other program is.
//! * `findings`: whether the two runs and their comparison say what they should.

mod catalogue;
mod findings;
mod folder;
mod price;
mod recorder;
mod routes;
mod service;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use clap::{Args, Parser};
use schema::comparison::ComparisonDocument;
use schema::run::{RunDocument, RunState};
use tokio::net::TcpListener;

use crate::cli::{Cli, KeyArgs};
use crate::loopback::Loopback;
use crate::output::{self, Colour, Style};

use findings::Findings;
use folder::Folder;

pub use routes::Build;

/// What a packet handler received; `replayer/demo/README.md` says how it was made.
const CAPTURE: &[u8] = include_bytes!("../demo/capture.pcap.zst");

/// `replayer demo`.
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// Folder for the archive and the reports; made anew if a demo made it, never if it holds anything else
    #[arg(long, value_name = "DIR", default_value = "reprise-demo")]
    pub dir: PathBuf,

    /// Only serve the bundled service on this address, until interrupted
    #[arg(
        long,
        value_name = "ADDR",
        hide_short_help = true,
        help_heading = "Service"
    )]
    pub serve: Option<SocketAddr>,

    /// Which build of it
    #[arg(long, value_enum, default_value = "faithful", requires = "serve")]
    #[arg(hide_short_help = true, help_heading = "Service")]
    pub build: Build,
}

/// Runs the demo.
///
/// # Errors
/// If a step fails, or a run does not say what it should.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let DemoArgs { dir, serve, build } = args;
    if let Some(address) = serve {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("listen on {address} for the bundled service"))?;
        output::line(&format!(
            "serving the {} build on {address}",
            build.as_str()
        ))?;
        service::serve(listener, build).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let folder = Folder::prepare(&dir)?;
    let programs = Programs::find().await?;
    record(&folder, &programs)?;
    let mut documents = Vec::new();
    for build in [Build::Faithful, Build::Regressed] {
        let document = replay(&folder, &programs, build).await?;
        let state = document.state.as_str();
        ensure!(
            document.state == RunState::Finished,
            "run {} was {state} before its end",
            document.run
        );
        documents.push(document);
    }
    report(&folder, &programs).await?;
    let compared = compare(&folder, &programs).await?;
    let went_wrong = || {
        format!(
            "the demo did not go as it should; what it did is in {}",
            dir.display()
        )
    };
    let findings = Findings::of(&documents[0], &documents[1]).with_context(went_wrong)?;
    let compared = findings::compared(&compared).with_context(went_wrong)?;
    conclude(&folder, &programs, &findings, &compared)?;
    Ok(ExitCode::SUCCESS)
}

/// The two programs, as they are typed in the printed commands.
#[derive(Debug)]
struct Programs {
    recorder: PathBuf,
    replayer: PathBuf,
}

impl Programs {
    /// # Errors
    /// If there is no recorder and none can be built.
    async fn find() -> anyhow::Result<Self> {
        let recorder = tokio::task::spawn_blocking(recorder::find_or_build)
            .await
            .context("look for the recorder")??;
        let replayer = std::env::current_exe().context("find this executable")?;
        Ok(Self {
            recorder: from_here(&recorder),
            replayer: from_here(&replayer),
        })
    }
}

/// Step 1: the capture becomes an archive.
fn record(folder: &Folder, programs: &Programs) -> anyhow::Result<()> {
    heading("1. Record what a packet handler received from a mirrored gateway")?;
    fs::write(folder.capture(), CAPTURE)
        .with_context(|| format!("write {}", folder.capture().display()))?;
    let arguments = words(&[&"read", &folder.capture(), &"--archive", &folder.archive()]);
    show_command(&programs.recorder, &arguments)?;
    let status = Command::new(&programs.recorder)
        .args(&arguments)
        .status()
        .with_context(|| format!("run {}", programs.recorder.display()))?;
    if !status.success() {
        bail!(
            "recording the bundled capture failed: {} ended with {status}",
            programs.recorder.display()
        );
    }
    Ok(())
}

/// Steps 2 and 3: the recording is sent to one build, and the answers are compared.
async fn replay(folder: &Folder, programs: &Programs, build: Build) -> anyhow::Result<RunDocument> {
    heading(match build {
        Build::Faithful => "2. Replay it against a build that answers as recorded",
        Build::Regressed => "3. Replay it against a build that rounds taxes in another way",
    })?;
    let service = Loopback::start("bundled service", move |listener| {
        service::serve(listener, build)
    })?;
    let target = format!("http://{}", service.address());
    let name = build.as_str();
    let what = words(&[&"run", &"--archive", &folder.archive(), &"--last", &"1h"]);
    let how = words(&[
        &"--target",
        &target,
        &"--speed",
        &"10",
        &"--allow-writes",
        &"--run",
        &name,
        &"--label",
        &name,
    ]);
    execute(programs, [what, how].concat()).await?;
    service.stop()?;
    let run = folder.run(name);
    let document = run.join("run.json");
    read(&document, &format!("runs/{name}/run.json"))
        .and_then(|json| Ok(RunDocument::from_json(&json)?))
        .with_context(|| format!("read {}", document.display()))
}

/// Step 4: what the failing run found, on the terminal and as a page.
async fn report(folder: &Folder, programs: &Programs) -> anyhow::Result<()> {
    heading("4. Report on it")?;
    let run = folder.run(Build::Regressed.as_str());
    let arguments = words(&[&"report", &run, &"--html", &folder.report()]);
    execute(programs, arguments).await
}

/// Step 5: both builds and the recording, held against each other.
async fn compare(folder: &Folder, programs: &Programs) -> anyhow::Result<ComparisonDocument> {
    heading("5. Compare the two builds, and the recording")?;
    let sides = words(&[
        &"compare",
        &"--archive",
        &folder.archive(),
        &"--baseline",
        &Build::Faithful.as_str(),
        &"--candidate",
        &Build::Regressed.as_str(),
    ]);
    let page = words(&[&"--html", &folder.comparison()]);
    execute(programs, [sides, page].concat()).await?;
    let comparisons = folder.archive().join("comparisons");
    let mut found =
        fs::read_dir(&comparisons).with_context(|| format!("list {}", comparisons.display()))?;
    let found = found.next().context("the comparison was not stored")??;
    let document = found.path().join("comparison.json");
    let name = found.file_name();
    read(
        &document,
        &format!("comparisons/{}/comparison.json", name.display()),
    )
    .and_then(|json| Ok(ComparisonDocument::from_json(&json)?))
    .with_context(|| format!("read {}", document.display()))
}

/// A document of the archive, whose `place` is below the archive's root. Its commands took the keys that the environment names.
fn read(document: &Path, place: &str) -> anyhow::Result<Bytes> {
    #[derive(Parser)]
    struct OfEnvironment {
        #[command(flatten)]
        keys: KeyArgs,
    }
    let OfEnvironment { keys } = OfEnvironment::try_parse_from(["demo"])?;
    let keys = crate::keys::load(&keys.key_file)?;
    Ok(keys.open_document(fs::read(document)?.into(), place)?)
}

/// Runs one command of this program in this process, from the very arguments that are printed. Its exit code says what the
/// comparison found; the run's document says it again, and more.
async fn execute(programs: &Programs, arguments: Vec<OsString>) -> anyhow::Result<()> {
    show_command(&programs.replayer, &arguments)?;
    let typed = std::iter::once(programs.replayer.clone().into_os_string()).chain(arguments);
    let cli = Cli::try_parse_from(typed).context("the demo's own command line")?;
    // Boxed, because the demo is itself a command of this program.
    Box::pin(crate::run(cli)).await?;
    Ok(())
}

/// What the runs say together, and where to go from here.
fn conclude(
    folder: &Folder,
    programs: &Programs,
    findings: &Findings,
    compared: &str,
) -> anyhow::Result<()> {
    heading("What came out")?;
    output::text(&format!("{findings}{compared}\n"))?;
    heading("What to look at next")?;
    let replayer = programs.replayer.display();
    let archive = folder.archive();
    let archive = archive.display();
    output::text(&format!(
        "{comparison}\n    what the regressed build changed, beside the faithful one and the recording, in a browser\n\
         {page}\n    the report on the regressed build alone\n\
         {replayer} show {run} {exchange}\n    one of the answers that differ, beside the recorded one\n\
         {replayer} plan --archive {archive} --last 1h\n    what the recording holds, and what a replay would send\n\
         duckdb -c \"SELECT method, path, status FROM '{archive}/exchanges/**/*.parquet' LIMIT 9\"\n    \
         the archive is plain Parquet\n\n\
         Any command above works again as it is, but for the address of the service: serve a build in another terminal with\n\
         {replayer} demo --serve 127.0.0.1:8080 --build regressed\n\
         and replay with --target http://127.0.0.1:8080 and another name for --run.\n",
        comparison = folder.comparison().display(),
        page = folder.report().display(),
        run = folder.run(Build::Regressed.as_str()).display(),
        exchange = findings.example,
    ))?;
    Ok(())
}

fn heading(text: &str) -> anyhow::Result<()> {
    let style = Style::of_stdout();
    Ok(output::line(&format!(
        "\n{}\n",
        style.paint(Colour::Strong, text)
    ))?)
}

fn show_command(program: &Path, arguments: &[OsString]) -> anyhow::Result<()> {
    let words: Vec<_> = std::iter::once(program.as_os_str())
        .chain(arguments.iter().map(OsString::as_os_str))
        .map(|word| quoted(&word.to_string_lossy()))
        .collect();
    let style = Style::of_stdout();
    Ok(output::line(&format!(
        "$ {}",
        style.paint(Colour::Strong, &words.join(" "))
    ))?)
}

fn words(words: &[&dyn AsRef<OsStr>]) -> Vec<OsString> {
    words.iter().map(|word| word.as_ref().to_owned()).collect()
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// `path` from the current folder where it lies below it, so that the printed commands are short and work as they are.
fn from_here(path: &Path) -> PathBuf {
    std::env::current_dir()
        .ok()
        .and_then(|here| Some(Path::new(".").join(path.strip_prefix(here).ok()?)))
        .unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests;
