//! A spool whose recorder has a key.

use super::*;

/// A request whose body does not compress, so that what is not encrypted is found in files as it was sent.
const MARK: &[u8] = b"mark3d";

fn contains(folder: &Path) -> bool {
    files_below(folder).iter().any(|path| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(MARK.len()).any(|part| part == MARK)
    })
}

/// Exchanges with the mark in their answers, less than a segment of them: all stay in frames.
fn marked() -> Vec<u8> {
    let mut state = 1_u64;
    let mut noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as u8
    })
    .take(8 << 10)
    .collect();
    noise[1_000..1_000 + MARK.len()].copy_from_slice(MARK);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", noise.len());
    let mut script = tests::PacketScript::new().connect();
    for number in 0..6 {
        script = script
            .client(format!(
                "GET /{number} HTTP/1.1\r\nHost: shop.example\r\n\r\n"
            ))
            .server([head.as_bytes(), &noise].concat());
    }
    script.pcap()
}

/// Kills a recorder that was fed with marked exchanges, so that they lie in its spool.
fn killed(place: &Place) {
    let mut live = Live::start(place.command(&[Path::new("-")], &["--spool-sync", "always"]));
    let started = std::time::SystemTime::now();
    assert!(live.feed(&marked()));
    let written = || {
        place
            .frames()
            .iter()
            .any(|path| path.metadata().unwrap().len() > 30_000)
    };
    while !written() && started.elapsed().unwrap() < Duration::from_secs(60) {
        std::thread::park_timeout(Duration::from_millis(10));
    }
    assert!(written());
    live.kill();
}

#[test]
fn frames_and_segments_in_a_spool_show_nothing() {
    let plain = Place::new();
    killed(&plain);
    assert!(contains(&plain.spool()), "in plain text it is seen");
    let sealed = Place::encrypted();
    killed(&sealed);
    assert!(!contains(&sealed.spool()));
    for path in files_below(&sealed.spool()) {
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }

    // A store that cannot be reached: segments wait in the spool.
    let unreachable = "s3://nowhere/archive";
    let mut command = sealed.command_to(unreachable, &[], &["--retry-for", "1s"]);
    command.envs([
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_REGION", "us-east-1"),
    ]);
    let ran = run(&mut command);
    assert_ne!(ran.code, 0, "{}", ran.stderr);
    let waiting = files_below(&sealed.spool());
    let is_segment = |path: &&PathBuf| path.to_string_lossy().contains(".parquet");
    assert!(waiting.iter().any(|path| is_segment(&path)), "{waiting:?}");
    assert!(!contains(&sealed.spool()));

    let summary = sealed.drain(0);
    assert_eq!(summary["spool"]["segments_waiting"], 0, "{summary}");
    assert!(!contains(&sealed.archive()));
    assert!(sealed.exchanges().len() >= 4);
}

#[test]
fn what_was_sealed_waits_for_its_key() {
    let place = Place::encrypted();
    killed(&place);
    let frames: Vec<_> = place
        .frames()
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    let key = std::fs::read(place.key()).unwrap();
    std::fs::remove_file(place.key()).unwrap();
    let ran = run(&mut place.command(&[], &[])).expect_code(2);
    for text in ["encrypted with key `production`", "--key-file"] {
        assert!(ran.stderr.contains(text), "{}", ran.stderr);
    }
    std::fs::write(place.key(), key).unwrap();
    // Nothing was taken for damage, and nothing is lost.
    let left = place.frames();
    let here = |bytes: &Vec<u8>| {
        left.iter()
            .any(|path| std::fs::read(path).unwrap() == *bytes)
    };
    assert!(frames.iter().all(here));
    let summary = place.drain(0);
    assert_eq!(summary["spool"]["recovered"]["damaged_bytes"], 0);
    assert!(place.exchanges().len() >= 4);
}

/// A recorder that is given a key goes on with what it wrote without one.
#[test]
fn a_spool_of_plain_text_goes_on_encrypted() {
    let place = Place::new();
    killed(&place);
    std::fs::write(place.key(), KEY).unwrap();
    let _ = place.drain(0);
    assert!(place.exchanges().len() >= 4);
    let segments = files_below(&place.archive());
    let is_encrypted = |path: &PathBuf| std::fs::read(path).unwrap().ends_with(b"PARE");
    assert!(
        !segments.is_empty() && segments.iter().all(is_encrypted),
        "what is sealed now is encrypted"
    );
}

/// Segments whose key is not given any more cannot be counted, and so are not thrown away to make room: the next ones are.
#[test]
fn a_full_spool_keeps_what_it_cannot_read() {
    let place = Place::encrypted();
    let record = |life, exchanges, code| {
        let capture = place.capture(&traffic(life, exchanges));
        let flags = [
            "--retry-for",
            "1s",
            "--spool-max",
            "1MiB",
            "--when-full",
            "drop-old",
        ];
        let mut command = place.command_to("s3://nowhere/archive", &[&capture], &flags);
        command.envs([
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("AWS_REGION", "us-east-1"),
        ]);
        let ran = run(&mut command).expect_code(code);
        let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
        (
            summary["spool"]["exchanges_shed"].as_u64().unwrap(),
            ran.stderr,
        )
    };
    let (shed, _) = record(0, 1_000, 1);
    assert_eq!(shed, 0);
    let key = std::fs::read(place.key()).unwrap();
    std::fs::remove_file(place.key()).unwrap();
    let (shed, log) = record(1, 9_000, 1);
    assert!(shed > 0, "{log}");
    assert!(
        log.contains("not thrown away") && log.contains("production"),
        "{log}"
    );
    std::fs::write(place.key(), key).unwrap();
    let _ = place.drain(0);
    let counts = counted(&place.exchanges());
    assert_eq!(counts.len() as u64 + shed, 10_000);
    let first = truth(&traffic(0, 1_000));
    assert!(first.iter().all(|exchange| counts.contains_key(exchange)));
}
