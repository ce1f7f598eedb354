//! The ledger after a run was killed or interrupted: the same command again loses nothing and repeats
//! at most the requests that were in flight. Renames are in `ledger_renames.rs`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::support::nights::LEDGER;
use crate::support::{Nights, Reply, Request, table};

const ROWS: usize = 40;
const CONCURRENCY: usize = 4;

/// The server's customers: the form of the last executed request for each.
type Customers = Arc<Mutex<BTreeMap<String, Vec<(String, String)>>>>;

fn execute(customers: &Customers, request: &Request) {
    let mut customers = customers.lock().unwrap();
    let held = customers.entry(request.identificador().to_owned()).or_default();
    for (name, value) in request.form() {
        held.retain(|(key, _)| *key != name);
        held.push((name, value));
    }
}

/// `rows` rows; lines 10 and 12 have the same customer.
fn table_of(rows: usize, value: &str) -> String {
    let mut text = String::from("identificador,tipo_identificador,nome,campo:abc01\n");
    for line in 2..rows + 2 {
        let customer = if line == 12 { 10 } else { line };
        text.push_str(&format!("C{customer:05},I,Cliente {line},{value}\n"));
    }
    text
}

/// Kills a run at its `n`-th arrival, for every `n`, and runs the same command again.
///
/// The first `answered(n)` requests are answered. The others hang, and every second one of these is
/// executed. The ledger knows other values of all customers beforehand.
fn kill_at_every_arrival(answered: fn(usize) -> usize) {
    let nights = Nights::begin();
    let server = &nights.server;
    let customers = Customers::default();
    let night = nights.night(&table_of(ROWS, "antes"));
    night.finished.exits(0);
    let known = std::fs::read(nights.path(LEDGER)).unwrap();
    assert_eq!(nights.ledger_files().len(), 1, "a log is left over after a clean end");
    std::fs::remove_file(nights.path("clientes.resultado.csv")).unwrap();
    let csv = table_of(ROWS, "agora");
    for n in 1..=ROWS {
        for file in nights.ledger_files() {
            std::fs::remove_file(file).unwrap();
        }
        std::fs::write(nights.path(LEDGER), &known).unwrap();
        customers.lock().unwrap().clear();
        let before = server.count();
        let held = Arc::clone(&customers);
        server.script(move |request, _| {
            let at = request.n - before;
            if at < answered(n) {
                execute(&held, request);
                return Reply::ok();
            }
            if at.is_multiple_of(2) {
                execute(&held, request);
            }
            Reply::hang()
        });
        let concurrency = CONCURRENCY.to_string();
        // Rows that wait for a verification are open too.
        let flags = ["--concurrency", &concurrency, "--verify", "0"];
        let run = || nights.run(&csv).args(flags);
        let running = run().spawn();
        server.wait_for_requests(before + n);
        // Dropping it sends SIGKILL.
        drop(running);
        let first = nights.sent_since(before);
        assert!(
            !nights.path("clientes.resultado.csv").exists(),
            "results of a run that was killed"
        );

        let held = Arc::clone(&customers);
        server.script(move |request, _| {
            execute(&held, request);
            Reply::ok()
        });
        let finished = run().go();
        let rows = finished.exits(0).accounted_rows(ROWS);
        assert!(rows.iter().all(|row| !row.erro));
        // Requests of the killed run may arrive after its end, so only the total of both runs is
        // certain.
        let both = nights.sent_since(before);

        let mut repeated = 0;
        for line in 2..ROWS + 2 {
            let customer = if line == 12 { 10 } else { line };
            let request = format!("C{customer:05}/I nome=Cliente {line} campos[abc01]=agora");
            let count = |sent: &[String]| sent.iter().filter(|sent| **sent == request).count();
            let (early, total) = (count(&first), count(&both));
            let situacao = &*rows[line - 2].situacao;
            let place = format!("kill at {n}: line {line}, {early} of {total} early, {situacao}");
            assert!(early <= 1 && (1..=2).contains(&total), "{place}");
            assert!(total == 1 || situacao == "atualizado", "{place}");
            assert!(early == 0 || total == 2 || situacao == "inalterado", "{place}");
            if count(&first[answered(n)..]) > 0 {
                assert_eq!(total, 2, "{place}: known without an answer");
            }
            // The two rows of one customer undo each other, so both may have to go again.
            repeated += usize::from(total == 2 && !matches!(line, 10 | 12));
        }
        assert!(repeated <= CONCURRENCY, "kill at {n}: {repeated} rows sent twice");
        let customers = customers.lock().unwrap();
        for line in (2..ROWS + 2).filter(|line| *line != 10) {
            let customer = if line == 12 { 10 } else { line };
            let expected = [
                ("nome".to_owned(), format!("Cliente {line}")),
                ("campos[abc01]".to_owned(), "agora".to_owned()),
            ];
            let mut found = customers[&format!("C{customer:05}")].clone();
            found.sort_by(|a, b| b.cmp(a));
            assert_eq!(found, expected, "kill at {n}: line {line}");
        }
        assert_eq!(customers.len(), ROWS - 1);
        drop(finished);
        std::fs::remove_file(nights.path("clientes.resultado.csv")).unwrap();
    }
}

