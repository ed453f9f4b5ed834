use std::sync::Arc;

use object_store::ObjectStoreExt as _;
use replayer_core::Limits;
use schema::Keyring;
use schema::swap::SwapDocument;
use schema::{
    Body, Certainty, Charset, Completeness, ConnectionId, ConnectionInfo, Exchange, Headers,
    Projection, Protocol, Request, SegmentBuilder, SegmentKey, SegmentNumbers, SegmentOptions,
    Table, TimeWindow, Timestamp,
};

use super::{ExchangeStream, extent, segments};

use crate::store::Archive;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn exchange(connection: u64, start: Timestamp) -> Exchange {
    Exchange {
        connection: Arc::new(ConnectionInfo {
            id: ConnectionId(connection),
            source: None,
            vni: None,
            client: "10.0.1.7:40000".parse().unwrap(),
            server: "10.0.0.2:80".parse().unwrap(),
        }),
        index: 0,
        stream_id: None,
        protocol: Protocol::Http11,
        request: Some(Request {
            start,
            end: start,
            method: "GET".to_owned(),
            host: None,
            path: "/".to_owned(),
            query: None,
            target: None,
            headers: Headers::default(),
            body: Body::default(),
            trailers: None,
        }),
        response: None,
        interim_statuses: Vec::new(),
        request_missing_bytes: 0,
        response_missing_bytes: 0,
        completeness: Completeness::NoResponse,
        framing: Certainty::Exact,
        pairing: Certainty::Exact,
        charset: Charset::Utf8,
        tcp: None,
        replay: None,
    }
}

/// Publishes one segment of `recorder` with an exchange at each of the times.
async fn publish(store: &Archive, recorder: &str, sequence: u64, times: &[&str]) {
    let mut builder = SegmentBuilder::new(SegmentOptions {
        recorder: recorder.parse().unwrap(),
        writer: "test".to_owned(),
        zstd_level: 1,
        spool: None,
        sampling: None,
        redaction: None,
        replayed: false,
        keys: Keyring::default(),
    });
    for (number, text) in (0..).zip(times) {
        builder
            .push(exchange(sequence * 1_000 + number, time(text)))
            .unwrap();
    }
    let sealed = builder.seal(sequence).unwrap().unwrap();
    let path = Table::Exchanges.path(&sealed.key);
    store.put(&path.into(), sealed.bytes.into()).await.unwrap();
}

async fn archive() -> Archive {
    let store = Archive::in_memory();
    publish(&store, "a", 0, &["2026-11-20T23:59:00Z"]).await;
    publish(
        &store,
        "a",
        1,
        &[
            "2026-11-22T13:00:01Z",
            "2026-11-22T13:00:05Z",
            "2026-11-22T13:30:00Z",
        ],
    )
    .await;
    publish(
        &store,
        "b",
        2,
        &[
            "2026-11-22T13:00:02Z",
            "2026-11-22T13:00:05Z",
            "2026-11-22T13:00:06Z",
        ],
    )
    .await;
    publish(&store, "a", 3, &["2026-11-22T14:00:00Z"]).await;
    store
        .put(
            &"exchanges/date=2026-11-22/hour=13/notes.txt".into(),
            "x".into(),
        )
        .await
        .unwrap();
    store
}

fn window(from: &str, to: &str) -> TimeWindow {
    TimeWindow {
        start: time(from),
        end: time(to),
    }
}

#[tokio::test]
async fn windows_are_found_from_keys() {
    let store = archive().await;
    let found = extent(&store, &Table::Exchanges).await.unwrap();
    assert_eq!(
        found,
        Some((time("2026-11-20T23:59:00Z"), time("2026-11-22T14:00:00Z")))
    );
    let table: [(&str, &str, &[u64]); 5] = [
        ("2026-11-22T13:00:00Z", "2026-11-22T14:00:00Z", &[1, 2]),
        ("2026-11-22T13:10:00Z", "2026-11-22T14:00:01Z", &[1, 3]),
        ("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z", &[]),
        // Longer than 48 hours: by days.
        (
            "2026-11-20T00:00:00Z",
            "2026-11-23T00:00:00Z",
            &[0, 1, 2, 3],
        ),
        ("2000-01-01T00:00:00Z", "2026-11-22T13:00:02Z", &[0, 1]),
    ];
    for (from, to, expected) in table {
        let found = segments(&store, &Table::Exchanges, window(from, to))
            .await
            .unwrap();
        let sequences: Vec<u64> = found.iter().map(|segment| segment.key.sequence()).collect();
        assert_eq!(sequences, expected, "{from} to {to}");
    }
    assert_eq!(
        extent(&Archive::in_memory(), &Table::Exchanges)
            .await
            .unwrap(),
        None
    );
}

