//! HTTP/2 of real clients and servers: what the recorder makes of their bytes is what they say of them themselves.

use std::process::{Child, Command, Stdio};

use schema::{Certainty, Completeness, Exchange, Headers, Protocol};
use tests::{Grpc, Http2Server, Relay, python_with, record, run};

/// The relay to a server that answers with what it is sent.
fn relay(server: &str) -> Relay {
    Relay::start(server.replace("http://", ""))
}

/// What was recorded of all that has passed: whole, certain, and nothing besides.
#[track_caller]
fn recorded(relay: &Relay) -> Vec<Exchange> {
    let recording = record(&relay.script());
    for exchange in &recording.exchanges {
        assert_eq!(exchange.protocol, Protocol::Http2);
        assert_eq!(
            exchange.completeness,
            Completeness::Complete,
            "{exchange:#?}"
        );
        assert_eq!(exchange.framing, Certainty::Exact, "{exchange:#?}");
    }
    assert_eq!(recording.totals.ledger.bytes_not_http, 0);
    let mut exchanges = recording.exchanges;
    exchanges.sort_by_key(|exchange| (exchange.connection.client.port(), exchange.index));
    exchanges
}

fn lines(headers: &Headers) -> Vec<String> {
    headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect()
}

/// `nghttp -v` tells each field that it gets, nghttpd each that it gets: both are what the row says.
#[test]
fn nghttp_and_nghttpd_say_the_same() {
    let server = Http2Server::start(None);
    let relay = relay(server.url());
    let folder = tempfile::tempdir().unwrap();
    let body = folder.path().join("body");
    std::fs::write(&body, "some body").unwrap();
    let url = format!("http://{}", relay.address());
    let mut nghttp = Command::new("nghttp");
    nghttp.args(["-v", "--no-dep", "-d", body.to_str().unwrap()]);
    nghttp.args(["-H", "x-test: 1", "--trailer", "sum: 9"]);
    nghttp.args([
        format!("{url}/a"),
        format!("{url}/b?x=1"),
        format!("{url}/c"),
    ]);
    let ran = run(&mut nghttp).expect_code(0);
    let exchanges = recorded(&relay);
    assert_eq!(exchanges.len(), 3);
    let mut sent = Vec::new();
    for exchange in &exchanges {
        let (request, response) = (
            exchange.request.as_ref().unwrap(),
            exchange.response.as_ref().unwrap(),
        );
        let query = request
            .query
            .as_ref()
            .map_or_else(String::new, |query| format!("?{query}"));
        sent.push(format!(":method: {}", request.method));
        sent.push(format!(":path: {}{query}", request.path));
        sent.push(":scheme: http".to_owned());
        sent.push(format!(":authority: {}", request.host.as_ref().unwrap()));
        sent.extend(lines(&request.headers));
        sent.extend(request.trailers.iter().flat_map(lines));
        assert_eq!(request.body.bytes, "some body");
        assert_eq!(response.body.bytes, "some body");
        let mark = format!("recv (stream_id={}) ", exchange.stream_id.unwrap());
        let told: Vec<_> = ran
            .stdout
            .lines()
            .filter_map(|line| Some(line.split_once(&mark)?.1.to_owned()))
            .collect();
        let mut answered = vec![format!(":status: {}", response.status)];
        answered.extend(lines(&response.headers));
        assert_eq!(told, answered, "{}", ran.stdout);
    }
    // The server tells them as they come, requests at once in turns.
    let mut arrived = server.fields();
    arrived.sort();
    sent.sort();
    assert_eq!(arrived, sent);
}

/// Bodies of many frames, in both directions.
#[test]
fn curl_with_prior_knowledge() {
    let server = Http2Server::start(None);
    let relay = relay(server.url());
    let folder = tempfile::tempdir().unwrap();
    let body = folder.path().join("body");
    let bytes: Vec<u8> = (0..300_000_u32)
        .map(|number| (number % 251) as u8)
        .collect();
    std::fs::write(&body, &bytes).unwrap();
    let url = format!("http://{}/large", relay.address());
    for _ in 0..2 {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--http2-prior-knowledge", "-o", "/dev/null"]);
        curl.arg("--data-binary")
            .arg(format!("@{}", body.display()));
        let _ = run(curl.arg(&url)).expect_code(0);
    }
    let exchanges = recorded(&relay);
    assert_eq!(exchanges.len(), 2);
    for exchange in &exchanges {
        assert!(exchange.request.as_ref().unwrap().body.bytes == bytes);
    }
}

