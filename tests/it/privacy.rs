//! Redaction as a user runs it: what is marked is nowhere, and what is left can still be replayed and compared.

mod planted;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use benches::wire;
use bytes::Bytes;
use schema::{Completeness, Exchange, Vni};
use serde_json::Value;
use tests::{
    Answer, Listening, PacketScript, Ran, Target, await_answer, files_below, metric, mirror,
    read_archive, read_ledger, recorder, replayer, run,
};

use planted::{JSON, ok, planted, post};

const KEY: &str = "a key for tests, 32 bytes of text";
/// What every marked value begins with.
const MARK: &str = "mark3d";
const RULES: [&str; 8] = [
    "preset:credentials=pseudonymise",
    "header:x-person",
    "query:person=drop",
    "form:person=pseudonymise",
    "json:/**/person=pseudonymise",
    "json:/id=pseudonymise:digits",
    "path:/people/{}/**=pseudonymise",
    "body:text/xml=drop",
];

struct Recorded {
    archive: PathBuf,
    ran: Ran,
}

fn record(folder: &Path, capture: &[u8], flags: &[&str], key: &str) -> Recorded {
    let file = folder.join("gw.pcap");
    std::fs::write(&file, capture).unwrap();
    let archive = folder.join("archive");
    let mut command = recorder();
    command
        .arg("read")
        .arg(&file)
        .arg("--archive")
        .arg(&archive)
        .args(flags);
    command
        .env("RECORDER_REDACT_KEY", key)
        .env("RECORDER_LOG", "trace");
    let ran = run(&mut command).expect_code(0);
    Recorded { archive, ran }
}

fn rules() -> Vec<&'static str> {
    RULES.iter().flat_map(|rule| ["--redact", *rule]).collect()
}

/// All that a reader can see of an exchange, bodies also decoded.
fn visible(exchange: &Exchange) -> String {
    let mut text = format!("{exchange:?}");
    let request = exchange
        .request
        .as_ref()
        .map(|request| (&request.body.bytes, &request.headers));
    let response = exchange
        .response
        .as_ref()
        .map(|response| (&response.body.bytes, &response.headers));
    for (body, headers) in [request, response].into_iter().flatten() {
        let codings: Vec<_> = headers.get_all("content-encoding").collect();
        let plain = schema::decode_content(&codings.join(","), body, 1 << 20).unwrap_or_default();
        for bytes in [body, &Bytes::from(plain)] {
            text += &String::from_utf8_lossy(bytes);
            // The same without the zeros of UTF-16.
            text += &String::from_utf8_lossy(
                &bytes
                    .iter()
                    .copied()
                    .filter(|&b| b != 0)
                    .collect::<Vec<_>>(),
            );
        }
    }
    text
}

