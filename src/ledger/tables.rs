//! One account's rows in the ledger file: reads them, and applies [`Changes`] in one transaction.
//! What the records mean is not known here; the tables are created in [`super::schema`].
//!
//! A customer record and an intent are stored as a postcard blob beside a CRC-32 over the row's key
//! and the blob, so that a flipped bit or a misplaced row is damage and never another record.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::changes::Changes;
use super::keys::{FieldTag, HashedName};
use super::state::{
    CustomerRecord, Intent, InvalidationKey, KnownState, SavedAccount, SequenceNumber,
};
use super::{LedgerError, schema};
use crate::model::CustomerType;

/// A connection and the account whose rows it reads and writes.
#[derive(Debug)]
pub struct AccountTables {
    connection: Connection,
    path: PathBuf,
    pub account: i64,
    /// The fencing number of the run; 0 outside of one.
    pub run: i64,
}

impl AccountTables {
    /// For reading. [`begin_run`](super::accounts::begin_run) gives what can be written to.
    pub fn new(connection: Connection, path: &Path, account: i64) -> Self {
        Self { connection, path: path.into(), account, run: 0 }
    }

    /// Everything that is stored of the account except customer records.
    pub fn load(&self) -> Result<SavedAccount, LedgerError> {
        let sql = "SELECT next_sequence FROM account WHERE id = ?";
        let next = self.connection.query_row(sql, [self.account], |row| row.get::<_, i64>(0));
        let sql = "SELECT type, field, sequence FROM invalidation WHERE account = ?";
        let invalidations = self.rows(sql, |row| {
            let (ctype, field, upto): (String, Vec<u8>, i64) =
                row.try_into().map_err(|source| self.error(source))?;
            let ctype = ctype
                .parse::<CustomerType>()
                .map_err(|_| self.damaged("uma invalidação tem tipo desconhecido"))?;
            let field = match field[..] {
                [] => None,
                _ => Some(self.field_tag(&field)?),
            };
            Ok((InvalidationKey { ctype, field }, SequenceNumber(upto.cast_unsigned())))
        })?;
        let sql =
            "SELECT request, checksum, sequence FROM intent WHERE account = ? ORDER BY sequence";
        let intents = self.rows(sql, |row| {
            let sequence: i64 = row.get(2).map_err(|source| self.error(source))?;
            self.decode::<Intent>(row, &sequence.to_le_bytes())
        })?;
        let verified = self.rows("SELECT field FROM verified WHERE account = ?", |row| {
            let field: Vec<u8> = row.get(0).map_err(|source| self.error(source))?;
            self.field_tag(&field)
        })?;
        let next_sequence = next.map_err(|source| self.error(source))?.cast_unsigned();
        Ok(SavedAccount { next_sequence, invalidations, intents, verified })
    }

    fn field_tag(&self, stored: &[u8]) -> Result<FieldTag, LedgerError> {
        let tag = stored.try_into().map_err(|_| self.damaged("um campo é desconhecido"))?;
        Ok(FieldTag(tag))
    }

    /// How many names have values. Reads every record of the account.
    pub fn count_customers(&self) -> Result<u64, LedgerError> {
        let sql = "SELECT record, checksum, name FROM customer WHERE account = ?";
        let mut count = 0;
        self.rows(sql, |row| {
            let name: [u8; 16] = row.get(2).map_err(|source| self.error(source))?;
            let record = self.decode::<CustomerRecord>(row, &name)?;
            count += u64::from(matches!(record.known, KnownState::Values(_)));
            Ok(())
        })?;
        Ok(count)
    }

    /// What is stored under `name`; an empty record where nothing is.
    pub fn record(&self, name: HashedName) -> Result<CustomerRecord, LedgerError> {
        let failed = |source| self.error(source);
        let sql = "SELECT record, checksum FROM customer WHERE id = ? AND account = ? AND name = ?";
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let mut rows =
            statement.query(params![row_number(name), self.account, name.0]).map_err(failed)?;
        match rows.next().map_err(failed)? {
            Some(row) => self.decode(row, &name.0),
            None => Ok(CustomerRecord::default()),
        }
    }

