//! The accounts of a ledger file: which there are, and how one is added. What is stored for one of
//! them is in [`super::tables`].

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::LedgerError;
use super::keys::AccountId;
use super::schema;

/// An account as the file knows it.
#[derive(Debug, Clone)]
pub struct AccountRow {
    /// Its number in this file.
    pub id: i64,
    /// Its hash.
    pub hash: AccountId,
    /// Where its requests go.
    pub base_url: String,
    /// What the user calls it.
    pub label: Option<String>,
    /// When it last changed, in seconds since 1970; 0 if never.
    pub changed_at: i64,
}

/// The accounts of a file.
pub fn accounts(connection: &Connection, path: &Path) -> Result<Vec<AccountRow>, LedgerError> {
    let sql = "SELECT id, hash, base_url, label, changed_at FROM account ORDER BY id";
    let read = || -> rusqlite::Result<Vec<_>> {
        connection
            .prepare(sql)?
            .query_map([], |row| {
                Ok(AccountRow {
                    id: row.get(0)?,
                    hash: AccountId::from_bytes(row.get(1)?),
                    base_url: row.get(2)?,
                    label: row.get(3)?,
                    changed_at: row.get(4)?,
                })
            })?
            .collect()
    };
    read().map_err(|source| schema::error(path, source))
}

/// The number of the account with this hash.
pub fn find_account(
    connection: &Connection,
    path: &Path,
    hash: AccountId,
) -> Result<Option<i64>, LedgerError> {
    connection
        .query_row("SELECT id FROM account WHERE hash = ?", [hash.as_bytes()], |row| row.get(0))
        .optional()
        .map_err(|source| schema::error(path, source))
}

/// Adds an account, unless it is there; returns its number.
pub fn add_account(
    connection: &Connection,
    path: &Path,
    hash: AccountId,
    base_url: &str,
    label: Option<&str>,
) -> Result<i64, LedgerError> {
    let sql = "INSERT INTO account(hash, base_url, label, next_sequence, changed_at)
               VALUES(?, ?, ?, 1, 0) ON CONFLICT(hash) DO NOTHING";
    connection
        .execute(sql, params![hash.as_bytes(), base_url, label])
        .map_err(|source| schema::error(path, source))?;
    find_account(connection, path, hash)?.ok_or_else(|| schema::damaged(path, "a conta sumiu"))
}
