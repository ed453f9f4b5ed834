//! The `recorder` program; everything is in the library, see `recorder::cli_main`.

use std::process::ExitCode;

/// Exchanges are made, encoded and dropped by the thousand: an allocator that keeps their pages spares the kernel the work of
/// clearing them again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    recorder::cli_main(std::env::args_os())
}
