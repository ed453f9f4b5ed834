use futures_util::TryStreamExt as _;
use replayer_core::Limits;
use replayer_core::checkpoint::Cursor;
use schema::Keyring;
use schema::run::RunVerdict;
use schema::{ExchangeVerdict, Outcome, Projection, Table, TimeWindow, decode_divergences};

use super::sample::{document, recorded, replayed};
use super::*;
use crate::fetch::{ExchangeStream, segments};

fn answered(recorded: Exchange, actual: Exchange) -> Answered {
    Answered {
        recorded: Box::new(recorded),
        actual: Box::new(actual),
    }
}

fn end(state: RunState, read: u64) -> RunEnd {
    RunEnd {
        state,
        finished_at: "2026-11-22T14:10:00Z".parse().unwrap(),
        read,
        filtered_out: 0,
        held_back: 0,
        rewriting: None,
        correlation: None,
        learned: None,
        lease: 0,
    }
}

async fn stored(store: &Archive, run: &str) -> RunDocument {
    let json = store
        .get(&document_path(run))
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    RunDocument::from_json(&json).unwrap()
}

async fn paths(store: &Archive) -> Vec<String> {
    let mut paths: Vec<String> = store
        .list(None)
        .map_ok(|object| object.location.to_string())
        .try_collect()
        .await
        .unwrap();
    paths.sort();
    paths
}

/// Feeds 20 exchanges, one a second over the border of an hour; the fourth differs, the sixth was refused.
async fn feed(writer: &RunWriter) {
    let sender = writer.sender();
    for n in 0..20 {
        let recorded = recorded(n, r#"{"total":10}"#);
        let answer = if n == 3 {
            r#"{"total":11}"#
        } else {
            r#"{ "total": 10 }"#
        };
        let mut actual = replayed(&recorded, n, answer);
        if n == 5 {
            actual.response = None;
            let replay = actual.replay.as_mut().unwrap();
            replay.outcome = Outcome::Failed;
            replay.outcome_reason = Some("connection refused".to_owned());
        }
        sender.send(vec![answered(recorded, actual)]).await.unwrap();
    }
}

#[tokio::test]
async fn a_run_is_compared_and_stored_whole() {
    let store = Archive::in_memory();
    let writer = RunWriter::start(store.clone(), document("r"), RunOptions::default())
        .await
        .unwrap();
    assert_eq!(
        stored(&store, "r").await,
        document("r"),
        "it is there from the start, running"
    );
    let progress = writer.progress();
    feed(&writer).await;
    let document = writer.finish(end(RunState::Finished, 20)).await.unwrap();
    assert_eq!(
        (
            progress.matched(),
            progress.differed(),
            progress.incomparable()
        ),
        (18, 1, 1)
    );

    assert_eq!(stored(&store, "r").await, document);
    assert_eq!(document.state, RunState::Finished);
    let totals = &document.totals;
    assert_eq!((totals.matched, totals.differed, totals.failed), (18, 1, 1));
    assert_eq!(
        document.conclusion.as_ref().unwrap().verdict,
        RunVerdict::Fail
    );

    let table = Table::RunExchanges("r".to_owned());
    let segments = segments(&store, &table, TimeWindow::ALL).await.unwrap();
    assert_eq!(segments.len(), 2, "a segment for each hour: {segments:?}");
    let mut stream = ExchangeStream::new(
        store.clone(),
        segments,
        TimeWindow::ALL,
        Projection::All,
        Limits::default(),
    );
    let mut verdicts = Vec::new();
    while let Some(exchange) = stream.next().await.unwrap() {
        let replay = exchange.replay.unwrap();
        verdicts.push((replay.verdict, replay.divergences, replay.verdict_reason));
    }
    assert_eq!(verdicts.len(), 20);
    assert_eq!(verdicts[3], (ExchangeVerdict::Differ, 1, None));
    assert_eq!(
        verdicts[5],
        (
            ExchangeVerdict::Incomparable,
            0,
            Some("failed: connection refused".to_owned())
        )
    );
    let path = Path::from("runs/r/divergences/00000000.parquet");
    let file = store.get(&path).await.unwrap().bytes().await.unwrap();
    let rows = decode_divergences(file, &Keyring::default()).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].location.as_str(), rows[0].actual.as_deref()),
        ("$.total", Some("11"))
    );
    assert_eq!(rows[0].endpoint, "POST shop.example /orders/{id}");
}

