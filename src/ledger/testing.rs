//! What the ledger's tests share: rows that read like a line of a file, tables in memory, and a ledger
//! in a folder of its own with runs that wait for their records.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use super::accepted_state::CustomerRecords;
use super::changes::Changes;
use super::keys::{AccountKey, ExactName, HashedName};
use super::rules::Leftover;
use super::state::{CustomerRecord, Intent, InvalidationKey, SavedAccount, SequenceNumber};
use super::tables::AccountTables;
use super::{
    Account, AccountLocation, LedgerError, LedgerHandle, Policy, Reader, accounts, claim, schema,
};
use crate::model::{CampoId, Customer, CustomerType, FieldName, Identifier, Param, Update};
use crate::scheduler::ledger::{Ledger, Recorded, RequestOutcome};

/// A row to be sent.
#[derive(Debug, Clone)]
pub struct TestRow {
    pub ctype: CustomerType,
    pub identifier: String,
    pub values: Vec<(String, String)>,
}

/// A row for the customer with this e-mail.
pub fn e(identifier: &str) -> TestRow {
    TestRow { ctype: CustomerType::Email, identifier: identifier.into(), values: Vec::new() }
}

/// A row for the customer with this internal identifier.
pub fn i(identifier: &str) -> TestRow {
    TestRow { ctype: CustomerType::Internal, identifier: identifier.into(), values: Vec::new() }
}

impl TestRow {
    /// Adds a value; `campo:<id>` is a custom field.
    pub fn set(mut self, field: &str, value: &str) -> Self {
        self.values.push((field.into(), value.into()));
        self
    }

    pub fn update(&self) -> Update {
        let field = |name: &str| match name.strip_prefix("campo:") {
            Some(id) => FieldName::Campo(CampoId::new(id).unwrap()),
            None => {
                let param = Param::ALL.into_iter().find(|param| param.as_str() == name);
                FieldName::Param(param.unwrap_or_else(|| panic!("no field {name}")))
            }
        };
        let customer =
            Customer { ctype: self.ctype, identifier: Identifier::new(&self.identifier).unwrap() };
        Update::new(customer, self.values.iter().map(|(name, value)| (field(name), value.as_str())))
    }

    pub fn name(&self, keys: &AccountKey) -> ExactName {
        keys.exact_name(self.update().home())
    }
}

/// Records without a file; whatever is applied is durable.
#[derive(Debug, Clone, Default)]
pub struct MemoryTables {
    records: HashMap<HashedName, CustomerRecord>,
    invalidations: BTreeMap<InvalidationKey, SequenceNumber>,
    intents: BTreeMap<SequenceNumber, Intent>,
    next_sequence: u64,
}

impl MemoryTables {
    pub fn apply(&mut self, changes: &Changes) {
        self.records.extend(changes.records.clone());
        self.records.retain(|_, record| !record.is_empty());
        for (sequence, intent) in &changes.intents {
            match intent {
                Some(intent) => self.intents.insert(*sequence, intent.clone()),
                None => self.intents.remove(sequence),
            };
        }
        self.invalidations.extend(&changes.invalidations);
        if let Some((next, _)) = changes.next {
            self.next_sequence = next;
        }
    }

    pub fn load(&self) -> SavedAccount {
        SavedAccount {
            next_sequence: self.next_sequence,
            invalidations: self.invalidations.iter().map(|(key, upto)| (*key, *upto)).collect(),
            intents: self.intents.values().cloned().collect(),
        }
    }

    pub fn open_intents(&self) -> usize {
        self.intents.len()
    }
}

impl CustomerRecords for MemoryTables {
    fn record(&mut self, name: HashedName) -> Result<CustomerRecord, LedgerError> {
        Ok(self.records.get(&name).cloned().unwrap_or_default())
    }
}

/// Durable tables that are written by one process and read by the next.
pub trait DurableTables: CustomerRecords + Sized {
    fn load(&mut self) -> SavedAccount;
    fn apply(&mut self, changes: &Changes);
    /// Closes and opens them again.
    fn reopen(self) -> Self {
        self
    }
}

impl DurableTables for MemoryTables {
    fn load(&mut self) -> SavedAccount {
        Self::load(self)
    }

    fn apply(&mut self, changes: &Changes) {
        Self::apply(self, changes);
    }
}

/// Tables in memory and in a file at once; they must never differ.
pub struct BothTables {
    memory: MemoryTables,
    reading: AccountTables,
    writing: AccountTables,
    path: PathBuf,
}

