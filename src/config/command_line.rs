//! Reads a command line with what stands behind it: an option that was not typed is taken from its
//! variable, else from the configuration file. Both become words of the command line, so that one
//! parser reads all values.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches};

use super::error::CommandLineError;
use super::file::{self, ConfigFile};
use crate::cli::{self, Cli, Command, RunArgs};
use crate::locale::foreign_text::visible;

/// The options of `ledger` commands that have a variable. Those of commands with a configuration file
/// all have one.
const LEDGER_VARIABLES: [&str; 4] = ["ledger", "base-url", "token-file", "account"];

/// An option that was given outside the command line.
#[derive(Debug)]
pub(super) struct Given {
    /// `rate`.
    pub name: String,
    /// The variable, or the file and the line.
    pub place: String,
    /// `--rate=2`; several for a list or a count, none for a switch that is off.
    pub words: Vec<OsString>,
}

/// Reads a command line; for commands that have them, with variables and configuration file.
/// Returned with it is what was typed. Requests for help and version come as
/// [`CommandLineError::Usage`].
pub fn read(argv: &[OsString]) -> Result<(Cli, ArgMatches), CommandLineError> {
    let (cli, matches) = cli::parse(argv).map_err(CommandLineError::Usage)?;
    let definition = cli::command();
    let called = Called::of(&definition, &matches);
    let mut given = called.variables()?;
    let mut file = ConfigFile::default();
    if called.has_file() {
        let typed = called.matches.get_one::<PathBuf>("config").cloned();
        let named = typed.or_else(|| variable_value("config").map(PathBuf::from));
        let is_given =
            |name: &str| called.typed(name) || given.iter().any(|given| given.name == name);
        // The file is written for `run`; another command takes from it what it knows.
        let run = definition.find_subcommand("run").unwrap_or(called.definition);
        file = file::read(named.as_deref(), options(run), is_given)?;
        file.given.retain(|given| called.options().any(|(name, _)| name == given.name));
        given.append(&mut file.given);
    }
    let mut cli = match given.is_empty() {
        true => cli,
        false => called.parse_with(argv, &given)?,
    };
    if let Command::Run(args) | Command::Check(args) = &mut cli.command {
        args.mapping.map.extend(file.map);
        args.mapping.set.extend(file.set);
        settle_ledger(args, |name| match () {
            () if called.typed(name) => 2,
            () if variable_value(name).is_some() => 1,
            () => 0,
        })?;
    }
    Ok((cli, matches))
}

/// The command that was called.
struct Called<'a> {
    /// `["ledger", "status"]`.
    names: Vec<&'a str>,
    definition: &'a clap::Command,
    matches: &'a ArgMatches,
}

impl<'a> Called<'a> {
    fn of(root: &'a clap::Command, matches: &'a ArgMatches) -> Self {
        let mut called = Self { names: Vec::new(), definition: root, matches };
        while let Some((name, matches)) = called.matches.subcommand()
            && let Some(definition) = called.definition.find_subcommand(name)
        {
            called.names.push(name);
            (called.definition, called.matches) = (definition, matches);
        }
        called
    }

    /// Whether the configuration file is about this command.
    fn has_file(&self) -> bool {
        matches!(self.names[..], ["run" | "check" | "pull" | "ids"])
    }

