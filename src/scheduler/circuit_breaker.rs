//! What replies mean for the run as a whole: pause, probe, or stop. Pure; every decision takes the
//! time as a value.
//!
//! Five watchers share this file because each reply feeds all of them and they must agree on what
//! "the server is fine again" means: the pause after 429, the probing of a server that is out of
//! reach or unreadable, the refusals that mean "not you" (401, 403, redirect), the breaker for a run
//! whose first rows are all refused alike, and `--max-errors`.

use std::time::Duration;

use tokio::time::Instant;

use crate::api::{Attempt, Cause, Reply};
use crate::locale::format::{duration_words, within};
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

/// Whether requests may leave, as far as the server's health is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendPermission {
    /// Yes, as many as the pace allows.
    Open,
    /// None before this instant: a 429 asked for a pause.
    PausedUntil(Instant),
    /// One at a time, and not before this instant: is the server back?
    ProbeAt(Instant),
}

/// What the breaker thinks of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Breaker {
    /// Switched off, or something else than the one refusal was seen.
    Off,
    /// So far every settled row was refused with this message, this many times.
    Watching { mensagem: Option<String>, refused: u32 },
    /// All of the first rows were refused alike: the run is held until [`Health::probed`] or a stop.
    Tripped { mensagem: String },
}

/// The run's health, as far as its replies tell.
#[derive(Debug)]
pub struct Health {
    give_up_after: Duration,
    /// A 429 pause: nothing leaves before this.
    paused_until: Option<Instant>,
    /// The next pause, where the server names none.
    pause: Duration,
    /// Since when there was nothing but 429.
    limited_since: Option<Instant>,
    /// Since when no row was answered, and when to try again.
    probing: Option<Probing>,
    ambiguous_in_a_row: u32,
    denied_in_a_row: u32,
    any_success: bool,
    breaker: Breaker,
    max_errors: Option<u64>,
    errors: u64,
}

#[derive(Debug)]
struct Probing {
    /// The beginning of the trouble, later by every pause that a 429 asked for.
    since: Instant,
    next: Instant,
    wait: Duration,
    /// What came last, and whether it was the proxy that said so.
    last: String,
    proxy: bool,
}

impl Health {
    /// A healthy run. `breaker` and `max_errors` are the flags'.
    pub fn new(give_up_after: Duration, breaker: bool, max_errors: Option<u64>) -> Self {
        Self {
            give_up_after,
            paused_until: None,
            pause: PAUSE_FIRST,
            limited_since: None,
            probing: None,
            ambiguous_in_a_row: 0,
            denied_in_a_row: 0,
            any_success: false,
            breaker: match breaker {
                true => Breaker::Watching { mensagem: None, refused: 0 },
                false => Breaker::Off,
            },
            max_errors,
            errors: 0,
        }
    }

    /// Whether requests may leave now. `now` past a pause ends it.
    pub fn gate(&self, now: Instant) -> SendPermission {
        if let Some(until) = self.paused_until
            && now < until
        {
            return SendPermission::PausedUntil(until);
        }
        match &self.probing {
            Some(probing) => SendPermission::ProbeAt(probing.next),
            None => SendPermission::Open,
        }
    }

    /// Whether a row that was never sent may be sent now; repeats may go on. While the breaker
    /// could still trip, no more rows leave than it needs to see.
    pub fn admits_new_rows(&self, rows_sent: u64) -> bool {
        match &self.breaker {
            Breaker::Off => true,
            Breaker::Watching { .. } => rows_sent < u64::from(BREAKER_ROWS),
            Breaker::Tripped { .. } => false,
        }
    }

    /// The message of the refusals if the breaker has tripped and waits for a probe's answer.
    pub fn tripped(&self) -> Option<&str> {
        match &self.breaker {
            Breaker::Tripped { mensagem } => Some(mensagem),
            Breaker::Off | Breaker::Watching { .. } => None,
        }
    }

    /// The breaker's probe was accepted: the refusals are the rows' own, and the run goes on.
    pub fn probed(&mut self) {
        self.breaker = Breaker::Off;
    }

    /// The reason to stop when the breaker has tripped and no probe speaks for the token.
    pub fn breaker_stop(mensagem: &str) -> StopReason {
        StopReason::Breaker(format!(
            "as {BREAKER_ROWS} primeiras linhas enviadas foram todas recusadas com a mesma mensagem (\"{mensagem}\"); confira o token, o tipo do identificador e o mapeamento (--no-breaker desliga esta parada)"
        ))
    }

    /// Takes an attempt's reply into account. `sent` and `now` are the attempt's start and end.
    pub fn replied(
        &mut self,
        attempt: &Attempt,
        sent: Instant,
        now: Instant,
    ) -> Option<StopReason> {
        // A 429 shows that somebody is there, but not that rows are answered again: it may come from
        // a gateway before an application that is still away. So it neither begins nor ends probing
        // (what follows the pause is one row, as before it), and the row of ambiguous replies goes
        // on behind it.
        if let Reply::Limited { retry_after } = attempt.reply {
            return self.limited(retry_after, sent, now);
        }
        if attempt.reply.is_readable() {
            self.probing = None;
            self.ambiguous_in_a_row = 0;
        }
        self.limited_since = None;
        match attempt.reply {
            Reply::Accepted => {
                self.any_success = true;
                self.denied_in_a_row = 0;
                self.pause = PAUSE_FIRST;
                None
            }
            Reply::Refused => {
                self.denied_in_a_row = 0;
                self.pause = PAUSE_FIRST;
                None
            }
            Reply::Denied | Reply::Redirected => self.denied(attempt),
            Reply::NotSent(Cause::BadCertificate) => {
                Some(StopReason::BadCertificate(attempt.mensagem.clone()))
            }
            Reply::NotSent(Cause::Unreachable | Cause::Proxy) => {
                self.unreachable(attempt, sent, now)
            }
            Reply::Ambiguous => {
                self.ambiguous_in_a_row += 1;
                match self.ambiguous_in_a_row >= AMBIGUOUS_IN_A_ROW || self.probing.is_some() {
                    true => self.unreachable(attempt, sent, now),
                    false => None,
                }
            }
            Reply::Limited { .. } => None,
        }
    }

