//! TCP conversations written down as a story, and the capture that a mirror would make of them.

mod link;

use std::net::SocketAddr;
use std::time::Duration;

use benches::wire::{self, PAYLOAD_BYTES_MAX, TcpPacket, flags};
use recorder_core::LinkType;
use schema::{Timestamp, Vni};

pub use link::ScriptFrame;

/// Time between two frames, unless the script says otherwise.
const STEP: Duration = Duration::from_millis(1);

/// A capture in the making. Each step adds frames to the current conversation, or changes the frames added last.
///
/// Every packet acknowledges all that the other end has sent before, whether or not the capture has it.
///
/// ```
/// # use tests::PacketScript;
/// let script = PacketScript::new()
///     .connect()
///     .client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
///     .server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
///     .close();
/// assert_eq!(script.frames().len(), 8);
/// ```
#[derive(Clone, Debug)]
pub struct PacketScript {
    link: LinkType,
    at: Timestamp,
    talks: Vec<Talk>,
    current: usize,
    wraps: Vec<Wrap>,
    frames: Vec<ScriptFrame>,
}

/// One conversation: client first, server second.
#[derive(Clone, Debug)]
struct Talk {
    ends: [SocketAddr; 2],
    /// Sequence number of the first byte of data.
    origin: [u32; 2],
    /// How many bytes each end has sent; its FIN counts as one.
    sent: [u32; 2],
    id: u16,
}

/// What a frame is wrapped in, outermost last.
#[derive(Clone, Copy, Debug)]
enum Wrap {
    Vlan(u16),
    Vxlan(Vni),
}

const CLIENT: usize = 0;
const SERVER: usize = 1;

impl Default for PacketScript {
    fn default() -> Self {
        Self::new()
    }
}

impl PacketScript {
    /// An empty capture of Ethernet frames that starts at 2026-11-22T13:00:00Z, with one conversation between
    /// 10.0.0.1:40000 and 10.0.0.2:80.
    #[must_use]
    pub fn new() -> Self {
        let script = Self {
            link: LinkType::Ethernet,
            at: Timestamp::from_micros(1_795_352_400_000_000),
            talks: Vec::new(),
            current: 0,
            wraps: Vec::new(),
            frames: Vec::new(),
        };
        script.between("10.0.0.1:40000", "10.0.0.2:80")
    }

    /// The link layer of every frame; call it first.
    #[must_use]
    pub fn link(mut self, link: LinkType) -> Self {
        assert!(self.frames.is_empty(), "a capture file has one link layer");
        self.link = link;
        self
    }

    /// Starts another conversation and makes it the current one.
    ///
    /// # Panics
    /// If an address is none.
    #[must_use]
    pub fn between(mut self, client: &str, server: &str) -> Self {
        let parse = |text: &str| {
            text.parse()
                .unwrap_or_else(|_| panic!("`{text}` is no address"))
        };
        self.talks.push(Talk {
            ends: [parse(client), parse(server)],
            origin: [1_001, 5_001],
            sent: [0, 0],
            id: 1,
        });
        self.current = self.talks.len() - 1;
        self
    }

    /// Makes an earlier conversation the current one; the first is 0.
    #[must_use]
    pub fn on(mut self, talk: usize) -> Self {
        assert!(talk < self.talks.len(), "there is no conversation {talk}");
        self.current = talk;
        self
    }

    /// Sequence numbers of the first byte of data of client and server.
    #[must_use]
    pub fn origin(mut self, client: u32, server: u32) -> Self {
        self.talks[self.current].origin = [client, server];
        self
    }

    /// SYN, SYN-ACK, ACK.
    #[must_use]
    pub fn connect(self) -> Self {
        self.syn().syn_ack().client_ack()
    }

    /// The client's SYN.
    #[must_use]
    pub fn syn(mut self) -> Self {
        let seq = self.talks[self.current].origin[CLIENT].wrapping_sub(1);
        self.packet(CLIENT, flags::SYN, seq, &[]);
        self
    }

    /// The server's SYN-ACK.
    #[must_use]
    pub fn syn_ack(mut self) -> Self {
        let seq = self.talks[self.current].origin[SERVER].wrapping_sub(1);
        self.packet(SERVER, flags::SYN | flags::ACK, seq, &[]);
        self
    }

    /// The client sends its next bytes, in packets of at most 1,448.
    #[must_use]
    pub fn client(self, data: impl AsRef<[u8]>) -> Self {
        self.client_in(PAYLOAD_BYTES_MAX, data)
    }

