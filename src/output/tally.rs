//! The counts of a run while it runs, for the progress display and the summary.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::column_changes::ChangedColumns;
use super::frequent::FrequentKeys;
use super::request_rate::RequestRate;
use super::run_summary::MinuteCounts;
use super::sanitize::cut;
use crate::api::Reply;
use crate::model::{Outcome, Situacao, Update, ValueChange};
use crate::scheduler::events::Request;

/// Characters of a message that are compared.
const MESSAGE_LENGTH: usize = 300;

/// What the way back of a run with a snapshot takes along, and what it leaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct WayBack {
    /// Unchanged rows that earlier runs sent since the snapshot was read: they go back too.
    pub rows_of_earlier: u64,
    /// Rows without effect whose customers earlier runs changed since then: they do not.
    pub rows_unreached: u64,
    /// Customers that lost a name to another one, and of whom no row speaks: they do not.
    pub names_lost: u64,
}

#[derive(Debug)]
pub struct Tally {
    started: Instant,
    /// When the first minute began.
    pub started_at: Timestamp,
    /// Rows with a line in the results, by [`Situacao::index`].
    pub settled: [u64; 7],
    /// Rows with a verdict, by [`Situacao::index`]. Ahead of `settled` by the rows that wait for
    /// their turn in the output.
    decided: [u64; 7],
    pub requests: u64,
    /// Requests that read.
    pub reads: u64,
    /// Rows whose verdict a reading decided.
    pub settled_by_reading: u64,
    /// What the rows that were sent changed, or may have changed.
    pub changed: ChangedColumns,
    /// The same of rows that earlier runs sent since the snapshot was read.
    changed_earlier: ChangedColumns,
    pub way_back: WayBack,
    /// The messages of rows with `erro`.
    pub messages: FrequentKeys<String>,
    /// The minutes of sending so far, without gaps.
    pub minutes: Vec<MinuteCounts>,
    /// Of the requests that were not answered with 429.
    pub(super) rate: RequestRate,
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
            reads: 0,
            settled_by_reading: 0,
            changed: ChangedColumns::default(),
            changed_earlier: ChangedColumns::default(),
            way_back: WayBack::default(),
            messages: FrequentKeys::default(),
            minutes: Vec::new(),
            rate: RequestRate::default(),
        }
    }

    /// A row that is none of this run's is no failure.
    pub(super) fn settled(&mut self, outcome: &Outcome, left_out: bool) {
        self.settled[outcome.situacao.index()] += 1;
        self.settled_by_reading += u64::from(outcome.by_reading);
        if outcome.situacao.erro() && !left_out {
            self.messages.add(cut(&outcome.mensagem, MESSAGE_LENGTH).to_owned());
        }
    }

    pub(super) fn decided(&mut self, situacao: Situacao) {
        self.decided[situacao.index()] += 1;
    }

    pub(super) fn changed(&mut self, situacao: Situacao, update: &Update, changes: &[ValueChange]) {
        if situacao == Situacao::Inalterado {
            self.way_back.rows_of_earlier += 1;
            self.changed_earlier.add(update, changes.iter().copied());
        } else {
            self.changed.add(update, changes.iter().copied());
        }
    }

    /// The columns in which an empty value was filled since the snapshot was read.
    pub fn filled_columns(&self) -> Vec<String> {
        let columns = self.changed.filled().chain(self.changed_earlier.filled());
        columns.collect::<BTreeSet<_>>().into_iter().collect()
    }

    pub(super) fn request(&mut self, request: &Request) {
        if matches!(request.reply, Reply::NotSent(_)) {
            return;
        }
        self.requests += 1;
        let minute = request.at.saturating_duration_since(self.started).as_secs() / 60;
        let minute = self.minute(minute);
        minute.repeticoes += u64::from(request.repeat);
        minute.aceitas += u64::from(request.reply == Reply::Accepted);
        if let Reply::Limited { .. } = request.reply {
            minute.limitadas_429 += 1;
        } else {
            self.rate.add(request.at);
        }
    }

    pub(super) fn read(&mut self, reply: Reply) {
        self.reads += u64::from(!matches!(reply, Reply::NotSent(_)));
    }

    fn minute(&mut self, minute: u64) -> &mut MinuteCounts {
        while self.minutes.len() as u64 <= minute {
            let next = self.minutes.len() as u64;
            self.minutes.push(MinuteCounts { minuto: next, ..MinuteCounts::default() });
        }
        let index = usize::try_from(minute).unwrap_or(usize::MAX).min(self.minutes.len() - 1);
        &mut self.minutes[index]
    }

    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub fn count_decided(&self, situacoes: &[Situacao]) -> u64 {
        situacoes.iter().map(|situacao| self.decided[situacao.index()]).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Cause;

    const LIMITED: Reply = Reply::Limited { retry_after: None };

    #[test]
    fn messages_of_failures_are_compared_by_their_beginning() {
        let mut tally = Tally::new(Instant::now());
        for end in ["um", "dois"] {
            let mensagem = format!("{}{end}", "é".repeat(MESSAGE_LENGTH));
            tally.settled(&Outcome::unsent(Situacao::Recusado, mensagem), false);
        }
        tally.settled(&Outcome::unsent(Situacao::Inalterado, "ok".to_owned()), false);
        assert_eq!(tally.messages.top(9), [(&"é".repeat(MESSAGE_LENGTH), 2, &())]);
    }

    #[test]
    fn requests_over_the_limit_do_not_count_in_the_rate() {
        let started = Instant::now();
        let rate = |reply| {
            let mut tally = Tally::new(started);
            let last = (0..9).map(|second| started + Duration::from_secs(second)).inspect(|at| {
                tally.request(&Request { at: *at, reply, repeat: false });
            });
            let last = last.last().unwrap();
            tally.rate.per_second(last)
        };
        assert_eq!(rate(Reply::Refused), Some(1.0));
        assert_eq!(rate(LIMITED), None);
    }

    #[test]
    fn a_request_counts_in_the_minute_in_which_it_ended() {
        let started = Instant::now();
        let mut tally = Tally::new(started);
        for (second, reply, repeat) in [
            (0, Reply::Accepted, false),
            (59, LIMITED, false),
            (61, Reply::NotSent(Cause::Unreachable), true),
            (130, Reply::Accepted, true),
            (130, Reply::Ambiguous, true),
        ] {
            tally.request(&Request { at: started + Duration::from_secs(second), reply, repeat });
        }
        let minute = |minuto, aceitas, limitadas_429, repeticoes| MinuteCounts {
            minuto,
            aceitas,
            limitadas_429,
            repeticoes,
        };
        assert_eq!(tally.minutes, [minute(0, 1, 1, 0), minute(1, 0, 0, 0), minute(2, 1, 0, 2)]);
        assert_eq!(tally.requests, 4);
    }
}