    fn limited(
        &mut self,
        retry_after: Option<Duration>,
        sent: Instant,
        now: Instant,
    ) -> Option<StopReason> {
        let since = *self.limited_since.get_or_insert(now);
        let limit = self.give_up_after * 3;
        if now.duration_since(since) >= limit {
            return Some(StopReason::Unavailable(format!(
                "há {} o TomTicket só responde que o limite de requisições foi atingido (429)",
                duration_words(limit)
            )));
        }
        // Requests that were in flight together come back with one 429 each; that is one event, and
        // only a request that left after the last pause says that the pause was too short.
        let fresh = self.paused_until.is_none_or(|until| sent >= until);
        // `Retry-After: 0` or a date in the past would be no pause: then as if nothing were asked.
        let asked = retry_after.filter(|asked| *asked >= PAUSE_FIRST);
        let pause = asked.unwrap_or(self.pause);
        if fresh && asked.is_none() {
            self.pause = (self.pause * 2).min(PAUSE_MAX);
        }
        if fresh || asked.is_some() {
            // However long is asked for: the last try comes when patience ends, not after it.
            let until = (now + pause).min(since + limit);
            let from = self.paused_until.map_or(now, |known| known.max(now));
            self.paused_until = Some(from.max(until));
            if let Some(probing) = &mut self.probing {
                // Nothing could come of the server in a pause that it asked for.
                probing.since += until.saturating_duration_since(from);
            }
        }
        None
    }

    fn denied(&mut self, attempt: &Attempt) -> Option<StopReason> {
        self.denied_in_a_row += 1;
        if self.any_success && self.denied_in_a_row < DENIED_IN_A_ROW {
            return None;
        }
        let status = attempt.status.unwrap_or_default();
        Some(StopReason::Denied(match attempt.reply {
            Reply::Redirected => format!(
                "o servidor respondeu com um redirecionamento (HTTP {status}), que nunca é seguido; confira --base-url e se há um portal ou proxy no caminho"
            ),
            _ => {
                // Where the API said nothing the words begin with the status already.
                let named = format!("HTTP {status}: ");
                let why = attempt.mensagem.strip_prefix(&named).unwrap_or(&attempt.mensagem);
                let why = within(why);
                format!(
                    "o TomTicket recusou o acesso ({named}{why}); confira o token e as permissões dele"
                )
            }
        }))
    }

    fn unreachable(
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
        // What was in flight when the trouble began says nothing about how long it lasts.
        if sent < probing.next {
            return self.gave_up(now);
        }
        probing.next = (now + probing.wait).min((probing.since + give_up_after).max(now));
        probing.wait = (probing.wait * 2).min(PROBE_MAX);
        self.gave_up(now)
    }

    /// Whether the server has been away for too long by now.
    pub fn gave_up(&self, now: Instant) -> Option<StopReason> {
        let probing = self.probing.as_ref()?;
        (now.duration_since(probing.since) >= self.give_up_after).then(|| {
            let (long, last) = (duration_words(self.give_up_after), within(&probing.last));
            StopReason::Unavailable(match probing.proxy {
                true => format!("há {long} não há caminho até o TomTicket: {last}"),
                false => format!(
                    "o TomTicket está fora do ar ou inacessível há {long}; última resposta: {last}"
                ),
            })
        })
    }

    /// The instant at which [`gave_up`](Self::gave_up) turns true if nothing better comes.
    pub fn gives_up_at(&self) -> Option<Instant> {
        self.probing.as_ref().map(|probing| probing.since + self.give_up_after)
    }

    /// Takes a row's verdict into account. `sent` says whether a request for it was made.
    pub fn settled(
        &mut self,
        situacao: Situacao,
        mensagem: &str,
        sent: bool,
    ) -> Option<StopReason> {
        if sent {
            self.watch(situacao, mensagem);
        }
        if situacao.erro() && situacao != Situacao::NaoEnviado {
            self.errors += 1;
            if let Some(max) = self.max_errors
                && self.errors > max
            {
                return Some(StopReason::MaxErrors(format!(
                    "mais de {max} linhas com erro (limite de --max-errors)"
                )));
            }
        }
        None
    }

    fn watch(&mut self, situacao: Situacao, said: &str) {
        let Breaker::Watching { mensagem, refused } = &mut self.breaker else { return };
        let alike = mensagem.as_deref().is_none_or(|first| first == said);
        if situacao != Situacao::Recusado || !alike {
            self.breaker = Breaker::Off;
            return;
        }
        *refused += 1;
        mensagem.get_or_insert_with(|| said.to_owned());
        if *refused >= BREAKER_ROWS {
            self.breaker = Breaker::Tripped { mensagem: said.to_owned() };
        }
    }
}

#[cfg(test)]
#[path = "circuit_breaker_tests.rs"]
mod tests;
