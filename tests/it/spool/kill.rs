//! The real recorder, killed under load.

use super::*;

/// How often; `REPRISE_KILLS` asks for more.
fn kills() -> u64 {
    std::env::var("REPRISE_KILLS").map_or(12, |text| text.parse().unwrap())
}

/// Numbers that look like chance and are the same every time.
fn chance(seed: u64) -> u64 {
    let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11
}

/// Exchanges of a life that are surely on disk when it was killed: those before the last frame of its file. A life that was
/// killed before it began one, or has begun several, tells nothing; what lay there `before` is of earlier lives.
fn on_disk(place: &Place, before: &[PathBuf]) -> usize {
    let mut files = place.frames();
    files.retain(|path| !before.contains(path));
    let [path] = &files[..] else {
        return 0;
    };
    let file = std::fs::read(path).unwrap();
    let frames = (0..file.len().saturating_sub(43)).filter(|&at| file[at..].starts_with(b"RSF1"));
    let rows = frames.map(|at| u64::from_le_bytes(file[at + 36..at + 44].try_into().unwrap()));
    // The magic may also lie in compressed bytes, with any number behind it.
    rows.filter(|rows| *rows < 100_000).max().unwrap_or(0) as usize
}

#[test]
fn synced_exchanges_are_published_exactly_once() {
    check_lives(&Place::new());
}

#[test]
fn synced_exchanges_are_published_exactly_once_when_they_are_encrypted() {
    check_lives(&Place::encrypted());
}

/// Each life is killed at some moment, and the next one begins with what it left. What is in the archive in the end is, of
/// each life, what was done first: nothing in between is missing, nothing is there twice.
fn check_lives(place: &Place) {
    let exchanges = 1_500;
    let mut floors = Vec::new();
    for life in 0..kills() {
        let bytes = pcap(&traffic(life, exchanges));
        let before = place.frames();
        let sync = ["always", "10ms", "100ms"][(life % 3) as usize];
        let mut live = Live::start(place.command(&[Path::new("-")], &["--spool-sync", sync]));
        let fed = (chance(life) % bytes.len() as u64) as usize;
        live.feed(&bytes[..fed]);
        std::thread::park_timeout(Duration::from_millis(chance(life + 1_000) % 150));
        live.kill();
        floors.push(on_disk(place, &before));
    }
    let summary = place.drain(0);
    assert_eq!(
        summary["spool"]["recovered"]["damaged_bytes"], 0,
        "{summary}"
    );

    let counts = counted(&place.exchanges());
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "published twice: {twice:?}");
    let mut published = 0;
    let mut recovered = 0;
    for (life, floor) in (0..kills()).zip(floors) {
        let truth = truth(&traffic(life, exchanges));
        let there = truth
            .iter()
            .take_while(|id| counts.contains_key(*id))
            .count();
        let after = truth[there..]
            .iter()
            .filter(|id| counts.contains_key(*id))
            .count();
        assert_eq!(
            after, 0,
            "life {life}: {there} exchanges, then a hole, then {after} more"
        );
        assert!(
            there >= floor,
            "life {life}: {floor} were on disk, {there} are published"
        );
        published += there;
        recovered += usize::from(there > 0);
    }
    assert_eq!(
        counts.len(),
        published,
        "nothing is there that was not sent"
    );
    assert!(recovered > 3, "most lives left something: {recovered}");

    // The ledger agrees, and says how often the recorder went down.
    let ledger = tests::read_encrypted_ledger(&place.archive(), &place.keys());
    let exchanges: u64 = ledger.iter().map(|(_, row)| row.exchanges).sum();
    assert_eq!(exchanges, published as u64);
    let interruptions: u64 = ledger.iter().map(|(_, row)| row.interruptions).sum();
    // A life that is killed before it has recovered what the one before it left adds no interruption of its own.
    assert!(
        (1..=kills()).contains(&interruptions),
        "{interruptions} of {recovered}"
    );
}
