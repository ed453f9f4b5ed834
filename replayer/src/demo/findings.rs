//! Whether the demo's two runs, and their comparison, say what they should: the faithful build passes, and of the regressed one exactly the
//! planted change is found, at the endpoint where it was planted.

use std::fmt;

use anyhow::{Context, bail, ensure};
use schema::comparison::{ComparisonDocument, FindingGroup};
use schema::run::{RunConclusion, RunDocument, RunVerdict};

/// What ends the name of the endpoint in which the regression is planted.
const PLANTED_ENDPOINT: &str = "/v1/quotes";

/// The fields that it changes.
const PLANTED_FIELDS: [&str; 2] = ["$.tax", "$.total"];

/// What the comparison of both builds found, in a line.
///
/// # Errors
/// If it does not say what it should; the reason says why.
pub(crate) fn compared(document: &ComparisonDocument) -> anyhow::Result<String> {
    ensure!(
        document.verdict == RunVerdict::Fail,
        "the comparison should fail, and its verdict is {}: {}",
        document.verdict.as_str(),
        document.sentence
    );
    let is_planted = |group: &FindingGroup| {
        group.blame == "refactor"
            && group.endpoint.ends_with(PLANTED_ENDPOINT)
            && PLANTED_FIELDS.contains(&group.location.as_str())
    };
    let other = document.groups.iter().find(|group| !is_planted(group));
    if let Some(group) = other {
        bail!(
            "{} at {} {} is {}, and the regression is planted in {PLANTED_ENDPOINT}",
            group.cause,
            group.endpoint,
            group.location,
            group.blame
        );
    }
    Ok(format!(
        "compared   {:<6}{}",
        document.verdict.as_str(),
        document.sentence
    ))
}

/// What the two runs found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Findings {
    faithful: Line,
    regressed: Line,
    endpoint: String,
    /// Id of an exchange whose answer differs.
    pub(crate) example: String,
}

/// One run in a line.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    verdict: RunVerdict,
    judged: u64,
    differed: u64,
}

impl Findings {
    /// Reads both runs.
    ///
    /// # Errors
    /// If one of them does not say what it should; the reason says which and why.
    pub(crate) fn of(faithful: &RunDocument, regressed: &RunDocument) -> anyhow::Result<Self> {
        let conclusion = concluded(faithful)?;
        ensure!(
            conclusion.verdict == RunVerdict::Pass,
            "the faithful build should pass, and the verdict is {}: {}",
            conclusion.verdict.as_str(),
            conclusion.sentence
        );
        let conclusion = concluded(regressed)?;
        ensure!(
            conclusion.verdict == RunVerdict::Fail,
            "the regressed build should fail, and the verdict is {}: {}",
            conclusion.verdict.as_str(),
            conclusion.sentence
        );
        let differing: Vec<_> = regressed
            .report
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.differed + endpoint.failed > 0)
            .collect();
        let [endpoint] = differing.as_slice() else {
            let names: Vec<_> = differing
                .iter()
                .map(|endpoint| endpoint.endpoint.as_str())
                .collect();
            bail!(
                "one endpoint of the regressed build should differ, and these do: {}",
                names.join(", ")
            );
        };
        ensure!(
            endpoint.endpoint.ends_with(PLANTED_ENDPOINT),
            "{} differs, and the regression is planted in {PLANTED_ENDPOINT}",
            endpoint.endpoint
        );
        let fields: Vec<_> = endpoint
            .groups
            .iter()
            .map(|group| group.location.as_str())
            .collect();
        ensure!(
            fields.iter().all(|field| PLANTED_FIELDS.contains(field)) && !fields.is_empty(),
            "only {} should differ, and these do: {}",
            PLANTED_FIELDS.join(" and "),
            fields.join(", ")
        );
        let example = endpoint
            .groups
            .iter()
            .flat_map(|group| &group.examples)
            .next();
        Ok(Self {
            faithful: Line::of(faithful, RunVerdict::Pass),
            regressed: Line::of(regressed, RunVerdict::Fail),
            endpoint: endpoint.endpoint.clone(),
            example: example
                .context("the differing endpoint has no example")?
                .exchange
                .clone(),
        })
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            faithful,
            regressed,
            endpoint,
            example: _,
        } = self;
        writeln!(f, "faithful   {faithful}")?;
        writeln!(f, "regressed  {regressed}")?;
        writeln!(
            f,
            "           all at {endpoint}: {}",
            PLANTED_FIELDS.join(" and ")
        )
    }
}

impl Line {
    fn of(document: &RunDocument, verdict: RunVerdict) -> Self {
        Self {
            verdict,
            judged: document.totals.judged(),
            differed: document.totals.differed,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            verdict,
            judged,
            differed,
        } = self;
        write!(f, "{:<6}", verdict.as_str())?;
        match differed {
            0 => write!(f, "all {judged} answers match the recorded ones"),
            _ => write!(
                f,
                "{differed} of {judged} answers differ from the recorded ones"
            ),
        }
    }
}

fn concluded(document: &RunDocument) -> anyhow::Result<&RunConclusion> {
    document
        .conclusion
        .as_ref()
        .with_context(|| format!("run {} has no verdict", document.run))
}

#[cfg(test)]
mod tests;
