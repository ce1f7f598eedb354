//! From the options of `run` and `check` to the settings.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;
use jiff::ZonedDateTime;

use super::account::{base_url, token};
use super::error::SettingsError;
use super::file::FOUND;
use super::paths::{REJECTS, can_be_read_again, is_special, ledger_path, output, with_start};
use super::settings::{
    LedgerChoice, PlanOutputs, ProgramFiles, Remote, Settings, SnapshotSettings,
};
use crate::cli::{self, REAL_ACCOUNT, Resolved, RunArgs, SuggestedCommands};
use crate::input::InputArg;
use crate::ledger::Policy;
use crate::mapping::MappingOptions;
use crate::output::Destination;
use crate::preflight::Guards;

impl Settings {
    /// The settings of a command line, and the commands that may come after what was `typed`.
    pub(crate) fn resolve(
        args: RunArgs,
        check: bool,
        typed: &ArgMatches,
    ) -> Result<Self, SettingsError> {
        let check = check || args.sending.dry_run;
        check_snapshot(&args, typed)?;
        let remote = remote(&args, check)?;
        let ledger = ledger(&args, &remote)?;
        let defaults = Self::with_defaults(args.input.clone(), remote, ledger);
        let started = ZonedDateTime::now();
        let named = |path: &PathBuf| Destination::from_arg(with_start(path, &started));
        let destination = |given: &Option<PathBuf>, what| match given {
            Some(path) => named(path),
            None => Destination::Path(output(&args.input, args.sending.sandbox, what)),
        };
        let results = destination(&args.output.results, "resultado");
        let rejects = destination(&args.output.rejects, REJECTS);
        Ok(Self {
            check,
            no_ledger: args.memory.no_ledger,
            policy: Policy { max_age: args.memory.max_age, full: args.memory.full },
            read: args.read.clone(),
            api: args.sending.api.unwrap_or_default(),
            rate: args.sending.rate.unwrap_or(defaults.rate),
            concurrency: args.sending.concurrency.unwrap_or(defaults.concurrency),
            timeout: args.sending.timeout.unwrap_or(defaults.timeout),
            limit: args.sending.limit,
            max_errors: args.sending.max_errors,
            ok_with: args.sending.ok_with,
            max_duration: args.sending.max_duration,
            give_up_after: args.sending.give_up_after.unwrap_or(defaults.give_up_after),
            breaker: !args.sending.no_breaker,
            verify: args.sending.verify.unwrap_or(defaults.verify),
            settle_wait: args.sending.settle_wait.unwrap_or(defaults.settle_wait),
            files: ProgramFiles {
                config: args.config.clone().unwrap_or_else(|| FOUND.into()),
                ledger: ledger_path(args.memory.ledger.as_deref()).ok(),
                token: args.account.token_file.clone(),
            },
            plan_outputs: PlanOutputs {
                rejects: is_typed(typed, "rejects"),
                summary_json: is_typed(typed, "summary_json"),
            },
            without_effect: without_effect(typed, check, args.sending.sandbox),
            show: args.snapshot.show.map_or_else(show_by_default, |show| show as usize),
            guards: Guards {
                max_changes: args.snapshot.max_changes,
                min_rows: args.snapshot.min_rows,
            },
            only: args.snapshot.only.clone(),
            snapshot: args.snapshot.snapshot.as_ref().map(|path| SnapshotSettings {
                input: InputArg::from_arg(path.clone()),
                max_age: args.snapshot.snapshot_age.unwrap_or(SNAPSHOT_AGE),
                assume: args.snapshot.assume.clone(),
            }),
            suggested: suggested_commands(&args, &results, &rejects, typed),
            results,
            rejects,
            results_dialect: args.output.results_dialect.unwrap_or_default(),
            summary_json: args.output.summary_json.as_ref().map(named),
            report: args.output.report.as_ref().map(named),
            quiet: args.output.quiet,
            account: args.account.label,
            mapping: MappingOptions {
                // The way back sends what was read; nobody edited it.
                compared: args.snapshot.snapshot.is_some() && args.snapshot.only.is_none(),
                ..args.mapping
            },
            ..defaults
        })
    }
}

