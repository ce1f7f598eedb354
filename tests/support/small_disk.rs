//! A disk that is soon full: a file system in memory, mounted where only the process under test and
//! its children see it.

use std::io::Write;
use std::process::{Command, Stdio};

/// Whether this machine lets us mount one. Says so on standard error where it does not, past the
/// test harness, so that whoever reads its output sees what was not tested.
pub fn possible(test: &str) -> bool {
    let mounted = private_mounts()
        .args(["sh", "-c", "mount -t tmpfs -o size=64k tmpfs /mnt"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        let _ =
            writeln!(std::io::stderr(), "SKIPPED {test}: this machine allows no private mounts");
    }
    mounted
}

/// Runs `program` with the arguments that are added, `disco` being a file system of `size`.
pub fn command(size: &str, program: &str) -> Command {
    let script = "mount -t tmpfs -o size=\"$1\" tmpfs disco || exit 99; shift; \"$@\"; code=$?; \
                  cp -a disco/. disco-depois/; exit $code";
    let mut command = private_mounts();
    command.args(["sh", "-c", script, "sh", size, program]);
    command
}

fn private_mounts() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "--"]);
    command
}
