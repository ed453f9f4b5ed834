//! A disk without room, and what is recorded meanwhile: `/dev/full` takes the place of a file that is about to be written.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use schema::{Keyring, Projection, SegmentKey, TimeWindow, Timestamp};
use tempfile::TempDir;

use super::*;
use crate::config::SpoolConfig;
use crate::spool::{SyncPolicy, WhenFull};
use crate::testing;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn recording(&self) -> Recording {
        let options = SpoolConfig {
            folder: self.0.path().to_owned(),
            bytes_max: 1 << 30,
            when_full: WhenFull::DropNew,
            sync: SyncPolicy::Always,
            keep_bytes: 0,
        };
        let spool = Spool::open(options, &Keyring::default(), None, None).unwrap();
        let rotation = Rotation {
            bytes_max: 1 << 20,
            age_max: Duration::from_secs(3_600),
        };
        let destination = Destination::Spool(Box::new(spool));
        Recording::new(testing::options(), rotation, destination)
    }

    /// Whoever writes this file next finds no room.
    fn fill(&self, name: &str) {
        symlink("/dev/full", self.0.path().join(name)).unwrap();
    }

    /// The same of the segment of these exchanges, made of the first file.
    fn fill_segment(&self, exchanges: std::ops::Range<u64>) {
        let folder = "sealing-0000000000000000";
        fs::create_dir(self.0.path().join(folder)).unwrap();
        let (first, last) = (at(exchanges.start), at(exchanges.end - 1));
        let key = SegmentKey::new(first, last, "test".parse().unwrap(), 0).to_string();
        let file = key.rsplit('/').next().unwrap();
        self.fill(&format!("{folder}/exchanges.{file}"));
    }

    /// The segments of exchanges that wait, by name.
    fn segments(&self) -> Vec<PathBuf> {
        let mut segments = Vec::new();
        for folder in fs::read_dir(self.0.path()).unwrap() {
            let folder = folder.unwrap();
            if folder.file_name().to_string_lossy().starts_with("sealed-") {
                let files = fs::read_dir(folder.path()).unwrap();
                segments.extend(files.map(|file| file.unwrap().path()));
            }
        }
        let is_of_exchanges = |path: &PathBuf| path.to_string_lossy().contains("/exchanges.");
        segments.retain(is_of_exchanges);
        segments.sort();
        segments
    }

    /// When the exchanges in them began, in seconds.
    fn sealed(&self) -> Vec<u64> {
        let mut starts = Vec::new();
        for path in self.segments() {
            let file = fs::read(path).unwrap().into();
            let each = |exchange: Exchange| starts.push(exchange.start());
            let (keys, all) = (Keyring::default(), TimeWindow::ALL);
            schema::decode_segment(&file, &keys, all, Projection::Summary, each).unwrap();
        }
        starts.sort();
        let seconds = |start: Timestamp| start.since(at(0)).as_secs();
        starts.into_iter().map(seconds).collect()
    }
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_micros(1_795_352_400_000_000).saturating_add(Duration::from_secs(second))
}

fn take(recording: &mut Recording, seconds: std::ops::Range<u64>) {
    for second in seconds {
        let batch = Batch {
            now: at(second),
            exchanges: vec![Box::new(testing::exchange(at(second), 100))],
            ledger: Vec::new(),
        };
        recording.take(batch).unwrap();
        recording.handle_timeout().unwrap();
    }
}

/// The disk was full as long ago as makes it worth a try.
fn age(recording: &mut Recording) {
    let failed = recording.failed.as_mut().unwrap();
    failed.at = failed.at.checked_sub(TRY_AFTER).unwrap();
}

fn all(count: u64) -> Vec<u64> {
    (0..count).collect()
}

/// Twice no file can be begun; what came before, between and after is in segments once there is room.
#[test]
fn a_disk_that_is_full_twice_costs_nothing() {
    let place = Place::new();
    let mut recording = place.recording();
    take(&mut recording, 0..10);
    for exchanges in [10..20, 20..30] {
        place.fill("0000000000000001.frames");
        recording.rotate().unwrap();
        assert!(recording.failed.is_some());
        take(&mut recording, exchanges);
        assert_eq!(place.sealed(), all(0));
    }
    recording.rotate().unwrap();
    assert!(recording.failed.is_none());
    assert_eq!(place.sealed(), all(30));
    take(&mut recording, 30..35);
    let recorded = recording.finish().unwrap();
    assert_eq!((recorded.shed, recorded.unsealed), (0, 0));
    assert_eq!(place.sealed(), all(35));
}

/// A segment finds no room, and then the file that would be begun to try again: what is sealed in the end is all, once.
#[test]
fn a_segment_without_room_waits_in_frames() {
    let place = Place::new();
    let mut recording = place.recording();
    take(&mut recording, 0..10);
    assert!(recording.begin_generation().unwrap());
    place.fill_segment(0..10);
    assert!(!recording.seal_lot().unwrap(), "there is no room");
    take(&mut recording, 10..20);
    place.fill("0000000000000002.frames");
    recording.rotate().unwrap();
    take(&mut recording, 20..30);
    assert_eq!(place.sealed(), all(0));
    recording.rotate().unwrap();
    assert_eq!(place.sealed(), all(30));
    take(&mut recording, 30..35);
    let recorded = recording.finish().unwrap();
    assert_eq!(recorded.unsealed, 0);
    assert_eq!(place.sealed(), all(35));
    let names = place.segments();
    let sequence = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap()[..].to_owned();
    let numbers = names.iter().map(sequence);
    let numbers = numbers.map(|name| name.rsplit('-').next().unwrap().parse::<u64>().unwrap());
    assert_eq!(numbers.collect::<Vec<_>>(), all(names.len() as u64));
}

/// Nothing is tried while the disk may still be as full; after a while it is, though the spool has not shrunk.
#[test]
fn a_disk_that_was_full_is_tried_again_by_the_clock() {
    let place = Place::new();
    let mut recording = place.recording();
    take(&mut recording, 0..10);
    place.fill("0000000000000001.frames");
    recording.rotate().unwrap();
    take(&mut recording, 10..20);
    assert_eq!(place.sealed(), all(0));
    age(&mut recording);
    recording.handle_timeout().unwrap();
    assert_eq!(place.sealed(), all(20));
    assert!(recording.failed.is_none());
}

/// So is one whose spool has shrunk, at once.
#[test]
fn a_disk_is_tried_again_when_there_is_less_on_it() {
    let now = Instant::now();
    let failed = Failed {
        at: now,
        bytes: 100,
    };
    let later = now + TRY_AFTER;
    let table = [
        (100, now, false),
        (99, now, true),
        (200, later - Duration::from_millis(1), false),
        (200, later, true),
    ];
    for (bytes, now, is_tried) in table {
        assert_eq!(failed.is_worth_a_try(bytes, now), is_tried, "{bytes}");
    }
}

/// What the last run left finds no room: what comes is recorded beside it, and both are sealed once there is some.
#[test]
fn what_was_left_waits_for_room() {
    let place = Place::new();
    let mut killed = place.recording();
    take(&mut killed, 0..10);
    drop(killed);
    let mut recording = place.recording();
    place.fill_segment(0..10);
    recording.recover().unwrap();
    assert!(recording.failed.is_some());
    take(&mut recording, 10..20);
    assert_eq!(place.sealed(), all(0));
    age(&mut recording);
    recording.handle_timeout().unwrap();
    assert_eq!(place.sealed(), all(20));
    assert_eq!(recording.recorded.replayed.exchanges, 10);
}
