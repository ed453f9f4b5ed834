//! Bytes that the mirror lost: known to be lost once the peer has acknowledged them.

use std::time::Duration;

use tests::PacketScript;

use super::golden;

const GET: &str = "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, world";
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: a.example\r\n\r\n";
const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone";
const UPLOAD_HEAD: &str = "POST /up HTTP/1.1\r\nHost: a.example\r\nContent-Length: 30\r\n\r\n";
const CHUNKED_HEAD: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A connection whose first exchange is whole.
fn script() -> PacketScript {
    PacketScript::new().connect().client(GET).server(OK)
}

golden! {
    lost_in_answer_body => script()
        .client(NEXT)
        .server("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n0123456789")
        .server("abcdefghij").lose(1)
        .server("ABCDEFGHIJ")
        .client_ack()
        .client(GET).server(OK)
        .close();

    /// The request after the damaged one must not be eaten by its body.
    lost_in_request_body => script()
        .client(UPLOAD_HEAD).client("AAAAAAAAAA")
        .client("BBBBBBBBBB").lose(1)
        .client("CCCCCCCCCC")
        .server(OK)
        .client(NEXT).server(NOT_FOUND)
        .close();

    /// The last bytes of a body are lost, and the next request follows.
    lost_end_of_request_body => script()
        .client(UPLOAD_HEAD).client("AAAAAAAAAABBBBBBBBBB")
        .client("CCCCCCCCCC").lose(1)
        .server(OK)
        .client(NEXT).server(NOT_FOUND)
        .close();

    lost_answer_head => script()
        .client(NEXT)
        .server(&NOT_FOUND[..20]).lose(1)
        .server(&NOT_FOUND[20..])
        .client(GET).server(OK)
        .close();

    /// The SYN-ACK and the first answer are lost, and the end of the connection comes before the second is told.
    lost_syn_ack_and_first_answer => PacketScript::new().syn().syn_ack().lose(1).client_ack()
        .client(GET)
        .server(OK).lose(1)
        .client_ack()
        .client(NEXT).server(NOT_FOUND)
        .close();

    /// The server is first seen after it was given up as unseen: its first answer is lost, not delayed.
    lost_first_answer_of_a_server_seen_late => PacketScript::new().syn().syn_ack().lose(1).client_ack()
        .client(GET)
        .server(OK).lose(1)
        .client_ack()
        .client(NEXT)
        .after(Duration::from_secs(3)).client_ack()
        .server(NOT_FOUND)
        .close();

    lost_request => script()
        .client(NEXT).lose(1)
        .server(NOT_FOUND)
        .client(GET).server(OK)
        .close();

    lost_answer => script()
        .client(NEXT)
        .server(NOT_FOUND).lose(1)
        .client(GET).server(OK)
        .close();

    lost_in_chunk => script()
        .client(NEXT)
        .server(CHUNKED_HEAD)
        .server("1e\r\n0123456789")
        .server("abcdefghij").lose(1)
        .server("ABCDEFGHIJ\r\n0\r\n\r\n")
        .client(GET).server(OK)
        .close();

    /// The loss takes a chunk's size: where the body goes on is not known, where the next answer starts is.
    lost_chunk_size => script()
        .client(NEXT)
        .server(CHUNKED_HEAD)
        .server("5\r\nhello\r\n")
        .server("7\r\n, ").lose(1)
        .server("world\r\n0\r\n\r\n")
        .client(GET).server(OK)
        .close();

    /// The hole is filled by a late packet before the peer's acknowledgement is seen: nothing is lost.
    late_but_not_lost => script()
        .client(NEXT)
        .server("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n0123456789")
        .server("abcdefghij").server("ABCDEFGHIJ").reverse(2)
        .client_ack()
        .close();

    /// Lost, and nobody acknowledges: the capture's end tells.
    lost_at_the_end => script()
        .client(NEXT)
        .server("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n0123456789")
        .server("abcdefghij").lose(1)
        .server("ABCDEFGHIJ");
}
