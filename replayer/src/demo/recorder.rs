//! Finds the `recorder` program, which the demo runs as a user would: the two programs share an archive and no code.
//!
//! It lies beside this executable in an installation. In a source tree it may not have been built yet (`cargo run --bin
//! replayer` builds only what it was asked for), so it is built then, with the profile and the target folder of this build.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::output;

/// The workspace that this executable was built from; it may be elsewhere, or gone, by now.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// How the recorder is built when it is not there yet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Build {
    /// `release`, `dev`, or another profile of the workspace.
    profile: String,
    /// Where this executable was built, so that nothing is compiled twice; null where that is not known.
    target_dir: Option<PathBuf>,
}

/// The recorder's executable: beside this one, or built now.
///
/// # Errors
/// If it is not there and cannot be built.
pub(crate) fn find_or_build() -> anyhow::Result<PathBuf> {
    let current = std::env::current_exe().context("find this executable")?;
    let beside = current.with_file_name(format!("recorder{}", std::env::consts::EXE_SUFFIX));
    if beside.is_file() {
        return Ok(beside);
    }
    let workspace = Path::new(WORKSPACE);
    if !workspace.join("recorder/Cargo.toml").is_file() {
        bail!(
            "the demo needs the recorder program, and it is not at {}: put the executable there",
            beside.display()
        );
    }
    build(&Build::like(&current), workspace)
}

impl Build {
    /// The build that made `executable`: cargo puts it into `<target>/[<triple>/]<profile>/` and tags the target folder.
    fn like(executable: &Path) -> Self {
        let folder = executable.parent();
        let profile = match folder
            .and_then(Path::file_name)
            .and_then(|name| name.to_str())
        {
            Some("debug") => "dev",
            Some(profile) => profile,
            None => "release",
        };
        let target_dir = executable
            .ancestors()
            .skip(2)
            .find(|folder| folder.join("CACHEDIR.TAG").is_file());
        Self {
            // An executable that was copied elsewhere lies in a folder that says nothing.
            profile: target_dir.map_or("release", |_| profile).to_owned(),
            target_dir: target_dir.map(Path::to_owned),
        }
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = ["build", "--locked", "--bin", "recorder"]
            .map(str::to_owned)
            .into();
        match self.profile.as_str() {
            "dev" => {}
            "release" => arguments.push("--release".to_owned()),
            profile => arguments.extend(["--profile".to_owned(), profile.to_owned()]),
        }
        arguments
    }
}

/// Runs cargo in `workspace`; what it compiles is shown on standard error as usual.
fn build(build: &Build, workspace: &Path) -> anyhow::Result<PathBuf> {
    // Set by `cargo run` to the very cargo that runs this.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = build.arguments();
    output::line(&format!(
        "The recorder is not built yet:\n$ cargo {}",
        arguments.join(" ")
    ))?;
    let mut command = Command::new(cargo);
    // From the workspace's root and without `-p`, so that cargo chooses the same features of every dependency as it did
    // for this executable and finds them compiled.
    command
        .current_dir(workspace)
        .args(&arguments)
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit());
    if let Some(target_dir) = &build.target_dir {
        command.arg("--target-dir").arg(target_dir);
    }
    for (name, _) in std::env::vars_os() {
        if describes_this_package(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
    let built = command
        .output()
        .context("run cargo to build the recorder: install a Rust toolchain, or put the recorder beside this executable")?;
    if !built.status.success() {
        bail!(
            "cargo {} in {} failed: see its messages above",
            arguments.join(" "),
            workspace.display()
        );
    }
    executable_of(&built.stdout).context("cargo built the recorder and did not say where it is")
}

/// Whether `cargo run` set this variable to say which package runs. Build scripts that look at such variables (ring's does)
/// would take the difference from the first build for a change, and compile what depends on them again.
fn describes_this_package(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
}

/// Where the recorder is, from cargo's messages, one JSON document a line.
fn executable_of(messages: &[u8]) -> Option<PathBuf> {
    messages
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "recorder")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests;
