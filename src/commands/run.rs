//! `run` and `check`. Errors go where the log goes, in the log's format, so that standard error of
//! a run with `--log-format json` is JSON to the last line.

use clap::ArgMatches;

use crate::cli::RunArgs;
use crate::config::Settings;
use crate::output::{Terminal, start_logging};
use crate::run::{RunError, execute};

pub(super) fn run(args: RunArgs, check: bool, typed: &ArgMatches) -> u8 {
    let terminal = Terminal::speaking(args.output.log_format.unwrap_or_default());
    start_logging(&terminal, args.output.verbose, args.output.quiet);
    let settings = Settings::resolve(args, check, typed).map_err(RunError::from);
    settings.and_then(|settings| execute(&settings, &terminal)).unwrap_or_else(|error| {
        terminal.complain(&error.to_string());
        error.exit_code()
    })
}
