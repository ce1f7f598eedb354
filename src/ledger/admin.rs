//! What a person asks of the ledger: how much it knows, and that it forget.

use std::collections::HashMap;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::Connection;

use super::accepted_state::Names;
use super::accounts;
use super::keys::{AccountId, NameKey};
use super::record::{Held, Record};
use super::rules::Store;
use super::store::{self, SqliteStore};
use super::{FileLock, LedgerError, Place, lock_path, schema};
use crate::model::Name;

/// What the ledger knows of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountStatus {
    /// Which account; what [`forget_account`] takes.
    pub account: AccountId,
    /// Where its requests go.
    pub base_url: String,
    /// What the user calls it; `None` where the token tells it apart.
    pub label: Option<String>,
    /// Names of which values are remembered, those that are no longer believed included.
    pub customers: u64,
    /// When something was last noted.
    pub last_change: Option<Timestamp>,
    /// Requests without a known end: on their way in a run that lives, left by one that died, or
    /// renames without a definite reply.
    pub in_flight: u64,
}

/// What the ledger knows, account by account. No ledger knows nothing. Takes no lock; reads every
/// record, which for a million customers takes about a second.
///
/// # Errors
/// The ledger cannot be read, or is damaged.
pub fn status(path: &Path) -> Result<Vec<AccountStatus>, LedgerError> {
    let Some(connection) = schema::open_for_reading(path)? else { return Ok(Vec::new()) };
    let failed = |source| schema::error(path, source);
    connection.execute_batch("BEGIN").map_err(failed)?;
    let accounts = accounts::accounts(&connection, path)?;
    let recent = accounts
        .iter()
        .map(|row| Ok((row.id, store::read_recent(&connection, path, row.id)?)))
        .collect::<Result<HashMap<_, _>, LedgerError>>()?;
    let customers = accounts::count_customers(&connection, path, &recent)?;
    Ok(accounts
        .into_iter()
        .map(|row| AccountStatus {
            customers: customers.get(&row.id).copied().unwrap_or(0),
            in_flight: recent.get(&row.id).map_or(0, |recent| recent.intents().len() as u64),
            account: row.hash,
            base_url: row.base_url,
            label: row.label,
            last_change: (row.changed_at > 0)
                .then(|| Timestamp::from_second(row.changed_at).ok())
                .flatten(),
        })
        .collect())
}

/// Which account a place means, even where its key is lost; `None` where the ledger does not know
/// it.
///
/// # Errors
/// The ledger cannot be read, or is damaged.
pub fn find_account(place: &Place<'_>) -> Result<Option<AccountId>, LedgerError> {
    let Some(connection) = schema::open_for_reading(place.path)? else { return Ok(None) };
    let token_hash = match place.label() {
        Some(_) => None,
        None => place.find_keys(Some(&connection))?.map(|keys| keys.account()),
    };
    Ok(accounts::accounts(&connection, place.path)?
        .into_iter()
        .find(|row| match token_hash {
            Some(hash) => row.hash == hash,
            None => row.base_url == place.base_url && row.label.as_deref() == place.label(),
        })
        .map(|row| row.hash))
}

/// Forgets all of an account. Returns whether it was known.
///
/// # Errors
/// [`LedgerError::Busy`] while a run has the account; the ledger cannot be written, or is damaged.
pub fn forget_account(path: &Path, account: AccountId) -> Result<bool, LedgerError> {
    let Some((connection, id, _lock)) = open_for_forgetting(path, account)? else {
        return Ok(false);
    };
    let forget = || -> rusqlite::Result<()> {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for table in ["name", "recent", "intent", "cut", "field"] {
            connection.execute(&format!("DELETE FROM {table} WHERE account = ?"), [id])?;
        }
        connection.execute("DELETE FROM account WHERE id = ?", [id])?;
        connection.execute_batch("COMMIT")
    };
    forget().map_err(|source| schema::error(path, source))?;
    close(connection, path)?;
    Ok(true)
}

/// Forgets one customer name: its values, a rename's pointer, and open renames from or to it.
/// Returns whether anything was known.
///
/// # Errors
/// [`LedgerError::Busy`] while a run has the account; the ledger cannot be written, or is damaged.
pub fn forget_customer(place: &Place<'_>, name: Name<'_>) -> Result<bool, LedgerError> {
    let Some(keys) = place.find_keys(schema::open_for_reading(place.path)?.as_ref())? else {
        return Ok(false);
    };
    let Some((connection, id, _lock)) = open_for_forgetting(place.path, keys.account())? else {
        return Ok(false);
    };
    let name = keys.name(name);
    let mut store = SqliteStore::new(connection, place.path, id)?;
    store.begin(true)?;
    let known = forget_name(&mut store, name)?;
    // Nor does the past of the name stay among the recent changes.
    store.fold()?;
    store.commit()?;
    store.close()?;
    Ok(known)
}

fn forget_name(store: &mut SqliteStore, name: NameKey) -> Result<bool, LedgerError> {
    let record = store.name(name)?;
    let mut known = record.held != Held::Nothing;
    store.put_name(name, &Record::default())?;
    // A request that has not been resolved has consequences for other names; the next run draws
    // them.
    for intent in store.load()?.intents {
        if intent.resolved && intent.touched().any(|touched| touched == name) {
            store.remove_intent(intent.stamp)?;
            known = true;
        }
    }
    Ok(known)
}

fn open_for_forgetting(
    path: &Path,
    account: AccountId,
) -> Result<Option<(Connection, i64, FileLock)>, LedgerError> {
    if schema::open_for_reading(path)?.is_none() {
        return Ok(None);
    }
    let connection = schema::open_for_writing(path)?;
    let lock = FileLock::acquire(&lock_path(path, account))?;
    schema::upgrade(path, &connection)?;
    let Some(id) = accounts::find_account(&connection, path, account)? else { return Ok(None) };
    Ok(Some((connection, id, lock)))
}

fn close(connection: Connection, path: &Path) -> Result<(), LedgerError> {
    connection.close().map_err(|(_, source)| schema::error(path, source))
}
