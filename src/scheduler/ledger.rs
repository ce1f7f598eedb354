//! The seam to whatever remembers what the API already accepted: what the scheduler asks it, what
//! it records there, and in which order.
//!
//! A row is checked once every earlier row that touches the same customer is done. If it is to be
//! sent, its intent is durable before the request leaves; its outcome is durable before the row
//! leaves the window. How any of this is stored is not known here.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

use crate::ledger::Unchanged;
use crate::model::{FieldName, HeldRow, Update};
use crate::scheduler::reading::settlement::RefusalDoubt;

/// What became of a request whose intent was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    /// The API confirmed it.
    Accepted {
        /// Whether no unanswered attempt of this run, of the row or of an earlier one of its customer,
        /// may have been executed or may be yet.
        first_attempt: bool,
    },
    /// The API refused it, and no attempt may have been executed.
    Refused,
    /// There was no definite answer.
    Unknown,
    /// The customer was renamed, as the API confirmed or a reading showed; nothing is known of its
    /// values.
    Renamed,
    /// Nothing left this machine, or nothing that was executed.
    NotSent,
}

/// The answer to a check.
#[derive(Debug, Clone, Copy)]
pub struct Checked {
    /// Why the row need not be sent; `None` if it must be.
    pub unchanged: Option<Unchanged>,
    /// Whether an earlier run wrote to the customer of a row that is to be sent since the snapshot was
    /// read.
    pub was_written: bool,
    /// Whether what the snapshot showed is being recorded: [`Recorded::Seen`] follows.
    pub is_recording: bool,
}

/// A record that has become durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// What a snapshot showed, or which fields are kept: no row waits for it.
    Seen,
    /// An intent: the request may leave.
    Intent { sequence: u64 },
    /// An outcome: the row is done.
    Outcome { sequence: u64 },
}

/// Remembers what the API accepted. After an error the ledger can no longer be read or written, and
/// the run must end.
pub trait Ledger: Send {
    /// Displays as a text for the user.
    type Error: Display + Send;

    /// Why this row need not be sent, beside what a snapshot shows of its customer. A direct read: it
    /// takes microseconds, and sees everything that was recorded before.
    fn check(
        &mut self,
        sequence: u64,
        update: &Update,
        held: Option<&HeldRow>,
    ) -> Result<Checked, Self::Error>;

    /// Whether the account is still this run's. A request may leave long after its row's intent
    /// became durable, at its permit or after a backoff.
    fn check_fence(&mut self) -> Result<(), Self::Error>;

    /// Hands over that this row is about to be sent, without waiting;
    /// [`recorded`](Self::recorded) tells when that is durable.
    ///
    /// Records become durable in the order in which they are handed over: an intent never before
    /// an earlier outcome. The scheduler relies on it when it hands over one row's intent before
    /// another row's outcome is durable.
    fn record_intent(&mut self, sequence: u64, update: Arc<Update>) -> Result<(), Self::Error>;

    /// Hands over what became of a row whose intent was recorded, without waiting, and in order as
    /// for [`record_intent`](Self::record_intent).
    fn record_outcome(
        &mut self,
        sequence: u64,
        update: Arc<Update>,
        outcome: RequestOutcome,
    ) -> Result<(), Self::Error>;

    /// Why a refusal may say nothing about a row whose intent was recorded.
    fn refusal_doubt(&mut self, sequence: u64) -> Result<RefusalDoubt, Self::Error>;

    /// Whether an earlier run has seen that TomTicket keeps this field.
    fn is_verified(&self, field: &FieldName) -> bool;

    /// Hands over that TomTicket keeps these fields, without waiting: [`Recorded::Seen`] follows.
    fn record_verified(&mut self, fields: &[FieldName]) -> Result<(), Self::Error>;

    /// Waits for the next records that have become durable. Must be cancel-safe.
    fn recorded(&mut self) -> impl Future<Output = Result<Vec<Recorded>, Self::Error>> + Send;
}
