use proptest::collection::vec;
use proptest::prelude::*;
use schema::ConnectionId;

use super::*;

fn position(number: u64) -> Position {
    Position {
        pass: u32::try_from(number / 100).unwrap(),
        // Two of each time, told apart by their ids.
        recorded: Timestamp::from_micros(i64::try_from(number % 100 / 2).unwrap()),
        exchange: ExchangeId {
            connection: ConnectionId(number % 2),
            index: 7,
        },
    }
}

fn cursor(number: u64) -> Cursor {
    Cursor {
        after: number.checked_sub(1).map(position),
        read: number,
        filtered_out: 0,
        sendable: number,
        first: (number > 0).then(|| position(0).recorded),
        stream: None,
    }
}

#[test]
fn a_position_is_text_and_back() {
    let position: Position = "3/1795352400000000/00c0ffee00c0ffee-12".parse().unwrap();
    assert_eq!((position.pass, position.exchange.index), (3, 12));
    assert_eq!(
        position.to_string(),
        "3/1795352400000000/00c0ffee00c0ffee-12"
    );
    for text in ["", "0/1", "0/1/x", "-1/1/00c0ffee00c0ffee-12"] {
        assert!(text.parse::<Position>().is_err(), "{text}");
    }
}

#[test]
fn methods_that_are_sent_again() {
    let table = [
        ("GET", [false, true, true, true]),
        ("HEAD", [false, true, true, true]),
        ("PUT", [false, false, true, true]),
        ("DELETE", [false, false, true, true]),
        ("POST", [false, false, false, true]),
        ("PATCH", [false, false, false, true]),
        // Methods are case-sensitive (RFC 9110 section 9.1): nobody has registered this one.
        ("get", [false, false, false, true]),
    ];
    for (method, expected) in table {
        let ways = [
            SendAgain::Nothing,
            SendAgain::Safe,
            SendAgain::Idempotent,
            SendAgain::Everything,
        ];
        assert_eq!(ways.map(|way| way.allows(method)), expected, "{method}");
    }
}

/// What is planned in one life of a run, and what of it ends, before it is killed.
#[derive(Clone, Debug)]
struct Life {
    /// How many exchanges each batch goes on by.
    batches: Vec<u64>,
    /// Which of those that are open are settled, one after the other.
    settled: Vec<prop::sample::Index>,
    /// How many of these come before the standing is stored.
    stored: prop::sample::Index,
    /// How many batches are leased when it is killed.
    leased: prop::sample::Index,
}

fn life() -> impl Strategy<Value = Life> {
    (
        vec(1_u64..9, 0..9),
        vec(any::<prop::sample::Index>(), 0..40),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(batches, settled, stored, leased)| Life {
            batches,
            settled,
            stored,
            leased,
        })
}

proptest! {
    /// However often a run is killed: what is settled stays so, what may have been sent is in doubt, and nothing is lost.
    #[test]
    fn every_exchange_is_settled_once(lives in vec(life(), 1..9)) {
        let total = 200;
        let mut settled = BTreeSet::new();
        let mut resumption = Resumption::default();
        for life in lives {
            let mut unsettled = Unsettled::new(resumption.standing.clone());
            let mut at = resumption.standing.cursor.read;
            let mut open = Vec::new();
            let mut leased = Vec::from([resumption.leased]);
            for length in life.batches {
                let next = (at + length).min(total);
                let positions: Vec<Position> = (at..next)
                    .map(position)
                    .filter(|position| resumption.status(position) != Status::Settled)
                    .collect();
                for position in &positions {
                    prop_assert!(!settled.contains(position), "{position} is settled already");
                }
                open.extend(positions.iter().copied());
                leased.push(resumption.leased.max(next.checked_sub(1).map(position)));
                unsettled.handle_planned(PlannedBatch { before: cursor(at), after: cursor(next), positions });
                at = next;
            }
            let stored = life.stored.index(life.settled.len() + 1);
            for pick in life.settled.iter().take(stored) {
                if !open.is_empty() {
                    let position = open.swap_remove(pick.index(open.len()));
                    unsettled.handle_settled(position);
                    settled.insert(position);
                }
            }
            resumption = Resumption {
                standing: unsettled.standing(),
                leased: leased[life.leased.index(leased.len())],
            };
            for number in 0..total {
                let position = position(number);
                let status = resumption.status(&position);
                prop_assert_eq!(status == Status::Settled, settled.contains(&position), "{}", position);
                if status == Status::Fresh {
                    prop_assert!(Some(position) > resumption.leased);
                }
            }
            let text = serde_json::to_string(&resumption.standing).unwrap();
            let read: Standing = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&read, &resumption.standing);
        }
    }
}
