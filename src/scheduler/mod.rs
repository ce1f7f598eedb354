//! Updates → outcomes: the pace, the order per customer, the retries, the early stops.
//!
//! One task owns all state of a run, the [`Scheduler`]; each request in flight is a task of its own
//! that makes one attempt and returns it as data. A row passes the files in this order:
//! [`admission`] (read, queued behind its customer, checked), [`send`] (intent, permit, request,
//! reply), [`reading`] (what TomTicket holds, where a doubt is left), [`settle`] (verdict, recorded,
//! out in input order). Where it stands is in [`row_state`].
//!
//! The rules are pure and have files of their own: [`rate_limiter`] (when may the next request
//! leave), [`customer_order`] (which row is next), [`retry`] (what a reply means for its row),
//! [`circuit_breaker`] (what it means for the run). The scheduler knows neither where rows come from
//! nor where verdicts go.

mod admission;
mod circuit_breaker;
mod customer_order;
mod event_loop;
pub mod events;
mod in_flight;
pub mod ledger;
mod rate_limiter;
pub mod reading;
mod recorder;
mod retry;
mod row_state;
mod send;
mod settle;
mod shutdown;
#[cfg(test)]
mod tests;
mod window;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

pub use rate_limiter::{Permit, Rate, RateLimiter};

use crate::api::{Attempt, Client, ReadAttempt, ReadRequest};
use crate::model::{FieldName, Row, Update};
use crate::snapshot::Snapshot;
use crate::stop::{StopListener, StopReason};
use circuit_breaker::CircuitBreaker;
use customer_order::CustomerOrder;
use events::{Event, Phase};
use in_flight::InFlightRequests;
use ledger::Ledger;
use reading::Readings;
use reading::verification::Verification;
use recorder::Recorder;
use shutdown::Stopping;
use window::RowWindow;

/// What arrives from the reading side.
#[derive(Debug)]
pub enum InputBatch {
    /// The next rows in input order.
    Rows(Vec<Row>),
    /// The input cannot be read any further, and the run stops for this reason. Nothing follows.
    Broken(StopReason),
}

/// How one attempt is sent. The real one is [`Client`]; tests bring their own.
pub trait Transport: Clone + Send + Sync + 'static {
    /// Sends `update` once.
    fn send(&self, update: Arc<Update>) -> impl Future<Output = Attempt> + Send;

    /// Reads once.
    fn read(&self, request: ReadRequest) -> impl Future<Output = ReadAttempt> + Send;
}

impl Transport for Arc<Client> {
    async fn send(&self, update: Arc<Update>) -> Attempt {
        Client::send(self, &update).await
    }

    async fn read(&self, request: ReadRequest) -> ReadAttempt {
        Client::read(self, request).await
    }
}

/// What can be chosen about sending.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// Requests a second.
    pub rate: Rate,
    /// Requests in flight, at least 1.
    pub concurrency: usize,
    /// Rows to send at most (`--limit`).
    pub limit: Option<u64>,
    /// Rows with `erro` that are tolerated (`--max-errors`, a percentage already resolved).
    pub max_errors: Option<u64>,
    /// Whether a run whose first rows are all refused alike is stopped.
    pub breaker: bool,
    /// How long the API may be out of reach or unreadable before the run gives up. With nothing but
    /// 429 it takes three times as long.
    pub give_up_after: Duration,
    /// How long requests in flight are waited for when the run is stopped.
    pub drain: Duration,
    /// An unchanged row, sent once if the breaker is about to trip: it tells a dead token from a
    /// file full of refusals.
    pub probe: Option<Arc<Update>>,
    /// Rows that go before all others, by their place in the input.
    pub first: Vec<(u64, Arc<Update>)>,
    /// Every row is sent (`--full`), whatever a snapshot shows.
    pub full: bool,
    /// Accepted rows to read back before the run goes on (`--verify`); 0 for none.
    pub verify: usize,
    /// The fields that the rows may send.
    pub fields: Vec<FieldName>,
    /// How long an attempt without a definite answer may still take effect (`--settle-wait`); zero
    /// for not at all.
    pub settle_wait: Duration,
}

/// The channels between the scheduler and the rest of the run.
#[derive(Debug)]
pub struct Channels {
    /// Rows to send.
    pub input: mpsc::Receiver<InputBatch>,
    /// What happens to them.
    pub events: mpsc::Sender<Vec<Event>>,
    /// When the run is to stop.
    pub stop: StopListener,
}

/// Sends the rows of the input until it ends or the run is stopped. Every row that arrives gets
/// exactly one [`Event::Settled`], in input order, unless the stop is a [`StopReason::Local`] one:
/// then the rest of the input is not read. Returns why the run ended early (`None` if every row got
/// its own verdict), and the ledger, to be closed.
pub async fn run<T: Transport, L: Ledger>(
    transport: T,
    knowledge: Knowledge<L>,
    options: SchedulerOptions,
    channels: Channels,
) -> (Option<StopReason>, Option<L>) {
    let mut scheduler = Scheduler::new(transport, knowledge, options, channels);
    scheduler.run_to_end().await;
    (scheduler.stopping.map(|stopping| stopping.reason), scheduler.recorder.ledger)
}

/// What is known of the customers before a row is sent.
#[derive(Debug)]
pub struct Knowledge<L> {
    /// What the API accepted.
    pub ledger: Option<L>,
    /// What TomTicket held when it was read.
    pub snapshot: Option<Snapshot>,
}

/// All state of a run.
struct Scheduler<T, L> {
    transport: T,
    recorder: Recorder<L>,
    snapshot: Option<Snapshot>,
    options: SchedulerOptions,

    input: mpsc::Receiver<InputBatch>,
    input_ended: bool,
    events: mpsc::Sender<Vec<Event>>,
    /// Events that are sent on at the end of this turn of the loop.
    outbox: Vec<Event>,
    stop: StopListener,
    /// Set once the run is being stopped.
    stopping: Option<Stopping>,

    window: RowWindow,
    order: CustomerOrder,
    limiter: RateLimiter,
    breaker: CircuitBreaker,
    requests: InFlightRequests,
    readings: Readings,

    /// The phase that was reported last.
    phase: Phase,
    /// The rows that wait to be read, as they were reported last.
    looks: Option<(usize, Instant)>,
    /// Rows that were chosen for sending, the probe among them; what `--limit` counts.
    rows_admitted: u64,
    /// Of these, rows that ended otherwise than `atualizado`.
    rows_not_accepted: u64,
    /// Rows that got their verdict.
    rows_finished: u64,
}

impl<T: Transport, L: Ledger> Scheduler<T, L> {
    fn new(
        transport: T,
        knowledge: Knowledge<L>,
        options: SchedulerOptions,
        channels: Channels,
    ) -> Self {
        let recorder = Recorder::new(knowledge.ledger);
        let verification = Verification::new(options.verify, recorder.unverified(&options.fields));
        Self {
            transport,
            recorder,
            readings: Readings::new(options.settle_wait, verification),
            snapshot: knowledge.snapshot,
            input: channels.input,
            input_ended: false,
            events: channels.events,
            outbox: Vec::new(),
            stop: channels.stop,
            stopping: None,
            window: RowWindow::default(),
            order: CustomerOrder::default(),
            limiter: RateLimiter::new(options.rate, Instant::now()),
            breaker: CircuitBreaker::new(
                options.give_up_after,
                options.breaker,
                options.max_errors,
            ),
            requests: InFlightRequests::default(),
            phase: Phase::Sending,
            looks: None,
            rows_admitted: 0,
            rows_not_accepted: 0,
            rows_finished: 0,
            options,
        }
    }
}
