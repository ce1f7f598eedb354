//! The first pass over the input: everything that can be known before anything is sent.
//!
//! It reads the whole input once, so that a file that is damaged in its last line is refused before
//! its first row is sent, and counts what a run would do. It is all of `check`, and the beginning of
//! `run`. What the user reads about it is written in `remarks`.

mod layout;
mod line_list;
mod reassigned_emails;
mod remarks;
mod spreadsheet_numbers;

use std::collections::HashSet;
use std::sync::Arc;

use crate::exit_code;
use crate::input::{InputError, InputFile, Inspection, ReadOptions, inspect, rows};
use crate::ledger::{Fingerprint, Holder, LedgerError, Reader};
use crate::mapping::{MappingError, MappingOptions, MappingPlan};
use crate::model::Update;

use self::layout::LayoutOddities;
use self::line_list::LineList;
use self::reassigned_emails::ReassignedEmails;
use self::spreadsheet_numbers::SpreadsheetNumbers;

/// Invalid rows that the plan shows as examples.
const EXAMPLES: usize = 5;
/// Lines that are named of rows that repeat a request.
const REPEATS: usize = 20;

/// Why the input cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// The file.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The header and the flags.
    #[error("{label}, linha {linha}: {error}")]
    Mapping {
        /// The file.
        label: String,
        /// The line of its header.
        linha: u64,
        /// What is wrong.
        error: MappingError,
    },
}

impl PreflightError {
    /// The exit code of a command that ends with this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Input(error) => error.exit_code(),
            Self::Ledger(error) => error.exit_code(),
            Self::Mapping { .. } => exit_code::USAGE,
        }
    }
}

/// What the first pass found.
#[derive(Debug)]
pub struct Preflight {
    /// The input's encoding, layout and header.
    pub inspection: Inspection,
    /// The mapping of the file.
    pub plan: MappingPlan,
    /// Rows of the input.
    pub rows: u64,
    /// Of these, rows that cannot be sent.
    pub invalid: u64,
    /// The first of those: line and message.
    examples: Vec<(u64, String)>,
    /// Rows that need not be sent, as far as can be told before sending; `None` without a ledger.
    pub unchanged: Option<u64>,
    /// Rows before the first one that may have to be sent.
    pub leading: u64,
    /// An unchanged row that can be sent again without harm: no rename and, if the file has such a
    /// row, none that gives a name of the other type.
    pub probe: Option<Arc<Update>>,
    reassigned_emails: ReassignedEmails,
    spreadsheet_numbers: SpreadsheetNumbers,
    /// Requests of an earlier run whose outcome is unknown and that rows repeat; one may be repeated
    /// by several.
    repeated: HashSet<Fingerprint>,
    repeating: LineList,
    layout: LayoutOddities,
}

/// The ledger's answers to a preflight.
pub struct Lookup {
    /// What TomTicket is known to hold; `None` where the ledger does not know the account.
    pub reader: Option<Reader>,
    /// Requests whose outcome is unknown: of an earlier run, or of the run under way.
    pub leftovers: HashSet<Fingerprint>,
    /// Whether another process works on the account at this moment, and which, if that is known.
    pub busy: Option<Option<Holder>>,
}

impl Preflight {
    /// Reads all of the input.
    ///
    /// # Errors
    /// See [`PreflightError`].
    pub fn of(
        file: &InputFile,
        read: &ReadOptions,
        mapping: &MappingOptions,
        mut ledger: Option<&mut Lookup>,
    ) -> Result<Self, PreflightError> {
        let inspection = inspect(file, read)?;
        let plan = MappingPlan::new(&inspection.header, mapping).map_err(|error| {
            let (label, linha) = (file.label().to_owned(), inspection.header.linha());
            PreflightError::Mapping { label, linha, error }
        })?;
        let mut rows = rows(file, &inspection)?;
        let mut found = Self {
            inspection,
            plan,
            rows: 0,
            invalid: 0,
            examples: Vec::with_capacity(EXAMPLES),
            unchanged: ledger.as_ref().map(|_| 0),
            leading: 0,
            probe: None,
            reassigned_emails: ReassignedEmails::default(),
            spreadsheet_numbers: SpreadsheetNumbers::default(),
            repeated: HashSet::new(),
            repeating: LineList::naming(REPEATS),
            layout: LayoutOddities::default(),
        };
        for record in &mut rows {
            let row = found.plan.map(found.rows, record?);
            let linha = row.linha();
            if found.plan.is_uneven(&row.record) {
                found.layout.uneven.add(linha);
            }
            found.rows += 1;
            match row.update {
                Ok(update) => {
                    found.reassigned_emails.add(linha, &update);
                    found.spreadsheet_numbers.add(linha, &update);
                    if let Some(ledger) = ledger.as_deref_mut() {
                        found.look_up(ledger, linha, update)?;
                    }
                }
                Err(mensagem) => {
                    found.invalid += 1;
                    if found.examples.len() < EXAMPLES {
                        found.examples.push((linha, mensagem));
                    }
                }
            }
        }
        found.layout.repeated_headers = rows.repeated_headers();
        Ok(found)
    }

    fn look_up(
        &mut self,
        ledger: &mut Lookup,
        linha: u64,
        update: Arc<Update>,
    ) -> Result<(), PreflightError> {
        let Some(reader) = &ledger.reader else { return Ok(()) };
        if !ledger.leftovers.is_empty() {
            let request = reader.fingerprint(&update);
            if ledger.leftovers.contains(&request) {
                self.repeated.insert(request);
                self.repeating.add(linha);
            }
        }
        let before = self.invalid + self.unchanged.unwrap_or(0);
        if reader.is_up_to_date(&update)? {
            // The run begins by settling what an earlier one left in flight, and a check may then say
            // otherwise.
            if before + 1 == self.rows && ledger.leftovers.is_empty() {
                self.leading = self.rows;
            }
            *self.unchanged.get_or_insert(0) += 1;
            self.keep_for_probe(update);
        }
        Ok(())
    }

    fn keep_for_probe(&mut self, update: Arc<Update>) {
        // A rename that was done is refused if it is sent again: its old name is gone.
        if update.rename_to().is_some() {
            return;
        }
        let gives_a_name = |update: &Update| update.alias().is_some();
        match &self.probe {
            None => self.probe = Some(update),
            Some(kept) if gives_a_name(kept) && !gives_a_name(&update) => {
                self.probe = Some(update);
            }
            Some(_) => {}
        }
    }

    /// Rows that would be sent, as far as can be told before sending.
    pub fn to_send(&self, limit: Option<u64>) -> u64 {
        let sendable = self.rows - self.invalid - self.unchanged.unwrap_or(0);
        limit.map_or(sendable, |limit| limit.min(sendable))
    }
}
