//! The ledger as the scheduler uses it: counts the records that are not durable yet, and keeps the
//! first failure until the event loop stops the run for it.

use std::sync::Arc;

use super::ledger::{Ledger, LedgerFailed, Recorded, RequestOutcome};
use crate::model::Update;

/// A ledger, its unfinished records and its failure.
#[derive(Debug)]
pub struct Recorder<L> {
    ledger: L,
    /// Records that were handed over and are not durable yet.
    pending: usize,
    failure: Option<LedgerFailed>,
}

impl<L: Ledger> Recorder<L> {
    pub const fn new(ledger: L) -> Self {
        Self { ledger, pending: 0, failure: None }
    }

    /// Whether there is a ledger. If not, every row is sent and nothing is recorded.
    pub fn is_on(&self) -> bool {
        self.ledger.is_on()
    }

    /// Whether records are not durable yet.
    pub const fn is_pending(&self) -> bool {
        self.pending > 0
    }

    /// Whether the row changes nothing; `None` after a failure.
    pub fn is_unchanged(&mut self, seq: u64, update: &Update) -> Option<bool> {
        if !self.ledger.is_on() {
            return Some(false);
        }
        let checked = self.ledger.check(seq, update);
        self.keep_failure(checked)
    }

    /// Hands over that a row is about to be sent.
    pub fn record_intent(&mut self, seq: u64, update: Arc<Update>) {
        let handed_over = self.ledger.record_intent(seq, update);
        self.count(handed_over);
    }

    /// Hands over what became of a row whose intent was recorded.
    pub fn record_outcome(&mut self, seq: u64, update: Arc<Update>, outcome: RequestOutcome) {
        let handed_over = self.ledger.record_outcome(seq, update, outcome);
        self.count(handed_over);
    }

    /// Waits for the next durable records; empty after a failure. Cancel-safe.
    pub async fn recorded(&mut self) -> Vec<Recorded> {
        let recorded = self.ledger.recorded().await;
        let recorded = self.keep_failure(recorded).unwrap_or_default();
        self.pending = self.pending.saturating_sub(recorded.len());
        recorded
    }

    /// Whether a failure waits for [`take_failure`](Self::take_failure).
    pub const fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// The failure since the last call, if any. After one, nothing that is pending becomes durable.
    pub fn take_failure(&mut self) -> Option<LedgerFailed> {
        let failure = self.failure.take()?;
        self.pending = 0;
        Some(failure)
    }

    /// Gives the ledger back, to be closed.
    pub fn into_ledger(self) -> L {
        self.ledger
    }

    fn count(&mut self, handed_over: Result<(), LedgerFailed>) {
        if self.keep_failure(handed_over).is_some() {
            self.pending += 1;
        }
    }

    fn keep_failure<V>(&mut self, result: Result<V, LedgerFailed>) -> Option<V> {
        match result {
            Ok(value) => Some(value),
            Err(failure) => {
                self.failure.get_or_insert(failure);
                None
            }
        }
    }
}
