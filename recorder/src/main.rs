//! The `recorder` program; everything is in the library, see `recorder::cli_main`.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// An exchange is allocated by its shard's thread, and freed by the thread that encodes it: glibc's allocator takes a lock
/// for each, and both threads wait at it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    recorder::cli_main(std::env::args_os())
}
