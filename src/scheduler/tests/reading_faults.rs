//! Readings that fail: over the limit, without an answer, of a server that is away, of a list that
//! cannot be read. No row waits for ever, and no reading holds the updates up for long.

use serde_json::json;

use super::reading::{
    CUT, found, not_found, run_rows, settled, verifying, with_campo, with_fields,
};
use super::*;
use Situacao::{Atualizado, Falhou, Recusado};

const LIMITED: Reply = Reply::Limited { retry_after: None };

fn limited() -> (Duration, Reply, String) {
    (Duration::from_millis(5), LIMITED, String::new())
}

fn without_answer(seconds: u64) -> (Duration, Reply, String) {
    (Duration::from_secs(seconds), Reply::Ambiguous, String::new())
}

fn with_campos(count: usize) -> Vec<UpdateResult> {
    (0..count).map(|n| with_campo(&format!("c{n}@x"), "Ouro")).collect()
}

/// Seconds from the first request to each request of this name.
fn sent_at(fake: &FakeTransport, name: &str) -> Vec<u64> {
    let log = fake.log.lock().unwrap();
    let start = log[0].0;
    log.iter().filter(|(_, sent)| sent == name).map(|(at, _)| (*at - start).as_secs()).collect()
}

/// Every reading is over the limit, while updates are accepted. `give_up_after` is so short that the
/// pauses would end the run if they counted.
#[tokio::test(start_paused = true)]
async fn f175_readings_over_the_limit_neither_end_the_run_nor_starve_the_updates() {
    let fake = FakeTransport::new(|name, number| match (name, number) {
        ("c50@x" | "c51@x" | "c52@x" | "c53@x", 1) => CUT,
        _ => OK,
    })
    .reading(|_, _| limited());
    let options = SchedulerOptions { give_up_after: Duration::from_secs(2), ..verifying(5) };
    let (finished, _, took) = run_rows(&fake, options, with_campos(200)).await;
    assert_eq!(finished.stop, None);
    assert_eq!(finished.count(Atualizado), 200);
    assert!(took < Duration::from_secs(60), "{took:?}");
    let reads = fake.read_log.lock().unwrap();
    assert!((5..=8).contains(&reads.len()), "{reads:?}");
    // An update leaves between two readings, as long as one may.
    let log = fake.log.lock().unwrap();
    for pair in reads[..3].windows(2) {
        let between = |at: Instant| at >= pair[0].0 && at <= pair[1].0;
        assert!(log.iter().any(|(at, _)| between(*at)), "{pair:?}");
    }
}

/// One 429 does no harm: the reading is made once more.
#[tokio::test(start_paused = true)]
async fn f175_a_reading_over_the_limit_counts_as_one_without_an_answer() {
    for (limits, situacao, reads) in [(1, Atualizado, 2), (9, Falhou, 2)] {
        let fake = FakeTransport::new(|_, _| CUT).reading(move |name, number| {
            if number <= limits { limited() } else { found("n", name) }
        });
        let none = SchedulerOptions { settle_wait: Duration::ZERO, ..options() };
        let (finished, ..) = run_rows(&fake, none, customers(1)).await;
        assert_eq!(finished.situacoes(), [situacao]);
        assert_eq!(fake.read_names().len(), reads);
    }
}

#[tokio::test(start_paused = true)]
async fn f176_readings_that_hang_hold_the_run_up_for_a_few_timeouts_only() {
    let fake = FakeTransport::new(|name, _| if name == "c90@x" { CUT } else { OK })
        .reading(|_, _| without_answer(60));
    let (finished, settled, took) = run_rows(&fake, verifying(5), with_campos(100)).await;
    assert_eq!(finished.count(Atualizado), 99);
    // Nothing is read for a while, so that this row has its verdict at once.
    assert_eq!(finished.rows[90].situacao, Falhou);
    assert_eq!(fake.read_names().len(), 5);
    assert!(took < Duration::from_secs(310), "{took:?}");
    assert_eq!(settled.iter().filter(|line| line.contains("Accepted")).count(), 99);
}

/// After five minutes readings are tried again.
#[tokio::test(start_paused = true)]
async fn f176_reading_begins_again_after_a_while() {
    let fake = FakeTransport::new(|name, _| match name {
        "c1000@x" | "c2000@x" => CUT,
        _ => OK,
    })
    .reading(|name, _| match name {
        "c2000@x" => found("n", name),
        _ => without_answer(1),
    });
    let options = SchedulerOptions { rate: Rate::DEFAULT, ..verifying(5) };
    // The first row under suspicion comes five and a half minutes after the start, the other later.
    let (finished, ..) = run_rows(&fake, options, customers(2100)).await;
    assert_eq!(finished.count(Falhou), 1);
    assert_eq!(finished.rows[2000].mensagem, "Confirmado por leitura.");
}

