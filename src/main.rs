//! The program. Everything is the library's: parse, resolve, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    tomticket_sync::main_from_args()
}
