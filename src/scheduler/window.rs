//! The rows between the oldest without a verdict and the newest read: their state, and the verdicts
//! waiting for their turn in the output. Bounded in rows and in bytes; it is also what puts verdicts
//! back into input order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::customer_order::Keys;
use crate::api::{Attempt, Reply};
use crate::model::{Outcome, Row, Situacao, Update};

/// Rows that may be in the window: how far rows of other customers run ahead of a slow one.
pub const WINDOW_ROWS: usize = 1024;
/// Bytes that the rows of the window may hold beyond [`WINDOW_LEAST`] rows.
pub const WINDOW_BYTES: usize = 8 * 1024 * 1024;
/// Rows that always fit, however large: the oldest, and 64 behind it that it does not hold up.
pub const WINDOW_LEAST: usize = 65;

/// Where a row stands.
#[derive(Debug)]
pub enum State {
    /// Waits until every earlier row of the same customer is settled.
    Queued,
    /// Unchanged, but an earlier row under the other identifier type is not settled, and it may
    /// concern the same customer: to be checked again.
    Deferred,
    /// To be sent as soon as pace, concurrency and health allow.
    Ready,
    /// Its intent was handed to the ledger.
    Intending,
    /// May leave: the intent is durable.
    Armed,
    /// A request is on its way.
    Flying,
    /// Waits before a repeat.
    Backoff,
    /// The verdict is being made durable.
    Settling(Outcome),
    /// Has its verdict, and waits for its turn in the output.
    Done(Outcome),
}

/// A row in the window.
#[derive(Debug)]
pub struct Entry {
    /// The row itself; `None` for the breaker's probe, which is no row of the input.
    pub row: Option<Box<Row>>,
    /// What it sends; `None` where the row is invalid.
    pub update: Option<Arc<Update>>,
    pub keys: Keys,
    pub state: State,
    pub history: History,
    /// Whether the memory holds an open intent for it.
    pub intended: bool,
    weight: usize,
}

impl Entry {
    pub fn new(row: Option<Box<Row>>, update: Option<Arc<Update>>, keys: Keys) -> Self {
        let weight = row.as_ref().map_or(0, |row| row.heap_bytes());
        Self {
            row,
            update,
            keys,
            state: State::Queued,
            history: History::default(),
            intended: false,
            weight,
        }
    }

    /// Whether no request for the row was ever made.
    pub fn history_is_empty(&self) -> bool {
        self.history.first_sent.is_none()
    }

    /// Whether the row changes the name it is addressed by.
    pub fn is_rename(&self) -> bool {
        self.update.as_ref().is_some_and(|update| update.rename_to().is_some())
    }
}

/// The attempts of one row, as far as the verdict needs them.
#[derive(Debug, Default)]
pub struct History {
    first_sent: Option<Instant>,
    last_end: Option<Instant>,
    /// Attempts that may have been executed.
    pub tentativas: u32,
    /// Those of them without a definite answer.
    pub ambiguous: u32,
    /// Status of the last response.
    pub http_status: Option<u16>,
    /// The words of the last attempt.
    pub mensagem: String,
}

impl History {
    /// Adds an attempt that ended at `end`.
    pub fn add(&mut self, attempt: Attempt, sent: Instant, end: Instant) {
        self.first_sent.get_or_insert(sent);
        self.last_end = Some(end);
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

    /// The words for a rename that nobody answered: `incerto`, whether it was its last attempt or
    /// the run ended first.
    pub fn words_of_an_unsettled_rename(&self) -> String {
        format!(
            "Não se sabe se a troca de e-mail foi feita ({}). Confira o cliente no TomTicket antes de repetir.",
            crate::locale::format::within(&self.mensagem)
        )
    }

    /// The verdict, with everything that the attempts say.
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
        }
    }
}

/// The window.
#[derive(Debug, Default)]
pub struct Window {
    entries: VecDeque<Entry>,
    /// Position of the first entry among all rows.
    base: u64,
    bytes: usize,
}

impl Window {
    /// Whether more rows may be read.
    pub fn has_room(&self) -> bool {
        self.entries.len() < WINDOW_LEAST
            || (self.entries.len() < WINDOW_ROWS && self.bytes < WINDOW_BYTES)
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds the next row; rows come in input order without gaps.
    pub fn push(&mut self, entry: Entry) {
        self.bytes += entry.weight;
        self.entries.push_back(entry);
    }

    pub fn get(&mut self, seq: u64) -> Option<&mut Entry> {
        let index = usize::try_from(seq.checked_sub(self.base)?).ok()?;
        self.entries.get_mut(index)
    }

    /// Positions of all rows in the window.
    pub fn seqs(&self) -> std::ops::Range<u64> {
        self.base..self.base + self.entries.len() as u64
    }

    /// The oldest row and its verdict, if it has one.
    pub fn pop_done(&mut self) -> Option<(Box<Row>, Outcome)> {
        if !matches!(self.entries.front()?.state, State::Done(_)) {
            return None;
        }
        let entry = self.entries.pop_front()?;
        self.base += 1;
        self.bytes -= entry.weight;
        match (entry.row, entry.state) {
            (Some(row), State::Done(outcome)) => Some((row, outcome)),
            _ => None,
        }
    }
}
