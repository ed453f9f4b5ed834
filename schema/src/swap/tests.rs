//! The protocol broken off after any step, twice, with readers whose listings are made over it.
//!
//! A folder is a map of names to rows. Rows are letters. However it goes: a reader that lists sees each row once, unless it is told to list
//! again or a file that it chose is gone.

use std::collections::BTreeMap;

use super::*;

type Folder = BTreeMap<String, String>;

fn key(start: u64, recorder: &str) -> SegmentKey {
    let at = crate::Timestamp::from_micros(i64::try_from(crate::testing::HOUR + start).unwrap());
    SegmentKey::new(at, at, recorder.parse().unwrap(), 0)
}

/// Two segments that are to become one, and one beside them.
fn before() -> (Folder, [SegmentKey; 3]) {
    let keys = [key(0, "a"), key(1, "b"), key(2, "c")];
    let rows = ["ab", "cd", "ef"];
    let names = keys.iter().map(SegmentKey::file_name);
    (names.zip(rows.map(str::to_owned)).collect(), keys)
}

fn apply(folder: &mut Folder, step: &SwapStep, document: &SwapDocument, rows: &str) {
    match step {
        SwapStep::Stage(name) => drop(folder.insert(name.clone(), rows.to_owned())),
        SwapStep::Announce(name) => {
            let there = folder.insert(name.clone(), document.to_json());
            assert_eq!(there, None, "announced twice");
        }
        SwapStep::Place(from, to) => {
            if !folder.contains_key(to) {
                let content = folder[from].clone();
                folder.insert(to.clone(), content);
            }
        }
        SwapStep::Remove(name) => drop(folder.remove(name)),
        SwapStep::Mark(name) => drop(folder.insert(name.clone(), String::new())),
    }
}

fn listing<'a>(files: impl Iterator<Item = (&'a String, &'a String)>) -> Listing {
    let mut listing = Listing::default();
    for (name, content) in files {
        match hour_file(name) {
            HourFile::Segment => drop(listing.segments.insert(name.clone())),
            HourFile::Swap(_) => listing
                .swaps
                .push(SwapDocument::from_json(content.as_bytes()).unwrap()),
            HourFile::Swapped(segment) => listing.swapped.push(segment.to_owned()),
            HourFile::Staged(_) => {}
        }
    }
    listing
}

/// The rows of the segments that count, in order.
fn rows(folder: &Folder) -> String {
    let chosen = listing(folder.iter())
        .resolve()
        .expect("nothing changes now");
    let mut rows: Vec<char> = chosen
        .iter()
        .flat_map(|name| folder[name].chars())
        .collect();
    rows.sort_unstable();
    rows.into_iter().collect()
}

/// The steps from the announcement on, as whoever finds the document does them.
fn rest(document: &SwapDocument) -> Vec<SwapStep> {
    let announced = |step: &SwapStep| matches!(step, SwapStep::Announce(_));
    let steps = steps(document);
    let from = steps.iter().position(announced).unwrap();
    steps[from + 1..].to_vec()
}

/// The documents: two become one, then that one and the third.
fn changes(keys: &[SegmentKey; 3]) -> [(SwapDocument, &'static str); 2] {
    let (first, second) = (key(0, "compact-1"), key(0, "compact-2"));
    [
        (SwapDocument::new("01", &keys[..2], &first), "abcd"),
        (
            SwapDocument::new("02", &[first, keys[2].clone()], &second),
            "abcdef",
        ),
    ]
}

#[test]
fn every_crash_leaves_each_row_once_and_can_be_finished() {
    let (mut folder, keys) = before();
    for (document, new) in changes(&keys) {
        let steps = steps(&document);
        for first in 0..=steps.len() {
            let mut crashed = folder.clone();
            for step in &steps[..first] {
                apply(&mut crashed, step, &document, new);
                assert_eq!(rows(&crashed), "abcdef", "after {step:?}");
            }
            if !crashed.contains_key(&document.file_name()) {
                continue;
            }
            let rest = rest(&document);
            for second in 0..=rest.len() {
                let mut again = crashed.clone();
                for step in rest[..second].iter().chain(&rest) {
                    apply(&mut again, step, &document, new);
                    assert_eq!(rows(&again), "abcdef", "after {step:?}");
                }
                let left: Vec<_> = again.keys().filter(|name| name.starts_with("_s")).collect();
                let done = mark(&document.by);
                assert_eq!(left, [&done], "{again:?}");
            }
        }
        for step in &steps {
            apply(&mut folder, step, &document, new);
        }
    }
    assert_eq!(rows(&folder), "abcdef");
}

/// A listing comes in pages, in the order of names, and each shows the folder at another moment.
#[test]
fn a_listing_made_over_a_change_is_right_or_known_to_be_wrong() {
    let (mut folder, keys) = before();
    let (mut right, mut again, mut gone) = (0, 0, 0);
    for (document, new) in changes(&keys) {
        let mut moments = vec![folder.clone()];
        for step in &steps(&document) {
            apply(&mut folder, step, &document, new);
            moments.push(folder.clone());
        }
        let mut names: Vec<String> = moments
            .iter()
            .flat_map(|moment| moment.keys().cloned())
            .collect();
        names.sort();
        names.dedup();
        for early in 0..moments.len() {
            for late in early..moments.len() {
                for border in &names {
                    let page = |moment: &Folder, is_late: bool| -> Vec<(String, String)> {
                        let files = moment
                            .iter()
                            .filter(|(name, _)| (*name >= border) == is_late);
                        files
                            .map(|(name, content)| (name.clone(), content.clone()))
                            .collect()
                    };
                    let files = [page(&moments[early], false), page(&moments[late], true)].concat();
                    let files: Folder = files.into_iter().collect();
                    let Some(chosen) = listing(files.iter()).resolve() else {
                        again += 1;
                        continue;
                    };
                    // Files are opened after the listing, and one that is gone makes the reader list again.
                    if chosen.iter().any(|name| !moments[late].contains_key(name)) {
                        gone += 1;
                        continue;
                    }
                    let mut seen: Vec<char> =
                        chosen.iter().flat_map(|name| files[name].chars()).collect();
                    seen.sort_unstable();
                    assert_eq!(
                        seen.iter().collect::<String>(),
                        "abcdef",
                        "{early} {late} {border}"
                    );
                    right += 1;
                }
            }
        }
    }
    assert!(
        right > 100 && again > 10 && gone > 10,
        "{right} {again} {gone}"
    );
}

#[test]
fn names_tell_what_files_are() {
    let table = [
        (
            "1795352400000000-1795352400000000-a-00000000.parquet",
            HourFile::Segment,
        ),
        ("_swap-00ff.json", HourFile::Swap("00ff")),
        ("_staged-00ff", HourFile::Staged("00ff")),
        ("_swapped-x.parquet.mark", HourFile::Swapped("x.parquet")),
        ("notes.txt", HourFile::Segment),
    ];
    for (name, expected) in table {
        assert_eq!(hour_file(name), expected, "{name}");
    }
    let newer = br#"{"format": 2, "id": "1", "replaces": [], "by": "x"}"#;
    assert!(matches!(
        SwapDocument::from_json(newer),
        Err(Error::Newer { .. })
    ));
}
