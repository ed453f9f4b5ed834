//! Archives that are encrypted: nothing shows without the key, and with it everything works as ever.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use tests::{Answer, PacketScript, Ran, Target, files_below, recorder, replayer, run, run_python};

/// In paths, queries, headers, and bodies that do not compress, so that it is found in files as it was sent.
const MARK: &str = "mark3d";
/// What a first and a second key file hold.
const KEYS: [&str; 2] = [
    "cmVwcmlzZSB0ZXN0IGtleSBvZiAzMiBieXRlcyBsZW4=\n",
    "YW5vdGhlciB0ZXN0IGtleSBvZiAzMiBieXRlcyBsZW4=\n",
];

/// A folder with an archive, key files, and the flags that name those in use.
struct Place {
    folder: TempDir,
    keys: Vec<PathBuf>,
}

impl Place {
    fn new(keys: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let names = ["2025.key", "2026.key"];
        let keys = keys.iter().zip(names).map(|(text, name)| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        });
        let keys = keys.collect();
        Self { folder, keys }
    }

    fn archive(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    /// A command on the archive with all keys.
    fn with<'c>(&self, command: &'c mut Command, arguments: &[&str]) -> &'c mut Command {
        self.without(command, arguments);
        for key in &self.keys {
            command.arg("--key-file").arg(key);
        }
        command
    }

    fn without<'c>(&self, command: &'c mut Command, arguments: &[&str]) -> &'c mut Command {
        command.args(arguments).arg("--archive").arg(self.archive())
    }

    /// Records marked exchanges of `minute` with the keys that there are.
    fn record(&self, id: &str, port: u16) -> Ran {
        let capture = self.folder.path().join(format!("{id}.pcap"));
        std::fs::write(&capture, marked(port).pcap()).unwrap();
        let flags = ["read", capture.to_str().unwrap(), "--recorder-id", id];
        run(self.with(&mut recorder(), &flags)).expect_code(0)
    }

    /// Replays all of it as the run `name`, and compares that with the recording.
    fn replay(&self, name: &str) {
        let target = Target::start(|_| Answer::new(200, &[("x-person", MARK)], noise(2)));
        let url = target.url();
        let flags = ["--last", "1h", "--speed", "max", "--allow-writes"];
        let flags = [&["run", "--run", name, "--target", &url][..], &flags].concat();
        let _ = run(self.with(&mut replayer(), &flags)).expect_code(1);
        let flags = ["compare", "--baseline", "recorded", "--candidate", name];
        let ran = run(self.with(&mut replayer(), &flags));
        assert!(matches!(ran.code, 0 | 1), "{}", ran.stderr);
    }

    /// The files that hold the mark, below the archive.
    fn shows(&self) -> Vec<String> {
        let root = self.archive();
        let mut files = files_below(&root);
        files.retain(|path| {
            let bytes = std::fs::read(path).unwrap();
            bytes
                .windows(MARK.len())
                .any(|part| part == MARK.as_bytes())
        });
        let below = |path: &PathBuf| path.strip_prefix(&root).unwrap().display().to_string();
        files.iter().map(below).collect()
    }
}

/// Bytes that do not compress, with the mark in them.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as u8
    })
    .take(3_000)
    .collect();
    noise[1_000..1_000 + MARK.len()].copy_from_slice(MARK.as_bytes());
    noise
}

/// Ten exchanges with marks everywhere.
fn marked(port: u16) -> PacketScript {
    let body = noise(1);
    let length = body.len();
    let fields = format!("X-Person: {MARK}\r\nContent-Length: {length}\r\n\r\n");
    let client = format!("10.0.0.1:{port}");
    let mut script = PacketScript::new()
        .between(&client, "10.0.0.2:80")
        .connect();
    for number in 0..10 {
        let head = format!(
            "POST /{MARK}/{number}?token={MARK} HTTP/1.1\r\nHost: {MARK}.example\r\n{fields}"
        );
        script = script
            .client([head.as_bytes(), &body].concat())
            .server([format!("HTTP/1.1 200 OK\r\n{fields}").as_bytes(), &body].concat());
    }
    script.close()
}

