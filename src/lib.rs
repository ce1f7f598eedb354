//! Takes a CSV export of customers and brings TomTicket up to date with it: one update per row that
//! needs one, at the account's pace, with every row accounted for.
//!
//! The data flows one way, and the modules stand in that order:
//! [`reader`] (bytes → records) → [`mapper`] (record → update or violations) → [`pool`] (updates →
//! outcomes, asking [`ledger`] and sending through [`api`]) → [`reporter`] (outcomes → files and
//! terminal); [`report`] makes a page of what came out. [`model`] holds the words they share.
//!
//! A program that wants to do what `tomticket-sync run` does sets up [`cli::RunArgs`], resolves them
//! with [`config::Settings::resolve`], and calls [`run::execute`]; `examples/sincronizar.rs` does.

pub mod api;
pub mod cli;
pub mod commands;
pub mod config;
pub mod crash;
pub mod events;
pub mod exit;
pub mod findings;
pub mod io_words;
pub mod ledger;
pub mod mapper;
pub mod model;
pub mod pool;
pub mod preflight;
pub mod reader;
pub mod report;
pub mod reporter;
pub mod run;
pub mod sandbox;
pub mod signals;
pub mod stop;
mod wording;
