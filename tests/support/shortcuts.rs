//! Two helpers that most tests of server behaviour use.

use super::finished::Finished;
use super::result_row::ResultRow;
use super::run::Run;
use super::server::Server;
use super::table;

/// The result row with this identifier.
#[track_caller]
pub fn row_of<'a>(rows: &'a [ResultRow], identificador: &str) -> &'a ResultRow {
    rows.iter().find(|row| row.identificador == identificador).unwrap()
}

/// Runs a file of `count` customers against the server.
pub fn run_customers(server: &Server, count: usize, args: &[&str]) -> Finished {
    Run::new(server).csv(&table::customers(count)).args(args.iter().copied()).go()
}
