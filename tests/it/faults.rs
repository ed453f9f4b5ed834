//! Stores that fail: the recorder ends with a line that says what, where and what to do, and nothing half is published.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use benches::{Traffic, write_pcap};
use tests::{Ran, S3Server, ThrottlingProxy, recorder, replayer, run, run_python};

fn capture(folder: &Path) -> PathBuf {
    let path = folder.join("gateway.pcap");
    let traffic = Traffic {
        exchanges: 50,
        ..Traffic::default()
    };
    write_pcap(traffic.frames(), File::create(&path).unwrap()).unwrap();
    path
}

fn read(capture: &Path, archive: &str, variables: &[(&str, String)]) -> Command {
    read_with_patience("2s", capture, archive, variables)
}

fn read_with_patience(
    patience: &str,
    capture: &Path,
    archive: &str,
    variables: &[(&str, String)],
) -> Command {
    let mut command = recorder();
    command
        .arg("read")
        .arg(capture)
        .args(["--archive", archive, "--retry-for", patience]);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command
}

/// One failure is one short message that names each of `words`.
#[track_caller]
fn check_failure(ran: Ran, words: &[&str]) {
    let ran = ran.expect_code(2);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    assert!(ran.stderr.lines().count() <= 6, "{}", ran.stderr);
    for word in words {
        assert!(
            ran.stderr.contains(word),
            "`{word}` is not in: {}",
            ran.stderr
        );
    }
}

#[test]
fn a_folder_that_cannot_be_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let archive = file.join("archive");
    let archive = archive.to_str().unwrap();
    check_failure(
        run(&mut read(&capture(folder.path()), archive, &[])),
        &[archive],
    );
}

/// A disk that takes no more than a few kilobytes: half a segment must not stay behind under a segment's name.
#[test]
fn a_disk_that_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let reading = read(&capture(folder.path()), archive.to_str().unwrap(), &[]);
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "sh"]);
    command.arg(reading.get_program()).args(reading.get_args());
    check_failure(run(&mut command), &["archive"]);
    let left = tests::files_below(&archive.join("exchanges"));
    assert!(
        !left
            .iter()
            .any(|path| path.extension().is_some_and(|end| end == "parquet")),
        "{left:?}"
    );
}

#[test]
fn a_store_that_says_no() {
    let mut server = S3Server::start();
    let folder = tempfile::tempdir().unwrap();
    let capture = capture(folder.path());

    let ran = run(&mut read(
        &capture,
        "s3://no-such-bucket/x",
        &server.variables(),
    ));
    check_failure(ran, &["no-such-bucket"]);

    let mut wrong = server.variables();
    wrong
        .iter_mut()
        .find(|(name, _)| *name == "AWS_SECRET_ACCESS_KEY")
        .unwrap()
        .1 = "wrong".to_owned();
    check_failure(
        run(&mut read(&capture, &server.url("x"), &wrong)),
        &["archive"],
    );

    let mut plan = replayer();
    plan.args(["plan", "--archive", &server.url("x"), "--last", "7d"])
        .envs(wrong.clone());
    let _ = run(&mut plan).expect_code(2);

    // Busy for a while, as S3 is under load: it is tried again, and nothing is lost.
    let proxy = ThrottlingProxy::start(server.endpoint().replace("http://", ""), 3);
    let mut throttled = server.variables();
    throttled
        .iter_mut()
        .find(|(name, _)| *name == "AWS_ENDPOINT_URL")
        .unwrap()
        .1 = proxy.url();
    let _ = run(&mut read_with_patience(
        "60s",
        &capture,
        &server.url("busy"),
        &throttled,
    ))
    .expect_code(0);
    assert_eq!(proxy.refused(), 3);
    let printed = run_python(
        "read_s3.py",
        &[Path::new("archive/busy")],
        &server.variables(),
    );
    assert_eq!(printed, "{\"rows\": 50, \"posts\": 0}");

    let variables = server.variables();
    server.kill();
    check_failure(
        run(&mut read(&capture, &server.url("y"), &variables)),
        &["archive"],
    );
}

/// The store dies while a capture is being read from standard input.
#[test]
fn a_store_that_dies_meanwhile() {
    let mut server = S3Server::start();
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(capture(folder.path())).unwrap();
    let mut child = read(Path::new("-"), &server.url("z"), &server.variables())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&bytes[..bytes.len() / 2]).unwrap();
    server.kill();
    // The recorder may notice first and stop reading.
    drop(stdin.write_all(&bytes[bytes.len() / 2..]));
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}
