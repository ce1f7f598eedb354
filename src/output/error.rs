//! What can go wrong with an output, in words for the person who named it.

use std::fmt;

use crate::exit_code;

/// Why an output cannot be opened or written. `path` is the output as it was named, `why` the
/// system's error in Portuguese.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    #[error(
        "não foi possível criar {path}: {why}. Confira se a pasta existe e se você pode gravar nela"
    )]
    Open { path: String, why: String },
    #[error("{path} é uma pasta; escolha um nome de arquivo para a saída")]
    Folder { path: String },
    /// Something that cannot be written stands in the place of the `.parcial`, which is `path`.
    #[error(
        "não foi possível gravar {path}, onde a saída fica até terminar: {why}. Mova ou apague {path} e rode de novo"
    )]
    Partial { path: String, why: String },
    #[error("{path} {by}; escolha outro nome para a saída")]
    Taken { path: String, by: TakenBy },
    /// Another process is writing the output: `holder`, where the system tells.
    #[error("outra execução{} está gravando {path} agora; espere ela terminar ou escolha outro nome com --results/--rejects", in_parentheses(.holder))]
    Busy { path: String, holder: Option<String> },
    /// An open output can no longer be written.
    #[error("não foi possível gravar {path}: {why}. Confira o espaço em disco e quem lê a saída")]
    Write { path: String, why: String },
}

/// What an output is already, by whatever name. Displays as a Portuguese predicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenBy {
    Input,
    Config,
    Token,
    Ledger,
    /// A file that lies beside the ledger.
    LedgerFile,
    Results,
    Rejects,
    Summary,
    Report,
    /// The results that `report` reads.
    ResultsRead,
    /// The summary that `report` reads.
    SummaryRead,
}

impl fmt::Display for TakenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "é a própria entrada",
            Self::Config => "é o arquivo de configuração",
            Self::Token => "é o arquivo do token",
            Self::Ledger => "é o registro do que já foi aceito",
            Self::LedgerFile => "é um arquivo do registro do que já foi aceito",
            Self::Results => "já recebe os resultados",
            Self::Rejects => "já recebe os rejeitados",
            Self::Summary => "já recebe o resumo",
            Self::Report => "já recebe o relatório",
            Self::ResultsRead => "é o próprio arquivo de resultados",
            Self::SummaryRead => "é o próprio resumo",
        })
    }
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
            _ => exit_code::USAGE,
        }
    }
}