    /// The server sends its next bytes, in packets of at most 1,448.
    #[must_use]
    pub fn server(self, data: impl AsRef<[u8]>) -> Self {
        self.server_in(PAYLOAD_BYTES_MAX, data)
    }

    /// The client sends its next bytes in packets of `size`.
    #[must_use]
    pub fn client_in(self, size: usize, data: impl AsRef<[u8]>) -> Self {
        self.send(CLIENT, size, data.as_ref())
    }

    /// The server sends its next bytes in packets of `size`.
    #[must_use]
    pub fn server_in(self, size: usize, data: impl AsRef<[u8]>) -> Self {
        self.send(SERVER, size, data.as_ref())
    }

    /// The client sends one packet of bytes whose place in its stream is `offset`: again, early, or over others.
    #[must_use]
    pub fn client_at(self, offset: u32, data: impl AsRef<[u8]>) -> Self {
        self.send_at(CLIENT, offset, data.as_ref())
    }

    /// The server sends one packet of bytes whose place in its stream is `offset`: again, early, or over others.
    #[must_use]
    pub fn server_at(self, offset: u32, data: impl AsRef<[u8]>) -> Self {
        self.send_at(SERVER, offset, data.as_ref())
    }

    /// The client acknowledges all that the server has sent.
    #[must_use]
    pub fn client_ack(self) -> Self {
        self.control(CLIENT, flags::ACK, 0)
    }

    /// The server acknowledges all that the client has sent.
    #[must_use]
    pub fn server_ack(self) -> Self {
        self.control(SERVER, flags::ACK, 0)
    }

    /// The client ends its stream.
    #[must_use]
    pub fn client_fin(self) -> Self {
        self.control(CLIENT, flags::FIN | flags::ACK, 1)
    }

    /// The server ends its stream.
    #[must_use]
    pub fn server_fin(self) -> Self {
        self.control(SERVER, flags::FIN | flags::ACK, 1)
    }

    /// The server sends its last bytes and ends its stream with the same packet.
    #[must_use]
    pub fn server_last(mut self, data: impl AsRef<[u8]>) -> Self {
        let talk = &mut self.talks[self.current];
        let seq = talk.origin[SERVER].wrapping_add(talk.sent[SERVER]);
        talk.sent[SERVER] += data.as_ref().len() as u32 + 1;
        self.packet(
            SERVER,
            flags::FIN | flags::PSH | flags::ACK,
            seq,
            data.as_ref(),
        );
        self
    }

    /// The client resets the connection.
    #[must_use]
    pub fn client_rst(self) -> Self {
        self.control(CLIENT, flags::RST | flags::ACK, 0)
    }

    /// The server resets the connection.
    #[must_use]
    pub fn server_rst(self) -> Self {
        self.control(SERVER, flags::RST | flags::ACK, 0)
    }

    /// Both ends end their streams, the client first.
    #[must_use]
    pub fn close(self) -> Self {
        self.client_fin().server_fin()
    }

    /// Nothing happens for a while.
    #[must_use]
    pub fn after(mut self, pause: Duration) -> Self {
        self.at = self.at.saturating_add(pause);
        self
    }

    /// The mirror loses the last `frames` frames.
    #[must_use]
    pub fn lose(mut self, frames: usize) -> Self {
        let left = self.frames.len().checked_sub(frames);
        self.frames
            .truncate(left.expect("more frames are lost than were sent"));
        self
    }

    /// The last `frames` frames arrive in reverse order.
    #[must_use]
    pub fn reverse(mut self, frames: usize) -> Self {
        let start = self.frames.len() - frames;
        let times: Vec<_> = self.frames[start..].iter().map(|frame| frame.at).collect();
        self.frames[start..].reverse();
        for (frame, at) in self.frames[start..].iter_mut().zip(times) {
            frame.at = at;
        }
        self
    }

    /// The last frame arrives again.
    #[must_use]
    pub fn repeat(mut self) -> Self {
        let last = self.frames.last().expect("no frame to repeat").clone();
        self.push(last);
        self
    }

    /// The capture has only the first `bytes` bytes of the last frame.
    #[must_use]
    pub fn cut(mut self, bytes: usize) -> Self {
        self.frames
            .last_mut()
            .expect("no frame to cut")
            .bytes
            .truncate(bytes);
        self
    }

    /// The last frame is padded to Ethernet's 60 bytes with `filler`.
    #[must_use]
    pub fn pad(mut self, filler: u8) -> Self {
        let last = self.frames.last_mut().expect("no frame to pad");
        last.bytes.resize(last.bytes.len().max(60), filler);
        last.wire_len = last.bytes.len() as u32;
        self
    }

