//! The results file: one line per row of the input, in input order. Owns the list of columns and how
//! a line is spelled; a results file is read back by [`crate::html_report`].

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::atomic_file::Output;
use super::csv_file::CsvFile;
use super::error::OutputError;
use crate::model::{Outcome, Row, Situacao};

/// How the results are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResultsDialect {
    /// UTF-8, comma, LF.
    #[default]
    Standard,
    /// `;`, byte order mark, CRLF: for a double click in Brazil.
    Excel,
}

/// The columns, in order: the only list of them. All but the customer's own two are ignored on input.
pub const RESULT_COLUMNS: [&str; 11] = [
    "linha",
    "identificador",
    "tipo_identificador",
    "situacao",
    "erro",
    "mensagem",
    "http_status",
    "tentativas",
    "duracao_ms",
    "concluido_em",
    "identificador_atual",
];

/// One line of the results; the fields are the [`RESULT_COLUMNS`].
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ResultLine<'a> {
    pub linha: u64,
    pub identificador: &'a str,
    pub tipo_identificador: &'a str,
    pub situacao: Situacao,
    pub erro: bool,
    pub mensagem: &'a str,
    pub http_status: Option<u16>,
    pub tentativas: u32,
    pub duracao_ms: u64,
    /// In whole milliseconds, as the line shows it: the report of a run must be the one that its
    /// results file gives.
    #[serde(serialize_with = "with_milliseconds")]
    pub concluido_em: Timestamp,
    pub identificador_atual: &'a str,
}

impl<'a> ResultLine<'a> {
    /// `mensagem` is the outcome's, made safe for a spreadsheet.
    pub fn new(row: &'a Row, outcome: &Outcome, mensagem: &'a str) -> Self {
        let at = outcome.concluido_em;
        Self {
            linha: row.linha(),
            identificador: row.identificador(),
            tipo_identificador: row.tipo.map_or("", |tipo| tipo.as_str()),
            situacao: outcome.situacao,
            erro: outcome.situacao.erro(),
            mensagem,
            http_status: outcome.http_status,
            tentativas: outcome.tentativas,
            duracao_ms: u64::try_from(outcome.duracao.as_millis()).unwrap_or(u64::MAX),
            concluido_em: Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at),
            identificador_atual: identificador_atual(row, outcome.situacao),
        }
    }
}

/// The name under which the customer answers after a rename, else nothing.
fn identificador_atual(row: &Row, situacao: Situacao) -> &str {
    match &row.update {
        Ok(update) if !situacao.erro() => update.rename_to().map_or("", |name| name.text),
        Ok(_) | Err(_) => "",
    }
}

fn with_milliseconds<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}

impl CsvFile {
    /// The results file, with its header.
    pub fn results(mut output: Output, dialect: ResultsDialect) -> Result<Self, OutputError> {
        let mut file = match dialect {
            ResultsDialect::Standard => Self::new(output, b',', false),
            ResultsDialect::Excel => {
                output.write("\u{feff}".as_bytes())?;
                Self::new(output, b';', true)
            }
        };
        file.write(RESULT_COLUMNS)?;
        Ok(file)
    }
}
