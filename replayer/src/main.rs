//! The `replayer` program; everything is in the library, see `replayer::cli_main`.

use std::process::ExitCode;

fn main() -> ExitCode {
    replayer::cli_main(std::env::args_os())
}
