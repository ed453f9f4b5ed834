//! The `recorder` program; everything is in the library, see `recorder::cli_main`.

use std::process::ExitCode;

fn main() -> ExitCode {
    recorder::cli_main(std::env::args_os())
}
