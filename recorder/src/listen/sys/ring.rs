//! Packets of a network interface, read where the kernel puts them: a ring of blocks that are shared with it (`packet(7)`;
//! <https://docs.kernel.org/networking/packet_mmap.html>, TPACKET_V3).
//!
//! A block belongs to one side at a time: its status word says to which. The kernel fills a block, then gives it to us; we
//! read it and give it back. What comes while all blocks are ours is dropped, and counted.

use std::ffi::{CString, c_int, c_uint, c_void};
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};

use schema::Timestamp;

use super::{Instruction, check, set_number};

/// Bytes of a block: the largest frame (64 KiB, several segments that the card or the kernel joined) fits many times.
const BLOCK_BYTES: usize = 1 << 20;

/// What the kernel wants to divide a block by; it means nothing in this version of the ring.
const FRAME_BYTES: usize = 1 << 11;

/// After so many milliseconds the kernel hands over a block that is not full.
const RETIRE_MS: c_uint = 10;

/// Where the status word lies in a block: behind its version and the offset of its private area.
const STATUS_AT: usize = 8;

/// A ring of one interface.
#[derive(Debug)]
pub(in crate::listen) struct Ring {
    socket: OwnedFd,
    map: NonNull<u8>,
    blocks: usize,
    /// The block that is ours next.
    next: usize,
}

// SAFETY: the mapping belongs to this value alone, and nothing about it is tied to a thread.
unsafe impl Send for Ring {}

/// A block that is ours; dropping it gives it back.
#[derive(Debug)]
pub(in crate::listen) struct Block<'r> {
    ring: &'r mut Ring,
}

/// A packet in a block.
#[derive(Clone, Copy, Debug)]
pub(in crate::listen) struct Captured<'b> {
    pub(in crate::listen) bytes: &'b [u8],
    /// Length on the wire, without a tag that the kernel took off.
    pub(in crate::listen) wire_len: u32,
    pub(in crate::listen) at: Timestamp,
    /// Tag protocol and tag of a VLAN tag that the kernel took off.
    pub(in crate::listen) vlan: Option<(u16, u16)>,
}

impl Ring {
    /// A ring of about `bytes` bytes that receives nothing yet.
    ///
    /// # Errors
    /// If the right is missing (`PermissionDenied`), or the system has not so much memory.
    pub(in crate::listen) fn new(bytes: u64) -> io::Result<Self> {
        // SAFETY: takes no pointers.
        let socket = unsafe {
            libc::socket(
                libc::AF_PACKET,
                libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK,
                0,
            )
        };
        if socket < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and is nobody else's.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        let version = libc::tpacket_versions::TPACKET_V3 as c_int;
        set_number(
            socket.as_fd(),
            libc::SOL_PACKET,
            libc::PACKET_VERSION,
            version,
        )?;
        let wanted = usize::try_from(bytes).unwrap_or(usize::MAX) / BLOCK_BYTES;
        let blocks = wanted.clamp(2, u32::MAX as usize / BLOCK_BYTES);
        // SAFETY: all-zero bytes are a valid value of this plain C structure.
        let mut request: libc::tpacket_req3 = unsafe { zeroed() };
        request.tp_block_size = BLOCK_BYTES as c_uint;
        request.tp_block_nr = blocks as c_uint;
        request.tp_frame_size = FRAME_BYTES as c_uint;
        request.tp_frame_nr = (blocks * (BLOCK_BYTES / FRAME_BYTES)) as c_uint;
        request.tp_retire_blk_tov = RETIRE_MS;
        set(
            socket.as_fd(),
            libc::SOL_PACKET,
            libc::PACKET_RX_RING,
            &request,
        )?;
        // SAFETY: a new mapping of the ring that was just made, of its whole length.
        let map = unsafe {
            libc::mmap(
                ptr::null_mut(),
                blocks * BLOCK_BYTES,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                socket.as_raw_fd(),
                0,
            )
        };
        if map == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let map = NonNull::new(map.cast()).ok_or_else(|| io::Error::other("mapped at 0"))?;
        Ok(Self {
            socket,
            map,
            blocks,
            next: 0,
        })
    }

