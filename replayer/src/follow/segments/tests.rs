//! Segments in simulated time, of an archive in memory.

use bytes::Bytes;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use replayer_core::follow::Following;
use schema::{Keyring, SegmentBuilder, SegmentOptions};

use super::*;
use crate::run_store::sample;

/// When the first of [`sample::recorded`] was, in whole hours: segments lie within one.
fn hour() -> Timestamp {
    sample::recorded(0, "").start().hour()
}

fn minutes(minutes: u64) -> Timestamp {
    hour().saturating_add(Duration::from_secs(minutes * 60))
}

fn window() -> TimeWindow {
    TimeWindow {
        start: hour().saturating_sub(LOOK_BACK_FAR),
        end: Timestamp::MAX,
    }
}

fn follow(is_live: bool) -> Follow {
    let following = Following {
        window: window(),
        delay: Duration::from_secs(600),
        catch_up: Duration::from_secs(900),
        is_live,
    };
    Follow::new(following, &Limits::default())
}

/// A segment of the recorder `gw` with an exchange at each of these minutes of the hour.
fn segment(sequence: u64, at: &[u64]) -> (Path, Bytes) {
    let mut builder = SegmentBuilder::new(SegmentOptions {
        recorder: "gw".parse().unwrap(),
        writer: "test".to_owned(),
        zstd_level: 1,
        spool: None,
        sampling: None,
        redaction: None,
        replayed: false,
        keys: Keyring::default(),
    });
    for minute in at {
        let mut exchange = sample::recorded(u32::try_from(*minute).unwrap(), "");
        let request = exchange.request.as_mut().unwrap();
        (request.start, request.end) = (minutes(*minute), minutes(*minute));
        exchange.response = None;
        builder.push(Box::new(exchange)).unwrap();
    }
    let sealed = builder.seal(sequence).unwrap().unwrap();
    let path = Table::Exchanges.path(&sealed.key);
    (path.into(), sealed.bytes)
}

async fn publish(store: &Archive, (path, bytes): (Path, Bytes)) {
    store.put(&path, bytes.into()).await.unwrap();
}

/// Starts of what is given out at `now`, in minutes; with whether it is too late to be sent.
async fn given(segments: &mut Segments, follow: &mut Follow, now: Timestamp) -> Vec<(u64, bool)> {
    let mut given = Vec::new();
    loop {
        segments.feed(follow, now, now).await.unwrap();
        let Some(next) = follow.poll(now) else {
            return given;
        };
        let minute = next.exchange.start().since(hour()).as_secs() / 60;
        given.push((minute, next.is_too_late));
    }
}

/// One that cannot be read is tried again for a while, and nothing passes it meanwhile; it is counted when that is over.
#[tokio::test]
async fn what_cannot_be_read_is_tried_again_and_then_counted() {
    for (is_mended, is_live) in [(true, true), (true, false), (false, true), (false, false)] {
        let store = Archive::in_memory();
        let (path, bytes) = segment(0, &[1, 2]);
        let broken = Bytes::from(vec![0; bytes.len()]);
        publish(&store, (path.clone(), broken)).await;
        let mut segments = Segments::new(store.clone(), Limits::default());
        let mut follow = follow(is_live);
        let mut now = minutes(10);
        match is_live {
            true => {
                follow.handle_connected(minutes(0));
                follow.handle_begun_anew(minutes(0), minutes(2));
                let gap = follow.gaps().window().unwrap();
                segments.look_for(gap, None, now).await.unwrap();
            }
            false => segments.look(window(), now).await.unwrap(),
        }
        assert_eq!(given(&mut segments, &mut follow, now).await, []);
        assert!(segments.is_trying(), "{is_mended}, {is_live}");
        assert_eq!((segments.passed(), segments.given_up()), (None, 0));
        if is_mended {
            publish(&store, (path, bytes)).await;
        }
        let mut came = Vec::new();
        while segments.is_trying() && now < minutes(20) {
            now = now.saturating_add(Duration::from_secs(1));
            came.extend(given(&mut segments, &mut follow, now).await);
        }
        match is_mended {
            true => assert_eq!(came, [(1, false), (2, false)]),
            false => assert_eq!(came, []),
        }
        assert!(!segments.is_trying(), "it is given up in the end");
        assert_eq!(segments.given_up(), u64::from(!is_mended));
    }
}

/// What was not read again when the follow ends is counted.
#[tokio::test]
async fn what_is_tried_again_at_the_end_is_given_up() {
    let store = Archive::in_memory();
    let (path, bytes) = segment(0, &[1, 2]);
    publish(&store, (path, bytes.slice(..bytes.len() / 2))).await;
    let mut segments = Segments::new(store.clone(), Limits::default());
    segments.look(window(), minutes(10)).await.unwrap();
    assert_eq!(
        given(&mut segments, &mut follow(false), minutes(10)).await,
        []
    );
    segments.give_up();
    assert_eq!((segments.is_trying(), segments.given_up()), (false, 1));
}

/// A follow that goes on reads nothing that lies before what is remembered, unless it appears only then: that is told.
#[tokio::test]
async fn what_was_read_before_is_not_read_again() {
    let store = Archive::in_memory();
    publish(&store, segment(0, &[1, 2])).await;
    publish(&store, segment(1, &[3, 10, 20])).await;
    publish(&store, segment(2, &[21, 22])).await;
    let mut segments = Segments::new(store.clone(), Limits::default());
    let mut follow = follow(false);
    follow.forget_up_to(minutes(10));
    segments.go_on_behind(minutes(10));
    let now = minutes(50);
    segments.look(window(), now).await.unwrap();
    let came = given(&mut segments, &mut follow, now).await;
    assert_eq!(came, [(20, false), (21, false), (22, false)]);
    publish(&store, segment(3, &[4, 23])).await;
    // Now and then it is looked far back.
    for _ in 0..=FAR_EVERY {
        segments.look(window(), now).await.unwrap();
    }
    let came = given(&mut segments, &mut follow, now).await;
    assert_eq!(came, [(4, true), (23, false)]);
    assert_eq!(follow.counts().too_late, 1);
}
