//! The settings of one run: everything decided, with every default in one place.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use super::effective_settings;
use super::file::FOUND;
use crate::api::{BaseUrl, BaseUrlError, DEFAULT_BASE_URL, Token, TokenError};
use crate::cli::{MaxErrors, Resolved, RunArgs};
use crate::input::{InputArg, ReadOptions};
use crate::ledger::Policy;
use crate::locale::os_error::describe_os_error;
use crate::mapping::MappingOptions;
use crate::output::{Destination, LogFormat, ResultsDialect, SuggestedCommands};
use crate::scheduler::Rate;

pub(super) const CONCURRENCY: usize = 8;
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);
pub(super) const GIVE_UP_AFTER: Duration = Duration::from_secs(300);
/// The variable that holds the token.
const TOKEN_VARIABLE: &str = "TOMTICKET_TOKEN";

/// What cannot be decided.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant is its documentation")]
pub enum SettingsError {
    #[error(
        "falta o token: ponha-o na variável TOMTICKET_TOKEN ou num arquivo indicado com --token-file (no TomTicket: Administração › Configurações da Conta › API › Novo Token). Para ensaiar sem token: --sandbox"
    )]
    NoToken,
    #[error(
        "não sei qual conta esquecer: ponha o token dela na variável TOMTICKET_TOKEN ou num arquivo indicado com --token-file, ou dê o nome dela com --account, ou o código que `tomticket-sync ledger status` mostra com --account-id"
    )]
    NoAccount,
    #[error(
        "--account-id: \"{0}\" não é o código de uma conta; são os 32 dígitos que `tomticket-sync ledger status` mostra"
    )]
    AccountCode(String),
    #[error("{place}: {why}")]
    BadToken { place: String, why: TokenError },
    #[error("não foi possível ler o arquivo do token {path}: {why}")]
    TokenFile { path: String, why: String },
    #[error("--base-url: {0}")]
    BaseUrl(#[from] BaseUrlError),
    #[error(
        "não sei onde guardar o registro do que já foi aceito: nem XDG_STATE_HOME nem HOME estão definidas. Use --ledger ARQUIVO, ou --no-ledger"
    )]
    NoStateHome,
}

/// What the run is for.
#[derive(Debug)]
pub enum Mode {
    /// Preflight alone. The token is only for telling what is unchanged.
    Check {
        /// Where a run would send.
        base_url: BaseUrl,
        /// As whom, if that is known.
        token: Option<Token>,
    },
    /// Against the simulator inside the process.
    Sandbox,
    /// Against a server.
    Real {
        /// Where.
        base_url: BaseUrl,
        /// As whom.
        token: Token,
    },
}

/// Whether and where it is remembered what the API accepted.
#[derive(Debug)]
pub enum LedgerChoice {
    /// Not at all: a rehearsal, or a server on this machine.
    None,
    /// Not at all, because the user said so; there may be a ledger that should have known.
    Declined {
        /// Where that would be; `None` where no place is known.
        path: Option<PathBuf>,
    },
    /// Here.
    At {
        /// The file.
        path: PathBuf,
        /// What is believed of it.
        policy: Policy,
    },
}

/// Files of the program that are neither input nor output. Any of them may be missing.
#[derive(Debug)]
pub struct Besides {
    /// `--token-file`.
    pub token: Option<PathBuf>,
    /// The configuration file, named or found.
    pub config: PathBuf,
    /// The ledger, whether this run uses it or not.
    pub ledger: Option<PathBuf>,
}

/// The settings of one run.
#[derive(Debug)]
pub struct Settings {
    /// What the run is for.
    pub mode: Mode,
    /// What is remembered.
    pub ledger: LedgerChoice,
    /// `--account`.
    pub account: Option<String>,
    /// The input.
    pub input: InputArg,
    /// The input as it was named.
    pub input_label: String,
    /// How to read it.
    pub read: ReadOptions,
    /// What feeds what.
    pub mapping: MappingOptions,
    /// Requests a second.
    pub rate: Rate,
    /// Requests in flight.
    pub concurrency: usize,
    /// Per request.
    pub timeout: Duration,
    /// Rows to send at most.
    pub limit: Option<u64>,
    /// Rows with errors that are tolerated.
    pub max_errors: Option<MaxErrors>,
    /// When to stop.
    pub max_duration: Option<Duration>,
    /// How long to wait for an API that is away.
    pub give_up_after: Duration,
    /// Whether to stop when the first rows are all refused alike.
    pub breaker: bool,
    /// What the program keeps or reads besides, and no output may overwrite.
    pub besides: Besides,
    /// Flags that were typed and have no effect, because nothing is sent.
    pub without_effect: Vec<&'static str>,
    /// The results file.
    pub results: Destination,
    /// How it is spelled.
    pub results_dialect: ResultsDialect,
    /// The rejects file.
    pub rejects: Destination,
    /// The summary for scripts.
    pub summary_json: Option<Destination>,
    /// The page for people.
    pub report: Option<Destination>,
    /// What was set, for the summary and the report: nothing of it is secret.
    pub shown: Map<String, Value>,
    /// The commands that may come next.
    pub again: SuggestedCommands,
    /// No progress; no summary when all is well.
    pub quiet: bool,
    /// Number of `-v`.
    pub verbosity: u8,
    /// How the log is spelled.
    pub log_format: LogFormat,
}

