//! The dispatcher: one task that owns all state of a run and decides everything.
//!
//! Each turn of its loop looks at what has arrived (rows, replies, answers of the memory, a wish to
//! stop, a moment that has come), lets the pure rules decide, and hands out work. It waits only in
//! one place. A row walks through the files in this order: [`admit`] (read, queued, judged), [`send`]
//! (intent, permit, request, reply), [`settle`] (verdict, durable, out in input order).

mod admit;
mod send;
mod settle;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{self, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::circuit_breaker::Health;
use super::customer_order::Order;
use super::ledger::{Ledger, LedgerFailed};
use super::rate_limiter::{Permit, Rate, RateLimiter};
use super::window::{Entry, State, Window};
use super::{InputBatch, PoolOptions, Transport};
use crate::api::Attempt;
use crate::model::CustomerType;
use crate::scheduler::events::{Event, Phase};
use crate::stop::{StopListener, StopReason};
use send::earliest;

/// The breaker's probe has a place of its own, since it is no row.
const PROBE: u64 = u64::MAX;

/// Events that are handed over together at most while the rate is unlimited.
const EVENTS_HELD: usize = 256;
/// How long the first of them waits for others.
const HOLD: Duration = Duration::from_millis(10);

/// How a run of the pool ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolEnd {
    /// Why it ended early; `None` when every row got its own verdict.
    pub stop: Option<StopReason>,
}

/// Sends what `feed` brings until it ends or the run is stopped. Every row that arrives gets exactly
/// one [`Event::Settled`], in input order, unless the stop is a [`StopReason::Local`] one: then the
/// rest of the feed is left where it is. The memory comes back, to be closed.
pub async fn run<T: Transport, M: Ledger>(
    transport: T,
    memory: M,
    options: PoolOptions,
    feed: mpsc::Receiver<InputBatch>,
    events: mpsc::Sender<Vec<Event>>,
    stop: StopListener,
) -> (PoolEnd, M) {
    let mut dispatcher = Dispatcher::new(transport, memory, options, feed, events, stop);
    dispatcher.run().await;
    (PoolEnd { stop: dispatcher.stopping.map(|stopping| stopping.reason) }, dispatcher.memory)
}

/// A request on its way.
struct Flight {
    seq: u64,
    permit: Permit,
    sent: Instant,
}

/// The run is being stopped.
struct Stopping {
    reason: StopReason,
    /// When requests in flight are given up.
    deadline: Instant,
}

struct Dispatcher<T, M> {
    transport: T,
    memory: M,
    options: PoolOptions,
    feed: mpsc::Receiver<InputBatch>,
    feed_ended: bool,
    events: mpsc::Sender<Vec<Event>>,
    outbox: Vec<Event>,
    /// Since when events are held back for others to go with them.
    held_since: Option<Instant>,
    stop: StopListener,
    stopping: Option<Stopping>,

    window: Window,
    probe: Option<Box<Entry>>,
    order: Order,
    pace: RateLimiter,
    health: Health,
    phase: Phase,

    /// Rows that were never sent and may be, oldest first.
    ready: BinaryHeap<Reverse<u64>>,
    /// Rows that were tried before and may be tried again.
    again: BinaryHeap<Reverse<u64>>,
    /// Rows whose intent is durable.
    armed: BinaryHeap<Reverse<u64>>,
    /// Rows that wait before a repeat.
    backoff: BinaryHeap<Reverse<(Instant, u64)>>,
    /// Rows that are believed, but not surely.
    deferred: Vec<u64>,
    /// Rows without a verdict by identifier type (`I`, `E`); kept only where a memory needs it.
    open_by_type: [BTreeSet<u64>; 2],
    /// Rows worth looking at, because an earlier one of their customer settled.
    freed: Vec<u64>,
    /// Whether a row got its verdict since this was last cleared.
    decided: bool,

