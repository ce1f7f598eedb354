//! Verdicts: derived from a row's attempts, recorded in the ledger if it holds an intent, and handed
//! on in input order. The verdicts that a stop gives are in [`super::shutdown`].

use std::sync::Arc;

use tokio::time::Instant;

use super::events::Event;
use super::ledger::{Ledger, Recorded, RequestOutcome};
use super::reading::settlement::{self, RefusalDoubt, Settled};
use super::reading::{AttemptVerdict, Decision};
use super::row_state::{AttemptHistory, RowState};
use super::window::PROBE;
use super::{Scheduler, Transport};
use crate::locale::format::within;
use crate::model::{FieldName, Outcome, Situacao};

impl<T: Transport, L: Ledger> Scheduler<T, L> {
    /// The row gets the verdict that was decided. A row that a reading would have settled, but for a
    /// stop or a pause, is as one whose reading got no answer. An accepted row that sends a column which
    /// is lost wherever it was read is no success.
    pub(super) fn finish_decided(&mut self, seq: u64, mut decision: Decision) {
        if self.readings.may_be_allowed() {
            if self.is_settled_by_reading(seq, decision.plain) {
                decision.settled.get_or_insert(Settled::NoAnswer);
            }
            decision.may_be_undone = !decision.is_looked_at && self.late_effect(seq).is_some();
        }
        let Some(entry) = self.window.get(seq) else { return };
        if decision.plain.situacao == Situacao::Atualizado
            && let (Some(verification), Some(update)) = (&self.readings.verification, &entry.update)
        {
            decision.not_kept = verification.suspicious(update).cloned().collect();
        }
        let (outcome, request) = verdict(&entry.attempts, &decision, entry.is_rename());
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
                Recorded::Seen => {}
                Recorded::Intent { sequence } => self.on_intent_recorded(sequence),
                Recorded::Outcome { sequence } => self.on_outcome_recorded(sequence),
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

    fn on_outcome_recorded(&mut self, seq: u64) {
        let Some(entry) = self.window.get(seq) else { return };
        entry.has_intent = false;
        if entry.state == RowState::RecordingOutcome
            && let Some(outcome) = entry.outcome.take()
        {
            self.finish(seq, outcome);
        }
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
        self.rows_not_accepted += u64::from(sent && situacao != Situacao::Atualizado);
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

/// The verdict on a row, and what the ledger is told of its request.
fn verdict(
    attempts: &AttemptHistory,
    decision: &Decision,
    is_rename: bool,
) -> (Outcome, RequestOutcome) {
    let AttemptVerdict { situacao: plain, doubt } = decision.plain;
    let is_accepted = plain == Situacao::Atualizado;
    let is_lost = decision.is_undone || !decision.not_kept.is_empty();
    let situacao = match &decision.settled {
        _ if is_lost => Situacao::Falhou,
        Some(settled) => settlement::verdict(settled, plain, doubt),
        None if doubt == RefusalDoubt::RenameOpen => Situacao::Incerto,
        None => plain,
    };
    let request = match situacao {
        _ if is_accepted && is_rename && (is_lost || decision.may_be_undone) => {
            RequestOutcome::Renamed
        }
        Situacao::Atualizado if is_accepted => RequestOutcome::Accepted {
            first_attempt: attempts.ambiguous == 0 && !decision.may_be_undone,
        },
        _ if is_rename && knows_rename(decision) => RequestOutcome::Renamed,
        // The earlier rename stays open for the next run to read.
        Situacao::Incerto if is_rename && decision.settled == Some(Settled::NoAnswer) => {
            RequestOutcome::Unknown
        }
        // After an unanswered attempt, a refusal does not show that it was not executed.
        _ if plain == Situacao::Recusado && situacao != Situacao::Atualizado => {
            match attempts.ambiguous {
                0 => RequestOutcome::Refused,
                _ => RequestOutcome::Unknown,
            }
        }
        _ => RequestOutcome::Unknown,
    };
    let mut outcome = attempts.outcome(situacao, message(attempts, decision, situacao));
    let is_decided_by_reading = matches!(
        decision.settled,
        Some(Settled::Confirmed | Settled::NotDone | Settled::RenamedOnly(_))
    );
    outcome.by_reading = decision.is_undone || (is_decided_by_reading && situacao != plain);
    (outcome, request)
}

fn message(attempts: &AttemptHistory, decision: &Decision, situacao: Situacao) -> String {
    let last = &attempts.mensagem;
    let is_refused = decision.plain.situacao == Situacao::Recusado;
    match (situacao, &decision.settled) {
        _ if decision.is_undone => {
            "Uma tentativa atrasada desfez esta linha; rode de novo.".to_owned()
        }
        _ if !decision.not_kept.is_empty() => format!(
            "O TomTicket aceitou esta linha, mas não guardou {}. Confira o id do campo (tomticket-sync ids).",
            names(&decision.not_kept)
        ),
        (Situacao::Atualizado, Some(Settled::Confirmed)) => "Confirmado por leitura.".to_owned(),
        (Situacao::Incerto, Some(Settled::RenamedPartly(fields))) => format!(
            "O e-mail do cliente foi trocado, mas a leitura não mostra {}. Confira o cliente no TomTicket.",
            names(fields)
        ),
        (Situacao::Falhou, Some(Settled::RenamedOnly(fields))) => format!(
            "O e-mail do cliente já é o novo, mas a leitura mostra outro valor em {}. Rode de novo; se a linha for recusada, envie-a com o e-mail novo.",
            names(fields)
        ),
        (Situacao::Falhou, Some(Settled::NoAnswer)) if is_refused => format!(
            "Recusado (\"{last}\"), mas a troca de e-mail deste cliente já tinha sido feita, e a leitura não respondeu. Rode de novo."
        ),
        (Situacao::Falhou, _) if is_refused => format!(
            "Recusado (\"{last}\"), depois de uma troca de e-mail deste cliente que ficou sem resposta; pela leitura, esta linha não foi feita até agora. Rode de novo para repetir."
        ),
        (Situacao::Falhou, Some(Settled::NotDone))
            if decision.plain.situacao == Situacao::Incerto =>
        {
            format!(
                "Pela leitura, a troca de e-mail não foi feita até agora ({}). Rode de novo para repetir.",
                within(last)
            )
        }
        (Situacao::Falhou, _) => format!(
            "Sem resposta definitiva em {} tentativas; a última: {}. Rode de novo para repetir.",
            attempts.tentativas,
            within(last)
        ),
        (Situacao::Incerto, _) if is_refused => format!(
            "Recusado (\"{last}\"), mas uma troca de e-mail deste cliente tinha ficado sem resposta e pode ter sido feita; confira o cliente no TomTicket."
        ),
        (Situacao::Incerto, _) => attempts.unconfirmed_rename_message(),
        _ => last.clone(),
    }
}

/// Whether the row's rename is known to be done, by a reading or from an earlier run. A reading confirms
/// nothing more to the ledger, for it may show what was held before.
const fn knows_rename(decision: &Decision) -> bool {
    matches!(
        (&decision.settled, decision.plain.doubt),
        (Some(Settled::Confirmed | Settled::RenamedPartly(_)), _)
            | (Some(Settled::RenamedOnly(_)), RefusalDoubt::None | RefusalDoubt::RenameOpen)
            | (Some(Settled::NoAnswer), RefusalDoubt::RenameDone)
    )
}

/// Columns as a list in a sentence.
fn names(fields: &[FieldName]) -> String {
    fields.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
