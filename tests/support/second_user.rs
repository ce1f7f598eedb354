//! Another user of this machine. Files are given to him, and the program is run as him, by root.

use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Run, prerequisites};

/// The user `nobody`.
const UID: u32 = 65534;

/// A shell script that runs the command as the other user.
const AS_OTHER: &str = r#"exec setpriv --reuid=65534 --regid=65534 --clear-groups -- "$0" "$@""#;

/// Whether this machine lets the test act as another user; if not, the test is skipped.
pub fn possible(test: &str) -> bool {
    let ran = Command::new("sh")
        .args(["-c", AS_OTHER, env!("CARGO_BIN_EXE_tomticket-sync"), "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    prerequisites::met(ran, "second_user", test)
}

/// Gives a file or link to the other user.
pub fn give(path: &Path) {
    std::os::unix::fs::lchown(path, Some(UID), Some(UID)).unwrap();
}

/// Runs as the other user, who owns the run's folders, but for the files in the working folder.
pub fn run_as_other(run: Run) -> Run {
    for name in ["", "casa", "estado", "tmp", "trabalho"] {
        chown(run.folder().path().join(name), Some(UID), Some(UID)).unwrap();
    }
    run.through_shell(AS_OTHER)
}
