//! The ledger of a run: implements the scheduler's [`Ledger`] with the rules, a connection to read
//! through, and the writer.
//!
//! The rules run on the scheduler's thread. A check reads a few pages of SQLite there, which takes
//! microseconds; an account sends three requests a second. Only the fsync is elsewhere.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use super::judge::Unchanged;
use super::keys::AccountKey;
use super::rules::Rules;
use super::tables::AccountTables;
use super::writer::LedgerWriter;
use super::{AccountLocation, FileLock, LedgerError, Policy, accounts, lock_path, now, schema};
use crate::model::{FieldName, HeldRow, Update};
use crate::scheduler::ledger::{Checked, Ledger, Recorded, RequestOutcome};
use crate::scheduler::reading::settlement::RefusalDoubt;

/// An account that is locked for a run that has not begun to send. Nothing is changed yet: if the run
/// ends here, the next one finds everything as it was, including what was left in flight.
pub struct Claimed {
    path: PathBuf,
    connection: Connection,
    keys: AccountKey,
    base_url: String,
    label: Option<String>,
    lock: FileLock,
}

/// Takes the account's lock and opens its ledger; creates whatever is missing.
pub fn claim(place: &AccountLocation<'_>) -> Result<Claimed, LedgerError> {
    let connection = schema::open_for_writing(place.path)?;
    let keys = place.keys(&connection)?;
    let lock = FileLock::acquire(&lock_path(place.path, keys.account), place.path)?;
    Ok(Claimed {
        path: place.path.into(),
        connection,
        keys,
        base_url: place.base_url.to_owned(),
        label: place.label().map(ToOwned::to_owned),
        lock,
    })
}

impl Claimed {
    /// Begins the run: draws the consequences of what an earlier one left in flight, and starts the
    /// writer. Blocks on the disk, and for a moment where another account is being written.
    ///
    /// A preflight under this lock found the first `leading` rows unchanged or invalid. Nothing
    /// changes before the first row that is sent, except the age of values: a check would say the same.
    pub fn begin(self, policy: Policy, leading: u64) -> Result<LedgerHandle, LedgerError> {
        let Self { path, connection, keys, base_url, label, lock } = self;
        let hash = keys.account;
        let label = label.as_deref();
        let tables = accounts::begin_run(connection, &path, hash, &base_url, label)?;
        let reading = schema::connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut reading = AccountTables::new(reading, &path, tables.account);
        reading.run = tables.run;
        let (mut rules, changes) = Rules::open(keys, policy, tables.load()?, reading, now())?;
        tables.apply(&changes)?;
        rules.records.acknowledge(1);
        let writer = LedgerWriter::start(tables, lock, path)?;
        let up_to_date_before = if policy.max_age.is_none() { leading } else { 0 };
        Ok(LedgerHandle { rules, writer, unacknowledged: VecDeque::new(), up_to_date_before })
    }
}

/// The ledger of a run. [`close`](Self::close) it: dropping it also waits until everything is
/// written, but blocks meanwhile and loses the error.
pub struct LedgerHandle {
    /// Declared before the writer, so that the reading connection is closed first: the last one
    /// copies SQLite's log into the file.
    rules: Rules,
    writer: LedgerWriter,
    /// What was handed to the writer and is not durable yet, oldest first.
    unacknowledged: VecDeque<Recorded>,
    /// Rows before this one need no check.
    up_to_date_before: u64,
}

impl LedgerHandle {
    /// Waits until everything that was recorded is durable and the file is closed. Returns the error
    /// that ended the ledger, unless it was returned before.
    pub async fn close(self) -> Result<(), LedgerError> {
        let Self { rules, writer, .. } = self;
        drop(rules);
        writer.close().await
    }
}

impl Ledger for LedgerHandle {
    type Error = LedgerError;

    fn check_fence(&mut self) -> Result<(), LedgerError> {
        self.rules.records.durable.check_fence()
    }

    fn check(
        &mut self,
        sequence: u64,
        update: &Update,
        held: Option<&HeldRow>,
    ) -> Result<Checked, LedgerError> {
        if sequence < self.up_to_date_before {
            let unchanged = Some(Unchanged::Accepted);
            return Ok(Checked { unchanged, was_written: false, is_recording: false });
        }
        let (unchanged, changes) = self.rules.check(update, held, now())?;
        let is_recording = changes.is_some();
        if let Some(changes) = changes {
            self.writer.hand_over(changes);
            self.unacknowledged.push_back(Recorded::Seen);
        }
        let was_written = match held.filter(|_| unchanged.is_none()) {
            Some(held) => self.rules.was_written_since(update, held)?,
            None => false,
        };
        Ok(Checked { unchanged, was_written, is_recording })
    }

    fn record_intent(&mut self, sequence: u64, update: Arc<Update>) -> Result<(), LedgerError> {
        self.writer.hand_over(self.rules.record_intent(sequence, &update, now())?);
        self.unacknowledged.push_back(Recorded::Intent { sequence });
        Ok(())
    }

    fn record_outcome(
        &mut self,
        sequence: u64,
        update: Arc<Update>,
        outcome: RequestOutcome,
    ) -> Result<(), LedgerError> {
        let changes = self.rules.record_outcome(sequence, &update, outcome, now())?;
        self.writer.hand_over(changes);
        self.unacknowledged.push_back(Recorded::Outcome { sequence });
        Ok(())
    }

    fn refusal_doubt(&mut self, sequence: u64) -> Result<RefusalDoubt, LedgerError> {
        self.rules.refusal_doubt(sequence)
    }

    fn is_verified(&self, field: &FieldName) -> bool {
        self.rules.is_verified(field)
    }

    fn record_verified(&mut self, fields: &[FieldName]) -> Result<(), LedgerError> {
        self.writer.hand_over(self.rules.record_verified(fields));
        self.unacknowledged.push_back(Recorded::Seen);
        Ok(())
    }

    async fn recorded(&mut self) -> Result<Vec<Recorded>, LedgerError> {
        let count = self.writer.committed().await?;
        self.rules.records.acknowledge(count);
        Ok(self.unacknowledged.drain(..count.min(self.unacknowledged.len())).collect())
    }
}
