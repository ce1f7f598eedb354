//! Which program the tests run: the one that cargo built beside them, or another one that a variable
//! names, such as a script that starts the Windows binary under Wine.

use std::ffi::OsString;

/// Names the other program.
const VARIABLE: &str = "TOMTICKET_SYNC_TESTS_PROGRAM";

/// Whether it is not the one that cargo built.
pub fn is_another() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// The program under test.
pub fn program() -> OsString {
    std::env::var_os(VARIABLE).unwrap_or_else(|| env!("CARGO_BIN_EXE_tomticket-sync").into())
}