impl Settings {
    /// Resolves what was typed (and found in environment and file).
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn resolve(args: RunArgs, check: bool) -> Result<Self, SettingsError> {
        let check = check || args.dry_run;
        let mode = mode(&args, check)?;
        let sandbox = args.sandbox;
        let ledger = ledger(&args, &mode)?;
        let results = output(args.results.clone(), &args.input, sandbox, "resultado");
        let rejects = output(args.rejects.clone(), &args.input, sandbox, "rejeitados");
        let besides = Besides {
            token: args.token_file.clone(),
            config: args.config.clone().unwrap_or_else(|| FOUND.into()),
            ledger: ledger_path(args.ledger.as_deref()).ok(),
        };
        let without_effect = if check { outputs_typed(&args.typed) } else { Vec::new() };
        let again = again(&args, &rejects);
        let shown = effective_settings::settings(&args, &mode, &ledger, [&results, &rejects]);
        Ok(Self {
            mode,
            ledger,
            account: args.account,
            input_label: args.input.display().to_string(),
            input: InputArg::from_arg(args.input),
            read: ReadOptions { delimiter: args.delimiter, encoding: args.encoding },
            mapping: MappingOptions {
                map: args.map,
                ignore: args.ignore,
                set: args.set,
                key: args.key,
                id_type: args.id_type,
                strict: args.strict,
                send_empty: args.send_empty,
                clear_marker: args.clear_marker,
                trim: !args.no_trim,
                require: args.require,
            },
            rate: args.rate.unwrap_or(Rate::DEFAULT),
            concurrency: args.concurrency.unwrap_or(CONCURRENCY),
            timeout: args.timeout.unwrap_or(TIMEOUT),
            limit: args.limit,
            max_errors: args.max_errors,
            max_duration: args.max_duration,
            give_up_after: args.give_up_after.unwrap_or(GIVE_UP_AFTER),
            breaker: !args.no_breaker,
            besides,
            without_effect,
            results,
            results_dialect: args.results_dialect.unwrap_or_default(),
            rejects,
            summary_json: args.summary_json.map(Destination::from_arg),
            report: args.report.map(Destination::from_arg),
            shown,
            again,
            quiet: args.quiet,
            verbosity: args.verbose,
            log_format: args.log_format.unwrap_or_default(),
        })
    }
}

/// What may be typed after this run.
fn again(args: &RunArgs, rejects: &Destination) -> SuggestedCommands {
    let rejects = match rejects {
        Destination::Path(path) if !is_special(path) => Some(path.as_path()),
        // What went to standard output or a device is no input any more.
        Destination::Path(_) | Destination::Stdout => None,
    };
    let beside_rejects = |given: &Option<PathBuf>, what| match (given, rejects) {
        (Some(_), Some(rejects)) => match output(None, rejects, args.sandbox, what) {
            Destination::Path(path) => Some(path),
            Destination::Stdout => None,
        },
        _ => None,
    };
    let outputs =
        [beside_rejects(&args.results, "resultado"), beside_rejects(&args.rejects, "rejeitados")];
    let resolved = Resolved {
        rejects,
        outputs: outputs.each_ref().map(Option::as_ref),
        limit: args.limit.is_some(),
        sandbox: args.sandbox,
    };
    crate::cli::again(&args.typed, resolved)
}

fn mode(args: &RunArgs, check: bool) -> Result<Mode, SettingsError> {
    // A rehearsal under the real configuration: its address and token are left alone.
    if args.sandbox && !check {
        return Ok(Mode::Sandbox);
    }
    let base_url = base_url(args.base_url.as_ref())?;
    match (check, token(args.token_file.as_deref())) {
        (true, Err(SettingsError::NoToken)) => Ok(Mode::Check { base_url, token: None }),
        (true, token) => Ok(Mode::Check { base_url, token: Some(token?) }),
        (false, token) => Ok(Mode::Real { base_url, token: token? }),
    }
}

/// The given base URL, or the documented host.
///
/// # Errors
/// None in practice; the documented host is a valid URL.
pub fn base_url(given: Option<&BaseUrl>) -> Result<BaseUrl, SettingsError> {
    match given {
        Some(base_url) => Ok(base_url.clone()),
        None => Ok(BaseUrl::parse(DEFAULT_BASE_URL)?),
    }
}