    /// Writes `changes`; they are durable when this returns. After an error nothing is changed.
    pub fn apply(&self, changes: &Changes) -> Result<(), LedgerError> {
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
                .map_err(|source| self.error(source))?;
        self.check_fence()?;
        for (name, record) in &changes.records {
            if *record == CustomerRecord::default() {
                let sql = "DELETE FROM customer WHERE id = ? AND account = ? AND name = ?";
                self.write(sql, params![row_number(*name), self.account, name.0])?;
            } else {
                let (blob, checksum) = self.encode(record, &name.0)?;
                let sql = "REPLACE INTO customer(id, account, name, record, checksum)
                           VALUES(?, ?, ?, ?, ?)";
                let id = row_number(*name);
                self.write(sql, params![id, self.account, name.0, blob, checksum])?;
            }
        }
        for (SequenceNumber(sequence), intent) in &changes.intents {
            let sequence = sequence.cast_signed();
            if let Some(intent) = intent {
                let (blob, checksum) = self.encode(intent, &sequence.to_le_bytes())?;
                let sql = "REPLACE INTO intent(account, sequence, request, checksum)
                           VALUES(?, ?, ?, ?)";
                self.write(sql, params![self.account, sequence, blob, checksum])?;
            } else {
                let sql = "DELETE FROM intent WHERE account = ? AND sequence = ?";
                self.write(sql, params![self.account, sequence])?;
            }
        }
        for (InvalidationKey { ctype, field }, SequenceNumber(upto)) in &changes.invalidations {
            let field = field.as_ref().map_or(&[][..], |field| &field.0);
            let sql = "REPLACE INTO invalidation(account, type, field, sequence)
                       VALUES(?, ?, ?, ?)";
            self.write(sql, params![self.account, ctype.as_str(), field, upto.cast_signed()])?;
        }
        for FieldTag(field) in &changes.verified {
            let sql = "REPLACE INTO verified(account, field) VALUES(?, ?)";
            self.write(sql, params![self.account, field])?;
        }
        if let Some((next, now)) = changes.next {
            let sql = "UPDATE account SET next_sequence = ?, changed_at = ? WHERE id = ?";
            self.write(sql, params![next.cast_signed(), now, self.account])?;
        }
        transaction.commit().map_err(|source| self.error(source))
    }

    /// Deletes all of the account.
    pub fn delete(&self) -> Result<(), LedgerError> {
        let delete = || -> rusqlite::Result<()> {
            let transaction = self.connection.unchecked_transaction()?;
            for table in ["customer", "intent", "invalidation", "verified"] {
                let sql = format!("DELETE FROM {table} WHERE account = ?");
                transaction.execute(&sql, [self.account])?;
            }
            transaction.execute("DELETE FROM account WHERE id = ?", [self.account])?;
            transaction.commit()
        };
        delete().map_err(|source| self.error(source))
    }

