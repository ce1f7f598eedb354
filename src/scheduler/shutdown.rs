//! The end of a run. A stop sends nothing more, waits for what is in flight, and gives every row that
//! is left the verdict it has earned so far.

use tokio::time::Instant;

use super::events::Event;
use super::ledger::{Ledger, RequestOutcome};
use super::retry;
use super::row_state::RowState;
use super::send::unanswered;
use super::{Scheduler, Transport};
use crate::api::Reply;
use crate::locale::format::within;
use crate::model::Situacao;
use crate::stop::{StopReason, unsent_message};

/// The run is being stopped.
#[derive(Debug)]
pub(super) struct Stopping {
    pub reason: StopReason,
    /// When requests in flight are given up.
    pub deadline: Instant,
}

impl<T: Transport, L: Ledger> Scheduler<T, L> {
    /// Whether nothing is left to do or to wait for.
    pub(super) fn is_complete(&self) -> bool {
        let reason = self.stopping.as_ref().map(|stopping| &stopping.reason);
        let rows_left = !self.input_ended || !self.window.is_empty();
        self.requests.is_empty()
            && !self.recorder.is_pending()
            && (!rows_left || matches!(reason, Some(StopReason::Local(_))))
    }

    /// The message of rows that a stop leaves unsent; `None` while the run is not being stopped.
    pub(super) fn unsent_message(&self) -> Option<String> {
        let stopping = self.stopping.as_ref()?;
        Some(unsent_message(&stopping.reason.to_string()))
    }

    /// Begins to stop: nothing more leaves, and what is in flight is waited for. A more urgent reason
    /// that comes later replaces the first.
    pub(super) fn begin_stop(&mut self, reason: StopReason, now: Instant) {
        if let Some(stopping) = &mut self.stopping {
            if reason.outranks(&stopping.reason) {
                stopping.reason = reason;
            }
            return;
        }
        tracing::debug!(motivo = %reason, "parada");
        let deadline = now + reason.patience(self.options.drain);
        self.stopping = Some(Stopping { reason, deadline });
        for seq in self.window.seqs() {
            if let Some(
                RowState::Blocked
                | RowState::Deferred
                | RowState::Unsent
                | RowState::ReadyToSend
                | RowState::ReadyToRead
                | RowState::Waiting
                | RowState::OnHold,
            ) = self.window.state(seq)
            {
                self.abort_row(seq);
            }
        }
    }

    /// Gives a row the verdict that a stop leaves it.
    pub(super) fn abort_row(&mut self, seq: u64) {
        let unsent = self.unsent_message().unwrap_or_default();
        let Some(entry) = self.window.get(seq) else { return };
        if let Some(reading) = entry.reading.take() {
            return self.finish_decided(seq, reading.decision);
        }
        let attempts = &entry.attempts;
        let situacao = retry::decide_aborted(attempts.ambiguous, entry.is_rename());
        let (mensagem, request) = match situacao {
            Situacao::NaoEnviado => (unsent, RequestOutcome::NotSent),
            Situacao::Incerto => (attempts.unconfirmed_rename_message(), RequestOutcome::Unknown),
            _ => (
                format!(
                    "Sem resposta definitiva, e a execução terminou antes de repetir; a última tentativa: {}. Rode de novo para repetir.",
                    within(&attempts.mensagem)
                ),
                RequestOutcome::Unknown,
            ),
        };
        let outcome = attempts.outcome(situacao, mensagem);
        self.finish_row(seq, outcome, request);
    }

    /// The deadline of a stop has passed: what is still in flight counts as unanswered.
    pub(super) fn abort_in_flight(&mut self) {
        let now = Instant::now();
        for request in self.requests.abort_all() {
            if self.window.get(request.seq).is_some_and(|entry| entry.reading.is_some()) {
                self.outbox.push(Event::Read(Reply::Ambiguous));
                self.abort_row(request.seq);
                continue;
            }
            let attempt = unanswered("sem resposta até o fim da execução", now);
            self.count_request(request.seq, &attempt);
            if let Some(entry) = self.window.get(request.seq) {
                entry.attempts.add(attempt, request.sent, now);
                self.abort_row(request.seq);
            }
        }
    }

    /// The ledger failed: nothing more becomes durable. What the API answered is reported all the
    /// same; only the next run does not know of it.
    pub(super) fn abandon_ledger(&mut self, failure: String) {
        self.begin_stop(StopReason::Local(failure), Instant::now());
        for seq in self.window.seqs() {
            let Some(entry) = self.window.get(seq) else { continue };
            match (entry.state, entry.outcome.take()) {
                (RowState::RecordingOutcome, Some(outcome)) => self.finish(seq, outcome),
                (RowState::RecordingIntent, _) => self.abort_row(seq),
                (_, outcome) => entry.outcome = outcome,
            }
        }
    }

    pub(super) fn log_draining(&self) {
        let reason = self.stopping.as_ref().map(|stopping| &stopping.reason);
        if let Some(message) =
            reason.and_then(|reason| draining_message(reason, self.requests.len()))
        {
            tracing::warn!("{message}");
        }
    }
}

/// What a stop waits for, if it waits.
pub(super) fn draining_message(reason: &StopReason, in_flight: usize) -> Option<String> {
    let again = match reason {
        StopReason::Signal(_) => " (um segundo sinal sai já)",
        _ => "",
    };
    (in_flight > 0)
        .then(|| format!("parando: as requisições em andamento são esperadas por até 10 s{again}"))
}
