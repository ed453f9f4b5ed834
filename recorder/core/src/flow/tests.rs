use std::sync::Arc;

use proptest::prelude::*;
use schema::Vni;

use super::*;
use crate::wire::Wrapping;

fn key(number: u16) -> FlowKey {
    let end = |port| Endpoint {
        address: Address::v4(1),
        port,
    };
    FlowKey::new(0, end(number), end(u16::MAX)).0
}

fn seconds(seconds: u64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

#[test]
fn a_key_is_the_same_from_both_ends() {
    let ends = [
        (Address::v4(1), 80),
        (Address::v4(1), 81),
        (Address::v4(2), 80),
        (Address::v6(1), 80),
        (Address::v6(2), 80),
    ]
    .map(|(address, port)| Endpoint { address, port });
    let mut keys = Vec::new();
    for (index, a) in ends.iter().enumerate() {
        for b in &ends[..index] {
            // A packet's addresses are of one version.
            if a.address.is_v6() != b.address.is_v6() {
                continue;
            }
            let ((key, swapped), (back, swapped_back)) =
                (FlowKey::new(7, *a, *b), FlowKey::new(7, *b, *a));
            assert_eq!(key, back);
            assert_ne!(swapped, swapped_back);
            let [first, second] = key.endpoints();
            assert_eq!(
                if swapped {
                    (second, first)
                } else {
                    (first, second)
                },
                (*a, *b)
            );
            assert_ne!(FlowKey::new(8, *a, *b).0, key, "another scope");
            keys.push(key);
        }
    }
    let count = keys.len();
    keys.sort_unstable_by_key(|key| format!("{key:?}"));
    keys.dedup();
    assert_eq!(keys.len(), count, "different endpoints, different keys");
}

#[test]
fn keys_are_small() {
    assert_eq!(size_of::<FlowKey>(), 40);
}

#[test]
fn idle_entries_expire_by_stage() {
    let limits = Limits {
        closed_linger: Duration::from_secs(5),
        handshake_timeout: Duration::from_secs(30),
        idle_timeout: Duration::from_secs(600),
        ..Limits::default()
    };
    let mut table = Table::new();
    for (number, stage) in [
        (1, Stage::Closed),
        (2, Stage::Handshake),
        (3, Stage::Established),
    ] {
        let slot = table.insert(key(number), number, seconds(100));
        table.touch(slot, stage, seconds(100));
    }
    let mut expired = Vec::new();
    for second in 100..1_000 {
        while let Some(slot) = table.expired(seconds(second), &limits) {
            assert!(table.next_expiry(&limits).unwrap() <= seconds(second));
            expired.push((second, table.remove(slot).unwrap()));
        }
    }
    // A second later than the timeout: places in the lists are that exact.
    assert_eq!(expired, [(106, 1), (131, 2), (701, 3)]);
    assert_eq!(table.next_expiry(&limits), None);
}

#[test]
fn a_slot_does_not_find_its_successor() {
    let mut table = Table::new();
    let slot = table.insert(key(1), "first", seconds(1));
    assert_eq!(table.find(&key(1)), Some(slot));
    assert_eq!(table.remove(slot), Some("first"));
    assert_eq!(table.find(&key(1)), None);
    let successor = table.insert(key(2), "second", seconds(1));
    assert!(table.get_mut(slot).is_none());
    assert_eq!(table.remove(slot), None);
    assert_eq!(
        table
            .get_mut(successor)
            .map(|(found, value)| (*found, *value)),
        Some((key(2), "second"))
    );
}

/// What can happen to the table.
#[derive(Clone, Copy, Debug)]
enum Step {
    Touch(u16, u8),
    Remove(u16),
    RemoveVictim,
}

proptest! {
    /// The table against a plain list: the same entries, and the victim is the one that is idle longest.
    #[test]
    fn behaves_as_a_plain_list(
        steps in prop::collection::vec(
            prop_oneof![
                4 => (0_u16..20, 0_u8..3).prop_map(|(number, stage)| Step::Touch(number, stage)),
                1 => (0_u16..20).prop_map(Step::Remove),
                1 => Just(Step::RemoveVictim),
            ],
            0..200,
        ),
    ) {
        let mut table = Table::new();
        // In order of the last touch, with the stage.
        let mut model: Vec<(u16, u8)> = Vec::new();
        for (second, step) in steps.iter().enumerate() {
            // Two seconds apart: more than the step that touches are exact to.
            let now = seconds(2 * second as u64);
            match *step {
                Step::Touch(number, stage) => {
                    let slot = table.find(&key(number)).unwrap_or_else(|| table.insert(key(number), number, now));
                    table.touch(slot, Stage::ALL[usize::from(stage)], now);
                    model.retain(|(other, _)| *other != number);
                    model.push((number, stage));
                }
                Step::Remove(number) => {
                    let removed = table.find(&key(number)).and_then(|slot| table.remove(slot));
                    let expected = model.iter().position(|(other, _)| *other == number).map(|at| model.remove(at).0);
                    prop_assert_eq!(removed, expected);
                }
                Step::RemoveVictim => {
                    let removed = table.victim().and_then(|slot| table.remove(slot));
                    let oldest = (0..model.len()).min_by_key(|at| (model[*at].1, *at));
                    prop_assert_eq!(removed, oldest.map(|at| model.remove(at).0));
                }
            }
            prop_assert_eq!(table.len(), model.len());
        }
    }
}

#[test]
fn sources_are_tunnels_and_captures() {
    let (a, b) = (Address::v4(0x0a00_0001), Address::v4(0x0a00_0002));
    let wrapping = |from, to, vni| Wrapping {
        outer: Some((from, to)),
        vni: Some(Vni::new(vni)),
        inner_vnis: 0,
    };
    let mut sources = Sources::new();
    let capture = sources.capture(&Arc::from("file.pcap"), 100);
    let mut identify = |wrapping| sources.identify(&wrapping, capture, 100).unwrap();
    let plain = identify(Wrapping::default());
    let (there, back) = (identify(wrapping(a, b, 1)), identify(wrapping(b, a, 1)));
    assert_eq!(
        there.scope, back.scope,
        "an overlay sends each direction from its own side"
    );
    assert_ne!(there.source, back.source);
    assert_ne!(
        identify(wrapping(a, b, 2)).scope,
        there.scope,
        "another network"
    );
    assert_ne!(plain.scope, there.scope);
    assert_eq!(identify(wrapping(a, b, 1)), there);
    let socket = identify(Wrapping {
        vni: Some(Vni::new(1)),
        ..Wrapping::default()
    });
    assert_eq!(socket.source, plain.source);
    assert_ne!(socket.scope, plain.scope);
    let names = [plain, there, back].map(|origin| sources.name(origin.source).to_string());
    assert_eq!(names, ["file.pcap", "10.0.0.1", "10.0.0.2"]);
}

#[test]
fn sources_are_bounded() {
    let mut sources = Sources::new();
    let capture = sources.capture(&Arc::from("file.pcap"), 10);
    let told = (0..100).filter(|from| {
        let wrapping = Wrapping {
            outer: Some((Address::v4(*from), Address::v4(1_000))),
            vni: None,
            inner_vnis: 0,
        };
        sources.identify(&wrapping, capture, 10).is_some()
    });
    assert_eq!(told.count(), 10);
    let last = sources.capture(&Arc::from("another.pcap"), 10);
    assert_eq!(&**sources.name(last), "other");
}