    /// Receives what passes the interface, in both directions and for whomever; gives the interface's link layer
    /// (`ARPHRD_*`).
    ///
    /// # Errors
    /// If there is no such interface.
    pub(in crate::listen) fn bind(&self, interface: &str) -> io::Result<u16> {
        let name = CString::new(interface)?;
        // SAFETY: the name ends with a zero and outlives the call.
        let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
        if index == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: all-zero bytes are a valid value of this plain C structure.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = index as c_int;
        let mut length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: the address is as long as is told, and outlives the call.
        check(unsafe { libc::bind(self.socket.as_raw_fd(), (&raw const address).cast(), length) })?;
        // SAFETY: the kernel writes at most `length` bytes into the address.
        check(unsafe {
            libc::getsockname(
                self.socket.as_raw_fd(),
                (&raw mut address).cast(),
                &raw mut length,
            )
        })?;
        if address.sll_hatype == libc::ARPHRD_LOOPBACK {
            // On loopback every packet passes twice, out and in.
            set_number(self.fd(), libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1)?;
        }
        let promiscuous = libc::packet_mreq {
            mr_ifindex: index as c_int,
            mr_type: libc::PACKET_MR_PROMISC as _,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        set(
            self.fd(),
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            &promiscuous,
        )?;
        Ok(address.sll_hatype)
    }

    /// Lets nothing in until [`Ring::open`].
    ///
    /// # Errors
    /// If the kernel refuses.
    pub(in crate::listen) fn close(&self) -> io::Result<()> {
        let mut nothing = [Instruction {
            code: (libc::BPF_RET | libc::BPF_K) as u16,
            jt: 0,
            jf: 0,
            k: 0,
        }];
        set(
            self.fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            &program(&mut nothing),
        )
    }

    /// Lets everything in again.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub(in crate::listen) fn open(&self) -> io::Result<()> {
        set_number(self.fd(), libc::SOL_SOCKET, libc::SO_DETACH_FILTER, 0)
    }

    /// Shares the interface's packets with other rings: each gets those for which the program of the first gives its place.
    /// The first makes the group, of which it gives the number; the others join it.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub(in crate::listen) fn share(
        &self,
        group: Option<u16>,
        steering: &mut [Instruction],
    ) -> io::Result<u16> {
        let kind = libc::PACKET_FANOUT_CBPF;
        let (number, flags) = match group {
            Some(number) => (number, 0),
            None => (0, libc::PACKET_FANOUT_FLAG_UNIQUEID),
        };
        let word = c_uint::from(number) | (kind | flags) << 16;
        set(self.fd(), libc::SOL_PACKET, libc::PACKET_FANOUT, &word)?;
        if group.is_none() {
            set(
                self.fd(),
                libc::SOL_PACKET,
                libc::PACKET_FANOUT_DATA,
                &program(steering),
            )?;
        }
        let word: c_uint = get(self.fd(), libc::SOL_PACKET, libc::PACKET_FANOUT)?;
        Ok(word as u16)
    }

    /// The next block, if the kernel has given it to us.
    pub(in crate::listen) fn next_block(&mut self) -> Option<Block<'_>> {
        let ours = self.status(self.next).load(Ordering::Acquire) & libc::TP_STATUS_USER != 0;
        // Not `then_some`: a block that is made is given back when it is dropped, ours or not.
        ours.then(|| Block { ring: self })
    }

    /// How many of the blocks are ours, from 0 to 1.
    pub(in crate::listen) fn fill(&self) -> f64 {
        let ours =
            |block: &usize| self.status(*block).load(Ordering::Relaxed) & libc::TP_STATUS_USER != 0;
        (0..self.blocks).filter(ours).count() as f64 / self.blocks as f64
    }

    /// Bytes of the ring.
    pub(in crate::listen) fn bytes(&self) -> usize {
        self.blocks * BLOCK_BYTES
    }

    /// Packets that were dropped since this was last asked, because all blocks were ours.
    ///
    /// # Errors
    /// If the kernel does not tell.
    pub(in crate::listen) fn drops(&self) -> io::Result<u64> {
        let counts: libc::tpacket_stats_v3 =
            get(self.fd(), libc::SOL_PACKET, libc::PACKET_STATISTICS)?;
        Ok(u64::from(counts.tp_drops))
    }

    /// What has happened to the interface since this was last asked: it went down, say.
    pub(in crate::listen) fn error(&self) -> Option<io::Error> {
        let code: c_int = get(self.fd(), libc::SOL_SOCKET, libc::SO_ERROR).ok()?;
        (code != 0).then(|| io::Error::from_raw_os_error(code))
    }

    pub(in crate::listen) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn block(&self, index: usize) -> *mut u8 {
        assert!(index < self.blocks);
        // SAFETY: the mapping has `blocks` blocks.
        unsafe { self.map.as_ptr().add(index * BLOCK_BYTES) }
    }

    fn status(&self, index: usize) -> &AtomicU32 {
        // SAFETY: every block begins with its descriptor, whose status word is aligned; the kernel and we touch it only as a
        // whole, and it lives as long as the mapping.
        unsafe { AtomicU32::from_ptr(self.block(index).add(STATUS_AT).cast()) }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping is whole and ours, and nothing borrows from it any more.
        let _ = unsafe { libc::munmap(self.map.as_ptr().cast::<c_void>(), self.bytes()) };
    }
}

