//! The scheduler under a paused clock, against a scripted transport and a scripted ledger: minutes of
//! outage pass in no time, and every wait is exact. This file has what the tests share.

mod chaos;
mod memory_ledger;
mod reading;
mod reading_faults;
mod reading_storm;
mod reading_verdicts;
mod sending;
mod stopping;
mod with_ledger;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::events::Event;
use super::ledger::{Checked, Ledger, Recorded, RequestOutcome};
use super::reading::settlement::RefusalDoubt;
use super::{Channels, InputBatch, Knowledge, Rate, SchedulerOptions, Transport, run};
use crate::api::{Attempt, Cause, ReadAttempt, ReadRequest, Reply};
use crate::input::Record;
use crate::ledger::Unchanged;
use crate::model::{
    CustomerType, FieldName, HeldRow, InvalidRow, Outcome, Row, Situacao, Update, UpdateResult,
};
use crate::stop::{Signal, StopHandle, StopReason, channel};

type Script = dyn Fn(&str, usize) -> (Duration, Reply, &'static str) + Send + Sync;

/// A reading → delay, reply, body.
type ReadScript = dyn Fn(&ReadRequest) -> (Duration, Reply, String) + Send + Sync;

/// Answers by script: identifier and number of this attempt → delay, reply, words.
#[derive(Clone)]
struct FakeTransport {
    script: Arc<Script>,
    log: Arc<Mutex<Vec<(Instant, String)>>>,
    /// What readings get; where it is missing, they are refused.
    reads: Option<Arc<ReadScript>>,
    read_log: Arc<Mutex<Vec<(Instant, String)>>>,
}

impl FakeTransport {
    fn new(
        script: impl Fn(&str, usize) -> (Duration, Reply, &'static str) + Send + Sync + 'static,
    ) -> Self {
        let (log, read_log) = Default::default();
        Self { script: Arc::new(script), log, reads: None, read_log }
    }

    fn sent(&self) -> Vec<String> {
        self.log.lock().unwrap().iter().map(|(_, name)| name.clone()).collect()
    }
}

impl Transport for FakeTransport {
    async fn send(&self, update: Arc<Update>) -> Attempt {
        let name = update.customer().identifier.as_str().to_owned();
        let number = {
            let mut log = self.log.lock().unwrap();
            log.push((Instant::now(), name.clone()));
            log.iter().filter(|(_, sent)| *sent == name).count()
        };
        let (delay, reply, words) = (self.script)(&name, number);
        tokio::time::sleep(delay).await;
        Attempt {
            reply,
            status: Some(200),
            mensagem: words.to_owned(),
            answered: Instant::now().into_std(),
        }
    }

    async fn read(&self, request: ReadRequest) -> ReadAttempt {
        let (delay, reply, body) = match &self.reads {
            Some(reads) => reads(&request),
            None => (Duration::ZERO, Reply::Denied, String::new()),
        };
        self.read_log.lock().unwrap().push((Instant::now(), format!("{request:?}")));
        tokio::time::sleep(delay).await;
        let answered = Instant::now().into_std();
        let (body, mensagem) = (body.into_bytes(), String::new());
        ReadAttempt { reply, status: Some(200), body, mensagem, answered }
    }
}

fn row(seq: u64, update: UpdateResult) -> Row {
    let tipo = update.as_ref().ok().map(|update| update.customer().ctype);
    let record = Record::from_cells(seq + 2, ["x"]);
    Row { seq, record, as_read: Vec::new(), tipo, update, left_out: None }
}

fn invalid() -> UpdateResult {
    Err(InvalidRow { identificador: "".into(), mensagem: "não".to_owned() })
}

fn update(name: &str, email: Option<&str>) -> UpdateResult {
    update_of(CustomerType::Email, name, email)
}

fn update_of(ctype: CustomerType, name: &str, email: Option<&str>) -> UpdateResult {
    let values = [("nome", "n")].into_iter().chain(email.map(|email| ("email", email)));
    Ok(Arc::new(Update::of(ctype, name, values)))
}

fn options() -> SchedulerOptions {
    SchedulerOptions {
        rate: Rate::Unlimited,
        concurrency: 4,
        limit: None,
        max_errors: None,
        breaker: true,
        give_up_after: Duration::from_secs(300),
        drain: Duration::from_secs(10),
        probe: None,
        first: Vec::new(),
        verify: 0,
        fields: Vec::new(),
        settle_wait: Duration::from_secs(30),
        full: false,
    }
}

struct Finished {
    stop: Option<StopReason>,
    rows: Vec<Outcome>,
    decided: Vec<Situacao>,
    /// Readings that ended, or were given up.
    reads: usize,
}

impl Finished {
    fn situacoes(&self) -> Vec<Situacao> {
        self.rows.iter().map(|outcome| outcome.situacao).collect()
    }

    fn count(&self, situacao: Situacao) -> usize {
        self.rows.iter().filter(|outcome| outcome.situacao == situacao).count()
    }
}

/// The channels of a run, and their other ends.
fn channels() -> (mpsc::Sender<InputBatch>, mpsc::Receiver<Vec<Event>>, StopHandle, Channels) {
    let (input_in, input) = mpsc::channel(2);
    let (events, events_out) = mpsc::channel(4);
    let (handle, stop) = channel();
    (input_in, events_out, handle, Channels { input, events, stop })
}

/// Runs these updates to the end. `stop_after` asks for a stop as by Ctrl-C.
async fn go(
    fake: &FakeTransport,
    ledger: Option<FakeLedger>,
    options: SchedulerOptions,
    updates: Vec<UpdateResult>,
    stop_after: Option<Duration>,
) -> Finished {
    go_with(fake, ledger, options, updates, stop_after).await
}

async fn go_with<T: Transport, L: Ledger + 'static>(
    transport: &T,
    ledger: Option<L>,
    options: SchedulerOptions,
    updates: Vec<UpdateResult>,
    stop_after: Option<Duration>,
) -> Finished {
    let (input_in, mut events_out, stop, channels) = channels();
    let total = updates.len();
    let feeder = tokio::spawn(async move {
        let mut rows = (0u64..).zip(updates).map(|(seq, update)| row(seq, update));
        loop {
            let batch: Vec<Row> = rows.by_ref().take(7).collect();
            if batch.is_empty() || input_in.send(InputBatch::Rows(batch)).await.is_err() {
                break;
            }
        }
    });
    if let Some(after) = stop_after {
        let stop = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            stop.stop(StopReason::Signal(Signal::Int));
        });
    }
    let scheduler = tokio::spawn(run(
        transport.clone(),
        Knowledge { ledger, snapshot: None },
        options,
        channels,
    ));
    let mut finished = Finished { stop: None, rows: Vec::new(), decided: Vec::new(), reads: 0 };
    while let Some(batch) = events_out.recv().await {
        for event in batch {
            match event {
                Event::Settled(row, outcome) => {
                    assert_eq!(row.seq, finished.rows.len() as u64, "input order, no gaps");
                    finished.rows.push(outcome);
                }
                Event::Decided(situacao) => finished.decided.push(situacao),
                Event::Read(_) => finished.reads += 1,
                Event::Changed { .. }
                | Event::Unreached
                | Event::NamesLost(_)
                | Event::Request(_)
                | Event::Looking(_)
                | Event::Phase(_) => {}
            }
        }
    }
    finished.stop = scheduler.await.unwrap().0;
    feeder.await.unwrap();
    assert_eq!(finished.rows.len(), total, "every row has its verdict");
    let mut settled = finished.situacoes();
    settled.sort_by_key(|situacao| situacao.index());
    finished.decided.sort_by_key(|situacao| situacao.index());
    assert_eq!(finished.decided, settled, "and it was told once when it was given");
    drop(stop);
    finished
}

