//! What can go wrong with an output, in words for the person who named it.

use crate::exit_code;

/// Why an output cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The file cannot be created; nothing was sent yet.
    #[error(
        "não foi possível criar {path}: {why}. Confira se a pasta existe e se você pode gravar nela"
    )]
    Open {
        /// The output as it was named.
        path: String,
        /// The system's error in Portuguese.
        why: String,
    },
    /// The path is a folder; nothing was sent yet.
    #[error("{path} é uma pasta; escolha um nome de arquivo para a saída")]
    Folder {
        /// The folder.
        path: String,
    },
    /// Something that cannot be written stands in the place of the `.parcial`.
    #[error(
        "não foi possível gravar {path}, onde a saída fica até terminar: {why}. Mova ou apague {path} e rode de novo"
    )]
    Partial {
        /// The file, with `.parcial`.
        path: String,
        /// The system's error in Portuguese.
        why: String,
    },
    /// The output is the input, another output or a file of the program, by whatever name.
    #[error("{path} {other}; escolha outro nome para a saída")]
    Same {
        /// The output as it was named.
        path: String,
        /// What it is already: a Portuguese predicate such as `é a própria entrada`.
        other: String,
    },
    /// Another process is writing the output.
    #[error("outra execução{} está gravando {path} agora; espere ela terminar ou escolha outro nome com --results/--rejects", in_parentheses(.holder))]
    Busy {
        /// The output as it was named.
        path: String,
        /// The process and its start, where the system tells.
        holder: Option<String>,
    },
    /// An open output can no longer be written.
    #[error("não foi possível gravar {path}: {why}. Confira o espaço em disco e quem lê a saída")]
    Write {
        /// The output as it was named.
        path: String,
        /// The system's error in Portuguese.
        why: String,
    },
}

fn in_parentheses(text: &Option<String>) -> String {
    text.as_ref().map(|text| format!(" ({text})")).unwrap_or_default()
}

impl OutputError {
    /// The exit code of a command that ends with this error. Only an output that was already open
    /// counts as a failure of this machine.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Write { .. } => exit_code::LOCAL,
            Self::Open { .. }
            | Self::Folder { .. }
            | Self::Partial { .. }
            | Self::Same { .. }
            | Self::Busy { .. } => exit_code::USAGE,
        }
    }
}
