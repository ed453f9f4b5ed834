//! The `replayer` program; everything is in the library, see `replayer::cli_main`.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// An exchange is allocated by the reader's thread, and freed by the run writer's after it went through the event loop's:
/// glibc's allocator takes a lock for each, and gives memory back to the kernel only to ask for it again.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    replayer::cli_main(std::env::args_os())
}
