//! HTTP/2 in clear text (RFC 9113): streams, header tables, upgrades, and what losses leave of them.

use tests::PacketScript;
use tests::h2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GO_AWAY, HEADERS, PADDED, PING, PREFACE, PRIORITY,
    PUSH_PROMISE, Peer, RST_STREAM, SETTINGS, SETTINGS_ACK, frame,
};

use super::golden;

/// A connection on which both ends have said what they can.
fn script() -> PacketScript {
    PacketScript::new()
        .connect()
        .client([PREFACE, SETTINGS].concat())
        .server([SETTINGS, SETTINGS_ACK].concat())
        .client(SETTINGS_ACK)
}

fn peers() -> (Peer, Peer) {
    (Peer::default(), Peer::default())
}

const GRPC: [(&str, &str); 6] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/pkg.Greeter/Hello"),
    (":authority", "a.example"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
];

golden! {
    http2_with_prior_knowledge => {
        let (mut client, mut server) = peers();
        script()
            .client(client.get(1, "/a?b=c"))
            .server(server.ok(1, "one"))
            .client(client.post(3, "/d", "body"))
            .server(server.ok(3, "three"))
            .close()
    };

    /// The request of HTTP/1 is that of stream 1 (RFC 7540 section 3.2).
    http2_upgrade => {
        let (mut client, mut server) = peers();
        let switching = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
        PacketScript::new()
            .connect()
            .client("GET /a HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
            .server(switching)
            .server([SETTINGS, &server.ok(1, "one")].concat())
            .client([PREFACE, SETTINGS, &client.get(3, "/b")].concat())
            .server(server.ok(3, "three"))
            .close()
    };

    /// The server declines: HTTP/1 goes on.
    http2_upgrade_declined => PacketScript::new()
        .connect()
        .client("GET /a HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
        .server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .client("GET /b HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .close();

    /// Three streams at once, answered in another order, their bodies in turns.
    http2_streams_in_turns => {
        let (mut client, mut server) = peers();
        let mut head = |stream| server.headers(0, stream, &[(":status", "200"), ("stream", "x")]);
        script()
            .client([client.get(1, "/1"), client.get(3, "/3"), client.get(5, "/5")].concat())
            .server([head(5), head(1), frame(DATA, 0, 1, b"fir"), frame(DATA, 0, 5, b"thi")].concat())
            .server([frame(DATA, END_STREAM, 1, b"st"), head(3), frame(DATA, END_STREAM, 5, b"rd")].concat())
            .server(frame(DATA, END_STREAM, 3, b"second"))
            .close()
    };

    /// Messages keep their prefixes, the status is a trailer; the second call is answered by trailers alone.
    http2_grpc => {
        let (mut client, mut server) = peers();
        script()
            .client([client.headers(0, 1, &GRPC), frame(DATA, END_STREAM, 1, b"\0\0\0\0\x03\x0a\x01a")].concat())
            .server(server.headers(0, 1, &[(":status", "200"), ("content-type", "application/grpc")]))
            .server([frame(DATA, 0, 1, b"\0\0\0\0\x03\x0a\x01b"), frame(DATA, 0, 1, b"\0\0\0\0\x03\x0a\x01c")].concat())
            .server(server.headers(END_STREAM, 1, &[("grpc-status", "0"), ("grpc-message", "")]))
            .client([client.headers(0, 3, &GRPC), frame(DATA, END_STREAM, 3, b"\0\0\0\0\0")].concat())
            .server(server.headers(END_STREAM, 3, &[(":status", "200"), ("grpc-status", "12")]))
            .close()
    };

    http2_interim_answers_and_trailers => {
        let (mut client, mut server) = peers();
        script()
            .client(client.headers(0, 1, &[(":method", "POST"), (":scheme", "http"), (":path", "/"), ("expect", "100-continue")]))
            .server(server.headers(0, 1, &[(":status", "100")]))
            .client([frame(DATA, 0, 1, b"body"), client.headers(END_STREAM, 1, &[("sum", "4")])].concat())
            .server(server.headers(0, 1, &[(":status", "103"), ("link", "</style.css>; rel=preload")]))
            .server(server.ok(1, "ok"))
            .close()
    };

    /// Padding, a priority, a header block in three frames, a frame of an unknown type between two others.
    http2_every_shape_of_frame => {
        let (mut client, mut server) = peers();
        let request = client.block(&[(":method", "PUT"), (":scheme", "http"), (":path", "/p"), ("x", "y")]);
        let padded = [&[3, 0x80, 0, 0, 0, 16], &request[..], &[0, 0, 0]].concat();
        let answer = server.block(&[(":status", "201"), ("x", "1"), ("y", "2")]);
        script()
            .client(frame(HEADERS, END_HEADERS | PADDED | PRIORITY, 1, &padded))
            .client([frame(DATA, PADDED, 1, b"\x02ab\0\0"), frame(0xfa, 0xff, 77, b"whatever"), PING.to_vec()].concat())
            .client(frame(DATA, END_STREAM, 1, b""))
            .server([frame(HEADERS, 0, 1, &answer[..2]), frame(CONTINUATION, 0, 1, b"")].concat())
            .server(frame(CONTINUATION, END_HEADERS, 1, &answer[2..]))
            .server(frame(DATA, PADDED | END_STREAM, 1, b"\x05body\0\0\0\0\0"))
            .close()
    };

    http2_push => {
        let (mut client, mut server) = peers();
        let promise = server.block(&[(":method", "GET"), (":scheme", "http"), (":path", "/style.css"), (":authority", "a.example")]);
        script()
            .client(client.get(1, "/"))
            .server(frame(PUSH_PROMISE, END_HEADERS, 1, &[&[0, 0, 0, 2], &promise[..]].concat()))
            .server([server.ok(1, "page"), server.ok(2, "style")].concat())
            .close()
    };

    /// Resets from either side, an answer that comes after one, and a request that the server says it never looked at.
    http2_resets_and_go_away => {
        let (mut client, mut server) = peers();
        let reset = |stream| frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
        script()
            .client([client.get(1, "/reset-by-client"), reset(1)].concat())
            .server(server.ok(1, "late"))
            .client(client.get(3, "/reset-by-server"))
            .server([server.headers(0, 3, &[(":status", "200")]), frame(DATA, 0, 3, b"ha"), reset(3)].concat())
            .client([client.get(5, "/answered"), client.get(7, "/never-looked-at")].concat())
            .server([frame(GO_AWAY, 0, 0, &[0, 0, 0, 5, 0, 0, 0, 0]), server.ok(5, "five")].concat())
            .close()
    };

    /// A tunnel, and a WebSocket (RFC 8441): what they carry is counted and not recorded.
    http2_connect => {
        let (mut client, mut server) = peers();
        let chat = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/chat"), (":authority", "a.example")];
        script()
            .client(client.headers(0, 1, &[(":method", "CONNECT"), (":authority", "b.example:443")]))
            .server(server.headers(0, 1, &[(":status", "200")]))
            .client(frame(DATA, 0, 1, b"there")).server(frame(DATA, END_STREAM, 1, b"and back"))
            .client(client.headers(0, 3, &chat))
            .server(server.headers(0, 3, &[(":status", "200")]))
            .client(frame(DATA, 0, 3, b"\x81\x82\0\0\0\0hi"))
            .close()
    };

    /// The capture begins when fields were told already: what refers to them is unknown, what is told later is known.
    http2_joined_midstream => {
        let (mut client, mut server) = peers();
        script()
            .client(client.get(1, "/a")).server(server.ok(1, "one"))
            .lose(8)
            .client(client.get(3, "/a")).server(server.ok(3, "three"))
            .client(client.post(5, "/b", "body")).server(server.ok(5, "five"))
            .client(client.post(7, "/b", "body")).server(server.ok(7, "seven"))
            .close()
    };

    /// A packet inside a body is lost: its stream lacks bytes, the others nothing.
    http2_lost_in_body => {
        let (mut client, mut server) = peers();
        script()
            .client([client.get(1, "/1"), client.get(3, "/3")].concat())
            .server([server.headers(0, 1, &[(":status", "200")]), frame(DATA, 0, 1, &[b'a'; 60])[..19].to_vec()].concat())
            .server([b'a'; 30]).lose(1)
            .server([[b'a'; 20].to_vec(), server.ok(3, "three"), frame(DATA, END_STREAM, 1, b"end")].concat())
            .close()
    };

    /// A packet with whole frames is lost: the next ones are found, and what was under way says that it may lack some.
    http2_lost_frames => {
        let (mut client, mut server) = peers();
        script()
            .client([client.get(1, "/1"), client.get(3, "/3"), client.get(5, "/5")].concat())
            .server([server.headers(0, 1, &[(":status", "200"), ("content-length", "8")]), frame(DATA, 0, 1, b"half")].concat())
            .server([frame(DATA, END_STREAM, 1, b"half"), server.ok(3, "three")].concat()).lose(1)
            .server(server.ok(5, "five"))
            .client(client.get(7, "/7")).server(server.ok(7, "seven"))
            .close()
    };

    /// A packet with a header block is lost: one request is, and fields that it told are unknown afterwards.
    http2_lost_header_block => {
        let (mut client, mut server) = peers();
        let fields = |path| [(":method", "GET"), (":scheme", "http"), (":path", path), ("token", "secret")];
        script()
            .client(client.headers(END_STREAM, 1, &fields("/1"))).lose(1)
            .server(server.ok(1, "one"))
            .client(client.headers(END_STREAM, 3, &fields("/3")))
            .server(server.ok(3, "three"))
            .client(client.headers(END_STREAM, 5, &fields("/3")[..3]))
            .server(server.ok(5, "five"))
            .close()
    };

    /// Header blocks that no encoder writes, one that is broken off, and frames that are none.
    http2_malformed => {
        let (mut client, mut server) = peers();
        script()
            .client(frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x80]))
            .client([frame(HEADERS, 0, 3, &[0x82]), client.get(5, "/5")].concat())
            .server([server.ok(1, "one"), server.ok(5, "five")].concat())
            .client([&b"these are no frames"[..], PING, &client.get(7, "/7")].concat())
            .server(server.ok(7, "seven"))
            .close()
    };
}
