//! The settings of one run: everything decided, with every default in one place. How options become
//! settings is [`super::resolve`]'s.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::account::{base_url, token};
use super::error::SettingsError;
use super::file::FOUND;
use super::paths;
use crate::api::{ApiVersion, BaseUrl, Token};
use crate::cli::{MaxErrors, SuggestedCommands};
use crate::input::{InputArg, ReadOptions};
use crate::ledger::Policy;
use crate::mapping::{Key, MappingOptions};
use crate::model::CustomerType;
use crate::output::{Destination, ResultsDialect};
use crate::preflight::Guards;
use crate::scheduler::Rate;

/// Where requests go.
#[derive(Debug)]
pub enum Remote {
    /// The simulator inside this process.
    Sandbox,
    /// A server.
    Server {
        base_url: BaseUrl,
        /// The account. `check` does without: it then does not know what is unchanged.
        token: Option<Token>,
    },
}

/// Whether a run uses a ledger.
#[derive(Debug)]
pub enum LedgerChoice {
    /// A rehearsal, or a server on this machine.
    None,
    /// The user said no. A ledger that exists will miss this run.
    Declined,
    At(PathBuf),
}

/// Files of the program that are neither input nor output, and that no output may overwrite.
#[derive(Debug)]
pub struct ProgramFiles {
    pub token: Option<PathBuf>,
    /// The configuration file, named or found.
    pub config: PathBuf,
    /// The ledger, whether this run uses it or not; `None` where no place is known.
    pub ledger: Option<PathBuf>,
}

/// Outputs of a check: those that were typed.
#[derive(Debug, Default)]
pub struct PlanOutputs {
    pub rejects: bool,
    pub summary_json: bool,
}

/// The snapshot of a run.
#[derive(Debug)]
pub struct SnapshotSettings {
    pub input: InputArg,
    pub max_age: Duration,
    /// Targets that are taken for granted, as they were typed.
    pub assume: Vec<String>,
}

/// The settings of one run.
#[derive(Debug)]
pub struct Settings {
    /// Whether the input is only checked: nothing is sent.
    pub(crate) check: bool,
    pub(crate) remote: Remote,
    pub(crate) ledger: LedgerChoice,
    /// `--no-ledger`, also where there would be no ledger anyway.
    pub(crate) no_ledger: bool,
    pub(crate) policy: Policy,
    pub(crate) account: Option<String>,
    pub(crate) input: InputArg,
    /// The input as it was named.
    pub(crate) input_label: String,
    pub(crate) read: ReadOptions,
    pub(crate) mapping: MappingOptions,
    /// How updates are spelled.
    pub(crate) api: ApiVersion,
    /// Requests a second.
    pub rate: Rate,
    /// Requests in flight.
    pub concurrency: usize,
    /// The time limit of one request.
    pub timeout: Duration,
    /// Rows to send at most.
    pub limit: Option<u64>,
    /// Rows with errors that are tolerated.
    pub(crate) max_errors: Option<MaxErrors>,
    /// Rows to repair with which the run still is a success.
    pub(crate) ok_with: Option<MaxErrors>,
    /// The time limit of the run.
    pub max_duration: Option<Duration>,
    /// How long to wait for an API that does not answer.
    pub give_up_after: Duration,
    /// Whether to stop when the first rows are all refused with the same message.
    pub breaker: bool,
    /// Accepted rows to read back before the run goes on; 0 for none.
    pub verify: usize,
    /// How long an attempt without an answer may still take effect; zero for not at all.
    pub settle_wait: Duration,
    pub(crate) files: ProgramFiles,
    /// What `check` writes.
    pub(crate) plan_outputs: PlanOutputs,
    /// Flags that were typed and have no effect in a check or a rehearsal, without their hyphens.
    pub(crate) without_effect: Vec<&'static str>,
    /// What a snapshot shows is not sent again.
    pub(crate) snapshot: Option<SnapshotSettings>,
    pub(crate) guards: Guards,
    /// The results whose customers alone are sent.
    pub(crate) only: Option<PathBuf>,
    /// Rows that the plan shows in full.
    pub(crate) show: usize,
    pub(crate) results: Destination,
    pub(crate) results_dialect: ResultsDialect,
    pub(crate) rejects: Destination,
    pub(crate) summary_json: Option<Destination>,
    pub(crate) report: Option<Destination>,
    pub(crate) suggested: SuggestedCommands,
    /// No progress; no summary when all is well.
    pub quiet: bool,
}

