//! Rows come in: queued behind earlier rows of the same customer, checked against the ledger, made
//! ready.

use std::cmp::Reverse;
use std::sync::Arc;

use tokio::time::Instant;

use super::{Dispatcher, PROBE, type_index};
use crate::model::{Job, Outcome, Row, Situacao};
use crate::scheduler::events::Event;
use crate::scheduler::ledger::{Ledger, LedgerFailed, Recorded, RequestOutcome};
use crate::scheduler::window::{Entry, State};
use crate::scheduler::{InputBatch, Transport};
use crate::stop::StopReason;

impl<T: Transport, M: Ledger> Dispatcher<T, M> {
    pub(super) fn take_feed(&mut self, feed: Option<InputBatch>) {
        match feed {
            Some(InputBatch::Rows(rows)) => rows.into_iter().for_each(|row| self.admit(row)),
            Some(InputBatch::Broken(why)) => {
                self.feed_ended = true;
                self.begin_stop(StopReason::Local(why), Instant::now());
            }
            None => self.feed_ended = true,
        }
    }

    fn admit(&mut self, row: Row) {
        let seq = row.seq;
        let update = match &row.job {
            Job::Send(update) => Some(Arc::clone(update)),
            Job::Invalid(_) => None,
        };
        let keys = update.as_ref().map(|update| self.order.enter(seq, update)).unwrap_or_default();
        let free = self.order.is_free(seq, &keys);
        if self.memory.is_on()
            && let Some(update) = &update
        {
            self.open_by_type[type_index(update.customer().ctype)].insert(seq);
        }
        let invalid = match &row.job {
            Job::Invalid(mensagem) => Some(mensagem.clone()),
            Job::Send(_) => None,
        };
        self.window.push(Entry::new(Some(Box::new(row)), update, keys));
        if let Some(mensagem) = invalid {
            self.decide(seq, Outcome::unsent(Situacao::Invalido, mensagem));
        } else if let Some(mensagem) = self.stop_message() {
            self.decide(seq, Outcome::unsent(Situacao::NaoEnviado, mensagem));
        } else if free {
            self.check(seq);
        }
    }

    /// The row's turn has come: does it need to be sent?
    fn check(&mut self, seq: u64) {
        let Some(update) = self.entry(seq).and_then(|entry| entry.update.clone()) else { return };
        let unchanged = match self.memory.is_on() {
            false => Ok(false),
            true => self.memory.check(seq, &update),
        };
        match unchanged {
            Ok(true) if self.may_concern_the_same(seq) => {
                self.set_state(seq, State::Deferred);
                self.deferred.push(seq);
            }
            Ok(true) => {
                let mensagem = "Sem mudança: o TomTicket já aceitou estes valores.".to_owned();
                self.decide(seq, Outcome::unsent(Situacao::Inalterado, mensagem));
            }
            Ok(false) => {
                self.set_state(seq, State::Ready);
                self.ready.push(Reverse(seq));
            }
            // The row waits for the stop that follows.
            Err(failure) => {
                self.ledger_failure.get_or_insert(failure);
            }
        }
    }

    fn set_state(&mut self, seq: u64, state: State) {
        if let Some(entry) = self.entry(seq) {
            entry.state = state;
        }
    }

    /// Counts a record that was handed over, or notes why it was not.
    pub(super) fn note_handed_over(&mut self, handed_over: Result<(), LedgerFailed>) {
        match handed_over {
            Ok(()) => self.unrecorded += 1,
            Err(failure) => {
                self.ledger_failure.get_or_insert(failure);
            }
        }
    }

    /// Looks at rows whose predecessor settled, until none of them frees another one.
    pub(super) fn look_at_freed(&mut self) {
        loop {
            self.decided = false;
            self.look_at_freed_once();
            if !self.decided {
                break;
            }
        }
    }

