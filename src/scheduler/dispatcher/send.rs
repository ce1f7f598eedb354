//! Rows go out: intent, permit, request; replies come back and are weighed.

use std::cmp::Reverse;
use std::sync::Arc;

use tokio::task::{self, JoinError};
use tokio::time::Instant;

use super::{Dispatcher, Flight, PROBE};
use crate::api::{Attempt, Reply};
use crate::model::{Outcome, Situacao};
use crate::panic_hook;
use crate::scheduler::Transport;
use crate::scheduler::circuit_breaker::{Health, SendPermission};
use crate::scheduler::events::{Event, Request, RequestKind};
use crate::scheduler::ledger::{Ledger, RequestOutcome};
use crate::scheduler::rate_limiter::RequestResult;
use crate::scheduler::retry::{Decision, decide};
use crate::scheduler::window::{Entry, State};
use crate::stop::StopReason;

/// Rows whose intent is made durable ahead of their permit when the rate is limited: enough that no
/// permit waits for a disk, few enough that a crash leaves next to nothing to repeat.
const PREPARED_AHEAD: usize = 2;

impl<T: Transport, M: Ledger> Dispatcher<T, M> {
    /// Starts everything that may start now. Returns when it is worth looking again, should nothing
    /// else happen before.
    pub(super) fn send_what_may_leave(&mut self, now: Instant) -> Option<Instant> {
        let mut wake = match &self.stopping {
            Some(stopping) if stopping.deadline <= now => {
                self.give_up_flights();
                None
            }
            Some(stopping) => Some(stopping.deadline),
            None => self.health.gives_up_at(),
        };
        if self.stopping.is_some() {
            return wake;
        }
        while let Some(Reverse((at, seq))) = self.backoff.peek().copied() {
            if at > now {
                wake = earliest(wake, at);
                break;
            }
            self.backoff.pop();
            self.back_in_line(seq);
        }
        self.heed_breaker();
        self.prepare();
        while self.in_flight.len() + self.preparing_beyond_armed() < self.options.concurrency {
            match self.health.gate(now) {
                SendPermission::Open => {}
                SendPermission::PausedUntil(until) => {
                    wake = earliest(wake, until);
                    break;
                }
                SendPermission::ProbeAt(_) if !self.in_flight.is_empty() => break,
                SendPermission::ProbeAt(at) if at > now => {
                    wake = earliest(wake, at);
                    break;
                }
                SendPermission::ProbeAt(_) => {}
            }
            let Some(seq) = self.next_to_leave() else { break };
            match self.pace.take(now) {
                Ok(permit) => self.launch(seq, permit, now),
                Err(later) => {
                    self.put_back(seq);
                    wake = earliest(wake, later);
                    break;
                }
            }
        }
        wake
    }

    /// Rows that hold a place because their intent is on its way to the disk.
    fn preparing_beyond_armed(&self) -> usize {
        self.preparing.saturating_sub(self.armed.len())
    }

    /// With a memory, tells it of the next rows before their permits are due.
    fn prepare(&mut self) {
        if !self.memory.is_on() {
            return;
        }
        let ahead = match self.options.rate.per_second() {
            Some(_) => PREPARED_AHEAD,
            None => self.options.concurrency,
        };
        // Never more open intents than requests may be in flight: that is what a crash repeats. A
        // verdict that is on its way to the disk needs no place: records become durable in order, so
        // no intent does before the verdicts that were recorded earlier, and both mostly share one
        // sync.
        // Rows that go again after a 429 have theirs already.
        while self.preparing < ahead
            && self.in_flight.len() + self.preparing + self.again.len() < self.options.concurrency
        {
            let Some(seq) = self.next_new() else { break };
            let Some(entry) = self.entry(seq) else { continue };
            let Some(update) = entry.update.clone() else { continue };
            entry.state = State::Intending;
            self.preparing += 1;
            let handed_over = self.memory.record_intent(seq, update);
            self.note_handed_over(handed_over);
        }
    }

    /// The next row that may ask for a permit: repeats first, they hold up their customer longest.
    fn next_to_leave(&mut self) -> Option<u64> {
        if let Some(Reverse(seq)) = self.again.pop() {
            return Some(seq);
        }
        match self.memory.is_on() {
            true => self.armed.pop().map(|Reverse(seq)| seq),
            false => self.next_new(),
        }
    }

