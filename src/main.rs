//! The program: parse, resolve, run, exit code. Everything else is the library's.

use std::ffi::OsString;
use std::process::ExitCode;

use tomticket_sync::config::CommandError;
use tomticket_sync::{commands, config, exit};

fn main() -> ExitCode {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let code = match config::read(&argv) {
        Ok(cli) => commands::run(cli),
        Err(CommandError::Usage(request)) if !request.use_stderr() => {
            commands::print(&request.render().to_string());
            exit::OK
        }
        Err(error) => {
            commands::complain(&error.to_string());
            exit::USAGE
        }
    };
    ExitCode::from(code)
}
