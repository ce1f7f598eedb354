//! The commands, one file each: from what was typed to the exit code.

mod completions;
mod error;
mod ids;
mod init;
mod ledger;
mod manual;
mod pull;
mod reading;
mod report;
mod run;
mod sandbox;
mod template;

use std::ffi::OsString;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use clap::ArgMatches;

use self::error::CommandError;
use crate::cli::Command;
use crate::config::{self, CommandLineError};
use crate::locale::foreign_text::visible_lines;
use crate::output::Terminal;
use crate::{core_dumps, exit_code, panic_hook};

/// The whole program: runs the command that this process was started with.
pub fn main_from_args() -> ExitCode {
    panic_hook::install_panic_hook();
    // The token may be in the environment already.
    core_dumps::forbid_core_dumps();
    // The panic hook has said where; the caller gets an exit code of this program.
    let code = std::panic::catch_unwind(run_command_line).unwrap_or(exit_code::LOCAL);
    ExitCode::from(code)
}

fn run_command_line() -> u8 {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let done = match config::read(&argv) {
        Ok((cli, typed)) => run_command(cli.command, &typed),
        Err(CommandLineError::Usage(request)) if !request.use_stderr() => {
            print(&request.render().to_string())
        }
        Err(error) => Err(error.into()),
    };
    done.unwrap_or_else(|error| {
        Terminal::default().complain(&error.to_string());
        error.exit_code()
    })
}

fn run_command(command: Command, typed: &ArgMatches) -> Result<u8, CommandError> {
    match command {
        Command::Run(args) => Ok(run::run(*args, false, typed)),
        Command::Check(args) => Ok(run::run(*args, true, typed)),
        Command::Init(args) => init::run(args, typed),
        Command::Pull(args) => Ok(pull::run(&args, typed)),
        Command::Ids(args) => Ok(ids::run(&args)),
        Command::Sandbox(args) => sandbox::run(args),
        Command::Template => print(&template::header()),
        Command::Report(args) => report::run(&args),
        Command::Ledger(args) => ledger::run(args.command),
        Command::Completions(args) => print(&completions::script(args.shell)),
        Command::Manual => print(&manual::page()),
    }
}

/// Writes to standard output what a command was asked for. A reader that has gone away
/// (`| head -1`) is no error; a full disk is one.
fn print(text: &str) -> Result<u8, CommandError> {
    let mut stdout = io::stdout().lock();
    let text = if stdout.is_terminal() { visible_lines(text) } else { text.into() };
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CommandError::Stdout(error)),
        Ok(()) | Err(_) => Ok(exit_code::OK),
    }
}
