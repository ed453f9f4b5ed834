//! Commands of the user around a run, such as one that restores the snapshot of a database.

use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// Runs `command` with `sh -c` to its end. What it prints goes to standard error, as standard output is for results.
///
/// # Errors
/// If it cannot be started or does not end with 0.
pub(crate) async fn run(
    flag: &'static str,
    command: &str,
    variables: Vec<(&'static str, String)>,
) -> anyhow::Result<()> {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .envs(variables)
        .stdin(Stdio::null())
        .stdout(std::io::stderr());
    let status = tokio::task::spawn_blocking(move || shell.status())
        .await
        .context("wait for a command")?
        .with_context(|| format!("{flag} `{command}` cannot be started"))?;
    if !status.success() {
        bail!("{flag} `{command}` ended with {status}");
    }
    Ok(())
}
