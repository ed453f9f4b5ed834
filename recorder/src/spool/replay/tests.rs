use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use schema::{Exchange, Key};
use tempfile::TempDir;
use tokio::time::Instant;

use super::*;
use crate::config::SpoolConfig;
use crate::spool::{Spool, SyncPolicy, WhenFull};
use crate::testing;

/// Exchanges in a frame.
const FRAME: u64 = 10;

fn minute(minute: u64) -> Timestamp {
    Timestamp::from_micros(1_795_352_400_000_000).saturating_add(Duration::from_secs(60 * minute))
}

fn exchange(minute_of: u64) -> Exchange {
    testing::exchange(minute(minute_of), 100)
}

/// A folder with a spool, and what encrypts it.
struct Place {
    folder: TempDir,
    keys: Keyring,
}

impl Place {
    fn new(keys: Keyring) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, keys }
    }

    /// The next life of a recorder; the last one is over when its spool is dropped, as if it was killed.
    fn open(&self) -> Spool {
        let options = SpoolConfig {
            folder: self.folder.path().to_owned(),
            bytes_max: 1 << 30,
            when_full: WhenFull::Stop,
            sync: SyncPolicy::Always,
            keep_bytes: 0,
        };
        Spool::open(options, &self.keys, None, None).unwrap()
    }

    fn file(&self, generation: u64) -> PathBuf {
        let name = Entry::Frames(generation).to_string();
        self.folder.path().join(name)
    }

    /// Changes a byte in the middle of frame `number`, counted from the end if it is negative.
    fn damage(&self, generation: u64, number: isize) {
        let path = self.file(generation);
        let mut file = fs::read(&path).unwrap();
        let begins: Vec<_> = memchr::memmem::find_iter(&file, b"RSF1").collect();
        let index = number.rem_euclid(begins.len() as isize);
        file[begins[index as usize] + 60] ^= 0x10;
        fs::write(path, file).unwrap();
    }
}

/// Adds a frame of exchanges that began in one minute.
fn push(spool: &mut Spool, minute_of: u64) {
    let now = Instant::now();
    for _ in 0..FRAME {
        spool.push(&exchange(minute_of), now).unwrap();
    }
    spool.flush(now).unwrap();
}

/// Adds the ledger's row of a minute.
fn count(spool: &mut Spool, minute_of: u64, exchanges: u64) {
    let row = LedgerRow {
        minute: minute(minute_of),
        exchanges,
        exchanges_incomplete: exchanges,
        ..LedgerRow::default()
    };
    spool.push_ledger(&row, Instant::now());
    spool.flush(Instant::now()).unwrap();
}

/// What came of files.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    /// Read back.
    read: u64,
    /// In the ledger's rows: exchanges, those of them that are lost, and crashes.
    exchanges: u64,
    lost: u64,
    crashes: u64,
}

/// Reads everything that waits, in lots of one file.
fn replay(spool: &Spool) -> (Told, Replayed) {
    let mut told = Told::default();
    let mut replayed = Replayed::default();
    for file in spool.deferred() {
        let mut next = replayed.going_on();
        let each = |record| {
            match record {
                Record::Exchange(_) => told.read += 1,
                Record::Ledger(row) => {
                    told.exchanges += row.exchanges;
                    told.lost += row.exchanges_shed;
                    told.crashes += row.interruptions;
                }
                Record::Policy(_) => {}
            }
            Ok(())
        };
        spool.frames().replay(file, &mut next, each).unwrap();
        replayed.add(next);
    }
    (told, replayed)
}

/// Two lives that went down, the second before it had sealed what the first one left: each is counted, and so is what each
/// had not counted yet.
#[test]
fn every_life_that_went_down_is_told_once() {
    let place = Place::new(Keyring::default());
    let mut spool = place.open();
    push(&mut spool, 0);
    count(&mut spool, 0, FRAME);
    push(&mut spool, 1);
    assert!(spool.begin_generation(Instant::now()).unwrap());
    push(&mut spool, 1);
    drop(spool);
    let mut spool = place.open();
    push(&mut spool, 3);
    drop(spool);
    let expected = Told {
        read: 4 * FRAME,
        exchanges: 4 * FRAME,
        lost: 0,
        crashes: 2,
    };
    let spool = place.open();
    assert_eq!(replay(&spool).0, expected);
    // A life that recorded nothing took nothing with it.
    drop(spool);
    let spool = place.open();
    assert_eq!(replay(&spool).0, expected);
    assert_eq!(spool.deferred().count(), 4);
}

