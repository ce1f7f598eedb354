//! The state of one row between reading and its verdict, and what is known about its attempts. The
//! only place that says where a row stands: every queue is derived from it (see
//! [`super::window`]). Who changes the state, and why, is in [`super::admission`], [`super::send`],
//! [`super::settle`], [`super::reading`] and [`super::shutdown`].
//!
//! ```text
//! state              event                                                 next state
//! ─────              ─────                                                 ──────────
//! (read)             invalid, or the run is stopping                       Finished
//!                    valid                                                 Blocked
//! Blocked            first of its customer, and unchanged                  Finished
//!                    the same, after open rows of the other type           Deferred
//!                    first of its customer, and to be sent                 Unsent
//! Deferred           no earlier row of the other type is open              as Blocked
//! Unsent             beyond --limit                                        Finished
//!                    admitted, without a ledger                            ReadyToSend
//!                    admitted, with a ledger                               RecordingIntent
//! RecordingIntent    the intent is durable                                 ReadyToSend
//! ReadyToSend        breaker and rate limiter permit it                    InFlight
//! ReadyToRead        the same                                              InFlight
//! InFlight           the update was not executed                           ReadyToSend
//!                    it may have been executed, and may be repeated        Waiting
//!                    its customer is to be read, later or at once          Waiting, ReadyToRead
//!                    the readings of other rows are to be waited for       OnHold
//!                    the verdict is clear, with an intent                  RecordingOutcome
//!                    the verdict is clear, without one                     Finished
//! Waiting            the wait is over                                      ReadyToSend, ReadyToRead
//! OnHold             those rows have been read, or are not to be           as InFlight
//! RecordingOutcome   the outcome is durable                                Finished
//! Finished           all earlier rows are finished                         (handed on)
//! ```
//!
//! A stop moves every row that is neither in flight nor being recorded to RecordingOutcome or
//! Finished, as a verdict does; the others follow when their request or their record is done.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::customer_order::CustomerKeys;
use super::reading::RowReading;
use crate::api::{Attempt, Reply};
use crate::locale::format::within;
use crate::model::{Outcome, Row, Situacao, Update, ValueChange};

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState {
    /// Waits until every earlier row of the same customer is finished.
    Blocked,
    /// Unchanged as far as the ledger knows, but an earlier row under the other identifier type is
    /// open and may concern the same customer: checked again when that one is finished.
    Deferred,
    /// To be sent, and not admitted yet.
    Unsent,
    /// The ledger was handed the intent, which is not durable yet.
    RecordingIntent,
    /// May leave as soon as breaker, rate limiter and concurrency permit it.
    ReadyToSend,
    /// Its customer may be read as soon as breaker, rate limiter and concurrency permit it.
    ReadyToRead,
    /// A request is on its way: a reading where [`RowEntry::reading`] is set, else the update.
    InFlight,
    /// Waits before a repeat or a reading, until [`RowEntry::wait_until`].
    Waiting,
    /// Waits for the readings of other rows: whether TomTicket keeps what it accepts, or which ids the
    /// custom fields have.
    OnHold,
    /// Has its verdict; the ledger was handed the outcome, which is not durable yet.
    RecordingOutcome,
    /// Has its verdict, and waits until all earlier rows have theirs.
    Finished,
}

/// A row in the window.
#[derive(Debug)]
pub struct RowEntry {
    /// The row itself; `None` for the breaker's probe, which is no row of the input, and for a row that
    /// goes first until the input reaches it.
    pub row: Option<Box<Row>>,
    /// What it sends; `None` for an invalid row.
    pub update: Option<Arc<Update>>,
    pub keys: CustomerKeys,
    /// Whether it goes before all others, whatever its place in the input.
    pub goes_first: bool,
    /// Changed only by [`super::window::RowWindow::set_state`].
    pub(super) state: RowState,
    pub attempts: AttemptHistory,
    /// When the last wait is over.
    pub wait_until: Option<Instant>,
    /// Set from its last attempt on, where its customer is read or it waits for those of other rows.
    pub reading: Option<Box<RowReading>>,
    /// Whether the ledger holds an open intent for the row.
    pub has_intent: bool,
    /// What the row does to each value that the snapshot shows, from Unsent on; also of a row that an
    /// earlier run sent since then.
    pub changes: Vec<ValueChange>,
    /// Whether an earlier run wrote to the customer since then; from Unsent on.
    pub was_written: bool,
    /// The verdict, from RecordingOutcome on.
    pub outcome: Option<Outcome>,
}

