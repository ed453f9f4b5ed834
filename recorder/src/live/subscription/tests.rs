use schema::live::Columns;

use super::*;
use crate::live::feed::Start;
use crate::spool::Generation;

/// What a subscriber with `filter` gets that begins with the first of 30 exchanges when the last 10 are left.
fn stream(filter: Filter) -> (Arc<Feed>, Vec<io::Result<Bytes>>) {
    let exchange = crate::testing::exchange(schema::Timestamp::from_micros(1_000_000), 100);
    let feed = Arc::new(Feed::new(7, None, 10 * exchange.memory()));
    let first = feed.begin(Start::Now).unwrap();
    (0..30).for_each(|_| feed.push(None, &exchange));
    feed.close();
    let batches = received(&feed, first, filter);
    (feed, batches)
}

/// What comes from number `first` on, of a feed that has ended.
fn received(feed: &Arc<Feed>, first: u64, filter: Filter) -> Vec<io::Result<Bytes>> {
    let options = crate::testing::options();
    let encoder = StreamEncoder::new(&options, Columns::default()).unwrap();
    let (out, mut batches) = mpsc::channel(100);
    Subscription::new(Arc::clone(feed), first, filter, encoder, out).run();
    std::iter::from_fn(|| batches.try_recv().ok()).collect()
}

#[test]
fn a_row_tells_what_was_missed_before_it_and_the_stream_ends_whole() {
    let (feed, batches) = stream(Filter::default());
    assert!(batches.iter().all(Result::is_ok), "{batches:?}");
    assert_eq!((feed.facts().sent, feed.facts().missed), (10, 20));
}

/// The end mark would say that nothing is missing.
#[test]
fn a_stream_without_a_row_to_tell_what_was_missed_breaks_off() {
    let filter = Filter {
        methods: vec!["GET".to_owned()],
        ..Filter::default()
    };
    let (feed, batches) = stream(filter);
    assert!(matches!(batches.last(), Some(Err(_))), "{batches:?}");
    assert_eq!((feed.facts().sent, feed.facts().missed), (0, 20));
}

/// Nothing comes behind what is gone that could tell of it.
#[test]
fn a_stream_whose_last_file_is_gone_breaks_off() {
    let feed = Arc::new(Feed::new(7, None, 1 << 20).unready());
    feed.set_generations(&[Generation {
        generation: 0,
        rows: Some(30),
    }]);
    let first = feed.begin(Start::Oldest).unwrap();
    feed.close();
    let batches = received(&feed, first, Filter::default());
    assert!(matches!(batches.last(), Some(Err(_))));
    assert_eq!((feed.facts().sent, feed.facts().missed), (0, 30));
}
