//! What the ledger's tests share: rows that read like a line of a file, tables in memory, and a ledger
//! in a folder of its own with runs that wait for their records.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use super::changes::Changes;
use super::keys::{AccountKey, Fingerprint};
use super::rules::Rules;
use super::state::SavedAccount;
use super::tables::AccountTables;
use super::{
    Account, AccountLocation, LedgerError, LedgerHandle, Policy, Reader, accounts, claim, schema,
};
use crate::model::{CustomerType, Update};
use crate::scheduler::ledger::{Ledger, Recorded, RequestOutcome};
use crate::scheduler::reading::settlement::RefusalDoubt;

#[derive(Debug, Clone)]
pub struct TestRow {
    pub ctype: CustomerType,
    pub identifier: String,
    pub values: Vec<(String, String)>,
}

/// A row as text: the customer's name, then its values. A name without `@`, or after `I:`, is an
/// internal identifier.
pub fn row(text: &str) -> TestRow {
    let mut words = text.split(' ');
    let row = match words.next().unwrap() {
        name if name.starts_with("I:") => TestRow::new(CustomerType::Internal, &name[2..]),
        name if name.contains('@') => TestRow::new(CustomerType::Email, name),
        name => TestRow::new(CustomerType::Internal, name),
    };
    words
        .map(|word| word.split_once('=').unwrap())
        .fold(row, |row, (field, value)| row.set(field, value))
}

impl TestRow {
    pub fn new(ctype: CustomerType, identifier: &str) -> Self {
        Self { ctype, identifier: identifier.into(), values: Vec::new() }
    }

    /// Adds a value; `campo:<id>` is a custom field.
    pub fn set(mut self, field: &str, value: &str) -> Self {
        self.values.push((field.into(), value.into()));
        self
    }

    pub fn update(&self) -> Update {
        let values = self.values.iter().map(|(name, value)| (&**name, &**value));
        Update::of(self.ctype, &self.identifier, values)
    }
}

pub fn keys() -> AccountKey {
    AccountKey::from_token("https://api.example", b"token")
}

/// The tables of a new account, in memory.
pub fn memory_tables() -> AccountTables {
    let (connection, path) = (Connection::open_in_memory().unwrap(), Path::new("memory"));
    connection.execute_batch(schema::TABLES).unwrap();
    accounts::begin_run(connection, path, keys().account, "u", None).unwrap()
}

/// Confirmed at the first attempt.
pub const FIRST: RequestOutcome = RequestOutcome::Accepted { first_attempt: true };

/// Confirmed after an unanswered attempt.
pub const LATER: RequestOutcome = RequestOutcome::Accepted { first_attempt: false };

pub const A_TO_B: &str = "a@x email=b@x nome=N";

/// An account under the rules, one row at a time; every change is durable at once.
pub struct Bench {
    pub rules: Rules,
    pub now: u32,
    pub ids: u64,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(Policy::default())
    }

    pub fn with(policy: Policy) -> Self {
        let (tables, now) = (memory_tables(), 1_000_000);
        let saved = tables.load().unwrap();
        let (rules, changes) = Rules::open(keys(), policy, saved, tables, now).unwrap();
        let mut bench = Self { rules, now, ids: 0 };
        bench.apply(&changes);
        bench
    }

    pub fn apply(&mut self, changes: &Changes) {
        self.rules.records.durable.apply(changes).unwrap();
        self.rules.records.acknowledge(1);
    }

    pub fn record_intent(&mut self, text: &str) -> u64 {
        self.ids += 1;
        let changes = self.rules.record_intent(self.ids, &row(text).update(), self.now).unwrap();
        self.apply(&changes);
        self.ids
    }

    pub fn record_outcome(&mut self, id: u64, text: &str, outcome: RequestOutcome) -> bool {
        let is_doubtful = self.rules.refusal_doubt(id).unwrap() == RefusalDoubt::RenameOpen;
        let changes =
            self.rules.record_outcome(id, &row(text).update(), outcome, self.now).unwrap();
        self.apply(&changes);
        is_doubtful
    }

    /// Sends a row; returns whether a refusal would prove nothing.
    pub fn send(&mut self, text: &str, outcome: RequestOutcome) -> bool {
        let id = self.record_intent(text);
        self.record_outcome(id, text, outcome)
    }

    pub fn accept(&mut self, text: &str) {
        self.send(text, FIRST);
    }

    #[track_caller]
    pub fn assert(&mut self, up_to_date: bool, rows: &[&str]) {
        for text in rows {
            let found = self.rules.check(&row(text).update(), None, self.now).unwrap().0.is_some();
            assert_eq!(found, up_to_date, "{text}");
        }
    }

    /// Ends this process, in good order or by a crash, and starts the next.
    pub fn restart(&mut self, policy: Policy) -> &mut Self {
        let tables = std::mem::replace(&mut self.rules.records.durable, memory_tables());
        let saved = tables.load().unwrap();
        let (rules, changes) = Rules::open(keys(), policy, saved, tables, self.now).unwrap();
        self.rules = rules;
        self.apply(&changes);
        self
    }

    pub fn next_run(&mut self) -> &mut Self {
        self.restart(Policy::default())
    }

    /// What is durable, customer records apart.
    pub fn saved(&self) -> SavedAccount {
        self.rules.records.durable.load().unwrap()
    }

    pub fn open_intents(&self) -> usize {
        self.saved().intents.len()
    }
}

