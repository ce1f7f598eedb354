//! What a test needs of the machine beyond Rust: where it is missing the test is skipped, visibly,
//! unless `TOMTICKET_SYNC_TESTS_REQUIRE` names it (`small_disk,jq,chromium`): then that is a failure.

use std::io::Write;
use std::path::PathBuf;

/// The variable that turns skips into failures.
pub const REQUIRE: &str = "TOMTICKET_SYNC_TESTS_REQUIRE";

/// Whether `test` can be done, `found` being whether `what` is there. Where it is not, says so past
/// the test harness, so that whoever reads its output sees what was not tested.
#[track_caller]
pub fn met(found: bool, what: &str, test: &str) -> bool {
    if !found {
        let required = std::env::var(REQUIRE).unwrap_or_default();
        assert!(
            !required.split(',').any(|word| word.trim() == what),
            "{test} needs {what}, which {REQUIRE} demands and this machine does not have"
        );
        let _ = writeln!(std::io::stderr(), "\nSKIPPED {test}: no {what} on this machine");
    }
    found
}

/// Whether this program is on the PATH.
#[track_caller]
pub fn program(what: &str, test: &str) -> bool {
    met(on_the_path(&[what]).is_some(), what, test)
}

/// The first file on the PATH that has one of these names.
pub fn on_the_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| file.is_file())
}
