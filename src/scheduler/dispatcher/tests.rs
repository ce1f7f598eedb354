//! The dispatcher under a paused clock, against a transport and a memory that are scripted: minutes
//! of outage pass in no time, and every wait is exact.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::send::fate;
use super::{PoolEnd, run, waiting_words};
use crate::api::{Attempt, Cause, Reply};
use crate::input::Record;
use crate::model::{
    Customer, CustomerType, FieldName, Identifier, Job, Outcome, Param, Row, Situacao, Update,
};
use crate::scheduler::events::{Event, RequestKind};
use crate::scheduler::ledger::{Ledger, LedgerFailed, NoLedger, Recorded, RequestOutcome};
use crate::scheduler::rate_limiter::RequestResult;
use crate::scheduler::window::WINDOW_ROWS;
use crate::scheduler::{InputBatch, PoolOptions, Rate, Transport};
use crate::stop::{Signal, StopReason, channel};

type Script = dyn Fn(&str, usize) -> (Duration, Reply, &'static str) + Send + Sync;

/// Answers by script: identifier and number of this attempt → delay, reply, words.
#[derive(Clone)]
struct Fake {
    script: Arc<Script>,
    seen: Arc<Mutex<HashMap<String, usize>>>,
    log: Arc<Mutex<Vec<(Instant, String)>>>,
    in_flight: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Fake {
    fn new(
        script: impl Fn(&str, usize) -> (Duration, Reply, &'static str) + Send + Sync + 'static,
    ) -> Self {
        Self {
            script: Arc::new(script),
            seen: Arc::default(),
            log: Arc::default(),
            in_flight: Arc::default(),
            most: Arc::default(),
        }
    }

    fn sent(&self) -> Vec<String> {
        self.log.lock().unwrap().iter().map(|(_, name)| name.clone()).collect()
    }
}

impl Transport for Fake {
    async fn send(&self, update: Arc<Update>) -> Attempt {
        let name = update.customer().identifier.as_str().to_owned();
        let sent = Instant::now();
        let number = {
            let mut seen = self.seen.lock().unwrap();
            let number = seen.entry(name.clone()).or_default();
            *number += 1;
            *number
        };
        self.log.lock().unwrap().push((sent, name.clone()));
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let (delay, reply, words) = (self.script)(&name, number);
        tokio::time::sleep(delay).await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        Attempt {
            reply,
            status: Some(200),
            mensagem: words.to_owned(),
            sent: sent.into_std(),
            answered: Instant::now().into_std(),
        }
    }
}

fn row(seq: u64, job: Job) -> Row {
    let (identificador, tipo) = match &job {
        Job::Send(update) => {
            (update.customer().identifier.as_str().into(), Some(update.customer().ctype))
        }
        Job::Invalid(_) => ("".into(), None),
    };
    let record = Record::from_cells(seq + 2, ["x"]);
    Row { seq, record, identificador, tipo, job }
}

fn update(name: &str, email: Option<&str>) -> Job {
    update_of(CustomerType::Email, name, email)
}

fn update_of(ctype: CustomerType, name: &str, email: Option<&str>) -> Job {
    let fields: Arc<[FieldName]> =
        [Param::Nome, Param::Email].map(FieldName::Param).into_iter().collect();
    let customer = Customer { ctype, identifier: Identifier::new(name).unwrap() };
    let mut update = Update::new(customer, fields);
    update.push(0, "n");
    if let Some(email) = email {
        update.push(1, email);
    }
    Job::Send(Arc::new(update))
}

fn options() -> PoolOptions {
    PoolOptions {
        rate: Rate::Unlimited,
        concurrency: 4,
        limit: None,
        max_errors: None,
        breaker: true,
        give_up_after: Duration::from_secs(300),
        drain: Duration::from_secs(10),
        probe: None,
    }
}

struct Finished {
    end: PoolEnd,
    rows: Vec<Outcome>,
    decided: Vec<Situacao>,
    repeats: usize,
    limited: usize,
}

impl Finished {
    fn situacoes(&self) -> Vec<Situacao> {
        self.rows.iter().map(|outcome| outcome.situacao).collect()
    }
}

/// Runs these jobs to the end. `stop_after` asks for a stop as by Ctrl-C.
async fn go<M: Ledger + 'static>(
    fake: &Fake,
    memory: M,
    options: PoolOptions,
    jobs: Vec<Job>,
    stop_after: Option<Duration>,
) -> Finished {
    let (feed_in, feed_out) = mpsc::channel(2);
    let (events_in, mut events_out) = mpsc::channel(4);
    let (stop, listener) = channel();
    let total = jobs.len();
    let feeder = tokio::spawn(async move {
        let mut rows = (0u64..).zip(jobs).map(|(seq, job)| row(seq, job));
        loop {
            let batch: Vec<Row> = rows.by_ref().take(7).collect();
            if batch.is_empty() || feed_in.send(InputBatch::Rows(batch)).await.is_err() {
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
    let pool = tokio::spawn(run(fake.clone(), memory, options, feed_out, events_in, listener));
    let mut finished = Finished {
        end: PoolEnd { stop: None },
        rows: Vec::new(),
        decided: Vec::new(),
        repeats: 0,
        limited: 0,
    };
    while let Some(batch) = events_out.recv().await {
        for event in batch {
            match event {
                Event::Settled(row, outcome) => {
                    assert_eq!(row.seq, finished.rows.len() as u64, "input order, no gaps");
                    finished.rows.push(outcome);
                }
                Event::Request(request) => {
                    finished.repeats += usize::from(request.repeat);
                    finished.limited += usize::from(request.kind == RequestKind::Limited);
                }
                Event::Decided(situacao) => finished.decided.push(situacao),
                Event::Phase(_) => {}
            }
        }
    }
    finished.end = pool.await.unwrap().0;
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

fn customers(count: usize) -> Vec<Job> {
    (0..count).map(|n| update(&format!("c{n}@x"), None)).collect()
}

#[tokio::test(start_paused = true)]
async fn rows_of_one_customer_go_one_by_one_and_others_pass_them() {
    let fake = Fake::new(|name, _| match name {
        "slow@x" => (Duration::from_secs(5), Reply::Accepted, "ok"),
        _ => OK,
    });
    let mut jobs = vec![update("slow@x", None), update("SLOW@x", None)];
    jobs.extend(customers(50));
    let finished = go(&fake, NoLedger, options(), jobs, None).await;
    assert!(finished.situacoes().iter().all(|s| *s == Situacao::Atualizado));
    let sent = fake.sent();
    assert_eq!(sent.last().map(String::as_str), Some("SLOW@x"));
    assert!(fake.most.load(Ordering::SeqCst) <= 4);
}

#[tokio::test(start_paused = true)]
async fn an_ambiguous_row_is_tried_three_times_and_a_rename_once() {
    let fake = Fake::new(|name, _| match name {
        "a@x" | "b@x" => (Duration::from_millis(1), Reply::Ambiguous, "caiu"),
        _ => OK,
    });
    let jobs = vec![update("a@x", None), update("b@x", Some("c@x")), update("d@x", None)];
    let finished = go(&fake, NoLedger, options(), jobs, None).await;
    assert_eq!(finished.situacoes(), [Situacao::Falhou, Situacao::Incerto, Situacao::Atualizado]);
    assert_eq!(finished.rows[0].tentativas, 3);
    assert_eq!(finished.rows[1].tentativas, 1);
    assert_eq!(finished.repeats, 2);
    assert_eq!(finished.end.stop, None);
}

#[tokio::test(start_paused = true)]
async fn one_pause_holds_all_and_a_429_is_no_attempt() {
    let fake = Fake::new(|_, number| match number {
        1 => (
            Duration::from_millis(1),
            Reply::Limited { retry_after: Some(Duration::from_secs(30)) },
            "429",
        ),
        _ => OK,
    });
    let finished = go(&fake, NoLedger, options(), customers(4), None).await;
    assert!(finished.rows.iter().all(|o| o.situacao == Situacao::Atualizado && o.tentativas == 1));
    assert_eq!(finished.limited, 4);
    let log = fake.log.lock().unwrap();
    let pause = log[4].0 - log[3].0;
    assert!(pause >= Duration::from_secs(30), "{pause:?}");
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_waited_out_without_touching_rows() {
    let began = Instant::now();
    let fake = Fake::new(move |_, _| match began.elapsed() < Duration::from_secs(200) {
        true => (Duration::ZERO, AWAY, "recusada"),
        false => OK,
    });
    let finished = go(&fake, NoLedger, options(), customers(20), None).await;
    assert!(finished.rows.iter().all(|o| o.situacao == Situacao::Atualizado && o.tentativas == 1));
    // Half a minute of doubling, then one probe every 15 s: not a storm of connections.
    assert!(fake.sent().len() < 20 + 40, "{}", fake.sent().len());
}

#[tokio::test(start_paused = true)]
async fn an_endless_outage_ends_the_run_after_its_patience() {
    let fake = Fake::new(|_, _| (Duration::ZERO, AWAY, "recusada"));
    let began = Instant::now();
    let finished = go(&fake, NoLedger, options(), customers(30), None).await;
    assert!(matches!(finished.end.stop, Some(StopReason::Unavailable(_))));
    assert!(finished.rows.iter().all(|o| o.situacao == Situacao::NaoEnviado && o.tentativas == 0));
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(300) && took < Duration::from_secs(301), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn patience_ends_though_a_probe_has_no_answer_yet() {
    let began = Instant::now();
    let fake = Fake::new(move |_, _| match began.elapsed() < Duration::from_secs(200) {
        true => (Duration::ZERO, AWAY, "recusada"),
        false => (Duration::from_secs(3600), Reply::Accepted, "tarde demais"),
    });
    let finished = go(&fake, NoLedger, options(), customers(3), None).await;
    assert!(matches!(finished.end.stop, Some(StopReason::Unavailable(_))));
    // And ten seconds for that answer.
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(310) && took < Duration::from_secs(311), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_but_429_ends_the_run_after_a_quarter_of_an_hour() {
    let limited = Reply::Limited { retry_after: None };
    let fake = Fake::new(move |_, _| (Duration::from_millis(5), limited, "429"));
    let began = Instant::now();
    let finished = go(&fake, NoLedger, options(), customers(3), None).await;
    assert!(matches!(finished.end.stop, Some(StopReason::Unavailable(_))));
    assert!(began.elapsed() >= Duration::from_secs(900));
    assert!(finished.rows.iter().all(|o| o.situacao == Situacao::NaoEnviado));
}

#[tokio::test(start_paused = true)]
async fn the_breaker_sees_exactly_twenty_rows() {
    let fake = Fake::new(|_, _| (Duration::from_millis(5), Reply::Refused, "Token inválido"));
    let finished = go(&fake, NoLedger, options(), customers(100), None).await;
    assert!(matches!(finished.end.stop, Some(StopReason::Breaker(_))));
    assert_eq!(fake.sent().len(), 20);
    let refused = finished.situacoes().iter().filter(|s| **s == Situacao::Recusado).count();
    assert_eq!(refused, 20);
    let off = PoolOptions { breaker: false, ..options() };
    let finished = go(&fake, NoLedger, off, customers(100), None).await;
    assert_eq!(finished.end.stop, None);
}

#[tokio::test(start_paused = true)]
async fn the_limit_counts_rows_and_the_rest_is_not_sent() {
    let fake = Fake::new(|_, number| match number {
        1 => (Duration::from_millis(1), Reply::Ambiguous, "caiu"),
        _ => OK,
    });
    let mut jobs = vec![Job::Invalid("não".into())];
    jobs.extend(customers(9));
    for rate in [Rate::Unlimited, Rate::DEFAULT] {
        fake.seen.lock().unwrap().clear();
        let limited = PoolOptions { limit: Some(3), rate, ..options() };
        let finished = go(&fake, NoLedger, limited, jobs.clone(), None).await;
        let count = |s| finished.situacoes().iter().filter(|x| **x == s).count();
        assert_eq!(
            (count(Situacao::Invalido), count(Situacao::Atualizado), count(Situacao::NaoEnviado)),
            (1, 3, 6)
        );
        assert_eq!(finished.end.stop, None);
    }
}

#[tokio::test(start_paused = true)]
async fn the_pace_hears_how_soon_the_answers_came() {
    let fake = Fake::new(|_, _| OK);
    let began = Instant::now();
    let paced = PoolOptions { rate: Rate::DEFAULT, ..options() };
    go(&fake, NoLedger, paced, customers(90), None).await;
    // What is reckoned with while nothing is known would make it 33 s.
    let took = began.elapsed();
    assert!((29..31).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_row_that_was_sent_before_goes_before_new_ones() {
    let limited = Reply::Limited { retry_after: None };
    let fake = Fake::new(move |name, number| match (name, number) {
        ("c0@x", 1) => (Duration::from_millis(1), limited, "429"),
        _ => OK,
    });
    let one = PoolOptions { concurrency: 1, ..options() };
    go(&fake, NoLedger, one, customers(3), None).await;
    assert_eq!(fake.sent(), ["c0@x", "c0@x", "c1@x", "c2@x"]);
}

#[tokio::test(start_paused = true)]
async fn rows_run_no_further_ahead_of_a_slow_one_than_the_window_is_long() {
    let slow = Duration::from_secs(3600);
    let fake = Fake::new(move |name, _| match name {
        "c0@x" => (slow, Reply::Accepted, "ok"),
        _ => OK,
    });
    let began = Instant::now();
    go(&fake, NoLedger, options(), customers(2000), None).await;
    let ahead = fake.log.lock().unwrap().iter().filter(|(at, _)| *at < began + slow).count();
    // And what came together with the last that fits.
    assert!((WINDOW_ROWS..WINDOW_ROWS + 7).contains(&ahead), "{ahead}");
}

/// Nothing wakes the dispatcher once the last reply is in and the feed has ended.
#[tokio::test(start_paused = true)]
async fn rows_beyond_the_limit_that_wait_for_one_another_all_get_their_verdict() {
    let a_chain = [("a@x", "b@x"), ("b@x", "c@x"), ("c@x", "d@x")]
        .map(|(from, to)| update(from, Some(to)))
        .into_iter();
    for (jobs, limit) in [
        ((0..5).map(|_| update("a@x", None)).collect::<Vec<_>>(), 0),
        ((0..5).map(|_| update("a@x", None)).collect(), 1),
        (customers(1).into_iter().chain((0..5).map(|_| update("b@x", None))).collect(), 1),
        (customers(1).into_iter().chain(a_chain).collect(), 1),
    ] {
        let fake = Fake::new(|_, _| OK);
        let rows = jobs.len();
        let limited = PoolOptions { limit: Some(limit), ..options() };
        let run = go(&fake, NoLedger, limited, jobs, None);
        let finished = tokio::time::timeout(Duration::from_secs(3600), run).await.unwrap();
        let unsent = finished.situacoes().iter().filter(|s| **s == Situacao::NaoEnviado).count();
        assert_eq!((fake.sent().len() as u64, unsent as u64), (limit, rows as u64 - limit));
        assert_eq!(finished.end.stop, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_what_is_in_flight_and_no_longer() {
    let fake = Fake::new(|name, _| match name {
        "c0@x" => (Duration::from_secs(4), Reply::Accepted, "ok"),
        _ => (Duration::from_secs(3600), Reply::Accepted, "ok"),
    });
    let began = Instant::now();
    let jobs = vec![
        update("c0@x", None),
        update("c1@x", None),
        update("c2@x", Some("d@x")),
        update("c0@x", None),
        Job::Invalid("não".into()),
    ];
    let stopped = go(&fake, NoLedger, options(), jobs, Some(Duration::from_secs(1))).await;
    assert_eq!(
        stopped.situacoes(),
        [
            Situacao::Atualizado,
            Situacao::Falhou,
            Situacao::Incerto,
            Situacao::NaoEnviado,
            Situacao::Invalido
        ]
    );
    assert_eq!(stopped.end.stop, Some(StopReason::Signal(Signal::Int)));
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(11) && took < Duration::from_secs(12), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_row_in_backoff_at_a_stop_is_falhou() {
    let fake = Fake::new(|_, _| (Duration::from_millis(900), Reply::Ambiguous, "caiu"));
    let jobs = vec![update("a@x", None)];
    let stopped = go(&fake, NoLedger, options(), jobs, Some(Duration::from_millis(901))).await;
    assert_eq!(stopped.situacoes(), [Situacao::Falhou]);
}

#[tokio::test(start_paused = true)]
async fn errors_beyond_the_allowed_ones_stop_the_run() {
    let fake = Fake::new(|name, _| match name {
        "c0@x" | "c3@x" => (Duration::from_millis(5), Reply::Refused, name_of(name)),
        _ => OK,
    });
    let most = PoolOptions { max_errors: Some(1), concurrency: 1, ..options() };
    let finished = go(&fake, NoLedger, most, customers(10), None).await;
    assert!(matches!(finished.end.stop, Some(StopReason::MaxErrors(_))));
    assert_eq!(fake.sent().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_a_stop_leaves_without_an_answer_is_not_too_many_errors() {
    let most = PoolOptions { max_errors: Some(0), breaker: false, ..options() };
    let caiu = Fake::new(|_, _| (Duration::from_millis(900), Reply::Ambiguous, "caiu"));
    for memory in [false, true] {
        // Rows in flight, and rows that wait before a repeat.
        for after in [Duration::from_millis(100), Duration::from_millis(901)] {
            let stopped = match memory {
                false => go(&caiu, NoLedger, most.clone(), customers(8), Some(after)).await,
                true => {
                    let memory = FakeLedger::default();
                    go(&caiu, memory, most.clone(), customers(8), Some(after)).await
                }
            };
            assert!(stopped.situacoes().contains(&Situacao::Falhou));
            assert_eq!(stopped.end.stop, Some(StopReason::Signal(Signal::Int)), "{after:?}");
        }
    }
    // An outage: ten without an answer, of which none is at its third attempt, and then nobody.
    let away = Fake::new(|_, _| (Duration::from_millis(5), Reply::Ambiguous, "caiu"));
    let soon = Duration::from_millis(400);
    let outage = PoolOptions { concurrency: 16, give_up_after: soon, ..most.clone() };
    let ended = go(&away, NoLedger, outage, customers(20), None).await;
    assert!(ended.situacoes().contains(&Situacao::Falhou));
    assert!(matches!(ended.end.stop, Some(StopReason::Unavailable(_))), "{:?}", ended.end.stop);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_comes_after_the_stop_does_not_change_the_reason() {
    let fake = Fake::new(|_, _| (Duration::from_millis(900), Reply::Refused, "não"));
    let most = PoolOptions { max_errors: Some(0), ..options() };
    let stopped = go(&fake, NoLedger, most, customers(8), Some(Duration::from_millis(100))).await;
    assert!(stopped.situacoes().contains(&Situacao::Recusado));
    assert_eq!(stopped.end.stop, Some(StopReason::Signal(Signal::Int)));
}

#[test]
fn a_stop_says_only_what_is_waited_for() {
    let over = StopReason::MaxDuration("o tempo acabou".into());
    let signal = StopReason::Signal(Signal::Int);
    let waiting = "parando: as requisições em andamento são esperadas por até 10 s";
    assert_eq!(waiting_words(&over, 0), None);
    assert_eq!(waiting_words(&signal, 0), None);
    assert_eq!(waiting_words(&over, 1).as_deref(), Some(waiting));
    let words = waiting_words(&signal, 1);
    assert_eq!(words, Some(format!("{waiting} (um segundo sinal sai já)")));
}

fn name_of(name: &str) -> &'static str {
    if name == "c0@x" { "a" } else { "b" }
}

/// A ledger that knows some names as unchanged, and logs every call.
#[derive(Clone, Default)]
struct FakeLedger {
    believed: Arc<Mutex<Vec<String>>>,
    log: Arc<Mutex<Vec<String>>>,
    waiting: Arc<Mutex<Vec<Recorded>>>,
    wake: Arc<tokio::sync::Notify>,
    /// Outcomes after which its disk is full.
    room: Option<usize>,
    /// How long a record takes to become durable.
    slow: Duration,
    /// Whether it calls every outcome uncertain.
    uncertain: bool,
}

impl FakeLedger {
    fn log(&self, what: &str, update: &Update, outcome: Option<RequestOutcome>) {
        let name = update.customer().identifier.as_str();
        let outcome = outcome.map_or_else(String::new, |outcome| format!(" {outcome:?}"));
        self.log.lock().unwrap().push(format!("{what} {name}{outcome}"));
    }

    fn hand_over(&self, recorded: Recorded) {
        self.waiting.lock().unwrap().push(recorded);
        self.wake.notify_one();
    }
}

impl Ledger for FakeLedger {
    fn is_on(&self) -> bool {
        true
    }

    fn check(&mut self, _: u64, update: &Update) -> Result<bool, LedgerFailed> {
        self.log("check", update, None);
        let name = update.customer().identifier.as_str();
        Ok(self.believed.lock().unwrap().iter().any(|known| known == name))
    }

    fn record_intent(&mut self, sequence: u64, update: Arc<Update>) -> Result<(), LedgerFailed> {
        self.log("intend", &update, None);
        self.hand_over(Recorded::Intent { sequence });
        Ok(())
    }

    fn record_outcome(
        &mut self,
        sequence: u64,
        update: Arc<Update>,
        outcome: RequestOutcome,
    ) -> Result<(), LedgerFailed> {
        if self.room == Some(0) {
            return Err(LedgerFailed::new("disco cheio"));
        }
        self.room = self.room.map(|room| room - 1);
        if outcome == (RequestOutcome::Accepted { first_attempt: true }) {
            let name = update.customer().identifier.as_str().to_owned();
            self.believed.lock().unwrap().push(name);
        }
        self.log("settle", &update, Some(outcome));
        self.hand_over(Recorded::Outcome { sequence, uncertain: self.uncertain });
        Ok(())
    }

    async fn recorded(&mut self) -> Result<Vec<Recorded>, LedgerFailed> {
        loop {
            if !self.slow.is_zero() {
                tokio::time::sleep(self.slow).await;
            }
            let recorded = std::mem::take(&mut *self.waiting.lock().unwrap());
            if !recorded.is_empty() {
                return Ok(recorded);
            }
            self.wake.notified().await;
        }
    }
}

/// A crash repeats what has an open intent, so there are never more of those than may be in flight;
/// records become durable in the order of this log.
#[tokio::test(start_paused = true)]
async fn never_more_intents_are_open_than_requests_may_be_in_flight() {
    let limited = Reply::Limited { retry_after: None };
    let fake = Fake::new(move |name, number| match (name, number) {
        ("c2@x" | "c3@x" | "c9@x", 1) => (Duration::from_millis(3), limited, "429"),
        _ => OK,
    });
    let memory = FakeLedger::default();
    let finished = go(&fake, memory.clone(), options(), customers(40), None).await;
    assert!(finished.situacoes().iter().all(|s| *s == Situacao::Atualizado));
    let (mut open, mut most) = (0, 0);
    for line in memory.log.lock().unwrap().iter() {
        open += i32::from(line.starts_with("intend ")) - i32::from(line.starts_with("settle "));
        most = most.max(open);
    }
    assert_eq!((open, most), (0, 4), "all of --concurrency is used, and no more");
}

/// What was answered is told as it is, though the next run will not know of it.
#[tokio::test(start_paused = true)]
async fn a_memory_that_fails_takes_no_verdict_away() {
    use Situacao::{Atualizado, Falhou, NaoEnviado, Recusado};
    let memory = FakeLedger { room: Some(1), ..FakeLedger::default() };
    let fake = Fake::new(|name, _| match name {
        "c2@x" => (Duration::from_millis(30), Reply::Refused, "não"),
        "c3@x" => (Duration::from_secs(3600), Reply::Accepted, "tarde demais"),
        _ => (Duration::from_millis(if name == "c0@x" { 10 } else { 20 }), Reply::Accepted, "ok"),
    });
    let finished = go(&fake, memory, options(), customers(9), None).await;
    assert!(matches!(finished.end.stop, Some(StopReason::Local(_))));
    assert_eq!(fake.sent().len(), 5, "nothing leaves after the failure");
    assert_eq!(
        finished.situacoes(),
        [Atualizado, Atualizado, Recusado, Falhou]
            .into_iter()
            .chain([Atualizado])
            .chain([NaoEnviado; 4])
            .collect::<Vec<_>>()
    );
}

#[tokio::test(start_paused = true)]
async fn with_a_ledger_every_request_is_checked_then_its_intent_and_outcome_recorded() {
    let memory = FakeLedger::default();
    memory.believed.lock().unwrap().push("c1@x".to_owned());
    let fake = Fake::new(|name, number| match (name, number) {
        ("c2@x", 1) => (Duration::from_millis(1), Reply::Ambiguous, "caiu"),
        ("c3@x", _) => (Duration::from_millis(1), Reply::Refused, "não"),
        _ => OK,
    });
    let mut jobs = customers(4);
    jobs.push(update("c0@x", None));
    let finished = go(&fake, memory.clone(), options(), jobs, None).await;
    assert_eq!(
        finished.situacoes(),
        [
            Situacao::Atualizado,
            Situacao::Inalterado,
            Situacao::Atualizado,
            Situacao::Recusado,
            // Checked only after the first row of the same customer was done.
            Situacao::Inalterado
        ]
    );
    let log = memory.log.lock().unwrap();
    let place = |line: &str| log.iter().position(|l| l == line).unwrap_or_else(|| panic!("{line}"));
    let accepted = |first| format!("{:?}", RequestOutcome::Accepted { first_attempt: first });
    assert!(place("check c0@x") < place("intend c0@x"));
    assert!(place("intend c0@x") < place(&format!("settle c0@x {}", accepted(true))));
    place(&format!("settle c2@x {}", accepted(false)));
    place("settle c3@x Refused");
    assert!(!log.iter().any(|line| line == "intend c1@x"));
}

#[tokio::test(start_paused = true)]
async fn a_stop_takes_back_intents_that_never_left() {
    let memory = FakeLedger::default();
    let fake = Fake::new(|_, _| (Duration::from_millis(1), AWAY, "recusada"));
    let slow = PoolOptions { rate: Rate::PerSecond(1.0), ..options() };
    let stop_after = Some(Duration::from_millis(100));
    let finished = go(&fake, memory.clone(), slow, customers(6), stop_after).await;
    assert!(finished.rows.iter().all(|o| o.situacao == Situacao::NaoEnviado));
    let log = memory.log.lock().unwrap();
    let count = |what: &str| log.iter().filter(|line| line.starts_with(what)).count();
    assert!(count("intend") > 0);
    assert_eq!(count("intend"), count("settle"));
    assert!(log.iter().filter(|l| l.starts_with("settle")).all(|l| l.ends_with("NotSent")));
}

#[tokio::test(start_paused = true)]
async fn the_breakers_probe_tells_a_dead_token_from_bad_rows() {
    for (good, ends_early) in [(true, false), (false, true)] {
        let fake = Fake::new(move |name, _| match (name, good) {
            ("probe@x", true) => OK,
            _ => (Duration::from_millis(5), Reply::Refused, "não"),
        });
        let Job::Send(probe) = update("probe@x", None) else { panic!("no update") };
        let with_probe = PoolOptions { probe: Some(probe), ..options() };
        let finished = go(&fake, FakeLedger::default(), with_probe, customers(60), None).await;
        assert_eq!(finished.end.stop.is_some(), ends_early);
        assert_eq!(fake.sent().iter().filter(|name| *name == "probe@x").count(), 1);
        assert_eq!(fake.sent().len(), if good { 61 } else { 21 });
    }
}

#[tokio::test(start_paused = true)]
async fn the_probe_is_waited_for_though_no_row_is_left() {
    let fake = Fake::new(|_, _| (Duration::from_millis(5), Reply::Refused, "não"));
    let Job::Send(probe) = update("probe@x", None) else { panic!("no update") };
    // Its permit takes a moment, and nothing else is under way then.
    let with_probe = PoolOptions { probe: Some(probe), rate: Rate::DEFAULT, ..options() };
    let finished = go(&fake, NoLedger, with_probe, customers(20), None).await;
    assert!(matches!(finished.end.stop, Some(StopReason::Breaker(_))));
    assert_eq!(fake.sent().len(), 21);
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_probe_that_waits_itself() {
    let fake = Fake::new(|name, _| match name {
        "probe@x" => (Duration::from_millis(5), AWAY, "recusada"),
        _ => (Duration::from_millis(5), Reply::Refused, "não"),
    });
    let Job::Send(probe) = update("probe@x", None) else { panic!("no update") };
    let with_probe = PoolOptions { probe: Some(probe), ..options() };
    let stop_after = Some(Duration::from_secs(60));
    let run = go(&fake, FakeLedger::default(), with_probe, customers(30), stop_after);
    let finished = tokio::time::timeout(Duration::from_secs(3600), run).await.unwrap();
    assert_eq!(finished.end.stop, Some(StopReason::Signal(Signal::Int)));
}

/// Nobody knows which e-mail and which internal identifier are one customer's.
#[tokio::test(start_paused = true)]
async fn an_unchanged_row_is_checked_again_after_earlier_rows_of_the_other_type() {
    let memory = FakeLedger::default();
    memory.believed.lock().unwrap().extend(["6", "7", "8"].map(ToOwned::to_owned));
    let believed = Arc::clone(&memory.believed);
    let fake = Fake::new(move |name, _| match name {
        "a@x" => {
            believed.lock().unwrap().retain(|name| name != "7");
            (Duration::from_secs(5), Reply::Accepted, "ok")
        }
        _ => OK,
    });
    let internal = |name| update_of(CustomerType::Internal, name, None);
    let jobs = vec![internal("6"), update("a@x", None), internal("7"), internal("8")];
    let run = go(&fake, memory.clone(), options(), jobs, None);
    let finished = tokio::time::timeout(Duration::from_secs(3600), run).await.unwrap();
    assert_eq!(
        finished.situacoes(),
        [Situacao::Inalterado, Situacao::Atualizado, Situacao::Atualizado, Situacao::Inalterado]
    );
    assert_eq!(fake.sent(), ["a@x", "7"]);
    let log = memory.log.lock().unwrap();
    let checked = |name: &str| log.iter().filter(|line| **line == format!("check {name}")).count();
    assert_eq!(["6", "7", "8"].map(checked), [1, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn only_a_refusal_can_be_uncertain() {
    let memory = FakeLedger { uncertain: true, ..FakeLedger::default() };
    let fake = Fake::new(|name, _| match name {
        "c0@x" => (Duration::from_millis(5), Reply::Refused, "não"),
        _ => OK,
    });
    let finished = go(&fake, memory, options(), customers(2), None).await;
    assert_eq!(finished.situacoes(), [Situacao::Incerto, Situacao::Atualizado]);
    assert!(finished.rows[0].mensagem.starts_with("Recusado (\"não\"), mas uma troca de e-mail"));
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_executed_is_settled_as_unknown() {
    let memory = FakeLedger::default();
    let fake = Fake::new(|name, number| match (name, number) {
        ("c0@x", 1) => (Duration::from_millis(1), Reply::Ambiguous, "caiu"),
        ("c0@x", _) => (Duration::from_millis(1), Reply::Refused, "não"),
        _ => (Duration::from_secs(3600), Reply::Accepted, "tarde demais"),
    });
    let jobs = vec![update("c0@x", None), update("c1@x", None), update("c2@x", Some("d@x"))];
    let stop_after = Some(Duration::from_secs(1));
    let finished = go(&fake, memory.clone(), options(), jobs, stop_after).await;
    assert_eq!(finished.situacoes(), [Situacao::Recusado, Situacao::Falhou, Situacao::Incerto]);
    let log = memory.log.lock().unwrap();
    let mut settled: Vec<_> = log.iter().filter(|line| line.starts_with("settle")).collect();
    settled.sort();
    assert_eq!(settled, ["settle c0@x Unknown", "settle c1@x Unknown", "settle c2@x Unknown"]);
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_becomes_durable_after_a_stop_lets_nothing_leave() {
    let memory = FakeLedger { slow: Duration::from_secs(2), ..FakeLedger::default() };
    let fake = Fake::new(|_, _| OK);
    let stop_after = Some(Duration::from_secs(1));
    let run = go(&fake, memory.clone(), options(), customers(3), stop_after);
    let finished = tokio::time::timeout(Duration::from_secs(3600), run).await.unwrap();
    assert!(finished.situacoes().iter().all(|s| *s == Situacao::NaoEnviado));
    assert_eq!(fake.sent().len(), 0);
    let log = memory.log.lock().unwrap();
    let count = |what: &str| log.iter().filter(|line| line.starts_with(what)).count();
    assert_eq!((count("intend"), count("settle")), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn unchanged_rows_of_both_types_that_wait_for_one_another_all_get_their_verdict() {
    let memory = FakeLedger::default();
    memory.believed.lock().unwrap().extend(["7", "b@x"].map(ToOwned::to_owned));
    let fake = Fake::new(|_, _| (Duration::from_secs(5), Reply::Accepted, "ok"));
    let jobs = vec![
        update_of(CustomerType::Internal, "1", None),
        update("b@x", None),
        update_of(CustomerType::Internal, "7", None),
    ];
    let run = go(&fake, memory, options(), jobs, None);
    let finished = tokio::time::timeout(Duration::from_secs(3600), run).await.unwrap();
    assert_eq!(
        finished.situacoes(),
        [Situacao::Atualizado, Situacao::Inalterado, Situacao::Inalterado]
    );
}

#[test]
fn what_the_pace_is_told_of_each_reply() {
    for (reply, expected) in [
        (Reply::Accepted, RequestResult::Answered),
        (Reply::Refused, RequestResult::Answered),
        (Reply::Denied, RequestResult::Answered),
        (Reply::Redirected, RequestResult::Answered),
        (Reply::Limited { retry_after: None }, RequestResult::Limited),
        (AWAY, RequestResult::NotSent),
        (Reply::Ambiguous, RequestResult::Unanswered),
    ] {
        assert_eq!(fate(reply), expected, "{reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_read_after_a_stop_are_not_sent() {
    let fake = Fake::new(|name, _| match name {
        "c0@x" => (Duration::from_secs(3600), Reply::Accepted, "ok"),
        _ => OK,
    });
    let stop_after = Some(Duration::from_secs(60));
    let run = go(&fake, NoLedger, options(), customers(2000), stop_after);
    let finished = tokio::time::timeout(Duration::from_secs(3000), run).await.unwrap();
    let unsent = finished.situacoes().iter().filter(|s| **s == Situacao::NaoEnviado).count();
    assert_eq!(unsent, 2000 - fake.sent().len());
    assert!(unsent > 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_reporter_nothing_more_leaves() {
    let fake = Fake::new(|_, _| OK);
    let (feed_in, feed_out) = mpsc::channel(2);
    let (events_in, events_out) = mpsc::channel(4);
    let (_stop, listener) = channel();
    drop(events_out);
    let rows = (0u64..).zip(customers(50)).map(|(seq, job)| row(seq, job)).collect();
    feed_in.send(InputBatch::Rows(rows)).await.unwrap();
    drop(feed_in);
    let (end, _) = run(fake.clone(), NoLedger, options(), feed_out, events_in, listener).await;
    assert!(matches!(end.stop, Some(StopReason::Local(_))));
    assert!(fake.sent().len() < 20, "{}", fake.sent().len());
}

#[tokio::test(start_paused = true)]
async fn what_is_being_settled_when_the_input_breaks_is_told() {
    let memory = FakeLedger { slow: Duration::from_secs(2), ..FakeLedger::default() };
    let fake = Fake::new(|_, _| OK);
    let (feed_in, feed_out) = mpsc::channel(2);
    let (events_in, mut events_out) = mpsc::channel(64);
    let (_stop, listener) = channel();
    let only = row(0, update("a@x", None));
    feed_in.send(InputBatch::Rows(vec![only])).await.unwrap();
    tokio::spawn(async move {
        // The intent is durable after 2 s, the outcome after 4 s.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let _ = feed_in.send(InputBatch::Broken("mudou".into())).await;
    });
    let (end, _) = run(fake, memory, options(), feed_out, events_in, listener).await;
    assert_eq!(end.stop, Some(StopReason::Local("mudou".into())));
    let mut settled = Vec::new();
    while let Some(batch) = events_out.recv().await {
        settled.extend(batch.into_iter().filter_map(|event| match event {
            Event::Settled(_, outcome) => Some(outcome.situacao),
            _ => None,
        }));
    }
    assert_eq!(settled, [Situacao::Atualizado]);
}
