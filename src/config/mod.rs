//! What was resolved: flags over environment over configuration file over defaults, checked as far
//! as that is possible without opening the input.

mod effective_settings;
mod file;
mod settings;

pub use file::ConfigFileError;
pub use settings::{
    Besides, LedgerChoice, Mode, Settings, SettingsError, base_url, ledger_path, token,
};

use std::cmp::Ordering;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;

use crate::cli::{self, Cli, Command};

/// Why a command line does not give a command.
#[derive(Debug, thiserror::Error)]
pub enum CommandLineError {
    /// Usage, or a request for help or version.
    #[error("{}", cli::explain(.0))]
    Usage(clap::Error),
    /// The configuration file.
    #[error(transparent)]
    Config(#[from] ConfigFileError),
    /// `--no-ledger` beside a flag that needs a ledger.
    #[error(
        "--no-ledger não combina com --ledger, --account, --full ou --max-age: escolha um dos dois"
    )]
    LedgerWantedAndNot,
}

/// Reads the command line and, for `run` and `check`, the configuration file behind it.
///
/// # Errors
/// See [`CommandLineError`]; requests for help and version come as [`CommandLineError::Usage`] too.
pub fn read(argv: &[OsString]) -> Result<Cli, CommandLineError> {
    let mut cli = resolve(argv)?;
    if let Command::Run(args) | Command::Check(args) = &mut cli.command {
        args.typed = argv.to_vec();
    }
    Ok(cli)
}

fn resolve(argv: &[OsString]) -> Result<Cli, CommandLineError> {
    let (cli, matches) = cli::parse(argv).map_err(|error| match variable_behind(&error, argv) {
        Some(name) => {
            let why = cli::explain(&error);
            ConfigFileError::Value { place: format!("variável {name}"), why }.into()
        }
        None => CommandLineError::Usage(error),
    })?;
    let (Command::Run(args) | Command::Check(args)) = &cli.command else {
        return Ok(cli);
    };
    let Some((_, matches)) = matches.subcommand() else { return Ok(cli) };
    let listed = listed_variables(matches);
    let remembering = Remembering::of(matches);
    let file = file::flags(args.config.as_deref(), matches, |flag| {
        listed.iter().any(|(name, _)| *name == flag)
    })?;
    if file.is_none() && listed.is_empty() {
        return remembering.settle(cli);
    }
    // These values are parsed by the flags' own rules, as if they had been typed first.
    let mut extended: Vec<OsString> = argv.iter().take(2).cloned().collect();
    extended.extend(listed.iter().flat_map(|(_, flags)| flags.iter().cloned()));
    extended.extend(file.iter().flat_map(|file| file.flags.iter().cloned()));
    extended.extend(argv.iter().skip(2).cloned());
    let mut cli = match cli::parse(&extended) {
        Ok((cli, _)) => cli,
        Err(error) => {
            let why = cli::explain(&error);
            let flag = why.split(':').next().unwrap_or_default();
            let in_variable = listed.iter().any(|(name, _)| Some(*name) == flag.strip_prefix("--"));
            let place = match &file {
                Some(file) if !in_variable => file.place_of(flag),
                _ => format!("variável {}", variable(flag)),
            };
            return Err(ConfigFileError::Value { place, why }.into());
        }
    };
    if let (Command::Run(args) | Command::Check(args), Some(file)) = (&mut cli.command, file) {
        args.map.extend(file.map);
        args.set.extend(file.set);
    }
    remembering.settle(cli)
}

/// The variable of a flag (`--rate`).
fn variable(flag: &str) -> String {
    let name = flag.trim_start_matches('-').replace('-', "_").to_uppercase();
    format!("TOMTICKET_SYNC_{name}")
}

/// The variable that holds the value which clap complains about, if nobody typed that value: clap
/// itself only names the flag.
fn variable_behind(error: &clap::Error, argv: &[OsString]) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    // `--rate <N>`, `--verbose...`
    let flag = text(ContextKind::InvalidArg)?.split(' ').next()?.trim_end_matches("...");
    let typed = |word: &OsString| {
        let word = word.to_string_lossy();
        word.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    let name = variable(flag);
    let value = std::env::var(&name).ok()?;
    (text(ContextKind::InvalidValue)? == value && !argv.iter().any(typed)).then_some(name)
}

/// Where `--no-ledger`, and the flags that need a ledger, were given: on the command line (2), in a
/// variable (1), or in the file if anywhere (0). clap would call it a conflict wherever they stand, but
/// a flag that is typed overrides a variable that says the contrary.
struct Remembering {
    declined: u8,
    wanted: u8,
}

impl Remembering {
    const WANTING: [&str; 4] = ["ledger", "account", "full", "max_age"];

    fn of(matches: &clap::ArgMatches) -> Self {
        let rank = |id: &str| match matches.value_source(id) {
            // A variable that says no.
            _ if id == "full" && !matches.get_flag(id) => 0,
            Some(ValueSource::CommandLine) => 2,
            Some(ValueSource::EnvVariable) => 1,
            _ => 0,
        };
        let wanted = Self::WANTING.into_iter().map(rank).max();
        Self { declined: rank("no_ledger"), wanted: wanted.unwrap_or(0) }
    }

    /// Lets the stronger side have it; both from one place is an error.
    fn settle(&self, mut cli: Cli) -> Result<Cli, CommandLineError> {
        let (Command::Run(args) | Command::Check(args)) = &mut cli.command else {
            return Ok(cli);
        };
        let wants =
            [args.ledger.is_some(), args.account.is_some(), args.full, args.max_age.is_some()];
        if !args.no_ledger || !wants.contains(&true) {
            return Ok(cli);
        }
        match self.declined.cmp(&self.wanted) {
            Ordering::Less => args.no_ledger = false,
            // The ledger that is named is the one that will not know of this run.
            Ordering::Greater => {}
            Ordering::Equal => return Err(CommandLineError::LedgerWantedAndNot),
        }
        Ok(cli)
    }
}

/// Flags that may be repeated; their variables hold one value a line, which clap cannot tell from a
/// line break in a typed value.
const LISTS: [&str; 5] = ["map", "ignore", "set", "send-empty", "require"];

/// The values that variables give such flags, where they were not typed.
fn listed_variables(matches: &clap::ArgMatches) -> Vec<(&'static str, Vec<OsString>)> {
    LISTS
        .into_iter()
        .filter(|flag| matches.value_source(&flag.replace('-', "_")).is_none())
        .filter_map(|flag| {
            let text = std::env::var(variable(flag)).ok().filter(|text| !text.trim().is_empty())?;
            let flags = text.lines().filter(|line| !line.trim().is_empty());
            Some((flag, flags.map(|line| format!("--{flag}={line}").into()).collect()))
        })
        .collect()
}
