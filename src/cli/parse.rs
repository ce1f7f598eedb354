//! Parsing of a command line, with two habits that clap does not have: `help run`, and negative
//! values.

use std::ffi::{OsStr, OsString};

use clap::{Arg, ArgMatches, Command, FromArgMatches, error::Error};

use super::Cli;

/// Parses a command line, program name included. `help run` is `run --help`.
/// The error is to be shown by [`super::explain`].
pub fn parse(argv: &[OsString]) -> Result<(Cli, ArgMatches), Error> {
    let command = super::command();
    let argv = match argv {
        [program, help, rest @ ..] if help == "help" => {
            let help = OsString::from("--help");
            [program].into_iter().chain(rest).chain([&help]).cloned().collect()
        }
        _ => argv.to_vec(),
    };
    let argv = with_negative_values(&command, argv);
    let matches = command.try_get_matches_from(argv)?;
    let cli = Cli::from_arg_matches(&matches)?;
    Ok((cli, matches))
}

/// `--timeout -1s` as `--timeout=-1s`. No option begins with a digit, so `-1s` is a value, and the
/// parser of values explains what is wrong with it; clap would look for an option `-1`.
fn with_negative_values(command: &Command, argv: Vec<OsString>) -> Vec<OsString> {
    let negative = |arg: &OsString| {
        let bytes = arg.as_encoded_bytes();
        bytes.first() == Some(&b'-') && bytes.get(1).is_some_and(u8::is_ascii_digit)
    };
    let mut joined: Vec<OsString> = Vec::with_capacity(argv.len());
    for arg in argv {
        match joined.last_mut() {
            Some(option) if negative(&arg) && takes_value(command, option) => {
                option.push("=");
                option.push(arg);
            }
            _ => joined.push(arg),
        }
    }
    joined
}

/// Whether some command has an option that is written like `typed` and takes a value.
fn takes_value(command: &Command, typed: &OsStr) -> bool {
    let name = typed.to_str().and_then(|typed| typed.strip_prefix("--"));
    let is_it = |arg: &Arg| arg.get_long() == name && arg.get_action().takes_values();
    name.is_some()
        && (command.get_arguments().any(is_it)
            || command.get_subcommands().any(|inner| takes_value(inner, typed)))
}
