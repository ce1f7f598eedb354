//! The seam to whatever remembers what the API already accepted: what the pool asks and tells, and
//! when.
//!
//! A row is judged once every earlier row that touches the same customer is settled. If it is to be
//! sent, its intent is made durable before the request leaves; when its verdict is known, the memory
//! hears it, and the row leaves the pool only when that is durable too.

use std::future::Future;
use std::sync::Arc;

use crate::model::Update;

/// Something for the memory. `seq` comes back in the [`Answer`].
#[derive(Debug)]
pub enum Ask {
    /// Is every value of this row believed to be held by the API?
    Judge {
        /// Which row.
        seq: u64,
        /// What it would send.
        update: Arc<Update>,
    },
    /// This is about to leave.
    Intend {
        /// Which row.
        seq: u64,
        /// What is about to be sent.
        update: Arc<Update>,
    },
    /// This is what became of an intent.
    Settle {
        /// Which row.
        seq: u64,
        /// What was sent.
        update: Arc<Update>,
        /// What became of it.
        how: Settlement,
    },
}

impl Ask {
    /// Which row it is about.
    pub const fn seq(&self) -> u64 {
        match self {
            Self::Judge { seq, .. } | Self::Intend { seq, .. } | Self::Settle { seq, .. } => *seq,
        }
    }
}

/// What became of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// The API confirmed it.
    Accepted {
        /// Whether no earlier attempt of this run may have been executed.
        first_attempt: bool,
    },
    /// The API said no.
    Refused,
    /// No definite answer.
    Unknown,
    /// Nothing left this machine, or nothing that was executed.
    NotSent,
}

/// The memory's reply to an [`Ask`]. Every ask gets exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// To [`Ask::Judge`].
    Judged {
        /// Which row.
        seq: u64,
        /// Whether nothing needs to be sent.
        believed: bool,
    },
    /// To [`Ask::Intend`]: the intent is durable.
    Intended {
        /// Which row.
        seq: u64,
    },
    /// To [`Ask::Settle`]: the verdict is durable.
    Settled {
        /// Which row.
        seq: u64,
        /// A refusal proves nothing here, because an earlier rename of this customer is still
        /// without a definite answer.
        uncertain: bool,
    },
}

/// Remembers what the API accepted.
pub trait Ledger: Send {
    /// Whether there is anything to ask; where not, every row is sent and nothing is told.
    fn is_on(&self) -> bool;

    /// Hands over a batch. The pool never has more asks unanswered than it holds rows.
    ///
    /// Asks become durable in the order in which they are handed over: an intent never before a
    /// settlement that was told earlier. The pool counts on it when it lets one row's intent follow
    /// upon another's settlement without waiting in between.
    ///
    /// # Errors
    /// A text for the user: the memory can no longer be trusted, and the run must end.
    fn ask(&mut self, asks: Vec<Ask>) -> impl Future<Output = Result<(), String>> + Send;

    /// Waits for the next answers. Must be cancel-safe.
    ///
    /// # Errors
    /// As for [`ask`](Self::ask).
    fn answers(&mut self) -> impl Future<Output = Result<Vec<Answer>, String>> + Send;
}

/// No memory: every valid row is sent (`--no-ledger`).
#[derive(Debug, Clone, Copy)]
pub struct NoLedger;

impl Ledger for NoLedger {
    fn is_on(&self) -> bool {
        false
    }

    async fn ask(&mut self, _asks: Vec<Ask>) -> Result<(), String> {
        Ok(())
    }

    async fn answers(&mut self) -> Result<Vec<Answer>, String> {
        std::future::pending().await
    }
}
