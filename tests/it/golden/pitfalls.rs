//! What makes naive readers of TCP produce wrong HTTP, each with the number that it has in `tests/it/pitfalls.rs`.

use benches::wire::{self, TcpPacket, flags};
use tests::PacketScript;

use super::golden;

const GET: &str = "GET /orders/7?full=1 HTTP/1.1\r\nHost: shop.example\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, world";
const UPLOAD: &str = "PUT /notes/1 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz";
const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";
const URG: u8 = 0x20;

fn script() -> PacketScript {
    PacketScript::new()
}

/// A packet of the script's first conversation that the script would not send by itself: places are offsets in the streams.
fn packet(from_client: bool, bits: u8, at: u32, acked: u32, payload: &[u8]) -> Vec<u8> {
    let (client, server) = (([10, 0, 0, 1], 40_000).into(), ([10, 0, 0, 2], 80).into());
    let (seq, ack) = (1_001, 5_001);
    let packet = TcpPacket {
        from: client,
        to: server,
        seq: at.wrapping_add(seq),
        ack: acked.wrapping_add(ack),
        flags: bits,
        id: 77,
        timestamps: [1, 1],
        payload,
    };
    if from_client {
        return packet.ethernet();
    }
    let packet = TcpPacket {
        from: server,
        to: client,
        seq: at.wrapping_add(ack),
        ack: acked.wrapping_add(seq),
        ..packet
    };
    packet.ethernet()
}

/// The last frame again, behind another VLAN hop.
fn again_in_vlan(script: PacketScript, id: u16) -> PacketScript {
    let frame = wire::vlan(&script.frames().last().unwrap().bytes, id);
    script.frame(frame)
}

golden! {
    /// 2. A probe whose zero byte comes before the byte that it stands for, which the server has and the mirror has not yet.
    keep_alive_probe_before_its_byte => script()
        .connect()
        .client_at(0, &UPLOAD[..85]).client_at(86, "").lose(1)
        .frame(packet(false, flags::ACK, 0, 86, b""))
        .frame(packet(true, flags::ACK, 85, 0, &[0]))
        .client_at(85, &UPLOAD[85..])
        .server(NO_CONTENT).close();

    /// 3. The window is closed: one byte is sent to see whether it opens, and then sent again with more.
    zero_window_probe => script()
        .connect()
        .client_at(0, &UPLOAD[..70]).server_ack()
        .client_at(70, &UPLOAD[70..71])
        .client_at(70, &UPLOAD[70..])
        .server(NO_CONTENT).close();

    /// 5. The same place twice with other bytes: the first copy stays.
    conflicting_copies => script()
        .connect()
        .client_at(0, &UPLOAD[..60])
        .client_at(70, &UPLOAD[70..]).client_at(70, "AAAAAAAAAAAAAAAA")
        .client_at(60, &UPLOAD[60..70])
        .server(NO_CONTENT).close();

    /// 6. TCP Fast Open (RFC 7413): the SYN carries the request, and the SYN-ACK part of the answer.
    data_on_the_handshake => script()
        .frame(packet(true, flags::SYN, u32::MAX, 0, GET.as_bytes()))
        .frame(packet(false, flags::SYN | flags::ACK, u32::MAX, GET.len() as u32, &OK.as_bytes()[..20]))
        .frame(packet(true, flags::ACK, GET.len() as u32, 20, b""))
        .frame(packet(false, flags::ACK | flags::PSH, 20, GET.len() as u32, &OK.as_bytes()[20..]));

    /// 7. The FIN comes with the last bytes, before those that precede them.
    end_before_missing_data => script()
        .connect().client(GET)
        .frame(packet(false, flags::ACK | flags::FIN, 40, GET.len() as u32, &OK.as_bytes()[40..]))
        .frame(packet(false, flags::ACK, 0, GET.len() as u32, &OK.as_bytes()[..40]))
        .frame(packet(true, flags::ACK | flags::FIN, GET.len() as u32, OK.len() as u32 + 1, b""));

    /// 7. The FIN overtakes the only data that there is of a connection whose beginning was not captured.
    end_overtakes_the_first_data => script()
        .frame(packet(false, flags::ACK | flags::FIN, OK.len() as u32, GET.len() as u32, b""))
        .frame(packet(false, flags::ACK | flags::PSH, 0, GET.len() as u32, OK.as_bytes()))
        .frame(packet(true, flags::ACK | flags::FIN, GET.len() as u32, OK.len() as u32 + 1, b""));

    /// 8. A reset far outside of the window is somebody else's; one in it may carry a text, which is none of the body's.
    resets_false_and_true => script()
        .connect().client(GET)
        .frame(packet(false, flags::RST, 1_000_000_000, 0, b""))
        .server(&OK[..45])
        .frame(packet(false, flags::RST | flags::ACK, 45, GET.len() as u32, b"out of memory"));

    /// 8. A reset overtakes the last bytes that its sender had sent.
    reset_overtakes_data => script()
        .connect().client(GET)
        .frame(packet(false, flags::RST | flags::ACK, OK.len() as u32, GET.len() as u32, b""))
        .frame(packet(false, flags::ACK, 0, GET.len() as u32, OK.as_bytes()));

    /// 13. Checksums are filled in by the card after the capture, and not at all for what a mirror cuts.
    checksum_is_wrong => {
        let mut frame = packet(true, flags::ACK | flags::PSH, 0, 0, GET.as_bytes());
        frame[14 + 20 + 16] ^= 0xff;
        frame[14 + 10] ^= 0xff;
        script().connect().frame(frame).client_at(GET.len() as u32, "").lose(1).server(OK).close()
    };

    /// 14. The same packets on both sides of a router: another VLAN, the same everything else.
    copies_from_two_vlans => {
        let script = again_in_vlan(script().connect().client(GET), 20);
        again_in_vlan(script.server(OK), 20).close()
    };

    /// 15. Urgent data (RFC 6093) stays in its place.
    urgent_data => script()
        .connect()
        .frame(packet(true, flags::ACK | URG, 0, 0, &GET.as_bytes()[..21]))
        .client_at(21, &GET[21..])
        .server(OK).close();
}
