//! The live stream, read by pyarrow: as it comes, filtered, too slowly, and from where it was.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use benches::{Mix, Traffic};
use serde_json::Value;
use tests::{
    Certificates, Listening, Subscriber, await_answer, metric, mirror, read_archive, recorder, run,
};

use super::operate::{Program, listen};
use super::spool::{self, life, spooled};
use super::{datagrams, send, traffic};

const LIVE: [&str; 6] = [
    "--vxlan",
    "127.0.0.1:0",
    "--metrics",
    "127.0.0.1:0",
    "--live",
    "127.0.0.1:0",
];

fn start(place: &Path, flags: &[&str]) -> Listening {
    Listening::start(place, &[&LIVE[..], flags].concat())
}

fn feed(listening: &Listening, traffic: &Traffic) {
    let socket = mirror("127.0.0.1", listening.bound().vxlan.unwrap());
    send(&socket, listening, &datagrams(traffic));
}

/// A column of the rows that came.
fn column<'a>(result: &'a Value, name: &str) -> Vec<&'a Value> {
    let rows = result["rows"].as_array().unwrap();
    rows.iter().map(|row| &row[name]).collect()
}

fn missed(result: &Value) -> u64 {
    column(result, "missed")
        .iter()
        .filter_map(|missed| missed.as_u64())
        .sum()
}

/// Rows come within a second of their last byte, with the archive's columns and content, until the recorder ends.
#[test]
fn pyarrow_reads_what_the_archive_gets() {
    let place = tempfile::tempdir().unwrap();
    let archive = place.path().to_str().unwrap();
    let listening = start(place.path(), &["--shards", "2", "--recorder-id", "gw-1"]);
    let live = listening.bound().live.unwrap();
    let prompt = Subscriber::start(live, "from=now", &["--count", "300"]);
    let mut compared = Subscriber::start(live, "from=oldest", &["--archive", archive]);
    feed(&listening, &traffic(300));
    let result = prompt.result();
    let slowest = result["slowest"].as_f64().unwrap();
    assert!(slowest < 1.0, "{slowest} s after its last byte");
    assert_eq!(missed(&result), 0);
    let paths = column(&result, "path");
    assert!(
        paths
            .iter()
            .all(|path| traffic(300).find(path.as_str().unwrap()).is_some())
    );
    assert_eq!(result["type"], "application/vnd.apache.arrow.stream");
    assert_eq!(result["metadata"]["reprise.recorder"], "gw-1");
    let text = await_answer(listening.bound().metrics.unwrap(), |_, text| {
        metric(text, "recorder_live_rows_total") >= 600
    });
    assert_eq!(metric(&text, "recorder_live_missed_total"), 0);
    listening.stop().unwrap();
    compared.go();
    let result = compared.result();
    assert_eq!(result["rows"].as_array().unwrap().len(), 300);
    assert_eq!(result["whole"], true, "the end is told");
    assert_eq!(result["is_archive"], true);
}

#[test]
fn a_subscriber_gets_the_columns_and_rows_that_it_asks_for() {
    let place = tempfile::tempdir().unwrap();
    let listening = start(place.path(), &[]);
    let live = listening.bound().live.unwrap();
    let query = "columns=method,path,status&method=post&status=2xx&path=/**&exclude-path=/none";
    let subscriber = Subscriber::start(live, query, &[]);
    let none = Subscriber::start(live, "header=x-none=*", &[]);
    let traffic = traffic(200);
    feed(&listening, &traffic);
    listening.stop().unwrap();
    let result = subscriber.result();
    let columns = ["method", "path", "status", "position", "missed"];
    assert_eq!(result["columns"], Value::from(columns.to_vec()));
    let mut paths = column(&result, "path");
    paths.sort_by_key(|path| path.as_str());
    let archived = read_archive(place.path());
    let posts = archived
        .iter()
        .filter_map(|exchange| exchange.request.as_ref());
    let mut posts: Vec<_> = posts.filter(|request| request.method == "POST").collect();
    posts.sort_by_key(|request| &request.path);
    assert!(posts.len() > 10);
    assert_eq!(
        paths,
        posts
            .iter()
            .map(|request| request.path.as_str())
            .collect::<Vec<_>>()
    );
    assert_eq!(none.result()["rows"], Value::Array(Vec::new()));
}

