//! Why there is no report, in Portuguese for the person who asked for one.

use crate::exit_code;
use crate::input::InputError;
use crate::output::OutputError;

/// Why a report cannot be made. Each message names the file, the place in it and the way out.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("{0}")]
    Input(InputError),
    #[error(
        "{path}, linha {linha}: o arquivo está danificado ({what}). Use os resultados como o programa os gravou, sem salvar por cima com uma planilha ou um editor"
    )]
    Damaged { path: String, linha: u64, what: &'static str },
    #[error(
        "{path} não é um arquivo de resultados: falta a coluna \"{column}\" no cabeçalho{}. Indique o arquivo que `tomticket-sync run` gravou, por padrão <entrada>.resultado.csv",
        if *.rejects { " (parece ser o de rejeitados)" } else { "" }
    )]
    NotResults { path: String, column: &'static str, rejects: bool },
    #[error(
        "{path}, linha {linha}: {found} células onde o cabeçalho tem {wanted}. O arquivo está incompleto ou foi alterado; use os resultados como o programa os gravou"
    )]
    Cells { path: String, linha: u64, found: usize, wanted: usize },
    #[error(
        "{path}, linha {linha}: {column} é \"{value}\", e devia ser {wanted}. Use os resultados como o programa os gravou, sem salvar por cima com uma planilha ou um editor"
    )]
    Cell { path: String, linha: u64, column: &'static str, value: String, wanted: &'static str },
    #[error(
        "não foi possível ler o resumo {path}: {why}. Confira o caminho dado em --summary-json"
    )]
    Summary { path: String, why: String },
    #[error(
        "{path}, linha {line}: não é um resumo do tomticket-sync. Indique o arquivo que `tomticket-sync run --summary-json` gravou, ou deixe a opção de fora"
    )]
    NotSummary { path: String, line: usize },
    #[error(
        "{path}: o resumo é da versão {found}, e este programa conhece a 1. Use a versão do programa que o gravou, ou deixe --summary-json de fora"
    )]
    Version { path: String, found: u64 },
    #[error(
        "o resumo {path} não é da execução destes resultados: {situacao} são {in_summary} no resumo e {in_results} em {results}. Indique o par da mesma execução, ou deixe --summary-json de fora"
    )]
    Mismatch {
        path: String,
        results: String,
        situacao: &'static str,
        in_summary: u64,
        in_results: u64,
    },
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
        let damaged =
            |label: &str, linha: u64, what| Self::Damaged { path: label.to_owned(), linha, what };
        match &error {
            InputError::MostlyUtf8 { label, line, .. }
            | InputError::Undecodable { label, line, .. } => {
                damaged(label, *line, "há bytes que não são UTF-8")
            }
            InputError::UnclosedQuote { label, line, .. } => {
                damaged(label, *line, "as aspas abertas aqui nunca se fecham")
            }
            InputError::TextAfterQuote { label, line, .. } => {
                damaged(label, *line, "há texto depois das aspas que fecham um valor")
            }
            InputError::AmbiguousDelimiter { label, .. }
            | InputError::HeaderTooLong { label, .. } => {
                Self::NotResults { path: label.to_string(), column: "linha", rejects: false }
            }
            _ => Self::Input(error),
        }
    }
}