    /// The options that may be given elsewhere, by long name.
    fn options(&self) -> impl Iterator<Item = (&'a str, &'a Arg)> + use<'a> {
        let (all, ledger) = (self.has_file(), self.names.first() == Some(&"ledger"));
        let elsewhere = move |name: &str| {
            (all && name != "help") || (ledger && LEDGER_VARIABLES.contains(&name))
        };
        options(self.definition).filter(move |(name, _)| elsewhere(name))
    }

    fn typed(&self, name: &str) -> bool {
        let arg = self.definition.get_arguments().find(|arg| arg.get_long() == Some(name));
        arg.is_some_and(|arg| {
            self.matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
        })
    }

    /// What variables give and the command line does not.
    fn variables(&self) -> Result<Vec<Given>, CommandLineError> {
        self.options()
            .filter(|(name, _)| !self.typed(name))
            .filter_map(|(name, arg)| Some((name, arg, variable_value(name)?)))
            // A list of blank lines would hide the list of the configuration file.
            .filter(|(_, arg, value)| {
                let is_list = matches!(arg.get_action(), ArgAction::Append);
                !is_list || !value.to_string_lossy().trim().is_empty()
            })
            .map(|(name, arg, value)| {
                let place = format!("variável {}", variable(name));
                let words = words(name, arg, &value).map_err(|why| {
                    let why = format!(
                        "--{name}: \"{}\" não serve: {why}",
                        visible(&value.to_string_lossy())
                    );
                    CommandLineError::Value { place: place.clone(), why }
                })?;
                Ok(Given { name: name.to_owned(), place, words })
            })
            .collect()
    }

    /// Parses the command line with what was given elsewhere in front of what was typed.
    fn parse_with(&self, argv: &[OsString], given: &[Given]) -> Result<Cli, CommandLineError> {
        let (command, typed) = argv.split_at(argv.len().min(1 + self.names.len()));
        let words = given.iter().flat_map(|given| &given.words);
        let extended: Vec<OsString> = command.iter().chain(words).chain(typed).cloned().collect();
        cli::parse(&extended).map(|(cli, _)| cli).map_err(|error| {
            let why = cli::explain(&error);
            let flag = why.split(':').next().unwrap_or_default();
            match given.iter().find(|given| flag.strip_prefix("--") == Some(&given.name)) {
                Some(given) => CommandLineError::Value { place: given.place.clone(), why },
                None => CommandLineError::Usage(error),
            }
        })
    }
}

/// The options of a command, by long name.
fn options(definition: &clap::Command) -> impl Iterator<Item = (&str, &Arg)> {
    definition.get_arguments().filter_map(|arg| Some((arg.get_long()?, arg)))
}

/// The variable of an option.
fn variable(name: &str) -> String {
    format!("TOMTICKET_SYNC_{}", name.replace('-', "_").to_uppercase())
}

/// What that variable holds. An empty one counts as not set, as CI systems pass on what is not set.
fn variable_value(name: &str) -> Option<OsString> {
    std::env::var_os(variable(name)).filter(|value| !value.is_empty())
}

/// The words that a variable's value stands for: one value a line in a list, `true` or `false` of a
/// switch, the number of times of a counter.
fn words(name: &str, arg: &Arg, value: &OsStr) -> Result<Vec<OsString>, String> {
    let flag = || OsString::from(format!("--{name}"));
    let text = value.to_string_lossy();
    Ok(match arg.get_action() {
        ArgAction::SetTrue => match text.to_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => vec![flag()],
            "false" | "f" | "no" | "n" | "off" | "0" => Vec::new(),
            _ => return Err("use true ou false".to_owned()),
        },
        ArgAction::Count => vec![flag(); cli::verbosity(&text)?.into()],
        ArgAction::Append => {
            let values = text.lines().filter(|line| !line.trim().is_empty());
            values.map(|value| format!("--{name}={value}").into()).collect()
        }
        _ => {
            let mut word = flag();
            word.push("=");
            word.push(value);
            vec![word]
        }
    })
}

/// Decides between `--no-ledger` and the options that need a ledger: the stronger place wins, and
/// both from one place is an error. `strength` of an option: 2 typed, 1 in a variable, 0 elsewhere.
fn settle_ledger(
    args: &mut RunArgs,
    strength: impl Fn(&str) -> u8,
) -> Result<(), CommandLineError> {
    let memory = &mut args.memory;
    let wanted = [
        ("ledger", memory.ledger.is_some()),
        ("account", args.account.label.is_some()),
        ("full", memory.full),
        ("max-age", memory.max_age.is_some()),
    ];
    let wanted = wanted.into_iter().filter(|(_, is)| *is).map(|(name, _)| strength(name)).max();
    let Some(wanted) = wanted.filter(|_| memory.no_ledger) else { return Ok(()) };
    match strength("no-ledger").cmp(&wanted) {
        std::cmp::Ordering::Less => memory.no_ledger = false,
        // The ledger that is named is the one that will miss this run.
        std::cmp::Ordering::Greater => {}
        std::cmp::Ordering::Equal => return Err(CommandLineError::LedgerWantedAndNot),
    }
    Ok(())
}
