//! A feed whose stream's events are made here, and whose archive is in memory.

use object_store::ObjectStoreExt as _;
use schema::{Keyring, SegmentBuilder, SegmentOptions, Table};

use super::*;
use crate::config::LiveConfig;
use crate::run_store::sample;

/// Follows from an hour ago on; goes on with these gaps.
fn parts(store: Archive, is_live: bool, open: Vec<OpenGap>) -> FeedParts {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let clock = Clock::start();
    let start = clock.now().saturating_sub(Duration::from_secs(3_600));
    let live = LiveConfig {
        // Nobody is there.
        url: "http://127.0.0.1:9/".parse().unwrap(),
        token_file: None,
        ca_file: None,
    };
    let resumed = (!open.is_empty()).then(Resumed::default);
    let known = RunFollow {
        gaps: open.len() as u64,
        caught_up: open.iter().map(|gap| gap.found).sum(),
        open,
        ..RunFollow::default()
    };
    FeedParts {
        config: FollowConfig {
            live: is_live.then_some(live),
            has_archive: true,
            from: Some(start),
            to: None,
            span: None,
            delay: Duration::from_secs(10),
            catch_up: Duration::from_secs(900),
            every: Duration::from_secs(60),
        },
        window: TimeWindow {
            start,
            end: Timestamp::MAX,
        },
        store,
        limits: Limits::default(),
        clock,
        refused: None,
        stop: watch::channel(false).1,
        facts: Arc::new(FollowFacts::new(known)),
        resumed,
    }
}

/// Publishes a segment of `recorder` with one exchange at `start`.
async fn publish(store: &Archive, recorder: &str, start: Timestamp) {
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
    let mut exchange = sample::recorded(0, "");
    let request = exchange.request.as_mut().unwrap();
    (request.start, request.end) = (start, start);
    exchange.response = None;
    builder.push(Box::new(exchange)).unwrap();
    let sealed = builder.seal(0).unwrap().unwrap();
    let path = Table::Exchanges.path(&sealed.key);
    store.put(&path.into(), sealed.bytes.into()).await.unwrap();
}

/// Puts a file into the archive's hour of `time` that makes listing it fail.
async fn spoil(store: &Archive, time: Timestamp) {
    let path = format!("exchanges/{}/_swap-x.json", time.hour().partition());
    store.put(&path.into(), "no JSON".into()).await.unwrap();
}

/// A gap that goes on is looked for when it is known whose stream it is of, and never in what others have recorded.
#[tokio::test]
async fn a_gap_that_goes_on_takes_nothing_of_other_recorders() {
    let store = Archive::in_memory();
    let now = Clock::start().now();
    let lacking = now.saturating_sub(Duration::from_secs(60));
    let gap = OpenGap {
        from: now.saturating_sub(Duration::from_secs(120)),
        to: now,
        lacks: Some(1),
        found: 1,
    };
    publish(&store, "other", lacking).await;
    let mut feed = Feed::start(parts(store.clone(), true, vec![gap])).unwrap();
    feed.look(feed.parts.clock.now()).await.unwrap();
    assert_eq!(feed.segments.next_start(), None, "nobody knows whose it is");
    assert!(
        feed.follow.gaps().is_open(),
        "it may have found what it did not send"
    );
    feed.handle(Event::Begun("gw".parse().unwrap())).unwrap();
    feed.look(feed.parts.clock.now()).await.unwrap();
    assert_eq!(feed.segments.next_start(), None, "it is another's");
    publish(&store, "gw", lacking).await;
    feed.look_at = feed.parts.clock.now();
    feed.look(feed.look_at).await.unwrap();
    let found = feed.segments.next_start();
    assert_eq!(found, Some(lacking.to_micros_precision()));
}

/// An archive that cannot be listed at first ends what follows the archive, and not what follows a stream.
#[tokio::test]
async fn an_archive_that_fails_at_first_ends_no_stream() {
    for is_live in [true, false] {
        let store = Archive::in_memory();
        let mut feed = Feed::start(parts(store.clone(), is_live, Vec::new())).unwrap();
        let now = feed.parts.clock.now();
        spoil(&store, now).await;
        feed.handle(Event::BegunAnew("gw".parse().unwrap()))
            .unwrap();
        let looked = feed.look(feed.parts.clock.now()).await;
        assert_eq!(looked.is_ok(), is_live, "{looked:?}");
        assert!(!feed.has_looked);
    }
}

/// What an outage keeps back when the user stops it is no part of what was reached, and is told.
#[tokio::test]
async fn a_stop_during_an_outage_is_told() {
    let parts = parts(Archive::in_memory(), true, Vec::new());
    let (stop, stopped) = watch::channel(false);
    let facts = Arc::clone(&parts.facts);
    let mut feed = Feed::start(FeedParts {
        stop: stopped,
        ..parts
    })
    .unwrap();
    feed.handle(Event::Cut).unwrap();
    assert!(matches!(feed.next(false).await.unwrap(), Fed::Pause));
    let known = facts.now();
    assert_eq!((known.reached, known.gaps), (None, 0), "nothing came");
    stop.send_replace(true);
    assert!(matches!(feed.next(true).await.unwrap(), Fed::End));
    let known = facts.now();
    assert_eq!((known.gaps, known.gaps_unknown), (1, 1));
    assert!(known.open.is_empty());
}
