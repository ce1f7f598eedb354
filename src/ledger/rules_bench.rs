//! What the tests of the rules share: an account under the rules, and some rows.

use std::borrow::Borrow;

use super::accepted_state::Policy;
use super::changes::Changes;
use super::keys::AccountKey;
use super::rules::{Leftover, Rules};
use super::testing::{MemoryTables, TestRow, e};
use crate::scheduler::ledger::RequestOutcome;

pub use super::testing::FIRST;
/// Confirmed after an unanswered attempt.
pub const LATER: RequestOutcome = RequestOutcome::Accepted { first_attempt: false };

pub fn keys() -> AccountKey {
    AccountKey::from_token("https://api.example", b"token")
}

/// An account under the rules, one row at a time; every change is durable at once.
pub struct Bench {
    pub rules: Rules<MemoryTables>,
    pub now: u32,
    pub ids: u64,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(Policy::default())
    }

    pub fn with(policy: Policy) -> Self {
        let (bench, leftovers) = Self::open(MemoryTables::default(), policy, 1_000_000);
        assert!(leftovers.is_empty());
        bench
    }

    pub fn open(tables: MemoryTables, policy: Policy, now: u32) -> (Self, Vec<Leftover>) {
        let saved = tables.load();
        let (rules, leftovers, changes) = Rules::open(keys(), policy, saved, tables, now).unwrap();
        let mut bench = Self { rules, now, ids: 0 };
        bench.apply(&changes);
        (bench, leftovers)
    }

    pub fn apply(&mut self, changes: &Changes) {
        self.rules.durable().apply(changes);
        self.rules.acknowledge(1);
    }

    pub fn record_intent_as(&mut self, id: u64, row: &TestRow) {
        let changes = self.rules.record_intent(id, &row.update(), self.now).unwrap();
        self.apply(&changes);
    }

    pub fn record_intent(&mut self, row: &TestRow) -> u64 {
        self.ids += 1;
        self.record_intent_as(self.ids, row);
        self.ids
    }

    pub fn record_outcome(&mut self, id: u64, row: &TestRow, outcome: RequestOutcome) -> bool {
        let (changes, uncertain) =
            self.rules.record_outcome(id, &row.update(), outcome, self.now).unwrap();
        self.apply(&changes);
        uncertain
    }

    /// Sends a row; returns whether a refusal would prove nothing.
    pub fn send(&mut self, row: &TestRow, outcome: RequestOutcome) -> bool {
        let id = self.record_intent(row);
        self.record_outcome(id, row, outcome)
    }

    pub fn accept(&mut self, row: &TestRow) {
        self.send(row, FIRST);
    }

    #[track_caller]
    pub fn assert<R: Borrow<TestRow>>(&mut self, up_to_date: bool, rows: &[R]) {
        for row in rows {
            let row = row.borrow();
            let found = self.rules.check(&row.update(), self.now).unwrap();
            assert_eq!(found, up_to_date, "{row:?}");
        }
    }

    /// Ends this process, in good order or by a crash, and starts the next.
    pub fn restart(self, policy: Policy) -> (Self, Vec<Leftover>) {
        let Self { rules, now, ids } = self;
        let (bench, leftovers) = Self::open(rules.into_durable(), policy, now);
        (Self { ids, ..bench }, leftovers)
    }

    pub fn next_run(self) -> Self {
        self.restart(Policy::default()).0
    }

    pub fn open_intents(&mut self) -> usize {
        self.rules.durable().open_intents()
    }
}

pub fn a() -> TestRow {
    e("a@x")
}

pub fn b() -> TestRow {
    e("b@x")
}

pub fn a_to_b() -> TestRow {
    a().set("email", "b@x").set("nome", "N")
}
