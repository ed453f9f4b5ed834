use bytes::Bytes;
use schema::{SealedSegment, SegmentKey};

use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

fn sealed(table: Table, rows: usize) -> Sealed {
    let segment = SealedSegment {
        key: SegmentKey::new(at(0), at(0), "r".parse().unwrap(), 0),
        rows,
        bytes: Bytes::from_static(b"0123456789"),
    };
    Sealed { table, segment }
}

/// Without a spool, lag goes from the first look at an exchange, then from when the last published segment was sealed.
#[test]
fn what_waits_is_known_without_a_spool() {
    let stats = WriterStats::new(None);
    assert_eq!(stats.publication(at(1)), Publication::default());
    (0..5).for_each(|_| stats.took());
    assert_eq!(stats.publication(at(2)).exchanges_waiting, 5);
    assert_eq!(stats.publication(at(9)).lag, Duration::from_secs(7));
    stats.handed_over(at(10));
    stats.handed_over(at(11));
    stats.published(&sealed(Table::Exchanges, 3));
    let publication = stats.publication(at(12));
    assert_eq!(publication.exchanges_waiting, 2);
    assert_eq!(publication.lag, Duration::from_secs(2));
    stats.published(&sealed(Table::Capture, 7));
    let publication = stats.publication(at(13));
    assert_eq!(
        publication.exchanges_waiting, 2,
        "rows of the ledger are none"
    );
    assert_eq!(publication.lag, Duration::from_secs(3));
    assert_eq!((publication.segments, publication.segment_bytes), (2, 20));
    stats.handed_over(at(14));
    stats.published(&sealed(Table::Exchanges, 2));
    let publication = stats.publication(at(15));
    assert_eq!(
        (publication.exchanges_waiting, publication.lag),
        (0, Duration::ZERO)
    );
}

#[test]
fn silence_goes_from_the_last_sign_of_life() {
    let stats = WriterStats::new(None);
    stats.alive(at(10));
    assert_eq!(stats.silence(at(41)), Duration::from_secs(31));
}