impl BothTables {
    pub fn open(path: PathBuf, memory: MemoryTables) -> Self {
        let connection = schema::open_for_writing(&path).unwrap();
        connection.pragma_update(None, "synchronous", "OFF").unwrap();
        let id = accounts::add_account(
            &connection,
            &path,
            super::rules_bench::keys().account(),
            "u",
            None,
        )
        .unwrap();
        let reading = schema::open_for_reading(&path).unwrap().unwrap();
        let [reading, writing] = [reading, connection].map(|c| AccountTables::new(c, &path, id));
        Self { memory, reading, writing, path }
    }
}

impl CustomerRecords for BothTables {
    fn record(&mut self, name: HashedName) -> Result<CustomerRecord, LedgerError> {
        let found = self.reading.record(name)?;
        assert_eq!(found, self.memory.record(name)?);
        Ok(found)
    }
}

impl DurableTables for BothTables {
    fn load(&mut self) -> SavedAccount {
        let (mut one, mut other) = (self.reading.load().unwrap(), self.memory.load());
        one.next_sequence = one.next_sequence.max(1);
        other.next_sequence = other.next_sequence.max(1);
        one.invalidations.sort();
        assert_eq!(one, other);
        one
    }

    fn apply(&mut self, changes: &Changes) {
        self.memory.apply(changes);
        self.writing.apply(changes).unwrap();
    }

    fn reopen(self) -> Self {
        let Self { memory, path, reading, writing } = self;
        drop((reading, writing));
        Self::open(path, memory)
    }
}

/// Confirmed at the first attempt.
pub const FIRST: RequestOutcome = RequestOutcome::Accepted { first_attempt: true };

/// A ledger in a folder of its own.
pub struct TestLedger {
    pub folder: tempfile::TempDir,
    pub path: PathBuf,
}

impl TestLedger {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/ledger.db");
        Self { folder, path }
    }

    pub fn place(&self) -> AccountLocation<'_> {
        self.of(Account::Token(b"s3gr3d0"))
    }

    pub fn of<'a>(&'a self, account: Account<'a>) -> AccountLocation<'a> {
        AccountLocation { path: &self.path, base_url: "https://api.example", account }
    }

    pub fn run(&self) -> TestRun {
        TestRun::open(&self.place()).unwrap()
    }

    pub fn reader(&self) -> Reader {
        Reader::open(&self.place(), Policy::default()).unwrap()
    }

    pub fn is_up_to_date(&self, row: &TestRow) -> bool {
        self.reader().is_up_to_date(&row.update()).unwrap()
    }

    /// Has `rows` accepted in a run of its own.
    pub fn accept(&self, rows: &[TestRow]) {
        let mut run = self.run();
        run.accept(rows);
        run.close();
    }

    /// Does something to the file from outside.
    pub fn sql(&self, sql: &str) {
        rusqlite::Connection::open(&self.path).unwrap().execute_batch(sql).unwrap();
    }
}

/// A run that waits until what it records is durable.
pub struct TestRun {
    pub runtime: tokio::runtime::Runtime,
    pub handle: LedgerHandle,
    pub leftovers: Vec<Leftover>,
}

impl TestRun {
    pub fn open(place: &AccountLocation<'_>) -> Result<Self, LedgerError> {
        let claimed = claim(place)?;
        let leftovers = Reader::open(place, Policy::default())?.leftovers().to_vec();
        let handle = claimed.begin(Policy::default())?;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Ok(Self { runtime, handle, leftovers })
    }

    pub fn hand_over_intents(&mut self, rows: &[TestRow]) {
        for (sequence, row) in (0..).zip(rows) {
            self.handle.record_intent(sequence, Arc::new(row.update())).unwrap();
        }
    }

    pub fn hand_over_outcomes(&mut self, rows: &[TestRow], outcome: RequestOutcome) {
        for (sequence, row) in (0..).zip(rows) {
            self.handle.record_outcome(sequence, Arc::new(row.update()), outcome).unwrap();
        }
    }

    /// Waits for so many records.
    pub fn recorded(&mut self, count: usize) -> Vec<Recorded> {
        let mut recorded = Vec::new();
        while recorded.len() < count {
            recorded.extend(self.runtime.block_on(self.handle.recorded()).unwrap());
        }
        recorded
    }

    pub fn record_intents(&mut self, rows: &[TestRow]) {
        self.hand_over_intents(rows);
        self.recorded(rows.len());
    }

    pub fn record_outcomes(&mut self, rows: &[TestRow], outcome: RequestOutcome) {
        self.hand_over_outcomes(rows, outcome);
        self.recorded(rows.len());
    }

    pub fn accept(&mut self, rows: &[TestRow]) {
        for some in rows.chunks(1000) {
            self.record_intents(some);
            self.record_outcomes(some, FIRST);
        }
    }

    pub fn is_up_to_date(&mut self, row: &TestRow) -> bool {
        self.handle.check(u64::MAX, &row.update()).unwrap()
    }

    pub fn close(self) {
        self.runtime.block_on(self.handle.close()).unwrap();
    }
}