#[test]
fn a_marked_secret_is_nowhere() {
    let capture = planted().pcap();
    let bare = tempfile::tempdir().unwrap();
    let without = record(bare.path(), &capture, &["--max-body=1000000"], "");
    let seen: String = read_archive(&without.archive).iter().map(visible).collect();
    for number in (1..=16).chain(20..=36).chain(40..=47) {
        // In UTF-8 or with an escape: what is planted does arrive.
        let mark = format!("{MARK}-{number}");
        let escaped = format!("{MARK}\\u002d{number}");
        assert!(seen.contains(&mark) || seen.contains(&escaped), "{mark}");
    }

    let folder = tempfile::tempdir().unwrap();
    let flags = [rules(), vec!["--max-body", "2000", "--json"]].concat();
    let recorded = record(folder.path(), &capture, &flags, KEY);
    let exchanges = read_archive(&recorded.archive);
    assert_eq!(exchanges.len(), read_archive(&without.archive).len());
    for exchange in &exchanges {
        let text = visible(exchange);
        assert!(!text.contains(MARK), "{text}");
    }
    let kept: String = exchanges.iter().map(visible).collect();
    assert!(kept.contains("kept=kept") && kept.contains(r#""kept":"kept""#));
    for path in files_below(&recorded.archive) {
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            !text.contains(MARK) && !text.contains(KEY),
            "{}",
            path.display()
        );
    }
    let said = [&*recorded.ran.stdout, &*recorded.ran.stderr].concat();
    assert!(!said.contains(MARK) && !said.contains(KEY), "{said}");
    let ledger = read_ledger(&recorded.archive);
    assert!(!format!("{ledger:?}").contains(MARK));

    let masked: u64 = ledger.iter().map(|(_, row)| row.bodies_masked).sum();
    let summary: Value = serde_json::from_str(&recorded.ran.stdout).unwrap();
    assert_eq!(summary["redaction"]["bodies_masked"], masked);
    assert!(masked > 0);
    let rules = summary["redaction"]["rules"].as_array().unwrap();
    let unmatched: Vec<_> = rules.iter().filter(|rule| rule["matches"] == 0).collect();
    assert_eq!(unmatched.len(), 1, "{unmatched:?}");
    assert_eq!(unmatched[0]["rule"], "json:/id=pseudonymise:digits");
    lengths_are_true(&exchanges);
}

/// Whatever is stored whole has the length that its head says.
fn lengths_are_true(exchanges: &[Exchange]) {
    for exchange in exchanges {
        let Some(request) = &exchange.request else {
            continue;
        };
        let (stored, sent) = (request.body.bytes.len() as u64, request.body.wire_bytes);
        assert!(stored == sent || exchange.completeness != Completeness::Complete);
        if stored == sent
            && let Some(length) = request.headers.get("content-length")
        {
            assert_eq!(length, stored.to_string(), "{}", request.path);
        }
    }
}

/// A session: log in, use the cookie and the id, with the same values in many places.
fn session(port: u16, person: u32) -> PacketScript {
    let login = format!(r#"{{"person":"jane{person}@example.com","password":"pw{person}"}}"#);
    let answer = format!(r#"{{"id":{person},"token":"t-{person}"}}"#);
    let auth = format!("Authorization: Bearer t-{person}\r\nCookie: sid=s-{person}\r\n");
    PacketScript::new()
        .between(&format!("10.0.0.1:{port}"), "10.0.0.2:80")
        .connect()
        .client(post("/login", JSON, login.as_bytes()))
        .server(ok(
            &format!("{JSON}Set-Cookie: sid=s-{person}; Path=/\r\n"),
            answer.as_bytes(),
        ))
        .client(format!(
            "GET /people/{person}/orders HTTP/1.1\r\nHost: shop.example\r\n{auth}\r\n"
        ))
        .server(ok(JSON, answer.as_bytes()))
        .close()
}

const SESSION_RULES: [&str; 4] = [
    "--redact=preset:credentials=pseudonymise",
    "--redact=json:/person=pseudonymise:email",
    "--redact=json:/id=pseudonymise:digits",
    "--redact=path:/people/{}/orders=pseudonymise:digits",
];

#[test]
fn pseudonyms_join_and_depend_on_the_key() {
    let parts = |key: &str| {
        let folder = tempfile::tempdir().unwrap();
        let recorded = record(
            folder.path(),
            &session(40_001, 4_711).pcap(),
            &SESSION_RULES,
            key,
        );
        let [login, orders]: [Exchange; 2] = read_archive(&recorded.archive).try_into().unwrap();
        let answer: Value =
            serde_json::from_slice(&login.response.as_ref().unwrap().body.bytes).unwrap();
        let (request, set) = (orders.request.unwrap(), login.response.unwrap());
        let cookie = set
            .headers
            .get("set-cookie")
            .unwrap()
            .strip_suffix("; Path=/")
            .unwrap()
            .to_owned();
        assert_eq!(request.headers.get("cookie"), Some(&*cookie));
        let token = answer["token"].as_str().unwrap();
        assert_eq!(
            request.headers.get("authorization"),
            Some(&*format!("Bearer {token}"))
        );
        let id = answer["id"].to_string();
        assert_eq!(request.path, format!("/people/{id}/orders"));
        assert!(id != "4711" && id.len() == 4);
        (cookie, token.to_owned())
    };
    let (first, again, other) = (parts(KEY), parts(KEY), parts("another key of 16 bytes"));
    assert_eq!(first, again);
    assert!(first.0 != other.0 && first.1 != other.1);
}

/// A service whose data went through the same pseudonyms answers as recorded.
#[test]
fn a_pseudonymised_archive_replays_and_compares() {
    let folder = tempfile::tempdir().unwrap();
    let recorded = record(
        folder.path(),
        &session(40_001, 4_711).pcap(),
        &SESSION_RULES,
        KEY,
    );
    let archive = recorded.archive.to_str().unwrap();
    let exchanges = read_archive(&recorded.archive);
    let answers: Vec<_> = exchanges
        .iter()
        .map(|exchange| {
            let request = exchange.request.as_ref().unwrap();
            let response = exchange.response.as_ref().unwrap();
            (
                request.path.clone(),
                request.body.bytes.clone(),
                response.clone(),
            )
        })
        .collect();
    let served = answers.clone();
    let target = Target::start(move |arrival| {
        let (_, _, response) = served
            .iter()
            .find(|(path, ..)| path == arrival.path())
            .unwrap();
        let fields = response
            .headers
            .iter()
            .filter(|(name, _)| *name != "Content-Length");
        Answer::new(
            200,
            &fields.collect::<Vec<_>>(),
            response.body.bytes.to_vec(),
        )
    });
    let mut command = replayer();
    command.args([
        "run",
        "--archive",
        archive,
        "--target",
        &target.url(),
        "--run",
        "r",
    ]);
    command.args([
        "--from",
        "2026-11-22T13:00:00Z",
        "--to",
        "2026-11-22T14:00:00Z",
        "--speed",
        "max",
    ]);
    command.arg("--allow-writes");
    let _ = run(&mut command).expect_code(0);
    let arrivals = target.arrivals();
    assert_eq!(arrivals.len(), 2);
    for (arrival, (path, body, _)) in arrivals.iter().zip(&answers) {
        assert_eq!((arrival.path(), &arrival.body[..]), (&**path, &body[..]));
    }
    assert!(String::from_utf8_lossy(&answers[0].1).contains("@pseudonym.invalid"));
}

#[test]
fn mistakes_point_at_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let rules = file(
        "rules.toml",
        "rules = [\n  \"header:x\",\n  \"cookei:sid\",\n]\n",
    );
    let other = file("other.toml", "# rules\nrule = []\n");
    let broken = file("broken.toml", "rules = [\n  \"header:x\n]\n");
    let short = file("short.key", "abc\n");
    let key = file("good.key", KEY);
    let cases: [(&[&str], &[&str]); 9] = [
        (
            &["--redact", "cookei:sid"],
            &["--redact", "`cookei` is no place"],
        ),
        (
            &["--redact-file", &rules],
            &[
                "--redact-file",
                "rules.toml, line 3",
                "`cookei` is no place",
            ],
        ),
        (&["--redact-file", &other], &["other.toml, line 2", "rule"]),
        (&["--redact-file", &broken], &["broken.toml, line 2"]),
        (
            &["--redact-file", "/no/such"],
            &["--redact-file", "/no/such"],
        ),
        (
            &["--redact", "cookie:a=pseudonymise"],
            &["needs a key", "--redact-key-file", "RECORDER_REDACT_KEY"],
        ),
        (
            &["--redact", "cookie:a", "--redact-key-file", &short],
            &["3 bytes", "at least 16"],
        ),
        (&["--redact-key-file", &key], &["no rule"]),
        (
            &[
                "--redact",
                "cookie:sid",
                "--sample",
                "1/2",
                "--sample-by",
                "cookie:sid",
            ],
            &["--sample-by", "`cookie:sid` takes away"],
        ),
    ];
    for (flags, expected) in cases {
        check_mistake(folder.path(), flags, expected);
    }
}

/// Code 2 before anything is made, and an error that names all of it and nothing of a key.
#[track_caller]
fn check_mistake(folder: &Path, flags: &[&str], expected: &[&str]) {
    let archive = folder.join("archive");
    let mut command = recorder();
    command.args(["read", "x.pcap", "--archive"]);
    let ran = run(command.arg(&archive).args(flags)).expect_code(2);
    assert!(!archive.exists());
    for text in expected {
        assert!(ran.stderr.contains(text), "{flags:?}: {}", ran.stderr);
    }
    assert!(
        !ran.stderr.contains(KEY) && !ran.stderr.contains("abc"),
        "{}",
        ran.stderr
    );
}

/// Everything that the live stream sends until the recorder stops.
fn stream(live: SocketAddr) -> JoinHandle<Vec<u8>> {
    let mut stream = TcpStream::connect(live).unwrap();
    let request = "GET /v1/exchanges?from=oldest HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

/// Columns are not compressed: what is in a stream is in its bytes.
fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// The same rules serve the live recorder: what is marked leaves no shard, neither into the archive nor to a subscriber, nor
/// to one that reads what the spool has kept.
#[test]
fn a_live_recorder_takes_out_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("redact.key");
    std::fs::write(&key, KEY).unwrap();
    let archive = folder.path().join("archive");
    let spool = folder.path().join("spool");
    let flags = [
        rules(),
        vec!["--vxlan", "127.0.0.1:0", "--metrics", "127.0.0.1:0"],
        vec!["--redact-key-file", key.to_str().unwrap()],
        vec!["--live", "127.0.0.1:0", "--spool", spool.to_str().unwrap()],
    ];
    let listening = Listening::start(&archive, &flags.concat());
    let streamed = stream(listening.bound().live.unwrap());
    let socket = mirror("127.0.0.1", listening.bound().vxlan.unwrap());
    let script = planted();
    for frame in script.frames() {
        let datagram = wire::vxlan_payload(&frame.bytes, Vni::new(7));
        socket.send(&datagram).unwrap();
    }
    let frames = script.frames().len() as u64;
    let metrics = listening.bound().metrics.unwrap();
    let page = await_answer(metrics, |_, text| {
        metric(text, "recorder_frames_total") >= frames
    });
    let summary = listening.stop().unwrap();
    let exchanges = read_archive(&archive);
    assert_eq!(exchanges.len() as u64, summary.exchanges_total());
    assert!(exchanges.len() > 10);
    for exchange in &exchanges {
        let text = visible(exchange);
        assert!(!text.contains(MARK), "{text}");
    }
    assert!(!page.contains(MARK) && !summary.json().contains(MARK));
    let redaction = summary.redaction.unwrap();
    assert!(redaction.bodies_masked > 0 && redaction.policy.contains(", key "));
    assert!(redaction.rules[0].matches > 0, "{redaction:?}");

    let again = Listening::start(&archive, &flags.concat());
    let kept = stream(again.bound().live.unwrap());
    let count = exchanges.len() as u64;
    await_answer(again.bound().metrics.unwrap(), |_, text| {
        metric(text, "recorder_live_rows_total") == count
    });
    again.stop().unwrap();
    for (which, stream) in [("live", streamed), ("kept", kept)] {
        let bytes = stream.join().unwrap();
        assert!(!holds(&bytes, MARK), "{which}: what was to be taken out");
        assert!(bytes.starts_with(b"HTTP/1.1 200 OK\r\n"), "{which}");
        for exchange in &exchanges {
            let id = exchange.id().to_string();
            assert!(holds(&bytes, &id), "{which}: lacks {id}");
        }
        assert!(bytes.ends_with(b"\r\n0\r\n\r\n"), "{which}: no end");
    }
}
