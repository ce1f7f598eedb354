//! What replies mean for the run as a whole: pause, probe, or stop. Not what they mean for their
//! row; that is [`super::retry`]. Pure: every decision takes the time as a value.
//!
//! Five watchers share this file, because each reply feeds all of them and they must agree on what
//! "the server works again" means: the pause after 429, the probing of a server that is out of reach
//! or unreadable, the refusals of the whole run (401, 403, redirect), the breaker for a run whose
//! first rows are all refused alike, and `--max-errors`.

use std::time::Duration;

use tokio::time::Instant;

use crate::api::{Attempt, Cause, Reply};
use crate::locale::format::{counted, duration_words, within};
use crate::model::Situacao;
use crate::stop::StopReason;

/// Ambiguous replies in a row, across customers, after which one row at a time is tried.
pub const AMBIGUOUS_IN_A_ROW: u32 = 10;
/// 401, 403 or redirects in a row that end a run which had successes before.
pub const DENIED_IN_A_ROW: u32 = 5;
/// Sent rows that must all be refused alike before the breaker trips.
pub const BREAKER_ROWS: u32 = 20;

const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
const PROBE_FIRST: Duration = Duration::from_millis(500);
const PROBE_MAX: Duration = Duration::from_secs(15);

/// Whether requests may leave, as far as the server's state is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendPermission {
    /// As many as the rate limiter allows.
    Allowed,
    /// None before this instant: a 429 asked for a pause.
    PausedUntil(Instant),
    /// One at a time, and not before this instant, to see whether the server is back.
    ProbeAt(Instant),
}

/// The first rows of a run, as long as each one that was sent is refused with the same message.
#[derive(Debug, Default)]
struct AlikeRefusals {
    mensagem: String,
    rows: u32,
}

/// The server's state, as far as its replies tell.
#[derive(Debug)]
pub struct CircuitBreaker {
    give_up_after: Duration,
    /// The pause after a 429: nothing leaves before this.
    paused_until: Option<Instant>,
    /// The next pause, if the server names none.
    pause: Duration,
    /// Since when there was nothing but 429.
    limited_since: Option<Instant>,
    /// Set while no row is answered.
    probing: Option<Probing>,
    ambiguous_in_a_row: u32,
    denied_in_a_row: u32,
    any_success: bool,
    /// `None` if the watcher is off, or something else than the one refusal was seen.
    first_rows: Option<AlikeRefusals>,
    max_errors: Option<u64>,
    errors: u64,
}

#[derive(Debug)]
struct Probing {
    /// When the trouble began, moved on by every pause that a 429 asked for.
    since: Instant,
    next: Instant,
    wait: Duration,
    /// The last message, and whether it came from the proxy.
    last: String,
    proxy: bool,
}

impl CircuitBreaker {
    /// For a run without replies yet. `watch_first_rows` is `--no-breaker` negated.
    pub fn new(give_up_after: Duration, watch_first_rows: bool, max_errors: Option<u64>) -> Self {
        Self {
            give_up_after,
            paused_until: None,
            pause: PAUSE_FIRST,
            limited_since: None,
            probing: None,
            ambiguous_in_a_row: 0,
            denied_in_a_row: 0,
            any_success: false,
            first_rows: watch_first_rows.then(AlikeRefusals::default),
            max_errors,
            errors: 0,
        }
    }

    /// Whether requests may leave at `now`.
    pub fn send_permission(&self, now: Instant) -> SendPermission {
        if let Some(until) = self.paused_until
            && now < until
        {
            return SendPermission::PausedUntil(until);
        }
        match &self.probing {
            Some(probing) => SendPermission::ProbeAt(probing.next),
            None => SendPermission::Allowed,
        }
    }

    /// Whether a row that was never sent may be sent now; repeats may go on. While the breaker can
    /// still trip, no more rows leave than it needs to see.
    pub fn admits_new_rows(&self, rows_admitted: u64) -> bool {
        self.first_rows.is_none() || rows_admitted < u64::from(BREAKER_ROWS)
    }