fn json(ran: Ran, code: i32) -> Value {
    serde_json::from_str(&ran.expect_code(code).stdout).unwrap()
}

#[test]
fn a_marked_value_is_nowhere_in_an_archive_with_a_key() {
    let plain = Place::new(&[]);
    let _ = plain.record("gw-1", 40_000);
    plain.replay("first");
    let shows = plain.shows();
    for folder in [
        "exchanges/",
        "runs/first/exchanges/",
        "runs/first/run.json",
        "comparisons/",
    ] {
        let seen = shows.iter().any(|path| path.starts_with(folder));
        assert!(seen, "in plain text, {folder} shows it: {shows:?}");
    }

    let place = Place::new(&KEYS[..1]);
    let _ = place.record("gw-1", 40_000);
    place.replay("first");
    assert!(place.shows().is_empty(), "{:?}", place.shows());
    assert!(files_below(&place.archive()).len() >= files_below(&plain.archive()).len());
}

/// Every command, with the key: the same as without encryption. Without: it says which key it lacks.
#[test]
fn every_command_works_with_the_key_and_names_it_without() {
    let place = Place::new(&KEYS[..1]);
    let _ = place.record("gw-1", 40_000);
    let _ = place.record("gw-2", 41_000);
    // The same capture again is the same, although no two encryptions are.
    let again = place.record("gw-1", 40_000);
    assert!(again.stdout.contains("already"), "{}", again.stdout);
    place.replay("first");

    let found = json(
        run(place.with(&mut recorder(), &["archive", "check", "--json"])),
        0,
    );
    let replayers: &[&[&str]] = &[
        &["plan", "--last", "1h"],
        &["report", "first"],
        &["runs"],
        &["compare", "--baseline", "recorded", "--candidate", "first"],
        &["rules", "suggest", "first"],
    ];
    let recorders: &[&[&str]] = &[
        &["archive", "coverage", "--last", "1h"],
        &["archive", "compact", "--last", "1h"],
        &["archive", "forget", "--path", "/*/3"],
        &["archive", "expire", "--keep", "1d", "--runs", "--dry-run"],
    ];
    let commands = recorders.iter().map(|arguments| (recorder(), *arguments));
    let commands = commands.chain(replayers.iter().map(|arguments| (replayer(), *arguments)));
    for (mut command, arguments) in commands {
        let program = format!("{:?}", command.get_program());
        let ran = run(place.with(&mut command, arguments));
        assert!(
            matches!(ran.code, 0 | 1),
            "{program} {arguments:?}: {}",
            ran.stderr
        );
        assert!(
            place.shows().is_empty(),
            "{arguments:?}: {:?}",
            place.shows()
        );
    }
    let checked = json(
        run(place.with(&mut recorder(), &["archive", "check", "--json"])),
        0,
    );
    let rows = |found: &Value| found["rows"].as_u64().unwrap();
    assert_eq!(
        rows(&found) - rows(&checked),
        4,
        "a path of two recordings, and of the run of both: {checked}"
    );

    let target = Target::start(|_| Answer::new(200, &[], "{}"));
    let url = target.url();
    let follow = ["follow", "--from", "2026-11-01T00:00:00Z", "--target", &url];
    let lacking: [(Command, &[&str]); 6] = [
        (replayer(), &follow),
        (recorder(), &["archive", "coverage", "--last", "1h"]),
        (recorder(), &["archive", "forget", "--path", "/nobody"]),
        (replayer(), &["plan", "--last", "1h"]),
        (replayer(), &["report", "first"]),
        (
            replayer(),
            &[
                "run",
                "--last",
                "1h",
                "--speed",
                "max",
                "--target",
                "http://127.0.0.1:9",
            ],
        ),
    ];
    for (mut command, arguments) in lacking {
        let ran = run(place.without(&mut command, arguments));
        let text = format!("{}{}", ran.stdout, ran.stderr);
        assert_ne!(ran.code, 0, "{arguments:?}: {text}");
        for part in ["encrypted with key `2025`", "--key-file"] {
            assert!(text.contains(part), "{arguments:?} lacks `{part}`: {text}");
        }
    }
}

