//! Rows come in: queued behind earlier rows of the same customer, and checked against the ledger
//! when their turn comes.

use std::sync::Arc;

use tokio::time::Instant;

use super::customer_order::CustomerKeys;
use super::ledger::Ledger;
use super::row_state::{RowEntry, RowState};
use super::{InputBatch, Scheduler, Transport};
use crate::ledger::Unchanged;
use crate::locale::format::local_time;
use crate::locale::os_error::describe_os_error;
use crate::model::{
    ACCEPTED_SINCE, HeldRow, InvalidRow, Outcome, Row, Situacao, Update, ValueChange,
};
use crate::snapshot::Shown;
use crate::stop::StopReason;

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

    /// Admits the rows that go before all others. The input reaches them later.
    pub(super) fn admit_first(&mut self) {
        for (seq, update) in std::mem::take(&mut self.options.first) {
            let keys = self.enter(seq, &update);
            let is_first = self.order.is_first(seq, &keys);
            let entry = RowEntry::new(None, Some(update), keys);
            self.window.add_early(seq, RowEntry { goes_first: true, ..entry });
            if is_first {
                self.check(seq);
            }
        }
    }

    /// Queues a row behind the earlier rows of the customers that it touches.
    fn enter(&mut self, seq: u64, update: &Update) -> CustomerKeys {
        let touched = self.snapshot.as_ref().map(|snapshot| snapshot.touched(update));
        self.order.enter(seq, update, touched.into_iter().flatten())
    }

    fn admit(&mut self, row: Row) {
        let Some(row) = self.window.place_early(row) else { return };
        let seq = row.seq;
        let left_out = row.left_out;
        let (update, invalid) = match &row.update {
            _ if left_out.is_some() => (None, None),
            Ok(update) => (Some(Arc::clone(update)), None),
            Err(InvalidRow { mensagem, .. }) => (None, Some(mensagem.clone())),
        };
        let keys = match &update {
            Some(update) => self.enter(seq, update),
            None => CustomerKeys::default(),
        };
        let is_first = self.order.is_first(seq, &keys);
        self.window.push(RowEntry::new(Some(Box::new(row)), update, keys));
        if let Some(left_out) = left_out {
            let mensagem = left_out.mensagem().to_owned();
            self.finish(seq, Outcome::unsent(Situacao::NaoEnviado, mensagem));
        } else if let Some(mensagem) = invalid {
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
        let shown = self.snapshot.as_ref().map(|snapshot| snapshot.compare(&update)).transpose();
        let held = match shown {
            Ok(shown) => shown.and_then(Shown::one),
            Err(error) => {
                let reason = format!(
                    "a cópia temporária do retrato não pode mais ser lida: {}",
                    describe_os_error(&error)
                );
                return self.begin_stop(StopReason::Local(reason), Instant::now());
            }
        };
        let evidence = held.as_ref().filter(|_| !self.options.full);
        // The ledger failed: the row waits for the stop that follows.
        let Some(checked) = self.recorder.check(seq, &update, evidence) else { return };
        match checked.unchanged {
            Some(_) if self.may_concern_same_customer(seq) => {
                self.window.set_state(seq, RowState::Deferred);
            }
            Some(unchanged) => {
                if unchanged == Unchanged::AcceptedSince {
                    self.note_changes(seq, &update, held.as_ref());
                }
                let mensagem = unchanged_message(unchanged);
                self.finish(seq, Outcome::unsent(Situacao::Inalterado, mensagem));
            }
            None => {
                if let Some(snapshot) = &mut self.snapshot {
                    snapshot.silence(&update);
                    self.note_changes(seq, &update, held.as_ref());
                }
                if let Some(entry) = self.window.get(seq) {
                    entry.was_written = checked.was_written;
                }
                self.window.set_state(seq, RowState::Unsent);
            }
        }
    }

    fn note_changes(&mut self, seq: u64, update: &Update, held: Option<&HeldRow>) {
        if let Some(entry) = self.window.get(seq) {
            entry.changes = ValueChange::of_row(update, held).collect();
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
        let entry = self.window.get(seq).filter(|entry| !entry.goes_first);
        let update = entry.and_then(|entry| entry.update.as_ref());
        let other = update.map(|update| update.customer().ctype.other());
        other.is_some_and(|other| self.window.has_unfinished_before(seq, other))
    }
}

/// Why a row is not sent, for its `mensagem`.
fn unchanged_message(unchanged: Unchanged) -> String {
    match unchanged {
        Unchanged::Accepted => "Sem mudança: o TomTicket já aceitou estes valores.".to_owned(),
        Unchanged::AcceptedSince => ACCEPTED_SINCE.to_owned(),
        Unchanged::Held { read_at, assumed } => {
            let assumed = match assumed {
                true => " (o que --assume dá por certo não foi comparado)",
                false => "",
            };
            format!("O TomTicket já tinha estes valores às {}{assumed}.", local_time(read_at))
        }
    }
}
