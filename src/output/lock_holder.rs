//! Which process holds the lock of a file. Only Linux tells, in `/proc/locks`. And whether there can be
//! locks at all.

use std::fs::File;
use std::io::{self, ErrorKind};

/// Whether a lock failed because the disk has none (some network drives and containers).
pub fn has_no_locks(error: &io::Error) -> bool {
    /// A network drive whose server gives no locks.
    const ENOLCK: i32 = if cfg!(target_os = "linux") { 37 } else { 77 };
    error.kind() == ErrorKind::Unsupported || (cfg!(unix) && error.raw_os_error() == Some(ENOLCK))
}

/// ` (processo 123, desde 2026-11-24T03:00:00Z)`, or nothing where the system does not tell.
pub(super) fn in_parentheses(file: &File) -> String {
    let Some(pid) = pid(file) else { return String::new() };
    let since = started(pid).map_or_else(String::new, |start| format!(", desde {start}"));
    format!(" (processo {pid}{since})")
}

#[cfg(target_os = "linux")]
fn pid(file: &File) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    let inode = format!(":{}", file.metadata().ok()?.ino());
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip_while(|word| *word != "FLOCK").skip(3);
        let pid = words.next()?.parse().ok()?;
        words.next()?.ends_with(&inode).then_some(pid)
    })
}

#[cfg(not(target_os = "linux"))]
fn pid(_file: &File) -> Option<u32> {
    None
}

/// When a process began. The kernel counts in ticks of 1/100 s since the machine's start.
fn started(pid: u32) -> Option<jiff::Timestamp> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Field 2, the name in parentheses, may hold spaces and parentheses; field 3 follows the last one.
    let ticks: i64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    let machine = std::fs::read_to_string("/proc/stat").ok()?;
    let boot: i64 =
        machine.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    jiff::Timestamp::from_second(boot + ticks / 100).ok()
}
