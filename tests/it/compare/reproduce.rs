//! Reproducers, run by the shell against builds that nobody has asked anything before.

use std::path::Path;
use std::process::Command;

use tests::{Relay, Visitor, changed_portal, portal};

use super::*;

/// Recordings of a portal behind a login, and a run against each build of it.
fn visited(connect: fn(&str) -> Visitor, redact: &[&str]) -> Compared {
    let server = portal(1);
    let relay = Relay::start(server.address().to_string());
    for number in 0..2 {
        connect(&relay.address()).shop(&format!("chair {number}"));
    }
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcap");
    std::fs::write(&capture, relay.script().pcap()).unwrap();
    let compared = Compared { folder };
    let archive = compared.archive();
    let mut read = recorder();
    read.arg("read").arg(&capture).args(["--archive", &archive]);
    for rule in redact {
        read.args(["--redact", rule]);
        read.env("RECORDER_REDACT_KEY", "a key for tests, 32 bytes of text");
    }
    let _recorded = run(&mut read).expect_code(0);
    let flags = ["--correlate", "header:Location"];
    let flags = [
        &flags[..],
        &["--order", "session", "--session-key", "client-ip"],
    ]
    .concat();
    compared.replayed("old", &portal(2), &flags);
    compared.replayed("new", &changed_portal(3), &flags);
    compared
}

/// The script of the group at this place.
fn script_at<'a>(document: &'a ComparisonDocument, location: &str) -> &'a str {
    let mut groups = document.groups.iter();
    let group = groups.find(|group| group.blame == "refactor" && group.location == location);
    &group
        .unwrap_or_else(|| panic!("no group at {location}: {document:#?}"))
        .script
}

/// What the script says of a build.
fn reproduce(folder: &Path, script: &str, target: &str) -> Ran {
    let file = folder.join("reproduce.sh");
    std::fs::write(&file, script).unwrap();
    run(Command::new("sh").arg(&file).env("TARGET", target))
}

#[test]
fn a_change_deep_in_a_session_behind_a_login_is_reproduced() {
    let compared = visited(Visitor::connect, &[]);
    let script = reproduced(&compared);
    // It asks nothing of a target that is not there, and says so.
    let nobody = reproduce(compared.folder.path(), &script, "http://127.0.0.1:9").expect_code(2);
    assert!(
        nobody.stdout.contains("cannot be told"),
        "{}",
        nobody.stdout
    );
}

/// A browser's connections: the login on one, each token given on another than where it is used.
#[test]
fn a_session_over_many_connections_is_reproduced_from_its_login_on() {
    let compared = visited(Visitor::apart, &[]);
    let script = reproduced(&compared);
    assert!(!script.contains("No answer in here gives"), "{script}");
    let connections: Vec<&str> = script
        .lines()
        .filter_map(|line| line.split_once("--exchange ")?.1.split('-').next())
        .collect();
    let different: std::collections::BTreeSet<&&str> = connections.iter().collect();
    assert_eq!((connections.len(), different.len()), (7, 7), "{script}");
}

/// The script of a changed price, which says the right thing of both builds.
fn reproduced(compared: &Compared) -> String {
    let document = compared.document(&SIDES);
    let script = script_at(&document, "$.lines[*].price");
    let changed = reproduce(compared.folder.path(), script, &changed_portal(4).url());
    let changed = changed.expect_code(1);
    assert!(
        changed
            .stdout
            .ends_with("reproduced: the answer is changed as it was in that run\n"),
        "{}",
        changed.stdout
    );
    let unchanged = reproduce(compared.folder.path(), script, &portal(5).url()).expect_code(0);
    assert!(
        unchanged
            .stdout
            .ends_with("did not reproduce: the answer is the baseline's\n"),
        "{}",
        unchanged.stdout
    );
    for ran in [changed, unchanged] {
        // Nobody was refused, and no answer lacked anything.
        let answers: Vec<&str> = ran
            .stdout
            .lines()
            .filter(|line| line.starts_with("answer "))
            .collect();
        assert_eq!(
            answers,
            [
                "answer 1: 200",
                "answer 2: 302",
                "answer 3: 200",
                "answer 4: 200",
                "answer 5: 200",
                "answer 6: 201",
                "answer 7: 200"
            ],
            "{}\n{script}",
            ran.stdout
        );
        assert_eq!(ran.stderr, "");
        assert!(
            ran.stdout.contains("$.lines[*].price = 10.50\n"),
            "{}",
            ran.stdout
        );
    }
    assert!(!script.contains("redacted"), "{script}");
    script.to_owned()
}

#[test]
fn a_script_of_a_redacted_archive_says_so() {
    let compared = visited(Visitor::connect, &["cookie:*=pseudonymise"]);
    let document = compared.document(&SIDES);
    let script = script_at(&document, "$.lines[*].price");
    assert!(
        script.contains("# The recording was redacted (1 rule"),
        "{script}"
    );
}

/// Where a member is gone, an answer that is quite another one has not reproduced that, and no answer even less.
#[test]
fn an_answer_that_is_another_one_tells_nothing() {
    let json = [("Content-Type", "application/json")];
    let compared = Compared::new(old, |_| {
        Answer::new(200, &[("Content-Type", "application/json")], "{\"id\":1}")
    });
    let document = compared.document(&SIDES);
    let script = script_at(&document, "$.total");
    let builds = [
        (Target::start(old), 0),
        (
            Target::start(move |_| Answer::new(200, &json, "{\"id\":7}")),
            1,
        ),
        (
            Target::start(move |_| Answer::new(401, &json, "{\"id\":0}")),
            2,
        ),
        (
            Target::start(|_| Answer::new(200, &[("Content-Type", "text/html")], "<p>log in</p>")),
            2,
        ),
    ];
    for (build, code) in builds {
        let ran = reproduce(compared.folder.path(), script, &build.url());
        assert_eq!(ran.code, code, "{}\n{script}", ran.stdout);
    }
    let nobody = reproduce(compared.folder.path(), script, "http://127.0.0.1:9").expect_code(2);
    assert!(
        nobody.stdout.contains("could not be sent"),
        "{}",
        nobody.stdout
    );
}

