//! Stores that are gone, disks that are full, bytes that are not what was written.

use super::*;
use tests::{S3Server, run_python};

fn published(server: &S3Server, folder: &str) -> String {
    let archive = Path::new("archive").join(folder);
    run_python("read_s3.py", &[&archive], &server.variables())
}

/// The store is taken away in the middle and comes back: recording goes on, and in the end everything is there.
#[test]
fn a_store_that_goes_away_and_comes_back() {
    let mut server = S3Server::start();
    let place = Place::new();
    let bytes = pcap(&traffic(0, 2_000));
    let mut command = place.command_to(
        &server.url("away"),
        &[Path::new("-")],
        &["--retry-for", "60s"],
    );
    command.envs(server.variables());
    let mut live = Live::start(command);
    assert!(live.feed(&bytes[..bytes.len() / 3]));
    server.kill();
    assert!(live.feed(&bytes[bytes.len() / 3..]), "recording goes on");
    while files_below(&place.spool()).len() < 8 {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    server.restart();
    let ran = live.finish().expect_code(0);
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(summary["spool"]["segments_waiting"], 0);
    assert_eq!(published(&server, "away"), "{\"rows\": 2000, \"posts\": 0}");

    // Gone for longer than is waited for at the end: the segments wait, and the next start publishes them.
    let capture = place.capture(&traffic(1, 500));
    let variables = server.variables();
    server.kill();
    let archive = server.url("away");
    let flags = ["--retry-for", "1s"];
    let mut command = place.command_to(&archive, &[&capture], &flags);
    let ran = run(command.envs(variables.clone())).expect_code(1);
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(
        summary["spool"]["segments_waiting"].as_u64() > Some(0),
        "{summary}"
    );
    server.restart();
    let mut command = place.command_to(&archive, &[], &[]);
    let _ = run(command.envs(variables)).expect_code(0);
    assert_eq!(published(&server, "away"), "{\"rows\": 2500, \"posts\": 0}");
}

/// A store that will never take anything: named, and what was recorded is kept.
#[test]
fn a_store_that_says_no() {
    let server = S3Server::start();
    let place = Place::new();
    let capture = place.capture(&traffic(0, 500));
    let mut wrong = server.variables();
    let secret = wrong
        .iter_mut()
        .find(|(name, _)| *name == "AWS_SECRET_ACCESS_KEY");
    secret.unwrap().1 = "wrong".to_owned();
    for (archive, variables, word) in [
        (server.url("x"), &wrong, "credentials"),
        (
            "s3://no-such-bucket/x".to_owned(),
            &server.variables(),
            "bucket",
        ),
    ] {
        let mut command = place.command_to(&archive, &[&capture], &[]);
        let ran = run(command.envs(variables.clone())).expect_code(2);
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }

    // It said yes before: then recording goes on whatever it says, and the end names what is wrong.
    let archive = server.url("later");
    let first = place.capture(&traffic(1, 100));
    let mut command = place.command_to(&archive, &[&first], &[]);
    let _ = run(command.envs(server.variables())).expect_code(0);
    let mut command = place.command_to(&archive, &[&capture], &["--retry-for", "1s"]);
    let ran = run(command.envs(wrong)).expect_code(2);
    for word in ["credentials", "wait in the spool"] {
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    }
    let mut command = place.command_to(&archive, &[], &[]);
    let _ = run(command.envs(server.variables())).expect_code(0);
    assert_eq!(published(&server, "later"), "{\"rows\": 600, \"posts\": 0}");
}

/// What is sent to a spool that has room for a fraction of it.
const EXCHANGES: u64 = 12_000;

/// An archive that takes nothing, and a spool that is soon full.
fn full(policy: &str, code: i32) -> (Place, Ran) {
    let place = Place::new();
    let capture = place.capture(&traffic(0, EXCHANGES));
    // Nobody listens there.
    let variables = [
        ("AWS_ACCESS_KEY_ID", "k"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
    ];
    let flags = [
        "--spool-max",
        "1MiB",
        "--when-full",
        policy,
        "--retry-for",
        "1s",
    ];
    let mut command = place.command_to("s3://archive/full", &[&capture], &flags);
    let ran = run(command.envs(variables)).expect_code(code);
    let bytes: u64 = files_below(&place.spool())
        .iter()
        .map(|path| std::fs::metadata(path).unwrap().len())
        .sum();
    assert!(bytes <= 1 << 20, "the spool takes {bytes} bytes");
    (place, ran)
}

/// Publishes what is left, and holds the ledger against the archive.
fn check_full(place: &Place, ran: &Ran) -> Vec<Exchange> {
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    let shed = summary["spool"]["exchanges_shed"].as_u64().unwrap();
    assert!(shed > 1_000, "{summary}");
    let _ = place.drain(0);
    let exchanges = place.exchanges();
    assert_eq!(exchanges.len() as u64 + shed, EXCHANGES);
    let ledger = tests::read_ledger(&place.archive());
    let counted: u64 = ledger.iter().map(|(_, row)| row.exchanges).sum();
    let told: u64 = ledger.iter().map(|(_, row)| row.exchanges_shed).sum();
    assert_eq!((counted, told), (EXCHANGES, shed));
    exchanges
}

#[test]
fn a_full_spool_drops_what_is_new() {
    let (place, ran) = full("drop-new", 1);
    let exchanges = check_full(&place, &ran);
    let truth = truth(&traffic(0, EXCHANGES));
    let counts = counted(&exchanges);
    assert!(
        truth[..1_000].iter().all(|id| counts.contains_key(id)),
        "the first are kept"
    );
    assert!(counts.values().all(|count| *count == 1));
}

#[test]
fn a_full_spool_drops_what_is_old() {
    let (place, ran) = full("drop-old", 1);
    let exchanges = check_full(&place, &ran);
    let truth = truth(&traffic(0, EXCHANGES));
    let newest = truth.last().unwrap();
    assert!(counted(&exchanges).contains_key(newest));
    // No number is missing: what was thrown away left a segment without rows.
    let names = files_below(&place.archive().join("exchanges"));
    let mut numbers: Vec<usize> = names
        .iter()
        .map(|path| {
            path.file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .rsplit('-')
                .next()
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..names.len()).collect::<Vec<_>>());
}

#[test]
fn a_full_spool_stops_and_keeps_what_it_has() {
    let (place, ran) = full("stop", 2);
    assert!(ran.stderr.contains("is full"), "{}", ran.stderr);
    let _ = place.drain(0);
    let exchanges = place.exchanges();
    assert!(exchanges.len() > 1_000, "{}", exchanges.len());
    assert!(counted(&exchanges).values().all(|count| *count == 1));
}

/// A disk that takes no more than some kilobytes a file, while recording and while sealing.
#[test]
fn a_disk_that_is_full() {
    for kilobytes in ["8", "40"] {
        let place = Place::new();
        let capture = place.capture(&traffic(0, 3_000));
        let reading = place.command(&[&capture], &["--retry-for", "1s"]);
        let mut command = Command::new("sh");
        let script = format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$@\"");
        command.args(["-c", &script, "sh"]);
        command.arg(reading.get_program()).args(reading.get_args());
        let ran = run(&mut command);
        assert!(ran.code == 1 || ran.code == 2, "{ran:?}");
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("full") || ran.stderr.contains("no room"),
            "{ran:?}"
        );
        let _ = place.drain(0);
        let counts = counted(&place.exchanges());
        assert!(counts.values().all(|count| *count == 1), "{kilobytes} KiB");
    }
}

