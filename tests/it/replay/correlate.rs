//! Services behind a login, replayed with none of the recorded tokens valid.

use tests::{Relay, Site, Visitor, portal};

use super::*;

/// `visits` sessions at a portal, recorded. Each has one connection.
fn visits(count: usize) -> Recorded {
    let server = portal(1);
    let relay = Relay::start(server.address().to_string());
    for number in 0..count {
        let mut visitor = Visitor::connect(&relay.address());
        visitor.shop(&format!("chair {number}"));
        assert_eq!(
            visitor.statuses,
            [200, 302, 200, 200, 200, 201, 200, 200, 200]
        );
    }
    Recorded::new(&relay.script())
}

/// Recorded and actual status of every exchange.
fn statuses(recorded: &Recorded) -> Vec<(u16, u16)> {
    let archive = recorded.archive();
    let (run, _) = read_run(Path::new(&archive), "it");
    let status = |exchange: &schema::Exchange| {
        exchange
            .response
            .as_ref()
            .map_or(0, |response| response.status)
    };
    let expected = tests::read_archive(Path::new(&archive));
    let find = |id| {
        run.iter()
            .find(|exchange| exchange.id() == id)
            .map_or(0, status)
    };
    expected
        .iter()
        .map(|exchange| (status(exchange), find(exchange.id())))
        .collect()
}

fn refused(recorded: &Recorded) -> usize {
    let statuses = statuses(recorded);
    statuses
        .iter()
        .filter(|(expected, actual)| expected != actual)
        .count()
}

#[test]
fn a_login_is_got_through_with_no_recorded_token_valid() {
    let recorded = visits(5);
    let target = portal(2);
    let ran = recorded.replay(
        &target.url(),
        &["--speed", "max", "--correlate", "header:Location"],
    );
    assert_eq!(refused(&recorded), 0, "{:?}", statuses(&recorded));
    assert_eq!(statuses(&recorded).len(), 45);
    let correlation = document(&ran).correlation.unwrap();
    let used = |source: &str| -> Vec<(String, u64)> {
        let source = correlation
            .sources
            .iter()
            .find(|line| line.source == source)
            .unwrap();
        source
            .places
            .iter()
            .map(|place| (place.reason.clone(), place.count))
            .collect()
    };
    let counts = |counts: &[(&str, u64)]| -> Vec<(String, u64)> {
        counts
            .iter()
            .map(|(place, count)| ((*place).to_owned(), *count))
            .collect()
    };
    // Seven requests of each visit have the session's cookie, one the login's form, three the last bearer token, …
    assert_eq!(used("cookie:sid"), counts(&[("cookie", 35)]));
    assert_eq!(used("html:csrf"), counts(&[("form", 5)]));
    assert_eq!(used("html:csrf-token"), counts(&[("header", 5)]));
    assert_eq!(used("json:/access_token"), counts(&[("header", 20)]));
    assert_eq!(used("json:/refresh_token"), counts(&[("json", 5)]));
    assert_eq!(used("json:/uuid"), counts(&[("query", 5), ("json", 5)]));
    assert_eq!(used("header:etag"), counts(&[("header", 5)]));
    assert_eq!(used("header:x-csrf-token"), counts(&[("header", 15)]));
    // The ticket in the query; the order's number in two paths and in JSON.
    assert_eq!(
        used("header:Location"),
        counts(&[("path", 10), ("query", 5), ("json", 5)])
    );
    assert_eq!(correlation.requests_changed, 40);

    // What the run holds is what was sent.
    let (mut run, _) = read_run(Path::new(&recorded.archive()), "it");
    run.sort_by_key(|exchange| exchange.request.as_ref().unwrap().start);
    let arrivals = target.arrivals();
    for exchange in &run {
        let request = exchange.request.as_ref().unwrap();
        let id = exchange.id().to_string();
        let arrival = arrivals
            .iter()
            .find(|arrival| arrival.header("x-reprise-exchange") == Some(&id))
            .unwrap();
        assert_eq!(arrival.header("cookie"), request.headers.get("cookie"));
        assert_eq!(arrival.body, request.body.bytes);
        let query = request
            .query
            .as_ref()
            .map_or_else(String::new, |query| format!("?{query}"));
        assert_eq!(arrival.target, format!("{}{query}", request.path));
    }
    // What is told of it has no values.
    let told = format!("{correlation:?}{}", ran.stderr);
    for exchange in tests::read_archive(Path::new(&recorded.archive())) {
        let set = exchange
            .response
            .as_ref()
            .unwrap()
            .headers
            .get("set-cookie");
        let value = set.and_then(|set| set.split(['=', ';']).nth(1));
        assert!(value.is_none_or(|value| !told.contains(value)));
    }
}

