//! The end-to-end tests, in one program because linking is slow. Each test runs the real binary in a
//! private folder against a scripted server; modules follow the chapters of `docs/failures.md`.
#![cfg(test)]

#[path = "../support/mod.rs"]
pub mod support;

mod api_v2;
mod attacks;
mod configuration;
mod connections;
mod detectors;
mod documents;
mod example;
mod exports;
mod fixtures;
#[cfg(target_os = "linux")]
mod full_disk;
#[cfg(unix)]
mod guide;
mod hostile;
mod init;
mod input;
mod input_source;
mod ledger;
mod ledger_admin;
mod ledger_crash;
mod ledger_file;
mod ledger_lock;
mod ledger_probe;
mod ledger_renames;
#[cfg(unix)]
mod ledger_shared;
mod machine;
mod mapping;
mod mapping_header;
mod messages;
mod nights;
mod order;
mod output;
mod output_nights;
mod output_rejects;
#[cfg(unix)]
mod output_shared;
mod output_summary;
mod process;
mod process_signals;
mod proxy;
mod pull;
mod pull_faults;
mod reading_back;
mod rehearsal;
mod replies;
mod report;
mod report_browser;
mod sandbox;
mod secrets;
mod server;
mod snapshot;
mod snapshot_input;
mod snapshot_nights;
mod soak;
mod stops;
mod support_selftest;
mod suspicious;
mod terminal;
mod tls;
mod way_back;
mod windows;
mod wire;
mod xlsx;
mod xlsx_files;
