//! Every bound of the recorder's core, hit: what is over it is counted under its name, and what is under it is recorded.

use std::time::Duration;

use recorder_core::{Anomaly, Limits};
use schema::Exchange;
use tests::h2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, Peer, RST_STREAM, SETTINGS,
    frame,
};
use tests::{PacketScript, Recording, options, record_with};

const GET: &str = "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Records with one bound changed, and expects it to have been hit.
#[track_caller]
fn hit(script: &PacketScript, anomaly: Anomaly, bound: impl FnOnce(&mut Limits)) -> Recording {
    let unbounded = record_with(script, Limits::default(), options());
    assert_eq!(
        unbounded.totals.anomaly(anomaly),
        0,
        "{anomaly:?} without the bound"
    );
    let mut limits = Limits::default();
    bound(&mut limits);
    let recording = record_with(script, limits, options());
    assert!(
        recording.totals.anomaly(anomaly) > 0,
        "{anomaly:?}: {:?}",
        recording.totals
    );
    let totals = &recording.totals;
    assert_eq!(totals.frames_accounted(), script.frames().len() as u64);
    assert_eq!(totals.bytes_accounted(), totals.bytes_payload);
    recording
}

fn paths(recording: &Recording) -> Vec<String> {
    let path = |exchange: &Exchange| {
        exchange
            .request
            .as_ref()
            .map_or_else(String::new, |request| request.path.clone())
    };
    recording.exchanges.iter().map(path).collect()
}

/// One exchange over each of `count` connections, all open at the same time.
fn connections(count: usize) -> PacketScript {
    let open = (0..count).fold(PacketScript::new(), |script, number| {
        script
            .between(&format!("10.0.1.{number}:40000"), "10.0.0.2:80")
            .connect()
            .client(GET)
    });
    (0..count).fold(open, |script, number| script.on(number + 1).server(OK))
}

#[test]
fn connections_at_once() {
    let recording = hit(&connections(8), Anomaly::ConnectionEvicted, |limits| {
        limits.connections_max = 4
    });
    // What was given up early is not lost: its request is there without an answer, or its answer without a request.
    assert!(recording.exchanges.len() >= 8, "{:?}", recording.exchanges);
}

#[test]
fn sources_told_apart() {
    let script = (1..6).fold(PacketScript::new(), |script, vni| {
        script
            .bare()
            .vxlan(vni)
            .between("10.0.0.1:40000", "10.0.0.2:80")
            .connect()
            .client(GET)
            .server(OK)
    });
    hit(&script, Anomaly::SourcesFull, |limits| {
        limits.sources_max = 3
    });
}

#[test]
fn ledger_rows() {
    let script = (1..6).fold(PacketScript::new(), |script, vni| {
        script.bare().vxlan(vni).connect()
    });
    let recording = hit(&script, Anomaly::LedgerRowsFull, |limits| {
        limits.ledger_rows_max = 3
    });
    let frames: u64 = recording.ledger.iter().map(|row| row.frames).sum();
    assert_eq!(frames, script.frames().len() as u64);
}

#[test]
fn minutes_of_silence() {
    let script = PacketScript::new()
        .connect()
        .after(Duration::from_secs(3_600))
        .connect();
    let recording = hit(&script, Anomaly::LedgerMinuteSkipped, |limits| {
        limits.ledger_empty_minutes_max = 10
    });
    assert!(
        recording.ledger.len() < 20,
        "{} rows",
        recording.ledger.len()
    );
}

/// Six requests in three fragments each, of which the last ones come when the first ones of all six are there.
#[test]
fn fragments() {
    let sent = (0..6).fold(PacketScript::new(), |script, _| {
        script.client(GET).fragment(24)
    });
    let (early, late): (Vec<_>, Vec<_>) = sent
        .frames()
        .iter()
        .enumerate()
        .partition(|(index, _)| index % 3 < 2);
    let frames = early
        .into_iter()
        .chain(late)
        .map(|(_, frame)| frame.bytes.clone());
    let script = frames.fold(PacketScript::new(), PacketScript::frame);
    assert_eq!(
        record_with(&script, Limits::default(), options())
            .exchanges
            .len(),
        6
    );
    let recording = hit(&script, Anomaly::FragmentsIncomplete, |limits| {
        limits.fragmented_datagrams_max = 2
    });
    assert!(recording.exchanges.len() < 6);
    hit(&script, Anomaly::FragmentsIncomplete, |limits| {
        limits.fragment_bytes_max = 200
    });
}

#[test]
fn head_too_long() {
    let long = format!(
        "GET /long HTTP/1.1\r\nHost: a.example\r\nX: {}\r\n\r\n",
        "x".repeat(3_000)
    );
    let script = PacketScript::new()
        .connect()
        .client(long)
        .server(OK)
        .client(GET)
        .server(OK)
        .close();
    let recording = hit(&script, Anomaly::HttpHeadTooLong, |limits| {
        limits.http_head_bytes_max = 1_000
    });
    assert!(
        paths(&recording).contains(&"/a".to_owned()),
        "{:?}",
        paths(&recording)
    );
}

#[test]
fn too_many_header_fields() {
    let fields: String = (0..40).map(|number| format!("X-{number}: 1\r\n")).collect();
    let script = PacketScript::new()
        .connect()
        .client(format!("GET /many HTTP/1.1\r\n{fields}\r\n"))
        .server(OK)
        .close();
    let recording = hit(&script, Anomaly::HttpHeadersCut, |limits| {
        limits.http_headers_max = 10
    });
    assert_eq!(
        recording.exchanges[0]
            .request
            .as_ref()
            .unwrap()
            .headers
            .len(),
        10
    );
}