/// The column is lost, and before that is seen twice the server stops answering for two minutes.
#[tokio::test(start_paused = true)]
async fn f177_an_outage_does_not_end_the_verification() {
    let start = Instant::now();
    let is_away = move || start.elapsed() < Duration::from_secs(120);
    let fake = FakeTransport::new(move |name, _| match name {
        "c0@x" | "c1@x" | "c2@x" => OK,
        _ if is_away() => CUT,
        _ => OK,
    })
    .reading(|name, _| with_fields(name, &[]));
    let (finished, settled, _) = run_rows(&fake, verifying(5), with_campos(300)).await;
    let Some(StopReason::Refused(text)) = &finished.stop else { panic!("{:?}", finished.stop) };
    assert!(text.contains("campo:9"), "{text}");
    assert!(settled.iter().all(|line| line.ends_with("Unknown")), "{settled:?}");
    assert!(finished.count(Situacao::NaoEnviado) > 200);
}

/// The same where no further row may leave: accepted rows do not wait for the end of the outage.
#[tokio::test(start_paused = true)]
async fn f177_rows_that_wait_for_nothing_but_readings_of_a_server_that_is_away_are_let_go() {
    let fake = FakeTransport::new(|name, _| match name {
        "c0@x" | "c1@x" | "c2@x" => OK,
        _ => CUT,
    })
    .reading(|name, _| found("OUTRO", name));
    for (limit, rows) in [(Some(7), 30), (None, 7)] {
        let options = SchedulerOptions { limit, ..verifying(5) };
        let (finished, _, took) = run_rows(&fake, options, with_campos(rows)).await;
        assert_eq!((finished.count(Atualizado), finished.count(Falhou)), (3, 4), "{limit:?}");
        assert_eq!(finished.stop, None);
        assert!(took < Duration::from_secs(60), "{took:?}");
    }
}

/// Replies without custom fields show nothing of them: the next run looks again.
#[tokio::test(start_paused = true)]
async fn f178_a_column_that_no_reply_shows_is_not_verified() {
    let fake = FakeTransport::new(|_, _| OK).reading(|name, _| found("n", name));
    let ledger = FakeLedger::default();
    for reads in [5, 10] {
        let rows = (reads * 100..reads * 100 + 30).map(|n| with_campo(&format!("c{n}@x"), "Ouro"));
        let finished = go(&fake, Some(ledger.clone()), verifying(5), rows.collect(), None).await;
        assert_eq!(finished.count(Atualizado), 30);
        assert_eq!(fake.read_names().len(), reads);
    }
    let verified: Vec<_> =
        ledger.verified.lock().unwrap().iter().map(ToString::to_string).collect();
    assert!(!verified.contains(&"campo:9".to_owned()), "{verified:?}");
}

/// A page of the list that names the field, or none.
fn list() -> (Duration, Reply, String) {
    let customer = json!({"name": "x", "email": "y@x", "custom_fields":
        [{"id": "9", "name": "?", "value": null}]});
    let body = json!({"error": false, "data": [customer], "size": 1, "pages": 1});
    (Duration::from_millis(700), Reply::Accepted, body.to_string())
}

/// Rows whose fields have no ids in the replies: the list is read once for all of them, again where it
/// gave no answer, and no row waits for ever.
#[tokio::test(start_paused = true)]
async fn f178_the_ids_of_fields_are_read_once_for_all_rows() {
    let denied = || (Duration::from_millis(5), Reply::Denied, String::new());
    type List = Box<dyn Fn(usize) -> (Duration, Reply, String) + Send + Sync>;
    let cases: [(List, Situacao, usize); 5] = [
        (Box::new(|_| list()), Atualizado, 1),
        (Box::new(|number| if number == 1 { limited() } else { list() }), Atualizado, 2),
        (Box::new(|number| if number == 1 { without_answer(9) } else { list() }), Atualizado, 2),
        (Box::new(move |_| denied()), Falhou, 1),
        (Box::new(|_| without_answer(9)), Falhou, 2),
    ];
    for (case, (of_list, situacao, lists)) in cases.into_iter().enumerate() {
        let fake = FakeTransport::new(|name, _| if name < "c2" { CUT } else { OK }).reading(
            move |name, number| match name {
                "" => of_list(number),
                _ => with_fields(name, &["Ouro"]),
            },
        );
        let options =
            SchedulerOptions { rate: Rate::DEFAULT, settle_wait: Duration::ZERO, ..options() };
        let (finished, _, took) = run_rows(&fake, options, with_campos(8)).await;
        assert_eq!(finished.situacoes()[..2], [situacao; 2], "{case}");
        let reads = fake.read_names();
        assert_eq!(
            reads.iter().filter(|(_, name)| name.contains("Customers")).count(),
            lists,
            "{case}"
        );
        for name in ["=c0%40x", "=c1%40x"] {
            let count = reads.iter().filter(|(_, read)| read.contains(name)).count();
            assert!((1..=3).contains(&count), "{case}: {reads:?}");
        }
        assert!(took < Duration::from_secs(60), "{case}: {took:?}");
    }
}

