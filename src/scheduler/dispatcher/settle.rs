//! The end of rows and of runs: verdicts leave in input order; a stop gives every row that is left
//! the verdict it has earned so far.

use tokio::time::Instant;

use super::{Dispatcher, PROBE, Stopping};
use crate::api::{Attempt, Reply};
use crate::locale::format::within;
use crate::model::Situacao;
use crate::scheduler::Transport;
use crate::scheduler::events::Event;
use crate::scheduler::ledger::{Ledger, RequestOutcome};
use crate::scheduler::retry;
use crate::scheduler::window::State;
use crate::stop::StopReason;

impl<T: Transport, M: Ledger> Dispatcher<T, M> {
    /// Hands on the verdicts of all rows at the head of the window that have one.
    pub(super) fn emit_done(&mut self) {
        while let Some((row, outcome)) = self.window.pop_done() {
            self.outbox.push(Event::Settled(row, outcome));
        }
    }

    /// The words for rows that a stop leaves unsent.
    pub(super) fn stop_message(&self) -> Option<String> {
        let stopping = self.stopping.as_ref()?;
        Some(format!("Não enviado: {}.", within(&stopping.reason.to_string())))
    }

    /// Begins to stop: nothing more leaves; what is in flight is waited for. A more urgent reason
    /// that comes later replaces the first.
    pub(super) fn begin_stop(&mut self, reason: StopReason, now: Instant) {
        if let Some(stopping) = &mut self.stopping {
            if reason.outranks(&stopping.reason) {
                stopping.reason = reason;
            }
            return;
        }
        tracing::debug!(motivo = %reason, "parada");
        self.stopping = Some(Stopping { reason, deadline: now + self.options.drain });
        self.ready.clear();
        self.again.clear();
        self.armed.clear();
        self.backoff.clear();
        self.deferred.clear();
        for seq in self.window.seqs().chain([PROBE]) {
            let waiting = self.entry(seq).is_some_and(|entry| {
                matches!(
                    entry.state,
                    State::Queued | State::Deferred | State::Ready | State::Armed | State::Backoff
                )
            });
            if waiting {
                self.cut_off(seq);
            }
        }
    }

    /// Gives a row the verdict that a stop leaves it.
    pub(super) fn cut_off(&mut self, seq: u64) {
        let unsent = self.stop_message().unwrap_or_default();
        let Some(entry) = self.entry(seq) else { return };
        let history = &entry.history;
        let situacao = retry::cut_off(history.ambiguous, entry.is_rename());
        let (mensagem, how) = match situacao {
            Situacao::NaoEnviado => (unsent, RequestOutcome::NotSent),
            Situacao::Incerto => (history.words_of_an_unsettled_rename(), RequestOutcome::Unknown),
            _ => (
                format!(
                    "Sem resposta definitiva, e a execução terminou antes de repetir; a última tentativa: {}. Rode de novo para repetir.",
                    within(&history.mensagem)
                ),
                RequestOutcome::Unknown,
            ),
        };
        let outcome = history.outcome(situacao, mensagem);
        self.conclude(seq, outcome, how);
    }

    /// The time for answers is over: what is still in flight counts as unanswered.
    pub(super) fn give_up_flights(&mut self) {
        self.flights.abort_all();
        let now = Instant::now();
        for (_, flight) in std::mem::take(&mut self.in_flight) {
            let attempt = Attempt {
                reply: Reply::Ambiguous,
                status: None,
                mensagem: "sem resposta até o fim da execução".to_owned(),
                sent: flight.sent.into_std(),
                answered: now.into_std(),
            };
            self.count(&attempt, flight.seq);
            if let Some(entry) = self.entry(flight.seq) {
                entry.history.add(attempt, flight.sent, now);
                self.cut_off(flight.seq);
            }
        }
    }
}
