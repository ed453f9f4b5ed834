//! The `replayer` program; everything is in the library, see `replayer::cli_main`.

use std::process::ExitCode;

use libmimalloc_sys::{mi_option_set, mi_option_t};
use mimalloc::MiMalloc;

/// An exchange is allocated by the reader's thread, and freed by the run writer's after it went through the event loop's:
/// glibc's allocator takes a lock for each, and gives memory back to the kernel only to ask for it again.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// `mi_option_purge_delay` of `mimalloc.h`, version 2, and its value in milliseconds. With 10, as it is by itself, memory
/// goes back between one batch of a segment and the next: the kernel then clears a fifth of a run's pages anew.
const PURGE_DELAY: (mi_option_t, std::ffi::c_long) = (15, 1_000);

#[expect(unsafe_code, reason = "the allocator is written in C")]
fn main() -> ExitCode {
    // SAFETY: sets a number that the allocator reads; no other thread runs yet.
    unsafe { mi_option_set(PURGE_DELAY.0, PURGE_DELAY.1) };
    replayer::cli_main(std::env::args_os())
}
