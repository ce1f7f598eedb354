//! What the tests of a server's deeds say in nearly every line: run so many customers, look at the
//! row of one.

use super::finished::{Finished, ResultRow};
use super::run::Run;
use super::server::Server;
use super::table;

/// The row of this identifier.
#[track_caller]
pub fn of<'a>(rows: &'a [ResultRow], identificador: &str) -> &'a ResultRow {
    rows.iter().find(|row| row.identificador == identificador).unwrap()
}

/// Runs `count` customers against the server.
pub fn run(server: &Server, count: usize, args: &[&str]) -> Finished {
    Run::new(server).csv(&table::customers(count)).args(args.iter().copied()).go()
}
