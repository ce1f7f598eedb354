//! Verdicts: derived from a row's attempts, recorded in the ledger if it holds an intent, and handed
//! on in input order. The verdicts that a stop gives are in [`super::shutdown`].

use std::sync::Arc;

use tokio::time::Instant;

use super::events::Event;
use super::ledger::{Ledger, Recorded, RequestOutcome};
use super::row_state::{AttemptHistory, RowState};
use super::window::PROBE;
use super::{Scheduler, Transport};
use crate::locale::format::within;
use crate::model::{Outcome, Situacao};

impl<T: Transport, L: Ledger> Scheduler<T, L> {
    /// The last attempt gave the row this verdict.
    pub(super) fn finish_answered(&mut self, seq: u64, situacao: Situacao) {
        let Some(entry) = self.window.get(seq) else { return };
        let (outcome, request) = verdict(&entry.attempts, situacao);
        self.finish_row(seq, outcome, request);
    }

    /// Records the verdict if the ledger holds an intent; else it is final at once.
    pub(super) fn finish_row(&mut self, seq: u64, outcome: Outcome, request: RequestOutcome) {
        let is_recording = self.recorder.is_recording();
        let Some(entry) = self.window.get(seq) else { return };
        let update = entry.update.clone().filter(|_| entry.has_intent && is_recording);
        match update {
            Some(update) => {
                entry.outcome = Some(outcome);
                self.window.set_state(seq, RowState::RecordingOutcome);
                self.recorder.record_outcome(seq, Arc::clone(&update), request);
            }
            None => self.finish(seq, outcome),
        }
    }

    pub(super) fn on_recorded(&mut self, recorded: Vec<Recorded>) {
        for record in recorded {
            match record {
                Recorded::Held => {}
                Recorded::Intent { sequence } => self.on_intent_recorded(sequence),
                Recorded::Outcome { sequence, uncertain } => {
                    self.on_outcome_recorded(sequence, uncertain);
                }
            }
        }
    }

    fn on_intent_recorded(&mut self, seq: u64) {
        if let Some(entry) = self.window.get(seq) {
            entry.has_intent = true;
        }
        match self.stopping {
            Some(_) => self.abort_row(seq),
            None => self.window.set_state(seq, RowState::ReadyToSend),
        }
    }

    fn on_outcome_recorded(&mut self, seq: u64, uncertain: bool) {
        let Some(entry) = self.window.get(seq) else { return };
        entry.has_intent = false;
        if entry.state != RowState::RecordingOutcome {
            return;
        }
        let Some(mut outcome) = entry.outcome.take() else { return };
        if uncertain && outcome.situacao == Situacao::Recusado {
            outcome.situacao = Situacao::Incerto;
            outcome.mensagem = format!(
                "Recusado (\"{}\"), mas uma troca de e-mail deste cliente tinha ficado sem resposta e pode ter sido feita; confira o cliente no TomTicket.",
                outcome.mensagem
            );
        }
        self.finish(seq, outcome);
    }

    /// The verdict is final: customer order, breaker and progress display are told.
    pub(super) fn finish(&mut self, seq: u64, outcome: Outcome) {
        if seq == PROBE {
            return self.finish_probe(&outcome);
        }
        let Some(entry) = self.window.get(seq) else { return };
        let keys = std::mem::take(&mut entry.keys);
        let situacao = outcome.situacao;
        let sent = outcome.tentativas > 0;
        let stop = self.breaker.on_verdict(situacao, &outcome.mensagem, sent);
        entry.outcome = Some(outcome);
        self.window.set_state(seq, RowState::Finished);
        self.tell_changes(seq, situacao);
        self.order.leave(seq, &keys);
        self.rows_finished += 1;
        self.outbox.push(Event::Decided(situacao));
        // While a run is being stopped, verdicts are the stop's doing and do not change its reason.
        if let Some(reason) = stop
            && self.stopping.is_none()
        {
            self.begin_stop(reason, Instant::now());
        }
    }

    /// Tells what the row changed since the snapshot was read, if it did or may have.
    fn tell_changes(&mut self, seq: u64, situacao: Situacao) {
        let Some(entry) = self.window.get(seq) else { return };
        let changes = std::mem::take(&mut entry.changes);
        if entry.was_written && !Situacao::MAY_HAVE_CHANGED.contains(&situacao) {
            self.outbox.push(Event::Unreached);
            return;
        }
        let is_changed =
            situacao == Situacao::Inalterado || Situacao::MAY_HAVE_CHANGED.contains(&situacao);
        let Some(update) = entry.update.clone().filter(|_| is_changed && !changes.is_empty())
        else {
            return;
        };
        if let Some(snapshot) = &mut self.snapshot {
            let linha = entry.row.as_ref().map_or(0, |row| row.linha());
            snapshot.note_names(&update, linha);
        }
        self.outbox.push(Event::Changed { update, changes, situacao });
    }

    /// Hands on the verdicts of all finished rows at the head of the window.
    pub(super) fn emit_finished(&mut self) {
        while let Some((row, outcome)) = self.window.pop_finished() {
            self.outbox.push(Event::Settled(row, outcome));
        }
    }
}

/// The verdict on a row whose last attempt was final, and what the ledger is told of it.
fn verdict(attempts: &AttemptHistory, situacao: Situacao) -> (Outcome, RequestOutcome) {
    let last = &attempts.mensagem;
    let request = match situacao {
        Situacao::Atualizado => RequestOutcome::Accepted { first_attempt: attempts.ambiguous == 0 },
        // After an unanswered attempt, a refusal does not show that it was not executed.
        Situacao::Recusado if attempts.ambiguous == 0 => RequestOutcome::Refused,
        _ => RequestOutcome::Unknown,
    };
    let mensagem = match situacao {
        Situacao::Falhou => format!(
            "Sem resposta definitiva em {} tentativas; a última: {}. Rode de novo para repetir.",
            attempts.tentativas,
            within(last)
        ),
        Situacao::Incerto => attempts.unconfirmed_rename_message(),
        _ => last.clone(),
    };
    (attempts.outcome(situacao, mensagem), request)
}
