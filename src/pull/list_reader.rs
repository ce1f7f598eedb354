//! Reads the pages of a list at the account's pace: several in flight, handed on in order, each
//! repeated after any fault. Which page is the last is [`super::list_end`]'s; what is done with a page
//! is the caller's.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::error::PullError;
use super::list_end::{ListEnd, ListStep, is_last};
use crate::api::{Cause, Client, HeldPage, ReadAttempt, ReadRequest, Reply};
use crate::locale::format::duration_words;
use crate::scheduler::{Permit, Rate, RateLimiter};
use crate::stop::{StopListener, StopReason};

/// Pages that may wait for an earlier one. A page that takes a minute does not lower the pace.
const AHEAD: u64 = 256;
/// The same in bytes of replies.
const AHEAD_BYTES: usize = 8 * 1024 * 1024;
/// The first wait before a repeat; it doubles with each fault of the page.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Reads lists of one account.
#[derive(Debug)]
pub struct ListReader {
    pub client: Arc<Client>,
    pub limiter: RateLimiter,
    pub concurrency: usize,
    /// How long one page may fail; with nothing but 429 three times as long.
    pub give_up_after: Duration,
    pub stop: StopListener,
    /// Requests that were made.
    pub requests: u64,
}

/// Faults of one page after which the user is told.
const FAULTS_TOLD: u32 = 2;

/// A kind of list.
#[derive(Debug, Clone, Copy)]
pub struct ListKind<T> {
    /// In the plural, for messages.
    pub what: &'static str,
    pub request: fn(u64) -> ReadRequest,
    pub parse: fn(&[u8]) -> Option<HeldPage<T>>,
}

/// A page with the moment at which its request began.
#[derive(Debug)]
pub struct PageRead<T> {
    pub number: u64,
    pub read_at: Timestamp,
    pub page: HeldPage<T>,
}

/// A request in flight that has ended.
#[derive(Debug)]
struct EndedRead {
    number: u64,
    sent: Instant,
    read_at: Timestamp,
    permit: Permit,
    attempt: ReadAttempt,
}

/// A page that failed.
#[derive(Debug)]
struct Fault {
    since: Instant,
    times: u32,
    /// When it is read again; `None` while that request is in flight.
    due: Option<Instant>,
}

/// The state of one list while it is read.
struct Reading<T> {
    end: ListEnd<T>,
    /// The last page that is known to exist.
    known: u64,
    /// The first page that was never requested.
    fresh: u64,
    in_flight: JoinSet<EndedRead>,
    faults: BTreeMap<u64, Fault>,
    waiting: BTreeMap<u64, (PageRead<T>, usize)>,
    /// Pages that were not there when they were last asked for.
    missing: BTreeSet<u64>,
    /// A page that was read again, because one after it was missing.
    read_again: Option<PageRead<T>>,
    paused_until: Option<Instant>,
}

impl ListReader {
    pub fn new(
        client: Arc<Client>,
        rate: Rate,
        concurrency: usize,
        give_up_after: Duration,
        stop: StopListener,
    ) -> Self {
        let limiter = RateLimiter::new(rate, Instant::now());
        Self { client, limiter, concurrency, give_up_after, stop, requests: 0 }
    }

    /// Reads a list and hands its pages to `take`, in order, until the last one or until `take` breaks
    /// off.
    pub async fn read<T>(
        &mut self,
        kind: ListKind<T>,
        mut take: impl FnMut(PageRead<T>) -> Result<ControlFlow<()>, PullError>,
    ) -> Result<(), PullError>
    where
        T: PartialEq + Clone,
    {
        let mut reading = Reading {
            end: ListEnd::new(),
            known: 1,
            fresh: 1,
            in_flight: JoinSet::new(),
            faults: BTreeMap::new(),
            waiting: BTreeMap::new(),
            missing: BTreeSet::new(),
            read_again: None,
            paused_until: None,
        };
        loop {
            if let Some(reason) = self.stop.reason() {
                return Err(PullError::Stopped(reason));
            }
            while let Some((read, _)) = reading.waiting.remove(&reading.end.next_page()) {
                let step = reading.end.take(&read.page);
                reading.known = read.page.pages.unwrap_or_else(|| reading.end.next_page());
                if let ListStep::Nonsense(why) = step {
                    return Err(PullError::IgnoresPage { why });
                }
                if take(read)?.is_break() || step == ListStep::End {
                    return Ok(());
                }
            }
            if let Some(read) = reading.read_again.take()
                && is_last(read.number, &read.page)
            {
                return take(read).map(|_| ());
            }
            let next = reading.end.next_page();
            if reading.missing.remove(&next) {
                if reading.end.is_missing_page_the_end() {
                    return Ok(());
                }
                reading.read_before(next);
            }
            let wake = self.send_due(&kind, &mut reading);
            tokio::select! {
                biased;
                () = self.stop.changed() => {}
                Some(ended) = reading.in_flight.join_next() => match ended {
                    Ok(ended) => self.on_reply(&kind, &mut reading, ended)?,
                    Err(_) => {
                        let reason = StopReason::Local("a leitura falhou por dentro".to_owned());
                        return Err(PullError::Stopped(reason));
                    }
                },
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            }
        }
    }

