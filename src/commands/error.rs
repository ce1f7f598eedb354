//! Why a command did not do its work, and its exit code. The errors themselves and their texts are
//! those of the parts; `run` and `check` report theirs in [`super::run`].

use std::io;

use crate::api::ClientError;
use crate::config::{CommandLineError, SettingsError};
use crate::exit_code;
use crate::html_report::ReportError;
use crate::input::InputError;
use crate::ledger::LedgerError;
use crate::locale::os_error::describe_os_error;
use crate::mapping::MappingError;
use crate::output::OutputError;
use crate::pull::PullError;
use crate::resources::ResourceError;
use crate::sandbox::SandboxConfigError;

#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    #[error(transparent)]
    CommandLine(#[from] CommandLineError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error(transparent)]
    Sandbox(#[from] SandboxConfigError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Pull(#[from] PullError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// No column says who the customer is. The text says which may.
    #[error("{0}")]
    NoCustomer(String),
    /// A person did not want what was proposed.
    #[error("nada foi gravado")]
    Declined,
    /// A sandbox whose port cannot be bound.
    #[error("{0}")]
    SandboxPort(String),
    #[error(transparent)]
    Resources(#[from] ResourceError),
    #[error("não foi possível gravar a saída padrão: {}. Confira o espaço em disco e para onde ela vai", describe_os_error(.0))]
    Stdout(io::Error),
}

impl CommandError {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::CommandLine(_)
            | Self::Settings(_)
            | Self::Sandbox(_)
            | Self::SandboxPort(_)
            | Self::Client(_)
            | Self::Mapping(_) => exit_code::USAGE,
            Self::NoCustomer(_) | Self::Declined => exit_code::ROWS_TO_FIX,
            Self::Input(error) => error.exit_code(),
            Self::Pull(error) => error.exit_code(),
            Self::Output(error) => error.exit_code(),
            Self::Ledger(error) => error.exit_code(),
            Self::Report(error) => error.exit_code(),
            Self::Resources(_) => ResourceError::EXIT_CODE,
            Self::Stdout(_) => exit_code::LOCAL,
        }
    }
}
