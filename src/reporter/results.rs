//! The results file: one line per row of the input, in input order.

use super::clean;
use super::output::{Output, OutputError};
use crate::mapper::RESULT_COLUMNS;
use crate::model::{Outcome, Row};

/// How the results are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResultsDialect {
    /// UTF-8, comma, LF.
    #[default]
    Standard,
    /// `;`, byte order mark, CRLF: for a double click in Brazil.
    Excel,
}

/// Writes the results.
#[derive(Debug)]
pub struct Results {
    output: Output,
    line: csv::Writer<Vec<u8>>,
    dialect: ResultsDialect,
}

impl Results {
    /// Writes the header.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn new(mut output: Output, dialect: ResultsDialect) -> Result<Self, OutputError> {
        if dialect == ResultsDialect::Excel {
            output.write("\u{feff}".as_bytes())?;
        }
        let mut results = Self { output, line: line_writer(dialect), dialect };
        let [linha, situacao, erro, mensagem, http_status, tentativas, duracao_ms, concluido_em] =
            RESULT_COLUMNS;
        results.put([
            linha,
            "identificador",
            "tipo_identificador",
            situacao,
            erro,
            mensagem,
            http_status,
            tentativas,
            duracao_ms,
            concluido_em,
        ])?;
        Ok(results)
    }

    /// Writes one row's line.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn write(&mut self, row: &Row, outcome: &Outcome) -> Result<(), OutputError> {
        let mensagem = clean::cell(&outcome.mensagem);
        let http_status = outcome.http_status.map(|status| status.to_string()).unwrap_or_default();
        self.put([
            row.linha().to_string().as_str(),
            &row.identificador,
            row.tipo.map_or("", |tipo| tipo.as_str()),
            outcome.situacao.as_str(),
            if outcome.situacao.erro() { "true" } else { "false" },
            &mensagem,
            &http_status,
            &outcome.tentativas.to_string(),
            &outcome.duracao.as_millis().to_string(),
            &format!("{:.3}", outcome.concluido_em),
        ])
    }

    fn put(&mut self, cells: [&str; 10]) -> Result<(), OutputError> {
        let bytes = encode(&mut self.line, cells, || line_writer(self.dialect));
        self.output.write(&bytes)
    }

    /// Hands everything to the system.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn flush(&mut self) -> Result<(), OutputError> {
        self.output.flush()
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// When the output cannot be completed.
    pub fn finish(self) -> Result<(), OutputError> {
        self.output.finish()
    }
}

fn line_writer(dialect: ResultsDialect) -> csv::Writer<Vec<u8>> {
    let (delimiter, terminator) = match dialect {
        ResultsDialect::Standard => (b',', csv::Terminator::Any(b'\n')),
        ResultsDialect::Excel => (b';', csv::Terminator::CRLF),
    };
    csv::WriterBuilder::new().delimiter(delimiter).terminator(terminator).from_writer(Vec::new())
}

/// One record as bytes. The csv writer quotes; into a `Vec` it cannot fail, and every error of the
/// real output is seen by [`Output`], where csv's own writer would lose it on drop.
pub(super) fn encode<'c>(
    line: &mut csv::Writer<Vec<u8>>,
    cells: impl IntoIterator<Item = &'c str>,
    fresh: impl FnOnce() -> csv::Writer<Vec<u8>>,
) -> Vec<u8> {
    let mut writer = std::mem::replace(line, fresh());
    let _ = writer.write_record(cells.into_iter().map(str::as_bytes));
    writer.into_inner().unwrap_or_default()
}
