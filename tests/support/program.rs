//! Which program the tests run: the one that cargo built beside them, or another one that a variable
//! names, such as a script that starts the Windows binary under Wine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Names the other program.
const VARIABLE: &str = "TOMTICKET_SYNC_TESTS_PROGRAM";

/// Whether it is not the one that cargo built.
pub fn is_another() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// The folder of the programs that `scripts/windows.sh` made beside the one under test.
const WINDOWS: &str = "TOMTICKET_SYNC_TESTS_WINDOWS";

/// Whether the program under test is that for Windows.
pub fn is_for_windows() -> bool {
    cfg!(windows) || std::env::var_os(WINDOWS).is_some()
}

/// A program that `scripts/windows.sh` made.
pub fn windows_helper(name: &str) -> PathBuf {
    Path::new(&std::env::var_os(WINDOWS).unwrap()).join(name)
}

/// The program under test.
pub fn program() -> OsString {
    std::env::var_os(VARIABLE).unwrap_or_else(|| env!("CARGO_BIN_EXE_tomticket-sync").into())
}
