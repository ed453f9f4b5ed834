//! `replayer show`: one exchange of a run, the recorded and the actual answer side by side.

mod json;
mod text;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use replayer_core::Limits;
use replayer_core::compare::{Comparison, Rules, compare};
use schema::run::RunDocument;
use schema::{Exchange, ExchangeId, ExchangeVerdict, Projection, Table, TimeWindow, Timestamp};

use crate::cli::ShowArgs;
use crate::fetch::{ExchangeStream, segments};
use crate::output::{self, Style};
use crate::run_ref::RunRef;
use crate::store::Archive;

/// The smallest span that a stored time tells apart.
const INSTANT: Duration = Duration::from_micros(1);

/// One exchange of a run, from both archives.
#[derive(Debug)]
struct Shown {
    document: RunDocument,
    recorded: Exchange,
    actual: Exchange,
    comparison: Comparison,
}

/// Prints the exchange. Code 0 if the answers match.
///
/// # Errors
/// If the run or the recording does not have it.
pub(crate) async fn show(args: ShowArgs) -> anyhow::Result<ExitCode> {
    let run = RunRef::find(&args.run)?;
    let document = run.document().await?;
    let actual = find_replayed(&run, args.exchange).await?;
    let recorded_start = actual
        .replay
        .as_ref()
        .map(|replay| replay.recorded_start)
        .with_context(|| {
            format!(
                "exchange {} of the run does not say when it was recorded",
                args.exchange
            )
        })?;
    let recorded = at(&run.store, &Table::Exchanges, recorded_start, args.exchange)
        .await?
        .with_context(|| {
            format!(
                "exchange {} was recorded at {recorded_start}, and archive {} has it no more",
                args.exchange, run.archive
            )
        })?;
    let comparison = compare(&recorded, &actual, &Rules::default());
    let is_match = comparison.verdict == ExchangeVerdict::Match;
    let shown = Shown {
        document,
        recorded,
        actual,
        comparison,
    };
    if args.json {
        output::json(&json::document(&shown))?;
    } else {
        output::text(&text::text(&shown, args.whole, Style::of_stdout()))?;
    }
    Ok(ExitCode::from(u8::from(!is_match)))
}

/// The exchange as the run has it. A run is stored by sending time, which an id does not tell, so the run is read without
/// heads and bodies until the exchange comes up, and then that instant whole.
async fn find_replayed(run: &RunRef, id: ExchangeId) -> anyhow::Result<Exchange> {
    let table = Table::RunExchanges(run.name.clone());
    let all = segments(&run.store, &table, TimeWindow::ALL).await?;
    if all.is_empty() {
        bail!(
            "run {} has no exchanges: it sent none, or was killed before the first were stored",
            run.name
        );
    }
    let mut stream = ExchangeStream::new(
        run.store.clone(),
        all,
        TimeWindow::ALL,
        Projection::Summary,
        Limits::default(),
    );
    while let Some(exchange) = stream.next().await? {
        if exchange.id() == id {
            let start = exchange.start();
            return at(&run.store, &table, start, id).await?.with_context(|| {
                format!(
                    "exchange {id} of run {} is gone while it was read",
                    run.name
                )
            });
        }
    }
    bail!(
        "run {} has no exchange {id}; ids are in its report and in its divergences",
        run.name
    )
}

/// The exchange with this id that starts at `start`.
pub(crate) async fn at(
    store: &Archive,
    table: &Table,
    start: Timestamp,
    id: ExchangeId,
) -> anyhow::Result<Option<Exchange>> {
    let window = TimeWindow {
        start,
        end: start.saturating_add(INSTANT),
    };
    let segments = segments(store, table, window).await?;
    let mut stream = ExchangeStream::new(
        store.clone(),
        segments,
        window,
        Projection::All,
        Limits::default(),
    );
    while let Some(exchange) = stream.next().await? {
        if exchange.id() == id {
            return Ok(Some(*exchange));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
