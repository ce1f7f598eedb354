//! Why and how a run ends early: outages, the breaker and its probe, errors, signals.

use super::*;
use crate::scheduler::shutdown::draining_message;

#[tokio::test(start_paused = true)]
async fn the_run_gives_up_though_a_probe_has_no_answer_yet() {
    let began = Instant::now();
    let fake = FakeTransport::new(move |_, _| match began.elapsed() < Duration::from_secs(200) {
        true => (Duration::ZERO, AWAY, "recusada"),
        false => (Duration::from_secs(3600), Reply::Accepted, "tarde demais"),
    });
    let finished = go(&fake, None, options(), customers(3), None).await;
    assert!(matches!(finished.stop, Some(StopReason::Temporary(_))));
    // And ten seconds for that answer.
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(310) && took < Duration::from_secs(311), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_what_is_in_flight_and_no_longer() {
    let fake = FakeTransport::new(|name, _| match name {
        "c0@x" => (Duration::from_secs(4), Reply::Accepted, "ok"),
        _ => (Duration::from_secs(3600), Reply::Accepted, "ok"),
    });
    let began = Instant::now();
    let updates = vec![
        update("c0@x", None),
        update("c1@x", None),
        update("c2@x", Some("d@x")),
        update("c0@x", None),
        invalid(),
    ];
    let stopped = go(&fake, None, options(), updates, Some(Duration::from_secs(1))).await;
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
    assert_eq!(stopped.stop, Some(StopReason::Signal(Signal::Int)));
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(11) && took < Duration::from_secs(12), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn rows_left_unanswered_by_a_stop_do_not_count_for_max_errors() {
    let most = SchedulerOptions { max_errors: Some(0), breaker: false, ..options() };
    let late = FakeTransport::new(|_, _| (Duration::from_millis(900), Reply::Ambiguous, "caiu"));
    for ledger in [None, Some(FakeLedger::default())] {
        // Rows in flight, and rows that wait before a repeat.
        for after in [Duration::from_millis(100), Duration::from_millis(901)] {
            let stopped = go(&late, ledger.clone(), most.clone(), customers(8), Some(after)).await;
            assert!(stopped.situacoes().contains(&Situacao::Falhou));
            assert_eq!(stopped.stop, Some(StopReason::Signal(Signal::Int)), "{after:?}");
        }
    }
    // An outage: ten replies are ambiguous, none of them a third attempt, and then the run gives up.
    let away = FakeTransport::new(|_, _| (Duration::from_millis(5), Reply::Ambiguous, "caiu"));
    let soon = Duration::from_millis(400);
    let outage = SchedulerOptions { concurrency: 16, give_up_after: soon, ..most };
    let ended = go(&away, None, outage, customers(20), None).await;
    assert!(ended.situacoes().contains(&Situacao::Falhou));
    assert!(matches!(ended.stop, Some(StopReason::Temporary(_))), "{:?}", ended.stop);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_comes_after_the_stop_does_not_change_the_reason() {
    let fake = FakeTransport::new(|_, _| (Duration::from_millis(900), Reply::Refused, "não"));
    let most = SchedulerOptions { max_errors: Some(0), ..options() };
    let stopped = go(&fake, None, most, customers(8), Some(Duration::from_millis(100))).await;
    assert!(stopped.situacoes().contains(&Situacao::Recusado));
    assert_eq!(stopped.stop, Some(StopReason::Signal(Signal::Int)));
}

#[test]
fn a_stop_names_only_what_it_waits_for() {
    let over = StopReason::Temporary("o tempo acabou".into());
    let signal = StopReason::Signal(Signal::Int);
    let waiting = "parando: as requisições em andamento são esperadas por até 10 s";
    assert_eq!(draining_message(&over, 0), None);
    assert_eq!(draining_message(&signal, 0), None);
    assert_eq!(draining_message(&over, 1).as_deref(), Some(waiting));
    let message = draining_message(&signal, 1);
    assert_eq!(message, Some(format!("{waiting} (um segundo sinal sai já)")));
}

#[tokio::test(start_paused = true)]
async fn the_probe_is_waited_for_though_no_row_is_left() {
    let fake = FakeTransport::new(|_, _| (Duration::from_millis(5), Reply::Refused, "não"));
    let probe = update("probe@x", None).unwrap();
    // Its permit takes a moment, and nothing else is under way then.
    let with_probe = SchedulerOptions { probe: Some(probe), rate: Rate::DEFAULT, ..options() };
    let finished = go(&fake, None, with_probe, customers(20), None).await;
    assert!(matches!(finished.stop, Some(StopReason::Refused(_))));
    assert_eq!(fake.sent().len(), 21);
}

/// The first row holds the window until the breaker has tripped, so that rows are read after that.
#[tokio::test(start_paused = true)]
async fn the_probe_counts_for_the_limit_whenever_rows_arrive() {
    for (limit, probed) in [(20, false), (21, true)] {
        let fake = FakeTransport::new(|name, _| match name {
            "probe@x" => OK,
            "c0@x" => (Duration::from_secs(1), Reply::Refused, "não"),
            _ => (Duration::from_millis(5), Reply::Refused, "não"),
        });
        let probe = update("probe@x", None).ok();
        let with_probe = SchedulerOptions { probe, limit: Some(limit), ..options() };
        let finished = go(&fake, None, with_probe, customers(1100), None).await;
        assert_eq!(finished.stop, None, "{limit}");
        let sent = fake.sent();
        assert_eq!((sent.len() as u64, sent.contains(&"probe@x".into())), (limit, probed));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_probe_that_waits_itself() {
    let fake = FakeTransport::new(|name, _| match name {
        "probe@x" => (Duration::from_millis(5), AWAY, "recusada"),
        _ => (Duration::from_millis(5), Reply::Refused, "não"),
    });
    let probe = update("probe@x", None).unwrap();
    let with_probe = SchedulerOptions { probe: Some(probe), ..options() };
    let stop_after = Some(Duration::from_secs(60));
    let run = go(&fake, Some(FakeLedger::default()), with_probe, customers(30), stop_after);
    let finished = tokio::time::timeout(Duration::from_secs(3600), run).await.unwrap();
    assert_eq!(finished.stop, Some(StopReason::Signal(Signal::Int)));
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_read_after_a_stop_are_not_sent() {
    let fake = FakeTransport::new(|name, _| match name {
        "c0@x" => (Duration::from_secs(3600), Reply::Accepted, "ok"),
        _ => OK,
    });
    let stop_after = Some(Duration::from_secs(60));
    let run = go(&fake, None, options(), customers(2000), stop_after);
    let finished = tokio::time::timeout(Duration::from_secs(3000), run).await.unwrap();
    let unsent = finished.count(Situacao::NaoEnviado);
    assert_eq!(unsent, 2000 - fake.sent().len());
    assert!(unsent > 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_reporter_nothing_more_leaves() {
    let fake = FakeTransport::new(|_, _| OK);
    let (input_in, events_out, _stop, channels) = channels();
    drop(events_out);
    let rows = (0u64..).zip(customers(50)).map(|(seq, update)| row(seq, update)).collect();
    input_in.send(InputBatch::Rows(rows)).await.unwrap();
    drop(input_in);
    let (stop, _) = run(
        fake.clone(),
        Knowledge::<FakeLedger> { ledger: None, snapshot: None },
        options(),
        channels,
    )
    .await;
    assert!(matches!(stop, Some(StopReason::Local(_))));
    assert!(fake.sent().len() < 20, "{}", fake.sent().len());
}
