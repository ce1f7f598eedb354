//! The commands on a ledger: `ledger status` and `ledger forget`.

use std::path::Path;

use super::accounts::AccountRow;
use super::changes::Changes;
use super::keys::AccountId;
use super::state::{CustomerRecord, KnownState};
use super::tables::AccountTables;
use super::{AccountLocation, FileLock, LedgerError, accounts, lock_path, schema};
use crate::model::Name;

pub struct AccountStatus {
    pub account: AccountRow,
    /// Names with values, including those that are no longer known.
    pub customers: u64,
    /// Requests without a known outcome: in flight in a run that is under way, left by one that died,
    /// or renames without a definite reply.
    pub in_flight: u64,
}

/// What the ledger knows, account by account; nothing where there is no ledger. Takes no lock; reads
/// every record, which for a million customers takes seconds.
pub fn status(path: &Path) -> Result<Vec<AccountStatus>, LedgerError> {
    let Some(connection) = schema::open_for_reading(path)? else { return Ok(Vec::new()) };
    // One transaction, so that all figures belong to one moment.
    connection.execute_batch("BEGIN").map_err(|source| schema::error(path, source))?;
    let accounts = accounts::accounts(&connection, path)?;
    let mut tables = AccountTables::new(connection, path, 0);
    let mut found = Vec::new();
    for account in accounts {
        tables.account = account.id;
        let customers = tables.count_customers()?;
        let in_flight = tables.load()?.intents.len() as u64;
        found.push(AccountStatus { account, customers, in_flight });
    }
    Ok(found)
}

/// Which account a place means, even where its key is lost; `None` where the ledger does not know it.
pub fn find_account(place: &AccountLocation<'_>) -> Result<Option<AccountId>, LedgerError> {
    let Some(connection) = schema::open_for_reading(place.path)? else { return Ok(None) };
    let token_hash = match place.label() {
        Some(_) => None,
        None => place.find_keys(Some(&connection))?.map(|keys| keys.account),
    };
    Ok(accounts::accounts(&connection, place.path)?
        .into_iter()
        .find(|row| match token_hash {
            Some(hash) => row.hash == hash,
            None => row.base_url == place.base_url && row.label.as_deref() == place.label(),
        })
        .map(|row| row.hash))
}

/// Forgets all of an account, unless a run has it. Returns whether it was known.
pub fn forget_account(path: &Path, account: AccountId) -> Result<bool, LedgerError> {
    let Some((tables, _lock)) = open_for_forgetting(path, account)? else { return Ok(false) };
    tables.delete()?;
    tables.close()?;
    Ok(true)
}

/// Forgets one customer name, unless a run has the account: its values, a rename's pointer, and open renames from or to it.
/// Returns whether anything was known.
pub fn forget_customer(place: &AccountLocation<'_>, name: Name<'_>) -> Result<bool, LedgerError> {
    let Some(keys) = place.find_keys(schema::open_for_reading(place.path)?.as_ref())? else {
        return Ok(false);
    };
    let Some((tables, _lock)) = open_for_forgetting(place.path, keys.account)? else {
        return Ok(false);
    };
    let name = keys.name(name);
    let mut changes = Changes::default();
    let mut known = tables.record(name)?.known != KnownState::Unknown;
    changes.records.insert(name, CustomerRecord::default());
    // A request that is not resolved has consequences for other names, which the next run draws.
    for intent in tables.load()?.intents {
        if intent.resolved && intent.touched().any(|touched| touched == name) {
            changes.intents.insert(intent.sequence, None);
            known = true;
        }
    }
    tables.apply(&changes)?;
    tables.close()?;
    Ok(known)
}

/// Locks the account and takes it over from a run that should have kept its lock.
fn open_for_forgetting(
    path: &Path,
    account: AccountId,
) -> Result<Option<(AccountTables, FileLock)>, LedgerError> {
    if schema::open_for_reading(path)?.is_none() {
        return Ok(None);
    }
    let connection = schema::open_for_writing(path)?;
    let lock = FileLock::acquire(&lock_path(path, account), path)?;
    let Some(row) = accounts::find_account(&connection, path, account)? else { return Ok(None) };
    let label = row.label.as_deref();
    let tables = accounts::begin_run(connection, path, account, &row.base_url, label)?;
    Ok(Some((tables, lock)))
}