const OK: (Duration, Reply, &str) = (Duration::from_millis(20), Reply::Accepted, "ok");

const AWAY: Reply = Reply::NotSent(Cause::Unreachable);

fn customers(count: usize) -> Vec<UpdateResult> {
    (0..count).map(|n| update(&format!("c{n}@x"), None)).collect()
}

/// A ledger that knows some names as unchanged, and logs every call.
#[derive(Clone, Default)]
struct FakeLedger {
    unchanged: Arc<Mutex<Vec<String>>>,
    log: Arc<Mutex<Vec<String>>>,
    waiting: Arc<Mutex<VecDeque<Recorded>>>,
    wake: Arc<tokio::sync::Notify>,
    /// Outcomes after which its disk is full.
    room: Option<usize>,
    /// Checks after which it cannot be read, while its writer goes on.
    readable: Option<usize>,
    /// How long a record takes to become durable.
    slow: Duration,
    /// What it says of every refusal.
    doubt: RefusalDoubt,
    /// The fields that were verified.
    verified: Arc<Mutex<Vec<FieldName>>>,
}

impl FakeLedger {
    fn log(&self, what: &str, update: &Update, outcome: Option<RequestOutcome>) {
        let name = update.customer().identifier.as_str();
        let outcome = outcome.map_or_else(String::new, |outcome| format!(" {outcome:?}"));
        self.log.lock().unwrap().push(format!("{what} {name}{outcome}"));
    }

