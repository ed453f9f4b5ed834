//! The bare counter: a process that takes datagrams off a socket and does nothing else.

use std::io::{BufRead as _, BufReader, IoSliceMut, Read as _};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, setsockopt, sockopt,
};
use nix::sys::time::TimeValLike as _;

use super::load::Load;
use super::recording::resident;
use super::{BUFFER_BYTES, Outcome, RECEIVER};
use crate::output::line;

/// Messages taken by one call, and room for each: as much as the kernel joins.
const BATCH: usize = 64;
const SLOT_BYTES: usize = (64 << 10) + 1_088;

/// How long it waits for more, once some have come.
const QUIET: Duration = Duration::from_millis(700);

/// The counting process.
pub(super) struct Counter;

impl Counter {
    /// Sends a load to a counter.
    pub(super) fn measure(load: &mut Load, rate: f64, span: Duration) -> anyhow::Result<Outcome> {
        let here = std::env::current_exe().context("find this benchmark")?;
        let mut child = Command::new("taskset")
            .args(["-c", RECEIVER])
            .arg(here)
            .args(["--count", "datagrams"])
            .stdout(Stdio::piped())
            .spawn()
            .context("start the counter")?;
        let mut out = BufReader::new(child.stdout.take().context("read the counter")?);
        let mut address = String::new();
        out.read_line(&mut address)?;
        let address: SocketAddr = address.trim().parse().context("the counter's address")?;
        let sent = load.send(address, rate, span)?;
        let memory = resident(child.id());
        let mut text = String::new();
        out.read_to_string(&mut text)?;
        child.wait()?;
        let numbers: Vec<f64> = text
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        let [frames, cpu_ns] = numbers[..] else {
            bail!("the counter printed {text}");
        };
        let cpu_ns = cpu_ns / frames;
        Ok(Outcome {
            rate: sent.frames as f64 / sent.took.as_secs_f64(),
            lost: sent.frames.saturating_sub(frames as u64),
            lacking: 0,
            receiving_ns: cpu_ns,
            total_ns: cpu_ns,
            behind: Duration::ZERO,
            memory: [memory; 2],
        })
    }
}

/// What `ratios --count datagrams` does: prints its address; then, when no more come, how many did and its CPU time.
pub(crate) fn count_here() -> anyhow::Result<()> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    if setsockopt(&socket, sockopt::RcvBufForce, &BUFFER_BYTES).is_err() {
        setsockopt(&socket, sockopt::RcvBuf, &BUFFER_BYTES)?;
    }
    setsockopt(&socket, sockopt::UdpGroSegment, &true)?;
    line(&socket.local_addr()?.to_string());
    let mut slots = vec![0; BATCH * SLOT_BYTES];
    let mut frames = 0;
    loop {
        let taken = take(&socket, &mut slots)?;
        if taken == 0 && frames > 0 {
            break;
        }
        frames += taken;
        // The first call waits until something comes; the later ones, a while.
        socket.set_read_timeout(Some(QUIET))?;
    }
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let cpu = usage.user_time().num_nanoseconds() + usage.system_time().num_nanoseconds();
    line(&format!("{frames} {cpu}"));
    Ok(())
}

/// Takes a batch; how many datagrams it held, 0 if nothing came in time.
fn take(socket: &UdpSocket, slots: &mut [u8]) -> anyhow::Result<u64> {
    let mut headers =
        MultiHeaders::<SockaddrStorage>::preallocate(BATCH, Some(cmsg_space!(i32, u32)));
    let mut vectors: Vec<_> = slots
        .chunks_exact_mut(SLOT_BYTES)
        .map(|slot| [IoSliceMut::new(slot)])
        .collect();
    let flags = MsgFlags::MSG_WAITFORONE;
    let messages = match recvmmsg(
        socket.as_raw_fd(),
        &mut headers,
        vectors.iter_mut(),
        flags,
        None,
    ) {
        Ok(messages) => messages,
        Err(Errno::EAGAIN | Errno::EINTR) => return Ok(0),
        Err(error) => return Err(std::io::Error::from(error).into()),
    };
    let mut frames = 0;
    for message in messages {
        let joined = message.cmsgs()?.find_map(|control| match control {
            ControlMessageOwned::UdpGroSegments(bytes) => usize::try_from(bytes).ok(),
            _ => None,
        });
        frames += joined.map_or(1, |bytes| message.bytes.div_ceil(bytes.max(1)) as u64);
    }
    Ok(frames)
}