/// A list that never answers is asked for twice in a run, not again for each row.
#[tokio::test(start_paused = true)]
async fn f178_a_list_without_an_answer_is_given_up() {
    let fake =
        FakeTransport::new(|name, _| if name == "c0@x" || name == "c50@x" { CUT } else { OK })
            .reading(|name, _| match name {
                "" => without_answer(1),
                _ => with_fields(name, &["Ouro"]),
            });
    let options = SchedulerOptions { rate: Rate::DEFAULT, ..options() };
    let (finished, ..) = run_rows(&fake, options, with_campos(60)).await;
    assert_eq!((finished.count(Falhou), finished.count(Atualizado)), (2, 58));
    let reads = fake.read_names();
    let count = |what| reads.iter().filter(|(_, name)| name.contains(what)).count();
    assert_eq!((count("Customers"), count("=c0%40x"), count("=c50%40x")), (2, 2, 1), "{reads:?}");
}

/// A rename that needs three readings: the last one comes when nothing late can happen any more.
#[tokio::test(start_paused = true)]
async fn f179_the_last_reading_of_a_row_is_its_closing_look() {
    for (nome, situacao) in [("n", Atualizado), ("velho", Falhou)] {
        let fake =
            FakeTransport::new(|_, _| CUT).reading(move |name, number| match (name, number) {
                ("b@x", 2) => found(nome, name),
                _ => not_found(),
            });
        let rows = vec![update("a@x", Some("b@x"))];
        let (finished, ..) = run_rows(&fake, options(), rows).await;
        assert_eq!(finished.situacoes(), [situacao]);
        let at: Vec<_> = fake.read_names().into_iter().map(|(at, _)| at).collect();
        assert_eq!(at, [3, 6, 30]);
    }
}

/// A reading that comes when nothing late can happen any more needs no further one.
#[tokio::test(start_paused = true)]
async fn f179_a_row_confirmed_late_is_not_looked_at_again() {
    let fake = FakeTransport::new(|_, _| CUT).reading(|name, number| match number {
        1 => without_answer(60),
        _ => found("n", name),
    });
    let (finished, ..) = run_rows(&fake, options(), customers(1)).await;
    assert_eq!(finished.situacoes(), [Atualizado]);
    assert_eq!(fake.read_names().len(), 2);
}

/// The second request of a row leaves when its first may still take effect, and is answered long after
/// that; the unanswered request of another row comes in between.
#[tokio::test(start_paused = true)]
async fn f179_a_late_effect_is_not_forgotten_while_a_request_of_then_is_on_its_way() {
    let fake = FakeTransport::new(|name, number| match (name, number) {
        ("c0@x", 1) => CUT,
        ("c0@x", _) => (Duration::from_secs(100), Reply::Accepted, "ok"),
        ("c1@x", 1) => (Duration::from_secs(60), Reply::Ambiguous, "caiu"),
        _ => OK,
    })
    .reading(|name, _| found("n", name));
    let (finished, ..) = run_rows(&fake, options(), customers(3)).await;
    assert_eq!(finished.count(Atualizado), 3);
    let reads = fake.read_names();
    assert!(reads.iter().any(|(at, name)| name.contains("=c0%40x") && *at >= 103), "{reads:?}");
}

/// The same for the first attempt of a row, while an attempt of an earlier row of its customer may still
/// take effect: it has no answer yet when another row's effect is noted.
#[tokio::test(start_paused = true)]
async fn f179_a_late_effect_is_not_forgotten_while_a_first_request_of_then_is_on_its_way() {
    let fake = FakeTransport::new(|name, number| match (name, number) {
        ("c0@x", 1..=3) => CUT,
        ("c0@x", _) => (Duration::from_secs(100), Reply::Accepted, "ok"),
        ("c1@x", 1) => (Duration::from_secs(50), Reply::Accepted, "ok"),
        ("c1@x", 2) => (Duration::from_secs(10), Reply::Ambiguous, "caiu"),
        _ => OK,
    })
    .reading(|name, number| match (name, number) {
        ("c0@x", 1 | 2) => found("velho", name),
        _ => found("n", name),
    });
    let rows = ["c0@x", "c1@x", "c0@x", "c1@x"].map(|name| update(name, None)).to_vec();
    let finished = go(&fake, None, options(), rows, None).await;
    assert_eq!(finished.situacoes(), [Falhou, Atualizado, Atualizado, Atualizado]);
    let reads = fake.read_names();
    assert!(reads.iter().any(|(at, name)| name.contains("=c0%40x") && *at > 100), "{reads:?}");
}