/// Options about a snapshot need one. In a variable or the configuration file they wait for it.
fn check_snapshot(args: &RunArgs, typed: &ArgMatches) -> Result<(), SettingsError> {
    let Some(snapshot) = &args.snapshot.snapshot else {
        let options = [("assume", "--assume"), ("snapshot_age", "--snapshot-age")];
        let given = options.into_iter().find(|(id, _)| is_typed(typed, id));
        return given.map_or(Ok(()), |(_, flag)| Err(SettingsError::WithoutSnapshot(flag)));
    };
    let is_stdin =
        |path: &Path| ["-", "/dev/stdin", "/dev/fd/0"].iter().any(|it| path == Path::new(it));
    match is_stdin(&args.input) && is_stdin(snapshot) {
        true => Err(SettingsError::OneStdin),
        false => Ok(()),
    }
}

/// How old a snapshot may be.
const SNAPSHOT_AGE: Duration = Duration::from_secs(24 * 3600);

/// A person is shown some rows, a program none.
fn show_by_default() -> usize {
    if std::io::stderr().is_terminal() { 3 } else { 0 }
}

/// Where requests go. A rehearsal under the real configuration does not look at its address and
/// token.
fn remote(args: &RunArgs, check: bool) -> Result<Remote, SettingsError> {
    if args.sending.sandbox && !check {
        return Ok(Remote::Sandbox);
    }
    let base_url = base_url(args.account.base_url.as_ref())?;
    let token = match token(args.account.token_file.as_deref()) {
        Err(SettingsError::NoToken) if check => None,
        token => Some(token?),
    };
    Ok(Remote::Server { base_url, token })
}

/// Whether there is a ledger. A server on this machine is a rehearsal, unless a ledger is named.
fn ledger(args: &RunArgs, remote: &Remote) -> Result<LedgerChoice, SettingsError> {
    let named = args.memory.ledger.as_deref();
    Ok(match remote {
        Remote::Sandbox => LedgerChoice::None,
        Remote::Server { .. } if args.sending.sandbox => LedgerChoice::None,
        Remote::Server { base_url, .. } if base_url.is_loopback() && named.is_none() => {
            LedgerChoice::None
        }
        Remote::Server { .. } if args.memory.no_ledger => LedgerChoice::Declined,
        Remote::Server { .. } => LedgerChoice::At(ledger_path(named)?),
    })
}

/// The file of an output. What went to standard output or a device cannot be read again.
fn readable(destination: &Destination) -> Option<&Path> {
    match destination {
        Destination::Path(path) if !is_special(path) => Some(path),
        Destination::Path(_) | Destination::Stdout => None,
    }
}

/// The commands that may come after this run.
fn suggested_commands(
    args: &RunArgs,
    results: &Destination,
    rejects: &Destination,
    typed: &ArgMatches,
) -> SuggestedCommands {
    let sandbox = args.sending.sandbox;
    let (results, rejects) = (readable(results), readable(rejects));
    let snapshot = args.snapshot.snapshot.as_deref();
    let snapshot = snapshot.filter(|path| can_be_read_again(path));
    let way_back = snapshot.zip(results);
    let given = [
        ("results", &args.output.results, "resultado"),
        ("rejects", &args.output.rejects, REJECTS),
    ];
    let outputs = given.into_iter().filter(|(_, given, _)| given.is_some());
    let outputs =
        outputs.filter_map(|(name, _, what)| Some((name, output(rejects?, sandbox, what))));
    let (outputs, limit) = (outputs.collect(), args.sending.limit.is_some());
    let program = std::env::args_os().next().unwrap_or_default();
    cli::suggested_commands(
        &program,
        typed,
        &Resolved { rejects, outputs, way_back, limit, sandbox },
    )
}

/// Whether an option stands on the command line. What a variable or the configuration file sets is
/// meant for `run`.
fn is_typed(typed: &ArgMatches, id: &str) -> bool {
    let source = typed.subcommand().and_then(|(_, typed)| typed.value_source(id));
    source == Some(ValueSource::CommandLine)
}

/// What stands on the command line and does nothing: outputs that a check does not write, and the
/// account that a rehearsal does not have.
fn without_effect(typed: &ArgMatches, check: bool, sandbox: bool) -> Vec<&'static str> {
    let flags: &[_] = match (check, sandbox) {
        (true, _) => &["results", "report"],
        (false, true) => &REAL_ACCOUNT,
        (false, false) => &[],
    };
    flags.iter().copied().filter(|flag| is_typed(typed, &flag.replace('-', "_"))).collect()
}