/// What the stream gives for a window, as seconds of the hour.
async fn stream(limits: Limits) -> Vec<u64> {
    let store = archive().await;
    let window = window("2026-11-22T13:00:02Z", "2026-11-22T14:00:01Z");
    let found = segments(&store, &Table::Exchanges, window).await.unwrap();
    let mut stream = ExchangeStream::new(store, found, window, Projection::All, limits);
    let mut seconds = Vec::new();
    while let Some(exchange) = stream.next().await.unwrap() {
        seconds.push(
            exchange
                .start()
                .since(time("2026-11-22T13:00:00Z"))
                .as_secs(),
        );
    }
    seconds
}

#[tokio::test]
async fn segments_stream_in_time_order_whatever_is_prefetched() {
    for (prefetch_segments_max, prefetch_bytes_max) in
        [(0, u64::MAX), (1, 0), (2, u64::MAX), (100, u64::MAX)]
    {
        for prefetch_small_segments_max in [0, 3] {
            let limits = Limits {
                prefetch_segments_max,
                prefetch_bytes_max,
                prefetch_small_segments_max,
                ..Limits::default()
            };
            assert_eq!(
                stream(limits).await,
                [2, 5, 5, 6, 1_800, 3_600],
                "{limits:?}"
            );
        }
    }
}

/// How many segments are open ahead of need, where `recorders` overlap with all that comes.
#[tokio::test]
async fn as_many_are_opened_ahead_however_many_overlap() {
    let store = Archive::in_memory();
    let recorders = ["a", "b", "c", "d", "e", "f"];
    for recorder in recorders {
        publish(
            &store,
            recorder,
            0,
            &["2026-11-22T13:00:00Z", "2026-11-22T13:59:00Z"],
        )
        .await;
    }
    for minute in 1..20 {
        let at = format!("2026-11-22T13:{minute:02}:00Z");
        publish(&store, "g", minute, &[&at]).await;
    }
    let window = window("2026-11-22T13:00:00Z", "2026-11-22T14:00:00Z");
    let found = segments(&store, &Table::Exchanges, window).await.unwrap();
    let sizes = found
        .iter()
        .filter(|segment| segment.key.recorder().as_str() == "g");
    let bytes = sizes.map(|segment| segment.bytes).max().unwrap();
    let table = [
        (0, 0, u64::MAX, 0),
        (4, 0, u64::MAX, 4),
        (4, 9, u64::MAX, 9),
        (4, 9, bytes * 6, 6),
        (0, 9, bytes * 6, 6),
        (4, 9, bytes * 3, 4),
    ];
    for (few, many, bytes, ahead) in table {
        let limits = Limits {
            prefetch_segments_max: few,
            prefetch_small_segments_max: many,
            prefetch_small_bytes_max: bytes,
            ..Limits::default()
        };
        let all = Projection::All;
        let mut stream = ExchangeStream::new(store.clone(), found.clone(), window, all, limits);
        for _ in recorders {
            assert!(stream.next().await.unwrap().is_some());
        }
        assert_eq!(stream.needed, recorders.len(), "{limits:?}");
        assert_eq!(stream.opened - stream.needed, ahead, "{limits:?}");
    }
}

#[tokio::test]
async fn a_damaged_segment_is_an_error_that_names_it() {
    let store = archive().await;
    let window = window("2026-11-22T13:00:00Z", "2026-11-22T14:00:00Z");
    let found = segments(&store, &Table::Exchanges, window).await.unwrap();
    store
        .put(
            &found[1].path,
            vec![0; usize::try_from(found[1].bytes).unwrap()].into(),
        )
        .await
        .unwrap();
    let path = found[1].path.to_string();
    let mut stream = ExchangeStream::new(store, found, window, Projection::All, Limits::default());
    let error = loop {
        match stream.next().await {
            Ok(exchange) => assert!(exchange.is_some(), "the damage was not seen"),
            Err(error) => break format!("{error:#}"),
        }
    };
    assert!(
        error.contains(&path) && error.contains("damaged"),
        "{error}"
    );
}

/// The times of all exchanges that a stream still gives.
async fn rest(stream: &mut ExchangeStream) -> Vec<String> {
    let mut times = Vec::new();
    while let Some(exchange) = stream.next().await.unwrap() {
        times.push(exchange.start().to_string()[11..19].to_owned());
    }
    times
}

