//! Rows whose customers are read: when, how often, and what becomes of the verdict.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::model::Param;

pub(super) const CUT: (Duration, Reply, &str) =
    (Duration::from_millis(20), Reply::Ambiguous, "caiu");

/// The name that a reading asks for; empty for the list.
pub(super) fn name_of(request: &ReadRequest) -> String {
    let text = format!("{request:?}");
    let name = text.split_once("customer_id=").and_then(|(_, rest)| rest.split_once('&'));
    name.map_or_else(String::new, |(name, _)| name.replace("%40", "@"))
}

pub(super) fn found(nome: &str, email: &str) -> (Duration, Reply, String) {
    let body = json!({"error": false, "data": [{"name": nome, "email": email}]});
    (Duration::from_millis(20), Reply::Accepted, body.to_string())
}

pub(super) fn not_found() -> (Duration, Reply, String) {
    let body = json!({"error": false, "data": []});
    (Duration::from_millis(20), Reply::Accepted, body.to_string())
}

impl FakeTransport {
    /// Readings by script: name and number of this reading of it → delay, reply, body.
    pub(super) fn reading(
        mut self,
        script: impl Fn(&str, usize) -> (Duration, Reply, String) + Send + Sync + 'static,
    ) -> Self {
        let counts: Mutex<BTreeMap<String, usize>> = Mutex::default();
        self.reads = Some(Arc::new(move |request| {
            let name = name_of(request);
            let number = {
                let mut counts = counts.lock().unwrap();
                let count = counts.entry(name.clone()).or_default();
                *count += 1;
                *count
            };
            script(&name, number)
        }));
        self
    }

    /// What was read, and how many seconds after the first request.
    pub(super) fn read_names(&self) -> Vec<(u64, String)> {
        let log = self.log.lock().unwrap();
        let start = log.first().map_or_else(Instant::now, |(at, _)| *at);
        let reads = self.read_log.lock().unwrap();
        reads.iter().map(|(at, name)| ((*at - start).as_secs(), name.clone())).collect()
    }
}

pub(super) fn settled(ledger: &FakeLedger) -> Vec<String> {
    let log = ledger.log.lock().unwrap();
    log.iter().filter_map(|line| line.strip_prefix("settle ")).map(ToOwned::to_owned).collect()
}

