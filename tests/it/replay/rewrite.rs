//! Requests that rules change on their way.

use std::time::SystemTime;

use super::*;

/// Header `{"alg":"RS256","typ":"JWT"}`, payloads `{"sub":"1","exp":1795352460}` and `{"sub":"2"}`, signatures of nobody.
const TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIiwiZXhwIjoxNzk1MzUyNDYwfQ.c2lnbmF0dXJlLW9uZQ";
const OTHER: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIyIn0.c2lnbmF0dXJlLXR3bw";

fn json_post(target: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {target} HTTP/1.1\r\nHost: shop.test\r\n{fields}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// What the run says was sent is what arrived.
fn arrives_as_stored(recorded: &Recorded, target: &Target) {
    let (run, _) = read_run(Path::new(&recorded.archive()), "it");
    let arrivals = target.arrivals();
    assert_eq!(run.len(), arrivals.len());
    for exchange in &run {
        let id = exchange.id().to_string();
        let is_it = |arrival: &&Arrival| arrival.header("x-reprise-exchange") == Some(&id);
        let arrival = arrivals.iter().find(is_it).unwrap();
        let request = exchange.request.as_ref().unwrap();
        let query = request
            .query
            .as_ref()
            .map_or_else(String::new, |query| format!("?{query}"));
        assert_eq!(arrival.target, format!("{}{query}", request.path));
        let stored: Vec<(String, String)> = request
            .headers
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        assert_eq!(arrival.headers, stored);
        assert_eq!(arrival.body, request.body.bytes);
    }
}

#[test]
fn rules_of_a_file_and_of_flags() {
    let requests = [
        get("/v1/orders?debug=1&page=2"),
        json_post(
            "/v1/orders",
            "X-Env: production\r\n",
            r#"{"captcha":"x","n":1}"#,
        ),
    ];
    let recorded = Recorded::new(&one_by_one(&requests, Duration::from_millis(1)));
    let file = recorded.folder.path().join("rules.toml");
    let rules = "[[prefix]]\nfrom = \"/v1\"\nto = \"/v2\"\n\n[[remove]]\nat = \"json:/captcha\"\nmethod = [\"POST\"]\n\n\
                 [[set]]\nat = \"header:X-Env\"\nvalue = \"test\"\npath = \"/v1/*\"\nmethod = [\"POST\"]\n";
    std::fs::write(&file, rules).unwrap();
    let target = Target::start(ok);
    let flags = [
        "--rewrite-file",
        file.to_str().unwrap(),
        "--rewrite",
        "remove query:debug",
        "--rewrite",
        "host shop.internal",
        "--rewrite",
        "set cookie:never*=1",
    ];
    let url = format!("{}/base", target.url());
    let ran = recorded.replay(&url, &flags);
    let arrivals = target.arrivals();
    let arrived = |method: &str| {
        arrivals
            .iter()
            .find(|arrival| arrival.method == method)
            .unwrap()
    };
    assert_eq!(arrived("GET").target, "/base/v2/orders?page=2");
    assert_eq!(arrived("GET").header("host"), Some("shop.internal"));
    let post = arrived("POST");
    assert_eq!(
        (&*post.target, post.header("x-env")),
        ("/base/v2/orders", Some("test"))
    );
    assert_eq!(
        (&post.body[..], post.header("content-length")),
        (&br#"{"n":1}"#[..], Some("7"))
    );
    arrives_as_stored(&recorded, &target);
    let applied: Vec<(String, u64)> = document(&ran)
        .rewriting
        .unwrap()
        .rules
        .into_iter()
        .map(|rule| (rule.rule, rule.requests))
        .collect();
    let applied: Vec<(&str, u64)> = applied
        .iter()
        .map(|(rule, count)| (&**rule, *count))
        .collect();
    assert_eq!(
        applied,
        [
            ("rules.toml:1 prefix /v1", 2),
            ("rules.toml:5 remove json:/captcha", 1),
            ("rules.toml:9 set header:X-Env", 1),
            ("remove query:debug", 1),
            ("host shop.internal", 2),
            ("set cookie:never*=1", 0),
        ]
    );
    // The report says which rule never matched.
    let mut report = replayer();
    report
        .arg("report")
        .arg(Path::new(&recorded.archive()).join("runs/it"));
    let ran = run(&mut report);
    assert!(
        ran.stdout.contains("set cookie:never*=1: never matched"),
        "{}",
        ran.stdout
    );
}

#[test]
fn rules_that_are_none_end_the_run_before_it_begins() {
    let recorded = Recorded::new(&one_by_one(&[get("/")], Duration::ZERO));
    let file = recorded.folder.path().join("rules.toml");
    std::fs::write(
        &file,
        "[[set]]\nat = \"header:X\"\nvalue = \"1\"\n\n[[remove]]\nat = \"body:x\"\n",
    )
    .unwrap();
    let secret = recorded.folder.path().join("secret");
    std::fs::write(&secret, "short").unwrap();
    let target = Target::start(ok);
    let (file, secret) = (file.to_str().unwrap(), secret.to_str().unwrap());
    for (flags, expected) in [
        (
            ["--rewrite-file", file],
            "--rewrite-file: rules.toml:6: `body:x`: a place is header",
        ),
        (
            ["--rewrite-file", "/nowhere"],
            "--rewrite-file /nowhere: cannot be read",
        ),
        (
            ["--rewrite", "change header:a=1"],
            "--rewrite `change header:a=1`: `change` is nothing",
        ),
        (
            ["--shift-time", "from"],
            "--shift-time: `from`: write header:NAME",
        ),
        (
            ["--authorization-env", "REPRISE_NO_SUCH"],
            "the environment has no such variable",
        ),
        (["--jwt-key", secret], "the secret has 5 bytes"),
        (
            ["--correlate", "token"],
            "--correlate `token`: write json:/POINTER",
        ),
    ] {
        let ran = recorded.replay(&target.url(), &flags).expect_code(2);
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    }
    assert_eq!(target.arrivals(), []);
}

/// A time of the recorded window becomes one as far from now, in its shape; others stay.
#[test]
fn times_move_to_now() {
    let requests = [
        get("/?from=2026-11-22T14:00:00.000%2B01:00&to=2020-01-01&at=1795352400"),
        json_post("/", "", r#"{"when":1795352400000}"#),
    ];
    let recorded = Recorded::new(&one_by_one(&requests, Duration::from_millis(1)));
    let target = Target::start(ok);
    let flags =
        ["query:from", "query:to", "query:at", "json:/when"].map(|field| ["--shift-time", field]);
    let now = || {
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_millis() as i64
    };
    let before = now();
    let ran = recorded.replay(&target.url(), &flags.concat());
    let near = |millis: i64| (before - 1_000..=now()).contains(&millis);
    let arrivals = target.arrivals();
    let arrived = |method: &str| {
        arrivals
            .iter()
            .find(|arrival| arrival.method == method)
            .unwrap()
    };
    let (_, query) = arrived("GET").target.split_once('?').unwrap();
    let values: Vec<&str> = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap().1)
        .collect();
    let from: schema::Timestamp = values[0]
        .replace("%3A", ":")
        .replace("%2B", "+")
        .parse()
        .unwrap();
    assert!(
        values[0].ends_with("%2B01%3A00") && near(from.as_micros() / 1_000),
        "{query}"
    );
    assert_eq!(values[1], "2020-01-01");
    let seconds: i64 = values[2].parse().unwrap();
    assert!(
        (before / 1_000 - 1..=now() / 1_000).contains(&seconds),
        "{query}"
    );
    let body = String::from_utf8(arrived("POST").body.clone()).unwrap();
    let when = body
        .strip_prefix(r#"{"when":"#)
        .and_then(|rest| rest.strip_suffix('}'));
    assert!(near(when.unwrap().parse().unwrap()), "{body}");
    arrives_as_stored(&recorded, &target);
    let rules = document(&ran).rewriting.unwrap().rules;
    let counts: Vec<u64> = rules.iter().map(|rule| rule.requests).collect();
    assert_eq!(counts, [1, 0, 1, 1]);
    assert_eq!(rules[1].left_as_recorded[0].reason, "outside_window");
}

#[test]
fn authorization_from_the_environment() {
    let request = |field: &str| format!("GET / HTTP/1.1\r\nHost: shop.test\r\n{field}\r\n");
    let requests = [
        request("Authorization: Basic cHJvZDpwcm9k\r\n"),
        request(""),
    ];
    let recorded = Recorded::new(&one_by_one(&requests, Duration::from_millis(1)));
    let target = Target::start(ok);
    let mut command = recorded.command(&target.url(), &["--authorization-env", "TEST_LOGIN"]);
    let ran = run(command.env("TEST_LOGIN", "Bearer of-the-test"));
    let arrivals = target.arrivals();
    let mut sent: Vec<Option<&str>> = arrivals
        .iter()
        .map(|arrival| arrival.header("authorization"))
        .collect();
    sent.sort_unstable();
    assert_eq!(sent, [None, Some("Bearer of-the-test")]);
    let rewriting = document(&ran).rewriting.unwrap();
    assert_eq!(
        (&*rewriting.rules[0].rule, rewriting.rules[0].requests),
        ("--authorization-env TEST_LOGIN", 1)
    );
    assert!(!ran.stdout.contains("of-the-test") && !ran.stderr.contains("of-the-test"));
}

/// Recorded tokens are signed anew, their times moved; one that the target has issued itself is sent as it is.
#[test]
fn tokens_are_signed_with_the_key_of_the_test() {
    let issued = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiIzIn0.dGhlLXRhcmdldHMtb3du";
    let answer = |token: &str| format!("{{\"token\":\"{token}\"}}");
    let of_login = answer(OTHER);
    let length = of_login.len();
    let script = PacketScript::new()
        .client(get("/login"))
        .server(format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{of_login}"))
        .after(Duration::from_millis(1))
        .client(format!("GET /a HTTP/1.1\r\nHost: shop.test\r\nAuthorization: Bearer {OTHER}\r\nCookie: jwt={TOKEN}\r\n\r\n"))
        .server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let recorded = Recorded::new(&script);
    let secret = recorded.folder.path().join("secret");
    std::fs::write(&secret, "the secret of the test\n").unwrap();
    let target = Target::start(move |arrival| match arrival.path() {
        "/login" => Answer::json(answer(issued)),
        _ => Answer::new(200, &[], "ok"),
    });
    let ran = recorded.replay(&target.url(), &["--jwt-key", secret.to_str().unwrap()]);
    let arrival = target.arrivals().remove(1);
    assert_eq!(
        arrival.header("authorization"),
        Some(&*format!("Bearer {issued}"))
    );
    let signed = arrival
        .header("cookie")
        .unwrap()
        .strip_prefix("jwt=")
        .unwrap();
    let file = recorded.folder.path().join("token");
    std::fs::write(&file, signed).unwrap();
    let claims = tests::run_python("verify_jwt.py", &[&secret, &file], &[]);
    let claims: serde_json::Value = serde_json::from_str(&claims).unwrap();
    let expires = claims["exp"].as_i64().unwrap();
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs() as i64;
    assert!(
        (now..=now + 60).contains(&expires) && claims["sub"] == "1",
        "{claims}"
    );
    arrives_as_stored(&recorded, &target);
    let rules = document(&ran).rewriting.unwrap().rules;
    assert_eq!(
        (&*rules[0].rule, rules[0].requests),
        ("--jwt-key (HS256)", 1)
    );
}