/// A segment that says that it holds what two others held.
async fn compacted(store: &Archive, replaces: &[(&str, u64)], times: &[&str]) -> SegmentKey {
    let mut numbers = SegmentNumbers::default();
    for (recorder, number) in replaces {
        numbers.insert(recorder, *number, *number);
    }
    let mut builder = SegmentBuilder::new(SegmentOptions {
        recorder: "compact-1".parse().unwrap(),
        writer: "test".to_owned(),
        zstd_level: 1,
        spool: None,
        sampling: None,
        redaction: None,
        replayed: false,
        keys: Keyring::default(),
    })
    .replacing(numbers);
    for (number, text) in (0..).zip(times) {
        let connection = if number < 2 {
            1_000 + number
        } else {
            1_998 + number
        };
        builder.push(exchange(connection, time(text))).unwrap();
    }
    let sealed = builder.seal(0).unwrap().unwrap();
    let path = Table::Exchanges.path(&sealed.key);
    store.put(&path.into(), sealed.bytes.into()).await.unwrap();
    sealed.key
}

#[tokio::test]
async fn segments_may_give_way_while_they_are_read() {
    let store = Archive::in_memory();
    publish(
        &store,
        "a",
        1,
        &["2026-11-22T13:00:01Z", "2026-11-22T13:00:02Z"],
    )
    .await;
    publish(
        &store,
        "b",
        2,
        &["2026-11-22T13:00:03Z", "2026-11-22T13:00:04Z"],
    )
    .await;
    let window = window("2026-11-22T13:00:00Z", "2026-11-22T14:00:00Z");
    let found = segments(&store, &Table::Exchanges, window).await.unwrap();
    let replaced: Vec<_> = found.iter().map(|segment| segment.path.clone()).collect();
    let limits = Limits {
        prefetch_segments_max: 0,
        prefetch_small_segments_max: 0,
        ..Limits::default()
    };
    let archive = store.clone();
    let mut stream = ExchangeStream::new(archive, found, window, Projection::All, limits);
    assert!(stream.next().await.unwrap().is_some());
    let times = [
        "2026-11-22T13:00:01Z",
        "2026-11-22T13:00:02Z",
        "2026-11-22T13:00:03Z",
        "2026-11-22T13:00:04Z",
    ];
    compacted(&store, &[("a", 1), ("b", 2)], &times).await;
    for path in &replaced {
        store.delete(path).await.unwrap();
    }
    assert_eq!(
        rest(&mut stream).await,
        ["13:00:02", "13:00:03", "13:00:04"]
    );
}

#[tokio::test]
async fn a_segment_that_is_removed_while_it_is_read_is_an_error() {
    let store = archive().await;
    let window = window("2026-11-22T13:00:00Z", "2026-11-22T15:00:00Z");
    let found = segments(&store, &Table::Exchanges, window).await.unwrap();
    let archive = store.clone();
    for segment in &found {
        store.delete(&segment.path).await.unwrap();
    }
    let limits = Limits::default();
    let mut stream = ExchangeStream::new(archive, found, window, Projection::All, limits);
    let error = stream.next().await.unwrap_err();
    assert!(
        format!("{error:#}").contains("was removed while"),
        "{error:#}"
    );
}

#[tokio::test]
async fn a_listing_counts_what_a_change_says() {
    let store = archive().await;
    let window = window("2026-11-22T13:00:00Z", "2026-11-22T14:00:00Z");
    let before = segments(&store, &Table::Exchanges, window).await.unwrap();
    let keys: Vec<_> = before.iter().map(|segment| segment.key.clone()).collect();
    let new = compacted(&store, &[("a", 1), ("b", 2)], &["2026-11-22T13:00:01Z"]).await;
    let document = SwapDocument::new("0f", &keys, &new);
    let hour = Table::Exchanges.hour_prefix(window.start);
    let put = async |name: &str, content: String| {
        let path = format!("{hour}/{name}");
        store.put(&path.into(), content.into()).await.unwrap();
    };
    put(&document.file_name(), document.to_json()).await;
    let found = segments(&store, &Table::Exchanges, window).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].key, new);

    store.delete(&found[0].path).await.unwrap();
    let found = segments(&store, &Table::Exchanges, window).await.unwrap();
    assert_eq!(found, before, "the new one is not in its place");

    store.delete(&before[0].path).await.unwrap();
    let error = segments(&store, &Table::Exchanges, window)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("do not settle"), "{error}");
}
