//! `recorder listen --http-mirror`: copies of requests over loopback in, an archive out.

mod load;
mod proxies;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use recorder::Config;
use schema::{Completeness, Exchange, LedgerRow};
use tests::{Listening, files_below, read_archive, read_ledger};

const LOOPBACK: [&str; 4] = ["--http-mirror", "127.0.0.1:0", "--metrics", "127.0.0.1:0"];
const ANSWER: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// How long anything here is waited for.
const LIMIT: Duration = Duration::from_secs(60);

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

/// So many answers as they come.
fn answers(stream: &mut TcpStream, count: usize) -> String {
    let mut bytes = vec![0; ANSWER.len() * count];
    stream.read_exact(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Everything up to the end of the connection.
fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end too: bytes that the recorder did not read were under way.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

fn fields(exchange: &Exchange) -> Vec<(&str, &str)> {
    let request = exchange.request.as_ref().unwrap();
    request.headers.iter().collect()
}

/// Sums of one source.
fn ledger(folder: &std::path::Path, source: &str) -> LedgerRow {
    let mut sum = LedgerRow::default();
    for (_, row) in read_ledger(folder) {
        if row.source.as_deref() == Some(source) {
            sum.add(&row);
        }
    }
    sum
}

#[test]
fn copies_are_answered_and_recorded() {
    let place = tempfile::tempdir().unwrap();
    let listening = Listening::start(place.path(), &LOOPBACK);
    assert_eq!(listening.bound().vxlan, None);
    let mut stream = connect(listening.bound().http_mirror.unwrap());
    let pipelined = "GET /a?b=c HTTP/1.1\r\nhOsT: shop.example\r\nX-CaSe: 1\r\nx-case: 2\r\n\r\n\
                     POST /d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    stream.write_all(pipelined.as_bytes()).unwrap();
    assert_eq!(answers(&mut stream, 2), ANSWER.repeat(2));
    let last = "PUT /e HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Real-IP: 192.0.2.9\r\n\
                Transfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\n\r\n";
    for byte in last.as_bytes() {
        stream.write_all(&[*byte]).unwrap();
    }
    assert!(rest(&mut stream).starts_with("HTTP/1.1 204 No Content\r\nConnection: close"));
    let summary = listening.stop().unwrap();
    assert_eq!(
        summary.exchange_count("no_response"),
        3,
        "{}",
        summary.text()
    );

    let mut exchanges = read_archive(place.path());
    exchanges.sort_by_key(|exchange| exchange.request.as_ref().unwrap().path.clone());
    let expected = [("hOsT", "shop.example"), ("X-CaSe", "1"), ("x-case", "2")];
    assert_eq!(fields(&exchanges[0]), expected);
    let request = exchanges[0].request.as_ref().unwrap();
    assert_eq!(
        (&*request.path, request.query.as_deref()),
        ("/a", Some("b=c"))
    );
    assert_eq!(exchanges[1].request.as_ref().unwrap().body.bytes, "abc");
    assert_eq!(exchanges[2].request.as_ref().unwrap().body.bytes, "xyz");
    assert_eq!(
        exchanges[2].connection.client,
        "192.0.2.9:0".parse().unwrap()
    );
    for exchange in &exchanges {
        assert_eq!(exchange.completeness, Completeness::NoResponse);
        assert_eq!(exchange.connection.source.as_deref(), Some("http-mirror"));
    }
    let sum = ledger(place.path(), "http-mirror");
    assert_eq!((sum.exchanges, sum.exchanges_shed, sum.frames), (3, 0, 0));
}

/// Whatever is full, production gets its answer at once, and the ledger the number.
#[test]
fn a_full_recorder_answers_and_counts() {
    let place = tempfile::tempdir().unwrap();
    let narrow = |config: &mut Config| {
        let limits = &mut config.listen.as_mut().unwrap().limits;
        (limits.mirror_bytes, limits.mirror_connections) = (1_000, 1);
    };
    let listening = Listening::start_with(place.path(), &LOOPBACK, narrow);
    let address = listening.bound().http_mirror.unwrap();
    let mut stream = connect(address);
    // More than there is room for, in one piece: it is answered like any other.
    let large = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{}",
        "x".repeat(900)
    );
    for _ in 0..7 {
        stream.write_all(large.as_bytes()).unwrap();
        assert_eq!(answers(&mut stream, 1), ANSWER);
    }
    // A second connection is one too many.
    assert_eq!(rest(&mut connect(address)), "");
    // And one that would grow for ever is refused while it does.
    let endless = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n{}",
        "x".repeat(9_000)
    );
    stream.write_all(endless.as_bytes()).unwrap();
    assert!(rest(&mut stream).starts_with("HTTP/1.1 503 "));
    let summary = listening.stop().unwrap();
    assert_eq!(summary.exchanges_total(), 0, "{}", summary.text());
    let sum = ledger(place.path(), "http-mirror");
    assert_eq!((sum.exchanges, sum.exchanges_shed), (9, 9));
}