fn ledger(args: &RunArgs, mode: &Mode) -> Result<LedgerChoice, SettingsError> {
    let base_url = match mode {
        Mode::Sandbox => return Ok(LedgerChoice::None),
        Mode::Check { .. } if args.sandbox => return Ok(LedgerChoice::None),
        Mode::Check { base_url, .. } | Mode::Real { base_url, .. } => base_url,
    };
    // A server on this machine is a rehearsal, unless somebody wants it remembered.
    if base_url.is_loopback() && args.ledger.is_none() {
        return Ok(LedgerChoice::None);
    }
    if args.no_ledger {
        return Ok(LedgerChoice::Declined { path: ledger_path(args.ledger.as_deref()).ok() });
    }
    let path = ledger_path(args.ledger.as_deref())?;
    Ok(LedgerChoice::At { path, policy: Policy { max_age: args.max_age, full: args.full } })
}

/// The ledger's file: as given, else in the user's state directory.
///
/// # Errors
/// [`SettingsError::NoStateHome`] where there is no such directory.
pub fn ledger_path(given: Option<&Path>) -> Result<PathBuf, SettingsError> {
    if let Some(path) = given {
        return Ok(real_path(path));
    }
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".local/state")))
        .ok_or(SettingsError::NoStateHome)?;
    Ok(real_path(&state.join("tomticket-sync").join("ledger.db")))
}

/// The file that a link stands for, even where it is not there yet. The lock, the log and the key
/// lie beside the ledger: under two names of one file they would be two.
fn real_path(path: &Path) -> PathBuf {
    /// As many as Linux follows.
    const LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let Ok(target) = std::fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

/// The token, from its file if one is named, else from its variable. Never from an argument: every
/// user of the machine can read those.
///
/// # Errors
/// No token, or one that cannot be read or used.
pub fn token(file: Option<&Path>) -> Result<Token, SettingsError> {
    let (place, text) = match file {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| SettingsError::TokenFile {
                path: path.display().to_string(),
                why: describe_os_error(&error),
            })?;
            (path.display().to_string(), text)
        }
        None => {
            let text = std::env::var(TOKEN_VARIABLE).ok().filter(|text| !text.trim().is_empty());
            (TOKEN_VARIABLE.to_owned(), text.ok_or(SettingsError::NoToken)?)
        }
    };
    Token::new(&text).map_err(|why| SettingsError::BadToken { place, why })
}

/// The flags of outputs on a command line. What a variable or the configuration file sets is meant
/// for `run` and says nothing about this call.
fn outputs_typed(typed: &[OsString]) -> Vec<&'static str> {
    let is = |arg: &OsString, flag: &str| {
        arg.to_str()
            .and_then(|arg| arg.strip_prefix(flag))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    ["--results", "--rejects", "--summary-json", "--report"]
        .into_iter()
        .filter(|flag| typed.iter().any(|arg| is(arg, flag)))
        .collect()
}

/// Where an output goes that was not named: beside the input, or into the working directory for
/// standard input. A rehearsal has names of its own, so that it is never taken for the real thing.
fn output(named: Option<PathBuf>, input: &Path, sandbox: bool, what: &str) -> Destination {
    if let Some(path) = named {
        return Destination::from_arg(path);
    }
    let (folder, stem) = if input.as_os_str() == "-" || is_special(input) {
        (PathBuf::new(), "entrada".to_owned())
    } else {
        let name = input.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_else(|| "entrada".to_owned());
        let name = strip_suffix_ignoring_case(&name, ".gz").unwrap_or(&name);
        let stem = Path::new(name).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let folder = input.parent().map(Path::to_owned).unwrap_or_default();
        (folder, stem.unwrap_or_else(|| name.to_owned()))
    };
    let rehearsal = if sandbox { ".simulado" } else { "" };
    Destination::Path(folder.join(format!("{stem}{rehearsal}.{what}.csv")))
}

/// `/dev/stdin`, `/dev/fd/63`, `/proc/self/fd/0`: no place to put files beside.
fn is_special(path: &Path) -> bool {
    path.starts_with("/dev") || path.starts_with("/proc")
}

fn strip_suffix_ignoring_case<'n>(name: &'n str, suffix: &str) -> Option<&'n str> {
    let at = name.len().checked_sub(suffix.len())?;
    let tail = name.get(at..)?;
    tail.eq_ignore_ascii_case(suffix).then(|| &name[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_named_after_the_input() {
        let name =
            |input: &str, sandbox| output(None, Path::new(input), sandbox, "resultado").label();
        assert_eq!(name("a/clientes.csv", false), "a/clientes.resultado.csv");
        assert_eq!(name("clientes.CSV.GZ", false), "clientes.resultado.csv");
        assert_eq!(name("clientes", true), "clientes.simulado.resultado.csv");
        assert_eq!(name("-", false), "entrada.resultado.csv");
        assert_eq!(name("/dev/stdin", false), "entrada.resultado.csv");
    }
}