fn chunked(end: &str) -> PacketScript {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    PacketScript::new()
        .connect()
        .client(GET)
        .server([head, end].concat())
        .client(GET)
        .server(OK)
        .close()
}

#[test]
fn chunk_line_too_long() {
    let script = chunked(&format!("2;{}\r\nok\r\n0\r\n\r\n", "x".repeat(300)));
    hit(&script, Anomaly::HttpChunkMalformed, |limits| {
        limits.http_chunk_line_bytes_max = 100
    });
}

#[test]
fn trailers_too_long() {
    let script = chunked(&format!(
        "2\r\nok\r\n0\r\nX-Long: {}\r\n\r\n",
        "x".repeat(300)
    ));
    let recording = hit(&script, Anomaly::HttpTrailersCut, |limits| {
        limits.http_trailer_bytes_max = 100
    });
    assert_eq!(recording.exchanges.len(), 2);
    assert_eq!(
        recording.exchanges[0].response.as_ref().unwrap().body.bytes,
        "ok"
    );
}

#[test]
fn requests_that_wait() {
    let script = PacketScript::new()
        .connect()
        .client(GET.repeat(20))
        .server(OK.repeat(20))
        .close();
    let recording = hit(&script, Anomaly::PipelineFull, |limits| {
        limits.http_pipeline_depth_max = 5
    });
    assert!(
        paths(&recording)
            .iter()
            .filter(|path| *path == "/a")
            .count()
            == 20,
        "{:?}",
        paths(&recording)
    );
}

#[test]
fn bytes_out_of_order() {
    let body = "x".repeat(20_000);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let script = PacketScript::new()
        .connect()
        .client(GET)
        .server(head)
        .server_in(1_000, &body)
        .reverse(20)
        .client(GET)
        .server(OK)
        .close();
    hit(&script, Anomaly::TcpBufferFull, |limits| {
        limits.held_bytes_half_max = 8_000
    });
    hit(&script, Anomaly::TcpBufferFull, |limits| {
        limits.held_bytes_max = 8_000
    });
}

#[test]
fn tunnels_inside_each_other() {
    let script = PacketScript::new().vxlan(1).vxlan(2).vxlan(3).connect();
    let recording = hit(&script, Anomaly::NestingTooDeep, |limits| {
        limits.tunnels_max = 2
    });
    assert_eq!(recording.totals.ledger.frames_undecodable, 3);
}

fn http2() -> PacketScript {
    PacketScript::new()
        .connect()
        .client([PREFACE, SETTINGS].concat())
        .server(SETTINGS)
}

/// Requests on streams of their own that nothing answers.
fn open_streams(count: u32) -> PacketScript {
    let mut client = Peer::default();
    (0..count).fold(http2(), |script, number| {
        script.client(client.get(2 * number + 1, "/a"))
    })
}

#[test]
fn http2_streams() {
    let recording = hit(&open_streams(9), Anomaly::Http2StreamsFull, |limits| {
        limits.http2_streams_max = 4
    });
    assert_eq!(paths(&recording), ["/a"; 9]);
}

/// Rapid resets (CVE-2023-44487): each has its row, and no more of them is remembered than the bound.
#[test]
fn http2_resets() {
    let mut client = Peer::default();
    let script = (0..300).fold(http2(), |script, number| {
        let id = 2 * number + 1;
        let reset = frame(RST_STREAM, 0, id, &[0, 0, 0, 8]);
        script.client([client.get(id, "/a"), reset].concat())
    });
    let recording = record_with(&script, Limits::default(), options());
    assert_eq!(recording.exchanges.len(), 300);
    assert_eq!(
        recording.totals.anomaly(Anomaly::Http2ResetsFull),
        300 - 256
    );
}

/// The bound is for all bodies together: each is cut where it is reached, and says so.
#[test]
fn http2_bodies() {
    let mut client = Peer::default();
    let script = (0..6).fold(http2(), |script, number| {
        let head = client.headers(0, 2 * number + 1, &[(":method", "POST"), (":path", "/a")]);
        script.client([head, frame(DATA, 0, 2 * number + 1, &[b'x'; 1_000])].concat())
    });
    let recording = hit(&script, Anomaly::Http2BodiesFull, |limits| {
        limits.http_pending_bytes_max = 2_500
    });
    let stored = |exchange: &Exchange| exchange.request.as_ref().unwrap().body.bytes.len();
    assert_eq!(recording.exchanges.iter().map(stored).sum::<usize>(), 2_500);
}

#[test]
fn http2_header_tables() {
    let block = [
        &[0x3f, 0xe1, 0xff, 0x03][..],
        &Peer::default().block(&[(":method", "GET"), (":path", "/a")]),
    ];
    let script = http2().client(frame(HEADERS, END_HEADERS | END_STREAM, 1, &block.concat()));
    hit(&script, Anomaly::Http2TableFull, |limits| {
        limits.http2_table_bytes_max = 1_000
    });
}

/// CONTINUATION frames without end (CVE-2024-27316).
#[test]
fn http2_continuations() {
    let (mut client, mut server) = (Peer::default(), Peer::default());
    let first = client.block(&[(":method", "GET"), (":path", "/flood")]);
    let flood = (0..30).fold(
        http2().client(frame(HEADERS, END_STREAM, 1, &first)),
        |script, _| script.client(frame(CONTINUATION, 0, 1, &[])),
    );
    let script = flood
        .client(
            [
                frame(CONTINUATION, END_HEADERS, 1, &[]),
                client.headers(END_STREAM, 3, &[(":method", "GET"), (":path", "/a")]),
            ]
            .concat(),
        )
        .server(server.ok(3, "ok"));
    let recording = hit(&script, Anomaly::Http2BlockGivenUp, |limits| {
        limits.http2_continuations_max = 20
    });
    assert_eq!(paths(&recording), ["/a"]);
}
