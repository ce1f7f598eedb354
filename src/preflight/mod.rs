//! The first pass over the input: everything that can be known before anything is sent.
//!
//! It reads the whole input once, so that a file that is damaged in its last line is refused before
//! its first row is sent, and counts what a run would do. It is all of `check`, and the beginning of
//! `run`. What the user reads about it is written in `remarks`.

mod changes;
mod findings;
mod guards;
mod header_hint;
mod known;
mod layout;
mod line_list;
mod plan_json;
mod reassigned_emails;
mod remarks;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::exit_code;
use crate::input::{InputError, InputFile, Inspection, ReadOptions, Record, inspect, rows};
use crate::ledger::{AccountMark, Fingerprint, LedgerError, Unchanged, judge_without_ledger};
use crate::locale::foreign_text::visible;
use crate::mapping::{MappingError, MappingOptions, MappingPlan};
use crate::model::{InvalidRow, LeftOut, Row, Update};
use crate::selection::{HandedOver, Selection};
use crate::snapshot::{HeldCustomers, Shown, SnapshotError};

pub use self::changes::PlannedChanges;
use self::findings::Findings;
pub use self::guards::Guards;
use self::header_hint::header_hint;
pub use self::known::{Known, Lookup};
use self::layout::LayoutOddities;
use self::line_list::LineList;
use self::reassigned_emails::ReassignedEmails;
pub use self::remarks::sheet_text;

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
    /// The snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// `--max-changes` or `--min-rows`.
    #[error("{0}")]
    Guard(String),
    /// The header and the flags.
    #[error("{label}, linha {linha}: {error}{hint}")]
    Mapping {
        /// The file.
        label: String,
        /// The line of its header.
        linha: u64,
        /// What is wrong.
        error: Box<MappingError>,
        /// Where the header seems to stand instead.
        hint: String,
    },
}

impl PreflightError {
    /// The exit code of a command that ends with this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Input(error) => error.exit_code(),
            Self::Ledger(error) => error.exit_code(),
            Self::Snapshot(error) => error.exit_code(),
            Self::Mapping { .. } | Self::Guard(_) => exit_code::USAGE,
        }
    }
}

