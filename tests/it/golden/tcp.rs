//! TCP: order, repetition, borders, beginnings and ends of connections.

use std::time::Duration;

use tests::PacketScript;

use super::golden;

const GET: &str = "GET /orders/7?full=1 HTTP/1.1\r\nHost: shop.example\r\nAccept: */*\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, world";
const UPLOAD: &str = "PUT /notes/1 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz";

fn script() -> PacketScript {
    PacketScript::new()
}

golden! {
    in_order => script().connect().client(GET).server(OK).client_ack().close();

    /// Three packets of the request and three of the answer, each three in reverse.
    out_of_order => script()
        .connect()
        .client_in(30, GET).reverse(3)
        .server_in(25, OK).reverse(3)
        .client_ack()
        .close();

    retransmission => script().connect().client(GET).repeat().server(OK).repeat().close();

    /// The second sending cuts the same bytes elsewhere: it starts before, and ends after, what was there.
    retransmission_with_other_borders => script()
        .connect()
        .client_at(0, &UPLOAD[..70])
        .client_at(40, &UPLOAD[40..80])
        .client_at(60, &UPLOAD[60..])
        .server("HTTP/1.1 204 No Content\r\n\r\n")
        .close();

    /// A packet that lies wholly inside one that came already, and one that covers two that wait for a hole to be filled.
    overlap => script()
        .connect()
        .client_at(0, &UPLOAD[..30])
        .client_at(5, &UPLOAD[5..20])
        .client_at(40, &UPLOAD[40..50])
        .client_at(60, &UPLOAD[60..70])
        .client_at(35, &UPLOAD[35..])
        .client_at(20, &UPLOAD[20..36])
        .server("HTTP/1.1 204 No Content\r\n\r\n")
        .close();

    /// Both streams pass 2^32 in the middle of a message.
    sequence_wrap => script()
        .origin(0xffff_fff0, 0xffff_ffe0)
        .connect()
        .client_in(20, GET)
        .server_in(20, OK)
        .close();

    /// The capture begins after the handshake, in the middle of an answer to a request that it does not have.
    joined_midstream => script()
        .server("lazy dog</html>")
        .client(GET)
        .server(OK)
        .close();

    /// The capture begins at a request.
    joined_between_exchanges => script().client(GET).server(OK).client_ack();

    /// Only what the client sends is mirrored.
    one_sided_client => script()
        .connect()
        .client(GET).client(UPLOAD)
        .server(OK).lose(1)
        .client_ack()
        .client_fin();

    /// Only what the server sends is mirrored.
    response_without_request => script()
        .syn().lose(1).syn_ack()
        .client(GET).lose(1)
        .server(OK)
        .server_fin();

    /// A mirror that delivers the two directions over different paths.
    syn_ack_before_syn => script()
        .syn().syn_ack().reverse(2).client_ack()
        .client(GET).server(OK)
        .close();

    /// One byte below the next sequence number, as keep-alive probes carry, is no data.
    keep_alive_probe => script()
        .connect()
        .client(GET).server(OK).client_ack()
        .after(Duration::from_secs(45))
        .client_at(u32::try_from(GET.len()).unwrap() - 1, "\0")
        .server_ack()
        .client(GET).server(OK)
        .close();

    /// The same addresses and ports again, after an orderly end.
    port_reuse_after_close => script()
        .connect().client(GET).server(OK).close()
        .between("10.0.0.1:40000", "10.0.0.2:80").origin(700_001, 900_001)
        .connect().client(UPLOAD).server("HTTP/1.1 204 No Content\r\n\r\n").close();

    /// The same addresses and ports again, although nobody ended the first connection.
    port_reuse_without_close => script()
        .connect().client(GET)
        .between("10.0.0.1:40000", "10.0.0.2:80").origin(2_700_000_001, 1_900_000_001)
        .connect().client(UPLOAD).server("HTTP/1.1 204 No Content\r\n\r\n").close();

    /// The same ports again at once, with sequence numbers near the old ones, as systems choose them by the clock; the end of
    /// the first connection was lost, and the second is known by the SYN-ACK that confirms its SYN.
    port_reuse_near => script()
        .connect().client(GET)
        .between("10.0.0.1:40000", "10.0.0.2:80").origin(91_001, 95_001)
        .connect().client(UPLOAD).server("HTTP/1.1 204 No Content\r\n\r\n").close();

    /// A connection that says nothing for two hours is over, by the time of other connections' packets.
    idle_expiry => script()
        .connect().client(GET)
        .after(Duration::from_secs(7_200))
        .between("10.0.0.3:41000", "10.0.0.2:80")
        .connect().client(GET).server(OK).close()
        .on(0).server(OK);

    /// The server resets the connection in the middle of its answer.
    reset_in_answer => script().connect().client(GET).server(&OK[..45]).server_rst();

    /// The client gives up in the middle of an answer.
    client_reset_in_answer => script().connect().client(GET).server(&OK[..45]).client_rst();

    /// The answer's last packet carries the FIN.
    last_data_with_fin => script().connect().client(GET).server(&OK[..45]).server_last(&OK[45..]).client_fin();

    /// Two connections take turns.
    interleaved_connections => script()
        .connect().client(&GET[..20])
        .between("10.0.0.1:40001", "10.0.0.2:80").origin(77_001, 88_001)
        .connect().client(UPLOAD)
        .on(0).client(&GET[20..])
        .on(1).server("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        .on(0).server(OK).close()
        .on(1).close();

    /// The capture ends in the middle of an answer.
    capture_ends_in_answer => script().connect().client(GET).server(&OK[..45]);
}
