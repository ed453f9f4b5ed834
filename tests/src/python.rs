//! Other people's readers: Python with the packages that `tests/run` installs.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A program of the environment that `tests/run` makes below the build folder, else the one in the search path.
pub(crate) fn tool(name: &str) -> PathBuf {
    let installed = crate::workspace().join("target/python/bin").join(name);
    if installed.is_file() {
        installed
    } else {
        name.into()
    }
}

/// The Python interpreter.
#[must_use]
pub fn python() -> Command {
    Command::new(tool("python3"))
}

/// A program that a package brings.
#[must_use]
pub fn python_program(name: &str) -> Command {
    Command::new(tool(name))
}

/// The interpreter that has a package: of the environment, or the machine's own.
#[must_use]
pub fn python_with(package: &str) -> Command {
    let import = ["-c".to_owned(), format!("import {package}")];
    let own = Command::new(tool("python3")).args(&import).output();
    if own.is_ok_and(|output| output.status.success()) {
        python()
    } else {
        Command::new("python3")
    }
}

/// Runs a script of `tests/python` and gives what it printed.
///
/// # Panics
/// If it fails; a missing package is a failure that names the cure.
#[must_use]
pub fn run_python(script: &str, arguments: &[&Path], variables: &[(&str, String)]) -> String {
    let path = crate::workspace().join("tests/python").join(script);
    let mut command = python();
    command.arg(&path).args(arguments);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let ran = crate::run(&mut command);
    let missing = ran.stderr.contains("ModuleNotFoundError");
    assert!(
        !missing,
        "{script} lacks a Python package; `tests/run` installs what the tests need\n{}",
        ran.stderr
    );
    ran.expect_code(0).stdout
}
