use schema::live::Columns;

use super::*;
use crate::live::feed::Start;
use crate::spool::Generation;

/// What a subscriber with `filter` gets that begins with the first of 30 exchanges when the last 10 are left.
fn stream(filter: Filter) -> (Arc<Feed>, Vec<io::Result<Bytes>>) {
    let exchange = crate::testing::exchange(Timestamp::from_micros(1_000_000), 100);
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

/// A batch without rows says that everything has come. While something may wait, only the beginning of a message shows that
/// the stream is alive, and what comes next is whole with it.
#[test]
fn a_sign_of_life_says_no_more_than_is_known() {
    let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
    let exchange = crate::testing::exchange(at(1), 100);
    let feed = Arc::new(Feed::new(7, None, 1 << 20));
    let encoder = StreamEncoder::new(&crate::testing::options(), Columns::default()).unwrap();
    let (out, mut batches) = mpsc::channel(100);
    let filter = Filter::default();
    let mut subscription = Subscription::new(Arc::clone(&feed), 0, filter, encoder, out);
    let mut decoder = schema::live::LiveDecoder::new();
    let mut came = || {
        let mut rows = 0;
        while let Ok(bytes) = batches.try_recv() {
            rows += decoder.push(bytes.unwrap()).unwrap().len();
        }
        (rows, decoder.is_between_batches())
    };
    let sign = |subscription: &mut Subscription, seconds: i64| {
        assert!(subscription.send_sign(at(seconds)).unwrap().is_ok());
    };
    sign(&mut subscription, 10);
    assert_eq!(came(), (0, false), "nobody has looked what waits");
    feed.pass(at(10));
    sign(&mut subscription, 10);
    assert_eq!(came(), (0, true), "nothing waits");
    feed.push(None, &exchange);
    (0..9).for_each(|_| sign(&mut subscription, 10));
    assert_eq!(came(), (0, false), "an exchange has not been looked at");
    let (rows, _) = subscription.gather().unwrap();
    assert!(subscription.send(&rows).unwrap().is_ok());
    assert_eq!(came(), (1, true));
    sign(&mut subscription, 11);
    assert_eq!(came(), (0, false), "what was done since may wait");
    feed.pass(at(11));
    sign(&mut subscription, 11);
    assert_eq!(came(), (0, true));
}