/// What the first pass found.
#[derive(Debug)]
pub struct Preflight {
    /// The input's encoding, layout and header.
    pub inspection: Inspection,
    /// The mapping of the file.
    pub plan: Arc<MappingPlan>,
    /// Rows of the input.
    pub rows: u64,
    /// Of these, rows that cannot be sent.
    pub invalid: u64,
    /// The first of those: line and message.
    examples: Vec<(u64, String)>,
    /// Rows that need not be sent, as far as can be told before sending; `None` without a ledger.
    pub unchanged: Option<u64>,
    /// Rows that are none of this run's.
    pub left_out: u64,
    /// Of these, those without any name in TomTicket.
    pub nameless: u64,
    /// The customers of `--only` that the input has, and how many there are.
    selected: HashSet<usize>,
    wanted: usize,
    /// Whether there is a `--only`.
    has_selection: bool,
    /// Rows before the first one that may have to be sent.
    pub leading: u64,
    /// An unchanged row that can be sent again without harm: no rename and, if the file has such a
    /// row, none that gives a name of the other type.
    pub probe: Option<Arc<Update>>,
    /// What the rows to be sent change.
    pub changes: PlannedChanges,
    /// Rows that go before all others, so that an e-mail is free when another row is to have it.
    pub first: Vec<(u64, Arc<Update>)>,
    circles: LineList,
    reassigned_emails: ReassignedEmails,
    /// Rows that take a name from a customer of whom no row speaks.
    names_lost: LineList,
    findings: Findings,
    /// Requests of an earlier run whose outcome is unknown and that rows repeat; one may be repeated
    /// by several.
    repeated: HashSet<Fingerprint>,
    repeating: LineList,
    layout: LayoutOddities,
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
        mut known: Known<'_>,
    ) -> Result<Self, PreflightError> {
        let inspection = inspect(file, read)?;
        let mut plan = match MappingPlan::new(&inspection.header, mapping, inspection.cr_ends) {
            Ok(plan) => plan,
            Err(error) => {
                let (label, linha) = (file.label().to_owned(), inspection.header.linha());
                let hint = header_hint(file, &inspection, read, mapping)?;
                let error = Box::new(error);
                return Err(PreflightError::Mapping { label, linha, error, hint });
            }
        };
        plan.note_decimal_columns(rows(file, &inspection)?)?;
        let findings = Findings::of(&plan);
        let mut rows = rows(file, &inspection)?;
        let mut found = Self {
            inspection,
            plan: Arc::new(plan),
            rows: 0,
            invalid: 0,
            examples: Vec::with_capacity(EXAMPLES),
            unchanged: (known.ledger.is_some() || known.snapshot.is_some()).then_some(0),
            left_out: 0,
            nameless: 0,
            selected: HashSet::new(),
            wanted: known.selection.map_or(0, Selection::len),
            has_selection: known.selection.is_some(),
            leading: 0,
            changes: PlannedChanges::showing(known.show),
            probe: None,
            first: Vec::new(),
            circles: LineList::default(),
            reassigned_emails: ReassignedEmails::default(),
            names_lost: LineList::default(),
            findings,
            repeated: HashSet::new(),
            repeating: LineList::naming(REPEATS),
            layout: LayoutOddities::default(),
        };
        let mut handed_over = HandedOver::default();
        let customers = known.snapshot.as_deref().map(|it| Arc::clone(it.customers()));
        for record in &mut rows {
            let row = HeldCustomers::map(customers.as_deref(), &found.plan, found.rows, record?);
            found.add(row.map_err(SnapshotError::Spool)?, &mut known, &mut handed_over)?;
        }
        found.findings.end();
        found.layout.repeated_headers = rows.repeated_headers();
        if let Some(columns) = found.layout.nameless().filter(|_| mapping.strict) {
            return Err(PreflightError::Guard(format!("com --strict: {columns}")));
        }
        let lost = known.snapshot.map_or_else(Vec::new, |snapshot| snapshot.names_lost());
        lost.into_iter().for_each(|linha| found.names_lost.add(linha));
        if let Some(selection) = known.selection {
            found.find_first(file, selection, &handed_over)?;
        }
        Ok(found)
    }

    /// Adds a row.
    fn add(
        &mut self,
        mut row: Row,
        known: &mut Known<'_>,
        handed_over: &mut HandedOver,
    ) -> Result<(), PreflightError> {
        self.check_account(&row.record, known.account.as_ref())?;
        let linha = row.linha();
        if self.plan.is_whole(&row.record) {
            self.layout.add(&self.plan, &row.record);
        }
        self.rows += 1;
        if let Some(selection) = known.selection {
            self.selected.extend(selection.apply(&mut row, &self.plan));
        }
        if let Some(why) = row.left_out {
            self.left_out += 1;
            self.nameless += u64::from(why == LeftOut::Nameless);
            return Ok(());
        }
        let is_unchanged = match &row.update {
            Ok(update) => {
                if known.selection.is_some() {
                    handed_over.add(row.seq, linha, update);
                }
                self.reassigned_emails.add(linha, update);
                self.findings.add_update(linha, update);
                self.look_up(known, linha, Arc::clone(update))?
            }
            Err(InvalidRow { mensagem, .. }) => {
                self.invalid += 1;
                if self.examples.len() < EXAMPLES {
                    self.examples.push((linha, mensagem.clone()));
                }
                false
            }
        };
        // What a snapshot shows of a customer is not odd in its row either.
        if !(is_unchanged && known.snapshot.is_some()) {
            self.findings.add(&self.plan, &row);
        }
        Ok(())
    }

    /// Reads the rows that go first once more.
    fn find_first(
        &mut self,
        file: &InputFile,
        selection: &Selection,
        handed_over: &HandedOver,
    ) -> Result<(), InputError> {
        let first = handed_over.first_rows();
        first.circles.iter().for_each(|linha| self.circles.add(*linha));
        if first.seqs.is_empty() {
            return Ok(());
        }
        let wanted: HashSet<u64> = first.seqs.iter().copied().collect();
        let mut updates = HashMap::new();
        for (seq, record) in (0u64..).zip(rows(file, &self.inspection)?) {
            let record = record?;
            if wanted.contains(&seq) {
                let mut row = self.plan.map(seq, record, &[]);
                let _ = selection.apply(&mut row, &self.plan);
                updates.extend(row.update.ok().map(|update| (seq, update)));
            }
        }
        self.first.extend(first.seqs.iter().filter_map(|seq| updates.remove_entry(seq)));
        Ok(())
    }

    /// A line of a snapshot must be of the account that it is sent to.
    fn check_account(
        &self,
        record: &Record,
        account: Option<&AccountMark>,
    ) -> Result<(), PreflightError> {
        let (Some(found), Some(wanted)) = (self.plan.snapshot_account(record), account) else {
            return Ok(());
        };
        match wanted.is(found) {
            true => Ok(()),
            false => Err(PreflightError::Guard(format!(
                "linha {}: a entrada é um retrato de outra conta (\"{}\", e esta é \"{}\"); nada foi enviado",
                record.linha(),
                visible(found),
                visible(wanted.as_str())
            ))),
        }
    }

    /// Counts a row that can be sent. Gives whether it is unchanged, as far as can be told now.
    fn look_up(
        &mut self,
        known: &mut Known<'_>,
        linha: u64,
        update: Arc<Update>,
    ) -> Result<bool, PreflightError> {
        let ledger = known.ledger.as_deref();
        let reader = ledger.and_then(|ledger| ledger.reader.as_ref());
        if let (Some(ledger), Some(reader)) = (ledger, reader)
            && !ledger.leftovers.is_empty()
        {
            let request = reader.fingerprint(&update);
            if ledger.leftovers.contains(&request) {
                self.repeated.insert(request);
                self.repeating.add(linha);
            }
        }
        let snapshot = known.snapshot.as_deref();
        let shown = snapshot.map(|snapshot| snapshot.compare(&update)).transpose();
        let shown = shown.map_err(SnapshotError::Spool)?;
        let lacks = matches!(shown, Some(Shown::Nothing));
        let has_several = matches!(shown, Some(Shown::Several));
        let held = shown.and_then(Shown::one);
        let evidence = held.as_ref().filter(|_| !known.full);
        let unchanged = match reader {
            Some(reader) => reader.check(&update, evidence)?,
            None => evidence.and_then(judge_without_ledger),
        };
        let before = self.invalid + self.left_out + self.unchanged.unwrap_or(0);
        if unchanged.is_some() {
            // The run begins by settling what an earlier one left in flight, and a check may then say
            // otherwise. What a snapshot shows is to be recorded row by row.
            let settled = ledger.is_some_and(|ledger| ledger.leftovers.is_empty());
            if before + 1 == self.rows && settled && known.snapshot.is_none() {
                self.leading = self.rows;
            }
            if let (Some(Unchanged::AcceptedSince), Some(snapshot)) =
                (unchanged, known.snapshot.as_deref_mut())
            {
                snapshot.note_names(&update, linha);
            }
            *self.unchanged.get_or_insert(0) += 1;
            self.keep_for_probe(update);
            return Ok(true);
        }
        self.changes.outside += u64::from(lacks);
        self.changes.ambiguous += u64::from(has_several);
        self.changes.add(linha, &update, held.as_ref());
        if let Some(snapshot) = known.snapshot.as_deref_mut() {
            snapshot.silence(&update);
            snapshot.note_names(&update, linha);
        }
        Ok(false)
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

    /// Rows that can be sent.
    pub const fn sendable(&self) -> u64 {
        self.rows - self.invalid - self.left_out
    }

    /// Rows that would be sent, as far as can be told before sending.
    pub fn to_send(&self, limit: Option<u64>) -> u64 {
        let sendable = self.sendable() - self.unchanged.unwrap_or(0);
        limit.map_or(sendable, |limit| limit.min(sendable))
    }
}
