//! Rules and key of redaction: from flags, a file and the environment.

use std::path::Path;

use recorder_core::{RedactKey, Redaction, RedactionError, Selection};
use serde::Deserialize;

use super::{ConfigError, problem};
use crate::cli::RedactArgs;

/// Holds the key where no file does: a flag would show it to everyone who may list processes.
const KEY_VARIABLE: &str = "RECORDER_REDACT_KEY";

/// A file of rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    rules: Vec<toml::Spanned<String>>,
}

/// The redaction that was asked for, if any was.
pub(super) fn redaction(
    args: &RedactArgs,
    selection: &Selection,
) -> Result<Option<Redaction>, ConfigError> {
    let mut rules = args.redact.clone();
    let mut lines = Vec::new();
    if let Some(path) = &args.redact_file {
        let (more, their_lines) =
            rule_file(path).map_err(|error| problem("--redact-file", error))?;
        rules.extend(more);
        lines = their_lines;
    }
    let key = key(args.redact_key_file.as_deref())?;
    if rules.is_empty() {
        return if args.redact_file.is_some() || key.is_none() {
            Ok(None)
        } else {
            let text = "there is a key, and no rule that it is for: give --redact or --redact-file";
            Err(problem("--redact-key-file", text.to_owned()))
        };
    }
    let redaction = Redaction::new(&rules, key).map_err(|error| match &error {
        RedactionError::Rule { index, .. } => match index.checked_sub(args.redact.len()) {
            Some(index) => problem("--redact-file", format!("{}: {error}", lines[index])),
            None => problem("--redact", error.to_string()),
        },
        RedactionError::NoKey(_) => problem(
            "--redact",
            format!("{error}: give --redact-key-file, or {KEY_VARIABLE}"),
        ),
    })?;
    let blind = selection
        .sample
        .as_ref()
        .and_then(|sample| redaction.blinds(&sample.by));
    if let Some(rule) = blind {
        let text = format!(
            "the rule `{rule}` takes away what users are told apart by; let it pseudonymise, or sample by something else"
        );
        return Err(problem("--sample-by", text));
    }
    Ok(Some(redaction))
}

/// The rules of a file, and for each where it stands.
fn rule_file(path: &Path) -> Result<(Vec<String>, Vec<String>), String> {
    let shown = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let place = |at: usize| {
        let before = text.get(..at).unwrap_or_default();
        format!("{shown}, line {}", before.matches('\n').count() + 1)
    };
    let file: RuleFile = toml::from_str(&text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        format!("{}: {}", place(at), error.message())
    })?;
    let lines = file.rules.iter().map(|rule| place(rule.span().start));
    let lines = lines.collect();
    let rules = file.rules.into_iter().map(toml::Spanned::into_inner);
    Ok((rules.collect(), lines))
}

fn key(file: Option<&Path>) -> Result<Option<RedactKey>, ConfigError> {
    let variable = std::env::var_os(KEY_VARIABLE).filter(|value| !value.is_empty());
    let (place, secret) = match (file, variable) {
        (Some(_), Some(_)) => {
            let text = format!("{KEY_VARIABLE} is set too; give the key in one place");
            return Err(problem("--redact-key-file", text));
        }
        (Some(path), None) => {
            let secret = std::fs::read(path).map_err(|error| {
                let text = format!("cannot read {}: {error}", path.display());
                problem("--redact-key-file", text)
            })?;
            ("--redact-key-file", secret)
        }
        (None, Some(value)) => (KEY_VARIABLE, value.into_encoded_bytes()),
        (None, None) => return Ok(None),
    };
    RedactKey::new(&secret)
        .map(Some)
        .map_err(|error| problem(place, error.to_string()))
}