/// One that was told to end has counted everything, and did not go down.
#[test]
fn a_life_that_ended_is_no_crash() {
    let place = Place::new(Keyring::default());
    let mut spool = place.open();
    push(&mut spool, 0);
    count(&mut spool, 0, FRAME);
    assert!(spool.complete(Instant::now()).unwrap());
    assert!(spool.begin_generation(Instant::now()).unwrap());
    drop(spool);
    let mut spool = place.open();
    push(&mut spool, 1);
    drop(spool);
    let told = replay(&place.open()).0;
    let expected = Told {
        read: 2 * FRAME,
        exchanges: 2 * FRAME,
        lost: 0,
        crashes: 1,
    };
    assert_eq!(told, expected);
}

/// What damage has swallowed is in the ledger, once, whether a row counts it or none came to.
#[test]
fn what_is_damaged_is_in_the_ledger() {
    let table = [
        ("counted, in the middle", true, 0, 1, 1),
        ("not counted, in the middle", false, 0, 1, 1),
        ("of the last file", false, 1, 0, 1),
    ];
    for (what, is_counted, generation, frame, crashes) in table {
        let place = Place::new(Keyring::default());
        let mut spool = place.open();
        (0..3).for_each(|_| push(&mut spool, 0));
        if is_counted {
            count(&mut spool, 0, 3 * FRAME);
        }
        assert!(spool.begin_generation(Instant::now()).unwrap());
        push(&mut spool, 1);
        push(&mut spool, 1);
        drop(spool);
        // With what is unsettled, the second file begins with a frame of its own.
        let frame = frame + isize::from(generation == 1 && !is_counted);
        place.damage(generation, frame);
        let (told, replayed) = replay(&place.open());
        let expected = Told {
            read: 4 * FRAME,
            exchanges: 5 * FRAME,
            lost: FRAME,
            crashes,
        };
        assert_eq!(told, expected, "{what}");
        assert_eq!(replayed.exchanges_lost, FRAME, "{what}");
        assert_eq!(replayed.damaged.len(), 1, "{what}");
    }
}

/// How much the end of a file held that is damaged nobody knows but the recorder that wrote it; of one that went down since
/// the ledger says that something is missing. At the end of the last file it is what a crash leaves.
#[test]
fn what_is_damaged_at_the_end_is_in_the_ledger() {
    let place = Place::new(Keyring::default());
    let mut spool = place.open();
    (0..3).for_each(|_| push(&mut spool, 0));
    assert!(spool.begin_generation(Instant::now()).unwrap());
    push(&mut spool, 1);
    push(&mut spool, 1);
    place.damage(0, -1);
    let told = |lost, crashes, read| Told {
        read,
        exchanges: 0,
        lost,
        crashes,
    };
    let (own, replayed) = replay(&spool);
    assert_eq!(own, told(FRAME, 0, 2 * FRAME));
    assert_eq!(replayed.damaged.len(), 1);
    drop(spool);
    place.damage(1, -1);
    let (left, replayed) = replay(&place.open());
    let expected = Told {
        exchanges: 3 * FRAME + FRAME,
        ..told(0, 2, 3 * FRAME)
    };
    assert_eq!(left, expected);
    assert_eq!((replayed.damaged.len(), replayed.torn_bytes > 0), (1, true));
}

/// Counting looks at headers alone and says what reading says, whatever became of the file.
#[test]
fn a_file_is_counted_as_it_is_read() {
    let key = "cmVwcmlzZSB0ZXN0IGtleSBvZiAzMiBieXRlcyBsZW4=";
    let key = Key::from_base64("production", key).unwrap();
    for keys in [Keyring::default(), Keyring::new(vec![key])] {
        let place = Place::new(keys);
        let mut spool = place.open();
        (0..4).for_each(|minute| push(&mut spool, minute));
        drop(spool);
        let spool = place.open();
        let whole = fs::read(place.file(0)).unwrap();
        let changed = |at: usize| {
            let mut file = whole.clone();
            file[at] ^= 0x10;
            file
        };
        let places = (0..whole.len()).step_by(97);
        let cut = places.clone().map(|length| whole[..length].to_vec());
        let files = places.map(changed).chain(cut);
        let mut counts = Vec::new();
        for (number, bytes) in files.chain([whole.clone()]).enumerate() {
            fs::write(place.file(0), &bytes).unwrap();
            let file = Deferred {
                generation: 0,
                bytes: bytes.len() as u64,
                rows: None,
                oldest: None,
                ending: Some(Ending::Crashed),
            };
            let mut replayed = Replayed::default();
            let read = spool.frames().replay(&file, &mut replayed, |_| Ok(()));
            let counted = spool.frames().count(0).unwrap();
            assert_eq!(counted, read.unwrap(), "file {number}");
            counts.push(counted);
        }
        counts.sort_unstable();
        counts.dedup();
        assert_eq!(counts, [0, 10, 20, 30, 40]);
    }
}
