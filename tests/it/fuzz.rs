//! The corpora of the fuzz targets, and what they once found, as an ordinary test.

use std::fs;

use tests::{files_below, workspace};

/// Each target over its committed corpus: `tests/fuzz/seeds/NAME`, small inputs of our own and every crash that was fixed.
#[test]
fn corpora_hold() {
    for (name, target) in tests::fuzz::TARGETS {
        let seeds = files_below(&workspace().join("tests/fuzz/seeds").join(name));
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            let data = fs::read(&seed).unwrap();
            for len in [data.len(), data.len() / 2, data.len().saturating_sub(1)] {
                target(&data[..len]);
            }
        }
    }
}

/// A target that nobody lists is never run.
#[test]
fn every_target_is_listed() {
    let manifest = fs::read_to_string(workspace().join("tests/fuzz/Cargo.toml")).unwrap();
    let listed = manifest.lines().filter_map(|line| {
        line.strip_prefix("path = \"fuzz_targets/")?
            .strip_suffix(".rs\"")
    });
    let mut listed: Vec<_> = listed.collect();
    let mut known: Vec<_> = tests::fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
    listed.sort_unstable();
    known.sort_unstable();
    assert_eq!(listed, known);
}