#[test]
fn check_says_what_it_could_look_at_without_the_key() {
    let place = Place::new(&KEYS[..1]);
    let _ = place.record("gw-1", 40_000);
    let check = ["archive", "check", "--json"];
    let found = json(run(place.without(&mut recorder(), &check)), 1);
    assert_eq!(found["problems"], serde_json::json!([]), "{found}");
    let locked = found["locked"].as_object().unwrap();
    assert!(
        locked.keys().next().unwrap().starts_with("2025 ("),
        "{found}"
    );

    let mut files = files_below(&place.archive().join("exchanges"));
    let file = files.remove(0);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let found = json(run(place.without(&mut recorder(), &check)), 1);
    assert_eq!(found["problems"][0]["kind"], "damaged", "{found}");
}

/// The new key encrypts, both decrypt; who has the new one alone is told which other is needed.
#[test]
fn keys_are_changed_while_the_archive_goes_on() {
    let mut place = Place::new(&KEYS);
    place.keys.truncate(1);
    let _ = place.record("gw-1", 40_000);
    let old = place.keys.remove(0);
    place.keys = vec![place.folder.path().join("2026.key")];
    // What is there cannot be looked at: that says nothing about what it was recorded from.
    let capture = place.folder.path().join("gw-1.pcap");
    let again = ["read", capture.to_str().unwrap(), "--recorder-id", "gw-1"];
    for ran in [
        run(place.with(&mut recorder(), &again)),
        run(place.without(&mut recorder(), &again)),
    ] {
        assert_ne!(ran.code, 0, "{}", ran.stdout);
        assert!(
            ran.stderr.contains("encrypted with key `2025`"),
            "{}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("remove"), "{}", ran.stderr);
    }
    let _ = place.record("gw-2", 41_000);

    let ran = run(place.with(&mut replayer(), &["plan", "--last", "1h"])).expect_code(2);
    assert!(
        ran.stderr.contains("encrypted with key `2025`"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("none of the keys"), "{}", ran.stderr);
    place.keys.push(old);
    let plan = run(place.with(&mut replayer(), &["plan", "--last", "1h", "--json"]));
    let plan = json(plan, 0);
    assert_eq!(plan["planned"].as_u64(), Some(20), "{plan}");
    // What is compacted is encrypted with the new key.
    let _ = run(place.with(&mut recorder(), &["archive", "compact", "--last", "1h"]));
    let mut compacted = files_below(&place.archive().join("exchanges"));
    compacted.retain(|path| path.extension().is_some_and(|end| end == "parquet"));
    assert_eq!(compacted.len(), 1, "{compacted:?}");
    place.keys.truncate(1);
    let found = read(&place.archive(), &place.keys);
    assert_eq!(found["many keys"], 20, "{found}");
}

#[test]
fn key_files_that_cannot_be_used_are_named() {
    let place = Place::new(&KEYS[..1]);
    let file = place.folder.path().join("wrong.key");
    for (text, expected) in [
        ("c2hvcnQ=", "5 bytes and AES-256 takes 32"),
        ("not base64!", "not base64"),
    ] {
        std::fs::write(&file, text).unwrap();
        let mut command = recorder();
        place
            .without(&mut command, &["archive", "ls"])
            .arg("--key-file")
            .arg(&file);
        std::fs::create_dir_all(place.archive()).unwrap();
        let ran = run(&mut command).expect_code(2);
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
        assert!(ran.stderr.contains("wrong.key"), "{}", ran.stderr);
    }
    let missing = ["archive", "ls", "--key-file", "/nowhere/at.key"];
    let ran = run(place.without(&mut recorder(), &missing)).expect_code(2);
    assert!(ran.stderr.contains("/nowhere/at.key"), "{}", ran.stderr);
    // Others may read it.
    let ran = place.record("gw-1", 40_000);
    assert!(ran.stderr.contains("chmod 600"), "{}", ran.stderr);
}

fn read(archive: &Path, keys: &[PathBuf]) -> Value {
    let mut arguments = vec![archive];
    arguments.extend(keys.iter().map(PathBuf::as_path));
    serde_json::from_str(&run_python("read_encrypted.py", &arguments, &[])).unwrap()
}

#[test]
fn pyarrow_and_duckdb_read_it_with_the_same_keys() {
    let place = Place::new(&KEYS[..1]);
    let _ = place.record("gw-1", 40_000);
    let found = read(&place.archive(), &place.keys);
    for reader in ["one key", "many keys", "duckdb"] {
        assert_eq!(found[reader], 10, "{reader}: {found}");
    }
    let without = found["without"].as_str().unwrap();
    assert!(without.contains("encrypted"), "{found}");
}

#[test]
fn the_page_about_encryption_runs_as_it_is_written() {
    let mut place = Place::new(&KEYS[..1]);
    let key = place.folder.path().join("2026.key");
    std::fs::rename(place.keys.remove(0), &key).unwrap();
    place.keys.push(key);
    let _ = place.record("gw-1", 40_000);
    let found = crate::archive::run_page(place.folder.path(), "## 12.");
    assert_eq!(found.as_object().unwrap().len(), 3, "{found}");
}

/// Whoever may write to the store and has no key cannot put one run's verdict in the place of another's.
#[test]
fn a_document_counts_only_where_it_was_written() {
    let place = Place::new(&KEYS[..1]);
    let _ = place.record("gw-1", 40_000);
    for name in ["first", "second"] {
        place.replay(name);
    }
    let document = |name: &str| place.archive().join("runs").join(name).join("run.json");
    let own = std::fs::read(document("second")).unwrap();
    std::fs::copy(document("first"), document("second")).unwrap();
    let ran = run(place.with(&mut replayer(), &["report", "second"])).expect_code(2);
    assert!(ran.stderr.contains("sealed"), "{}", ran.stderr);
    std::fs::write(document("second"), own).unwrap();
    let _ = run(place.with(&mut replayer(), &["report", "second"])).expect_code(1);
}

/// A comparison is accepted from its file, as an archive holds it.
#[test]
fn a_sealed_comparison_is_accepted_from_its_file() {
    let place = Place::new(&KEYS[..1]);
    let _ = place.record("gw-1", 40_000);
    for name in ["first", "second"] {
        place.replay(name);
    }
    let comparisons = files_below(&place.archive().join("comparisons"));
    let named = |path: &&PathBuf| path.ends_with("comparison.json");
    let document = comparisons.iter().find(named).unwrap();
    let mut command = replayer();
    command
        .arg("accept")
        .arg(document)
        .args(["--all", "--by", "me", "--why", "meant"]);
    command
        .arg("--accepted")
        .arg(place.folder.path().join("accepted.toml"));
    let ran = run(&mut command).expect_code(2);
    assert!(ran.stderr.contains("--key-file"), "{}", ran.stderr);
    let ran = run(command.arg("--key-file").arg(&place.keys[0])).expect_code(0);
    assert!(!ran.stdout.is_empty());
}

/// A key may come through a pipe, which gives it once, also where a command asks for it twice.
#[test]
fn a_key_is_read_once() {
    let place = Place::new(&KEYS[..1]);
    let _ = place.record("gw-1", 40_000);
    let target = Target::start(|_| Answer::new(200, &[], "{}"));
    let mut command = Command::new("bash");
    command.args(["-c", "\"$0\" \"$@\" --key-file <(cat \"$KEY\")"]);
    command.arg(replayer().get_program());
    command.args(["run", "--run", "new", "--resume-if-begun", "--last", "1h"]);
    command.args([
        "--speed",
        "max",
        "--allow-writes",
        "--target",
        &target.url(),
    ]);
    let ran = run(place.without(&mut command, &[]).env("KEY", &place.keys[0]));
    assert_eq!(ran.code, 1, "the target answers otherwise: {}", ran.stderr);
}
