//! The TOML file of rules.
//!
//! ```toml
//! [[set]]
//! at = "header:X-Env"              # or cookie:, query:, form:, json:/POINTER
//! value = "test"                   # for JSON also a number or true, false
//! method = ["POST"]                # which requests: of the recorded ones; all if there is no condition
//! host = "shop.*"
//! path = "/orders/**"
//!
//! [[add]]
//! at = "query:debug"
//! value = "1"
//!
//! [[remove]]
//! at = "json:/**/captcha"
//!
//! [[host]]
//! from = "shop.example"            # a glob; all hosts if it is left out
//! to = "shop.test"
//!
//! [[prefix]]
//! from = "/v1"
//! to = "/v2"
//!
//! [[shift-time]]
//! at = "query:from"
//! which = "all"                    # also times outside of the recorded window
//! ```
//! Rules do their work in the order of the file.

use schema::Pattern;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::field::Field;
use super::rules::{Action, RewriteRule, When, check_literal, host, path};
use super::shift::Which;

/// Why a file of rules was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct RewriteFileError {
    /// Name of the file, as it was given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(default)]
    set: Vec<Spanned<Valued>>,
    #[serde(default)]
    add: Vec<Spanned<Valued>>,
    #[serde(default)]
    remove: Vec<Spanned<Bare>>,
    #[serde(default)]
    host: Vec<Spanned<Host>>,
    #[serde(default)]
    prefix: Vec<Spanned<Prefix>>,
    #[serde(default)]
    shift_time: Vec<Spanned<Time>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Valued {
    at: Spanned<String>,
    value: Value,
    #[serde(default)]
    method: Vec<String>,
    host: Option<Spanned<String>>,
    path: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bare {
    at: Spanned<String>,
    #[serde(default)]
    method: Vec<String>,
    host: Option<Spanned<String>>,
    path: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Host {
    from: Option<String>,
    to: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prefix {
    from: String,
    to: String,
    #[serde(default)]
    method: Vec<String>,
    host: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Time {
    at: Spanned<String>,
    #[serde(default)]
    which: Word,
    #[serde(default)]
    method: Vec<String>,
    host: Option<Spanned<String>>,
    path: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    #[default]
    InWindow,
    All,
}

/// Reads a file of rules.
///
/// # Errors
/// If it is no TOML, or says something that no rule says; with the line.
pub fn parse_rewrite_file(text: &str, file: &str) -> Result<Vec<RewriteRule>, RewriteFileError> {
    let reader = Reader { text, file };
    let parsed: File = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        reader.error(at, error.message().trim().to_owned())
    })?;
    let mut rules = reader.rules(parsed)?;
    rules.sort_by_key(|(at, _)| *at);
    Ok(rules.into_iter().map(|(_, rule)| rule).collect())
}

struct Reader<'a> {
    text: &'a str,
    file: &'a str,
}

/// A rule, and where in the file it begins.
type Placed = (usize, RewriteRule);

impl Reader<'_> {
    fn rules(&self, file: File) -> Result<Vec<Placed>, RewriteFileError> {
        let mut rules = Vec::new();
        for (verb, list) in [("set", file.set), ("add", file.add)] {
            for entry in list {
                let at = entry.span().start;
                let entry = entry.into_inner();
                let field = self.field(&entry.at)?;
                let action = if verb == "set" {
                    Action::Set(field, entry.value)
                } else {
                    check_literal(&field)
                        .map_err(|problem| self.error(entry.at.span().start, problem))?;
                    Action::Add(field, entry.value)
                };
                let when = self.when(entry.method, entry.host, entry.path)?;
                let what = format!("{verb} {}", entry.at.get_ref());
                rules.push(self.placed(at, &what, when, action));
            }
        }
        for entry in file.remove {
            let at = entry.span().start;
            let entry = entry.into_inner();
            let action = Action::Remove(self.field(&entry.at)?);
            let when = self.when(entry.method, entry.host, entry.path)?;
            let what = format!("remove {}", entry.at.get_ref());
            rules.push(self.placed(at, &what, when, action));
        }
        for entry in file.shift_time {
            let at = entry.span().start;
            let entry = entry.into_inner();
            let which = match entry.which {
                Word::InWindow => Which::InWindow,
                Word::All => Which::All,
            };
            let action = Action::ShiftTime(self.field(&entry.at)?, which);
            let when = self.when(entry.method, entry.host, entry.path)?;
            let what = format!("shift-time {}", entry.at.get_ref());
            rules.push(self.placed(at, &what, when, action));
        }
        for entry in file.host {
            let at = entry.span().start;
            let entry = entry.into_inner();
            let action = host(entry.from.as_deref(), &entry.to)
                .map_err(|problem| self.error(at, problem))?;
            rules.push(self.placed(at, &format!("host {}", entry.to), When::default(), action));
        }
        for entry in file.prefix {
            let at = entry.span().start;
            let entry = entry.into_inner();
            let action = path(&entry.from, &entry.to).map_err(|problem| self.error(at, problem))?;
            let when = self.when(entry.method, entry.host, None)?;
            let what = format!("prefix {}", entry.from);
            rules.push(self.placed(at, &what, when, action));
        }
        Ok(rules)
    }

    fn placed(&self, at: usize, what: &str, when: When, action: Action) -> Placed {
        let name = format!("{}:{} {what}", self.file, self.line(at));
        (at, RewriteRule { name, when, action })
    }

    fn field(&self, at: &Spanned<String>) -> Result<Field, RewriteFileError> {
        let field = at.get_ref().parse::<Field>();
        field.map_err(|error| self.error(at.span().start, error.to_string()))
    }

    fn when(
        &self,
        methods: Vec<String>,
        host: Option<Spanned<String>>,
        path: Option<Spanned<String>>,
    ) -> Result<When, RewriteFileError> {
        let glob = |glob: Option<Spanned<String>>, of: fn(&str) -> _| {
            glob.map(|glob| {
                let pattern: Result<Pattern, schema::ParsePatternError> = of(glob.get_ref());
                pattern.map_err(|error| self.error(glob.span().start, error.to_string()))
            })
            .transpose()
        };
        Ok(When {
            methods,
            host: glob(host, Pattern::host)?,
            path: glob(path, Pattern::path)?,
        })
    }

    fn line(&self, at: usize) -> usize {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn error(&self, at: usize, problem: String) -> RewriteFileError {
        RewriteFileError {
            file: self.file.to_owned(),
            line: self.line(at),
            problem,
        }
    }
}
