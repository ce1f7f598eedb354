//! What can go wrong with an output, in words for the person who named it.

use crate::exit_code;

/// Why an output cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The output will not do, and nothing was begun. The text names it and the way out.
    #[error("{0}")]
    Refused(String),
    /// An open output can no longer be written. `path` is the output as it was named.
    #[error("não foi possível gravar {path}: {why}. Confira o espaço em disco e quem lê a saída")]
    Write { path: String, why: String },
    /// A whole output cannot get its name. `left` says what there is in its place.
    #[error("não foi possível dar o nome {path} ao que foi gravado: {why}; {left}")]
    NotNamed { path: String, why: String, left: String },
}

impl OutputError {
    /// The exit code of a command that ends with this error.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => exit_code::USAGE,
            Self::Write { .. } | Self::NotNamed { .. } => exit_code::LOCAL,
        }
    }
}
