//! The one place that prints results: standard output, and how wide and how coloured it may be.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// Prints text as it is. A reader that went away (`| head`) is no error.
///
/// # Errors
/// If standard output cannot be written to for another reason.
pub fn text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    forgive_closed_pipe(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Prints one line.
///
/// # Errors
/// As [`text`].
pub fn line(line: &str) -> io::Result<()> {
    text(&format!("{line}\n"))
}

/// Prints a result as indented JSON, for `--json`.
///
/// # Errors
/// As [`text`], or if the value has no JSON form.
pub fn json(value: &impl Serialize) -> io::Result<()> {
    let mut json = serde_json::to_string_pretty(value)?;
    json.push('\n');
    text(&json)
}

/// Prints a result as JSON on one line, where several follow one another.
///
/// # Errors
/// As [`json`].
pub fn json_line(value: &impl Serialize) -> io::Result<()> {
    line(&serde_json::to_string(value)?)
}

/// Prints why the program failed, with every cause on one line, to standard error.
pub fn error(error: &anyhow::Error) {
    // Nothing is left to do if even that fails.
    let _unwritable = writeln!(io::stderr().lock(), "error: {error:#}");
}

/// Prints lines for another program beside the result, to standard error.
pub fn diagnostics(lines: &str) {
    // Nothing is left to do if even that fails.
    let _unwritable = io::stderr().lock().write_all(lines.as_bytes());
}

fn forgive_closed_pipe(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// What standard output can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences for colour are understood.
    pub colour: bool,
}

impl Style {
    /// No colour: files, pipes, tests.
    pub const PLAIN: Self = Self { colour: false };

    /// Colour on a terminal, unless `NO_COLOR` is set to anything (no-color.org).
    #[must_use]
    pub fn of_stdout() -> Self {
        let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            colour: !forbidden && io::stdout().is_terminal(),
        }
    }

    /// `text` in `colour`, or as it is where there is none.
    #[must_use]
    pub fn paint(self, colour: Colour, text: &str) -> String {
        if self.colour {
            format!("\x1b[{}m{text}\x1b[0m", colour.code())
        } else {
            text.to_owned()
        }
    }
}

/// The few colours that mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// All is well.
    Good,
    /// Something differs.
    Bad,
    /// Something is not known.
    Doubt,
    /// Less important.
    Faint,
    /// A heading.
    Strong,
}

impl Colour {
    const fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Bad => "31",
            Self::Doubt => "33",
            Self::Faint => "2",
            Self::Strong => "1",
        }
    }
}