    fn hand_over(&self, recorded: Recorded) {
        self.waiting.lock().unwrap().push_back(recorded);
        self.wake.notify_one();
    }
}

impl Ledger for FakeLedger {
    type Error = &'static str;

    fn check_fence(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    fn check(
        &mut self,
        _: u64,
        update: &Update,
        _: Option<&HeldRow>,
    ) -> Result<Checked, Self::Error> {
        if self.readable == Some(0) {
            return Err("registro danificado");
        }
        self.readable = self.readable.map(|checks| checks - 1);
        self.log("check", update, None);
        let name = update.customer().identifier.as_str();
        let is_unchanged = self.unchanged.lock().unwrap().iter().any(|known| known == name);
        let unchanged = is_unchanged.then_some(Unchanged::Accepted);
        Ok(Checked { unchanged, was_written: false, is_recording: false })
    }

    fn record_intent(&mut self, sequence: u64, update: Arc<Update>) -> Result<(), Self::Error> {
        self.log("intend", &update, None);
        self.hand_over(Recorded::Intent { sequence });
        Ok(())
    }

    fn record_outcome(
        &mut self,
        sequence: u64,
        update: Arc<Update>,
        outcome: RequestOutcome,
    ) -> Result<(), Self::Error> {
        if self.room == Some(0) {
            return Err("disco cheio");
        }
        self.room = self.room.map(|room| room - 1);
        if outcome == (RequestOutcome::Accepted { first_attempt: true }) {
            let name = update.customer().identifier.as_str().to_owned();
            self.unchanged.lock().unwrap().push(name);
        }
        self.log("settle", &update, Some(outcome));
        self.hand_over(Recorded::Outcome { sequence });
        Ok(())
    }

    fn refusal_doubt(&mut self, _: u64) -> Result<RefusalDoubt, Self::Error> {
        Ok(self.doubt)
    }

    fn is_verified(&self, field: &FieldName) -> bool {
        self.verified.lock().unwrap().contains(field)
    }

    fn record_verified(&mut self, fields: &[FieldName]) -> Result<(), Self::Error> {
        self.verified.lock().unwrap().extend_from_slice(fields);
        self.hand_over(Recorded::Seen);
        Ok(())
    }

    async fn recorded(&mut self) -> Result<Vec<Recorded>, Self::Error> {
        loop {
            if !self.slow.is_zero() {
                tokio::time::sleep(self.slow).await;
            }
            let next = self.waiting.lock().unwrap().pop_front();
            if let Some(recorded) = next {
                return Ok(vec![recorded]);
            }
            self.wake.notified().await;
        }
    }
}
