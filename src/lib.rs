//! Takes a CSV export of customers and brings TomTicket up to date with it: one update per row that
//! needs one, at the account's pace, with every row accounted for.
//!
//! The data flows one way, and the modules stand in that order:
//! [`input`] (bytes → records) → [`mapping`] (record → update or violations) → [`scheduler`] (updates →
//! outcomes, asking [`ledger`] and sending through [`api`]) → [`output`] (outcomes → files and
//! terminal); [`html_report`] makes a page of what came out. [`model`] holds the words they share.
//!
//! A program that syncs a file makes [`config::Settings`] and calls [`run::execute`];
//! `examples/sincronizar.rs` does.

pub mod api;
pub mod cli;
pub mod commands;
pub mod config;
pub mod exit_code;
pub mod html_report;
pub mod input;
pub mod ledger;
mod locale;
pub mod mapping;
pub mod model;
pub mod output;
pub mod panic_hook;
pub mod preflight;
pub mod run;
pub mod sandbox;
pub mod scheduler;
pub mod signals;
pub mod stop;

#[doc(hidden)]
pub use commands::main_from_args;
