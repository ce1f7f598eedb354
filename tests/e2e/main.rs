//! The end-to-end tests, in one program because linking is slow. Each test runs the real binary in a
//! private folder against a scripted server; modules follow the chapters of `docs/failures.md`.
#![cfg(test)]

#[path = "../support/mod.rs"]
pub mod support;

mod attacks;
mod documents;
mod example;
mod fixtures;
#[cfg(target_os = "linux")]
mod full_disk;
#[cfg(unix)]
mod guide;
mod hostile;
mod input;
mod ledger;
mod ledger_crash;
mod ledger_file;
mod mapping;
mod messages;
mod nights;
mod order;
mod output;
mod process;
mod proxy;
mod rehearsal;
mod report;
mod report_browser;
mod sandbox;
mod secrets;
mod server;
mod soak;
mod stops;
mod support_selftest;
mod wire;
