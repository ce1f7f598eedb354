//! Programs and rights that some tests need beyond Rust. Where one is missing, the test is skipped
//! with a line that starts with `SKIPPED`. If `TOMTICKET_SYNC_TESTS_REQUIRE` lists its name
//! (`small_disk,jq,chromium`), the test fails instead.

use std::io::Write;
use std::path::PathBuf;

/// The variable that turns skips into failures.
pub const REQUIRE: &str = "TOMTICKET_SYNC_TESTS_REQUIRE";

/// Returns `found`, the result of looking for `name`. If it is false, prints that `test` is skipped,
/// directly to standard error because the test harness captures `eprintln!`.
#[track_caller]
pub fn met(found: bool, name: &str, test: &str) -> bool {
    if !found {
        let required = std::env::var(REQUIRE).unwrap_or_default();
        assert!(
            !required.split(',').any(|word| word.trim() == name),
            "{test} needs {name}: {REQUIRE} lists it, but this machine does not have it"
        );
        let _ = writeln!(std::io::stderr(), "\nSKIPPED {test}: no {name} on this machine");
    }
    found
}

/// Whether a program is on the PATH.
#[track_caller]
pub fn program(name: &str, test: &str) -> bool {
    met(find_program(&[name]).is_some(), name, test)
}

/// The first file on the PATH that has one of these names.
pub fn find_program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| file.is_file())
}