/// Half of the first rows are refused alike, the others renamed without an answer: that these are no
/// refusals is known long before their verdicts.
#[tokio::test(start_paused = true)]
async fn rows_that_wait_to_be_read_do_not_keep_the_first_rows_from_going_on() {
    let refused = (Duration::from_millis(5), Reply::Refused, "não");
    let fake = FakeTransport::new(move |name, _| match name {
        name if name.starts_with('a') => CUT,
        name if name.starts_with('r') => refused,
        _ => OK,
    })
    .reading(|name, _| found("n", name));
    let mut rows = Vec::new();
    for n in 0..10 {
        rows.push(update(&format!("r{n}@x"), None));
        rows.push(update(&format!("a{n}@x"), Some(&format!("b{n}@x"))));
    }
    rows.extend(customers(20));
    let (finished, ..) = run_rows(&fake, options(), rows).await;
    assert_eq!((finished.count(Recusado), finished.count(Atualizado)), (10, 30));
    assert_eq!(sent_at(&fake, "c19@x"), [0]);
}

/// Accepted rows that no reading finds, as many as may be out, while the input has more to come.
#[tokio::test(start_paused = true)]
async fn rows_to_come_that_may_not_be_sent_are_not_waited_for() {
    let fake = FakeTransport::new(|_, _| OK).reading(|_, _| not_found());
    let (input, mut events, stop, channels) = channels();
    let knowledge = Knowledge { ledger: None::<FakeLedger>, snapshot: None };
    let scheduler = tokio::spawn(run(fake.clone(), knowledge, verifying(5), channels));
    let rows = (0u64..).zip(with_campos(12)).map(|(seq, update)| row(seq, update)).collect();
    input.send(InputBatch::Rows(rows)).await.unwrap();
    let all_settled = async {
        let mut count = 0;
        while count < 12 {
            let batch = events.recv().await.unwrap();
            count += batch.iter().filter(|it| matches!(it, Event::Settled(..))).count();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all_settled).await.unwrap();
    drop((input, stop));
    assert_eq!(scheduler.await.unwrap().0, None);
}

/// The verification ends, and nothing else happens before the closing looks are due.
#[tokio::test(start_paused = true)]
async fn rows_that_the_verification_lets_go_are_looked_at_in_time() {
    let fake = FakeTransport::new(|_, number| if number == 1 { CUT } else { OK })
        .reading(|_, _| not_found());
    let run = run_rows(&fake, verifying(5), with_campos(2));
    let (finished, _, took) = tokio::time::timeout(Duration::from_secs(600), run).await.unwrap();
    assert_eq!(finished.count(Atualizado), 2);
    assert!((30..35).contains(&took.as_secs()), "{took:?}");
}

/// A stop while rows wait for the list, for a reading and for the verification: each has one verdict.
#[tokio::test(start_paused = true)]
async fn a_stop_in_any_phase_of_reading_gives_every_row_its_verdict() {
    for after in [1000, 2500, 3300, 4000, 4500, 5500, 9000, 31_000] {
        let fake = FakeTransport::new(|name, number| match (name, number) {
            ("c1@x" | "c2@x", _) | ("c3@x", 1) => CUT,
            _ => OK,
        })
        .reading(|name, number| match (name, number) {
            ("", _) => without_answer(2),
            ("c0@x", 1) => without_answer(1),
            _ => with_fields(name, &["Ouro"]),
        });
        let ledger = FakeLedger::default();
        let options = SchedulerOptions { rate: Rate::DEFAULT, ..verifying(5) };
        let stop_after = Some(Duration::from_millis(after));
        let finished = go(&fake, Some(ledger.clone()), options, with_campos(20), stop_after).await;
        let sent = finished.count(Atualizado) + finished.count(Falhou);
        let settled = settled(&ledger);
        let of_sent = settled.iter().filter(|line| !line.ends_with("NotSent")).count();
        assert_eq!(of_sent, sent, "{after}");
        assert_eq!(sent + finished.count(Situacao::NaoEnviado), 20, "{after}");
    }
}