/// Runs rows of one transport with a ledger, in virtual time.
pub(super) async fn run_rows(
    fake: &FakeTransport,
    options: SchedulerOptions,
    rows: Vec<UpdateResult>,
) -> (Finished, Vec<String>, Duration) {
    let ledger = FakeLedger::default();
    let start = Instant::now();
    let finished = go(fake, Some(ledger.clone()), options, rows, None).await;
    (finished, settled(&ledger), start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_row_without_an_answer_is_settled_by_reading_it() {
    for (nome, situacao, reads) in
        [("n", Situacao::Atualizado, [3, 30]), ("outro", Situacao::Falhou, [3, 6])]
    {
        let fake = FakeTransport::new(|name, _| if name == "c0@x" { CUT } else { OK })
            .reading(move |name, _| found(nome, name));
        let (finished, settled, _) = run_rows(&fake, options(), customers(3)).await;
        assert_eq!(finished.rows[0].situacao, situacao);
        assert_eq!(finished.rows[0].by_reading, situacao == Situacao::Atualizado);
        assert_eq!(finished.rows[0].tentativas, 3);
        let at: Vec<_> = fake.read_names().into_iter().map(|(at, _)| at).collect();
        // The closing look is counted from the last attempt, which came after a random wait.
        let near = |(at, expected): (&u64, u64)| (expected..expected + 2).contains(at);
        assert!(at.len() == 2 && at.iter().zip(reads).all(near), "{nome} {at:?}");
        // The ledger believes nothing because of a reading.
        assert_eq!(settled.last().unwrap(), "c0@x Unknown");
        if situacao == Situacao::Atualizado {
            assert_eq!(finished.rows[0].mensagem, "Confirmado por leitura.");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rename_without_an_answer_is_settled_under_its_names() {
    use Situacao::{Atualizado, Falhou, Incerto};
    type Names = fn(&str) -> (Duration, Reply, String);
    let cases: [(Names, Situacao, &str, &str); 4] = [
        (
            |name| if name == "b@x" { found("n", name) } else { not_found() },
            Atualizado,
            "Renamed",
            "Confirmado por leitura.",
        ),
        (
            |name| if name == "a@x" { found("velho", name) } else { not_found() },
            Falhou,
            "Unknown",
            "Pela leitura, a troca de e-mail não foi feita até agora (caiu). Rode de novo para repetir.",
        ),
        (|_| not_found(), Incerto, "Unknown", "Não se sabe se a troca de e-mail foi feita (caiu)."),
        (
            |name| if name == "b@x" { found("outro", name) } else { not_found() },
            Falhou,
            "Renamed",
            "O e-mail do cliente já é o novo, mas a leitura mostra outro valor em nome.",
        ),
    ];
    for (reads, situacao, request, mensagem) in cases {
        let fake = FakeTransport::new(|_, _| CUT).reading(move |name, _| reads(name));
        let rows = vec![update("a@x", Some("b@x"))];
        let (finished, settled, _) = run_rows(&fake, options(), rows).await;
        assert_eq!(finished.situacoes(), [situacao], "{mensagem}");
        assert!(finished.rows[0].mensagem.starts_with(mensagem), "{}", finished.rows[0].mensagem);
        assert_eq!(settled, [format!("a@x {request}")]);
        assert_eq!(fake.sent().len(), 1, "a rename is not repeated");
        assert!(fake.read_names().len() <= 3);
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_that_may_not_be_read_is_as_before() {
    let fake = FakeTransport::new(|name, number| match (name, number) {
        ("c0@x", _) | ("c1@x", 1) => CUT,
        _ => OK,
    });
    let mut rows = customers(4);
    rows.push(update("c9@x", Some("d9@x")));
    let verify = SchedulerOptions { verify: 5, fields: nome(), ..options() };
    let (finished, settled, took) = run_rows(&fake, verify, rows).await;
    use Situacao::{Atualizado, Falhou};
    assert_eq!(finished.situacoes(), [Falhou, Atualizado, Atualizado, Atualizado, Atualizado]);
    assert_eq!(fake.read_names().len(), 1, "one refusal is enough");
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(settled.contains(&"c1@x Accepted { first_attempt: false }".to_owned()));
}

fn nome() -> Vec<FieldName> {
    vec![FieldName::Param(Param::Nome)]
}

#[tokio::test(start_paused = true)]
async fn an_accepted_row_is_looked_at_once_more_after_a_late_attempt() {
    use Situacao::{Atualizado, Falhou};
    for (late, situacao) in [(false, Atualizado), (true, Falhou)] {
        let fake = FakeTransport::new(|name, number| match (name, number) {
            ("c0@x", 1) => CUT,
            _ => OK,
        })
        .reading(move |name, number| found(if late && number > 1 { "velho" } else { "n" }, name));
        let mut rows = customers(40);
        rows.push(update("c0@x", None));
        let (finished, settled, took) = run_rows(&fake, options(), rows).await;
        assert_eq!(finished.rows[0].situacao, situacao);
        assert_eq!(finished.count(Atualizado), if late { 40 } else { 41 });
        // Its first attempt had no answer; the row after it was sent when that was over.
        let reads: Vec<_> = fake.read_names();
        let at: Vec<_> = reads.iter().map(|(at, _)| *at).collect();
        assert_eq!(at, if late { vec![0, 30, 33] } else { vec![0, 30] });
        assert!(took < Duration::from_secs(36), "{took:?}");
        let outcome = if late { "c0@x Unknown" } else { "c0@x Accepted { first_attempt: false }" };
        assert_eq!(settled[39], outcome, "others went on");
        if late {
            let undone = "Uma tentativa atrasada desfez esta linha; rode de novo.";
            assert_eq!(finished.rows[0].mensagem, undone);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_row_before_it_may_still_undo_is_looked_at_too() {
    use Situacao::{Atualizado, Falhou};
    let fake = FakeTransport::new(|name, number| match (name, number) {
        ("a@x", 1..=3) => CUT,
        _ => OK,
    })
    .reading(|name, number| match number {
        // The first row is not executed so far; then the second is accepted.
        1 | 2 => found("velho", name),
        _ => found("n", name),
    });
    let rows = vec![update("a@x", None), update("a@x", None)];
    let (finished, ..) = run_rows(&fake, options(), rows).await;
    assert_eq!(finished.situacoes(), [Falhou, Atualizado]);
    let at: Vec<_> = fake.read_names().into_iter().map(|(at, _)| at).collect();
    assert_eq!(at.len(), 3);
    assert!(at[2] >= 30, "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn no_reading_begins_after_a_stop() {
    use Situacao::{Atualizado, Falhou, Incerto};
    let fake = FakeTransport::new(|name, number| match (name, number) {
        ("c0@x" | "a@x", _) | ("c1@x", 1) => CUT,
        _ => OK,
    })
    .reading(|name, _| found("n", name));
    let rows = customers(3).into_iter().chain([update("a@x", Some("b@x"))]).collect();
    let stop_after = Some(Duration::from_millis(2500));
    let ledger = FakeLedger::default();
    let finished = go(&fake, Some(ledger.clone()), options(), rows, stop_after).await;
    assert_eq!(finished.situacoes(), [Falhou, Atualizado, Atualizado, Incerto]);
    // One for c1@x, to know whether the account can be read at all.
    assert_eq!(fake.read_names().len(), 1);
    assert_eq!(settled(&ledger).len(), 4);
}

/// Ten rows without an answer in a row, and no row left that could show that the server is back.
#[tokio::test(start_paused = true)]
async fn rows_that_wait_for_a_server_that_is_away_take_the_verdict_they_have() {
    let fake = FakeTransport::new(|_, _| CUT).reading(|name, _| found("n", name));
    let (finished, _, took) = run_rows(&fake, options(), customers(4)).await;
    assert_eq!(finished.count(Situacao::Falhou), 4);
    assert_eq!(finished.stop, None);
    assert!(fake.read_names().is_empty());
    assert!(took < Duration::from_secs(30), "{took:?}");
}

pub(super) fn with_campo(name: &str, value: &str) -> UpdateResult {
    let values = [("nome", "n"), ("campo:9", value)];
    Ok(Arc::new(Update::of(CustomerType::Email, name, values)))
}

pub(super) fn verifying(rows: usize) -> SchedulerOptions {
    let fields = Update::of(CustomerType::Email, "a@x", [("nome", "n"), ("campo:9", "x")]);
    let fields = fields.values().map(|(field, _)| field.clone()).collect();
    SchedulerOptions { verify: rows, fields, ..options() }
}

/// A customer with custom fields as details show them.
pub(super) fn with_fields(name: &str, values: &[&str]) -> (Duration, Reply, String) {
    let fields: Vec<_> = values.iter().map(|value| json!({"name": "?", "value": value})).collect();
    let record = json!({"name": "n", "email": name, "custom_fields": fields});
    let body = json!({"error": false, "data": [record]});
    (Duration::from_millis(20), Reply::Accepted, body.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_column_that_is_accepted_and_lost_stops_the_run_before_it_is_believed() {
    let fake = FakeTransport::new(|_, _| OK).reading(|name, _| with_fields(name, &["outro"]));
    let rows = (0..100).map(|n| with_campo(&format!("c{n}@x"), "Ouro")).collect();
    let (finished, settled, _) = run_rows(&fake, verifying(5), rows).await;
    let Some(StopReason::Refused(text)) = &finished.stop else { panic!("{:?}", finished.stop) };
    assert!(text.contains("campo:9") && text.contains("\"Ouro\""), "{text}");
    let sent = fake.sent().len();
    assert!((5..=9).contains(&sent), "{sent}");
    assert_eq!(finished.count(Situacao::Falhou), sent);
    assert_eq!(finished.count(Situacao::NaoEnviado), 100 - sent);
    assert!(settled.iter().all(|line| line.ends_with("Unknown")), "{settled:?}");
    // Each of the five once more after three seconds.
    assert_eq!(fake.read_names().len(), 10);
    assert!(finished.rows[0].mensagem.contains("não guardou campo:9"));
}

#[tokio::test(start_paused = true)]
async fn columns_that_are_kept_are_noted_and_not_read_again() {
    let fake = FakeTransport::new(|_, _| OK).reading(|name, _| with_fields(name, &["OURO"]));
    let ledger = FakeLedger::default();
    let rows =
        |from: u32| (from..from + 30).map(|n| with_campo(&format!("c{n}@x"), "Ouro")).collect();
    for (from, reads) in [(0, 10), (100, 10)] {
        let finished = go(&fake, Some(ledger.clone()), verifying(5), rows(from), None).await;
        assert_eq!(finished.count(Situacao::Atualizado), 30);
        assert_eq!(fake.read_names().len(), reads);
    }
    assert_eq!(ledger.verified.lock().unwrap().len(), 2);
}

/// The first customers are not found, or give no answer: the next accepted rows are read instead.
#[tokio::test(start_paused = true)]
async fn a_reading_that_proves_nothing_is_made_up_for() {
    let fake = FakeTransport::new(|_, _| OK).reading(|name, _| match name {
        "c0@x" | "c2@x" => not_found(),
        "c1@x" => (Duration::from_millis(5), Reply::Ambiguous, String::new()),
        _ => with_fields(name, &[]),
    });
    let rows = (0..100).map(|n| with_campo(&format!("c{n}@x"), "Ouro")).collect();
    let (finished, ..) = run_rows(&fake, verifying(2), rows).await;
    assert!(matches!(finished.stop, Some(StopReason::Refused(_))), "{:?}", finished.stop);
    assert!(fake.sent().len() <= 6);
    // Where none of the rows that may be out proves anything, the run goes on.
    let fake = FakeTransport::new(|_, _| OK).reading(|_, _| not_found());
    let (finished, ..) = run_rows(&fake, verifying(2), customers(30)).await;
    assert_eq!(finished.count(Situacao::Atualizado), 30);
    assert!(fake.read_names().len() <= 6, "{:?}", fake.read_names());
}

/// One row of the first ones sends the column; the next that sends it decides.
#[tokio::test(start_paused = true)]
async fn a_column_that_only_one_row_sends_so_far_is_decided_by_the_next_one() {
    for (second, is_lost) in [("Ouro", false), ("nada", true)] {
        let fake = FakeTransport::new(|_, _| OK).reading(move |name, _| match name {
            "c50@x" => with_fields(name, &[second]),
            _ => with_fields(name, &[]),
        });
        let rows = (0..100).map(|n| match n {
            1 | 50 => with_campo(&format!("c{n}@x"), "Ouro"),
            _ => update(&format!("c{n}@x"), None),
        });
        let (finished, ..) = run_rows(&fake, verifying(5), rows.collect()).await;
        assert_eq!(finished.stop.is_some(), is_lost, "{second}");
        let expected = if is_lost { Situacao::Falhou } else { Situacao::Atualizado };
        for row in [1, 50] {
            assert_eq!(finished.rows[row].situacao, expected, "{second} {row}");
        }
        assert_eq!(finished.count(Situacao::Falhou), if is_lost { 2 } else { 0 });
    }
}

/// From the second row that sends the column on, all of them do, and each of them is read.
#[tokio::test(start_paused = true)]
async fn a_column_that_most_later_rows_send_stops_the_run_at_once() {
    let fake = FakeTransport::new(|_, _| OK).reading(|name, _| with_fields(name, &[]));
    let rows = (0..500).map(|n| match n {
        1 | 50.. => with_campo(&format!("c{n}@x"), "Ouro"),
        _ => update(&format!("c{n}@x"), None),
    });
    let options = SchedulerOptions { rate: Rate::DEFAULT, ..verifying(5) };
    let (finished, ..) = run_rows(&fake, options, rows.collect()).await;
    assert!(matches!(finished.stop, Some(StopReason::Refused(_))), "{:?}", finished.stop);
    assert!(fake.sent().len() < 70, "{}", fake.sent().len());
}

#[tokio::test(start_paused = true)]
async fn a_column_that_only_one_row_sends_at_all_is_decided_by_it() {
    let fake = FakeTransport::new(|_, _| OK).reading(|name, _| with_fields(name, &[]));
    let rows = (0..30).map(|n| match n {
        1 => with_campo("c1@x", "Ouro"),
        _ => update(&format!("c{n}@x"), None),
    });
    let (finished, ..) = run_rows(&fake, verifying(5), rows.collect()).await;
    assert!(matches!(finished.stop, Some(StopReason::Refused(_))), "{:?}", finished.stop);
    assert_eq!(finished.count(Situacao::Falhou), 1);
    assert_eq!(finished.count(Situacao::Atualizado), 29);
}

/// A refusal that follows an open rename, or repeats one that was done.
#[tokio::test(start_paused = true)]
async fn a_refusal_in_doubt_is_settled_by_reading() {
    use RefusalDoubt::{RenameDone, RenameOpen};
    use Situacao::{Atualizado, Falhou, Recusado};
    for (doubt, nome, situacao, outcome) in [
        (RenameOpen, "n", Atualizado, "Renamed"),
        (RenameDone, "n", Atualizado, "Renamed"),
        (RenameDone, "outro", Recusado, "Refused"),
    ] {
        let refused = (Duration::from_millis(5), Reply::Refused, "não");
        let fake = FakeTransport::new(move |_, _| refused).reading(move |name, _| match name {
            "b@x" => found(nome, name),
            _ => not_found(),
        });
        let ledger = FakeLedger { doubt, ..FakeLedger::default() };
        let rows = vec![update("a@x", Some("b@x"))];
        let finished = go(&fake, Some(ledger.clone()), options(), rows, None).await;
        assert_eq!(finished.situacoes(), [situacao], "{doubt:?}");
        assert_eq!(settled(&ledger), [format!("a@x {outcome}")]);
    }
    // A row that depends on a rename which was not done so far.
    let refused = (Duration::from_millis(5), Reply::Refused, "não");
    let fake = FakeTransport::new(move |_, _| refused).reading(|_, _| not_found());
    let ledger = FakeLedger { doubt: RenameOpen, ..FakeLedger::default() };
    let finished = go(&fake, Some(ledger), options(), vec![update("b@x", None)], None).await;
    assert_eq!(finished.situacoes(), [Falhou]);
    assert!(finished.rows[0].mensagem.starts_with("Recusado (\"não\"), depois de uma troca"));
}
