//! What the API already accepted, kept across runs: a request that would change nothing is not sent,
//! and a run that died continues where it stopped.
//!
//! [`claim`] locks an account for a run, and [`Claimed::begin`] gives the run its ledger; [`Reader`]
//! lets a preflight read without a lock; [`admin`] answers `ledger status` and `ledger forget`. Inside,
//! `rules` decides what is known, as a state machine; `keys` and `row_keys` turn
//! rows into keyed hashes; `writer` is the one thread that writes while a run sends. The reasons are in
//! `docs/ledger.md`. The ledger knows neither the network nor the order of rows.

mod accepted_state;
mod account_mark;
mod accounts;
pub mod admin;
mod beside;
mod changes;
mod error;
#[cfg(test)]
mod file_tests;
mod handle;
mod judge;
mod keyfile;
mod keys;
mod learning;
mod lock;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod random_weeks;
mod reader;
mod row_keys;
mod rules;
#[cfg(test)]
mod rules_name_tests;
#[cfg(test)]
mod rules_tests;
#[cfg(test)]
mod run_tests;
mod schema;
#[cfg(test)]
mod simulated_reading;
#[cfg(test)]
mod simulated_server;
#[cfg(test)]
mod simulated_snapshot;
#[cfg(test)]
mod snapshot_model_tests;
mod state;
mod tables;
#[cfg(test)]
pub mod testing;
mod writer;

use std::path::{Path, PathBuf};

pub use accepted_state::Policy;
pub use account_mark::AccountMark;
pub use error::LedgerError;
pub use handle::{Claimed, LedgerHandle, claim};
pub use judge::{Unchanged, judge_without_ledger};
pub use keys::{AccountId, Fingerprint};
pub use lock::{FileLock, Holder};
pub use reader::Reader;

use crate::locale::foreign_text::visible_path;
use keys::AccountKey;
use rusqlite::Connection;

/// What identifies an account among others at the same base URL. It does not print: it may be a token.
#[derive(Clone, Copy)]
pub enum Account<'a> {
    /// The bytes of its token, from which the key of all hashes is derived: a new token is a new
    /// account.
    Token(&'a [u8]),
    /// A name chosen by the user (`--account`); the key is random and lies beside the ledger.
    Label(&'a str),
}

/// Which ledger, and which account in it.
#[derive(Clone, Copy)]
pub struct AccountLocation<'a> {
    pub path: &'a Path,
    /// Where the account's requests go, normalised.
    pub base_url: &'a str,
    pub account: Account<'a>,
}

impl AccountLocation<'_> {
    fn label(&self) -> Option<&str> {
        match self.account {
            Account::Token(_) => None,
            Account::Label(label) => Some(label),
        }
    }

    /// The account's keys; `None` where it has a label and no key yet.
    ///
    /// `connection` is the ledger, if it exists: an account that it knows by label and whose key is
    /// missing or exchanged must not silently become a new account.
    fn find_keys(
        &self,
        connection: Option<&Connection>,
    ) -> Result<Option<AccountKey>, LedgerError> {
        let label = match self.account {
            Account::Token(token) => return Ok(Some(AccountKey::from_token(self.base_url, token))),
            Account::Label(label) => label,
        };
        check_label(label)?;
        let known = match connection {
            None => None,
            Some(connection) => accounts::accounts(connection, self.path)?
                .into_iter()
                .find(|row| row.base_url == self.base_url && row.label.as_deref() == Some(label)),
        };
        let path = keyfile::path(self.path, label);
        let keys = keyfile::read(&path, self.path)?
            .map(|secret| AccountKey::from_label(self.base_url, label, &secret));
        let lost = |what| {
            LedgerError::Refused(format!(
                "o ledger conhece a conta \"{label}\", mas a chave dela, {}, {what}. Restaure esse arquivo; se ele se perdeu, `tomticket-sync ledger forget --account` com esse nome esquece a conta, e todas as linhas serão enviadas uma vez",
                visible_path(path)
            ))
        };
        match (&keys, known) {
            (None, Some(_)) => Err(lost("não existe mais")),
            (Some(keys), Some(row)) if row.hash != keys.account => Err(lost("é outra")),
            _ => Ok(keys),
        }
    }

    /// The account's keys; makes the key of a new label.
    fn keys(&self, connection: &Connection) -> Result<AccountKey, LedgerError> {
        if let Some(keys) = self.find_keys(Some(connection))? {
            return Ok(keys);
        }
        let label = self.label().unwrap_or_default();
        let secret = keyfile::create(&keyfile::path(self.path, label), self.path)?;
        Ok(AccountKey::from_label(self.base_url, label, &secret))
    }
}

fn check_label(label: &str) -> Result<(), LedgerError> {
    let wrong = match label {
        _ if label.trim().is_empty() => "está vazio",
        _ if label.chars().any(char::is_control) => "tem caracteres de controle",
        _ if label.chars().count() > 100 => "passa de 100 caracteres",
        _ => return Ok(()),
    };
    Err(LedgerError::Refused(format!("o nome da conta (--account) {wrong}")))
}

/// The lock of one account of one ledger.
fn lock_path(ledger: &Path, account: AccountId) -> PathBuf {
    beside::beside(ledger, &format!(".{account}.lock"))
}

/// Which process works on the account: `None` where none does or that cannot be found out,
/// `Some(None)` where the process is not named.
pub fn holder(place: &AccountLocation<'_>) -> Option<Option<Holder>> {
    let keys = place.find_keys(None).ok()??;
    lock::holder(&lock_path(place.path, keys.account), place.path)
}

/// Locks an account without opening its ledger, for a run with `--no-ledger`. `None` where no lock
/// can be made: such a run needs nothing of this machine.
pub fn lock_alone(place: &AccountLocation<'_>) -> Result<Option<FileLock>, LedgerError> {
    let Some(keys) = place.find_keys(None)? else { return Ok(None) };
    let path = lock_path(place.path, keys.account);
    match schema::create_directory(&path).and_then(|()| FileLock::acquire(&path, place.path)) {
        Ok(lock) => Ok(Some(lock)),
        Err(error @ (LedgerError::Busy { .. } | LedgerError::Refused(_))) => Err(error),
        Err(error) => {
            tracing::debug!(%error, "sem trava da conta");
            Ok(None)
        }
    }
}

/// The present second since 1970.
fn now() -> u32 {
    u32::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0)
}