    fn look_at_freed_once(&mut self) {
        while let Some(seq) = self.freed.pop() {
            let Some(entry) = self.window.get(seq) else { continue };
            if matches!(entry.state, State::Queued) {
                let keys = std::mem::take(&mut entry.keys);
                let free = self.order.is_free(seq, &keys);
                if let Some(entry) = self.window.get(seq) {
                    entry.keys = keys;
                }
                if free {
                    self.check(seq);
                }
            }
        }
        if !self.deferred.is_empty() {
            for seq in std::mem::take(&mut self.deferred) {
                if self.may_concern_the_same(seq) {
                    self.deferred.push(seq);
                } else if matches!(self.entry(seq).map(|e| &e.state), Some(State::Deferred)) {
                    self.check(seq);
                }
            }
        }
    }

    /// Whether an earlier row under the other identifier type has no verdict yet. Nobody knows
    /// which e-mail belongs to which internal identifier, so it may be the same customer.
    fn may_concern_the_same(&mut self, seq: u64) -> bool {
        let Some(ctype) = self
            .entry(seq)
            .and_then(|entry| entry.update.as_ref())
            .map(|update| update.customer().ctype)
        else {
            return false;
        };
        self.open_by_type[type_index(ctype.other())].first().is_some_and(|first| *first < seq)
    }

    pub(super) fn on_recorded(&mut self, recorded: Vec<Recorded>) {
        self.unrecorded = self.unrecorded.saturating_sub(recorded.len());
        for record in recorded {
            match record {
                Recorded::Intent { sequence } => self.intended(sequence),
                Recorded::Outcome { sequence, uncertain } => self.settled(sequence, uncertain),
            }
        }
    }

    /// The intent is durable: the row may leave, unless the run is being stopped.
    fn intended(&mut self, seq: u64) {
        let stopping = self.stopping.is_some();
        let Some(entry) = self.entry(seq) else { return };
        entry.intended = true;
        if stopping {
            self.cut_off(seq);
        } else {
            entry.state = State::Armed;
            self.armed.push(Reverse(seq));
        }
    }

    fn settled(&mut self, seq: u64, uncertain: bool) {
        let Some(entry) = self.entry(seq) else { return };
        entry.intended = false;
        let state = std::mem::replace(&mut entry.state, State::Queued);
        let State::Settling(mut outcome) = state else {
            entry.state = state;
            return;
        };
        if uncertain && outcome.situacao == Situacao::Recusado {
            outcome.situacao = Situacao::Incerto;
            outcome.mensagem = format!(
                "Recusado (\"{}\"), mas uma troca de e-mail deste cliente tinha ficado sem resposta e pode ter sido feita; confira o cliente no TomTicket.",
                outcome.mensagem
            );
        }
        self.decide(seq, outcome);
    }

    /// Makes a verdict durable where the memory holds an intent, else final at once.
    pub(super) fn conclude(&mut self, seq: u64, outcome: Outcome, how: RequestOutcome) {
        let Some(entry) = self.entry(seq) else { return };
        match (&entry.update, entry.intended) {
            (Some(update), true) => {
                let update = Arc::clone(update);
                entry.state = State::Settling(outcome);
                let handed_over = self.memory.record_outcome(seq, update, how);
                self.note_handed_over(handed_over);
            }
            _ => self.decide(seq, outcome),
        }
    }

    /// The verdict is final (and durable): everybody who waits for it hears it.
    pub(super) fn decide(&mut self, seq: u64, outcome: Outcome) {
        let sent = outcome.tentativas > 0;
        let situacao = outcome.situacao;
        if seq == PROBE {
            self.probe_decided(&outcome);
            return;
        }
        let on = self.memory.is_on();
        let Some(entry) = self.window.get(seq) else { return };
        let keys = std::mem::take(&mut entry.keys);
        if on && let Some(update) = &entry.update {
            self.open_by_type[type_index(update.customer().ctype)].remove(&seq);
        }
        self.order.leave(seq, &keys, &mut self.freed);
        let stop = self.health.settled(situacao, &outcome.mensagem, sent);
        entry.state = State::Done(outcome);
        self.decided = true;
        self.outbox.push(Event::Decided(situacao));
        // Of a run that is ending already the verdicts are the end's work, not the file's: the reason
        // that stands stays.
        if let Some(reason) = stop
            && self.stopping.is_none()
        {
            self.begin_stop(reason, Instant::now());
        }
    }
}
