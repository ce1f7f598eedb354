//! A disk that is soon full: a file system in memory, mounted where only the process under test and
//! its children see it.

use std::process::{Command, Stdio};

use super::needs;

/// Whether this machine lets us mount one; [`needs::met`] says what happens where it does not.
pub fn possible(test: &str) -> bool {
    let mounted = private_mounts()
        .args(["sh", "-c", "mount -t tmpfs -o size=64k tmpfs /mnt"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    needs::met(mounted, "small_disk", test)
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
