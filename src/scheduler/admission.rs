//! Rows come in: queued behind earlier rows of the same customer, and checked against the ledger
//! when their turn comes.

use std::sync::Arc;

use tokio::time::Instant;

use super::ledger::Ledger;
use super::row_state::{RowEntry, RowState};
use super::{InputBatch, Scheduler, Transport};
use crate::model::{Outcome, Row, Situacao};

impl<T: Transport, L: Ledger> Scheduler<T, L> {
    /// Takes what the reading side sent; `None` if the input has ended.
    pub(super) fn take_input(&mut self, batch: Option<InputBatch>) {
        match batch {
            Some(InputBatch::Rows(rows)) => rows.into_iter().for_each(|row| self.admit(row)),
            Some(InputBatch::Broken(reason)) => {
                self.input_ended = true;
                self.begin_stop(reason, Instant::now());
            }
            None => self.input_ended = true,
        }
    }

    fn admit(&mut self, row: Row) {
        let seq = row.seq;
        let (update, invalid) = match &row.update {
            Ok(update) => (Some(Arc::clone(update)), None),
            Err(mensagem) => (None, Some(mensagem.clone())),
        };
        let keys = update.as_ref().map(|update| self.order.enter(seq, update)).unwrap_or_default();
        let is_first = self.order.is_first(seq, &keys);
        self.window.push(RowEntry::new(Some(Box::new(row)), update, keys));
        if let Some(mensagem) = invalid {
            self.finish(seq, Outcome::unsent(Situacao::Invalido, mensagem));
        } else if let Some(mensagem) = self.unsent_message() {
            self.finish(seq, Outcome::unsent(Situacao::NaoEnviado, mensagem));
        } else if is_first {
            self.check(seq);
        }
    }

    /// The row is the first of its customer: does it need to be sent?
    fn check(&mut self, seq: u64) {
        let Some(update) = self.window.update(seq) else { return };
        match self.recorder.is_unchanged(seq, &update) {
            Some(true) if self.may_concern_same_customer(seq) => {
                self.window.set_state(seq, RowState::Deferred);
            }
            Some(true) => {
                let mensagem = "Sem mudança: o TomTicket já aceitou estes valores.".to_owned();
                self.finish(seq, Outcome::unsent(Situacao::Inalterado, mensagem));
            }
            Some(false) => self.window.set_state(seq, RowState::Unsent),
            // The ledger failed: the row waits for the stop that follows.
            None => {}
        }
    }

    /// Checks rows whose predecessors finished.
    pub(super) fn check_unblocked(&mut self) {
        while let Some(seq) = self.order.pop_unblocked() {
            if let Some(entry) = self.window.get(seq)
                && entry.state == RowState::Blocked
                && self.order.is_first(seq, &entry.keys)
            {
                self.check(seq);
            }
        }
        for seq in self.window.in_state(RowState::Deferred).clone() {
            if self.window.state(seq) == Some(RowState::Deferred)
                && !self.may_concern_same_customer(seq)
            {
                self.check(seq);
            }
        }
    }

    /// Whether an earlier row under the other identifier type is unfinished. Which e-mail belongs to
    /// which internal identifier is unknown here, so it may be the same customer.
    fn may_concern_same_customer(&mut self, seq: u64) -> bool {
        let update = self.window.get(seq).and_then(|entry| entry.update.as_ref());
        let other = update.map(|update| update.customer().ctype.other());
        other.is_some_and(|other| self.window.has_unfinished_before(seq, other))
    }
}
