//! A small file system in memory that fills up quickly. It is mounted in a private mount namespace,
//! so only the process under test and its children see it.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use super::prerequisites;

/// Whether this machine allows such a mount; if not, the test is skipped (see [`prerequisites`]).
pub fn possible(test: &str) -> bool {
    let mounted = private_mounts()
        .args(["sh", "-c", "mount -t tmpfs -o size=64k tmpfs /mnt"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    prerequisites::met(mounted, "small_disk", test)
}

/// A command that runs `program` with the arguments added later, with `disco` as a file system of
/// `size`. Afterwards its files are copied to `disco-depois`.
pub fn command(size: &str, program: &OsStr) -> Command {
    let script = "mount -t tmpfs -o size=\"$1\" tmpfs disco || exit 99; shift; \"$@\"; code=$?; \
                  cp -a disco/. disco-depois/; exit $code";
    let mut command = private_mounts();
    command.args(["sh", "-c", script, "sh", size]).arg(program);
    command
}

fn private_mounts() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "--"]);
    command
}