impl Settings {
    /// The settings of `tomticket-sync run INPUT`: the documented address, the token of the variable
    /// `TOMTICKET_TOKEN`, the ledger in the user's state directory. Variables of options and the
    /// configuration file are not read.
    ///
    /// # Errors
    /// There is no token, or no place for the ledger.
    pub fn new(input: impl Into<PathBuf>) -> Result<Self, SettingsError> {
        Self::of_account(input.into(), token(None)?)
    }

    /// The same with a token that the program has.
    ///
    /// # Errors
    /// The token cannot be one, or there is no place for the ledger.
    pub fn with_token(input: impl Into<PathBuf>, token: &str) -> Result<Self, SettingsError> {
        let token = Token::new(token)
            .map_err(|why| SettingsError::BadToken { place: "token".to_owned(), why })?;
        Self::of_account(input.into(), token)
    }

    fn of_account(input: PathBuf, token: Token) -> Result<Self, SettingsError> {
        let remote = Remote::Server { base_url: base_url(None)?, token: Some(token) };
        let mut settings = Self::with_defaults(input, remote, LedgerChoice::None);
        settings.set_ledger(paths::ledger_path(None)?);
        Ok(settings)
    }

    /// A rehearsal of `input` against the simulator inside this process: no token, no network, no
    /// ledger. Results and rejects lie beside the input.
    pub fn rehearsal(input: impl Into<PathBuf>) -> Self {
        Self::with_defaults(input.into(), Remote::Sandbox, LedgerChoice::None)
    }

    /// Sends to this address, as `--base-url` does. A rehearsal has no address.
    ///
    /// # Errors
    /// The address is not one of a server, or not encrypted and not of this machine.
    pub fn set_base_url(&mut self, url: &str) -> Result<(), SettingsError> {
        if let Remote::Server { base_url, .. } = &mut self.remote {
            *base_url = BaseUrl::parse(url)?;
        }
        Ok(())
    }

    /// Remembers in this file what was accepted, as `--ledger` does. A rehearsal has no ledger.
    pub fn set_ledger(&mut self, path: impl AsRef<Path>) {
        let path = paths::real_path(path.as_ref());
        if let Remote::Server { .. } = self.remote {
            self.ledger = LedgerChoice::At(path.clone());
        }
        self.files.ledger = Some(path);
    }

    /// Takes the identifier from the column `email` or `id_interno`, as `--key` does.
    pub fn set_key(&mut self, key: Key) {
        self.mapping.key = Some(key);
    }

    /// The type of every row's identifier, as `--id-type` does.
    pub fn set_id_type(&mut self, id_type: CustomerType) {
        self.mapping.id_type = Some(id_type);
    }

    /// Uses a column of the input for a target, as `--map` does.
    pub fn map(&mut self, column: &str, target: &str) {
        self.mapping.map.push((column.to_owned(), target.to_owned()));
    }

    /// Writes the results to this file.
    pub fn set_results(&mut self, path: impl AsRef<Path>) {
        self.results = Destination::from_arg(path.as_ref());
    }

    /// Writes the rejects to this file.
    pub fn set_rejects(&mut self, path: impl AsRef<Path>) {
        self.rejects = Destination::from_arg(path.as_ref());
    }

    /// The file that the token was read from, if it was.
    pub(crate) fn token_file(&self) -> Option<&Path> {
        let is_used = matches!(self.remote, Remote::Server { .. });
        self.files.token.as_deref().filter(|_| is_used)
    }

    /// The defaults of every option.
    pub(super) fn with_defaults(input: PathBuf, remote: Remote, ledger: LedgerChoice) -> Self {
        let sandbox = matches!(remote, Remote::Sandbox);
        Self {
            check: false,
            remote,
            ledger,
            no_ledger: false,
            policy: Policy::default(),
            account: None,
            input_label: input.to_string_lossy().into_owned(),
            read: ReadOptions::default(),
            mapping: MappingOptions::default(),
            api: ApiVersion::default(),
            rate: Rate::DEFAULT,
            concurrency: 8,
            timeout: Duration::from_secs(60),
            limit: None,
            max_errors: None,
            ok_with: None,
            max_duration: None,
            give_up_after: Duration::from_secs(300),
            breaker: true,
            verify: 5,
            settle_wait: Duration::from_secs(30),
            files: ProgramFiles { token: None, config: FOUND.into(), ledger: None },
            plan_outputs: PlanOutputs::default(),
            without_effect: Vec::new(),
            snapshot: None,
            guards: Guards::default(),
            only: None,
            show: 0,
            results: Destination::Path(paths::output(&input, sandbox, "resultado")),
            results_dialect: ResultsDialect::default(),
            rejects: Destination::Path(paths::output(&input, sandbox, paths::REJECTS)),
            summary_json: None,
            report: None,
            suggested: SuggestedCommands::default(),
            quiet: false,
            input: InputArg::from_arg(input),
        }
    }
}
