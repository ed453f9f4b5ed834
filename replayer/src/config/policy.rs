//! The policy file: which endpoints may be sent to.

use std::path::Path;

use anyhow::{Context as _, anyhow};

use replayer_core::permission::{Allowed, Permissions, Rule};
use schema::{ParsePatternError, Pattern};
use serde::Deserialize;
use toml::Spanned;

/// The file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    /// Where no rule matches.
    default: Option<Word>,
    #[serde(default)]
    rule: Vec<RuleEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleEntry {
    #[serde(default)]
    method: Vec<String>,
    host: Option<Spanned<String>>,
    path: Option<Spanned<String>>,
    #[serde(rename = "do")]
    allowed: Word,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Allow,
    ReadOnly,
    Skip,
}

impl From<Word> for Allowed {
    fn from(word: Word) -> Self {
        match word {
            Word::Allow => Self::All,
            Word::ReadOnly => Self::ReadOnly,
            Word::Skip => Self::Nothing,
        }
    }
}

/// Reads the policy file, if there is one. Where neither a rule nor the file's default says anything, writes are allowed if
/// `allow_writes`.
///
/// # Errors
/// If it cannot be read or is no policy; the message names the line.
pub(super) fn permissions(file: Option<&Path>, allow_writes: bool) -> anyhow::Result<Permissions> {
    let otherwise = if allow_writes {
        Allowed::All
    } else {
        Allowed::ReadOnly
    };
    let Some(path) = file else {
        return Ok(Permissions {
            rules: Vec::new(),
            otherwise,
        });
    };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("--policy {}: cannot be read", path.display()))?;
    parse(&text, otherwise).map_err(|(offset, what)| {
        let line = text[..offset.min(text.len())].matches('\n').count() + 1;
        anyhow!("--policy {}: line {line}: {what}", path.display())
    })
}

/// The policy, or where and why it is none.
fn parse(text: &str, otherwise: Allowed) -> Result<Permissions, (usize, String)> {
    let file: PolicyFile = toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        (offset, error.message().replace('\n', " "))
    })?;
    let rules = file.rule.into_iter().map(|rule| {
        Ok(Rule {
            methods: rule.method,
            host: pattern(rule.host, Pattern::host)?,
            path: pattern(rule.path, Pattern::path)?,
            allowed: rule.allowed.into(),
        })
    });
    Ok(Permissions {
        rules: rules.collect::<Result<_, (usize, String)>>()?,
        otherwise: file.default.map_or(otherwise, Allowed::from),
    })
}

fn pattern(
    glob: Option<Spanned<String>>,
    of: fn(&str) -> Result<Pattern, ParsePatternError>,
) -> Result<Option<Pattern>, (usize, String)> {
    glob.map(|glob| of(glob.get_ref()).map_err(|error| (glob.span().start, error.to_string())))
        .transpose()
}

#[cfg(test)]
mod tests;
