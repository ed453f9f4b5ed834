//! The `recorder` program; everything is in the library, see `recorder::cli_main`.

use std::process::ExitCode;

use libmimalloc_sys::{mi_option_set, mi_option_t};
use mimalloc::MiMalloc;

/// An exchange is allocated by its shard's thread, and freed by the thread that encodes it: glibc's allocator takes a lock
/// for each, and both threads wait at it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// `mi_option_arena_eager_commit` of `mimalloc.h`, version 2, and no. Otherwise the kernel backs the allocator's memory with
/// pages of 2 MiB, of which a recorder uses a part: a tenth more memory, for no time that could be seen.
const ARENA_EAGER_COMMIT: (mi_option_t, std::ffi::c_long) = (4, 0);

/// Runs before `main`: by then the allocator has its memory.
#[expect(unsafe_code, reason = "the linker calls what lies in this section")]
#[used]
#[unsafe(link_section = ".init_array")]
static SET_UP_ALLOCATOR: extern "C" fn() = set_up_allocator;

#[expect(unsafe_code, reason = "the allocator is written in C")]
extern "C" fn set_up_allocator() {
    // SAFETY: sets a number that the allocator reads; no other thread runs yet.
    unsafe { mi_option_set(ARENA_EAGER_COMMIT.0, ARENA_EAGER_COMMIT.1) };
}

fn main() -> ExitCode {
    recorder::cli_main(std::env::args_os())
}
