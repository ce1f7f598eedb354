//! The program: parse, resolve, run, exit code. Everything else is the library's.

use std::ffi::OsString;
use std::process::ExitCode;

use tomticket_sync::config::CommandError;
use tomticket_sync::{commands, config, exit_code, panic_hook};

fn main() -> ExitCode {
    panic_hook::install_hook();
    // The hook has told where; what was written so far stays, and the caller gets a code of ours.
    let code = std::panic::catch_unwind(run).unwrap_or(exit_code::LOCAL);
    ExitCode::from(code)
}

fn run() -> u8 {
    let argv: Vec<OsString> = std::env::args_os().collect();
    match config::read(&argv) {
        Ok(cli) => commands::run(cli),
        Err(CommandError::Usage(request)) if !request.use_stderr() => {
            commands::print(&request.render().to_string())
        }
        Err(error) => {
            commands::complain(&error.to_string());
            exit_code::of_error(false)
        }
    }
}