    /// The reason to stop if the breaker has tripped, unless a probe is accepted first.
    pub fn tripped(&self) -> Option<StopReason> {
        let refusals = self.first_rows.as_ref()?;
        (refusals.rows >= BREAKER_ROWS).then(|| {
            StopReason::Refused(format!(
                "as {BREAKER_ROWS} primeiras linhas enviadas foram todas recusadas com a mesma mensagem (\"{}\"); confira o token, o tipo do identificador e o mapeamento (--no-breaker desliga esta parada)",
                refusals.mensagem
            ))
        })
    }

    /// The breaker's probe was accepted, or a row that may wait long for its verdict will not end as a
    /// refusal: refusals are the rows' own, and the run goes on.
    pub fn on_unrefused_row(&mut self) {
        self.first_rows = None;
    }

    /// Takes the reply to a reading into account: a 429 pauses the run, which it never ends, and an
    /// answer shows that the server is back. It says nothing about updates.
    pub fn on_reading(&mut self, reply: Reply, is_answer: bool, sent: Instant, now: Instant) {
        if let Reply::Limited { retry_after } = reply {
            self.pause(retry_after, self.limited_since.unwrap_or(now), sent, now);
        }
        if is_answer {
            self.probing = None;
            self.limited_since = None;
        }
    }

    /// Takes an attempt's reply into account. `sent` and `now` are the attempt's start and end.
    pub fn on_reply(
        &mut self,
        attempt: &Attempt,
        sent: Instant,
        now: Instant,
    ) -> Option<StopReason> {
        // A 429 may come from a gateway in front of an application that is still away. So it neither
        // begins nor ends probing, and does not interrupt a row of ambiguous replies.
        if let Reply::Limited { retry_after } = attempt.reply {
            return self.on_limited(retry_after, sent, now);
        }
        if attempt.reply.is_readable() {
            self.probing = None;
            self.ambiguous_in_a_row = 0;
        }
        self.limited_since = None;
        match attempt.reply {
            Reply::Accepted | Reply::Refused => {
                self.any_success |= attempt.reply == Reply::Accepted;
                self.denied_in_a_row = 0;
                self.pause = PAUSE_FIRST;
                None
            }
            Reply::Denied | Reply::Redirected => self.on_denied(attempt),
            Reply::NotSent(Cause::BadCertificate) => {
                Some(StopReason::Refused(attempt.mensagem.clone()))
            }
            Reply::NotSent(Cause::Unreachable | Cause::Proxy) => {
                self.on_unreachable(attempt, sent, now)
            }
            Reply::Ambiguous => {
                self.ambiguous_in_a_row += 1;
                match self.ambiguous_in_a_row >= AMBIGUOUS_IN_A_ROW || self.probing.is_some() {
                    true => self.on_unreachable(attempt, sent, now),
                    false => None,
                }
            }
            Reply::Limited { .. } => None,
        }
    }

    fn on_limited(
        &mut self,
        retry_after: Option<Duration>,
        sent: Instant,
        now: Instant,
    ) -> Option<StopReason> {
        let since = *self.limited_since.get_or_insert(now);
        let lasted = self.give_up_after * 3;
        if now.duration_since(since) >= lasted {
            return Some(StopReason::Temporary(format!(
                "há {} o TomTicket só responde que o limite de requisições foi atingido (429)",
                duration_words(lasted)
            )));
        }
        self.pause(retry_after, since, sent, now);
        None
    }

    /// A 429 pauses the run; `since` is when there began to be nothing else.
    fn pause(
        &mut self,
        retry_after: Option<Duration>,
        since: Instant,
        sent: Instant,
        now: Instant,
    ) {
        // The 429s of requests that were in flight together are one event. Only a request that left
        // after the last pause shows that the pause was too short.
        let fresh = self.paused_until.is_none_or(|until| sent >= until);
        // `Retry-After: 0` or a date in the past would be no pause; it counts as absent.
        let requested = retry_after.filter(|pause| *pause >= PAUSE_FIRST);
        let pause = requested.unwrap_or(self.pause);
        if fresh && requested.is_none() {
            self.pause = (self.pause * 2).min(PAUSE_MAX);
        }
        if fresh || requested.is_some() {
            // A pause ends when the run would give up at the latest, so that one more try is made.
            let until = (now + pause).min(since + self.give_up_after * 3);
            let from = self.paused_until.map_or(now, |known| known.max(now));
            self.paused_until = Some(from.max(until));
            if let Some(probing) = &mut self.probing {
                // A pause that the server asked for does not count as silence.
                probing.since += until.saturating_duration_since(from);
            }
        }
    }

