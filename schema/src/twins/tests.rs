use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::testing::exchange;
use crate::{Body, Certainty, Completeness, ConnectionId, TcpSpan};

/// The rows that are left, and how many were what.
fn merged(rows: &[Exchange]) -> (Vec<Exchange>, TwinCounts) {
    assert!(rows.is_sorted_by_key(|row| row.start()));
    let mut finder = TwinFinder::default();
    for row in rows {
        finder.handle(row, true);
    }
    let twins = finder.finish();
    let counts = twins.counts();
    let mut joiner = twins.apply();
    let mut left = Vec::new();
    for row in rows {
        joiner.handle(row.clone());
        left.extend(std::iter::from_fn(|| joiner.poll()).map(|row| *row));
    }
    assert_eq!(
        left.len() as u64,
        counts.rows - counts.duplicates - counts.joined
    );
    assert!(left.is_sorted_by_key(Exchange::start));
    assert_eq!(joiner.given_up(), 0);
    (left, counts)
}

/// The same exchange as another mirror shows it, some microseconds later.
fn mirrored(exchange: &Exchange, source: &str, later: u64) -> Exchange {
    let mut copy = exchange.clone();
    let mut connection = (*copy.connection).clone();
    connection.source = Some(source.into());
    connection.id = ConnectionId(connection.id.0 ^ 0xffff_0000);
    copy.connection = Arc::new(connection);
    shift(&mut copy, later);
    copy
}

fn shift(exchange: &mut Exchange, micros: u64) {
    let by = Duration::from_micros(micros);
    if let Some(request) = &mut exchange.request {
        request.start = request.start.saturating_add(by);
        request.end = request.end.saturating_add(by);
    }
    if let Some(response) = &mut exchange.response {
        response.start = response.start.saturating_add(by);
        response.end = response.end.saturating_add(by);
    }
}

/// The same request and answer, again and again on one connection.
fn poll_health(number: u32, micros: u64) -> Exchange {
    let mut poll = exchange(0, 0);
    poll.index = number;
    shift(&mut poll, micros);
    poll
}

fn sorted(mut rows: Vec<Exchange>) -> Vec<Exchange> {
    rows.sort_by_key(|row| (row.start(), row.id()));
    rows
}

#[test]
fn what_two_mirrors_show_is_kept_once() {
    let one: Vec<_> = (0..20)
        .map(|number| exchange(number, number * 1_000))
        .collect();
    let two = one.iter().map(|row| mirrored(row, "10.0.3.8", 300));
    let (left, counts) = merged(&sorted(one.iter().cloned().chain(two).collect()));
    assert_eq!(left, one);
    assert_eq!((counts.duplicates, counts.joined), (20, 0));
}

/// Three alike requests in a row stay three, also if a mirror lost one of them, and whichever.
#[test]
fn alike_exchanges_are_counted_and_not_merged() {
    let polls: Vec<_> = (0..3)
        .map(|number| poll_health(number, u64::from(number) * 100_000))
        .collect();
    assert_eq!(merged(&polls).0.len(), 3);
    for lost in 0..3 {
        let others = polls.iter().enumerate().filter(|(index, _)| *index != lost);
        let others = others.map(|(_, row)| mirrored(row, "10.0.3.8", 50));
        let (left, counts) = merged(&sorted(polls.iter().cloned().chain(others).collect()));
        assert_eq!((left.len(), counts.duplicates), (3, 2), "{lost} lost");
    }
}

#[test]
fn what_differs_in_anything_or_comes_later_is_another_exchange() {
    let row = exchange(0, 0);
    let differing: [fn(&mut Exchange); 6] = [
        |row| row.request.as_mut().unwrap().path.push('x'),
        |row| row.request.as_mut().unwrap().query = Some(String::new()),
        |row| row.response.as_mut().unwrap().status = 201,
        |row| row.response.as_mut().unwrap().body.bytes = Bytes::from_static(b"x"),
        |row| row.response_missing_bytes = 1,
        |row| shift(row, 1_100_000),
    ];
    for (index, change) in differing.into_iter().enumerate() {
        let mut other = mirrored(&row, "10.0.3.8", 100);
        change(&mut other);
        let (left, _) = merged(&[row.clone(), other]);
        assert_eq!(left.len(), 2, "{index}");
    }
    // Other ends are another connection.
    let mut other = mirrored(&row, "10.0.3.8", 100);
    Arc::make_mut(&mut other.connection).client.set_port(1);
    assert_eq!(merged(&[row, other]).0.len(), 2);
}

#[test]
fn the_same_row_recorded_again_is_kept_once() {
    let row = exchange(0, 0);
    let (left, counts) = merged(&[row.clone(), row.clone()]);
    assert_eq!((left.as_slice(), counts.duplicates), (&[row][..], 1));
}

/// What is done to a request and its answer.
type Change = fn(&mut Exchange, &mut Exchange);

