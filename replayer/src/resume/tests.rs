//! What a run that follows remembers when it goes on.

use object_store::ObjectStoreExt as _;
use replayer_core::checkpoint::{Cursor, Standing};
use schema::{Keyring, SegmentBuilder, SegmentOptions};

use super::*;
use crate::run_store::sample;

/// The position of the `n`th row.
fn position(n: u32) -> Position {
    let recorded = sample::recorded(n, "");
    Position {
        pass: 0,
        recorded: recorded.start(),
        exchange: recorded.id(),
    }
}

/// What a run that stands so remembers of five rows, and from when on that is all.
async fn remembered(standing: Standing, remembered_max: usize) -> (Vec<Position>, Timestamp) {
    let store = Archive::in_memory();
    let place = RunPlace::new("r", None);
    let mut builder = SegmentBuilder::new(SegmentOptions {
        recorder: place.writer(),
        writer: "test".to_owned(),
        zstd_level: 1,
        spool: None,
        sampling: None,
        redaction: None,
        replayed: true,
        keys: Keyring::default(),
    });
    for n in 0..5 {
        let row = sample::replayed(&sample::recorded(n, ""), n, "");
        builder.push(Box::new(row)).unwrap();
    }
    let sealed = builder.seal(0).unwrap().unwrap();
    let path = Table::RunExchanges("r".to_owned()).path(&sealed.key);
    store.put(&path.into(), sealed.bytes.into()).await.unwrap();
    let segments = written(&store, &place).await.unwrap();
    let resumption = Resumption {
        standing,
        leased: None,
    };
    let limits = Limits {
        remembered_max,
        ..Limits::default()
    };
    let stored = stored_since(&store, &segments, &resumption, limits);
    stored.await.unwrap()
}

#[tokio::test]
async fn what_is_not_remembered_lies_before_the_floor() {
    let all: Vec<_> = (0..5).map(position).collect();
    let (stored, floor) = remembered(Standing::default(), 10).await;
    assert_eq!((stored, floor), (all.clone(), Timestamp::MIN));
    let (stored, floor) = remembered(Standing::default(), 3).await;
    assert_eq!((stored, floor), (all[2..].to_vec(), all[1].recorded));
    // What is settled up to the cursor comes again for a while; of what is open, the oldest counts.
    let mut standing = Standing {
        cursor: Cursor {
            after: Some(all[4]),
            ..Cursor::default()
        },
        ..Standing::default()
    };
    let (_, floor) = remembered(standing.clone(), 10).await;
    assert_eq!(floor, all[4].recorded.saturating_sub(COMES_AGAIN));
    standing.open.insert(Position { pass: 1, ..all[2] });
    let (_, floor) = remembered(standing, 10).await;
    assert_eq!(floor, all[2].recorded.saturating_sub(COMES_AGAIN));
}