impl RowEntry {
    /// A row that was just read.
    pub fn new(row: Option<Box<Row>>, update: Option<Arc<Update>>, keys: CustomerKeys) -> Self {
        Self {
            row,
            update,
            keys,
            goes_first: false,
            state: RowState::Blocked,
            attempts: AttemptHistory::default(),
            wait_until: None,
            reading: None,
            has_intent: false,
            changes: Vec::new(),
            was_written: false,
            outcome: None,
        }
    }

    /// Whether the row changes the name it is addressed by.
    pub fn is_rename(&self) -> bool {
        self.update.as_ref().is_some_and(|update| update.rename_to().is_some())
    }

    /// Bytes of memory that the row takes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.row.as_ref().map_or(0, |row| row.heap_bytes())
    }
}

/// The attempts of one row, as far as the verdict needs them.
#[derive(Debug, Default)]
pub struct AttemptHistory {
    first_sent: Option<Instant>,
    last_sent: Option<Instant>,
    last_end: Option<Instant>,
    /// Attempts that may have been executed.
    pub tentativas: u32,
    /// Those of them without a definite answer.
    pub ambiguous: u32,
    /// Status of the last response.
    pub http_status: Option<u16>,
    /// The message of the last attempt.
    pub mensagem: String,
}

impl AttemptHistory {
    /// Adds an attempt that lasted from `sent` to `ended`.
    pub fn add(&mut self, attempt: Attempt, sent: Instant, ended: Instant) {
        self.first_sent.get_or_insert(sent);
        self.last_sent = Some(sent);
        self.last_end = Some(ended);
        match attempt.reply {
            Reply::Limited { .. } | Reply::NotSent(_) => {}
            Reply::Ambiguous => {
                self.tentativas += 1;
                self.ambiguous += 1;
            }
            Reply::Accepted | Reply::Refused | Reply::Denied | Reply::Redirected => {
                self.tentativas += 1;
            }
        }
        self.http_status = attempt.status;
        self.mensagem = attempt.mensagem;
    }

    /// When the first attempt left; no earlier row of the customer was sent after that.
    pub const fn first_sent(&self) -> Option<Instant> {
        self.first_sent
    }

    /// When the last attempt left.
    pub const fn last_sent(&self) -> Option<Instant> {
        self.last_sent
    }

    /// When the last attempt ended.
    pub const fn last_end(&self) -> Option<Instant> {
        self.last_end
    }

    /// The message of a rename without a definite answer.
    pub fn unconfirmed_rename_message(&self) -> String {
        format!(
            "Não se sabe se a troca de e-mail foi feita ({}). Confira o cliente no TomTicket antes de repetir.",
            within(&self.mensagem)
        )
    }

    /// The verdict, with the facts of the attempts.
    pub fn outcome(&self, situacao: Situacao, mensagem: String) -> Outcome {
        let duracao = match (self.first_sent, self.last_end) {
            (Some(first), Some(last)) => last.duration_since(first),
            _ => Duration::ZERO,
        };
        let sent = self.tentativas > 0;
        Outcome {
            situacao,
            mensagem,
            http_status: self.http_status.filter(|_| sent),
            tentativas: self.tentativas,
            duracao: if sent { duracao } else { Duration::ZERO },
            concluido_em: Timestamp::now(),
            by_reading: false,
        }
    }
}
