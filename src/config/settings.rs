//! The settings of one run: everything decided, with every default in one place.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::api::{BaseUrl, BaseUrlError, DEFAULT_BASE_URL, Token, TokenError};
use crate::cli::{MaxErrors, RunArgs};
use crate::mapper::MappingOptions;
use crate::pool::Rate;
use crate::reader::{Input, ReadOptions};
use crate::reporter::{Destination, LogFormat, ResultsDialect};

const CONCURRENCY: usize = 8;
const TIMEOUT: Duration = Duration::from_secs(60);
const GIVE_UP_AFTER: Duration = Duration::from_secs(300);
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
    #[error("{place}: {why}")]
    BadToken { place: String, why: TokenError },
    #[error("não foi possível ler o arquivo do token {path}: {why}")]
    TokenFile { path: String, why: String },
    #[error("--base-url: {0}")]
    BaseUrl(#[from] BaseUrlError),
    #[error("--sandbox ensaia contra o simulador de dentro do programa; não combina com {0}")]
    Sandbox(&'static str),
}

/// What the run is for.
#[derive(Debug)]
pub enum Mode {
    /// Preflight alone.
    Check,
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

/// The settings of one run.
#[derive(Debug)]
pub struct Settings {
    /// What the run is for.
    pub mode: Mode,
    /// The input.
    pub input: Input,
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
    /// The results file.
    pub results: Destination,
    /// How it is spelled.
    pub results_dialect: ResultsDialect,
    /// The rejects file.
    pub rejects: Destination,
    /// The summary for scripts.
    pub summary_json: Option<Destination>,
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
        let results = output(args.results, &args.input, sandbox, "resultado");
        let rejects = output(args.rejects, &args.input, sandbox, "rejeitados");
        Ok(Self {
            mode,
            input_label: args.input.display().to_string(),
            input: Input::from_arg(args.input),
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
            results,
            results_dialect: args.results_dialect.unwrap_or_default(),
            rejects,
            summary_json: args.summary_json.map(Destination::from_arg),
            quiet: args.quiet,
            verbosity: args.verbose,
            log_format: args.log_format.unwrap_or_default(),
        })
    }
}

fn mode(args: &RunArgs, check: bool) -> Result<Mode, SettingsError> {
    if args.sandbox {
        if args.base_url.is_some() {
            return Err(SettingsError::Sandbox("--base-url"));
        }
        if args.token_file.is_some() {
            return Err(SettingsError::Sandbox("--token-file"));
        }
    }
    if check {
        return Ok(Mode::Check);
    }
    if args.sandbox {
        return Ok(Mode::Sandbox);
    }
    let base_url = match &args.base_url {
        Some(base_url) => base_url.clone(),
        None => BaseUrl::parse(DEFAULT_BASE_URL)?,
    };
    Ok(Mode::Real { base_url, token: token(args.token_file.as_deref())? })
}

/// The token, from its file if one is named, else from its variable. Never from an argument: every
/// user of the machine can read those.
fn token(file: Option<&Path>) -> Result<Token, SettingsError> {
    let (place, text) = match file {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| SettingsError::TokenFile {
                path: path.display().to_string(),
                why: error.to_string(),
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