/// Two runs send what their own targets issued, and both targets rightly answer with it: no difference, and counted. What was
/// issued and never sent stays one, for noise to explain.
#[test]
fn what_runs_put_into_requests_is_no_difference_between_them() {
    let recorded = visits(3);
    let archive = recorded.archive();
    for (name, number) in [("old", 2), ("new", 3)] {
        let target = portal(number);
        let _ran = run(replayer()
            .args(["run", "--archive", &archive, "--last", "1d", "--run", name])
            .args(["--target", &target.url(), "--speed", "max", "--no-compare"])
            .args(["--allow-writes", "--correlate", "header:Location"]));
    }
    let ran = run(replayer()
        .args(["compare", "--archive", &archive, "--json"])
        .args(["--baseline", "old", "--candidate", "new"]));
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let rules = document["rules"].as_array().unwrap();
    let counted = rules.iter().find(|rule| {
        let name = rule["rule"].as_str().unwrap();
        name.starts_with("correlation: ")
    });
    assert!(counted.unwrap()["suppressed"].as_u64().unwrap() > 0);
    let groups = document["groups"].as_array().unwrap();
    let left: Vec<_> = groups
        .iter()
        .filter(|group| group["blame"] == "refactor")
        .map(|group| {
            format!(
                "{} {} {}",
                group["endpoint"], group["part"], group["location"]
            )
        })
        .collect();
    expect_test::expect![[r#"
        "POST portal.test /orders" "body" "$.number"
        "POST portal.test /refresh" "body" "$.refresh_token"
        "POST portal.test /token" "body" "$.access_token"
        "PUT portal.test /orders/{id}" "header" "x-csrf-token""#]]
    .assert_eq(&left.join("\n"));
}

/// The test above can fail.
#[test]
fn without_correlation_a_login_is_refused() {
    let recorded = visits(1);
    let target = portal(2);
    let ran = recorded.replay(&target.url(), &["--speed", "max", "--correlate", "off"]);
    assert_eq!(document(&ran).correlation, None);
    let statuses: Vec<u16> = statuses(&recorded)
        .into_iter()
        .map(|(_, actual)| actual)
        .collect();
    assert_eq!(statuses, [200, 403, 401, 401, 401, 401, 401, 401, 401]);
}

/// Each pass over the window logs in anew.
#[test]
fn passes_do_not_mix() {
    let recorded = visits(2);
    let target = portal(3);
    let flags = [
        "--rate",
        "500/s",
        "--loop",
        "3",
        "--correlate",
        "header:location",
    ];
    let ran = recorded.replay(&target.url(), &flags);
    let document = document(&ran);
    assert_eq!(document.totals.sent, 54);
    let statuses: std::collections::BTreeMap<&str, u64> = document
        .report
        .endpoints
        .iter()
        .flat_map(|endpoint| &endpoint.groups)
        .filter(|group| group.part == "status")
        .map(|group| (&*group.part, group.exchanges))
        .collect();
    assert!(statuses.is_empty(), "{statuses:?}");
}

/// One recorded session, as pseudonyms: the same value has the same one in answers and requests, so that nothing is different.
#[test]
fn a_pseudonymised_archive_is_got_through_too() {
    let server = portal(1);
    let relay = Relay::start(server.address().to_string());
    Visitor::connect(&relay.address()).shop("chair");
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("script.pcap");
    std::fs::write(&capture, relay.script().pcap()).unwrap();
    let archive = folder.path().join("archive");
    let mut read = recorder();
    read.arg("read")
        .arg(&capture)
        .arg("--archive")
        .arg(&archive);
    for rule in [
        "cookie:*=pseudonymise",
        "header:authorization=pseudonymise",
        "json:/*_token=pseudonymise",
        "query:ticket=pseudonymise",
        "json:/uuid=pseudonymise:uuid",
        "query:id=pseudonymise:uuid",
    ] {
        read.args(["--redact", rule]);
    }
    read.env("RECORDER_REDACT_KEY", "a key for tests, 32 bytes of text");
    let _recorded = run(&mut read).expect_code(0);
    let recorded = Recorded { folder };
    let secrets: String = tests::read_archive(&archive)
        .iter()
        .map(|exchange| format!("{exchange:?}"))
        .collect();
    assert!(
        secrets.contains("sid=p-") && secrets.contains("Bearer p-"),
        "{secrets}"
    );

    let target = portal(2);
    let ran = recorded.replay(&target.url(), &["--correlate", "header:Location"]);
    let statuses: Vec<u16> = statuses(&recorded)
        .into_iter()
        .map(|(_, actual)| actual)
        .collect();
    assert_eq!(
        statuses,
        [200, 302, 200, 200, 200, 201, 200, 200, 200],
        "{}",
        ran.stdout
    );
}

/// Django's administration site: another secret, another database with other ids.
#[test]
fn a_web_application_of_others_is_got_through() {
    let site = Site::start("the secret of the recorded site", 0);
    let relay = Relay::start(site.address().to_owned());
    Site::visit(&relay.address());
    let recorded = Recorded::new(&relay.script());
    drop(site);

    let target = Site::start("another secret", 9);
    let url = format!("http://{}", target.address());
    // It closes each connection after an answer, so that a session goes over many.
    let session = ["--order", "session", "--session-key", "client-ip"];
    let flags = [&session[..], &["--correlate", "header:Location=path"]].concat();
    let ran = recorded.replay(&url, &flags);
    assert_eq!(
        refused(&recorded),
        0,
        "{:?} {}",
        statuses(&recorded),
        ran.stdout
    );
    assert_eq!(statuses(&recorded).len(), 13);
    let correlation = document(&ran).correlation.unwrap();
    let sources: Vec<&str> = correlation
        .sources
        .iter()
        .map(|line| &*line.source)
        .collect();
    for source in [
        "cookie:csrftoken",
        "cookie:sessionid",
        "html:csrfmiddlewaretoken",
    ] {
        assert!(sources.contains(&source), "{sources:?}");
    }
    let location = correlation
        .sources
        .iter()
        .find(|line| line.source == "header:Location=path");
    assert_eq!(location.map(|line| line.used), Some(4));

    let folder = Path::new(&recorded.archive()).join("runs");
    std::fs::remove_dir_all(folder).unwrap();
    let target = Site::start("another secret", 9);
    let url = format!("http://{}", target.address());
    let _ran = recorded.replay(&url, &[&session[..], &["--correlate", "off"]].concat());
    // Every page behind the login: its form instead.
    assert_eq!(refused(&recorded), 6, "{:?}", statuses(&recorded));
}

/// The session's cookie was issued to a process that was killed; the one that goes on has it all the same.
#[test]
fn a_run_that_was_killed_goes_on_with_what_it_had_learned() {
    const OLD: &str = "9f86d081884c7d659a2feaa0c55ad015";
    const NEW: &str = "b5bb9d8014a0f9b1d61e21e796d78dcc";
    let requests = 60;
    let login = "POST /login HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 0\r\n\r\n";
    let issued =
        format!("HTTP/1.1 200 OK\r\nSet-Cookie: session={OLD}\r\nContent-Length: 2\r\n\r\nok");
    let mut script = PacketScript::new().client(login).server(issued);
    for number in 0..requests {
        let get =
            format!("GET /{number} HTTP/1.1\r\nHost: shop.test\r\nCookie: session={OLD}\r\n\r\n");
        script = script
            .after(Duration::from_millis(30))
            .client(get)
            .server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    let recorded = Recorded::new(&script);
    let target = Target::start(|arrival| match arrival.method.as_str() {
        "POST" => Answer::new(200, &[("Set-Cookie", &format!("session={NEW}"))], "ok"),
        _ if arrival.header("Cookie") == Some(&format!("session={NEW}")) => ok(arrival),
        _ => Answer::new(403, &[], "no"),
    });
    let mut command = recorded.command(&target.url(), &["--checkpoint", "50ms"]);
    let command = command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let path = Path::new(&recorded.archive()).join("runs/it/run.json");
    let so_far = || {
        let document = RunDocument::from_json(&std::fs::read(&path).ok()?).ok()?;
        Some(document.totals.sent)
    };
    while so_far().is_none_or(|sent| sent < 5) {
        assert!(child.try_wait().unwrap().is_none(), "it ended too soon");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let killed_after = so_far().unwrap();
    assert!(killed_after < requests, "{killed_after} were sent by then");
    let mut command = replayer();
    command.args(["run", "--resume", "it", "--json", "--archive"]);
    let ran = run(command.arg(recorded.archive())).expect_code(0);
    let document = document(&ran);
    let totals = &document.totals;
    assert_eq!((totals.matched, totals.differed), (requests + 1, 0));
    let correlation = document.correlation.unwrap();
    assert_eq!(correlation.values_learned, 1, "before the kill");
    assert!(correlation.substitutions > requests - killed_after);
}