    /// Refuses to go on where another run has begun on the account, or where it was forgotten: a lock
    /// keeps that from happening, unless somebody deletes it.
    pub fn check_fence(&self) -> Result<(), LedgerError> {
        let sql = "SELECT run FROM account WHERE id = ?";
        let run = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row([self.account], |row| row.get(0)))
            .optional()
            .map_err(|source| self.error(source))?;
        if run == Some(self.run) {
            return Ok(());
        }
        Err(LedgerError::Superseded { path: self.path.clone() })
    }

    /// Closes the file. The last connection of all processes copies the log into it.
    pub fn close(self) -> Result<(), LedgerError> {
        let Self { connection, path, .. } = self;
        connection.close().map_err(|(_, source)| schema::error(&path, source))
    }

    /// The rows of a query about this account.
    fn rows<T>(
        &self,
        sql: &str,
        mut read: impl FnMut(&Row<'_>) -> Result<T, LedgerError>,
    ) -> Result<Vec<T>, LedgerError> {
        let failed = |source| self.error(source);
        let mut statement = self.connection.prepare(sql).map_err(failed)?;
        let mut rows = statement.query([self.account]).map_err(failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            found.push(read(row)?);
        }
        Ok(found)
    }

    fn write(&self, sql: &str, params: impl rusqlite::Params) -> Result<(), LedgerError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params))
            .map(drop)
            .map_err(|source| self.error(source))
    }

    fn encode(&self, value: &impl Serialize, key: &[u8]) -> Result<(Vec<u8>, i32), LedgerError> {
        let blob = postcard::to_extend(value, Vec::new())
            .map_err(|_| self.damaged("um registro não pôde ser codificado"))?;
        let checksum = checksum(key, &blob);
        Ok((blob, checksum))
    }

    /// Reads the blob in column 0, of which column 1 has the checksum.
    fn decode<T: DeserializeOwned>(&self, row: &Row<'_>, key: &[u8]) -> Result<T, LedgerError> {
        let failed = |source| self.error(source);
        let blob = row.get_ref(0).and_then(|value| Ok(value.as_blob()?)).map_err(failed)?;
        let found: i32 = row.get(1).map_err(failed)?;
        Some(blob)
            .filter(|blob| found == checksum(key, blob))
            .and_then(|blob| postcard::from_bytes(blob).ok())
            .ok_or_else(|| self.damaged("um registro não confere"))
    }

    fn error(&self, source: rusqlite::Error) -> LedgerError {
        schema::error(&self.path, source)
    }

    fn damaged(&self, detail: &str) -> LedgerError {
        schema::damaged(&self.path, detail)
    }
}

/// The number of a name's row. Of two names that share it (a chance of 2⁻⁶⁴ for each pair) only the
/// latest is stored; the other one is unknown.
const fn row_number(name: HashedName) -> i64 {
    let [a, b, c, d, e, f, g, h, ..] = name.0;
    i64::from_le_bytes([a, b, c, d, e, f, g, h])
}

fn checksum(key: &[u8], blob: &[u8]) -> i32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(blob);
    hasher.finalize().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::keys::{Spelling, ValueHash};
    use crate::ledger::state::{AcceptedUpdate, KnownValues};
    use crate::ledger::testing::memory_tables;

    #[test]
    fn of_two_names_with_one_row_number_the_latest_is_stored_and_the_other_is_unknown() {
        let tables = memory_tables();
        let names =
            [1, 2].map(|last| HashedName([7, 7, 7, 7, 7, 7, 7, 7, last, 0, 0, 0, 0, 0, 0, 0]));
        let alias_owner = Some(SequenceNumber(1));
        let record = CustomerRecord { alias_owner, ..CustomerRecord::default() };
        for (name, other) in [(names[0], names[1]), (names[1], names[0])] {
            let mut changes = Changes::default();
            changes.records.insert(name, record.clone());
            tables.apply(&changes).unwrap();
            assert_eq!(tables.record(name).unwrap(), record);
            assert_eq!(tables.record(other).unwrap(), CustomerRecord::default());
        }
    }

    /// Files of this version hold these bytes.
    #[test]
    fn ten_fields_of_one_customer_take_little() {
        let values = (0..10).map(|n| (FieldTag([n; 4]), ValueHash([n; 8]))).collect();
        let sequence = SequenceNumber(2_000_000);
        let update = AcceptedUpdate { sequence, at: u32::MAX, values };
        let known = KnownValues { updates: vec![update], ..KnownValues::new(Spelling([1; 8])) };
        let record = CustomerRecord {
            alias_owner: None,
            known: KnownState::Values(known),
            written_at: u32::MAX - 1,
            unanswered_at: 7,
        };
        let stored = postcard::to_extend(&record, Vec::new()).unwrap();
        let advice = "a file of before cannot be read any more: raise schema::VERSION";
        assert_eq!(stored.len(), 147, "{advice}");
        // The owner, which state is known, its spelling, no salt, one update: its number, its time.
        let mut expected = vec![0, 2, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1];
        expected.extend([0x80, 0x89, 0x7a, 0xff, 0xff, 0xff, 0xff, 0x0f, 10]);
        expected.extend((0..10).flat_map(|n| [n; 12]));
        // When it was written, and when a request had no answer.
        expected.extend([0xfe, 0xff, 0xff, 0xff, 0x0f, 7]);
        assert_eq!(stored, expected, "{advice}");
    }
}