#[test]
fn a_request_that_cannot_be_served_is_told_why() {
    let place = tempfile::tempdir().unwrap();
    let listening = start(place.path(), &[]);
    let live = listening.bound().live.unwrap();
    for (query, status, words) in [
        ("status=40x", 400, "status: `40x`"),
        ("colour=red", 400, "there are columns, after, from"),
        ("after=0000000000000001-0-7", 410, "another spool"),
    ] {
        let result = Subscriber::start(live, query, &[]).result();
        assert_eq!(result["status"], status, "{result}");
        assert!(result["text"].as_str().unwrap().contains(words), "{result}");
    }
    let (status, text) = tests::get(live);
    assert_eq!((status, &*text), (404, "there is only /v1/exchanges\n"));
    listening.stop().unwrap();
}

/// A subscriber that does not read costs recording nothing, and is told how many exchanges it has missed.
#[test]
fn a_stalled_subscriber_is_told_what_it_missed_and_slows_nothing() {
    let place = tempfile::tempdir().unwrap();
    let listening = Listening::start_with(place.path(), &LIVE, |config| {
        config.listen.as_mut().unwrap().limits.live_recent_bytes = 1 << 20;
    });
    let live = listening.bound().live.unwrap();
    let total = 200;
    let count = (total + 1).to_string();
    let mut stalled = Subscriber::start(live, "", &["--wait", "--count", &count]);
    let prompt = Subscriber::start(live, "", &["--count", &count]);
    let large = Traffic {
        mix: Mix::LargeAnswers,
        ..traffic(total)
    };
    feed(&listening, &large);
    let metrics = listening.bound().metrics.unwrap();
    // Without a spool, and nothing published yet, all that were recorded wait; on a busy machine loopback reorders, and one
    // may have a gap.
    await_answer(metrics, |_, text| {
        metric(text, "recorder_exchanges_waiting") == total
    });
    stalled.go();
    let last = Traffic {
        seed: 9,
        ..traffic(1)
    };
    feed(&listening, &last);
    let (stalled, prompt) = (stalled.result(), prompt.result());
    let rows = stalled["rows"].as_array().unwrap().len() as u64;
    assert!(
        missed(&stalled) > 10,
        "{rows} rows, {} missed",
        missed(&stalled)
    );
    assert_eq!(rows + missed(&stalled), total + 1);
    // What it says that it missed lies just where its rows have a hole.
    let mut expected = 0;
    for row in stalled["rows"].as_array().unwrap() {
        let position = row["position"].as_str().unwrap();
        let number: u64 = position.rsplit('-').next().unwrap().parse().unwrap();
        assert_eq!(number, expected + row["missed"].as_u64().unwrap());
        expected = number + 1;
    }
    let text = await_answer(metrics, |_, text| {
        metric(text, "recorder_live_missed_total") > 0
    });
    assert_eq!(metric(&text, "recorder_frames_dropped_total"), 0);
    assert_eq!(
        prompt["rows"].as_array().unwrap().len() as u64 + missed(&prompt),
        total + 1
    );
    let summary = listening.stop().unwrap();
    assert_eq!(summary.exchanges_total(), total + 1);
    assert_eq!(read_archive(place.path()).len() as u64, total + 1);
}

/// A recorder that has recorded everything still waits for its subscribers: what a connection holds is not yet theirs.
#[test]
fn a_subscriber_that_reads_slowly_gets_the_last_rows_of_a_recorder_that_stops() {
    let place = tempfile::tempdir().unwrap();
    let listening = start(place.path(), &[]);
    let mut stream = TcpStream::connect(listening.bound().live.unwrap()).unwrap();
    let request = "GET /v1/exchanges?from=oldest HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let large = Traffic {
        mix: Mix::LargeAnswers,
        ..traffic(60)
    };
    feed(&listening, &large);
    let stopped = std::thread::spawn(|| listening.stop().unwrap());
    let (mut bytes, mut room) = (Vec::new(), [0; 8_192]);
    loop {
        let length = stream.read(&mut room).unwrap();
        if length == 0 {
            break;
        }
        bytes.extend_from_slice(&room[..length]);
        std::thread::park_timeout(Duration::from_micros(500));
    }
    assert!(bytes.ends_with(b"\r\n0\r\n\r\n"), "{} bytes", bytes.len());
    assert_eq!(stopped.join().unwrap().exchanges_total(), 60);
}

