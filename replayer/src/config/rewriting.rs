//! Rules that change requests: `--rewrite-file`, `--rewrite`, `--shift-time`, `--authorization-env`, `--jwt-key`, which do their
//! work in this order.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use replayer_core::rewrite::{
    Action, Field, JwtKey, RewriteRule, Rewriting, Secret, When, Which, parse_rewrite_file,
};

use crate::cli::RewriteArgs;

/// The rules.
///
/// # Errors
/// If one of them is none, a file cannot be read, or the environment lacks what it is asked for.
pub(super) fn rewriting(args: &RewriteArgs) -> anyhow::Result<Rewriting> {
    let mut rules = match &args.rewrite_file {
        Some(path) => file(path)?,
        None => Vec::new(),
    };
    for text in &args.rewrite {
        let rule = text.parse::<RewriteRule>();
        rules.push(rule.with_context(|| format!("--rewrite `{text}`"))?);
    }
    for text in &args.shift_time {
        rules.push(shift_time(text)?);
    }
    if let Some(name) = &args.authorization_env {
        rules.push(RewriteRule {
            name: format!("--authorization-env {name}"),
            when: When::default(),
            action: Action::Authorization(Secret(variable(name)?)),
        });
    }
    let jwt = args.jwt_key.as_deref().map(key).transpose()?;
    Ok(Rewriting::new(rules, jwt))
}

fn file(path: &Path) -> anyhow::Result<Vec<RewriteRule>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("--rewrite-file {}: cannot be read", path.display()))?;
    let name = path.file_name().unwrap_or(path.as_os_str());
    parse_rewrite_file(&text, &name.to_string_lossy()).context("--rewrite-file")
}

/// `FIELD`, or `FIELD=all`.
fn shift_time(text: &str) -> anyhow::Result<RewriteRule> {
    let (field, which) = match text.strip_suffix("=all") {
        Some(field) => (field, Which::All),
        None => (text, Which::InWindow),
    };
    let field = field.parse::<Field>();
    Ok(RewriteRule {
        name: format!("--shift-time {text}"),
        when: When::default(),
        action: Action::ShiftTime(field.context("--shift-time")?, which),
    })
}

/// What is in the environment, as the value of a field.
fn variable(name: &str) -> anyhow::Result<String> {
    let value = std::env::var(name)
        .map_err(|_| anyhow!("--authorization-env {name}: the environment has no such variable"))?;
    let value = value.trim();
    if value.is_empty() || !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        bail!(
            "--authorization-env {name}: its value is none of a header field; give for example `Bearer TOKEN`"
        );
    }
    Ok(value.to_owned())
}

fn key(path: &Path) -> anyhow::Result<JwtKey> {
    let file = std::fs::read(path)
        .with_context(|| format!("--jwt-key {}: cannot be read", path.display()))?;
    JwtKey::new(&file).with_context(|| format!("--jwt-key {}", path.display()))
}
