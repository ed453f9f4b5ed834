//! What is sent: generated exchanges in VXLAN, again and again as other clients, as fast as is asked for.

use std::io::IoSlice;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use benches::{Mix, Traffic};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg, sendmsg,
};
use nix::unistd::Pid;

use super::SENDER;

/// Datagrams sent by one call.
const BATCH: usize = 64;
/// Bytes of datagrams that are sent as one and cut by the kernel: below the largest that UDP knows.
const JOINED_BYTES_MAX: usize = 60_000;
/// Bytes of Ethernet, IPv4 and UDP before the datagram's own, in the generator's frames; and from there to the addresses of
/// the IPv4 packet inside.
const OUTER: usize = 14 + 20 + 8;
const ADDRESSES: usize = 8 + 14 + 12;

/// How datagrams are given to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// GETs with answers of 1 KiB, one by one: `sendmmsg`.
    Datagrams,
    /// Answers of 100 KiB, as many as are of one size at a time: `UDP_SEGMENT`.
    Segments,
}

/// Frames to be sent over and over.
#[derive(Debug)]
pub(crate) struct Load {
    how: How,
    messages: Vec<Message>,
    /// Frames, bytes and exchanges of one pass.
    frames: u64,
    bytes: u64,
    exchanges: u64,
    /// Passes so far.
    passes: u16,
}

/// One datagram, or several of one size.
#[derive(Debug)]
struct Message {
    bytes: Vec<u8>,
    /// Of all but the last.
    datagram_bytes: usize,
    /// Where the clients' addresses lie.
    clients: Vec<usize>,
}

/// What was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) frames: u64,
    pub(super) exchanges: u64,
    pub(super) took: Duration,
}

impl Load {
    /// # Errors
    /// If this thread cannot have a processor of its own.
    pub(super) fn new(how: How) -> anyhow::Result<Self> {
        let mut processors = CpuSet::new();
        processors.set(SENDER)?;
        sched_setaffinity(Pid::from_raw(0), &processors)?;
        let (mix, exchanges) = match how {
            How::Datagrams => (Mix::Gets, 20_000),
            How::Segments => (Mix::LargeAnswers, 1_000),
        };
        let traffic = Traffic {
            mix,
            exchanges,
            connections: 64,
            ..Traffic::default()
        };
        let mut load = Self {
            how,
            messages: Vec::new(),
            frames: 0,
            bytes: 0,
            exchanges,
            passes: 0,
        };
        for frame in traffic.frames() {
            load.add(&frame.bytes[OUTER..]);
        }
        Ok(load)
    }

    fn add(&mut self, datagram: &[u8]) {
        self.frames += 1;
        self.bytes += datagram.len() as u64;
        let server = Traffic::SERVER
            .parse::<SocketAddr>()
            .map(|server| server.ip());
        let from = <[u8; 4]>::try_from(&datagram[ADDRESSES..ADDRESSES + 4]).unwrap_or_default();
        let client = ADDRESSES + if server == Ok(from.into()) { 4 } else { 0 };
        let joins = |message: &&mut Message| {
            self.how == How::Segments
                && datagram.len() <= message.datagram_bytes
                && message.bytes.len().is_multiple_of(message.datagram_bytes)
                && message.bytes.len() + datagram.len() <= JOINED_BYTES_MAX
        };
        if let Some(message) = self.messages.last_mut().filter(joins) {
            message.clients.push(message.bytes.len() + client);
            message.bytes.extend_from_slice(datagram);
        } else {
            self.messages.push(Message {
                bytes: datagram.to_vec(),
                datagram_bytes: datagram.len(),
                clients: vec![client],
            });
        }
    }

    /// Bytes of a frame on average, with VXLAN.
    pub(super) fn frame_bytes(&self) -> f64 {
        self.bytes as f64 / self.frames as f64
    }

    /// Sends for `span`, and on to the end of the pass, about `rate` frames a second.
    ///
    /// # Errors
    /// If the system refuses.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is a clock of the measurement"
    )]
    pub(super) fn send(
        &mut self,
        to: SocketAddr,
        rate: f64,
        span: Duration,
    ) -> anyhow::Result<Sent> {
        let socket = UdpSocket::bind(("127.0.0.1", 0))?;
        socket.connect(to)?;
        let started = Instant::now();
        let (mut frames, mut exchanges) = (0, 0);
        while started.elapsed() < span {
            self.passes += 1;
            let [high, low] = self.passes.to_be_bytes();
            for message in &mut self.messages {
                for client in &message.clients {
                    message.bytes[client + 1..client + 3].copy_from_slice(&[16 + high, low]);
                }
            }
            for batch in self.messages.chunks(BATCH) {
                let due = Duration::from_secs_f64(frames as f64 / rate);
                if let Some(early) = due.checked_sub(started.elapsed()) {
                    std::thread::park_timeout(early);
                }
                match self.how {
                    How::Datagrams => send_each(&socket, batch)?,
                    How::Segments => send_joined(&socket, batch)?,
                }
                frames += batch
                    .iter()
                    .map(|message| message.clients.len() as u64)
                    .sum::<u64>();
            }
            exchanges += self.exchanges;
        }
        Ok(Sent {
            frames,
            exchanges,
            took: started.elapsed(),
        })
    }
}

fn send_each(socket: &UdpSocket, batch: &[Message]) -> anyhow::Result<()> {
    let mut rest = batch;
    while !rest.is_empty() {
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(rest.len(), None);
        let slices: Vec<_> = rest
            .iter()
            .map(|message| [IoSlice::new(&message.bytes)])
            .collect();
        let addresses = vec![None; rest.len()];
        let sent = sendmmsg(
            socket.as_raw_fd(),
            &mut headers,
            &slices,
            &addresses,
            [],
            MsgFlags::empty(),
        )?;
        rest = &rest[sent.count()..];
    }
    Ok(())
}

fn send_joined(socket: &UdpSocket, batch: &[Message]) -> anyhow::Result<()> {
    for message in batch {
        let bytes = u16::try_from(message.datagram_bytes)?;
        sendmsg::<SockaddrStorage>(
            socket.as_raw_fd(),
            &[IoSlice::new(&message.bytes)],
            &[ControlMessage::UdpGsoSegments(&bytes)],
            MsgFlags::empty(),
            None,
        )?;
    }
    Ok(())
}