    /// Sends what may leave now, and returns when it is worth asking again.
    fn send_due<T: PartialEq + Clone>(
        &mut self,
        kind: &ListKind<T>,
        reading: &mut Reading<T>,
    ) -> Option<Instant> {
        loop {
            let now = Instant::now();
            if let Some(until) = reading.paused_until.filter(|until| *until > now) {
                return Some(until);
            }
            if reading.in_flight.len() >= self.concurrency {
                return None;
            }
            let number = match reading.next_to_send(now) {
                Ok(number) => number,
                Err(wake) => return wake,
            };
            let permit = match self.limiter.take(now) {
                Ok(permit) => permit,
                Err(again) => return Some(again),
            };
            match reading.faults.get_mut(&number) {
                Some(fault) => fault.due = None,
                None => reading.fresh = number + 1,
            }
            self.requests += 1;
            let (client, request) = (Arc::clone(&self.client), (kind.request)(number));
            reading.in_flight.spawn(async move {
                let read_at = Timestamp::now();
                let attempt = client.read(request).await;
                EndedRead { number, sent: now, read_at, permit, attempt }
            });
        }
    }

    fn on_reply<T: PartialEq + Clone>(
        &mut self,
        kind: &ListKind<T>,
        reading: &mut Reading<T>,
        ended: EndedRead,
    ) -> Result<(), PullError> {
        let EndedRead { number, sent, read_at, permit, attempt } = ended;
        let now = Instant::now();
        self.limiter.on_reply(permit, Instant::from_std(attempt.answered), attempt.reply);
        let is_first = number == 1 && reading.end.next_page() == 1;
        let page = match attempt.reply {
            Reply::Accepted => (kind.parse)(&attempt.body),
            _ => None,
        };
        let is_empty = page.as_ref().is_some_and(|page| {
            number == 1 && page.items.is_empty() && page.size.is_some_and(|size| size > 0)
        });
        if let Some(page) = page.filter(|_| !is_empty) {
            reading.faults.remove(&number);
            let read = PageRead { number, read_at, page };
            if number < reading.end.next_page() {
                reading.read_again = Some(read);
            } else {
                reading.waiting.insert(number, (read, attempt.body.len()));
            }
            return Ok(());
        }
        let (status, why) = match attempt.reply {
            Reply::Accepted if is_empty => {
                (attempt.status, "a lista anuncia itens e a página vem vazia".to_owned())
            }
            Reply::Accepted => (attempt.status, "a resposta não é uma lista".to_owned()),
            _ => (attempt.status, attempt.mensagem),
        };
        let refused = |advice| PullError::Refused { what: kind.what, why: why.clone(), advice };
        match (attempt.reply, status) {
            (Reply::NotSent(Cause::BadCertificate), _) => {
                return Err(refused("Confira o endereço, o proxy e o relógio desta máquina."));
            }
            (Reply::Redirected, _) if is_first => {
                return Err(refused("Confira o endereço (--base-url)."));
            }
            (Reply::Denied, _) if is_first => {
                return Err(refused(
                    "Confira se o token pode ler clientes e se o plano da conta tem a API v2.0 (Premium ou acima); o envio (run) não depende disso.",
                ));
            }
            (Reply::Refused, Some(404)) if is_first => {
                return Err(refused(
                    "Confira o endereço (--base-url): a API v2.0 não está lá, ou a conta não a tem; o envio (run) não depende disso.",
                ));
            }
            (Reply::Refused, Some(404)) if number < reading.end.next_page() => {
                reading.read_before(number);
            }
            (Reply::Refused, Some(404)) => {
                reading.missing.insert(number);
            }
            _ => {}
        }
        let is_limited = matches!(attempt.reply, Reply::Limited { .. });
        let fault =
            reading.faults.entry(number).or_insert(Fault { since: sent, times: 0, due: None });
        let patience = self.give_up_after * if is_limited { 3 } else { 1 };
        if now - fault.since >= patience {
            let waited = duration_words(now - fault.since);
            return Err(PullError::GaveUp { what: kind.what, page: number, waited, why });
        }
        if fault.times == FAULTS_TOLD {
            tracing::warn!(
                "a página {number} de {} não pôde ser lida ({why}); a leitura espera e tenta de novo",
                kind.what
            );
        }
        let wait = (FIRST_WAIT * (1 << fault.times.min(5))).min(LONGEST_WAIT);
        fault.times += 1;
        let mut due = now + wait.mul_f64(0.5 + fastrand::f64() / 2.0);
        if let Reply::Limited { retry_after } = attempt.reply {
            due = now + retry_after.unwrap_or(wait);
            reading.paused_until = reading.paused_until.max(Some(due));
        }
        // The last try comes when patience ends, not long after.
        fault.due = Some(due.min(fault.since + patience));
        Ok(())
    }
}

impl<T: PartialEq + Clone> Reading<T> {
    /// Reads the page before one that is missing once more: if it is the last one now, the list became
    /// shorter while it was read.
    fn read_before(&mut self, missing: u64) {
        let due = Instant::now();
        if missing > 1 {
            let again = Fault { since: due, times: 0, due: Some(due) };
            self.faults.entry(missing - 1).or_insert(again);
        }
    }

    /// The page to request now.
    ///
    /// # Errors
    /// When a failed page is due; `None` where a reply must come first.
    fn next_to_send(&self, now: Instant) -> Result<u64, Option<Instant>> {
        if let Some((number, _)) =
            self.faults.iter().find(|(_, fault)| fault.due.is_some_and(|due| due <= now))
        {
            return Ok(*number);
        }
        let next = self.end.next_page();
        let bytes: usize = self.waiting.values().map(|(_, bytes)| bytes).sum();
        let is_known = self.fresh <= self.known.max(next);
        if is_known && self.fresh < next + AHEAD && (self.fresh == next || bytes < AHEAD_BYTES) {
            return Ok(self.fresh);
        }
        Err(self.faults.values().filter_map(|fault| fault.due).min())
    }
}
