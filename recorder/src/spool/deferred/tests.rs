use super::*;

fn file(generation: u64, bytes: u64, rows: Option<u64>) -> Deferred {
    Deferred {
        generation,
        bytes,
        rows,
        oldest: None,
        ending: None,
    }
}

/// Files, the bound, and how many of them become segments together, until none is left.
#[test]
fn files_become_segments_lot_by_lot() {
    let kib = |kib: u64| kib << 10;
    let table = [
        ("none", vec![], 10, vec![]),
        ("one that is too large", vec![(kib(30), None)], 10, vec![1]),
        ("as many as fit", vec![(kib(5), None); 5], 10, vec![2, 2, 1]),
        (
            "what an earlier run left is by itself",
            vec![(kib(5), None), (kib(5), Some(9)), (kib(5), Some(9))],
            100,
            vec![1, 2],
        ),
        (
            "what is next to nothing goes with what is before it",
            vec![(kib(10), None), (60, None), (0, None), (kib(5), None)],
            10,
            vec![3, 1],
        ),
    ];
    for (what, files, kib_max, expected) in table {
        let mut deferred = DeferredFiles::default();
        for (generation, (bytes, rows)) in (0..).zip(files) {
            deferred.push(file(generation, bytes, rows));
        }
        let mut lots = Vec::new();
        loop {
            let lot = deferred.lot(kib(kib_max));
            let generations: Vec<_> = lot.iter().map(|file| file.generation).collect();
            deferred.remove(&generations);
            if generations.is_empty() {
                break;
            }
            lots.push(generations.len());
        }
        assert_eq!(lots, expected, "{what}");
        assert_eq!(deferred.bytes(), 0, "{what}");
    }
}
