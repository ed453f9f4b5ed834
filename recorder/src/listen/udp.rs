//! Sockets that receive mirrored traffic: opened, set up, and told what to do where the machine does not let us.

use std::ffi::c_int;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use recorder_core::LinkType;
use schema::Timestamp;
use socket2::{Domain, Protocol, Socket, Type};
use tracing::{debug, warn};

use super::steer;
use super::sys::{self, Arena, Received, SocketMemory};
use crate::units::ByteSize;

/// Room for one datagram: the largest frame of a jumbo network with what it is wrapped in.
const SLOT_BYTES: usize = 9 << 10;

/// Room for what the kernel joins with UDP_GRO; a little more than 64 KiB, so that slots do not fall on the same cache lines.
const JOINED_SLOT_BYTES: usize = (64 << 10) + 1_088;

/// Messages after which joining is given up if none was joined: mirrors send without checksums, and the kernel joins only
/// datagrams that have one.
const JOINING_TRIED: u64 = 16_384;

/// One socket of one shard.
#[derive(Debug)]
pub(super) struct Line {
    socket: Socket,
    /// What its datagrams begin with.
    pub(super) tunnel: LinkType,
    /// What its drops are accounted to: the mirrored interface is not known of a datagram that nobody saw.
    pub(super) name: Arc<str>,
    arena: Arena,
    joining: Joining,
    /// The socket's count of drops when it was last looked at; it wraps.
    dropped: u32,
}

/// Whether the kernel joins datagrams, and how many each message holds.
#[derive(Debug, Default)]
struct Joining {
    on: bool,
    messages: u64,
    datagrams: u64,
}

/// How sockets are to be opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    /// How many share the work.
    pub(super) shards: usize,
    /// Receive buffer to ask for, bytes, for each socket.
    pub(super) receive_buffer: u64,
    /// Port of VXLAN inside GENEVE.
    pub(super) vxlan_port: u16,
}

/// Opens one socket for each shard, all at `address`. The address is given back with the port that was chosen for 0.
///
/// # Errors
/// If the address cannot be had: why, and what to do.
pub(super) fn open(
    tunnel: LinkType,
    address: SocketAddr,
    setup: Setup,
) -> anyhow::Result<(SocketAddr, Vec<Line>)> {
    let describe = |error: io::Error| {
        let advice = bind_advice(tunnel, address, &error);
        anyhow!(error).context(format!("cannot listen on UDP {address}: {advice}"))
    };
    let shared = setup.shards > 1;
    if shared && address.port() != 0 {
        // Sockets that share a port would quietly share it with another recorder too.
        bind(address, false).map_err(describe)?;
    }
    let mut bound = address;
    let mut lines: Vec<Line> = Vec::with_capacity(setup.shards);
    for _ in 0..setup.shards {
        let socket = bind(bound, shared).map_err(describe)?;
        let local = socket.local_addr().ok().and_then(|local| local.as_socket());
        bound = local.context("a UDP socket has no address")?;
        lines.push(Line::new(socket, tunnel, bound)?);
    }
    if shared {
        let shards = u32::try_from(setup.shards).unwrap_or(u32::MAX);
        let mut program = steer::program(tunnel, setup.vxlan_port, shards);
        if let Err(error) = sys::attach_steering(lines[0].socket.as_fd(), &mut program) {
            warn!(%error, "the kernel does not take the steering program; shards forward frames to each other instead");
        }
    }
    let smallest = lines
        .iter()
        .map(|line| grow(&line.socket, setup.receive_buffer))
        .min()
        .unwrap_or(0);
    if smallest < setup.receive_buffer {
        warn!(
            address = %bound,
            wanted = %ByteSize(setup.receive_buffer),
            got = %ByteSize(smallest),
            "the receive buffer is smaller than asked for, bursts will be lost: grant CAP_NET_ADMIN, or run `sysctl -w \
             net.core.rmem_max={}`",
            setup.receive_buffer
        );
    }
    Ok((bound, lines))
}

impl Line {
    fn new(socket: Socket, tunnel: LinkType, address: SocketAddr) -> anyhow::Result<Self> {
        let on = |level: c_int, option: c_int| sys::set_number(socket.as_fd(), level, option, 1);
        on(libc::SOL_SOCKET, libc::SO_TIMESTAMPNS).context("cannot ask for receive times")?;
        on(libc::SOL_SOCKET, libc::SO_RXQ_OVFL).context("cannot ask for drop counts")?;
        let joins = on(libc::SOL_UDP, libc::UDP_GRO).is_ok();
        Ok(Self {
            arena: Arena::new(if joins { JOINED_SLOT_BYTES } else { SLOT_BYTES }),
            joining: Joining {
                on: joins,
                ..Joining::default()
            },
            socket,
            tunnel,
            name: format!("udp {address}").into(),
            dropped: 0,
        })
    }

