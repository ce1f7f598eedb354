//! What a panic prints, in whatever thread or task. Not what it means for a run: the stages notice
//! that one of them died, and the run ends with [`crate::exit_code::LOCAL`].
//!
//! The place is printed, never the message: the text of a panic may quote anything, a URL with the
//! token in it or a customer's cell.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::Cell;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};

thread_local! {
    /// Whether a panic of this thread is expected: the caller has an answer to it.
    static IS_CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Runs the code of a crate that panics on odd files or a full disk; `None` if it did. Nothing is
/// printed then.
pub fn contain<T>(run: impl FnOnce() -> T) -> Option<T> {
    IS_CONTAINED.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    IS_CONTAINED.set(false);
    result.ok()
}

/// Replaces the standard message by one line in the user's language; `RUST_BACKTRACE=1` adds the
/// names of the functions.
pub fn install_panic_hook() {
    panic::set_hook(Box::new(|panicked| {
        if IS_CONTAINED.get() {
            return;
        }
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

/// Panics with `text` if the variable `TOMTICKET_SYNC_TEST_PANIC` names this point: `send` is the
/// task of one request, `read` the thread that reads and maps, `report` the thread that writes the
/// files, `pool` the scheduler. Only in builds with debug assertions.
#[expect(clippy::panic, reason = "a test injects a panic here")]
pub fn inject_panic_if_requested(point: &str, text: &dyn std::fmt::Display) {
    if cfg!(debug_assertions)
        && std::env::var_os("TOMTICKET_SYNC_TEST_PANIC").is_some_and(|requested| requested == point)
    {
        panic!("{text}");
    }
}
