//! The seam to whatever remembers what the API already accepted: what the dispatcher asks it, what
//! it records there, and in which order.
//!
//! A row is checked once every earlier row that touches the same customer is done. If it is to be
//! sent, its intent is durable before the request leaves; its outcome is durable before the row
//! leaves the window. How any of this is stored is not known here.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;

use crate::model::Update;

/// What became of a request whose intent was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    /// The API confirmed it.
    Accepted {
        /// Whether no earlier attempt of this run may have been executed.
        first_attempt: bool,
    },
    /// The API refused it, and no attempt may have been executed.
    Refused,
    /// There was no definite answer.
    Unknown,
    /// Nothing left this machine, or nothing that was executed.
    NotSent,
}

/// A record that has become durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// An intent: the request may leave.
    Intent {
        /// Which row.
        sequence: u64,
    },
    /// An outcome: the row is done.
    Outcome {
        /// Which row.
        sequence: u64,
        /// Whether a refusal proves nothing, because an earlier rename of this customer is still
        /// without a definite answer.
        uncertain: bool,
    },
}

/// The ledger can no longer be read or written, and the run must end. Displays as a text for the
/// user.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct LedgerFailed(Box<dyn Error + Send + Sync>);

impl LedgerFailed {
    /// Wraps the reason, whose text is for the user.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// Remembers what the API accepted.
pub trait Ledger: Send {
    /// Whether there is a ledger. If not, every row is sent and nothing is recorded.
    fn is_on(&self) -> bool;

    /// Whether the API already holds every value that this row would send. A direct read: it takes
    /// microseconds, and sees everything that was recorded before.
    ///
    /// # Errors
    /// The ledger cannot be read.
    fn check(&mut self, sequence: u64, update: &Update) -> Result<bool, LedgerFailed>;

    /// Hands over that this row is about to be sent, without waiting;
    /// [`recorded`](Self::recorded) tells when that is durable.
    ///
    /// Records become durable in the order in which they are handed over: an intent never before
    /// an earlier outcome. The dispatcher relies on it when it hands over one row's intent before
    /// another row's outcome is durable.
    ///
    /// # Errors
    /// The ledger cannot be read.
    fn record_intent(&mut self, sequence: u64, update: Arc<Update>) -> Result<(), LedgerFailed>;

    /// Hands over what became of a row whose intent was recorded, without waiting, and in order as
    /// for [`record_intent`](Self::record_intent).
    ///
    /// # Errors
    /// As for [`record_intent`](Self::record_intent).
    fn record_outcome(
        &mut self,
        sequence: u64,
        update: Arc<Update>,
        outcome: RequestOutcome,
    ) -> Result<(), LedgerFailed>;

    /// Waits for the next records that have become durable. Must be cancel-safe.
    ///
    /// # Errors
    /// The ledger cannot be written.
    fn recorded(&mut self) -> impl Future<Output = Result<Vec<Recorded>, LedgerFailed>> + Send;
}

/// A run without a ledger: every valid row is sent (`--no-ledger`).
#[derive(Debug, Clone, Copy)]
pub struct NoLedger;

impl Ledger for NoLedger {
    fn is_on(&self) -> bool {
        false
    }

    fn check(&mut self, _: u64, _: &Update) -> Result<bool, LedgerFailed> {
        Ok(false)
    }

    fn record_intent(&mut self, _: u64, _: Arc<Update>) -> Result<(), LedgerFailed> {
        Ok(())
    }

    fn record_outcome(
        &mut self,
        _: u64,
        _: Arc<Update>,
        _: RequestOutcome,
    ) -> Result<(), LedgerFailed> {
        Ok(())
    }

    async fn recorded(&mut self) -> Result<Vec<Recorded>, LedgerFailed> {
        std::future::pending().await
    }
}
