//! What was resolved: flags over environment over configuration file over defaults, checked as far
//! as that is possible without opening the input.

mod file;
mod settings;

pub use file::ConfigError;
pub use settings::{LedgerChoice, Mode, Settings, SettingsError, base_url, ledger_path, token};

use std::ffi::OsString;

use crate::cli::{self, Cli, Command};

/// Why a command line does not give a command.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Usage, or a request for help or version.
    #[error("{}", cli::explain(.0))]
    Usage(clap::Error),
    /// The configuration file.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Reads the command line and, for `run` and `check`, the configuration file behind it.
///
/// # Errors
/// See [`CommandError`]; requests for help and version come as [`CommandError::Usage`] too.
pub fn read(argv: &[OsString]) -> Result<Cli, CommandError> {
    let (cli, matches) = cli::parse(argv).map_err(CommandError::Usage)?;
    let (Command::Run(args) | Command::Check(args)) = &cli.command else {
        return Ok(cli);
    };
    let Some((_, matches)) = matches.subcommand() else { return Ok(cli) };
    let Some(extra) = file::flags(args.config.as_deref(), matches)? else {
        return Ok(cli);
    };
    // The file's values are parsed by the flags' own rules, as if they had been typed first.
    let mut with_file: Vec<OsString> = argv.iter().take(2).cloned().collect();
    with_file.extend(extra.flags);
    with_file.extend(argv.iter().skip(2).cloned());
    match cli::parse(&with_file) {
        Ok((cli, _)) => Ok(cli),
        Err(error) => {
            Err(ConfigError::Value { path: extra.path, why: cli::explain(&error) }.into())
        }
    }
}