#[test]
fn a_place_that_cannot_be_written() {
    let place = Place::new();
    std::fs::write(place.spool(), "a file").unwrap();
    let capture = place.capture(&traffic(0, 10));
    let ran = run(&mut place.command(&[&capture], &[])).expect_code(2);
    assert!(
        ran.stderr.contains(place.spool().to_str().unwrap()),
        "{}",
        ran.stderr
    );
}

/// A flipped byte in the frames costs the frame that holds it; the rest is published, and the damage named.
#[test]
fn damaged_frames_are_named_and_the_rest_is_published() {
    for part in [0.0, 0.3, 0.6, 0.9] {
        let place = Place::new();
        let bytes = pcap(&traffic(0, 1_000));
        let flags = ["--spool-sync", "always", "--segment-bytes", "1GiB"];
        let mut live = Live::start(place.command(&[Path::new("-")], &flags));
        assert!(live.feed(&bytes));
        while place.frames().is_empty()
            || std::fs::metadata(&place.frames()[0]).unwrap().len() < 100_000
        {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        live.kill();
        let path = place.frames().remove(0);
        let mut file = std::fs::read(&path).unwrap();
        let at = (file.len() as f64 * part) as usize;
        file[at] ^= 0x10;
        std::fs::write(&path, file).unwrap();
        let summary = place.drain(1);
        let recovered = &summary["spool"]["recovered"];
        assert!(recovered["damaged_bytes"].as_u64() > Some(0), "{recovered}");
        assert_eq!(recovered["damaged"].as_array().unwrap().len(), 1);
        let lost = recovered["exchanges_lost"].as_u64().unwrap();
        let counts = counted(&place.exchanges());
        assert_eq!(
            counts.len() as u64,
            recovered["exchanges"].as_u64().unwrap()
        );
        assert!(counts.len() as u64 > lost, "{recovered}");
        let ledger = tests::read_ledger(&place.archive());
        let told: u64 = ledger.iter().map(|(_, row)| row.exchanges_shed).sum();
        assert_eq!(told, lost);
    }
}
