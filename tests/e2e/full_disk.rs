//! A disk that fills up during a run: sending stops at once, and when there is room again the same
//! command continues and repeats at most the requests that were in flight.

use crate::support::{Run, Server, small_disk, table};

const ROWS: usize = 4000;
const CONCURRENCY: usize = 8;

/// Asserts that the run stops at the full disk, and that a second run with room completes it.
fn assert_stops_and_continues(server: &Server, run: Run, named: &str, ledger_then: &str) {
    let folder = run.folder();
    let stopped = run.go();
    stopped.exits(5).says(&[named, "espaço"]);
    let before = server.count();
    assert!((1..ROWS).contains(&before), "it stopped after {before} requests");
    // Results get their final name only when they are complete.
    assert!(!stopped.exists("clientes.resultado.csv"));

    let again = Run::new(server)
        .sharing(&folder)
        .csv(&table::customers(ROWS))
        .args(["--ledger", ledger_then])
        .allow_partial()
        .go();
    let rows = again.exits(0).accounted_rows(ROWS);
    assert!(rows.iter().all(|row| matches!(&*row.situacao, "atualizado" | "inalterado")));
    let repeated = server.count() - ROWS;
    assert!(repeated <= CONCURRENCY, "{repeated} rows were sent twice");
}

#[test]
fn c34_a_disk_full_of_ledger_stops_the_run_and_loses_nothing() {
    if !small_disk::possible("c34_a_disk_full_of_ledger_stops_the_run_and_loses_nothing") {
        return;
    }
    let server = Server::start();
    let run = Run::new(&server)
        .csv(&table::customers(ROWS))
        .args(["--ledger", "disco/l.db"])
        .on_a_small_disk("512k");
    assert_stops_and_continues(&server, run, "disco/l.db", "disco-depois/l.db");
}

#[test]
fn c34_a_disk_full_of_results_stops_the_run_and_loses_nothing() {
    if !small_disk::possible("c34_a_disk_full_of_results_stops_the_run_and_loses_nothing") {
        return;
    }
    let server = Server::start();
    let run = Run::new(&server)
        .csv(&table::customers(ROWS))
        .args(["--ledger", "l.db"])
        .results("disco/clientes.resultado.csv")
        .on_a_small_disk("64k");
    assert_stops_and_continues(&server, run, "disco/clientes.resultado.csv", "l.db");
}

#[test]
fn c34_nothing_is_sent_if_the_disk_is_full_from_the_start() {
    if !small_disk::possible("c34_nothing_is_sent_if_the_disk_is_full_from_the_start") {
        return;
    }
    let server = Server::start();
    let run = Run::new(&server).csv(&table::customers(9)).args(["--ledger", "disco/l.db"]);
    let stopped = run.on_a_small_disk("16k").go();
    stopped.exits(5).says(&["disco/l.db", "espaço"]);
    assert_eq!(server.count(), 0);
    let left = std::fs::read_dir(stopped.work().join("disco-depois")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?} is left over");
}

/// Wherever the room ends while the ledger is made, what is left of it is whole or not there.
#[test]
fn a_disk_that_fills_up_while_the_ledger_is_made_leaves_nothing_damaged() {
    if !small_disk::possible("a_disk_that_fills_up_while_the_ledger_is_made") {
        return;
    }
    let server = Server::start();
    let csv = table::customers(9);
    let mut refused = 0;
    for kib in (8..=140).step_by(4) {
        let run = Run::new(&server).csv(&csv).args(["--ledger", "disco/l.db"]);
        let folder = run.folder();
        let before = server.count();
        let stopped = run.on_a_small_disk(format!("{kib}k").leak()).allow_partial().go();
        if stopped.code != Some(0) {
            stopped.exits(5).says(&["disco/l.db", "espaço"]);
            refused += usize::from(server.count() == before);
        }
        let again = Run::new(&server).sharing(&folder).csv(&csv).allow_partial();
        again.args(["--ledger", "disco-depois/l.db"]).go().exits(0).accounted_rows(9);
        let left = std::fs::read_dir(stopped.work().join("disco-depois")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["l.db"], "{kib} KiB");
    }
    assert!(refused > 5, "{refused}");
}
