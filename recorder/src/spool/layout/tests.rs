use super::*;

fn sealed(generation: u64, exchanges: u64, capture: u64) -> Sealed {
    let next = Sequences { exchanges, capture };
    Sealed { generation, next }
}

#[test]
fn names_are_read_as_they_are_written() {
    for entry in [
        Entry::Lock,
        Entry::Id(SpoolId(0xabc), "gateway-1.eu_west".parse().unwrap()),
        Entry::Probed(u64::MAX),
        Entry::Frames(12),
        Entry::Kept(Kept {
            generation: 3,
            rows: 1 << 40,
        }),
        Entry::Last(7, Ending::Crashed),
        Entry::Last(u64::MAX, Ending::Ended),
        Entry::Sealing(0),
        Entry::Sealed(sealed(u64::MAX, 1 << 40, 3)),
    ] {
        assert_eq!(Entry::parse(&entry.to_string()), Some(entry));
    }
    for name in [
        "",
        "locked",
        "x.frames",
        "+1.frames",
        "id-1-a",
        "sealed-1-2",
        "kept-1",
        "crashed-x",
        "ended",
        "sealed-1-2-3-4",
    ] {
        assert_eq!(Entry::parse(name), None, "{name}");
    }
}

#[test]
fn segments_are_read_as_they_are_written() {
    let at = Timestamp::from_micros(1_795_352_400_000_000);
    let key = SegmentKey::new(at, at, "gateway-1".parse().unwrap(), 17);
    for table in [Table::Exchanges, Table::Capture] {
        let name = segment_name(&table, &key);
        let read = parse_segment(&name);
        assert_eq!(read, Some(SegmentFile::Waiting(table, key.clone())));
        let conflict = parse_segment(&format!("{name}.conflict"));
        assert_eq!(conflict, Some(SegmentFile::Conflict));
        let leftover = parse_segment(&format!("{name}.tmp"));
        assert_eq!(leftover, Some(SegmentFile::Leftover));
    }
    assert_eq!(parse_segment("notes.txt"), None);
}

/// Names in a folder, and what a start makes of them.
#[test]
fn a_start_knows_what_to_do_from_names_alone() {
    let frames = Entry::Frames;
    let folder = |generation| Entry::Sealed(sealed(generation, generation + 1, 0));
    let table = [
        ("a new spool", vec![Entry::Lock], vec![], vec![], 0),
        (
            "killed while it recorded",
            vec![frames(0)],
            vec![],
            vec![0],
            1,
        ),
        (
            "killed between the next file and the rename",
            vec![frames(4), frames(5), Entry::Sealing(4), folder(3)],
            vec![Entry::Sealing(4)],
            vec![4, 5],
            6,
        ),
        (
            "killed right after the rename",
            vec![frames(4), frames(5), folder(4), folder(3)],
            vec![frames(4)],
            vec![5],
            6,
        ),
        ("ended as it should", vec![folder(9)], vec![], vec![], 10),
    ];
    for (what, entries, leftovers, replay, generation) in table {
        let recovery = Recovery::new(&entries);
        assert_eq!(recovery.leftovers, leftovers, "{what}");
        assert_eq!(recovery.replay, replay, "{what}");
        assert_eq!(recovery.generation, generation, "{what}");
        let newest = recovery.sealed.last().map(|folder| folder.next);
        assert_eq!(recovery.next, newest.unwrap_or_default(), "{what}");
        assert!(recovery.sealed.is_sorted(), "{what}");
    }
}

/// How recorders ended, which is noted once the next one has begun: with what is sealed it is of no more use.
#[test]
fn a_start_knows_who_went_down() {
    use Ending::{Crashed, Ended};
    let frames = Entry::Frames;
    let table = [
        (
            "the last one went down",
            vec![frames(4)],
            vec![(4, Crashed)],
            true,
        ),
        (
            "it was told to end",
            vec![frames(4), Entry::Last(4, Ended)],
            vec![(4, Ended)],
            false,
        ),
        (
            "one after the other, and the last one has written nothing",
            vec![
                frames(3),
                frames(4),
                frames(5),
                frames(6),
                Entry::Last(3, Crashed),
                Entry::Last(5, Ended),
            ],
            vec![(3, Crashed), (5, Ended), (6, Crashed)],
            true,
        ),
        (
            "the first is sealed",
            vec![
                frames(4),
                Entry::Last(3, Crashed),
                Entry::Last(4, Crashed),
                Entry::Sealed(sealed(3, 1, 1)),
            ],
            vec![(4, Crashed)],
            false,
        ),
    ];
    for (what, entries, endings, has_crashed) in table {
        let recovery = Recovery::new(&entries);
        let found: Vec<_> = recovery.endings.into_iter().collect();
        assert_eq!(
            (found, recovery.has_crashed),
            (endings, has_crashed),
            "{what}"
        );
        let marks = recovery.leftovers.iter();
        assert!(
            marks.eq(&entries[1..1 + recovery.leftovers.len()]),
            "{what}"
        );
    }
}