#[tokio::test]
async fn segments_are_cut_by_age_and_a_killed_run_leaves_what_was_published() {
    let store = Archive::in_memory();
    let options = RunOptions {
        segment_age_max: Duration::from_secs(5),
        ..RunOptions::default()
    };
    let writer = RunWriter::start(store.clone(), document("r"), options)
        .await
        .unwrap();
    feed(&writer).await;
    // The writer is dropped without an end, as a kill would; its tasks end with their queues.
    let RunWriter {
        encoder,
        uploads,
        sender,
        ..
    } = writer;
    drop(sender);
    encoder.await.unwrap().unwrap();
    uploads.await.unwrap().unwrap();
    let document = stored(&store, "r").await;
    assert_eq!(document.state, RunState::Running);
    assert_eq!(document.conclusion, None);
    assert_eq!(document.totals.planned, 20);
    let segments = paths(&store)
        .await
        .iter()
        .filter(|path| path.contains("/exchanges/"))
        .count();
    assert!(segments >= 4, "{:?}", paths(&store).await);
}

#[tokio::test]
async fn a_name_is_never_used_twice() {
    let store = Archive::in_memory();
    let start = || RunWriter::start(store.clone(), document("r"), RunOptions::default());
    start()
        .await
        .unwrap()
        .finish(end(RunState::Finished, 0))
        .await
        .unwrap();
    let error = start().await.unwrap_err();
    assert!(
        error.to_string().contains("run r exists in this archive"),
        "{error}"
    );
}

#[tokio::test]
async fn an_empty_or_uncompared_run_is_no_pass() {
    let store = Archive::in_memory();
    for (name, compare) in [("empty", true), ("off", false)] {
        let options = RunOptions {
            compare,
            ..RunOptions::default()
        };
        let writer = RunWriter::start(store.clone(), document(name), options)
            .await
            .unwrap();
        let mut read = 0;
        if name == "off" {
            feed(&writer).await;
            read = 20;
        }
        let document = writer.finish(end(RunState::Finished, read)).await.unwrap();
        let conclusion = document.conclusion.unwrap();
        assert_eq!(
            conclusion.verdict,
            RunVerdict::NotEnoughEvidence,
            "{}",
            conclusion.sentence
        );
    }
}

#[tokio::test]
async fn late_answers_and_many_hours_are_stored_all_the_same() {
    let store = Archive::in_memory();
    let writer = RunWriter::start(store.clone(), document("r"), RunOptions::default())
        .await
        .unwrap();
    let sender = writer.sender();
    // Answers of six hours, newest first, so that each hour is sealed before its second answer comes.
    for round in 0..2 {
        for hour in (0..6).rev() {
            let n = hour * 2 + round;
            let recorded = recorded(n, "{}");
            let actual = replayed(&recorded, hour * 3_600 + round, "{}");
            sender.send(vec![answered(recorded, actual)]).await.unwrap();
        }
    }
    let document = writer.finish(end(RunState::Finished, 12)).await.unwrap();
    assert_eq!(document.totals.matched, 12);
    let table = Table::RunExchanges("r".to_owned());
    let segments = segments(&store, &table, TimeWindow::ALL).await.unwrap();
    let mut stream = ExchangeStream::new(
        store.clone(),
        segments,
        TimeWindow::ALL,
        Projection::Summary,
        Limits::default(),
    );
    let mut rows = 0;
    while stream.next().await.unwrap().is_some() {
        rows += 1;
    }
    assert_eq!(rows, 12);
}

#[tokio::test]
async fn answers_after_the_end_are_refused() {
    let store = Archive::in_memory();
    let writer = RunWriter::start(store.clone(), document("r"), RunOptions::default())
        .await
        .unwrap();
    let sender = writer.sender();
    writer.finish(end(RunState::Interrupted, 0)).await.unwrap();
    let recorded = recorded(0, "{}");
    let actual = replayed(&recorded, 0, "{}");
    let error = sender
        .send(vec![answered(recorded, actual)])
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("run writer has stopped"),
        "{error}"
    );
}

/// A run that follows goes on in another pass: what it recovers is settled where it is planned.
#[tokio::test]
async fn what_is_recovered_is_settled_where_it_is_planned() {
    let store = Archive::in_memory();
    let options = RunOptions::default();
    let writer = RunWriter::start(store.clone(), document("r"), options);
    let writer = writer.await.unwrap();
    let recorded = recorded(0, "{}");
    let actual = replayed(&recorded, 0, "{}");
    let position = Position {
        pass: actual.replay.as_ref().unwrap().pass + 1,
        recorded: recorded.start(),
        exchange: recorded.id(),
    };
    let after = Cursor {
        after: Some(position),
        read: 1,
        ..Cursor::default()
    };
    let planned = PlannedBatch {
        before: Cursor::default(),
        after: after.clone(),
        positions: vec![position],
    };
    let sender = writer.sender();
    sender.planned(planned).await.unwrap();
    let answered = answered(recorded, actual);
    sender.stored(vec![(position, answered)]).await.unwrap();
    writer.finish(end(RunState::Interrupted, 1)).await.unwrap();
    let place = RunPlace::new("r", None);
    let checkpoint = parts::read_checkpoint(&store, &place).await.unwrap();
    let standing = checkpoint.unwrap().standing;
    assert_eq!(standing.cursor, after);
    assert!(standing.open.is_empty(), "{standing:?}");
}
