//! The ledger as the scheduler uses it: counts the records that are not durable yet, and keeps the
//! first failure until the event loop stops the run for it.

use std::sync::Arc;

use super::ledger::{Checked, Ledger, Recorded, RequestOutcome};
use super::reading::settlement::RefusalDoubt;
use crate::ledger::judge_without_ledger;
use crate::model::{FieldName, HeldRow, Update};

#[derive(Debug)]
pub struct Recorder<L> {
    /// `None` for a run without one: every row is sent, and nothing is recorded.
    pub ledger: Option<L>,
    /// Records that were handed over and are not durable yet.
    pending: usize,
    failure: Option<String>,
    /// Set by the first failure for good. The ledger's writer may go on after a failed read; what it
    /// still acknowledges is not asked for.
    abandoned: bool,
}

impl<L: Ledger> Recorder<L> {
    pub const fn new(ledger: Option<L>) -> Self {
        Self { ledger, pending: 0, failure: None, abandoned: false }
    }

    pub const fn is_pending(&self) -> bool {
        self.pending > 0
    }

    /// Whether records can still be handed over.
    pub const fn is_recording(&self) -> bool {
        self.ledger.is_some() && !self.abandoned
    }

    /// What is known of the row; `None` after a failure.
    pub fn check(&mut self, seq: u64, update: &Update, held: Option<&HeldRow>) -> Option<Checked> {
        let Some(ledger) = &mut self.ledger else {
            let unchanged = held.and_then(judge_without_ledger);
            return Some(Checked { unchanged, was_written: false, is_recording: false });
        };
        let checked = ledger.check(seq, update, held);
        let checked = self.keep_failure(checked)?;
        self.pending += usize::from(checked.is_recording);
        Some(checked)
    }

    /// Whether a request may leave; not where another run has taken the account over.
    pub fn may_send(&mut self) -> bool {
        let checked = self.ledger.as_mut().map_or(Ok(()), Ledger::check_fence);
        self.keep_failure(checked).is_some()
    }

    /// Hands over that a row is about to be sent.
    pub fn record_intent(&mut self, seq: u64, update: Arc<Update>) {
        let handed_over = self.ledger.as_mut().map(|ledger| ledger.record_intent(seq, update));
        self.count(handed_over);
    }

    /// Hands over what became of a row whose intent was recorded.
    pub fn record_outcome(&mut self, seq: u64, update: Arc<Update>, outcome: RequestOutcome) {
        let ledger = self.ledger.as_mut();
        let handed_over = ledger.map(|ledger| ledger.record_outcome(seq, update, outcome));
        self.count(handed_over);
    }

    /// Why a refusal of a row whose intent was recorded may say nothing about it.
    pub fn refusal_doubt(&mut self, seq: u64) -> RefusalDoubt {
        let ledger = self.ledger.as_mut().filter(|_| !self.abandoned);
        let doubt = ledger.map(|ledger| ledger.refusal_doubt(seq));
        doubt.and_then(|doubt| self.keep_failure(doubt)).unwrap_or_default()
    }

    /// Those of these fields that no run has verified yet.
    pub fn unverified(&self, fields: &[FieldName]) -> Vec<FieldName> {
        let is_verified = |field: &FieldName| {
            self.ledger.as_ref().is_some_and(|ledger| ledger.is_verified(field))
        };
        fields.iter().filter(|field| !is_verified(field)).cloned().collect()
    }

    /// Hands over that TomTicket keeps these fields.
    pub fn record_verified(&mut self, fields: &[FieldName]) {
        if fields.is_empty() || self.abandoned {
            return;
        }
        let handed_over = self.ledger.as_mut().map(|ledger| ledger.record_verified(fields));
        self.count(handed_over);
    }

    /// Waits for the next durable records; empty after a failure. Cancel-safe.
    pub async fn recorded(&mut self) -> Vec<Recorded> {
        let Some(ledger) = &mut self.ledger else { return Vec::new() };
        let recorded = ledger.recorded().await;
        let recorded = self.keep_failure(recorded).unwrap_or_default();
        self.pending = self.pending.saturating_sub(recorded.len());
        recorded
    }

    /// Whether a failure waits for [`take_failure`](Self::take_failure).
    pub const fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// The failure since the last call, if any. After one, nothing is pending and nothing more is to
    /// be handed over.
    pub fn take_failure(&mut self) -> Option<String> {
        let failure = self.failure.take()?;
        self.abandoned = true;
        self.pending = 0;
        Some(failure)
    }

    fn count(&mut self, handed_over: Option<Result<(), L::Error>>) {
        if handed_over.and_then(|result| self.keep_failure(result)).is_some() {
            self.pending += 1;
        }
    }

    fn keep_failure<V>(&mut self, result: Result<V, L::Error>) -> Option<V> {
        result.map_err(|failure| self.failure.get_or_insert(failure.to_string())).ok()
    }
}
