//! What readings that were not made, or that show a part of a row, make of its verdict, and what the
//! ledger is told then. When rows are read is in the other files.

use super::memory_ledger::MemoryLedger;
use super::reading::{CUT, found, not_found, run_rows, settled, verifying, with_campo};
use super::*;
use crate::ledger::testing::Bench;
use RefusalDoubt::{RenameDone, RenameOpen};
use Situacao::{Atualizado, Falhou, Incerto, Recusado};

const REFUSED: (Duration, Reply, &str) = (Duration::from_millis(5), Reply::Refused, "não");

fn rename() -> UpdateResult {
    update("a@x", Some("b@x"))
}

/// A rename that also sends a column that no reading shows.
fn rename_with_language() -> UpdateResult {
    let values = [("nome", "n"), ("email", "b@x"), ("idioma", "pt_BR")];
    Ok(Arc::new(Update::of(CustomerType::Email, "a@x", values)))
}

fn doubting(doubt: RefusalDoubt) -> FakeLedger {
    FakeLedger { doubt, ..FakeLedger::default() }
}

/// A stop comes between the refusal of a rename in doubt and its reading.
#[tokio::test(start_paused = true)]
async fn f166_a_refusal_in_doubt_that_a_stop_keeps_from_being_read_proves_nothing() {
    for (doubt, row, situacao, request) in [
        (RenameDone, rename(), Falhou, "Renamed"),
        (RenameDone, rename_with_language(), Falhou, "Renamed"),
        (RenameOpen, rename(), Incerto, "Unknown"),
        (RefusalDoubt::None, rename(), Recusado, "Refused"),
    ] {
        let fake = FakeTransport::new(|_, _| REFUSED).reading(|name, _| found("n", name));
        let (ledger, stop_after) = (doubting(doubt), Some(Duration::from_secs(1)));
        let finished = go(&fake, Some(ledger.clone()), options(), vec![row], stop_after).await;
        assert!(fake.read_names().is_empty());
        let first = &finished.rows[0];
        assert_eq!((first.situacao, first.by_reading), (situacao, false), "{doubt:?}");
        assert_eq!(settled(&ledger), [format!("a@x {request}")]);
    }
}

/// Readings pause because none was answered, when the rename is refused.
#[tokio::test(start_paused = true)]
async fn f176_a_refusal_in_doubt_while_readings_pause_proves_nothing() {
    for (doubt, situacao, request) in
        [(RenameDone, Falhou, "Renamed"), (RenameOpen, Incerto, "Unknown")]
    {
        let fake = FakeTransport::new(|name, _| if name == "a@x" { REFUSED } else { OK })
            .reading(|_, _| (Duration::from_secs(60), Reply::Ambiguous, String::new()));
        let ledger = doubting(doubt);
        let mut rows: Vec<_> = (0..100).map(|n| with_campo(&format!("c{n}@x"), "Ouro")).collect();
        rows[90] = rename();
        let finished = go(&fake, Some(ledger.clone()), verifying(5), rows, None).await;
        assert_eq!(fake.read_names().len(), 5);
        assert_eq!(finished.rows[90].situacao, situacao);
        assert!(settled(&ledger).contains(&format!("a@x {request}")));
    }
}

/// An account that may not be read: a refusal says what it said before there were readings.
#[tokio::test(start_paused = true)]
async fn a_refusal_in_doubt_of_an_account_that_may_not_be_read_is_as_before() {
    for (doubt, situacao) in [(RenameDone, Recusado), (RenameOpen, Incerto)] {
        let fake = FakeTransport::new(|_, _| REFUSED);
        let ledger = doubting(doubt);
        let finished = go(&fake, Some(ledger.clone()), options(), vec![rename()], None).await;
        assert_eq!(finished.situacoes(), [situacao]);
        assert_eq!(settled(&ledger), ["a@x Refused"]);
    }
}

/// A rename that readings show, beside a column that they do not.
#[tokio::test(start_paused = true)]
async fn f165_a_rename_that_is_shown_with_a_column_that_is_not_keeps_its_pointer() {
    for (reply, doubt) in [(CUT, RefusalDoubt::None), (REFUSED, RenameOpen), (REFUSED, RenameDone)]
    {
        let fake = FakeTransport::new(move |_, _| reply).reading(|name, _| match name {
            "b@x" => found("n", name),
            _ => not_found(),
        });
        let ledger = doubting(doubt);
        let rows = vec![rename_with_language()];
        let finished = go(&fake, Some(ledger.clone()), options(), rows, None).await;
        assert_eq!(finished.situacoes(), [Incerto], "{doubt:?}");
        assert!(finished.rows[0].mensagem.contains("a leitura não mostra idioma"));
        assert!(!finished.rows[0].by_reading);
        assert_eq!(settled(&ledger), ["a@x Renamed"]);
    }
}

