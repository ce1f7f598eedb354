//! What the ledger is told, and in which order.

use super::*;

/// A crash repeats what has an open intent, so there are never more of those than may be in flight;
/// records become durable in the order of this log.
#[tokio::test(start_paused = true)]
async fn never_more_intents_are_open_than_requests_may_be_in_flight() {
    let limited = Reply::Limited { retry_after: None };
    let fake = FakeTransport::new(move |name, number| match (name, number) {
        ("c2@x" | "c3@x" | "c9@x", 1) => (Duration::from_millis(3), limited, "429"),
        _ => OK,
    });
    let ledger = FakeLedger::default();
    let finished = go(&fake, Some(ledger.clone()), options(), customers(40), None).await;
    assert!(finished.situacoes().iter().all(|s| *s == Situacao::Atualizado));
    let (mut open, mut most) = (0, 0);
    for line in ledger.log.lock().unwrap().iter() {
        open += i32::from(line.starts_with("intend ")) - i32::from(line.starts_with("settle "));
        most = most.max(open);
    }
    assert_eq!((open, most), (0, 4), "all of --concurrency is used, and no more");
}

/// What was answered is told as it is, though the next run will not know of it.
#[tokio::test(start_paused = true)]
async fn a_failing_ledger_changes_no_verdict() {
    use Situacao::{Atualizado, Falhou, NaoEnviado, Recusado};
    let ledger = FakeLedger { room: Some(1), ..FakeLedger::default() };
    let fake = FakeTransport::new(|name, _| match name {
        "c2@x" => (Duration::from_millis(30), Reply::Refused, "não"),
        "c3@x" => (Duration::from_secs(3600), Reply::Accepted, "tarde demais"),
        _ => (Duration::from_millis(if name == "c0@x" { 10 } else { 20 }), Reply::Accepted, "ok"),
    });
    let finished = go(&fake, Some(ledger), options(), customers(9), None).await;
    assert!(matches!(finished.stop, Some(StopReason::Local(_))));
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

/// The writer goes on after a failed check, and its late acknowledgements must change nothing.
#[tokio::test(start_paused = true)]
async fn a_ledger_that_can_only_be_written_any_more_changes_no_verdict() {
    use Situacao::{Atualizado, NaoEnviado};
    let slow = Duration::from_millis(5);
    let ledger = FakeLedger { readable: Some(3), slow, ..FakeLedger::default() };
    let fake = FakeTransport::new(|name, _| {
        let millis = if name == "c0@x" { 50 } else { 1 };
        (Duration::from_millis(millis), Reply::Accepted, "ok")
    });
    // The second row of c1@x is checked when the first is durable, and that check fails.
    let mut updates = customers(3);
    updates.push(update("c1@x", None));
    let finished = go(&fake, Some(ledger), options(), updates, None).await;
    assert!(matches!(finished.stop, Some(StopReason::Local(_))));
    assert_eq!(finished.situacoes(), [Atualizado, Atualizado, Atualizado, NaoEnviado]);
}

#[tokio::test(start_paused = true)]
async fn with_a_ledger_every_request_is_checked_then_its_intent_and_outcome_recorded() {
    let ledger = FakeLedger::default();
    ledger.unchanged.lock().unwrap().push("c1@x".to_owned());
    let fake = FakeTransport::new(|name, number| match (name, number) {
        ("c2@x", 1) => (Duration::from_millis(1), Reply::Ambiguous, "caiu"),
        ("c3@x", _) => (Duration::from_millis(1), Reply::Refused, "não"),
        _ => OK,
    });
    let mut updates = customers(4);
    updates.push(update("c0@x", None));
    let finished = go(&fake, Some(ledger.clone()), options(), updates, None).await;
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
    let log = ledger.log.lock().unwrap();
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
    // They become durable at once, or only after the stop.
    for (slow, sent) in [(0, 1), (2, 0)] {
        let ledger = FakeLedger { slow: Duration::from_secs(slow), ..FakeLedger::default() };
        let fake = FakeTransport::new(|_, _| (Duration::from_millis(1), AWAY, "recusada"));
        let paced = SchedulerOptions { rate: Rate::PerSecond(1.0), ..options() };
        let stop_after = Some(Duration::from_millis(100));
        let run = go(&fake, Some(ledger.clone()), paced, customers(6), stop_after);
        let finished = tokio::time::timeout(Duration::from_secs(3600), run).await.unwrap();
        assert_eq!(finished.count(Situacao::NaoEnviado), 6);
        assert_eq!(fake.sent().len(), sent);
        let log = ledger.log.lock().unwrap();
        let count = |what: &str| log.iter().filter(|line| line.starts_with(what)).count();
        assert!(count("intend") > 0);
        assert_eq!(count("intend"), count("settle"));
        assert!(log.iter().filter(|l| l.starts_with("settle")).all(|l| l.ends_with("NotSent")));
    }
}

/// Which e-mail and which internal identifier belong to one customer is unknown.
#[tokio::test(start_paused = true)]
async fn an_unchanged_row_is_checked_again_after_earlier_rows_of_the_other_type() {
    let ledger = FakeLedger::default();
    ledger.unchanged.lock().unwrap().extend(["6", "7", "8"].map(ToOwned::to_owned));
    let unchanged = Arc::clone(&ledger.unchanged);
    let fake = FakeTransport::new(move |name, _| match name {
        "a@x" => {
            unchanged.lock().unwrap().retain(|name| name != "7");
            (Duration::from_secs(5), Reply::Accepted, "ok")
        }
        _ => OK,
    });
    let internal = |name| update_of(CustomerType::Internal, name, None);
    let updates = vec![internal("6"), update("a@x", None), internal("7"), internal("8")];
    let run = go(&fake, Some(ledger.clone()), options(), updates, None);
    let finished = tokio::time::timeout(Duration::from_secs(3600), run).await.unwrap();
    assert_eq!(
        finished.situacoes(),
        [Situacao::Inalterado, Situacao::Atualizado, Situacao::Atualizado, Situacao::Inalterado]
    );
    assert_eq!(fake.sent(), ["a@x", "7"]);
    let log = ledger.log.lock().unwrap();
    let checked = |name: &str| log.iter().filter(|line| **line == format!("check {name}")).count();
    assert_eq!(["6", "7", "8"].map(checked), [1, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn only_a_refusal_can_be_uncertain() {
    let ledger = FakeLedger { doubt: RefusalDoubt::RenameOpen, ..FakeLedger::default() };
    let fake = FakeTransport::new(|name, _| match name {
        "c0@x" => (Duration::from_millis(5), Reply::Refused, "não"),
        _ => OK,
    });
    let finished = go(&fake, Some(ledger), options(), customers(2), None).await;
    assert_eq!(finished.situacoes(), [Situacao::Incerto, Situacao::Atualizado]);
    assert!(finished.rows[0].mensagem.starts_with("Recusado (\"não\"), mas uma troca de e-mail"));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_may_have_been_executed_is_recorded_as_unknown() {
    let ledger = FakeLedger::default();
    let fake = FakeTransport::new(|name, number| match (name, number) {
        ("c0@x", 1) => (Duration::from_millis(1), Reply::Ambiguous, "caiu"),
        ("c0@x", _) => (Duration::from_millis(1), Reply::Refused, "não"),
        _ => (Duration::from_secs(3600), Reply::Accepted, "tarde demais"),
    });
    let updates = vec![update("c0@x", None), update("c1@x", None), update("c2@x", Some("d@x"))];
    let stop_after = Some(Duration::from_secs(1));
    let finished = go(&fake, Some(ledger.clone()), options(), updates, stop_after).await;
    assert_eq!(finished.situacoes(), [Situacao::Recusado, Situacao::Falhou, Situacao::Incerto]);
    let log = ledger.log.lock().unwrap();
    let mut settled: Vec<_> = log.iter().filter(|line| line.starts_with("settle")).collect();
    settled.sort();
    assert_eq!(settled, ["settle c0@x Unknown", "settle c1@x Unknown", "settle c2@x Unknown"]);
}

#[tokio::test(start_paused = true)]
async fn unchanged_rows_of_both_types_that_wait_for_one_another_all_get_their_verdict() {
    let ledger = FakeLedger::default();
    ledger.unchanged.lock().unwrap().extend(["7", "b@x"].map(ToOwned::to_owned));
    let fake = FakeTransport::new(|_, _| (Duration::from_secs(5), Reply::Accepted, "ok"));
    let updates = vec![
        update_of(CustomerType::Internal, "1", None),
        update("b@x", None),
        update_of(CustomerType::Internal, "7", None),
    ];
    let run = go(&fake, Some(ledger), options(), updates, None);
    let finished = tokio::time::timeout(Duration::from_secs(3600), run).await.unwrap();
    assert_eq!(
        finished.situacoes(),
        [Situacao::Atualizado, Situacao::Inalterado, Situacao::Inalterado]
    );
}

#[tokio::test(start_paused = true)]
async fn an_outcome_being_recorded_when_the_input_breaks_is_reported() {
    let ledger = FakeLedger { slow: Duration::from_secs(2), ..FakeLedger::default() };
    let fake = FakeTransport::new(|_, _| OK);
    let (input_in, mut events_out, _stop, channels) = channels();
    let only = row(0, update("a@x", None));
    input_in.send(InputBatch::Rows(vec![only])).await.unwrap();
    tokio::spawn(async move {
        // The intent is durable after 2 s, the outcome after 4 s.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let _ = input_in.send(InputBatch::Broken(StopReason::Local("mudou".into()))).await;
    });
    let (stop, _) =
        run(fake, Knowledge { ledger: Some(ledger), snapshot: None }, options(), channels).await;
    assert_eq!(stop, Some(StopReason::Local("mudou".into())));
    let mut settled = Vec::new();
    while let Some(batch) = events_out.recv().await {
        settled.extend(batch.into_iter().filter_map(|event| match event {
            Event::Settled(_, outcome) => Some(outcome.situacao),
            _ => None,
        }));
    }
    assert_eq!(settled, [Situacao::Atualizado]);
}