    fn on_denied(&mut self, attempt: &Attempt) -> Option<StopReason> {
        self.denied_in_a_row += 1;
        if self.any_success && self.denied_in_a_row < DENIED_IN_A_ROW {
            return None;
        }
        let status = attempt.status.unwrap_or_default();
        let text = match attempt.reply {
            Reply::Redirected => format!(
                "o servidor respondeu com um redirecionamento (HTTP {status}), que nunca é seguido; confira --base-url e se há um portal ou proxy no caminho"
            ),
            _ => {
                // A message of ours begins with the status already.
                let named = format!("HTTP {status}: ");
                let why =
                    within(attempt.mensagem.strip_prefix(&named).unwrap_or(&attempt.mensagem));
                format!(
                    "o TomTicket recusou o acesso ({named}{why}); confira o token e as permissões dele"
                )
            }
        };
        Some(StopReason::Refused(text))
    }

    fn on_unreachable(
        &mut self,
        attempt: &Attempt,
        sent: Instant,
        now: Instant,
    ) -> Option<StopReason> {
        let give_up_after = self.give_up_after;
        let probing = self.probing.get_or_insert_with(|| Probing {
            since: now,
            next: sent,
            wait: PROBE_FIRST,
            last: String::new(),
            proxy: false,
        });
        probing.last.clone_from(&attempt.mensagem);
        probing.proxy = attempt.reply == Reply::NotSent(Cause::Proxy);
        // Requests that were in flight when the trouble began do not lengthen the wait.
        if sent >= probing.next {
            probing.next = (now + probing.wait).min((probing.since + give_up_after).max(now));
            probing.wait = (probing.wait * 2).min(PROBE_MAX);
        }
        self.gave_up(now)
    }

    /// The reason to stop if the server has been away for too long at `now`.
    pub fn gave_up(&self, now: Instant) -> Option<StopReason> {
        let probing = self.probing.as_ref()?;
        if now.duration_since(probing.since) < self.give_up_after {
            return None;
        }
        let (lasted, last) = (duration_words(self.give_up_after), within(&probing.last));
        Some(StopReason::Temporary(match probing.proxy {
            true => format!("há {lasted} não há caminho até o TomTicket: {last}"),
            false => format!(
                "o TomTicket está fora do ar ou inacessível há {lasted}; última resposta: {last}"
            ),
        }))
    }

    /// When [`gave_up`](Self::gave_up) gives a reason if no better reply comes.
    pub fn gives_up_at(&self) -> Option<Instant> {
        self.probing.as_ref().map(|probing| probing.since + self.give_up_after)
    }

    /// Takes a row's verdict into account. `sent` says whether a request for it was made.
    pub fn on_verdict(
        &mut self,
        situacao: Situacao,
        mensagem: &str,
        sent: bool,
    ) -> Option<StopReason> {
        if sent {
            self.watch_first_rows(situacao, mensagem);
        }
        if situacao.erro() && situacao != Situacao::NaoEnviado {
            self.errors += 1;
        }
        let allowed = self.max_errors?;
        (self.errors > allowed).then(|| {
            StopReason::Refused(format!(
                "mais de {} com erro (limite de --max-errors)",
                counted(allowed, "linha", "linhas")
            ))
        })
    }

    fn watch_first_rows(&mut self, situacao: Situacao, verdict: &str) {
        let Some(refusals) = &mut self.first_rows else { return };
        if refusals.rows == 0 {
            verdict.clone_into(&mut refusals.mensagem);
        }
        refusals.rows += 1;
        if situacao != Situacao::Recusado || refusals.mensagem != verdict {
            self.first_rows = None;
        }
    }
}

#[cfg(test)]
#[path = "circuit_breaker_tests.rs"]
mod tests;
