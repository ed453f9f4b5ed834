//! `replayer compare`: what did the refactor change?
//!
//! ```text
//! learn:  recording -> Templates
//! noise:  recording, baseline, --noise runs -> Join -> Noise
//! judge:  recording, candidate, baseline, --noise runs -> Join -> Judge -> Tally -> comparison.json, findings/*.parquet
//! ```
//! All passes stream: what is in memory is the rows that wait for their like, the groups of findings, and a batch of each
//! segment that is open.

mod filter;
mod github;
mod inputs;
mod junit;
mod script;
mod store;
mod text;

use std::process::ExitCode;

use anyhow::Context as _;
use replayer_core::Limits;
use replayer_core::blame::{Judge, RECORDED, Sides, options};
use replayer_core::coverage::holes;
use replayer_core::join::{Join, Row, SideCounts, Step};
use replayer_core::ledger::{Ledger, is_group_id};
use replayer_core::noise::Noise;
use replayer_core::rules::RuleSet;
use replayer_core::substituted::Substituted;
use replayer_core::template::{TemplateLearner, Templates};
use replayer_core::verdict::{Tally, VerdictLimits, conclude};
use schema::comparison::{COMPARISON_FORMAT, ComparedSide, ComparisonDocument};
use schema::run::RunVerdict;
use schema::{Projection, Timestamp};

use crate::cli::{CompareArgs, RunRefArgs};
use crate::config::CompareConfig;
use crate::keys;
use crate::output::{self, Style};
use crate::store::Archive;
use inputs::{Inputs, Side};
use store::FindingsWriter;

pub(crate) use text::render;

/// Compares, stores what came of it, and prints it. Code 0 for a pass.
///
/// # Errors
/// If a run or the archive cannot be read, or the result not be written.
pub(crate) async fn compare(args: CompareArgs) -> anyhow::Result<ExitCode> {
    let (junit, github, html, json) = (
        args.junit.clone(),
        args.github,
        args.html.clone(),
        args.json,
    );
    let document = Box::pin(compared(args.try_into()?)).await?;
    if let Some(file) = &junit {
        let report = junit::render(&document);
        let written = tokio::fs::write(file, report).await;
        written.with_context(|| format!("write {}", file.display()))?;
    }
    if let Some(file) = &html {
        let written = tokio::fs::write(file, crate::report::compared_page(&document)).await;
        written.with_context(|| format!("write {}", file.display()))?;
    }
    if github {
        output::diagnostics(&github::render(&document));
    }
    if json {
        output::json(&document)?;
    } else {
        output::text(&render(&document, Style::of_stdout()))?;
        if let Some(file) = &html {
            output::line(&format!("HTML report: {}", file.display()))?;
        }
    }
    Ok(exit_code(&document))
}

/// The comparison that was typed in a run's place: `<archive>/comparisons/<id>`, or its id with `--archive`; `None` if
/// there is none.
///
/// # Errors
/// If it cannot be read.
pub(crate) async fn find(args: &RunRefArgs) -> anyhow::Result<Option<ComparisonDocument>> {
    let Some((archive, id)) = typed_comparison(args) else {
        return Ok(None);
    };
    let store = open(args, archive)?;
    let found = store::read_document(&store, id).await?;
    if found.is_none() && args.run.contains('/') {
        anyhow::bail!("archive {archive} has no comparison {id}");
    }
    Ok(found)
}

/// The findings of a comparison that was typed in a run's place.
///
/// # Errors
/// If they cannot be read.
pub(crate) async fn findings(args: &RunRefArgs) -> anyhow::Result<Vec<schema::Finding>> {
    match typed_comparison(args) {
        Some((archive, id)) => store::read_findings(&open(args, archive)?, id).await,
        None => Ok(Vec::new()),
    }
}

fn open(args: &RunRefArgs, archive: &str) -> anyhow::Result<Archive> {
    crate::store::open(archive, &keys::load(&args.keys.key_file)?)
}

/// Archive and id of the comparison that was typed.
fn typed_comparison(args: &RunRefArgs) -> Option<(&str, &str)> {
    let typed = args.run.trim_end_matches('/');
    let typed = typed.strip_suffix("/comparison.json").unwrap_or(typed);
    match (typed.rsplit_once("/comparisons/"), args.archive.as_deref()) {
        (Some(found), _) => Some(found),
        (None, Some(archive)) if is_group_id(typed) => Some((archive, typed)),
        _ => None,
    }
}

