use schema::{SegmentNumbers, Timestamp};

use super::*;

fn member(number: u64, recorder: &str, bytes: u64, sampling: Option<&str>) -> Member {
    let at = Timestamp::from_micros(1_795_352_400_000_000 + i64::try_from(number).unwrap());
    Member {
        key: SegmentKey::new(at, at, recorder.parse().unwrap(), number),
        bytes,
        footer: Footer {
            rows: 1,
            format: (1, 4),
            spool: None,
            sampling: sampling.map(str::to_owned),
            redaction: None,
            replaces: SegmentNumbers::default(),
        },
    }
}

/// The numbers of the members of each group of at most 100 bytes.
fn numbers(members: Vec<Member>) -> Vec<Vec<u64>> {
    let groups = groups(members, 100);
    let numbers = |group: &Group| group.members.iter().map(|m| m.key.sequence()).collect();
    groups.iter().map(numbers).collect()
}

#[test]
fn neighbours_are_taken_together_up_to_the_size() {
    let sizes = [40, 40, 40, 30, 100, 10, 5];
    let members = sizes
        .iter()
        .zip(0..)
        .map(|(bytes, number)| member(number, "a", *bytes, None));
    assert_eq!(numbers(members.collect()), [vec![0, 1], vec![2, 3, 5, 6]]);
    assert_eq!(
        numbers(vec![member(0, "a", 1, None)]),
        [[0; 0]; 0],
        "one alone stays"
    );
}

#[test]
fn what_was_compacted_stays_unless_it_is_small() {
    let members = vec![
        member(0, "compact-1", 50, None),
        member(1, "compact-2", 49, None),
        member(2, "a", 10, None),
    ];
    assert_eq!(numbers(members), [[1, 2]]);
}

#[test]
fn what_was_recorded_under_other_rules_stays_apart() {
    let members = vec![
        member(0, "a", 1, None),
        member(1, "b", 1, Some("0.1 by connection")),
        member(2, "a", 1, None),
        member(3, "b", 1, Some("0.1 by connection")),
    ];
    assert_eq!(numbers(members), [[0, 2], [1, 3]]);
}
