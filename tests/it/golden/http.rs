//! HTTP/1: every way of saying where a message ends (RFC 9112 section 6.3), and what heads may look like.

use std::io::Write as _;

use tests::PacketScript;

use super::golden;

const GET: &str = "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn script() -> PacketScript {
    PacketScript::new().connect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

golden! {
    /// Answers to HEAD and 304s have no body, whatever Content-Length says.
    head_and_304_with_content_length => script()
        .client("HEAD /a HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .server("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        .client("GET /a HTTP/1.1\r\nHost: a.example\r\nIf-None-Match: \"1\"\r\n\r\n")
        .server("HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\nETag: \"1\"\r\n\r\n")
        .client(GET).server(OK)
        .close();

    interim_answers => script()
        .client("POST /a HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        .server("HTTP/1.1 100 Continue\r\n\r\n")
        .client("body")
        .server("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
        .server("HTTP/1.1 103 Early Hints\r\nLink: </font.woff>; rel=preload\r\n\r\n")
        .server(OK)
        .close();

    no_content => script()
        .client("DELETE /a HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .server("HTTP/1.1 204 No Content\r\n\r\n")
        .client(GET).server(OK)
        .close();

    connect_tunnel => script()
        .client("CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n")
        .server("HTTP/1.1 200 Connection established\r\n\r\n")
        .client("whatever the tunnel carries").server("GET /not/a/request HTTP/1.1\r\n\r\n")
        .close();

    connect_refused => script()
        .client("CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n")
        .server("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        .client(GET).server(OK)
        .close();

    upgrade_to_websocket => script()
        .client("GET /chat HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        .server("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        .client([0x81, 0x82, 1, 2, 3, 4, 5, 6]).server([0x81, 2, b'h', b'i'])
        .close();

    chunked_with_trailers_and_extensions => script()
        .client("POST /a HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
                 5;name=\"value\"\r\nhello\r\n7\r\n, world\r\n0;last\r\nX-Sum: 12\r\nX-Sum: again\r\n\r\n")
        .server("HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n00A\r\n0123456789\r\n000\r\n\r\n")
        .client(GET).server(OK)
        .close();

    close_delimited => script()
        .client("GET /a HTTP/1.0\r\n\r\n")
        .server("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        .server("until the ").server("very end")
        .server_fin().client_fin();

    /// Header, body and FIN in one packet.
    close_delimited_in_one_packet => script()
        .client("GET /a HTTP/1.0\r\n\r\n")
        .server_last("HTTP/1.0 200 OK\r\n\r\nall at once")
        .client_fin();

    /// Nobody said that the body is over: it may be cut.
    close_delimited_without_close => script()
        .client("GET /a HTTP/1.0\r\n\r\n")
        .server("HTTP/1.0 200 OK\r\n\r\nuntil the");

    http10_keep_alive => script()
        .client("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        .server("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok")
        .client("GET /b HTTP/1.0\r\n\r\n")
        .server("HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        .close();

    odd_method_and_status => script()
        .client("PROPFIND /dav HTTP/1.1\r\nHost: a.example\r\nDepth: 1\r\nContent-Length: 0\r\n\r\n")
        .server("HTTP/1.1 599 Whatever\r\nContent-Length: 0\r\n\r\n")
        .client("MKX-42 /dav HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .server("HTTP/1.1 207\r\nContent-Length: 0\r\n\r\n")
        .close();

    forms_of_target => script()
        .client("GET http://b.example:8080/x?y=1 HTTP/1.1\r\nHost: b.example:8080\r\n\r\n").server(OK)
        .client("OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n").server(OK)
        .client("GET /?a=%2F&b= HTTP/1.1\r\nHost: a.example\r\n\r\n").server(OK)
        .client("GET /x? HTTP/1.1\r\nHost: a.example\r\n\r\n").server(OK)
        .close();

    not_utf8_in_head => script()
        .client(b"GET /caf\xe9 HTTP/1.1\r\nHost: a.example\r\nX-Name: M\xfcller\r\n\r\n")
        .server(OK)
        .close();

    headers_kept_as_sent => script()
        .client("GET /a HTTP/1.1\r\nhost: a.example\r\nX-Twice: 1\r\nx-twice:2\r\nEmpty:\r\nCookie: a=1; b=2\r\n\r\n")
        .server("HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok")
        .close();

    folded_header_and_bare_line_feeds => script()
        .client("GET /a HTTP/1.1\nHost: a.example\nX-Long: one\n two\n\n")
        .server("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
        .client("\r\n\r\nGET /b HTTP/1.1\r\nHost: a.example\r\n\r\n").server(OK)
        .close();

    /// Transfer-Encoding wins over Content-Length (RFC 9112 section 6.3, rule 3).
    chunked_and_content_length => script()
        .client(GET)
        .server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
        .client(GET).server(OK)
        .close();

    content_length_twice => script()
        .client(GET)
        .server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok")
        .client(GET)
        .server("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok")
        .close();

    content_encoding_is_undone => {
        let body = gzip("{\"a\":1}");
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
        script()
            .client(GET).server([head.as_bytes(), &body].concat())
            .client(GET).server("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nno gzip!")
            .close()
    };

    /// A chunk whose size is no number: where the body ends is not known, where the next answer starts is.
    chunk_size_is_no_number => script()
        .client(GET)
        .server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nsize\r\n")
        .client(GET).server(OK)
        .close();

    /// An answer that comes before its request is whole.
    answer_before_end_of_request => script()
        .client("POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 8\r\n\r\nhalf")
        .server("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
        .client("rest")
        .client(GET).server(OK)
        .close();

    /// The capture begins in a body that quotes a request: only the status line that follows tells who is who.
    ends_taken_for_each_other => PacketScript::new()
        .server("GET /quoted HTTP/1.1\r\nHost: in.a.body\r\n\r\n")
        .client(GET).server(OK)
        .close();

    /// Bytes that belong to no message between two that do.
    garbage_between_messages => script()
        .client(GET).server(OK)
        .client("\u{1}\u{2}\u{3} no request at all\r\n\r\n")
        .client(GET).server(OK)
        .close();
}
