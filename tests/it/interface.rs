//! `recorder listen --interface`: in network namespaces of its own, with a veth pair between real curl and real nginx.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use schema::{Completeness, LedgerRow};
use tests::{Ran, read_archive, read_ledger, recorder, recorder_path, run, workspace};

/// Runs the script in new namespaces; it makes the network, and does with the recorder what it is told.
fn in_namespaces(place: &Path, what: &str, flags: &[&str]) -> Ran {
    let mut command = Command::new("unshare");
    // With the first process of a process namespace, all others in it end.
    command.args([
        "--user",
        "--map-root-user",
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
    ]);
    command.args(["--mount-proc", "--", "bash"]);
    command.arg(workspace().join("tests/it/interface/network.sh"));
    command
        .arg(recorder_path())
        .arg(place)
        .arg(what)
        .args(flags);
    run(&mut command).expect_code(0)
}

fn sum(archive: &Path, source: &str) -> LedgerRow {
    let mut sum = LedgerRow::default();
    for (_, row) in read_ledger(archive) {
        if row.source.as_deref() == Some(source) {
            sum.add(&row);
        }
    }
    sum
}

/// The value of a metric that the script printed.
fn metric(ran: &Ran, name: &str) -> u64 {
    tests::metric(&ran.stdout, name)
}

/// In IPv4, in IPv6, and with VLAN tags; with several shards, to which the kernel gives packets as they belong.
#[test]
fn what_passes_an_interface_is_recorded() {
    for shards in ["1", "3"] {
        let place = tempfile::tempdir().unwrap();
        let ran = in_namespaces(place.path(), "fetch", &["--shards", shards]);
        let archive = place.path().join("archive");
        let exchanges = read_archive(&archive);
        let mut found: Vec<_> = exchanges
            .iter()
            .map(|exchange| {
                assert_eq!(
                    exchange.completeness,
                    Completeness::Complete,
                    "{exchange:?}"
                );
                assert_eq!(exchange.connection.source.as_deref(), Some("veth-a"));
                let server = exchange.connection.server.ip().to_string();
                let request = exchange.request.as_ref().unwrap();
                (server, request.path.clone())
            })
            .collect();
        found.sort();
        let mut expected = Vec::new();
        expected.push(("10.0.0.2".to_owned(), "/a".to_owned()));
        for server in ["10.77.0.2", "fd77::2"] {
            for number in 10..30 {
                expected.push((server.to_owned(), format!("/{number}")));
            }
        }
        assert_eq!(found, expected, "{shards} shards");
        let ledger = sum(&archive, "veth-a");
        assert_eq!((ledger.frames_dropped, ledger.frames_undecodable), (0, 0));
        assert_eq!(ledger.exchanges, 41);
        // The kernel gives nearly all to the right shard: the rest are neighbour discovery and the like.
        let forwarded = metric(&ran, "recorder_frames_forwarded_total");
        assert!(
            forwarded * 5 < ledger.frames,
            "{forwarded} of {} forwarded",
            ledger.frames
        );
    }
}

/// Thousands of exchanges over connections side by side, as fast as nginx answers: each is there once, and every packet that
/// the kernel counted at the interface is a frame.
#[test]
fn under_load_nothing_is_lost_and_nothing_twice() {
    for shards in ["1", "3"] {
        let place = tempfile::tempdir().unwrap();
        let ran = in_namespaces(place.path(), "load", &["--shards", shards]);
        let archive = place.path().join("archive");
        let mut numbers = BTreeSet::new();
        for exchange in read_archive(&archive) {
            assert_eq!(exchange.completeness, Completeness::Complete);
            let response = exchange.response.unwrap();
            let number = response.headers.get("X-Number").unwrap().to_owned();
            assert!(numbers.insert(number), "recorded twice: {response:?}");
        }
        assert_eq!(numbers.len(), 4_000, "{shards} shards");
        let ledger = sum(&archive, "veth-a");
        assert_eq!((ledger.frames_dropped, ledger.gaps), (0, 0));
        assert_eq!(ledger.frames, metric(&ran, "passed"), "{shards} shards");
    }
}

/// A recorder that cannot keep up loses frames, and says how many: they and those that it has are all that passed.
#[test]
fn what_the_ring_cannot_hold_is_counted() {
    let place = tempfile::tempdir().unwrap();
    let flags = ["--shards", "1", "--receive-buffer", "2MiB"];
    let ran = in_namespaces(place.path(), "stall", &flags);
    let ledger = sum(&place.path().join("archive"), "veth-a");
    let dropped = ledger.frames_dropped;
    assert!(dropped > 100, "{dropped}");
    assert_eq!(ledger.frames + dropped, metric(&ran, "passed"));
    assert_eq!(metric(&ran, "recorder_frames_dropped_total"), dropped);
}

/// An interface that goes down and comes up again goes on being recorded; loopback is seen once.
#[test]
fn an_interface_may_go_down() {
    let place = tempfile::tempdir().unwrap();
    let ran = in_namespaces(place.path(), "down", &["--interface", "lo"]);
    assert!(
        ran.stdout.contains("the interface is down or gone"),
        "{}",
        ran.stdout
    );
    let mut found: Vec<_> = read_archive(&place.path().join("archive"))
        .into_iter()
        // Over loopback, the metrics are asked for too.
        .filter(|exchange| exchange.connection.server.port() == 80)
        .map(|exchange| {
            (
                exchange.connection.source.as_deref().unwrap().to_owned(),
                exchange.request.unwrap().path,
            )
        })
        .collect();
    found.sort();
    let expected = [("lo", "/lo"), ("veth-a", "/after"), ("veth-a", "/before")];
    assert_eq!(
        found,
        expected.map(|(source, path)| (source.to_owned(), path.to_owned()))
    );
}

#[test]
fn a_missing_right_or_interface_is_told() {
    let place = tempfile::tempdir().unwrap();
    let flags = |interface| {
        [
            "listen",
            "--quiet",
            "--archive",
            "/nowhere",
            "--interface",
            interface,
        ]
    };
    // In a user namespace that nobody is mapped into there are no rights.
    let mut powerless = Command::new("unshare");
    powerless
        .args(["--user", "--"])
        .arg(recorder_path())
        .args(flags("lo"));
    let ran = run(&mut powerless).expect_code(2);
    for word in ["interface lo", "CAP_NET_RAW", "setcap"] {
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    }
    let ran = in_namespaces(place.path(), "missing", &[]);
    for word in ["no-such", "ip link"] {
        assert!(ran.stdout.contains(word), "{}", ran.stdout);
    }
    let help = run(recorder().args(["listen", "-h"])).expect_code(0).stdout;
    assert!(help.contains("--interface <NAME>"), "{help}");
}
