//! Why there is no report, in Portuguese for the person who asked for one.

use crate::exit_code;
use crate::input::InputError;
use crate::output::OutputError;

/// The way out of changed results.
pub const AS_WRITTEN: &str = "Use os resultados como o programa os gravou, sem salvar por cima com uma planilha ou um editor";

/// Why a report cannot be made. Each message names the file, the place in it and the way out.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("{0}")]
    Input(InputError),
    /// A file that is not what it is taken for.
    #[error("{0}")]
    Unusable(String),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(
        "não foi possível montar a página: isto é um defeito do programa; avise os autores, com esta linha"
    )]
    Page(#[from] askama::Error),
}

impl ReportError {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Input(error) => error.exit_code(),
            Self::Output(error) => error.exit_code(),
            Self::Page(_) => exit_code::LOCAL,
            _ => exit_code::USAGE,
        }
    }
}

impl From<InputError> for ReportError {
    /// An input's message tells how to choose encoding and delimiter. Results have fixed ones, so the
    /// same error means that the file is damaged.
    fn from(error: InputError) -> Self {
        let (label, line, what) = match &error {
            InputError::MostlyUtf8 { label, line, .. }
            | InputError::Undecodable { label, line, .. } => {
                (label, line, "há bytes que não são UTF-8")
            }
            InputError::UnclosedQuote { label, line, .. } => {
                (label, line, "as aspas abertas aqui nunca se fecham")
            }
            InputError::TextAfterQuote { label, line, .. }
            | InputError::BackslashQuote { label, line, .. } => {
                (label, line, "há texto depois das aspas que fecham um valor")
            }
            InputError::AmbiguousDelimiter { label, .. }
            | InputError::HeaderTooLong { label, .. } => return not_results(label, "linha", ""),
            _ => return Self::Input(error),
        };
        Self::Unusable(format!(
            "{label}, linha {line}: o arquivo está danificado ({what}). {AS_WRITTEN}"
        ))
    }
}

/// `guess` says what the file may be instead.
pub fn not_results(path: &str, column: &str, guess: &str) -> ReportError {
    ReportError::Unusable(format!(
        "{path} não é um arquivo de resultados: falta a coluna \"{column}\" no cabeçalho{guess}. Indique o arquivo que `tomticket-sync run` gravou, por padrão <entrada>.resultado.csv"
    ))
}
