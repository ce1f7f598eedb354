//! A disk that fills up in the middle of the night: sending stops at once, and once there is room the
//! same command goes on, repeating at most what was in flight.

use crate::support::{Run, Server, small_disk, table};

const ROWS: usize = 4000;
const CONCURRENCY: usize = 8;

/// Runs into the full disk, checks that it stopped, makes room, and runs again.
fn fills_up(server: &Server, run: Run, named: &str, ledger_then: &str) {
    let folder = run.folder();
    let stopped = run.go();
    stopped.exits(5).says(&[named, "espaço"]);
    let before = server.count();
    assert!((1..ROWS).contains(&before), "it stopped after {before} requests");
    // The results of an earlier night are never half replaced.
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
    fills_up(&server, run, "disco/l.db", "disco-depois/l.db");
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
    fills_up(&server, run, "disco/clientes.resultado.csv", "l.db");
}

#[test]
fn c34_a_disk_that_is_full_from_the_start_lets_nothing_be_sent() {
    if !small_disk::possible("c34_a_disk_that_is_full_from_the_start_lets_nothing_be_sent") {
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
