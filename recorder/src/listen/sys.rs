//! The system calls that no safe interface offers as they are needed here: a batch of datagrams with their control
//! messages, socket options that only Linux has, and rings that are shared with it. Everything unsafe of this program is in
//! this file and in `ring`.
#![expect(
    unsafe_code,
    reason = "recvmmsg with control messages, rings, and the socket options of Linux are only to be had from libc"
)]

mod ring;

use std::ffi::c_int;
use std::io;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::ptr;

use schema::Timestamp;

pub(super) use ring::{Captured, Ring};

/// Datagrams taken by one call.
pub(super) const BATCH: usize = 64;

/// Bytes of one datagram's control messages: time, drops and segment size, with room to spare.
const CONTROL_WORDS: usize = 16;

/// One instruction of a classic BPF program (`struct sock_filter`).
pub(super) type Instruction = libc::sock_filter;

/// Room for a batch of datagrams.
#[derive(Debug)]
pub(super) struct Arena {
    slots: Vec<u8>,
    slot_bytes: usize,
    /// Where the datagrams of the last batch lie, and what the kernel says of each.
    received: Vec<Received>,
}

/// One datagram, or several of one size that the kernel joined.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    /// Bytes in the slot.
    pub(super) len: usize,
    /// Length on the wire; more than `len` if the slot was too small.
    pub(super) wire_len: usize,
    /// Who sent it, as far as it is an address.
    pub(super) from: Option<IpAddr>,
    /// When the kernel received it.
    pub(super) at: Option<Timestamp>,
    /// Length of each datagram but the last, where several were joined.
    pub(super) segment_bytes: Option<usize>,
    /// The socket's count of dropped datagrams when this one was queued; it wraps.
    pub(super) dropped: Option<u32>,
}

impl Arena {
    /// Room for [`BATCH`] datagrams of `slot_bytes` each.
    pub(super) fn new(slot_bytes: usize) -> Self {
        Self {
            slots: vec![0; slot_bytes * BATCH],
            slot_bytes,
            received: Vec::with_capacity(BATCH),
        }
    }

    /// Takes what the socket has, at most [`BATCH`] messages, without waiting.
    ///
    /// # Errors
    /// If the call fails; that there is nothing is `WouldBlock`.
    pub(super) fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.received.clear();
        // SAFETY: all-zero bytes are valid values of these plain C structures.
        let mut names: [libc::sockaddr_in6; BATCH] = unsafe { zeroed() };
        let mut control = [[0_u64; CONTROL_WORDS]; BATCH];
        // SAFETY: as above.
        let mut vectors: [libc::iovec; BATCH] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
        for (index, slot) in self.slots.chunks_exact_mut(self.slot_bytes).enumerate() {
            vectors[index] = libc::iovec {
                iov_base: slot.as_mut_ptr().cast(),
                iov_len: slot.len(),
            };
            let header = &mut headers[index].msg_hdr;
            header.msg_name = ptr::from_mut(&mut names[index]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in6>() as u32;
            header.msg_iov = &raw mut vectors[index];
            header.msg_iovlen = 1;
            header.msg_control = control[index].as_mut_ptr().cast();
            header.msg_controllen = size_of::<[u64; CONTROL_WORDS]>() as _;
        }
        let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
        // SAFETY: every header points to a name, a vector and control room of its own, all of which outlive the call; each
        // vector points to one slot of `self.slots`, which nothing else borrows.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as u32,
                flags as _,
                ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        for (header, name) in headers.iter().zip(&names).take(count) {
            let mut received = Received {
                len: (header.msg_len as usize).min(self.slot_bytes),
                wire_len: header.msg_len as usize,
                from: address(name),
                at: None,
                segment_bytes: None,
                dropped: None,
            };
            // SAFETY: the kernel has filled this header, and the control room that it points to is still there.
            unsafe { read_control(&header.msg_hdr, &mut received) };
            self.received.push(received);
        }
        Ok(count)
    }

    /// The bytes of message `index` of the last batch, and what the kernel says of it.
    pub(super) fn message(&self, index: usize) -> (&[u8], Received) {
        let received = self.received[index];
        let start = index * self.slot_bytes;
        (&self.slots[start..start + received.len], received)
    }
}