#[test]
fn c40_killed_with_everything_in_flight_only_that_is_sent_again() {
    kill_at_every_arrival(|n| n.saturating_sub(CONCURRENCY));
}

#[test]
fn c40_killed_just_before_a_reply() {
    kill_at_every_arrival(|n| n);
}

/// Holds the ledger's write lock, so that nothing can be committed. Returns the lock and the number
/// of requests in flight.
fn hold_commits(ledger: &Path) -> (rusqlite::Connection, usize) {
    let connection = rusqlite::Connection::open(ledger).unwrap();
    connection.busy_timeout(crate::support::PATIENCE).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let count = "SELECT count(*) FROM intent";
    let in_flight: i64 = connection.query_row(count, [], |row| row.get(0)).unwrap();
    (connection, usize::try_from(in_flight).unwrap())
}

/// The client reads the answer to the `n`-th request, cannot commit it, and is killed. Requests that
/// were answered but not committed are sent again, and no others.
#[test]
fn c40_killed_between_a_reply_and_its_commit() {
    let nights = Nights::begin();
    let server = &nights.server;
    let table =
        |value: &str| table_of(ROWS, value).replace("C00010,I,Cliente 12", "C00012,I,Cliente 12");
    nights.night(&table("antes")).finished.exits(0);
    let known = std::fs::read(nights.path(LEDGER)).unwrap();
    let csv = table("agora");
    for n in 1..=ROWS {
        for file in nights.ledger_files() {
            std::fs::remove_file(file).unwrap();
        }
        std::fs::write(nights.path(LEDGER), &known).unwrap();
        std::fs::remove_file(nights.path("clientes.resultado.csv")).unwrap();
        let before = server.count();
        let held = Arc::new(Mutex::new(None));
        server.script({
            let (held, ledger) = (Arc::clone(&held), nights.path(LEDGER));
            move |request, _| {
                if request.n - before == n - 1 {
                    *held.lock().unwrap() = Some(hold_commits(&ledger));
                }
                // The client closes the connection after reading this.
                Reply::ok().with_header("Connection", "close")
            }
        });
        let concurrency = CONCURRENCY.to_string();
        // Rows that wait for a verification are open too.
        let flags = ["--concurrency", &concurrency, "--verify", "0"];
        let run = || nights.run(&csv).args(flags);
        let running = run().spawn();
        server.wait_for_requests(before + n);
        server.wait_until_disconnected();
        let read: Vec<String> = server.raw_requests()[before..]
            .iter()
            .filter(|request| request.answered.is_some())
            .map(|request| request.identificador().to_owned())
            .collect();
        // Dropping it sends SIGKILL.
        drop(running);
        server.wait_until_disconnected();
        let (connection, open) = held.lock().unwrap().take().unwrap();
        connection.execute_batch("ROLLBACK").unwrap();
        connection.close().unwrap();
        assert!((1..=CONCURRENCY).contains(&open), "kill at {n}: {open} are in flight");

        let finished = run().go();
        let rows = finished.exits(0).accounted_rows(ROWS);
        let mut again = Vec::new();
        for row in &rows {
            let sent = server.raw_requests()[before..]
                .iter()
                .filter(|request| request.identificador() == row.identificador)
                .count();
            let place = format!("kill at {n}: {sent} times {row:?}");
            let known = row.situacao == "inalterado";
            assert!(if known { sent == 1 } else { (1..=2).contains(&sent) }, "{place}");
            if !known && (sent == 2 || read.contains(&row.identificador)) {
                assert_eq!(sent, 2, "{place}");
                again.push(row.linha);
            }
        }
        // Its own answer and commit are certain to be apart.
        let last = &read[n - 1];
        assert!(
            rows.iter().any(|row| row.identificador == *last && row.situacao == "atualizado"),
            "kill at {n}: {last} was known without a commit"
        );
        // The rows reported to be sent again are those in flight by the ledger; those of them that
        // had arrived arrive twice.
        let in_flight = format!("deixou {open} requisiç");
        finished.says(&[&in_flight]);
        let (_, lines) = finished.stderr.split_once("será enviado de novo: linha").unwrap();
        let lines = lines.trim_start_matches('s');
        let end = lines.find(|c: char| !c.is_ascii_digit() && !", ".contains(c));
        let reported: Vec<u64> = lines[..end.unwrap_or(lines.len())]
            .split(", ")
            .map(|linha| linha.trim().parse().unwrap())
            .collect();
        assert_eq!(reported.len(), open, "kill at {n}: {reported:?}");
        for row in &rows {
            let was_reported = reported.contains(&row.linha);
            let place = format!("kill at {n}: {reported:?} reported, {row:?}");
            assert!(was_reported || !again.contains(&row.linha), "{place}");
            let read = read.contains(&row.identificador);
            assert!(!was_reported || !read || again.contains(&row.linha), "{place}");
            assert_eq!(row.situacao == "inalterado", read && !was_reported, "{place}");
        }
        drop(finished);
    }
}