/// nghttpx, which takes upgrades to HTTP/2; dropping it stops it.
struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        // An error means that it has ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Starts nghttpx before a server; gives its port too.
fn proxy(server: &str) -> (Proxy, u16) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let backend = server.replace("http://", "").replace(':', ",");
    let child = Command::new("nghttpx")
        .args([
            "--conf=/dev/null",
            "--workers=1",
            "--single-process",
            "--accesslog-file=/dev/null",
        ])
        .arg("--errorlog-file=/dev/null")
        .arg(format!("--frontend=127.0.0.1,{port};no-tls"))
        .arg(format!("--backend={backend};;proto=h2"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("start `nghttpx` (`tests/run` installs it): {error}"));
    let proxy = Proxy(child);
    for _ in 0..1_000 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return (proxy, port);
        }
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
    panic!("nghttpx did not start");
}

/// Two clients ask by HTTP/1.1 for HTTP/2 (RFC 7540 section 3.2) and get the answer as stream 1.
#[test]
fn upgrades_of_curl_and_nghttp() {
    let server = Http2Server::start(None);
    let (_proxy, port) = proxy(server.url());
    let relay = Relay::start(format!("127.0.0.1:{port}"));
    let url = format!("http://{}/not-there", relay.address());
    let ran = run(Command::new("curl").args(["-sS", "--http2", &url])).expect_code(0);
    let _ = run(Command::new("nghttp").args(["-u", &url, &url])).expect_code(0);
    let exchanges = recorded(&relay);
    let streams: Vec<_> = exchanges
        .iter()
        .map(|exchange| exchange.stream_id.unwrap())
        .collect();
    assert_eq!(
        streams.iter().filter(|&&stream| stream == 1).count(),
        2,
        "{streams:?}"
    );
    for exchange in exchanges
        .iter()
        .filter(|exchange| exchange.stream_id == Some(1))
    {
        let (request, response) = (
            exchange.request.as_ref().unwrap(),
            exchange.response.as_ref().unwrap(),
        );
        assert_eq!(exchange.interim_statuses, [101]);
        assert_eq!(response.status, 404);
        assert_eq!(request.headers.get("upgrade"), Some("h2c"));
        assert_eq!(String::from_utf8_lossy(&response.body.bytes), ran.stdout);
    }
}

/// Messages with their prefixes in the bodies, the status in the trailers, or in the head where there are only trailers.
#[test]
fn grpc() {
    let server = Grpc::start();
    let relay = relay(&server.url());
    let script = tests::workspace().join("tests/python/grpc_client.py");
    let _ = run(python_with("grpc").arg(script).arg(relay.address())).expect_code(0);
    let exchanges = recorded(&relay);
    let messages = [
        b"a".to_vec(),
        b"bb".to_vec(),
        Vec::new(),
        vec![b'c'; 60_000],
    ];
    assert_eq!(exchanges.len(), messages.len() + 1);
    let framed =
        |message: &[u8]| [&[0], &(message.len() as u32).to_be_bytes()[..], message].concat();
    for (exchange, message) in exchanges.iter().zip(&messages) {
        let (request, response) = (
            exchange.request.as_ref().unwrap(),
            exchange.response.as_ref().unwrap(),
        );
        assert_eq!(
            (&*request.method, &*request.path),
            ("POST", "/reprise.Echo/Twice")
        );
        assert_eq!(
            request.headers.get("x-len"),
            Some(&*message.len().to_string())
        );
        assert!(request.body.bytes == framed(message));
        assert!(response.body.bytes == framed(&message.repeat(2)));
        let trailers = response.trailers.as_ref().unwrap();
        assert_eq!(trailers.get("grpc-status"), Some("0"));
        assert_eq!(trailers.get("x-sum"), Some(&*message.len().to_string()));
    }
    let refused = exchanges[messages.len()].response.as_ref().unwrap();
    assert_eq!(refused.headers.get("grpc-status"), Some("12"));
}