/// With a spool, a position is good after a kill too: a subscriber goes on where it was, and misses nothing though it is slow.
#[test]
fn a_subscriber_goes_on_from_its_position() {
    let place = tempfile::tempdir().unwrap();
    let (archive, spool) = (place.path().join("archive"), place.path().join("spool"));
    let start = || {
        let mut command = listen(archive.to_str().unwrap());
        command.arg("--spool").arg(&spool);
        command.args(["--spool-sync", "always", "--segment-bytes", "64KiB"]);
        command.args(["--live", "127.0.0.1:0"]);
        Program::start(command)
    };
    let feed = |program: &Program, number: u32, exchanges: u64| {
        let socket = mirror("127.0.0.1", program.vxlan);
        spool::feed(program, &socket, &datagrams(&life(number, exchanges)));
        await_answer(program.metrics, |_, text| spooled(text) == exchanges);
    };
    let subscribe = |program: &Program, query: &str, count: &str| {
        let live = program.live.unwrap();
        Subscriber::start(
            live,
            &format!("columns=vni,path{query}"),
            &["--count", count],
        )
    };
    let program = start();
    let first = subscribe(&program, "", "120");
    feed(&program, 0, 300);
    let result = first.result();
    let mut rows = result["rows"].as_array().unwrap().clone();
    rows.truncate(120);
    let position = rows[119]["position"].as_str().unwrap().to_owned();
    program.kill();
    // Twice, so that frames of two lives are read that are in segments by then.
    let program = start();
    feed(&program, 1, 100);
    program.kill();
    let program = start();
    feed(&program, 2, 100);
    let rest = subscribe(&program, &format!("&after={position}"), "380").result();
    let all = subscribe(&program, "&from=oldest", "500").result();
    assert_eq!(program.end("-TERM").0, Some(0));
    assert_eq!((missed(&rest), missed(&all)), (0, 0));
    rows.extend(rest["rows"].as_array().unwrap().iter().cloned());
    let key = |row: &Value| (row["vni"].as_u64(), row["path"].as_str().map(str::to_owned));
    let once: BTreeSet<_> = rows.iter().map(key).collect();
    assert_eq!((rows.len(), once.len()), (500, 500), "each comes once");
    assert_eq!(
        all["rows"].as_array().unwrap()[..],
        rows[..],
        "in the same order"
    );
}

#[test]
fn beyond_loopback_it_takes_a_token_and_tls() {
    let place = tempfile::tempdir().unwrap();
    let certificates = Certificates::make();
    let token = place.path().join("token");
    std::fs::write(&token, "0123456789abcdef-live\n").unwrap();
    let token_file = token.to_str().unwrap();
    let (certificate, key) = (
        certificates.text("server.pem"),
        certificates.text("server.key"),
    );
    let tls = ["--live-tls-cert", &certificate, "--live-tls-key", &key];
    let with_token = ["--live-token-file", token_file];
    for flags in [&[][..], &tls, &with_token] {
        let mut command = recorder();
        command.args(["listen", "--archive", "/nowhere", "--live", "0.0.0.0:0"]);
        let ran = run(command.args(["--vxlan", "127.0.0.1:0"]).args(flags)).expect_code(2);
        assert!(
            ran.stderr.contains("--live-token-file and --live-tls-cert"),
            "{}",
            ran.stderr
        );
    }
    let archive = place.path().join("archive");
    let listening = start(&archive, &[&tls[..], &with_token[..]].concat());
    let live = format!("https://{}", listening.bound().live.unwrap());
    let authority = certificates.text("ca.pem");
    let ca = ["--ca", &authority];
    for token in [&[][..], &["--token", "0123456789abcdef-dead"]] {
        let refused = Subscriber::start_at(&live, "", &[&ca[..], token].concat()).result();
        assert_eq!(refused["status"], 401, "{refused}");
    }
    let flags = [&ca[..], &["--token", "0123456789abcdef-live"]].concat();
    let subscriber = Subscriber::start_at(&live, "", &flags);
    feed(&listening, &traffic(20));
    listening.stop().unwrap();
    assert_eq!(subscriber.result()["rows"].as_array().unwrap().len(), 20);
}

/// Whoever connects and says nothing, or nonsense, is in nobody's way; nor is who leaves.
#[test]
fn subscribers_come_and_go() {
    let place = tempfile::tempdir().unwrap();
    let listening = Listening::start_with(place.path(), &LIVE, |config| {
        config.listen.as_mut().unwrap().limits.live_subscribers = 2;
    });
    let live = listening.bound().live.unwrap();
    let silent = TcpStream::connect(live).unwrap();
    let (one, two) = (
        Subscriber::start(live, "", &[]),
        Subscriber::start(live, "", &[]),
    );
    let refused = Subscriber::start(live, "", &[]).result();
    assert_eq!(refused["status"], 503, "{refused}");
    drop(one);
    let metrics = listening.bound().metrics.unwrap();
    // The end of a connection is noticed when nothing can be sent.
    await_answer(metrics, |_, text| {
        metric(text, "recorder_live_subscribers") == 1
    });
    let three = Subscriber::start(live, "", &[]);
    feed(&listening, &traffic(10));
    drop(silent);
    listening.stop().unwrap();
    for subscriber in [two, three] {
        assert_eq!(subscriber.result()["rows"].as_array().unwrap().len(), 10);
    }
}
