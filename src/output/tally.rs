//! What a run came to, counted as it happens. Bounded: the messages of failures are kept up to a
//! number of different ones.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::recent::Recent;
use crate::model::{Outcome, Situacao};
use crate::scheduler::events::{Request, RequestKind};

/// Different messages that are counted at a time; a server that never says the same twice fills no
/// memory. Whatever is said by more than one row in so many is never forgotten ([`Messages`]).
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
    messages: Messages,
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
            messages: Messages::default(),
            minutes: Vec::new(),
            recent: Recent::default(),
        }
    }

    pub(super) fn settled(&mut self, outcome: &Outcome) {
        self.settled[outcome.situacao.index()] += 1;
        if outcome.situacao.erro() {
            let said = &outcome.mensagem;
            let end = said.char_indices().nth(MESSAGE_LENGTH).map_or(said.len(), |(at, _)| at);
            self.messages.add(&said[..end]);
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
        let mut all: Vec<_> =
            self.messages.0.iter().map(|(said, heard)| (said.as_str(), heard.rows)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all.truncate(most);
        all
    }

    /// The minutes of sending so far.
    pub fn minutes(&self) -> &[Minute] {
        &self.minutes
    }
}

/// Messages and the rows that got them, the frequent ones among any number (Misra and Gries): when
/// there is no room, all pay the credit of the poorest, and who has none left goes. To drop the
/// rarest instead would keep out every message that begins late.
#[derive(Debug, Default)]
struct Messages(HashMap<String, Heard>);

#[derive(Debug)]
struct Heard {
    /// Since it was first heard, or heard again after it was forgotten.
    rows: u64,
    credit: u64,
}

impl Messages {
    fn add(&mut self, said: &str) {
        if let Some(heard) = self.0.get_mut(said) {
            heard.rows += 1;
            heard.credit += 1;
            return;
        }
        if self.0.len() >= MESSAGES {
            let poorest = self.0.values().map(|heard| heard.credit).min().unwrap_or(0);
            self.0.retain(|_, heard| {
                heard.credit -= poorest;
                heard.credit > 0
            });
        }
        self.0.insert(said.to_owned(), Heard { rows: 1, credit: 1 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(tally: &mut Tally, mensagem: &str) {
        tally.settled(&Outcome::unsent(Situacao::Recusado, mensagem.to_owned()));
    }

    #[test]
    fn a_frequent_message_is_counted_however_many_others_there_are() {
        let mut tally = Tally::new(Instant::now());
        for round in 0..3 {
            for number in 0..MESSAGES {
                refused(&mut tally, &format!("motivo {number}"));
            }
            assert_eq!(tally.top_messages(1)[0].1, round + 1);
        }
        let rows = 2 * MESSAGES as u64;
        for number in 0..rows {
            refused(&mut tally, "fora do ar");
            refused(&mut tally, &format!("protocolo {number}"));
        }
        assert_eq!(tally.top_messages(1), [("fora do ar", rows)]);
        assert!(tally.messages.0.len() <= MESSAGES);
        assert_eq!(tally.rows(), 3 * MESSAGES as u64 + 2 * rows);
    }

    #[test]
    fn only_the_beginning_of_a_message_counts_and_only_of_failures() {
        let mut tally = Tally::new(Instant::now());
        for end in ["um", "dois"] {
            refused(&mut tally, &format!("{}{end}", "é".repeat(MESSAGE_LENGTH)));
        }
        tally.settled(&Outcome::unsent(Situacao::Inalterado, "ok".to_owned()));
        assert_eq!(tally.top_messages(9), [("é".repeat(MESSAGE_LENGTH).as_str(), 2)]);
    }

    #[test]
    fn requests_over_the_limit_are_no_pace() {
        let started = Instant::now();
        let pace = |kind| {
            let mut tally = Tally::new(started);
            let last = (0..9).map(|second| started + Duration::from_secs(second)).inspect(|at| {
                tally.request(&Request { at: *at, kind, repeat: false });
            });
            let last = last.last().unwrap();
            tally.pace(last)
        };
        assert_eq!(pace(RequestKind::Other), Some(1.0));
        assert_eq!(pace(RequestKind::Limited), None);
    }

    #[test]
    fn of_messages_that_are_as_frequent_the_first_by_name_comes_first() {
        let mut tally = Tally::new(Instant::now());
        for said in ["c", "b", "a", "b"] {
            refused(&mut tally, said);
        }
        assert_eq!(tally.top_messages(2), [("b", 2), ("a", 1)]);
    }

    #[test]
    fn a_request_counts_in_the_minute_in_which_it_ended() {
        let started = Instant::now();
        let mut tally = Tally::new(started);
        for (second, kind, repeat) in [
            (0, RequestKind::Accepted, false),
            (59, RequestKind::Limited, false),
            (61, RequestKind::NotSent, true),
            (130, RequestKind::Accepted, true),
            (130, RequestKind::Other, true),
        ] {
            tally.request(&Request { at: started + Duration::from_secs(second), kind, repeat });
        }
        let minute = |minuto, aceitas, limitadas_429, repeticoes| Minute {
            minuto,
            aceitas,
            limitadas_429,
            repeticoes,
        };
        assert_eq!(tally.minutes(), [minute(0, 1, 1, 0), minute(1, 0, 0, 0), minute(2, 1, 0, 2)]);
        assert_eq!((tally.requests, tally.repeats, tally.limited), (4, 2, 1));
    }
}
