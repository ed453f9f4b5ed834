//! What is left out when recording: filters and samples, on every recorder and at replay, and where it is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use expect_test::expect;
use serde_json::Value;
use tests::{PacketScript, Ran, files_below, read_archive, read_ledger, recorder, replayer, run};

const USERS: usize = 40;

/// Every user asks for a page and orders something; one connection for each, and a health check between them.
fn traffic(first_port: usize) -> PacketScript {
    (0..USERS).fold(PacketScript::new(), |script, user| {
        let client = format!("10.0.0.1:{}", first_port + user);
        let head = format!("Host: shop.example\r\nCookie: a=b; session=user-{user}\r\n\r\n");
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        script
            .between(&client, "10.0.0.2:80")
            .connect()
            .client(format!("GET /page HTTP/1.1\r\n{head}"))
            .server(ok)
            .client("GET /health HTTP/1.1\r\nHost: shop.example\r\n\r\n")
            .server(ok)
            .client(format!("DELETE /orders/{user} HTTP/1.1\r\n{head}"))
            .server("HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n")
            .close()
    })
}

/// Records the traffic with these flags; gives the summary.
fn record(folder: &Path, first_port: usize, flags: &[&str]) -> (PathBuf, Value) {
    let capture = folder.join(format!("{first_port}.pcap"));
    std::fs::write(&capture, traffic(first_port).pcap()).unwrap();
    let archive = folder.join(format!("archive-{first_port}"));
    let mut command = recorder();
    command.arg("read").arg(&capture).arg("--archive");
    let ran = run(command.arg(&archive).args(flags).arg("--json")).expect_code(0);
    (archive, serde_json::from_str(&ran.stdout).unwrap())
}

/// Exchanges by session.
fn sessions(archive: &Path) -> BTreeMap<String, usize> {
    let mut sessions = BTreeMap::new();
    for exchange in read_archive(archive) {
        let headers = &exchange.request.as_ref().unwrap().headers;
        if let Some(cookie) = headers.get("cookie") {
            *sessions.entry(cookie.to_owned()).or_default() += 1;
        }
    }
    sessions
}

fn plan(archive: &Path, flags: &[&str]) -> Ran {
    let mut command = replayer();
    command.args(["plan", "--from", "2026-11-22T13:00:00Z"]);
    command.args(["--to", "2026-11-22T13:01:00Z"]);
    command.args(["--archive", archive.to_str().unwrap()]);
    run(command.args(flags)).expect_code(0)
}

#[test]
fn a_user_is_in_or_out_on_every_recorder_and_at_replay() {
    let folder = tempfile::tempdir().unwrap();
    let by = ["--sample-by", "cookie:session", "--drop", "path=/health"];
    let sample = |share: &'static str| [["--sample", share].as_slice(), &by].concat();
    let (half, _) = record(folder.path(), 40_000, &sample("50%"));
    let (other_recorder, _) = record(folder.path(), 50_000, &sample("1/2"));
    let (fifth, _) = record(folder.path(), 60_000, &sample("0.2"));

    let half_sessions = sessions(&half);
    assert_eq!(half_sessions, sessions(&other_recorder));
    assert!((10..30).contains(&half_sessions.len()), "{half_sessions:?}");
    assert!(half_sessions.values().all(|&exchanges| exchanges == 2));
    let keys = |sessions: BTreeMap<String, usize>| sessions.into_keys().collect::<BTreeSet<_>>();
    let fifth = keys(sessions(&fifth));
    assert!(!fifth.is_empty() && fifth.is_subset(&keys(half_sessions)));

    // What the recorder kept of half of the users, the replayer keeps of all that it is asked for.
    let flags = ["--sample", "20%", "--sample-by", "cookie:session", "--json"];
    let ran = plan(&half, &flags);
    let plan: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(plan["planned"], 2 * fifth.len());
}

#[test]
fn what_is_left_out_is_counted_and_not_called_lost() {
    let folder = tempfile::tempdir().unwrap();
    let flags = [
        "--drop=path=/health",
        "--keep=method=GET",
        "--keep=status=2xx path=/page",
        "--sample=50%",
    ];
    let (archive, summary) = record(folder.path(), 40_000, &flags);
    let recorded = read_archive(&archive).len() as u64;
    assert!(0 < recorded && recorded < USERS as u64);
    assert_eq!(summary["exchanges"]["total"], recorded);
    assert_eq!(summary["left_out"]["filtered"], 2 * USERS);
    assert_eq!(summary["left_out"]["sampled"], USERS as u64 - recorded);
    let ledger = read_ledger(&archive);
    let (mut stored, mut left_out, mut filtered) = (0, 0, 0);
    for (_, row) in ledger {
        stored += row.exchanges;
        left_out += row.exchanges_sampled_out;
        filtered += row.exchanges_filtered_out;
    }
    assert_eq!(
        (stored, left_out, filtered),
        (recorded, 3 * USERS as u64 - recorded, 2 * USERS as u64)
    );

    let ran = plan(&archive, &[]);
    let sampled = USERS as u64 - recorded;
    let left_out = format!(
        "left out    {} of 120 exchanges, 80 by filters and {sampled} by sampling, when recording: by choice, not lost\n",
        120 - recorded
    );
    assert!(ran.stdout.contains(&left_out), "{}", ran.stdout);
    assert!(!ran.stdout.contains("warning"), "{}", ran.stdout);
}

#[test]
fn the_segment_says_what_it_went_through() {
    let folder = tempfile::tempdir().unwrap();
    let flags = [
        "--drop=path=/health;status=404",
        "--sample=50%",
        "--sample-by=client-ip",
    ];
    let (archive, _) = record(folder.path(), 40_000, &flags);
    // All users come from one address, which is in or out as a whole: the ledger is there in either case.
    let exchanges = read_archive(&archive).len();
    assert!(exchanges == 0 || exchanges == USERS);
    let (archive, _) = record(folder.path(), 41_000, &["--keep", "path=/page"]);
    let segments = files_below(&archive.join("exchanges"));
    let footer = String::from_utf8_lossy(&std::fs::read(&segments[0]).unwrap()).into_owned();
    assert!(footer.contains("reprise.sampling") && footer.contains("keep path=/page"));
}

#[test]
fn a_filter_that_takes_everything_away_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, summary) = record(folder.path(), 40_000, &["--keep", "host=api.*"]);
    assert_eq!(read_archive(&archive).len(), 0);
    let advice = summary["advice"][0].as_str().unwrap();
    expect!["nothing was found to record: every exchange, 120 in all, was left out: see --keep, --drop and --sample"]
        .assert_eq(advice);
}
