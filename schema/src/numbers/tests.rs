use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

type Ranges = &'static [(u64, u64)];

fn numbers(ranges: &[(u64, u64)]) -> SegmentNumbers {
    let mut numbers = SegmentNumbers::default();
    for (first, last) in ranges {
        numbers.insert("a", *first, *last);
    }
    numbers
}

#[test]
fn what_is_missing_is_between_or_before_what_is_there() {
    const START: u64 = 1_795_352_400_000;
    let table: [(Ranges, Ranges); 6] = [
        (&[(0, 3)], &[]),
        (&[(0, 3), (5, 5), (8, 9)], &[(4, 4), (6, 7)]),
        (&[(2, 3)], &[(0, 1)]),
        // A recorder without a spool starts at its time, and again at a later one.
        (&[(START, START + 3), (START + 90_000, START + 90_001)], &[]),
        (
            &[(START, START + 3), (START + 5, START + 6)],
            &[(START + 4, START + 4)],
        ),
        (&[(0, 3), (START, START)], &[]),
    ];
    for (there, expected) in table {
        let found = numbers(there);
        let found: Vec<_> = found
            .missing()
            .into_iter()
            .map(|(_, a, b)| (a, b))
            .collect();
        assert_eq!(found, expected, "{there:?}");
    }
}

#[test]
fn what_is_no_list_of_ranges_is_refused() {
    for text in ["", "{}", "[[1,2,3]]", "[[\"a\",3,2]]", "[[\"a\",-1,2]]"] {
        assert!(SegmentNumbers::from_json(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn ranges_are_sets(ranges in prop::collection::vec((0..60_u64, 0..8_u64), 0..20)) {
        let ranges: Vec<_> = ranges.into_iter().map(|(first, more)| (first, first + more)).collect();
        let set: BTreeSet<u64> = ranges.iter().flat_map(|(first, last)| *first..=*last).collect();
        let numbers = numbers(&ranges);
        for number in 0..70 {
            prop_assert_eq!(numbers.contains("a", number), set.contains(&number));
        }
        let missing: BTreeSet<u64> = numbers.missing().iter().flat_map(|(_, a, b)| *a..=*b).collect();
        let last = set.last().copied().unwrap_or(0);
        let expected: BTreeSet<u64> = (0..last).filter(|number| !set.contains(number)).collect();
        prop_assert_eq!(missing, expected);
        let touching = numbers.ranges().collect::<Vec<_>>();
        prop_assert!(touching.windows(2).all(|pair| pair[0].2 + 1 < pair[1].1));
        prop_assert_eq!(SegmentNumbers::from_json(&numbers.to_json()).unwrap(), numbers);
    }
}
