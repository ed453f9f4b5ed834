//! What other recorders got wrong (PEERS.md, table D1): each row is a capture that must come out whole.

use std::time::Duration;

use tests::PacketScript;

use super::golden;

const GET: &str = "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n";
const NEXT: &str = "GET /b HTTP/1.1\r\nHost: a.example\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fn script() -> PacketScript {
    PacketScript::new().connect()
}

fn post(length: usize) -> String {
    format!("POST /up HTTP/1.1\r\nHost: a.example\r\nContent-Length: {length}\r\n\r\n")
}

golden! {
    /// Row 1: the client's acknowledgement number moves while it uploads.
    acknowledgement_moves_during_upload => script()
        .client(GET).client(post(12))
        .server(&OK[..20]).client("body")
        .server(&OK[20..]).client("body").client("body")
        .server(OK)
        .close();

    /// Row 2: two requests in one packet, and their answers in one packet.
    pipelined_in_one_packet => script()
        .client([GET, NEXT].concat())
        .server([OK, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"].concat())
        .close();

    /// Row 2: three requests before the first answer, cut at every seventh byte.
    pipelined_across_packets => script()
        .client_in(7, [post(4).as_str(), "body", GET, NEXT].concat())
        .server_in(7, [OK, OK, OK].concat())
        .close();

    /// Row 4: see also `close_delimited`. An HTTP/1.0 answer in two packets that a FIN ends.
    http10_answer_ended_by_fin => script()
        .client("GET /a HTTP/1.0\r\n\r\n")
        .server("HTTP/1.0 200 OK\r\n\r\n").server("body")
        .server_fin().client_fin();

    /// Row 5: a chunked answer byte by byte, the terminator too.
    chunked_byte_by_byte => script()
        .client(GET)
        .server_in(1, [CHUNKED, "3\r\nabc\r\n0\r\n\r\n"].concat())
        .client(NEXT).server(OK)
        .close();

    /// Row 6: a packet ends with chunk data that looks like the end of the body.
    chunk_data_looks_like_the_end => script()
        .client(GET)
        .server([CHUNKED, "a\r\nabc0\r\n\r\n"].concat())
        .server("de\r\n0\r\n\r\n")
        .close();

    /// Row 7: text in a body that looks like a header, a request, an answer.
    body_looks_like_a_head => {
        let body = "\r\nTransfer-Encoding: chunked\r\n\r\nGET /c HTTP/1.1\r\n\r\n";
        let answer = "HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\n";
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
        script()
            .client(post(body.len()) + body)
            .server(head + answer)
            .client(NEXT).server(OK)
            .close()
    };

    /// Row 8: a packet of nothing but zeros inside a body.
    body_of_zeros => script()
        .client(post(24)).client("datadata").client([0; 8]).client("datadata")
        .server(OK)
        .close();

    /// Row 9: short packets are padded by Ethernet; the padding is no data.
    ethernet_padding => script()
        .client(post(3)).client("abc").pad(0)
        .server_ack().pad(0xff)
        .server(&OK[..38]).server(&OK[38..]).pad(b'x')
        .client(NEXT).server(OK)
        .close();

    /// Row 12: a URL longer than a packet.
    long_url => script()
        .client(format!("GET /{} HTTP/1.1\r\nHost: a.example\r\n\r\n", "0123456789abcdef".repeat(512)))
        .server(OK)
        .close();

    /// Row 14: pauses longer than any timeout by the wall clock would allow.
    pauses_inside_messages => script()
        .client(&GET[..10]).after(Duration::from_secs(20)).client(&GET[10..])
        .after(Duration::from_secs(20))
        .server(&OK[..10]).after(Duration::from_secs(20)).server(&OK[10..])
        .close();

    /// Row 16: two connections whose addresses have the same sum, with the same sequence numbers.
    addresses_with_the_same_sum => script()
        .client(&GET[..10])
        .between("10.0.0.2:40000", "10.0.0.1:80").connect()
        .client(&NEXT[..10])
        .on(0).client(&GET[10..]).server(OK).close()
        .on(1).client(&NEXT[10..]).server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").close();
}

/// Row 15: an upload of 12 MB, in order and with every packet repeated. What it costs is measured by the benches; here the
/// bytes count.
#[test]
fn large_upload() {
    let body: Vec<u8> = (0..12_000_000_u32).map(|n| (n % 251) as u8).collect();
    let script = script()
        .client([post(body.len()).as_bytes(), &body].concat())
        .server(OK)
        .close();
    let recording = tests::record(&script);
    assert_eq!(recording.exchanges.len(), 1);
    let request = recording.exchanges[0].request.as_ref().unwrap();
    assert!(request.body.bytes == body, "the body differs");
}

/// Row 17: a body over the limit is cut, and says so.
#[test]
fn body_over_the_limit() {
    let script = script()
        .client(post(100))
        .client("x".repeat(100))
        .server(OK)
        .close();
    let options = recorder_core::Options {
        body_bytes_max: 10,
        ..tests::options()
    };
    let recording = tests::record_with(&script, recorder_core::Limits::default(), options);
    let exchange = &recording.exchanges[0];
    let body = &exchange.request.as_ref().unwrap().body;
    assert_eq!(
        exchange.completeness,
        schema::Completeness::RequestTruncated
    );
    assert_eq!((body.bytes.len(), body.wire_bytes), (10, 100));
    assert_eq!(exchange.response.as_ref().unwrap().body.bytes, "ok");
}