/// Requests of every kind, one after the other; the last one tells the builds apart.
fn kinds() -> Vec<Vec<u8>> {
    let with_body = |head: &str, body: &[u8]| {
        let mut wire = format!("{head}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
        wire.extend(body);
        wire
    };
    let host = "Host: shop.test:8080\r\n";
    let binary: Vec<u8> = (0..=255).chain([0, 0, 39, 92, 37]).collect();
    let large = "it's 100% \\n \"large\" é\n".repeat(15_000);
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a'b.txt\"\r\n\r\n$HOME `id` \\ % é\r\n--b--\r\n";
    let json = r#"{"text":"it's \"quoted\" \\ $HOME `id`","n":[1,2]}"#;
    let target = |bytes: &[u8]| {
        [
            b"POST ",
            bytes,
            b" HTTP/1.1\r\nHost: shop.test:8080\r\n\r\n",
        ]
        .concat()
    };
    vec![
        target("/café/../straße?q=\u{fc}&r=\"<a>\"^`{|}\\'$HOME'".as_bytes()),
        target(b"/caf\xe9/%e9?q=\xfc\xff#x"),
        with_body(&format!("POST /binary HTTP/1.1\r\n{host}Content-Type: application/octet-stream\r\n"), &binary),
        with_body(&format!("PUT /large?a=%7Bb%7D&c[]={{d}} HTTP/1.1\r\n{host}Content-Type: text/plain\r\nExpect: 100-continue\r\n"), large.as_bytes()),
        with_body(&format!("POST /multipart HTTP/1.1\r\n{host}Content-Type: multipart/form-data; boundary=b\r\n"), multipart.as_bytes()),
        with_body(&format!("POST /json/a/../b HTTP/1.1\r\n{host}content-type: application/json\r\nX-Empty:\r\nX-Quote: it's \"5\" $HOME\r\n"), json.as_bytes()),
        with_body(&format!("POST /nothing HTTP/1.1\r\n{host}User-Agent: shop/1\r\nAccept: */*\r\n"), b""),
        with_body(&format!("DELETE /plain HTTP/1.1\r\n{host}"), b"no type"),
        format!("POST /chunks HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n5\r\nhello\r\n0\r\n\r\n").into_bytes(),
        format!("HEAD /orders/1 HTTP/1.1\r\n{host}Accept-Encoding: gzip\r\n\r\n").into_bytes(),
    ]
}

/// What came over the wire, without what belongs to a connection or a replay.
fn arrived(target: &Target) -> Vec<Arrival> {
    let is_own = |name: &str| {
        let own = [
            "connection",
            "expect",
            "x-reprise-run",
            "x-forwarded-for",
            "content-length",
        ];
        own.contains(&name.to_ascii_lowercase().as_str())
    };
    let mut arrivals = target.arrivals();
    for arrival in &mut arrivals {
        (arrival.connection, arrival.at) = (0, std::time::Duration::ZERO);
        arrival.headers.retain(|(name, _)| !is_own(name));
        arrival.headers.sort();
    }
    arrivals
}

#[test]
fn requests_of_every_kind_arrive_as_the_run_sent_them() {
    let mut script = PacketScript::new();
    for wire in kinds() {
        let length = if wire.starts_with(b"HEAD") { 7 } else { 0 };
        script = script.client(&wire).server(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
        ));
    }
    let compared = Compared::recorded(&script, &[]);
    let build = |status: u16| {
        Target::start(move |arrival| {
            let is_last = arrival.method == "HEAD";
            Answer::new(if is_last { status } else { 200 }, &[], "")
        })
    };
    compared.replayed("old", &build(200), &[]);
    let new = build(410);
    compared.replayed("new", &new, &[]);
    let document = compared.document(&SIDES);
    let script = &document
        .groups
        .iter()
        .find(|group| group.part == "status")
        .unwrap()
        .script;
    let (again, old) = (build(410), build(200));
    let _changed = reproduce(compared.folder.path(), script, &again.url()).expect_code(1);
    let _unchanged =
        reproduce(compared.folder.path(), script, &format!("{}/", old.url())).expect_code(0);
    let targets: Vec<String> = arrived(&again).into_iter().map(|of| of.target).collect();
    assert_eq!(targets.len(), 10);
    let _below = reproduce(
        compared.folder.path(),
        script,
        &format!("{}/app", again.url()),
    );
    let below = arrived(&again).into_iter().skip(10).map(|of| of.target);
    let prefixed = targets.iter().map(|target| format!("/app{target}"));
    assert_eq!(below.collect::<Vec<_>>(), prefixed.collect::<Vec<_>>());
    // As characters of Latin-1 where the bytes are no UTF-8.
    assert_eq!(
        targets[..2],
        [
            "/café/../straße?q=ü&r=\"<a>\"^`{|}\\'$HOME'",
            "/caf\u{e9}/%e9?q=\u{fc}\u{ff}#x"
        ]
    );
    // Those of the first time.
    for ((sent, once), other) in arrived(&new)
        .into_iter()
        .zip(arrived(&again))
        .zip(arrived(&old))
    {
        assert_eq!(sent, once);
        assert_eq!(sent, other);
    }
}