/// Who drips, rests or says nothing sensible is let go of.
#[test]
fn slow_and_senseless_connections_are_closed() {
    let place = tempfile::tempdir().unwrap();
    let hasty = |config: &mut Config| {
        let limits = &mut config.listen.as_mut().unwrap().limits;
        limits.http_head_wait = Duration::from_millis(300);
        limits.mirror_body_wait = Duration::from_millis(300);
        limits.mirror_idle = Duration::from_millis(300);
    };
    let listening = Listening::start_with(place.path(), &LOOPBACK, hasty);
    let address = listening.bound().http_mirror.unwrap();
    assert_eq!(rest(&mut connect(address)), "", "nothing was said");
    let mut dripping = connect(address);
    dripping.set_nodelay(true).unwrap();
    let mut dripped = 0;
    while dripping.write_all(b"G").is_ok() {
        std::thread::park_timeout(Duration::from_millis(20));
        dripped += 1;
        assert!(dripped < 1_000, "a head may drip for ever");
    }
    let mut cut = connect(address);
    cut.write_all(b"POST /cut HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
        .unwrap();
    assert_eq!(rest(&mut cut), "");
    for junk in [
        &b"\x16\x03\x01\x00\x05hello"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"hello\r\n",
    ] {
        let mut stream = connect(address);
        stream.write_all(junk).unwrap();
        assert!(rest(&mut stream).starts_with("HTTP/1.1 400 "), "{junk:?}");
    }
    listening.stop().unwrap();
    let exchanges = read_archive(place.path());
    assert_eq!(exchanges.len(), 1);
    assert_eq!(
        exchanges[0].request_missing_bytes, 6,
        "a cut request is told as one"
    );
    let sum = ledger(place.path(), "http-mirror");
    assert_eq!((sum.bytes_tls, sum.exchanges), (10, 1));
}

/// What is under way when the recorder is told to stop is recorded as it is.
#[test]
fn stopping_keeps_what_was_answered() {
    let place = tempfile::tempdir().unwrap();
    let listening = Listening::start(place.path(), &LOOPBACK);
    let mut stream = connect(listening.bound().http_mirror.unwrap());
    let get = "GET /whole HTTP/1.1\r\nHost: x\r\n\r\n";
    let begun = "POST /begun HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc";
    stream.write_all(get.repeat(500).as_bytes()).unwrap();
    stream.write_all(begun.as_bytes()).unwrap();
    answers(&mut stream, 500);
    listening.stop().unwrap();
    let exchanges = read_archive(place.path());
    assert_eq!(exchanges.len(), 501);
    let missing: u64 = exchanges
        .iter()
        .map(|exchange| exchange.request_missing_bytes)
        .sum();
    assert_eq!(missing, 6);
}

/// Filters, samples and redaction know no difference between packets and copies.
#[test]
fn a_marked_secret_is_nowhere() {
    let place = tempfile::tempdir().unwrap();
    let mut flags = LOOPBACK.to_vec();
    flags.extend([
        "--redact",
        "preset:credentials",
        "--redact",
        "query:pin",
        "--drop",
        "path=/health",
    ]);
    let listening = Listening::start(place.path(), &flags);
    let mut stream = connect(listening.bound().http_mirror.unwrap());
    let requests = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n\
        POST /mirror HTTP/1.1\r\nHost: x\r\nX-Original-URI: /a?pin=hushhush\r\nCookie: s=hushhush\r\n\
        Authorization: Bearer hushhush\r\nContent-Type: application/json\r\nContent-Length: 23\r\n\r\n\
        {\"password\":\"hushhush\"}";
    stream.write_all(requests.as_bytes()).unwrap();
    answers(&mut stream, 2);
    let metrics = tests::get(listening.bound().metrics.unwrap()).1;
    let summary = listening.stop().unwrap();
    assert!(!summary.text().contains("hushhush") && !metrics.contains("hushhush"));
    let exchanges = read_archive(place.path());
    assert_eq!(exchanges.len(), 1);
    let told = format!("{:?}", exchanges[0]);
    assert!(told.contains("***") && !told.contains("hushhush"), "{told}");
    for path in files_below(place.path()) {
        let bytes = std::fs::read(&path).unwrap();
        assert!(
            !bytes.windows(8).any(|window| window == b"hushhush"),
            "{}",
            path.display()
        );
    }
    assert_eq!(
        ledger(place.path(), "http-mirror").exchanges_filtered_out,
        1
    );
}