    flights: JoinSet<Attempt>,
    in_flight: HashMap<task::Id, Flight>,
    /// Why the ledger took no more, until the loop comes to it.
    ledger_failure: Option<LedgerFailed>,
    /// Records that were handed over and are not durable yet.
    unrecorded: usize,
    /// Rows whose intent was told and that are not on their way yet.
    preparing: usize,
    /// Rows that were chosen for sending; what `--limit` counts.
    rows_admitted: u64,
}

impl<T: Transport, M: Ledger> Dispatcher<T, M> {
    fn new(
        transport: T,
        memory: M,
        options: PoolOptions,
        feed: mpsc::Receiver<InputBatch>,
        events: mpsc::Sender<Vec<Event>>,
        stop: StopListener,
    ) -> Self {
        let now = Instant::now();
        Self {
            pace: RateLimiter::new(options.rate, now),
            health: Health::new(options.give_up_after, options.breaker, options.max_errors),
            phase: Phase::Sending,
            transport,
            memory,
            options,
            feed,
            feed_ended: false,
            events,
            outbox: Vec::new(),
            held_since: None,
            stop,
            stopping: None,
            window: Window::default(),
            probe: None,
            order: Order::default(),
            ready: BinaryHeap::new(),
            again: BinaryHeap::new(),
            armed: BinaryHeap::new(),
            backoff: BinaryHeap::new(),
            deferred: Vec::new(),
            open_by_type: [BTreeSet::new(), BTreeSet::new()],
            freed: Vec::new(),
            decided: false,
            flights: JoinSet::new(),
            in_flight: HashMap::new(),
            ledger_failure: None,
            unrecorded: 0,
            preparing: 0,
            rows_admitted: 0,
        }
    }

    async fn run(&mut self) {
        loop {
            let now = Instant::now();
            if let Some(reason) = self.stop.reason() {
                self.begin_stop(reason, now);
            }
            if let Some(reason) = self.health.gave_up(now) {
                self.begin_stop(reason, now);
            }
            self.look_at_freed();
            let wake = self.send_what_may_leave(now);
            if let Some(failure) = self.ledger_failure.take() {
                self.lose_memory(&failure);
            }
            if self.decided {
                // Not by a reply, but by `--limit` or a stop: rows that waited for these may go on,
                // and nothing else would wake the loop for them.
                continue;
            }
            self.emit_done();
            self.note_phase(now);
            let held = self.hold_events(now);
            self.hand_over(held.is_none()).await;
            if self.is_finished() {
                break;
            }
            self.wait(held.map_or(wake, |held| earliest(wake, held))).await;
        }
        // Only requests past the deadline of a stop are left; their rows have their verdicts.
        self.flights.abort_all();
        self.emit_done();
        self.hand_over(true).await;
    }

    /// Whether nothing is left to do or to wait for.
    fn is_finished(&self) -> bool {
        let local = matches!(&self.stopping, Some(s) if matches!(s.reason, StopReason::Local(_)));
        let quiet = self.in_flight.is_empty() && self.unrecorded == 0;
        quiet && (local || (self.feed_ended && self.window.is_empty() && self.probe.is_none()))
    }

    /// Until when the events that are there may wait for others: to wake the reporter for each reply
    /// costs as much as the reply. At an account's pace nothing is held.
    fn hold_events(&mut self, now: Instant) -> Option<Instant> {
        let busy = self.options.rate == Rate::Unlimited
            && !self.in_flight.is_empty()
            && (1..EVENTS_HELD).contains(&self.outbox.len());
        if !busy {
            return None;
        }
        let until = *self.held_since.get_or_insert(now) + HOLD;
        (until > now).then_some(until)
    }

    /// Sends collected events on, unless they are held back. A reporter that is gone ends the run.
    async fn hand_over(&mut self, events: bool) {
        if events && !self.outbox.is_empty() {
            self.held_since = None;
            let events = std::mem::take(&mut self.outbox);
            if self.events.send(events).await.is_err() {
                // The reporter knows why it left, and says so to the caller.
                let why = "os arquivos de saída não podem mais ser gravados".to_owned();
                self.begin_stop(StopReason::Local(why), Instant::now());
            }
        }
    }

