//! Rows go out: intent, permit, request. Replies come back and are applied to their row, to the rate
//! limiter and to the circuit breaker.

use tokio::time::Instant;

use super::circuit_breaker::SendPermission;
use super::events::{Event, Request};
use super::in_flight::{Answer, InFlightRequest};
use super::ledger::Ledger;
use super::rate_limiter::Permit;
use super::retry::{RetryDecision, decide};
use super::row_state::{RowEntry, RowState};
use super::window::PROBE;
use super::{Scheduler, Transport};
use crate::api::{Attempt, Reply};
use crate::model::{Outcome, Situacao};
use crate::panic_hook::inject_panic_if_requested;
use crate::stop::StopReason;

/// Rows that are made ready ahead of their permit when the rate is limited: enough that no permit
/// waits for a disk, few enough that a crash leaves next to nothing to repeat.
const READY_AHEAD: usize = 2;

impl<T: Transport, L: Ledger> Scheduler<T, L> {
    /// Starts everything that may start at `now`. Returns when it is worth looking again if nothing
    /// else happens before.
    pub(super) fn send_due(&mut self, now: Instant) -> Option<Instant> {
        if let Some(stopping) = &self.stopping {
            let deadline = stopping.deadline;
            if deadline > now {
                return Some(deadline);
            }
            self.abort_in_flight();
            return None;
        }
        self.check_breaker();
        self.review_readings(now);
        // After everything that may make a row wait.
        let wake = earliest(self.breaker.gives_up_at(), self.end_waits(now));
        self.prepare();
        earliest(wake, self.send_ready(now))
    }

    /// Readies rows whose wait is over. Returns when the next one is.
    fn end_waits(&mut self, now: Instant) -> Option<Instant> {
        let mut next = None;
        for seq in self.window.in_state(RowState::Waiting).clone() {
            let Some(entry) = self.window.get(seq) else { continue };
            match (entry.wait_until, &entry.reading) {
                (Some(until), _) if until > now => next = earliest(next, Some(until)),
                (_, None) => self.window.set_state(seq, RowState::ReadyToSend),
                (_, Some(_)) => self.window.set_state(seq, RowState::ReadyToRead),
            }
        }
        next
    }

    /// Sends what is ready, readings first unless they give way, oldest first. Returns when the next
    /// one may leave. Whether the server is back is found out by updates alone.
    fn send_ready(&mut self, now: Instant) -> Option<Instant> {
        while self.requests.len() + self.window.in_state(RowState::RecordingIntent).len()
            < self.options.concurrency
        {
            let to_read = match self.breaker.send_permission(now) {
                SendPermission::Allowed if self.readings.may_read() => {
                    self.window.in_state(RowState::ReadyToRead).first()
                }
                SendPermission::Allowed => None,
                SendPermission::PausedUntil(until) => return Some(until),
                SendPermission::ProbeAt(_) if !self.requests.is_empty() => return None,
                SendPermission::ProbeAt(at) if at > now => return Some(at),
                SendPermission::ProbeAt(_) => None,
            };
            let to_send = self.window.in_state(RowState::ReadyToSend).first();
            let seq = *match self.readings.gives_way() {
                true => to_send.or(to_read),
                false => to_read.or(to_send),
            }?;
            if !self.recorder.may_send() {
                return None;
            }
            match self.limiter.take(now) {
                Ok(permit) => self.dispatch(seq, permit, now),
                Err(later) => return Some(later),
            }
        }
        None
    }

    /// Admits the next rows, with their intents recorded, before their permits are due.
    ///
    /// There are never more open intents than requests may be in flight, since a crash repeats them.
    /// An outcome that is being recorded does not count: records become durable in order, so no
    /// intent becomes durable before the outcomes that were handed over earlier.
    fn prepare(&mut self) {
        let ahead = match self.options.rate.per_second() {
            Some(_) => READY_AHEAD,
            None => self.options.concurrency,
        };
        loop {
            let ready = self.window.in_state(RowState::RecordingIntent).len()
                + self.window.in_state(RowState::ReadyToSend).len();
            if ready >= ahead || self.requests.len() + ready >= self.options.concurrency {
                return;
            }
            let Some(seq) = self.next_unsent() else { return };
            match self.window.update(seq).filter(|_| self.recorder.is_recording()) {
                Some(update) => {
                    self.window.set_state(seq, RowState::RecordingIntent);
                    self.recorder.record_intent(seq, update);
                }
                None => self.window.set_state(seq, RowState::ReadyToSend),
            }
        }
    }

    /// The next row that was never sent, if one may be; rows beyond `--limit` get their verdict here.
    fn next_unsent(&mut self) -> Option<u64> {
        if self.window.state(PROBE) == Some(RowState::Unsent) {
            return Some(PROBE);
        }
        loop {
            let seq = *self.window.in_state(RowState::Unsent).first()?;
            if self.is_limit_used_up() {
                let mensagem = "Não enviado: além do --limit pedido.".to_owned();
                self.finish(seq, Outcome::unsent(Situacao::NaoEnviado, mensagem));
                continue;
            }
            if !self.may_admit() {
                return None;
            }
            self.rows_admitted += 1;
            return Some(seq);
        }
    }

    /// Whether a row that was never sent may be sent now.
    pub(super) fn may_admit(&self) -> bool {
        let is_out = self.rows_admitted - self.rows_not_accepted;
        !self.is_limit_used_up()
            && self.breaker.admits_new_rows(self.rows_admitted)
            && self.most_out().is_none_or(|most| is_out < most)
    }

