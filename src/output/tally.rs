//! The counts of a run while it runs, for the progress display and the summary. Memory is bounded:
//! only so many different messages are kept.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::request_rate::RequestRate;
use super::run_summary::MinuteCounts;
use crate::model::{Outcome, Situacao};
use crate::scheduler::events::{Request, RequestKind};

/// Different messages that are counted at a time ([`FrequentMessages`]).
const MAX_MESSAGES: usize = 10_000;
/// Characters of a message that are compared.
const MESSAGE_LENGTH: usize = 300;

/// The counts.
#[derive(Debug)]
pub struct Tally {
    started: Instant,
    started_at: Timestamp,
    /// Rows with a line in the results, by [`Situacao::index`].
    pub settled: [u64; 7],
    /// Rows with a verdict, by [`Situacao::index`]. Ahead of `settled` by the rows that wait for
    /// their turn in the output.
    decided: [u64; 7],
    /// HTTP requests made.
    pub requests: u64,
    /// Requests that repeated an attempt without a definite reply.
    pub repeats: u64,
    /// Requests answered with 429.
    pub limited: u64,
    messages: FrequentMessages,
    minutes: Vec<MinuteCounts>,
    /// Of the requests that were not answered with 429.
    rate: RequestRate,
}

impl Tally {
    /// All zero; the first minute begins now.
    pub fn new(started: Instant) -> Self {
        Self {
            started,
            started_at: Timestamp::now(),
            settled: [0; 7],
            decided: [0; 7],
            requests: 0,
            repeats: 0,
            limited: 0,
            messages: FrequentMessages::default(),
            minutes: Vec::new(),
            rate: RequestRate::default(),
        }
    }

    pub(super) fn settled(&mut self, outcome: &Outcome) {
        self.settled[outcome.situacao.index()] += 1;
        if outcome.situacao.erro() {
            let text = &outcome.mensagem;
            let end = text.char_indices().nth(MESSAGE_LENGTH).map_or(text.len(), |(at, _)| at);
            self.messages.add(&text[..end]);
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
            self.rate.add(request.at);
        }
    }

    fn minute(&mut self, minute: u64) -> &mut MinuteCounts {
        while self.minutes.len() as u64 <= minute {
            let next = self.minutes.len() as u64;
            self.minutes.push(MinuteCounts { minuto: next, ..MinuteCounts::default() });
        }
        let index = usize::try_from(minute).unwrap_or(usize::MAX).min(self.minutes.len() - 1);
        &mut self.minutes[index]
    }

    /// Requests a second over the last ones, if there are enough of them.
    pub fn requests_per_second(&self, now: Instant) -> Option<f64> {
        self.rate.per_second(now)
    }

    /// When the first minute began.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Rows with one of these verdicts.
    pub fn count_decided(&self, situacoes: &[Situacao]) -> u64 {
        situacoes.iter().map(|situacao| self.decided[situacao.index()]).sum()
    }

    /// Rows with a line in the results.
    pub fn rows(&self) -> u64 {
        self.settled.iter().sum()
    }

    /// The `most` most frequent messages of rows with `erro`, with their counts.
    pub fn top_messages(&self, most: usize) -> Vec<(&str, u64)> {
        let mut all: Vec<_> =
            self.messages.0.iter().map(|(text, seen)| (text.as_str(), seen.rows)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all.truncate(most);
        all
    }

    /// The minutes of sending so far, without gaps.
    pub fn minutes(&self) -> &[MinuteCounts] {
        &self.minutes
    }
}

/// Counts rows by message with the Misra–Gries algorithm: a message of more than one row in
/// [`MAX_MESSAGES`] is never lost, however many others there are. Dropping the rarest messages
/// instead would lose every message that begins late.
#[derive(Debug, Default)]
struct FrequentMessages(HashMap<String, Seen>);

#[derive(Debug)]
struct Seen {
    /// Rows since the message was last added to the map.
    rows: u64,
    credit: u64,
}

impl FrequentMessages {
    fn add(&mut self, text: &str) {
        if let Some(seen) = self.0.get_mut(text) {
            seen.rows += 1;
            seen.credit += 1;
            return;
        }
        if self.0.len() >= MAX_MESSAGES {
            let lowest = self.0.values().map(|seen| seen.credit).min().unwrap_or(0);
            self.0.retain(|_, seen| {
                seen.credit -= lowest;
                seen.credit > 0
            });
        }
        self.0.insert(text.to_owned(), Seen { rows: 1, credit: 1 });
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
            for number in 0..MAX_MESSAGES {
                refused(&mut tally, &format!("motivo {number}"));
            }
            assert_eq!(tally.top_messages(1)[0].1, round + 1);
        }
        let rows = 2 * MAX_MESSAGES as u64;
        for number in 0..rows {
            refused(&mut tally, "fora do ar");
            refused(&mut tally, &format!("protocolo {number}"));
        }
        assert_eq!(tally.top_messages(1), [("fora do ar", rows)]);
        assert!(tally.messages.0.len() <= MAX_MESSAGES);
        assert_eq!(tally.rows(), 3 * MAX_MESSAGES as u64 + 2 * rows);
    }

    #[test]
    fn messages_of_failures_are_compared_by_their_beginning() {
        let mut tally = Tally::new(Instant::now());
        for end in ["um", "dois"] {
            refused(&mut tally, &format!("{}{end}", "é".repeat(MESSAGE_LENGTH)));
        }
        tally.settled(&Outcome::unsent(Situacao::Inalterado, "ok".to_owned()));
        assert_eq!(tally.top_messages(9), [("é".repeat(MESSAGE_LENGTH).as_str(), 2)]);
    }

    #[test]
    fn requests_over_the_limit_do_not_count_in_the_rate() {
        let started = Instant::now();
        let rate = |kind| {
            let mut tally = Tally::new(started);
            let last = (0..9).map(|second| started + Duration::from_secs(second)).inspect(|at| {
                tally.request(&Request { at: *at, kind, repeat: false });
            });
            let last = last.last().unwrap();
            tally.requests_per_second(last)
        };
        assert_eq!(rate(RequestKind::Other), Some(1.0));
        assert_eq!(rate(RequestKind::Limited), None);
    }

    #[test]
    fn equally_frequent_messages_come_in_alphabetical_order() {
        let mut tally = Tally::new(Instant::now());
        for text in ["c", "b", "a", "b"] {
            refused(&mut tally, text);
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
        let minute = |minuto, aceitas, limitadas_429, repeticoes| MinuteCounts {
            minuto,
            aceitas,
            limitadas_429,
            repeticoes,
        };
        assert_eq!(tally.minutes(), [minute(0, 1, 1, 0), minute(1, 0, 0, 0), minute(2, 1, 0, 2)]);
        assert_eq!((tally.requests, tally.repeats, tally.limited), (4, 2, 1));
    }
}
