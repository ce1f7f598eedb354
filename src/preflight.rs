//! The first pass over the input: everything that can be known before anything is sent.
//!
//! It reads the whole input once, so that a file that is damaged in its last line is refused before
//! its first row leaves, and counts what a run would do. It is all of `check`, and the beginning of
//! `run`.

use std::time::Duration;

use crate::mapper::{MappingError, MappingOptions, Plan};
use crate::model::Job;
use crate::reader::{InputError, ReadOptions, Record, Source, Survey, rows, survey};
use crate::reporter::{duration_words, number};

/// Invalid rows that the plan shows as examples.
const EXAMPLES: usize = 5;

/// Why the input cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// The file.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The header and the flags.
    #[error("{label}, linha {linha}: {error}")]
    Mapping {
        /// The file.
        label: String,
        /// Where its header is.
        linha: u64,
        /// What is wrong.
        error: MappingError,
    },
}

impl PreflightError {
    /// Whether this machine failed rather than the input.
    pub fn is_local_failure(&self) -> bool {
        matches!(self, Self::Input(error) if error.is_local_failure())
    }
}

/// What the first pass found.
#[derive(Debug)]
pub struct Preflight {
    /// The input's encoding, layout and header.
    pub survey: Survey,
    /// What feeds what.
    pub plan: Plan,
    /// Rows of the input.
    pub rows: u64,
    /// Of these, rows that cannot be sent.
    pub invalid: u64,
    /// The first of those: line and message.
    pub examples: Vec<(u64, String)>,
}

impl Preflight {
    /// Looks at all of the input. With `verify`, a later reading fails if a byte has changed since.
    ///
    /// # Errors
    /// See [`PreflightError`].
    pub fn of(
        source: &Source,
        read: &ReadOptions,
        mapping: &MappingOptions,
        verify: bool,
    ) -> Result<Self, PreflightError> {
        let survey = survey(source, read, verify)?;
        let plan = Plan::new(&survey.header, mapping).map_err(|error| PreflightError::Mapping {
            label: source.label().to_owned(),
            linha: survey.header.linha(),
            error,
        })?;
        let mut found =
            Self { survey, plan, rows: 0, invalid: 0, examples: Vec::with_capacity(EXAMPLES) };
        let mut reading = rows(source, &found.survey)?;
        let mut record = Record::default();
        while reading.read(&mut record)? {
            found.rows += 1;
            if let Job::Invalid(mensagem) = found.plan.map(&record).job {
                found.invalid += 1;
                if found.examples.len() < EXAMPLES {
                    found.examples.push((record.linha(), mensagem));
                }
            }
        }
        Ok(found)
    }

    /// Rows that can be sent.
    pub fn sendable(&self) -> u64 {
        self.rows - self.invalid
    }

    /// Lines about how the input was read and what to mind, for the beginning of a run.
    pub fn remarks(&self, label: &str) -> String {
        let delimiter = match self.survey.delimiter {
            None => "uma coluna só".to_owned(),
            Some(b'\t') => "separador tab".to_owned(),
            Some(byte) => format!("separador \"{}\"", char::from(byte)),
        };
        let mut text = format!(
            "{label}: {}, {delimiter}, {} colunas, {} linhas\n",
            self.survey.encoding,
            self.survey.header.len(),
            number(self.rows)
        );
        for warning in self.plan.warnings() {
            text.push_str(&format!("aviso: {warning}\n"));
        }
        text
    }

    /// The plan, for `check`. `per_second` is the pace that a run would keep; `limit` its `--limit`.
    pub fn plan_text(&self, per_second: Option<f64>, limit: Option<u64>) -> String {
        let mut text = String::from("Colunas usadas:\n");
        for line in self.plan.describe() {
            text.push_str(&format!("  {line}\n"));
        }
        let to_send = limit.map_or(self.sendable(), |limit| limit.min(self.sendable()));
        text.push_str(&format!(
            "Plano:\n  {:>9} a enviar\n  {:>9} inválidas\n",
            number(to_send),
            number(self.invalid)
        ));
        if let Some(rate) = per_second {
            let wait = Duration::from_secs_f64(to_send as f64 / rate);
            let pace = format!("{rate}").replace('.', ",");
            text.push_str(&format!(
                "  tempo previsto: {} a {pace} por segundo\n",
                duration_words(wait)
            ));
        }
        if !self.examples.is_empty() {
            text.push_str("Linhas inválidas:\n");
            for (linha, mensagem) in &self.examples {
                text.push_str(&format!("  linha {linha}: {mensagem}\n"));
            }
            let more = self.invalid - self.examples.len() as u64;
            if more > 0 {
                text.push_str(&format!("  … e mais {}\n", number(more)));
            }
        }
        text
    }
}
