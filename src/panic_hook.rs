//! What a panic prints, in whatever thread or task. Not what it means for a run: the stages notice
//! that one of them died, and the run ends with [`crate::exit_code::LOCAL`].
//!
//! The place is printed, never the message: the text of a panic may quote anything, a URL with the
//! token in it or a customer's cell.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic;

/// Replaces the standard message by one line in the user's language; `RUST_BACKTRACE=1` adds the
/// names of the functions.
pub fn install_panic_hook() {
    panic::set_hook(Box::new(|panicked| {
        let place = panicked.location().map_or_else(
            || "lugar desconhecido".to_owned(),
            |location| format!("{}:{}", location.file(), location.line()),
        );
        let mut text = format!(
            "erro interno em {place} (versão {}): isto é um defeito do programa; avise os autores, com esta linha\n",
            env!("CARGO_PKG_VERSION")
        );
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            text.push_str(&trace.to_string());
        }
        // Standard error may be closed.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }));
}

/// The places where a test can make the program panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PanicPoint {
    /// The task of one request.
    Send,
    /// The thread that reads and maps.
    Read,
    /// The thread that writes the files.
    Report,
    /// The scheduler, on the main thread.
    Pool,
}

/// Panics with `text` if the variable `TOMTICKET_SYNC_TEST_PANIC` names this point. Only in builds
/// with debug assertions.
#[cfg(debug_assertions)]
#[expect(clippy::panic, reason = "a test injects a panic here")]
pub fn inject_panic_if_requested(point: PanicPoint, text: &dyn std::fmt::Display) {
    let requested = std::env::var_os("TOMTICKET_SYNC_TEST_PANIC");
    let name = match point {
        PanicPoint::Send => "send",
        PanicPoint::Read => "read",
        PanicPoint::Report => "report",
        PanicPoint::Pool => "pool",
    };
    if requested.is_some_and(|requested| requested == name) {
        panic!("{text}");
    }
}

/// Does nothing in builds without debug assertions.
#[cfg(not(debug_assertions))]
pub fn inject_panic_if_requested(_point: PanicPoint, _text: &dyn std::fmt::Display) {}
