//! The accounts of a ledger file: which there are, and how a run begins on one. What is stored for
//! one of them is in [`super::tables`].

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::LedgerError;
use super::keys::AccountId;
use super::schema;
use super::tables::AccountTables;

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
) -> Result<Option<AccountRow>, LedgerError> {
    Ok(accounts(connection, path)?.into_iter().find(|account| account.hash == hash))
}

/// Begins a run on an account, which is added unless it is there. From now on no earlier run can
/// commit anything: it had a lower fencing number.
pub fn begin_run(
    connection: Connection,
    path: &Path,
    hash: AccountId,
    base_url: &str,
    label: Option<&str>,
) -> Result<AccountTables, LedgerError> {
    let raise = || -> rusqlite::Result<(i64, i64)> {
        let transaction = connection.unchecked_transaction()?;
        let sql = "INSERT INTO account(hash, base_url, label, next_sequence, changed_at, run)
                   VALUES(?, ?, ?, 1, 0, 1) ON CONFLICT(hash) DO UPDATE SET run = run + 1";
        transaction.execute(sql, params![hash.0, base_url, label])?;
        let sql = "SELECT id, run FROM account WHERE hash = ?";
        let raised = transaction.query_row(sql, [hash.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        // Not in one statement that returns them: its commit could fail without a word.
        transaction.commit()?;
        Ok(raised)
    };
    let (account, run) = raise().map_err(|source| schema::error(path, source))?;
    let mut tables = AccountTables::new(connection, path, account);
    tables.run = run;
    Ok(tables)
}