/// Kills a run that waits for `arrivals` answers.
pub(super) fn kill_in_flight(nights: &Nights, csv: &str, arrivals: usize) {
    let before = nights.server.count();
    nights.server.script(|_, _| Reply::hang());
    let concurrency = arrivals.to_string();
    let mut running = nights.run(csv).args(["--concurrency", &concurrency]).spawn();
    nights.server.wait_for_requests(before + arrivals);
    running.signal("KILL");
    running.wait();
    nights.server.script(|_, _| Reply::ok());
}

const HEADER: &str = "identificador,tipo_identificador,nome\n";

#[test]
fn c41_a_value_overwritten_in_flight_is_no_longer_known() {
    let nights = Nights::begin();
    let v1 = format!("{HEADER}1,I,Ana\n2,I,Eva\n");
    nights.night(&v1).ends(0, &["atualizado", "atualizado"]);
    kill_in_flight(&nights, &format!("{HEADER}1,I,Ana Maria\n"), 1);
    let night = nights.night(&v1);
    night.sends(&["1/I nome=Ana"]).ends(0, &["atualizado", "inalterado"]);
    nights.night(&v1).ends(0, &["inalterado", "inalterado"]);
}

#[test]
fn requests_left_in_flight_are_reported_by_line() {
    let nights = Nights::begin();
    kill_in_flight(&nights, &table::customers(20), 4);
    // Another input knows only some of them, on other lines.
    let other = format!("{HEADER}X,I,Outro\nC00004,I,Cliente 4\nC00003,I,Cliente 3\n");
    // A request counts once even if several rows contain it.
    let other = other + &"C00003,I,Cliente 3\n".repeat(21);
    let finished = nights.check(&other).allow_partial().go();
    finished.exits(0).says(&[
        "4 requisições em andamento",
        "linhas 3, 4, 5",
        "21, 22 e mais 3; fora desta entrada: 2",
    ]);
    let night = nights.night(&table::customers(20));
    night.finished.says(&["4 requisições em andamento", "linhas 2, 3, 4, 5"]);
    night.ends(0, &["atualizado"; 20]);
    let night = nights.night(&table::customers(20));
    assert!(!night.finished.stderr.contains("em andamento"), "reported twice");
}

#[test]
fn a_refused_run_leaves_the_in_flight_report_to_the_next_run() {
    let nights = Nights::begin();
    let csv = table::customers(20);
    kill_in_flight(&nights, &csv, 4);
    let wrong = nights.run(&csv).args(["--map", "Nada=telefone"]).without_summary();
    wrong.allow_partial().go().exits(2);
    let wrong = nights.run(&csv).results("sem/pasta.csv").without_summary();
    wrong.allow_partial().go().exits(2).says(&["4 requisições em andamento"]);
    let night = nights.night(&csv);
    night.finished.says(&["4 requisições em andamento", "linhas 2, 3, 4, 5"]);
    night.ends(0, &["atualizado"; 20]);
}

#[test]
fn in_flight_requests_of_another_input_are_a_count() {
    let nights = Nights::begin();
    kill_in_flight(&nights, &table::customers(20), 3);
    let night = nights.night(&format!("{HEADER}X,I,Outro\n"));
    night.finished.says(&["3 requisições em andamento", "fora desta entrada: 3"]);
    assert!(!night.finished.stderr.contains("será enviado de novo"));
}

#[test]
fn c39_the_same_command_after_an_interrupt_repeats_nothing_that_was_answered() {
    for signal in ["INT", "TERM", "HUP"] {
        let nights = Nights::begin();
        let csv = table::customers(300);
        let latch = nights.server.hold_replies();
        let mut running = nights.run(&csv).spawn();
        nights.server.wait_for_requests(8);
        running.signal_and_wait(signal);
        latch.release();
        let finished = running.wait();
        let rows = finished.accounted_rows(300);
        assert!(finished.code.is_some_and(|code| code > 128));
        let unsent = rows.iter().filter(|row| row.situacao == "nao_enviado").count();
        let first = nights.server.count();
        assert_eq!(unsent + first, 300);
        let night = nights.night(&csv);
        let rows = night.finished.exits(0).accounted_rows(300);
        let unchanged = rows.iter().filter(|row| row.situacao == "inalterado").count();
        assert_eq!((unchanged, night.sent.len()), (first, unsent));
        let mut all = nights.sent_since(0);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 300, "{signal}: something was sent twice");
        assert!(!night.finished.stderr.contains("em andamento"));
    }
}

#[test]
fn c39_a_time_window_continues_the_next_night() {
    let nights = Nights::begin();
    let csv = table::customers(400);
    let night = nights.go(nights.run(&csv).rate("50").args(["--max-duration", "2s"]));
    let rows = night.finished.exits(4).accounted_rows(400);
    assert!(rows.iter().any(|row| row.situacao == "nao_enviado"));
    nights.night(&csv).finished.exits(0);
    assert_eq!(nights.server.count(), 400);
}