impl Block<'_> {
    /// The packets, in the order in which they came.
    pub(in crate::listen) fn packets(&self) -> Packets<'_> {
        let start = self.ring.block(self.ring.next);
        // SAFETY: the block is ours until it is given back, which is after everything that borrows from it: the kernel does
        // not write to it. Its length is that of all blocks.
        let block = unsafe { std::slice::from_raw_parts(start, BLOCK_BYTES) };
        // SAFETY: a block begins with its descriptor.
        let descriptor: libc::tpacket_block_desc =
            unsafe { start.cast::<libc::tpacket_block_desc>().read() };
        // SAFETY: the union has one variant.
        let header = unsafe { descriptor.hdr.bh1 };
        Packets {
            block,
            at: header.offset_to_first_pkt as usize,
            left: header.num_pkts,
        }
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        let ring = &mut *self.ring;
        ring.status(ring.next)
            .store(libc::TP_STATUS_KERNEL, Ordering::Release);
        ring.next = (ring.next + 1) % ring.blocks;
    }
}

/// The packets of a block.
#[derive(Clone, Debug)]
pub(in crate::listen) struct Packets<'b> {
    block: &'b [u8],
    /// Where the next one's header lies.
    at: usize,
    left: u32,
}

impl Packets<'_> {
    /// How many were not given; after the last one, those that do not lie in the block as they should.
    pub(in crate::listen) fn unread(&self) -> u32 {
        self.left
    }
}

impl<'b> Iterator for Packets<'b> {
    type Item = Captured<'b>;

    fn next(&mut self) -> Option<Captured<'b>> {
        let left = self.left.checked_sub(1)?;
        let header = self
            .block
            .get(self.at..)?
            .get(..size_of::<libc::tpacket3_hdr>())?;
        // SAFETY: there are as many bytes, and any bytes are a valid value of this plain C structure.
        let header: libc::tpacket3_hdr = unsafe {
            header
                .as_ptr()
                .cast::<libc::tpacket3_hdr>()
                .read_unaligned()
        };
        let start = self.at + usize::from(header.tp_mac);
        let bytes = self.block.get(start..)?.get(..header.tp_snaplen as usize)?;
        (self.at, self.left) = (self.at + header.tp_next_offset as usize, left);
        let nanos = u64::from(header.tp_sec) * 1_000_000_000 + u64::from(header.tp_nsec);
        let has = |status: u32| header.tp_status & status != 0;
        let protocol = match has(libc::TP_STATUS_VLAN_TPID_VALID) {
            true => header.hv1.tp_vlan_tpid,
            false => 0x8100,
        };
        Some(Captured {
            bytes,
            wire_len: header.tp_len,
            at: Timestamp::from_nanos(nanos),
            vlan: has(libc::TP_STATUS_VLAN_VALID)
                .then_some((protocol, header.hv1.tp_vlan_tci as u16)),
        })
    }
}

fn program(instructions: &mut [Instruction]) -> libc::sock_fprog {
    libc::sock_fprog {
        len: instructions.len() as u16,
        filter: instructions.as_mut_ptr(),
    }
}

/// Sets an option whose value is a plain C structure.
fn set<T>(socket: BorrowedFd<'_>, level: c_int, option: c_int, value: &T) -> io::Result<()> {
    // SAFETY: the value is of the length that is told and outlives the call; where it points to instructions, they do too.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    check(result)
}

/// Asks for an option whose value is a plain C structure of numbers.
fn get<T: Copy>(socket: BorrowedFd<'_>, level: c_int, option: c_int) -> io::Result<T> {
    // SAFETY: this is called for structures of numbers only, of which all-zero bytes are valid values.
    let mut value: T = unsafe { zeroed() };
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes into the value, and only numbers.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw mut value).cast(),
            &raw mut length,
        )
    };
    check(result)?;
    Ok(value)
}