    /// The last frame, bare IPv4 in Ethernet, was sent as IP fragments of at most `size` bytes of payload (a multiple of 8).
    #[must_use]
    pub fn fragment(mut self, size: usize) -> Self {
        let whole = self.frames.pop().expect("no frame to fragment");
        self.at = whole.at;
        for bytes in link::fragments(&whole.bytes, size) {
            self = self.frame(bytes);
        }
        self
    }

    /// Wraps every frame from now on in another 802.1Q tag.
    #[must_use]
    pub fn vlan(mut self, id: u16) -> Self {
        self.wraps.push(Wrap::Vlan(id));
        self
    }

    /// Wraps every frame from now on in VXLAN, as the mirror at 10.0.3.7 sends it.
    #[must_use]
    pub fn vxlan(mut self, vni: u32) -> Self {
        self.wraps.push(Wrap::Vxlan(Vni::new(vni)));
        self
    }

    /// Wraps no frame from now on.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.wraps.clear();
        self
    }

    /// Adds a frame as it is, link header and all.
    #[must_use]
    pub fn frame(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let wire_len = bytes.len() as u32;
        let at = self.at;
        self.push(ScriptFrame {
            at,
            bytes,
            wire_len,
        });
        self
    }

    /// The link layer of the frames.
    #[must_use]
    pub fn link_type(&self) -> LinkType {
        self.link
    }

    /// The frames, in the order of their capture.
    #[must_use]
    pub fn frames(&self) -> &[ScriptFrame] {
        &self.frames
    }

    /// The capture as a pcap file.
    #[must_use]
    pub fn pcap(&self) -> Vec<u8> {
        link::pcap(self.link, &self.frames)
    }

    fn send(mut self, side: usize, size: usize, data: &[u8]) -> Self {
        for payload in data.chunks(size) {
            let offset = self.talks[self.current].sent[side];
            self = self.send_at(side, offset, payload);
        }
        self
    }

    fn send_at(mut self, side: usize, offset: u32, data: &[u8]) -> Self {
        let talk = &mut self.talks[self.current];
        let end = offset.wrapping_add(data.len() as u32);
        talk.sent[side] = talk.sent[side].max(end);
        let seq = talk.origin[side].wrapping_add(offset);
        self.packet(side, flags::PSH | flags::ACK, seq, data);
        self
    }

    fn control(mut self, side: usize, bits: u8, sequence_numbers: u32) -> Self {
        let talk = &mut self.talks[self.current];
        let seq = talk.origin[side].wrapping_add(talk.sent[side]);
        talk.sent[side] += sequence_numbers;
        self.packet(side, bits, seq, &[]);
        self
    }

    fn packet(&mut self, side: usize, bits: u8, seq: u32, payload: &[u8]) {
        let talk = &mut self.talks[self.current];
        let other = 1 - side;
        let acknowledged = talk.origin[other].wrapping_add(talk.sent[other]);
        let millis = (self.at.as_micros() / 1_000) as u32;
        talk.id = talk.id.wrapping_add(1);
        let packet = TcpPacket {
            from: talk.ends[side],
            to: talk.ends[other],
            seq,
            ack: if bits & flags::ACK == 0 {
                0
            } else {
                acknowledged
            },
            flags: bits,
            id: talk.id,
            timestamps: [millis, 0],
            payload,
        };
        let ip = if self.wraps.is_empty() {
            packet.ip()
        } else {
            // Tunnels wrap Ethernet frames; what is left around the outermost is replaced by the capture's link layer.
            let frame = self
                .wraps
                .iter()
                .fold(packet.ethernet(), |frame, wrap| match *wrap {
                    Wrap::Vlan(id) => wire::vlan(&frame, id),
                    Wrap::Vxlan(vni) => wire::vxlan(&frame, vni, [10, 0, 3, 7].into(), 54_321),
                });
            let wire_len = frame.len() as u32;
            assert!(
                self.link == LinkType::Ethernet,
                "only Ethernet captures are wrapped"
            );
            return self.push(ScriptFrame {
                at: self.at,
                bytes: frame,
                wire_len,
            });
        };
        let bytes = link::link_frame(self.link, &ip);
        let wire_len = bytes.len() as u32;
        self.push(ScriptFrame {
            at: self.at,
            bytes,
            wire_len,
        });
    }

    fn push(&mut self, frame: ScriptFrame) {
        self.frames.push(ScriptFrame {
            at: self.at,
            ..frame
        });
        self.at = self.at.saturating_add(STEP);
    }
}