    fn is_limit_used_up(&self) -> bool {
        self.options.limit.is_some_and(|limit| self.rows_admitted >= limit)
    }

    fn dispatch(&mut self, seq: u64, permit: Permit, now: Instant) {
        let Some(entry) = self.window.get(seq) else { return };
        if entry.reading.is_some() {
            return self.dispatch_reading(seq, permit, now);
        }
        let Some(update) = entry.update.clone() else { return };
        self.window.set_state(seq, RowState::InFlight);
        self.readings.on_update_sent();
        let transport = self.transport.clone();
        let request = InFlightRequest { seq, permit, sent: now };
        self.requests.spawn(request, async move { Answer::Sent(transport.send(update).await) });
    }

    /// A request came back. `None` if its task panicked: then its result is unknown, and the run
    /// stops.
    pub(super) fn on_response(&mut self, request: InFlightRequest, answer: Option<Answer>) {
        inject_panic_if_requested("pool", &request.seq);
        match answer {
            Some(Answer::Sent(attempt)) => self.on_reply(request, attempt),
            Some(Answer::Read(attempt)) => self.on_reading(request, &attempt),
            None => {
                let (why, now) =
                    ("falha interna ao enviar; avise os autores do programa", Instant::now());
                self.begin_stop(StopReason::Local(why.into()), now);
                let is_reading =
                    self.window.get(request.seq).is_some_and(|entry| entry.reading.is_some());
                match is_reading {
                    true => self.abort_row(request.seq),
                    false => self.on_reply(request, unanswered(why, now)),
                }
            }
        }
    }

    fn on_reply(&mut self, request: InFlightRequest, attempt: Attempt) {
        let InFlightRequest { seq, permit, sent } = request;
        let now = Instant::now();
        let ended = Instant::from_std(attempt.answered);
        self.limiter.on_reply(permit, ended, attempt.reply);
        self.count_request(seq, &attempt);
        let stop = self.breaker.on_reply(&attempt, sent, now);
        self.apply_reply(seq, attempt, sent, now);
        if let Some(reason) = stop {
            self.begin_stop(reason, now);
        }
    }

    pub(super) fn count_request(&mut self, seq: u64, attempt: &Attempt) {
        let repeat = self.window.get(seq).is_some_and(|entry| entry.attempts.ambiguous > 0);
        let request = Request { at: attempt.answered, reply: attempt.reply, repeat };
        self.outbox.push(Event::Request(request));
    }

    /// What the reply means for its row.
    fn apply_reply(&mut self, seq: u64, attempt: Attempt, sent: Instant, now: Instant) {
        let reply = attempt.reply;
        let oldest = match reply {
            Reply::Ambiguous => earliest(self.window.oldest_sent(), self.requests.oldest_sent()),
            _ => None,
        };
        let Some(entry) = self.window.get(seq) else { return };
        entry.attempts.add(attempt, sent, now);
        if reply == Reply::Ambiguous {
            let oldest = oldest.map_or(sent, |oldest| oldest.min(sent));
            self.readings.note_unanswered(&entry.keys, entry.is_rename(), oldest, now);
        }
        match decide(reply, entry.attempts.ambiguous, entry.is_rename()) {
            RetryDecision::Final(situacao) => self.on_answered(seq, situacao),
            _ if self.stopping.is_some() => self.abort_row(seq),
            RetryDecision::Requeue => self.window.set_state(seq, RowState::ReadyToSend),
            RetryDecision::Backoff(bound) => {
                entry.wait_until = Some(now + bound.mul_f64(fastrand::f64()));
                self.window.set_state(seq, RowState::Waiting);
            }
        }
    }

    /// A tripped breaker sends its probe, or stops the run if there is none.
    fn check_breaker(&mut self) {
        if self.window.state(PROBE).is_some() {
            return;
        }
        let Some(reason) = self.breaker.tripped() else { return };
        // The probe would be one row more than `--limit` allows; no other row leaves either.
        if self.options.probe.is_some() && self.is_limit_used_up() {
            return;
        }
        match self.options.probe.take() {
            Some(update) => {
                self.rows_admitted += 1;
                tracing::info!("só recusas até aqui: conferindo o token com uma linha já aceita");
                self.window.add_probe(RowEntry::new(None, Some(update), Vec::new()));
                self.window.set_state(PROBE, RowState::Unsent);
            }
            None => self.begin_stop(reason, Instant::now()),
        }
    }

    /// Takes the verdict on the breaker's probe into account.
    pub(super) fn finish_probe(&mut self, outcome: &Outcome) {
        self.window.remove_probe();
        match outcome.situacao {
            Situacao::Atualizado => self.breaker.on_unrefused_row(),
            // The run is ending for another reason, and nothing is known about the token.
            Situacao::NaoEnviado | Situacao::Falhou | Situacao::Incerto
                if self.stopping.is_some() => {}
            _ => {
                if let Some(reason) = self.breaker.tripped() {
                    self.begin_stop(reason, Instant::now());
                }
            }
        }
    }
}

/// The attempt of a request without an answer.
pub(super) fn unanswered(why: &str, now: Instant) -> Attempt {
    Attempt {
        reply: Reply::Ambiguous,
        status: None,
        mensagem: why.to_owned(),
        answered: now.into_std(),
    }
}

/// The earlier of two instants that may be missing.
fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}
