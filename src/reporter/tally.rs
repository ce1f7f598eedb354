//! What a run came to, counted as it happens. Bounded: the messages of failures are kept up to a
//! number of different ones.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::recent::Recent;
use crate::events::{Request, RequestKind};
use crate::model::{Outcome, Situacao};

/// Different messages that are counted at a time; a server that never says the same twice fills no
/// memory, because the rarest are then forgotten.
const MESSAGES: usize = 10_000;
/// Characters of a message that are looked at.
const MESSAGE_LENGTH: usize = 300;

/// Requests in one minute of sending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Minute {
    /// Minutes since the start, from 0.
    pub minuto: u64,
    /// Requests executed and confirmed.
    pub aceitas: u64,
    /// Requests rejected with 429.
    pub limitadas_429: u64,
    /// Repeats of attempts without a definite answer.
    pub repeticoes: u64,
}

/// The counts.
#[derive(Debug)]
pub struct Tally {
    started: Instant,
    began: Timestamp,
    /// Rows with a line in the results, by [`Situacao::index`].
    pub settled: [u64; 7],
    /// Rows with a verdict, by [`Situacao::index`]; ahead of `settled` by what waits for its turn.
    pub decided: [u64; 7],
    /// HTTP requests made.
    pub requests: u64,
    /// Of these, repeats.
    pub repeats: u64,
    /// Of these, answered with 429.
    pub limited: u64,
    messages: HashMap<String, u64>,
    minutes: Vec<Minute>,
    /// The last requests but those over the limit, for the pace shown.
    recent: Recent,
}

impl Tally {
    /// Nothing yet; `started` is now.
    pub fn new(started: Instant) -> Self {
        Self {
            started,
            began: Timestamp::now(),
            settled: [0; 7],
            decided: [0; 7],
            requests: 0,
            repeats: 0,
            limited: 0,
            messages: HashMap::new(),
            minutes: Vec::new(),
            recent: Recent::default(),
        }
    }

    pub(super) fn settled(&mut self, outcome: &Outcome) {
        self.settled[outcome.situacao.index()] += 1;
        if outcome.situacao.erro() {
            let said = &outcome.mensagem;
            let end = said.char_indices().nth(MESSAGE_LENGTH).map_or(said.len(), |(at, _)| at);
            let said = &said[..end];
            if let Some(count) = self.messages.get_mut(said) {
                *count += 1;
            } else {
                if self.messages.len() >= MESSAGES {
                    let rarest = self.messages.values().min().copied().unwrap_or(0);
                    self.messages.retain(|_, count| *count > rarest);
                }
                self.messages.insert(said.to_owned(), 1);
            }
        }
    }

    pub(super) fn decided(&mut self, situacao: Situacao) {
        self.decided[situacao.index()] += 1;
    }

    pub(super) fn request(&mut self, request: &Request) {
        if request.kind == RequestKind::NotSent {
            return;
        }
        self.requests += 1;
        self.repeats += u64::from(request.repeat);
        let minute = request.at.saturating_duration_since(self.started).as_secs() / 60;
        let minute = self.minute(minute);
        minute.repeticoes += u64::from(request.repeat);
        match request.kind {
            RequestKind::Accepted => minute.aceitas += 1,
            RequestKind::Limited => {
                minute.limitadas_429 += 1;
                self.limited += 1;
            }
            RequestKind::Other | RequestKind::NotSent => {}
        }
        if request.kind != RequestKind::Limited {
            self.recent.add(request.at);
        }
    }

    fn minute(&mut self, minute: u64) -> &mut Minute {
        while self.minutes.len() as u64 <= minute {
            let next = self.minutes.len() as u64;
            self.minutes.push(Minute { minuto: next, ..Minute::default() });
        }
        let index = usize::try_from(minute).unwrap_or(usize::MAX).min(self.minutes.len() - 1);
        &mut self.minutes[index]
    }

    /// Requests a second over the last ones, if there are enough to say.
    pub fn pace(&self, now: Instant) -> Option<f64> {
        self.recent.pace(now)
    }

    /// When that was, by the clock.
    pub fn began(&self) -> Timestamp {
        self.began
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Rows with a verdict of one of these.
    pub fn count_decided(&self, situacoes: &[Situacao]) -> u64 {
        situacoes.iter().map(|situacao| self.decided[situacao.index()]).sum()
    }

    /// Rows with a line in the results.
    pub fn rows(&self) -> u64 {
        self.settled.iter().sum()
    }

    /// The most frequent messages of rows with `erro`, with their counts.
    pub fn top_messages(&self, most: usize) -> Vec<(&str, u64)> {
        let mut all: Vec<_> = self.messages.iter().map(|(m, n)| (m.as_str(), *n)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all.truncate(most);
        all
    }

    /// The minutes of sending so far.
    pub fn minutes(&self) -> &[Minute] {
        &self.minutes
    }
}