/// A ledger in a folder of its own.
pub struct TestLedger {
    _folder: tempfile::TempDir,
    pub path: PathBuf,
}

impl TestLedger {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/ledger.db");
        Self { _folder: folder, path }
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
        Reader::open(&self.place(), Policy::default()).unwrap().unwrap()
    }

    pub fn is_up_to_date(&self, row: &TestRow) -> bool {
        self.reader().check(&row.update(), None).unwrap().is_some()
    }

    /// Has `rows` accepted in a run of its own.
    pub fn accept(&self, rows: &[TestRow]) {
        let mut run = self.run();
        run.accept(rows);
        run.close();
    }

    pub fn sql(&self, sql: &str) {
        Connection::open(&self.path).unwrap().execute_batch(sql).unwrap();
    }
}

/// A run that waits until what it records is durable.
pub struct TestRun {
    pub runtime: tokio::runtime::Runtime,
    pub handle: LedgerHandle,
    pub leftovers: Vec<Fingerprint>,
}

impl TestRun {
    pub fn open(place: &AccountLocation<'_>) -> Result<Self, LedgerError> {
        let claimed = claim(place)?;
        let leftovers = Reader::open(place, Policy::default())?.map_or(vec![], |r| r.leftovers);
        let handle = claimed.begin(Policy::default(), 0)?;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Ok(Self { runtime, handle, leftovers })
    }

    /// Intents of these rows, or outcomes.
    pub fn hand_over(&mut self, rows: &[TestRow], outcome: Option<RequestOutcome>) {
        for (sequence, row) in (0..).zip(rows) {
            let update = Arc::new(row.update());
            match outcome {
                None => self.handle.record_intent(sequence, update).unwrap(),
                Some(outcome) => self.handle.record_outcome(sequence, update, outcome).unwrap(),
            }
        }
    }

    pub fn recorded(&mut self, count: usize) -> Vec<Recorded> {
        let mut recorded = Vec::new();
        while recorded.len() < count {
            recorded.extend(self.runtime.block_on(self.handle.recorded()).unwrap());
        }
        recorded
    }

    pub fn record_intents(&mut self, rows: &[TestRow]) {
        self.hand_over(rows, None);
        self.recorded(rows.len());
    }

    pub fn record_outcomes(&mut self, rows: &[TestRow], outcome: RequestOutcome) {
        self.hand_over(rows, Some(outcome));
        self.recorded(rows.len());
    }

    pub fn accept(&mut self, rows: &[TestRow]) {
        for some in rows.chunks(1000) {
            self.record_intents(some);
            self.record_outcomes(some, FIRST);
        }
    }

    pub fn is_up_to_date(&mut self, row: &TestRow) -> bool {
        self.handle.check(u64::MAX, &row.update(), None).unwrap().unchanged.is_some()
    }

    pub fn close(self) {
        self.runtime.block_on(self.handle.close()).unwrap();
    }
}
