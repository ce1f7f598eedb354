//! What can go wrong with the ledger, in words for the user (Portuguese, because they end on the
//! terminal), and its exit code.

use std::io;
use std::path::PathBuf;

use super::lock::Holder;
use crate::exit_code;
use crate::locale::foreign_text::visible_path;
use crate::locale::os_error::describe_os_error;

/// Why the ledger cannot be used, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file is no database, or a torn one. Never answered by starting afresh: that would send
    /// everything again without a word, and hide that a disk is failing.
    #[error(
        "o ledger {0} está danificado ({detail}). Confira se o caminho é esse mesmo; depois restaure uma cópia do arquivo e rode com --full, ou, se não houver cópia, apague {0} (com os arquivos -wal e -shm ao lado) e rode de novo: todas as linhas serão enviadas uma vez",
        visible_path(path)
    )]
    Damaged { path: PathBuf, detail: String },
    /// What a person sets right before anything is sent: another version's file, another program's,
    /// a lost key. The text says what to do.
    #[error("{0}")]
    Refused(String),
    /// Another process works on this account. The text does not name the lock: somebody in a hurry
    /// would delete it.
    #[error("{}", busy_text(holder.as_ref()))]
    Busy { holder: Option<Holder> },
    /// A file operation beside the database failed.
    #[error("não foi possível {action} {}: {}", visible_path(path), describe_os_error(source))]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// The database could not be read or written: full disk, missing rights, a lock that stays.
    #[error(
        "o ledger {} não pôde ser lido ou gravado: {}",
        visible_path(path),
        storage_words(source)
    )]
    Storage { path: PathBuf, source: rusqlite::Error },
    /// The lock did not keep another run from beginning, and this one has lost the account to it.
    #[error(
        "outra execução assumiu esta conta no ledger {}, e esta parou, para que as duas não se misturem. Espere a outra terminar e rode o mesmo comando de novo",
        visible_path(path)
    )]
    Superseded { path: PathBuf },
    /// The ledger has stopped after an earlier error, which was reported when it happened.
    #[error("o ledger parou depois de um erro anterior")]
    Stopped,
}

impl LedgerError {
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::Busy { .. } => exit_code::USAGE,
            Self::Damaged { .. }
            | Self::Io { .. }
            | Self::Storage { .. }
            | Self::Superseded { .. }
            | Self::Stopped => exit_code::LOCAL,
        }
    }
}

/// What is wrong with the storage, and what a person can do about it. SQLite's own words are
/// English; what is not foreseen here has its number.
fn storage_words(source: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode as Code;
    let known = match source.sqlite_error_code() {
        Some(Code::DiskFull) => "o disco está cheio. Libere espaço e rode de novo",
        Some(Code::ReadOnly | Code::PermissionDenied) => {
            "falta permissão. Confira as permissões do arquivo e da pasta"
        }
        Some(Code::CannotOpen) => {
            "o arquivo não pôde ser aberto. Confira se a pasta existe, e as permissões dela e do arquivo"
        }
        Some(Code::DatabaseBusy | Code::DatabaseLocked | Code::FileLockingProtocolFailed) => {
            "outro programa está usando o arquivo. Feche-o e rode de novo"
        }
        Some(Code::OutOfMemory) => "falta memória. Feche outros programas e rode de novo",
        Some(Code::NoLargeFileSupport | Code::TooBig) => {
            "o arquivo passa do tamanho que o disco aceita. Use outro --ledger"
        }
        Some(Code::SystemIoFailure) => {
            "o disco falhou. Confira o espaço em disco e o próprio disco"
        }
        _ => {
            let code = source.sqlite_error().map_or(0, |error| error.extended_code);
            return format!(
                "erro {code} do banco de dados. Confira se o caminho é esse mesmo (--ledger), o espaço em disco e o próprio disco"
            );
        }
    };
    known.to_owned()
}

fn busy_text(holder: Option<&Holder>) -> String {
    match holder {
        Some(Holder { pid, since }) => format!(
            "outra execução está em andamento: processo {pid}, desde {}. Espere ela terminar, ou encerre-a com {}: ela grava tudo antes de sair, e o mesmo comando continua depois",
            since.strftime("%Y-%m-%dT%H:%M:%SZ"),
            if cfg!(windows) {
                "Ctrl-C na janela dela".to_owned()
            } else {
                format!("`kill {pid}`")
            },
        ),
        None => "outra execução está em andamento. Espere ela terminar".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_never_speaks_for_itself() {
        for code in 1..=26 {
            let english = rusqlite::ffi::code_to_str(code);
            let source = rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(code),
                Some(english.to_owned()),
            );
            let text = LedgerError::Storage { path: "l.db".into(), source }.to_string();
            assert!(!text.contains(english), "{text}");
            assert!(text.contains(". "), "no way out: {text}");
        }
        let source = rusqlite::Error::QueryReturnedNoRows;
        assert!(storage_words(&source).starts_with("erro 0 do banco de dados. "));
    }
}
