//! The accounts of a ledger file: which there are, and how one is added. What is stored for one of
//! them is in [`super::tables`].

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::LedgerError;
use super::keys::AccountId;
use super::schema;

/// An account as the file knows it.
pub struct AccountRow {
    /// Its number in this file.
    pub(super) id: i64,
    pub hash: AccountId,
    pub base_url: String,
    /// What the user calls it; `None` where the token tells it apart.
    pub label: Option<String>,
    /// When something was last recorded.
    pub changed_at: Option<Timestamp>,
}

pub fn accounts(connection: &Connection, path: &Path) -> Result<Vec<AccountRow>, LedgerError> {
    let sql = "SELECT id, hash, base_url, label, changed_at FROM account ORDER BY id";
    let read = || -> rusqlite::Result<Vec<_>> {
        connection
            .prepare(sql)?
            .query_map([], |row| {
                Ok(AccountRow {
                    id: row.get(0)?,
                    hash: AccountId(row.get(1)?),
                    base_url: row.get(2)?,
                    label: row.get(3)?,
                    changed_at: Some(row.get(4)?)
                        .filter(|second| *second > 0)
                        .and_then(|second| Timestamp::from_second(second).ok()),
                })
            })?
            .collect()
    };
    read().map_err(|source| schema::error(path, source))
}

pub fn find_account(
    connection: &Connection,
    path: &Path,
    hash: AccountId,
) -> Result<Option<i64>, LedgerError> {
    let accounts = accounts(connection, path)?;
    Ok(accounts.iter().find(|account| account.hash == hash).map(|account| account.id))
}

/// Adds an account, unless it is there; returns its number.
pub fn add_account(
    connection: &Connection,
    path: &Path,
    hash: AccountId,
    base_url: &str,
    label: Option<&str>,
) -> Result<i64, LedgerError> {
    // The update changes nothing; without one, SQLite returns no row for an account that is there.
    let sql = "INSERT INTO account(hash, base_url, label, next_sequence, changed_at)
               VALUES(?, ?, ?, 1, 0) ON CONFLICT(hash) DO UPDATE SET hash = hash RETURNING id";
    connection
        .query_row(sql, params![hash.0, base_url, label], |row| row.get(0))
        .map_err(|source| schema::error(path, source))
}