    /// Nothing more will become durable. What the server said of a row is said in the results all the
    /// same; only the next run does not know of it.
    fn lose_memory(&mut self, failure: &LedgerFailed) {
        self.unrecorded = 0;
        self.begin_stop(StopReason::Local(failure.to_string()), Instant::now());
        for seq in self.window.seqs().chain([PROBE]) {
            let Some(entry) = self.entry(seq) else { continue };
            match std::mem::replace(&mut entry.state, State::Queued) {
                State::Settling(outcome) => self.decide(seq, outcome),
                State::Intending => self.cut_off(seq),
                state => entry.state = state,
            }
        }
    }

    /// Waits for the next thing to happen and takes it in, with everything else that is there.
    async fn wait(&mut self, wake: Option<Instant>) {
        let wants_rows = !self.feed_ended && self.wants_rows();
        let recording = self.memory.is_on() && self.unrecorded > 0;
        tokio::select! {
            biased;
            () = self.stop.changed() => {}
            Some(done) = self.flights.join_next_with_id(), if !self.in_flight.is_empty() => {
                self.landed(done);
            }
            recorded = self.memory.recorded(), if recording => match recorded {
                Ok(recorded) => self.on_recorded(recorded),
                Err(failure) => self.lose_memory(&failure),
            },
            feed = self.feed.recv(), if wants_rows => self.take_feed(feed),
            () = sleep_until_some(wake), if wake.is_some() => {}
        }
        while let Some(done) = self.flights.try_join_next_with_id() {
            self.landed(done);
        }
        while !self.feed_ended && self.wants_rows() {
            match self.feed.try_recv() {
                Ok(feed) => self.take_feed(Some(feed)),
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => self.take_feed(None),
            }
        }
    }

    fn wants_rows(&self) -> bool {
        match &self.stopping {
            Some(stopping) => !matches!(stopping.reason, StopReason::Local(_)),
            None => self.window.has_room(),
        }
    }

    fn entry(&mut self, seq: u64) -> Option<&mut Entry> {
        match seq {
            PROBE => self.probe.as_deref_mut(),
            _ => self.window.get(seq),
        }
    }

    fn note_phase(&mut self, now: Instant) {
        use super::circuit_breaker::SendPermission;
        let phase = match (&self.stopping, self.health.gate(now)) {
            (Some(_), _) => Phase::Draining,
            (None, SendPermission::Open) => Phase::Sending,
            (None, SendPermission::PausedUntil(_)) => Phase::Limited,
            (None, SendPermission::ProbeAt(_)) => Phase::Probing,
        };
        if phase != self.phase {
            match phase {
                Phase::Limited => tracing::info!("limite de requisições atingido (429): pausa"),
                Phase::Probing => tracing::warn!(
                    "o TomTicket não responde; o envio espera e tenta de novo, uma linha por vez"
                ),
                Phase::Sending => tracing::info!("envio retomado"),
                Phase::Draining => self.note_stop(),
            }
            self.outbox.push(Event::Phase(phase.clone()));
            self.phase = phase;
        }
    }

    fn note_stop(&self) {
        let words = self
            .stopping
            .as_ref()
            .and_then(|stopping| waiting_words(&stopping.reason, self.in_flight.len()));
        if let Some(words) = words {
            tracing::warn!("{words}");
        }
    }
}

/// What is waited for when the run is being stopped, if anything is.
fn waiting_words(reason: &StopReason, in_flight: usize) -> Option<String> {
    let again = match reason {
        StopReason::Signal(_) => " (um segundo sinal sai já)",
        _ => "",
    };
    (in_flight > 0)
        .then(|| format!("parando: as requisições em andamento são esperadas por até 10 s{again}"))
}

const fn type_index(ctype: CustomerType) -> usize {
    match ctype {
        CustomerType::Internal => 0,
        CustomerType::Email => 1,
    }
}

async fn sleep_until_some(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