    /// The next row that was never sent, if one may be; rows beyond `--limit` get their verdict here.
    fn next_new(&mut self) -> Option<u64> {
        let probe_waits =
            |probe: &Entry| matches!(probe.state, State::Ready) && probe.history_is_empty();
        if self.probe.as_deref().is_some_and(probe_waits) {
            return Some(PROBE);
        }
        loop {
            let Reverse(seq) = *self.ready.peek()?;
            if self.is_limit_used_up() {
                self.ready.pop();
                let mensagem = "Não enviado: além do --limit pedido.".to_owned();
                self.decide(seq, Outcome::unsent(Situacao::NaoEnviado, mensagem));
                continue;
            }
            if !self.health.admits_new_rows(self.rows_admitted) {
                return None;
            }
            self.rows_admitted += 1;
            self.ready.pop();
            return Some(seq);
        }
    }

    fn is_limit_used_up(&self) -> bool {
        self.options.limit.is_some_and(|limit| self.rows_admitted >= limit)
    }

    /// The permit was not to be had: the row stays first in its line.
    fn put_back(&mut self, seq: u64) {
        let on = self.memory.is_on();
        let Some(entry) = self.entry(seq) else { return };
        match entry.state {
            State::Armed => self.armed.push(Reverse(seq)),
            _ if entry.history_is_empty() && seq == PROBE => {}
            _ if entry.history_is_empty() && !on => {
                self.ready.push(Reverse(seq));
                self.rows_admitted -= 1;
            }
            _ => self.again.push(Reverse(seq)),
        }
    }

    fn launch(&mut self, seq: u64, permit: crate::scheduler::rate_limiter::Permit, now: Instant) {
        let Some(entry) = self.entry(seq) else { return };
        let Some(update) = entry.update.clone() else { return };
        let armed = matches!(entry.state, State::Armed);
        entry.state = State::Flying;
        if armed {
            self.preparing -= 1;
        }
        let transport = self.transport.clone();
        let handle = self.flights.spawn(async move { transport.send(update).await });
        self.in_flight.insert(handle.id(), Flight { seq, permit, sent: now });
    }

    /// A request came back, or its task died: then nobody knows what became of the request, and the
    /// run stops.
    pub(super) fn landed(&mut self, done: Result<(task::Id, Attempt), JoinError>) {
        let (id, attempt) = match done {
            Ok((id, attempt)) => (id, Some(attempt)),
            Err(error) => (error.id(), None),
        };
        let Some(Flight { seq, permit, sent }) = self.in_flight.remove(&id) else { return };
        panic_hook::if_asked(panic_hook::Part::Pool, &seq);
        let now = Instant::now();
        let attempt = attempt.unwrap_or_else(|| {
            // The program is wrong, and may be so about every row: nothing more leaves.
            let why = "falha interna ao enviar; avise os autores do programa".to_owned();
            self.begin_stop(StopReason::Local(why.clone()), now);
            Attempt {
                reply: Reply::Ambiguous,
                status: None,
                mensagem: why,
                sent: sent.into_std(),
                answered: now.into_std(),
            }
        });
        let answered = Instant::from_std(attempt.answered);
        self.pace.on_result(permit, answered, fate(attempt.reply));
        self.count(&attempt, seq);
        let stop = self.health.replied(&attempt, sent, now);
        self.weigh(seq, attempt, sent, now);
        if let Some(reason) = stop {
            self.begin_stop(reason, now);
        }
    }

    pub(super) fn count(&mut self, attempt: &Attempt, seq: u64) {
        let repeat = self.entry(seq).is_some_and(|entry| entry.history.ambiguous > 0);
        let kind = match attempt.reply {
            Reply::Accepted => RequestKind::Accepted,
            Reply::Limited { .. } => RequestKind::Limited,
            Reply::NotSent(_) => RequestKind::NotSent,
            Reply::Refused | Reply::Denied | Reply::Redirected | Reply::Ambiguous => {
                RequestKind::Other
            }
        };
        self.outbox.push(Event::Request(Request { at: attempt.answered, kind, repeat }));
    }

