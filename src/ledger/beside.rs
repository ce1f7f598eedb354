//! The files beside a ledger: SQLite's logs, keys and locks. Where others may write to the folder, one
//! of them may have put a link or a file of theirs there. What the files hold is not known here.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::LedgerError;
use crate::locale::foreign_text::{shell_word, visible_path};
use crate::output::ownership;

/// `ledger` with `suffix` after its whole name.
pub fn beside(ledger: &Path, suffix: &str) -> PathBuf {
    let mut name = ledger.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Opens a file, if it belongs to the ledger's owner and has one name; a link is not followed. `None`
/// where there is none.
pub fn open(path: &Path, ledger: &Path, write: bool) -> Result<Option<File>, LedgerError> {
    if !is_there(path) {
        return Ok(None);
    }
    let owner = owner(ledger);
    match ownership::open_of(path, owner.as_ref(), write) {
        Ok(file) => Ok(Some(file)),
        Err(_) if !is_there(path) => Ok(None),
        Err(why) => Err(refused(path, owner.as_ref(), &why)),
    }
}

/// Creates a lock, for the ledger's owner alone; `None` where there is a file now.
pub fn create(path: &Path, ledger: &Path) -> Result<Option<File>, LedgerError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = |source| LedgerError::Io { action: "criar a trava", path: path.into(), source };
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if give_to_owner(&file, ledger).is_err() {
        drop(fs::remove_file(path));
        return Err(LedgerError::Refused(format!(
            "o ledger {} é de outro usuário, e a trava desta execução o deixaria de fora. Rode como o dono dele ou use outro --ledger",
            visible_path(ledger)
        )));
    }
    Ok(Some(file))
}

/// Gives a new file to the ledger's owner: one that root left would shut the owner out.
pub fn give_to_owner(file: &File, ledger: &Path) -> io::Result<()> {
    match owner(ledger) {
        Some(owner) => ownership::give(file, &owner),
        None => Ok(()),
    }
}

/// Refuses logs that are not the ledger's: SQLite would copy what is in them into the file.
pub fn check_logs(ledger: &Path) -> Result<(), LedgerError> {
    let owner = owner(ledger);
    for suffix in ["-wal", "-shm", "-journal"] {
        let path = beside(ledger, suffix);
        if let Ok(checked) = ownership::check_name(&path, owner.as_ref()) {
            checked.map_err(|why| refused(&path, owner.as_ref(), &why))?;
        }
    }
    Ok(())
}

fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Whose the files must be; `None`, where there is no ledger yet, for the own user.
fn owner(ledger: &Path) -> Option<Metadata> {
    fs::metadata(ledger).ok()
}

/// No way out is to delete the file: it may be the lock of a run that is under way.
fn refused(path: &Path, owner: Option<&Metadata>, why: &str) -> LedgerError {
    let way_out = match owner.and_then(|owner| ownership::owner_to_restore(path, owner)) {
        Some(uid) => format!(
            "Se ele veio de uma execução com sudo, devolva-o ao dono do ledger: `sudo chown {uid} {}`. Se não, use uma pasta em que só você grava (--ledger)",
            shell_word(path.as_os_str())
        ),
        None => "O ledger e o que fica ao lado dele devem estar em uma pasta em que só você grava (--ledger)".to_owned(),
    };
    LedgerError::Refused(format!("{}, ao lado do ledger, {why}. {way_out}", visible_path(path)))
}
