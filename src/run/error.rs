//! Why a run does not begin.

use std::io;

use crate::api::ClientError;
use crate::config::SettingsError;
use crate::exit_code;
use crate::input::InputError;
use crate::ledger::LedgerError;
use crate::locale::os_error::describe_os_error;
use crate::output::OutputError;
use crate::preflight::PreflightError;
use crate::resources::ResourceError;
use crate::selection::SelectionError;
use crate::snapshot::SnapshotError;

/// Why a run did not begin. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each is the error of the part it names")]
pub enum RunError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    #[error(transparent)]
    Selection(#[from] SelectionError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("não foi possível iniciar o simulador: {}", describe_os_error(.0))]
    Sandbox(io::Error),
    #[error(transparent)]
    Resources(#[from] ResourceError),
}

impl RunError {
    /// The exit code of a program that ends with this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Input(error) => error.exit_code(),
            Self::Preflight(error) => error.exit_code(),
            Self::Selection(error) => error.exit_code(),
            Self::Snapshot(error) => error.exit_code(),
            Self::Ledger(error) => error.exit_code(),
            Self::Output(error) => error.exit_code(),
            Self::Sandbox(_) => exit_code::LOCAL,
            Self::Resources(_) => ResourceError::EXIT_CODE,
            Self::Settings(_) | Self::Client(_) => exit_code::USAGE,
        }
    }
}