/// 0 for a pass, 1 for anything else.
pub(crate) fn exit_code(document: &ComparisonDocument) -> ExitCode {
    if document.verdict == RunVerdict::Pass {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}

/// The comparison's document, as it is in the archive.
async fn compared(config: CompareConfig) -> anyhow::Result<ComparisonDocument> {
    let inputs = Inputs::find(&config).await?;
    let templates = templates(&inputs, &config.rules).await?;
    let noise = learn(&inputs, &config, &templates).await?;
    let id = inputs.verdict_id(&config, &noise);
    let sides = Sides {
        baseline: if inputs.baseline.is_some() {
            2
        } else {
            RECORDED
        },
        candidate: 1,
        noise: (0..inputs.noise.len())
            .map(|index| index + if inputs.baseline.is_some() { 3 } else { 2 })
            .collect(),
    };
    let runs: Vec<&Side> = std::iter::once(&inputs.candidate)
        .chain(&inputs.baseline)
        .chain(&inputs.noise)
        .collect();
    let substituted = substituted(&inputs, &config, &sides).await?;
    let mut judge = Judge::new(sides, config.rules.clone(), noise, substituted);
    let mut tally = Tally::new(runs.len() + 1, VerdictLimits::default(), templates);
    let mut writer = FindingsWriter::new(inputs.store.clone(), &id);
    let mut joined = Joined::start(&inputs, &runs, Projection::All, config.join_memory);
    while let Some(row) = joined.next().await? {
        writer.add(tally.add(&mut judge, &row)).await?;
    }
    if tally.forgotten_connections() > 0 {
        tracing::warn!(
            "the requests of {} connections were forgotten: scripts of what came on them later begin later, and say so",
            tally.forgotten_connections()
        );
    }
    let counts: Vec<SideCounts> = joined.join.counts().collect();
    let mut document = head(&config, &inputs, id);
    tally.write_into(&mut document);
    document.noise = judge.noise().fields();
    document.rules = judge.rules().applied();
    let described = |side: &Side, at: usize| ComparedSide {
        exchanges: counts[at].exchanges,
        outside: tally.outside()[at],
        unjoined: counts[at].unjoined,
        lag_us_max: tally.lag_us_max()[at],
        sent_perhaps_twice: tally.in_doubt()[at].sent_again,
        sent_perhaps_twice_blamed: tally.in_doubt()[at].blamed,
        ..side.described()
    };
    document.candidate = described(&inputs.candidate, 1);
    match &inputs.baseline {
        Some(side) => document.baseline = described(side, 2),
        None => document.baseline.exchanges = counts[RECORDED].exchanges,
    }
    let first = judge.sides().noise.clone();
    document.noise_runs = inputs
        .noise
        .iter()
        .zip(first)
        .map(|(side, at)| described(side, at))
        .collect();
    if let Some(rows) = crate::fetch::ledger(&inputs.store, inputs.window).await? {
        (document.holes, document.holes_left_out) = holes(inputs.window, &rows);
    }
    take_standing(&mut document, &config.accepted);
    script::write_scripts(&mut document, &inputs, &tally).await?;
    conclude(&mut document, &config.gates);
    writer.finish().await?;
    store::put_document(&inputs.store, &document).await?;
    Ok(document)
}

/// Learns path templates from the recorded requests, and from the recorded answers where only they can tell.
async fn templates(inputs: &Inputs, rules: &RuleSet) -> anyhow::Result<Templates> {
    let mut learner = TemplateLearner::default();
    let needs_headers = inputs.filter.needs_headers();
    let projection = if needs_headers {
        Projection::All
    } else {
        Projection::Summary
    };
    let mut recorded = inputs.recorded_stream(projection);
    while let Some(exchange) = recorded.next().await? {
        if inputs.filter.keeps(&exchange) {
            learner.add(&exchange);
        }
    }
    if learner.needs_forms() {
        let mut recorded = inputs.recorded_stream(Projection::All);
        while let Some(exchange) = recorded.next().await? {
            if inputs.filter.keeps(&exchange) {
                learner.add_form(&exchange);
            }
        }
    }
    Ok(learner.finish(rules.templates().to_vec()))
}

/// Learns noise from the baseline and the noise runs, over the whole window.
async fn learn(
    inputs: &Inputs,
    config: &CompareConfig,
    templates: &Templates,
) -> anyhow::Result<Noise> {
    let mut noise = Noise::default();
    if inputs.noise.is_empty() {
        return Ok(noise);
    }
    let options = options(&config.rules);
    let runs: Vec<&Side> = inputs.baseline.iter().chain(&inputs.noise).collect();
    let baseline = usize::from(inputs.baseline.is_some());
    let needs_bodies = baseline == RECORDED || inputs.filter.needs_headers();
    let projection = if needs_bodies {
        Projection::All
    } else {
        Projection::Summary
    };
    let mut joined = Joined::start(inputs, &runs, projection, config.join_memory);
    while let Some(row) = joined.next().await? {
        let Some(recorded) = &row.sides[RECORDED] else {
            continue;
        };
        let name = templates.endpoint(recorded);
        let Some(left) = &row.sides[baseline] else {
            continue;
        };
        for right in row.sides[baseline + 1..].iter().flatten() {
            noise.learn(&name, left, right, &options);
        }
    }
    Ok(noise)
}

/// Learns which values the runs put into requests, if they did.
async fn substituted(
    inputs: &Inputs,
    config: &CompareConfig,
    sides: &Sides,
) -> anyhow::Result<Substituted> {
    let runs: Vec<&Side> = std::iter::once(&inputs.candidate)
        .chain(&inputs.baseline)
        .collect();
    if !runs.iter().any(|run| run.has_substituted()) {
        return Ok(Substituted::default());
    }
    let (mut substituted, limits) = (Substituted::new(), Limits::default());
    let mut joined = Joined::start(inputs, &runs, Projection::All, config.join_memory);
    while let Some(row) = joined.next().await? {
        substituted.learn(&row, sides, &limits);
    }
    if substituted.left_out() > 0 {
        tracing::warn!(
            "{} values that the runs put into requests are beyond the bound of {}: differences in them are reported",
            substituted.left_out(),
            limits.substituted_pairs_max
        );
    }
    Ok(substituted)
}

/// The rows of several sides.
struct Joined<'a> {
    join: Join,
    filter: &'a replayer_core::filter::Filter,
    streams: Vec<crate::fetch::ExchangeStream>,
}

