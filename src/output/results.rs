//! The results file: one line per row of the input, in input order.

use jiff::Timestamp;

use super::atomic_file::{Output, OutputError};
use super::clean;
use super::line::Line;
use crate::html_report::stats::Entry;
use crate::model::{Job, Outcome, Row, Situacao};

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

/// Writes the results.
#[derive(Debug)]
pub struct Results {
    output: Output,
    line: Line,
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
        let line = match dialect {
            ResultsDialect::Standard => Line::new(b',', false),
            ResultsDialect::Excel => Line::new(b';', true),
        };
        let mut results = Self { output, line };
        results.put(RESULT_COLUMNS)?;
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
            &format!("{:.3}", written(outcome.concluido_em)),
            identificador_atual(row, outcome.situacao),
        ])
    }

    fn put(&mut self, cells: [&str; 11]) -> Result<(), OutputError> {
        self.output.write(self.line.of(cells))
    }

    /// Hands everything to the system.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn flush(&mut self) -> Result<(), OutputError> {
        self.output.flush()
    }

    /// Brings the file to the disk.
    ///
    /// # Errors
    /// When the output cannot be completed.
    pub fn complete(&mut self) -> Result<(), OutputError> {
        self.output.complete()
    }

    /// Gives the completed file its name.
    ///
    /// # Errors
    /// When the system refuses to.
    pub fn put_in_place(&mut self) -> Result<(), OutputError> {
        self.output.put_in_place()
    }

    /// The file that holds what was written, as it is named now.
    pub fn stands_at(&self) -> String {
        self.output.stands_at()
    }
}

/// The same line for the report. `mensagem` is the guarded one.
pub(super) fn entry<'e>(row: &'e Row, outcome: &Outcome, mensagem: &'e str) -> Entry<'e> {
    Entry {
        linha: row.linha(),
        identificador: &row.identificador,
        tipo_identificador: row.tipo.map_or("", |tipo| tipo.as_str()),
        situacao: outcome.situacao,
        mensagem,
        tentativas: outcome.tentativas,
        duracao_ms: u64::try_from(outcome.duracao.as_millis()).unwrap_or(u64::MAX),
        concluido_em: written(outcome.concluido_em),
    }
}

/// The name under which the customer answers after a rename, else nothing.
fn identificador_atual(row: &Row, situacao: Situacao) -> &str {
    match &row.job {
        Job::Send(update) if !situacao.erro() => update.rename_to().map_or("", |name| name.text),
        Job::Send(_) | Job::Invalid(_) => "",
    }
}

/// A time as a line shows it, to the millisecond: the report of a run must be the one that its
/// results file gives.
fn written(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Record;

    #[test]
    fn the_report_is_told_the_time_that_the_line_shows() {
        let record = Record::from_cells(2, ["a@x"]);
        let job = Job::Invalid(String::new());
        let row = Row { seq: 0, record, identificador: "a@x".into(), tipo: None, job };
        let mut outcome = Outcome::unsent(Situacao::Invalido, String::new());
        outcome.concluido_em = Timestamp::from_microsecond(1_700_000_000_123_456).unwrap();
        let told = entry(&row, &outcome, "").concluido_em;
        assert_eq!(told.as_microsecond(), 1_700_000_000_123_000);
    }
}
