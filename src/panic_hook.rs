//! What happens when the program itself is wrong: a panic, in whatever thread or task.
//!
//! It prints where, and never what: the text of a panic may quote anything, a URL with the token in
//! it or a customer's cell. What a panic means for a run is not decided here: the stages see that a
//! part of theirs died, and the run ends with [`crate::exit_code::LOCAL`].

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic;

/// Replaces the standard message by one line in the user's language; `RUST_BACKTRACE=1` adds the
/// names of the functions.
pub fn install_hook() {
    panic::set_hook(Box::new(|panicked| {
        let at = panicked.location().map_or_else(
            || "lugar desconhecido".to_owned(),
            |location| format!("{}:{}", location.file(), location.line()),
        );
        let mut text = format!(
            "erro interno em {at} (versão {}): isto é um defeito do programa; avise os autores, com esta linha\n",
            env!("CARGO_PKG_VERSION")
        );
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            text.push_str(&trace.to_string());
        }
        // Nobody is left to tell about a standard error that is closed.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }));
}

/// Parts of the program that a test can make panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The task of one request.
    Send,
    /// The thread that reads and maps.
    Read,
    /// The thread that writes the files.
    Report,
    /// The pool, on the main thread.
    Pool,
}

/// Panics with `text`, if a test asks for it: `TOMTICKET_SYNC_TEST_PANIC` names the part. Only
/// where debug assertions are on; in a release there is nothing here to be asked.
#[cfg(debug_assertions)]
#[expect(clippy::panic, reason = "that is its purpose, in tests alone")]
pub fn if_asked(part: Part, text: &dyn std::fmt::Display) {
    let asked = std::env::var_os("TOMTICKET_SYNC_TEST_PANIC");
    let name = match part {
        Part::Send => "send",
        Part::Read => "read",
        Part::Report => "report",
        Part::Pool => "pool",
    };
    if asked.is_some_and(|asked| asked == name) {
        panic!("{text}");
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub fn if_asked(_part: Part, _text: &dyn std::fmt::Display) {}