impl<'a> Joined<'a> {
    /// The recording first, then `runs`.
    fn start(inputs: &'a Inputs, runs: &[&Side], recorded: Projection, memory: usize) -> Self {
        let mut streams = vec![inputs.recorded_stream(recorded)];
        streams.extend(runs.iter().map(|run| inputs.run_stream(run)));
        Self {
            join: Join::new(streams.len(), memory),
            filter: &inputs.filter,
            streams,
        }
    }

    async fn next(&mut self) -> anyhow::Result<Option<Row>> {
        loop {
            match self.join.poll() {
                Step::Row(row) => return Ok(Some(row)),
                Step::Finished => return Ok(None),
                Step::NeedsExchange(side) => match self.streams[side].next().await? {
                    Some(exchange) if side == RECORDED && !self.filter.keeps(&exchange) => {}
                    Some(exchange) => self.join.handle_exchange(side, exchange),
                    None => self.join.handle_end(side),
                },
            }
        }
    }
}

/// What is known before anything is compared.
fn head(config: &CompareConfig, inputs: &Inputs, id: String) -> ComparisonDocument {
    let source = &inputs.candidate.document.source;
    ComparisonDocument {
        format: COMPARISON_FORMAT,
        comparison: id,
        program: concat!("replayer ", env!("CARGO_PKG_VERSION")).to_owned(),
        archive: config.archive.clone(),
        from: source.from,
        to: source.to,
        filters: source.filters.clone(),
        baseline: inputs::recorded(),
        candidate: inputs.candidate.described(),
        noise_runs: Vec::new(),
        coverage: inputs.candidate.document.coverage,
        holes: vec![],
        holes_left_out: 0,
        verdict: RunVerdict::NotEnoughEvidence,
        sentence: String::new(),
        reasons: Vec::new(),
        gates: Vec::new(),
        totals: schema::comparison::ComparedTotals::default(),
        endpoints: Vec::new(),
        groups: Vec::new(),
        ungrouped: 0,
        noise: Vec::new(),
        rules: Vec::new(),
        templates: Vec::new(),
        templates_overfull: false,
        fixed: Vec::new(),
        timeline: schema::comparison::ComparedTimeline::default(),
    }
}

/// Says of each group that the refactor is blamed for whether it is new, known or returned.
fn take_standing(document: &mut ComparisonDocument, ledger: &Ledger) {
    let now: Timestamp = crate::clock::Clock::start().now();
    for group in &mut document.groups {
        if group.blame == "refactor" {
            let (standing, accepted) = ledger.standing(&group.group, now);
            group.standing = Some(standing.as_str().to_owned());
            group.accepted = accepted;
        }
    }
    document.fixed = ledger.fixed(&document.groups);
}