    /// Takes a batch without waiting; how many messages, 0 if there are none.
    pub(super) fn receive(&mut self) -> usize {
        match self.arena.receive(self.socket.as_fd()) {
            Ok(count) => count,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                0
            }
            Err(error) => {
                // Errors of single datagrams are reported here too; none is a reason to stop.
                debug!(line = &*self.name, %error, "receiving failed");
                0
            }
        }
    }

    /// Message `index` of the last batch.
    pub(super) fn message(&self, index: usize) -> (&[u8], Received) {
        self.arena.message(index)
    }

    /// Notes how many datagrams a batch of `messages` held; joining that yields nothing is given up.
    pub(super) fn note(&mut self, messages: u64, datagrams: u64) {
        self.joining.messages += messages;
        self.joining.datagrams += datagrams;
        let useless = self.joining.datagrams == self.joining.messages;
        if self.joining.on && useless && self.joining.messages >= JOINING_TRIED {
            self.joining.on = false;
            if sys::set_number(self.socket.as_fd(), libc::SOL_UDP, libc::UDP_GRO, 0).is_ok() {
                debug!(
                    line = &*self.name,
                    "the kernel joins no datagrams here; no longer asked to"
                );
            }
            // What was joined before is still in the queue, and must fit.
            if self.receive_is_empty() {
                self.arena = Arena::new(SLOT_BYTES);
            }
        }
    }

    /// Datagrams dropped since the last look, given a count of the socket's.
    ///
    /// The kernel counts a joined message once: as many datagrams are taken to be lost with it as messages hold on average.
    pub(super) fn drops(&mut self, count: u32) -> u64 {
        let more = count.wrapping_sub(self.dropped);
        // Counts that came with datagrams are older than the one that was asked for last.
        if more == 0 || more > u32::MAX / 2 {
            return 0;
        }
        self.dropped = count;
        let Joining {
            on,
            messages,
            datagrams,
        } = self.joining;
        if on && messages > 0 {
            (u64::from(more) * datagrams).div_ceil(messages)
        } else {
            u64::from(more)
        }
    }

    /// The socket's memory counters; nothing where the kernel does not know them.
    pub(super) fn memory(&self) -> SocketMemory {
        sys::socket_memory(self.socket.as_fd()).unwrap_or_else(|_| SocketMemory {
            dropped: self.dropped,
            ..SocketMemory::default()
        })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn receive_is_empty(&self) -> bool {
        self.memory().waiting == 0
    }
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_port(shared)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Makes the receive buffer as large as it may be, and says how large it is.
fn grow(socket: &Socket, wanted: u64) -> u64 {
    let value = c_int::try_from(wanted).unwrap_or(c_int::MAX / 2);
    if sys::set_number(
        socket.as_fd(),
        libc::SOL_SOCKET,
        libc::SO_RCVBUFFORCE,
        value,
    )
    .is_err()
    {
        // The plain one is cut at net.core.rmem_max, without a word.
        let _ = sys::set_number(socket.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, value);
    }
    // The kernel doubles what it is asked for, for its own overhead, and tells the double.
    socket
        .recv_buffer_size()
        .map_or(0, |bytes| bytes as u64 / 2)
}

fn bind_advice(tunnel: LinkType, address: SocketAddr, error: &io::Error) -> String {
    let device = if tunnel == LinkType::Geneve {
        "geneve"
    } else {
        "vxlan"
    };
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "another program or a kernel {device} device has the port; find it with `ss -lunp sport = :{port}` and `ip -d \
             link show type {device}`, and end or delete it (`ip link delete NAME`), or record what the device delivers \
             with `tcpdump -U -w - -i NAME | recorder read -`",
            port = address.port()
        ),
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need the right CAP_NET_BIND_SERVICE".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => {
            "no interface of this machine has the address; see `ip address`, or give 0.0.0.0 for all".to_owned()
        }
        _ => "see the reason at the end".to_owned(),
    }
}

/// When a message was received: the kernel's time, or now.
pub(super) fn received_at(received: &Received, now: Timestamp) -> Timestamp {
    received.at.unwrap_or(now)
}