    /// What the reply means for its row.
    fn weigh(&mut self, seq: u64, attempt: Attempt, sent: Instant, now: Instant) {
        let reply = attempt.reply;
        let stopping = self.stopping.is_some();
        let Some(entry) = self.entry(seq) else { return };
        let rename = entry.is_rename();
        entry.history.add(attempt, sent, now);
        let ambiguous = entry.history.ambiguous;
        match decide(reply, ambiguous, rename) {
            Decision::Final(situacao) => {
                let (outcome, how) = verdict(entry, situacao);
                self.conclude(seq, outcome, how);
            }
            Decision::Requeue | Decision::Backoff(_) if stopping => self.cut_off(seq),
            Decision::Requeue => self.back_in_line(seq),
            Decision::Backoff(bound) => {
                entry.state = State::Backoff;
                let wait = bound.mul_f64(fastrand::f64());
                self.backoff.push(Reverse((now + wait, seq)));
            }
        }
    }

    fn back_in_line(&mut self, seq: u64) {
        if let Some(entry) = self.entry(seq)
            && matches!(entry.state, State::Backoff | State::Flying)
        {
            entry.state = State::Ready;
            self.again.push(Reverse(seq));
        }
    }

    /// A tripped breaker sends its probe, or stops the run where there is none.
    fn heed_breaker(&mut self) {
        if self.probe.is_some() {
            return;
        }
        let Some(mensagem) = self.health.tripped().map(ToOwned::to_owned) else { return };
        match self.options.probe.take() {
            // With the limit used up the probe would be one row too many, and nothing is left to stop.
            Some(_) if self.is_limit_used_up() => {}
            Some(update) => {
                tracing::info!("só recusas até aqui: conferindo o token com uma linha já aceita");
                let mut entry = Entry::new(None, Some(Arc::clone(&update)), Vec::new());
                entry.state = State::Ready;
                self.probe = Some(Box::new(entry));
            }
            None => self.begin_stop(Health::breaker_stop(&mensagem), Instant::now()),
        }
    }

    pub(super) fn probe_decided(&mut self, outcome: &Outcome) {
        self.probe = None;
        match (outcome.situacao, self.health.tripped().map(ToOwned::to_owned)) {
            (Situacao::Atualizado, _) => self.health.probed(),
            // The run is ending for another reason, and the probe has not spoken against the token.
            (Situacao::NaoEnviado | Situacao::Falhou | Situacao::Incerto, _)
                if self.stopping.is_some() => {}
            (_, Some(mensagem)) => {
                self.begin_stop(Health::breaker_stop(&mensagem), Instant::now());
            }
            (_, None) => {}
        }
    }
}

/// The verdict on a row whose last attempt was final, and what the memory is to make of it.
fn verdict(entry: &Entry, situacao: Situacao) -> (Outcome, RequestOutcome) {
    let history = &entry.history;
    let last = &history.mensagem;
    let how = match situacao {
        Situacao::Atualizado => RequestOutcome::Accepted { first_attempt: history.ambiguous == 0 },
        // A refusal after an unanswered attempt does not say that attempt was not executed.
        Situacao::Recusado if history.ambiguous == 0 => RequestOutcome::Refused,
        _ => RequestOutcome::Unknown,
    };
    let mensagem = match situacao {
        Situacao::Falhou => format!(
            "Sem resposta definitiva em {} tentativas; a última: {}. Rode de novo para repetir.",
            history.tentativas,
            crate::locale::format::within(last)
        ),
        Situacao::Incerto => history.words_of_an_unsettled_rename(),
        _ => last.clone(),
    };
    (history.outcome(situacao, mensagem), how)
}

pub(super) fn fate(reply: Reply) -> RequestResult {
    match reply {
        Reply::Limited { .. } => RequestResult::Limited,
        Reply::NotSent(_) => RequestResult::NotSent,
        Reply::Ambiguous => RequestResult::Unanswered,
        Reply::Accepted | Reply::Refused | Reply::Denied | Reply::Redirected => {
            RequestResult::Answered
        }
    }
}

pub(super) fn earliest(known: Option<Instant>, other: Instant) -> Option<Instant> {
    Some(known.map_or(other, |known| known.min(other)))
}