/// The same with the rules of the ledger: it was executed, and no later night calls it refused.
#[tokio::test(start_paused = true)]
async fn f165_no_later_run_calls_a_rename_refused_that_was_shown_in_part() {
    let fake = FakeTransport::new(|_, number| if number == 1 { CUT } else { REFUSED }).reading(
        |name, _| match name {
            "b@x" => found("n", name),
            _ => not_found(),
        },
    );
    let (bench, start) = (Arc::new(Mutex::new(Bench::new())), Instant::now());
    for run in 1..=4 {
        bench.lock().unwrap().next_run();
        let ledger = MemoryLedger::new(Arc::clone(&bench), start);
        let rows = vec![rename_with_language()];
        let finished = go_with(&fake, Some(ledger), options(), rows, None).await;
        assert_eq!(finished.situacoes(), [Incerto], "run {run}");
        assert_eq!(fake.sent().len(), run);
    }
}

/// A rename whose refusal a reading refutes, and whose values a late attempt of an earlier row undoes.
#[tokio::test(start_paused = true)]
async fn f165_a_confirmed_rename_that_is_undone_keeps_its_pointer() {
    let fake = FakeTransport::new(|_, number| if number <= 3 { CUT } else { REFUSED }).reading(
        |name, number| match (name, number) {
            ("b@x", 1) => found("n", name),
            ("b@x", _) => found("velho", name),
            _ => not_found(),
        },
    );
    let ledger = doubting(RenameOpen);
    let rows = vec![update("a@x", None), rename()];
    let finished = go(&fake, Some(ledger.clone()), options(), rows, None).await;
    assert_eq!(finished.situacoes(), [Falhou, Falhou]);
    let undone = "Uma tentativa atrasada desfez esta linha; rode de novo.";
    assert_eq!(finished.rows[1].mensagem, undone);
    assert_eq!(settled(&ledger), ["a@x Unknown", "a@x Renamed"]);
}

/// Only rows that a reading decided count as settled by it.
#[tokio::test(start_paused = true)]
async fn a_row_that_no_reading_decided_does_not_count_as_settled_by_reading() {
    type Read = fn(&str) -> (Duration, Reply, String);
    let cases: [(RefusalDoubt, Read, Situacao, bool); 4] = [
        (RenameDone, |name| found("n", name), Atualizado, true),
        (RenameDone, |_| (Duration::ZERO, Reply::Ambiguous, String::new()), Falhou, false),
        (
            RenameOpen,
            |name| if name == "a@x" { found("n", name) } else { not_found() },
            Falhou,
            true,
        ),
        (RenameOpen, |_| not_found(), Incerto, false),
    ];
    for (doubt, read, situacao, by_reading) in cases {
        let fake = FakeTransport::new(|_, _| REFUSED).reading(move |name, _| read(name));
        let finished = go(&fake, Some(doubting(doubt)), options(), vec![rename()], None).await;
        let row = &finished.rows[0];
        assert_eq!((row.situacao, row.by_reading), (situacao, by_reading), "{}", row.mensagem);
    }
}

/// A row that is accepted at its first attempt, after an unanswered one of an earlier row, and whose
/// closing look a stop cuts off or nobody answers.
#[tokio::test(start_paused = true)]
async fn f179_the_ledger_does_not_believe_a_row_whose_closing_look_was_not_made() {
    for (second, believed) in [
        (update("c0@x", None), "c0@x Accepted { first_attempt: false }"),
        (update("c0@x", Some("b@x")), "c0@x Renamed"),
    ] {
        for stop_after in [Some(Duration::from_secs(20)), None] {
            let fake = FakeTransport::new(|_, number| if number <= 3 { CUT } else { OK }).reading(
                move |name, number| match number {
                    1 | 2 if name == "c0@x" => found("velho", name),
                    _ => (Duration::from_secs(1), Reply::Ambiguous, String::new()),
                },
            );
            let ledger = FakeLedger::default();
            let rows = vec![update("c0@x", None), second.clone()];
            let finished = go(&fake, Some(ledger.clone()), options(), rows, stop_after).await;
            assert_eq!(finished.situacoes(), [Falhou, Atualizado], "{stop_after:?}");
            assert_eq!(settled(&ledger)[1], believed, "{stop_after:?}");
        }
        // What was looked at is believed, and so is what an account shows nobody.
        let script = |_: &str, number| if number <= 3 { CUT } else { OK };
        let shown = FakeTransport::new(script).reading(|name, number| match number {
            1 | 2 if name == "c0@x" => found("velho", name),
            _ => found("n", name),
        });
        for fake in [shown, FakeTransport::new(script)] {
            let rows = vec![update("c0@x", None), second.clone()];
            let (_, settled, _) = run_rows(&fake, options(), rows).await;
            assert_eq!(settled[1], "c0@x Accepted { first_attempt: true }");
        }
    }
}
