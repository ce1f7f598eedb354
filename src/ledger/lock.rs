//! A lock between processes that ends with its holder and names it.
//!
//! The operating system holds the lock, not the file's existence: after a kill or a power cut the
//! file stays and means nothing. A holder that ends in good order removes it. A second process does
//! not wait; it gets an error at once.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use super::{LedgerError, beside};
use crate::file_id::still_named;
use crate::locale::foreign_text::visible_path;
use crate::output::has_no_locks;

/// A process that only asks whether a lock is held has it for some microseconds. So a lock that seems
/// held is tried again this often, after this long.
const RETRIES: u32 = 3;
const RETRY_AFTER: Duration = Duration::from_millis(15);

/// Which process holds a lock, and since when.
#[derive(Debug, Clone, Copy)]
pub struct Holder {
    pub pid: u32,
    pub since: Timestamp,
}

/// A lock that is held until this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct FileLock {
    path: PathBuf,
    file: File,
}

impl FileLock {
    /// Takes the lock that `path` stands for, unless another process, or another `FileLock` of this
    /// one, holds it. The file is created where it is missing; its directory must exist. Nothing is
    /// written to a file that is not the ledger's owner's, or that is reached through a link.
    pub fn acquire(path: &Path, ledger: &Path) -> Result<Self, LedgerError> {
        let failed =
            |source| LedgerError::Io { action: "criar a trava", path: path.into(), source };
        let mut retries_left = RETRIES;
        loop {
            let found = match beside::open(path, ledger, true)? {
                Some(file) => Some(file),
                None => beside::create(path, ledger)?,
            };
            let Some(mut file) = found else { continue };
            match file.try_lock() {
                Ok(()) => {}
                // It may be a process that only asks (see `holder`).
                Err(TryLockError::WouldBlock) if retries_left > 0 => {
                    retries_left -= 1;
                    thread::sleep(RETRY_AFTER);
                    continue;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(LedgerError::Busy { holder: read(&mut file, path) });
                }
                Err(TryLockError::Error(source)) => return Err(not_locked(source, path, ledger)),
            }
            // The last holder may have removed the file after it was opened here and before it was
            // locked; a lock on a removed file keeps no process out.
            if still_named(&file, path) {
                write(&mut file, path).map_err(failed)?;
                return Ok(Self { path: path.into(), file });
            }
        }
    }
}

/// The lock failed. Where the disk has none, only another place helps.
fn not_locked(source: io::Error, path: &Path, ledger: &Path) -> LedgerError {
    match has_no_locks(&source) {
        true => LedgerError::Refused(format!(
            "o disco do ledger {} não aceita travas (flock), e sem elas duas execuções poderiam enviar ao mesmo tempo. Mova-o para outro disco, de preferência local, e indique o novo lugar com --ledger",
            visible_path(ledger)
        )),
        false => LedgerError::Io { action: "criar a trava", path: path.into(), source },
    }
}

/// Who holds the lock that `path` stands for: `None` where it is free or that cannot be found out,
/// `Some(None)` where the holder is not named. Holds the lock for some microseconds itself.
pub fn holder(path: &Path, ledger: &Path) -> Option<Option<Holder>> {
    let mut file = beside::open(path, ledger, false).ok()??;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(read(&mut file, path)),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Removed while still locked, so that no process can lock the file and find it in place. What
        // came in its place is another run's lock.
        if cfg!(unix) && still_named(&self.file, &self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Names this process. On Windows nobody else can read a locked file, so the name lies beside it.
fn write(file: &mut File, path: &Path) -> io::Result<()> {
    let name = format!("{} {}\n", std::process::id(), Timestamp::now());
    if cfg!(windows) {
        return std::fs::write(beside::beside(path, ".txt"), name);
    }
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(name.as_bytes())
}

fn read(file: &mut File, path: &Path) -> Option<Holder> {
    let mut text = String::new();
    let mut beside = cfg!(windows).then(|| File::open(beside::beside(path, ".txt")));
    let named = match &mut beside {
        Some(beside) => beside.as_mut().ok()?,
        None => file,
    };
    named.take(200).read_to_string(&mut text).ok()?;
    let (pid, since) = text.trim().split_once(' ')?;
    Some(Holder { pid: pid.parse().ok()?, since: since.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_without_locks_is_named() {
        let said = |kind: io::ErrorKind| {
            not_locked(kind.into(), Path::new("l.db.1.lock"), Path::new("l.db"))
        };
        let error = said(io::ErrorKind::Unsupported);
        let text = error.to_string();
        assert!(text.contains("l.db não aceita travas") && text.contains("--ledger"), "{text}");
        assert!(!text.contains(".lock"), "{text}");
        assert_eq!(error.exit_code(), crate::exit_code::USAGE);
        assert!(matches!(said(io::ErrorKind::PermissionDenied), LedgerError::Io { .. }));
    }

    #[test]
    fn a_holder_that_is_not_named_is_still_a_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.lock");
        let file = File::create(&path).unwrap();
        file.try_lock().unwrap();
        let error = FileLock::acquire(&path, dir.path()).unwrap_err();
        assert!(matches!(error, LedgerError::Busy { holder: None, .. }), "{error}");
    }
}
