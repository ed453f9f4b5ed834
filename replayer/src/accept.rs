//! `replayer accept`: writes down which differences somebody takes as they are, with who, why and until when.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use replayer_core::endpoint;
use replayer_core::ledger::{Acceptance, LedgerFile, is_day};
use schema::comparison::{AcceptedGroup, ComparisonDocument, FindingGroup};
use serde::Serialize;

use crate::cli::{AcceptArgs, RunRefArgs, WhichArgs};
use crate::clock::Clock;
use crate::{keys, output};

/// What was written.
#[derive(Debug, Serialize)]
struct Written {
    file: PathBuf,
    accepted: Vec<AcceptedGroup>,
    fixed: Vec<AcceptedGroup>,
}

/// Writes the file, and prints what is new in it.
///
/// # Errors
/// If the comparison or the file cannot be read, a group is none that could be accepted, or nobody says who and why.
pub(crate) async fn accept(args: AcceptArgs) -> anyhow::Result<ExitCode> {
    let which = &args.which;
    let selects = which.all || !which.group.is_empty() || !which.endpoint.is_empty();
    if !selects && !which.mark_fixed {
        bail!(
            "nothing to do: say what to accept with --group ID, --endpoint GLOB or --all, or --mark-fixed"
        );
    }
    let how = selects.then(|| acceptance(&args)).transpose()?;
    let document = document(&args).await?;
    let name = args.accepted.display().to_string();
    let text = match tokio::fs::read_to_string(&args.accepted).await {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("read {name}")),
    };
    let mut file = LedgerFile::parse(&text, &name).map_err(anyhow::Error::msg)?;
    let chosen = chosen(&document, which, &file)?;
    let accepted = match &how {
        Some(how) => chosen.iter().map(|group| file.accept(group, how)).collect(),
        None => Vec::new(),
    };
    let fixed = if which.mark_fixed {
        file.mark_fixed(&document)
    } else {
        Vec::new()
    };
    if !accepted.is_empty() || !fixed.is_empty() {
        replace(&args.accepted, &file.text()).with_context(|| format!("write {name}"))?;
    }
    let written = Written {
        file: args.accepted.clone(),
        accepted,
        fixed,
    };
    if args.json {
        output::json(&written)?;
    } else {
        output::text(&told(&written))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Who, why and until when.
fn acceptance(args: &AcceptArgs) -> anyhow::Result<Acceptance> {
    let said = |value: &Option<String>, flag: &str, what: &str| {
        let value = value.as_deref().map(str::trim).unwrap_or_default();
        ensure!(!value.is_empty(), "{flag} is missing: {what}");
        Ok(value.to_owned())
    };
    if let Some(until) = &args.until {
        ensure!(
            is_day(until),
            "--until `{until}` is no day such as 2027-01-31"
        );
        let today = Clock::start().now().to_string();
        let is_over = today.get(..10) > Some(until.as_str());
        ensure!(!is_over, "--until {until} is over: it would accept nothing");
    }
    Ok(Acceptance {
        by: said(&args.by, "--by NAME", "the file says who accepted")?,
        why: said(&args.why, "--why TEXT", "whoever meets it next has to know")?,
        until: args.until.clone(),
    })
}

/// The comparison: a file that was printed, or what an archive holds.
async fn document(args: &AcceptArgs) -> anyhow::Result<ComparisonDocument> {
    let typed = &args.comparison;
    if Path::new(typed).is_file() {
        let read = || format!("read {typed}");
        let json = tokio::fs::read(typed).await.with_context(read)?;
        // One that an archive holds may be sealed, for its place there.
        let above = typed.rsplitn(4, '/').nth(3);
        let place = above.map_or(typed.as_str(), |above| &typed[above.len() + 1..]);
        let keys = keys::load(&args.keys.key_file)?;
        let json = keys.open_document(json.into(), place).with_context(read)?;
        return ComparisonDocument::from_json(&json).with_context(read);
    }
    let reference = RunRefArgs {
        run: typed.clone(),
        archive: args.archive.clone(),
        keys: args.keys.clone(),
    };
    crate::compare::find(&reference).await?.with_context(|| {
        format!(
            "{typed} is no comparison; give its folder <archive>/comparisons/<id>, its id with --archive URL, or a file \
             that `compare --json` printed"
        )
    })
}

/// The groups that were asked for.
fn chosen<'d>(
    document: &'d ComparisonDocument,
    which: &WhichArgs,
    file: &LedgerFile,
) -> anyhow::Result<Vec<&'d FindingGroup>> {
    let mut named = Vec::new();
    for id in &which.group {
        let found = document.groups.iter().find(|group| group.group == *id);
        let group = found.with_context(|| {
            format!(
                "comparison {} has no group `{id}`; `replayer report` lists its groups",
                document.comparison
            )
        })?;
        ensure!(
            group.blame == "refactor",
            "group {id} is blamed on {}, not on the refactor: it fails nothing, and there is nothing to accept",
            group.blame
        );
        named.push(group);
    }
    let mut globs = Vec::new();
    for text in &which.endpoint {
        globs
            .push(endpoint::glob(text).with_context(|| format!("--endpoint `{text}` is no glob"))?);
    }
    let is_meant = |group: &&FindingGroup| {
        let is_open = group.blame == "refactor" && group.standing.as_deref() != Some("known");
        let is_named = which.group.contains(&group.group);
        let is_selected = which.all || globs.iter().any(|glob| glob.is_match(&group.endpoint));
        // Accepted since the comparison was made: somebody else's word stands.
        is_selected && is_open && !is_named && !file.accepts(&group.group)
    };
    named.extend(document.groups.iter().filter(is_meant));
    Ok(named)
}

/// Writes a file beside the old one and puts it in its place, so that a full disk leaves the old one.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, &path)
}

fn told(written: &Written) -> String {
    let mut text = String::new();
    for (word, groups) in [("accepted", &written.accepted), ("fixed", &written.fixed)] {
        for group in groups {
            let what = crate::report::one_line(&group.what);
            text.push_str(&format!("{word} {} {what}\n", group.group));
        }
    }
    if text.is_empty() {
        return "nothing new to accept, nothing to mark as fixed\n".to_owned();
    }
    text.push_str(&format!("in {}\n", written.file.display()));
    text
}
