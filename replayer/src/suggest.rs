//! `replayer rules suggest`: proposes rules from what a run or a comparison found.

use std::process::ExitCode;

use anyhow::Context as _;
use futures_util::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use replayer_core::Limits;
use replayer_core::suggest::{Moments, Suggester, to_toml};
use rustc_hash::FxHashMap;
use schema::comparison::ComparisonDocument;
use schema::{
    Blame, Divergence, ExchangeId, Finding, Projection, Table, TimeWindow, decode_divergences,
};

use crate::cli::{RulesArgs, RulesCommand, SuggestArgs};
use crate::fetch::{ExchangeStream, segments};
use crate::output;
use crate::run_ref::RunRef;

/// Requests of which it is known when they were sent; differences of others are put down to no clock.
const MOMENTS_MAX: usize = 1_000_000;

/// Runs a command about rules.
///
/// # Errors
/// If the command fails.
pub(crate) async fn rules(args: RulesArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        RulesCommand::Suggest(args) => suggest(args).await,
    }
}

/// Prints what is proposed.
///
/// # Errors
/// If the run or comparison cannot be read.
async fn suggest(args: SuggestArgs) -> anyhow::Result<ExitCode> {
    let mut suggester = Suggester::default();
    let mut judged: FxHashMap<String, u64> = FxHashMap::default();
    let mut templates = Vec::new();
    let source;
    if let Some(document) = crate::compare::find(&args.run).await? {
        source = format!("comparison {}", document.comparison);
        for finding in crate::compare::findings(&args.run).await? {
            if finding.blame == Blame::Refactor {
                suggester.add(&divergence(finding), None);
            }
        }
        judge_comparison(&document, &mut judged);
        templates = document.templates;
    } else {
        let run = RunRef::find(&args.run)?;
        source = format!("run {}", run.name);
        let document = run.document().await?;
        let endpoints = document.report.endpoints.iter();
        judged.extend(endpoints.map(|e| (e.endpoint.clone(), e.matched + e.differed)));
        of_run(&run, &mut suggester).await?;
    }
    let suggestions = suggester.suggestions(|endpoint| judged.get(endpoint).copied());
    if args.json {
        output::json(&suggestions)?;
    } else {
        output::text(&to_toml(
            &suggestions,
            &templates,
            &source,
            suggester.beyond(),
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn judge_comparison(document: &ComparisonDocument, judged: &mut FxHashMap<String, u64>) {
    let endpoints = document.endpoints.iter();
    judged.extend(endpoints.map(|e| (e.endpoint.clone(), e.totals.judged)));
}

/// Looks at every divergence that a run stored, a file at a time.
async fn of_run(run: &RunRef, suggester: &mut Suggester) -> anyhow::Result<()> {
    let moments = moments(run).await?;
    let folder = Path::from(format!("runs/{}/divergences", run.name));
    let listed: Vec<_> = run.store.list(Some(&folder)).try_collect().await?;
    let mut paths: Vec<Path> = listed.into_iter().map(|file| file.location).collect();
    paths.sort();
    for path in paths {
        let read = || format!("read {path}");
        let file = run.store.get(&path).await.with_context(read)?;
        let bytes = file.bytes().await.with_context(read)?;
        for divergence in decode_divergences(bytes, run.store.keys()).with_context(read)? {
            suggester.add(&divergence, moments.get(&divergence.exchange).copied());
        }
    }
    Ok(())
}

/// When each request of the run was sent, and the status that it got.
async fn moments(run: &RunRef) -> anyhow::Result<FxHashMap<ExchangeId, Moments>> {
    let table = Table::RunExchanges(run.name.clone());
    let all = segments(&run.store, &table, TimeWindow::ALL).await?;
    let (store, window) = (run.store.clone(), TimeWindow::ALL);
    let mut stream =
        ExchangeStream::new(store, all, window, Projection::Summary, Limits::default());
    let mut moments = FxHashMap::default();
    while let Some(exchange) = stream.next().await? {
        if moments.len() >= MOMENTS_MAX {
            break;
        }
        let status = exchange.response.as_ref().map(|response| response.status);
        let sent_us = exchange.start().as_micros();
        moments.insert(exchange.id(), Moments { sent_us, status });
    }
    Ok(moments)
}

/// A finding as the divergence that it is.
fn divergence(finding: Finding) -> Divergence {
    Divergence {
        exchange: finding.exchange,
        recorded_start: finding.recorded_start,
        method: finding.method,
        host: finding.host,
        path: finding.path,
        endpoint: finding.endpoint,
        part: finding.part,
        location: finding.location,
        kind: finding.kind,
        expected: finding.expected,
        actual: finding.actual,
    }
}