/// The halves of an exchange that two recorders have, its request first.
fn halves(number: u64, micros: u64) -> (Exchange, Exchange) {
    let whole = exchange(number, micros);
    let (mut asked, mut answer) = (whole.clone(), mirrored(&whole, "10.0.3.9", 0));
    let sequence = u32::try_from(number).unwrap() * 1_000;
    asked.response = None;
    asked.completeness = Completeness::NoResponse;
    asked.tcp = Some(TcpSpan {
        sequence,
        sequence_end: sequence + 80,
        acknowledgement: sequence + 7,
    });
    answer.request = None;
    answer.completeness = Completeness::NoRequest;
    answer.framing = Certainty::Assumed;
    let headers = &mut answer.response.as_mut().unwrap().headers;
    headers.push("Content-Length", "11");
    answer.tcp = Some(TcpSpan {
        sequence: sequence + 7,
        sequence_end: sequence + 200,
        acknowledgement: sequence + 80,
    });
    (asked, answer)
}

#[test]
fn halves_become_the_whole() {
    // Answers come later than the requests behind them.
    let pairs: Vec<_> = (0..20).map(|number| halves(number, number * 100)).collect();
    let rows = pairs
        .iter()
        .flat_map(|(asked, answer)| [asked.clone(), answer.clone()]);
    let (left, counts) = merged(&sorted(rows.collect()));
    assert_eq!((left.len(), counts.joined, counts.duplicates), (20, 20, 0));
    for (row, (asked, answer)) in left.iter().zip(&pairs) {
        assert_eq!(row.id(), asked.id(), "it keeps the request's id");
        assert_eq!(row.connection, asked.connection);
        assert_eq!(
            (&row.request, &row.response),
            (&asked.request, &answer.response)
        );
        assert_eq!(row.completeness, Completeness::Complete);
        assert_eq!(
            (row.framing, row.pairing),
            (Certainty::Exact, Certainty::Exact)
        );
        assert_eq!(row.tcp, None);
    }
}

#[test]
fn halves_that_do_not_fit_stay_apart() {
    let changes: [Change; 6] = [
        |asked, _| asked.request.as_mut().unwrap().method = "HEAD".to_owned(),
        |asked, _| asked.tcp.as_mut().unwrap().sequence_end += 1,
        |asked, _| asked.tcp.as_mut().unwrap().acknowledgement += 1,
        |asked, _| asked.tcp = None,
        |_, answer| shift(answer, 301_000_000),
        |_, answer| Arc::make_mut(&mut answer.connection).vni = None,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let (mut asked, mut answer) = halves(0, 0);
        change(&mut asked, &mut answer);
        let (left, counts) = merged(&[asked, answer]);
        assert_eq!((left.len(), counts.joined), (2, 0), "{index}");
    }
    // Of rows from before format 1.4 it is not known whether their message was whole.
    let (asked, answer) = halves(0, 0);
    let mut finder = TwinFinder::default();
    finder.handle(&asked, false);
    finder.handle(&answer, false);
    assert_eq!(finder.finish().counts().joined, 0);
}

#[test]
fn a_joined_exchange_is_as_whole_as_its_halves() {
    let table: [(Change, Completeness); 6] = [
        (
            |asked, _| asked.request_missing_bytes = 3,
            Completeness::RequestGap,
        ),
        (
            |_, answer| answer.response_missing_bytes = 3,
            Completeness::ResponseGap,
        ),
        (
            |_, answer| answer.response.as_mut().unwrap().body.wire_bytes += 1,
            Completeness::ResponseTruncated,
        ),
        (
            |asked, _| {
                asked.request.as_mut().unwrap().body = Body {
                    bytes: Bytes::new(),
                    wire_bytes: 9,
                };
            },
            Completeness::RequestTruncated,
        ),
        (
            // Undone at capture, so shorter or longer than on the wire.
            |_, answer| {
                let response = answer.response.as_mut().unwrap();
                response.headers.push("Content-Encoding", "gzip");
                response.body.wire_bytes = 999;
            },
            Completeness::Complete,
        ),
        (
            |_, answer| answer.response.as_mut().unwrap().status = 101,
            Completeness::Upgraded,
        ),
    ];
    for (index, (change, expected)) in table.into_iter().enumerate() {
        let (mut asked, mut answer) = halves(0, 0);
        change(&mut asked, &mut answer);
        let (left, _) = merged(&[asked, answer]);
        assert_eq!(left[0].completeness, expected, "{index}");
    }
}

/// A recorder's clock may be behind the other's.
#[test]
fn an_answer_may_seem_to_come_first() {
    let (mut asked, answer) = halves(0, 0);
    shift(&mut asked, 20_000);
    let between = exchange(9, 10_000);
    let (left, counts) = merged(&[answer, between, asked.clone()]);
    assert_eq!((left.len(), counts.joined), (2, 1));
    assert_eq!(left[1].id(), asked.id());
    assert!(left[1].response.is_some());
}
