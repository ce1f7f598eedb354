//! Takes a CSV export of customers and brings TomTicket up to date with it: one update per row that
//! needs one, at the account's pace, with every row accounted for.
//!
//! The data flows one way, and the modules follow it: `input` (bytes to records), `mapping` (record to
//! update), `scheduler` (update to outcome, with `ledger` and `api`), `output` (outcomes to files and
//! terminal), `html_report` (a page of a run). `model` holds the types they share.
//!
//! A program makes [`Settings`] and calls [`run()`]; `examples/sincronizar.rs` does.

// How a path is shown is decided in one place (clippy.toml).
#![warn(clippy::disallowed_methods)]

mod api;
mod cli;
mod commands;
mod config;
mod core_dumps;
mod exit_code;
mod file_id;
mod html_report;
mod init;
mod input;
mod ledger;
mod locale;
mod mapping;
mod model;
mod output;
mod panic_hook;
mod preflight;
mod pull;
mod resources;
mod run;
mod sandbox;
mod scheduler;
mod selection;
mod signals;
mod snapshot;
mod stop;
mod suspicious;
mod text;

#[doc(hidden)]
pub use commands::main_from_args;
pub use config::{Settings, SettingsError};
pub use mapping::Key;
pub use model::{CustomerType, Situacao};
pub use output::{MessageCount, MinuteCounts, RunSummary};
pub use run::{RunError, run};
pub use scheduler::Rate;