/// Reads the control messages of a received message.
///
/// # Safety
/// The kernel must have filled `header`, and its control room must be alive.
unsafe fn read_control(header: &libc::msghdr, received: &mut Received) {
    // SAFETY: the caller's promise is that of these macros.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !next.is_null() {
        // SAFETY: a message that the macros return lies whole in the control room; its data may be unaligned.
        unsafe {
            let data = libc::CMSG_DATA(next);
            match ((*next).cmsg_level, (*next).cmsg_type) {
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                    received.at = time(data.cast::<libc::timespec>().read_unaligned());
                }
                (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                    received.dropped = Some(data.cast::<u32>().read_unaligned());
                }
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    let bytes = data.cast::<c_int>().read_unaligned();
                    received.segment_bytes = usize::try_from(bytes).ok().filter(|&bytes| bytes > 0);
                }
                _ => {}
            }
            next = libc::CMSG_NXTHDR(header, next);
        }
    }
}

fn time(time: libc::timespec) -> Option<Timestamp> {
    let (seconds, nanos) = (
        u64::try_from(time.tv_sec).ok()?,
        u64::try_from(time.tv_nsec).ok()?,
    );
    seconds
        .checked_mul(1_000_000_000)?
        .checked_add(nanos)
        .map(Timestamp::from_nanos)
}

/// The sender of a datagram; an IPv4 address that came through an IPv6 socket is the IPv4 address.
fn address(name: &libc::sockaddr_in6) -> Option<IpAddr> {
    match c_int::from(name.sin6_family) {
        libc::AF_INET => {
            // The address of a `sockaddr_in` lies where a `sockaddr_in6` has its flow information.
            Some(Ipv4Addr::from(name.sin6_flowinfo.to_ne_bytes()).into())
        }
        libc::AF_INET6 => Some(IpAddr::from(Ipv6Addr::from(name.sin6_addr.s6_addr)).to_canonical()),
        _ => None,
    }
}

/// Sets a socket option that is a number.
///
/// # Errors
/// If the kernel does not know it, or does not let us.
pub(super) fn set_number(
    socket: BorrowedFd<'_>,
    level: c_int,
    option: c_int,
    value: c_int,
) -> io::Result<()> {
    // SAFETY: the value is a number of the length that is told, and outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of::<c_int>() as u32,
        )
    };
    check(result)
}

/// Lets a program choose which socket of the reuse-port group gets a datagram.
///
/// # Errors
/// If the kernel refuses the program.
pub(super) fn attach_steering(
    socket: BorrowedFd<'_>,
    program: &mut [Instruction],
) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the program points to as many instructions as it says; the kernel copies them during the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            (&raw const program).cast(),
            size_of::<libc::sock_fprog>() as u32,
        )
    };
    check(result)
}

/// What the kernel counts of a socket's memory (`sock_diag(7)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SocketMemory {
    /// Bytes that wait to be received, with the kernel's overhead.
    pub(super) waiting: u32,
    /// Most bytes that may wait.
    pub(super) limit: u32,
    /// Datagrams dropped since the socket was made; it wraps.
    pub(super) dropped: u32,
}

/// Asks for a socket's memory counters.
///
/// # Errors
/// If the kernel does not know the question (Linux before 4.12).
pub(super) fn socket_memory(socket: BorrowedFd<'_>) -> io::Result<SocketMemory> {
    // `SK_MEMINFO_*`: receive memory in use, receive buffer, and drops as the ninth.
    let mut words = [0_u32; 9];
    let mut length = size_of::<[u32; 9]>() as u32;
    // SAFETY: the kernel writes at most `length` bytes into the words, which outlive the call.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            words.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    check(result)?;
    Ok(SocketMemory {
        waiting: words[0],
        limit: words[1],
        dropped: words[8],
    })
}

/// Waits until one of `sockets` can be read, at most `milliseconds`.
pub(super) fn wait(sockets: &[BorrowedFd<'_>], milliseconds: c_int) {
    const SOCKETS_MAX: usize = 32;
    let mut polled = [MaybeUninit::<libc::pollfd>::uninit(); SOCKETS_MAX];
    let count = sockets.len().min(SOCKETS_MAX);
    for (slot, socket) in polled.iter_mut().zip(sockets) {
        slot.write(libc::pollfd {
            fd: socket.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        });
    }
    // SAFETY: the first `count` entries were written above. How it ended does not matter: the sockets are looked at next.
    let _ = unsafe { libc::poll(polled.as_mut_ptr().cast(), count as _, milliseconds) };
}

/// Lets other threads go before this one where they want the same processor.
pub(crate) fn yield_processor() {
    /// Weighs a seventieth of what others do (`sched(7)`).
    const NICENESS: c_int = 19;
    // SAFETY: takes no pointers. On Linux, 0 is the calling thread alone (`setpriority(2)`). That it cannot be refused to
    // want less does not matter: it would be as before.
    let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) };
}

fn check(result: c_int) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
