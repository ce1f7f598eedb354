//! One account's part of the ledger file, as the [`Store`] of the rules.
//!
//! `account` names the accounts of a file; every other row belongs to one. `name` holds a record per
//! customer name, `intent` the requests whose fate is open, `cut` the cut-offs (field 0: the whole
//! type), and `field` the numbers that stand for field tags inside the blobs. What changed of names
//! and intents is in `recent` first, and goes before them (see [`super::recent`]).
//!
//! A name's 128 bits are split: the first half is the row's number, by which SQLite finds it fastest,
//! the second half begins the blob. Of two names with one first half (a chance of 2⁻⁶⁴ for each pair)
//! only one is known.
//!
//! What the records mean is not known here, and transactions begin and end where the caller says.
//! After an error a store is of no use: what is in memory may be ahead of the file.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::LedgerError;
use super::accepted_state::Names;
use super::codec::{self, FieldNumbers};
use super::keys::{BuildKeyed, FieldTag, NameKey};
use super::recent::Recent;
use super::record::{CutKey, Held, Intent, Record, Saved, Stamp};
use super::rules::Store;
use super::schema;
use crate::model::CustomerType;

/// The whole type, where a cut-off names no field. No tag is 0 but by a chance of 2⁻⁶⁴.
const NO_FIELD: i64 = 0;

/// A connection and the account it works for.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    path: PathBuf,
    account: i64,
    fields: FieldNumbers,
    recent: Recent,
    /// How many bytes of it are kept before they are folded into the tables.
    recent_most: usize,
    /// Where a record is encoded.
    blob: Vec<u8>,
    /// Names that were looked for in vain. A row of a new customer asks for each of its names at its
    /// judgement, its intent and its settlement.
    absent: HashSet<NameKey, BuildKeyed>,
    /// How many of them are kept.
    absent_most: usize,
}

/// Names that are kept for a run: more than its rows that are under way at a time touch.
const ABSENT: usize = 4096;

/// Bytes of recent changes before the tables are brought up to date, about 18 000 settlements of ten
/// columns: the more, the fewer pages of the names' tree are written for each.
const RECENT_BYTES: usize = 4 * 1024 * 1024;

impl SqliteStore {
    /// Works for account `id` of the file at `path`.
    pub fn new(connection: Connection, path: &Path, id: i64) -> Result<Self, LedgerError> {
        let mut store = Self {
            connection,
            path: path.into(),
            account: id,
            fields: FieldNumbers::default(),
            recent: Recent::default(),
            recent_most: RECENT_BYTES,
            blob: Vec::new(),
            absent: HashSet::default(),
            absent_most: 0,
        };
        store.load_fields()?;
        store.recent = read_recent(&store.connection, path, id)?;
        Ok(store)
    }

    /// The same for a caller that holds the account's lock, so that nobody else changes what is
    /// filed under its names.
    pub fn alone(connection: Connection, path: &Path, id: i64) -> Result<Self, LedgerError> {
        Ok(Self { absent_most: ABSENT, ..Self::new(connection, path, id)? })
    }

    /// Sets how many bytes of recent changes are kept.
    #[cfg(test)]
    pub const fn fold_at(&mut self, bytes: usize) {
        self.recent_most = bytes;
    }

    /// Begins a transaction: one that will write takes the file's write lock at once, since a
    /// reading one may find it impossible to become one later.
    pub fn begin(&self, write: bool) -> Result<(), LedgerError> {
        let sql = if write { "BEGIN IMMEDIATE" } else { "BEGIN" };
        self.connection.execute_batch(sql).map_err(|source| self.error(source))
    }

    /// Ends a transaction; what it wrote is durable when this returns.
    pub fn commit(&mut self) -> Result<(), LedgerError> {
        if !self.recent.has_batch() {
            // It may have been one that only reads.
        } else if self.recent.bytes() >= self.recent_most {
            self.fold()?;
        } else {
            let row = self.recent.finish(self.account);
            let sql = "INSERT INTO recent(account, body) VALUES(?, ?)";
            self.write(sql, params![self.account, row])?;
            let sql = "UPDATE account SET last_recent = ? WHERE id = ?";
            self.write(sql, params![to_sql(self.recent.last()), self.account])?;
        }
        self.connection.execute_batch("COMMIT").map_err(|source| self.error(source))
    }

    /// Brings the tables up to date, within the transaction that is under way.
    pub fn fold(&mut self) -> Result<(), LedgerError> {
        // First, so that the pages that this frees take in what follows.
        self.write("DELETE FROM recent WHERE account = ?", [self.account])?;
        let sql = "UPDATE account SET last_recent = ?1, last_folded = ?1 WHERE id = ?2";
        self.write(sql, params![to_sql(self.recent.last()), self.account])?;
        self.write("DELETE FROM intent WHERE account = ?", [self.account])?;
        for (stamp, body) in self.recent.intents() {
            let sql = "INSERT INTO intent(account, stamp, body) VALUES(?, ?, ?)";
            self.write(sql, params![self.account, to_sql(stamp.0), body])?;
        }
        let mut names: Vec<_> = self.recent.drain().collect();
        names.sort_unstable_by_key(|(name, _)| split(name).0);
        let mut blob = Vec::new();
        for (name, record) in names {
            let (id, rest) = split(&name);
            if record.is_empty() {
                self.write("DELETE FROM name WHERE id = ?", [id])?;
            } else {
                blob.clear();
                blob.extend_from_slice(&rest);
                blob.extend_from_slice(&record);
                let sql = "INSERT OR REPLACE INTO name(id, account, record) VALUES(?, ?, ?)";
                self.write(sql, params![id, self.account, blob])?;
            }
        }
        Ok(())
    }

    /// Brings the tables up to date and closes the file. The last connection of all processes folds
    /// its log into it.
    pub fn close(mut self) -> Result<(), LedgerError> {
        if self.recent.bytes() > 0 {
            let folded = self.begin(true).and_then(|()| self.fold()).and_then(|()| self.commit());
            match folded {
                Ok(()) => {}
                Err(error @ LedgerError::Damaged { .. }) => return Err(error),
                // Nothing is lost: the next run finds what this one committed.
                Err(error) => {
                    tracing::warn!("{error}; o que mudou fica anotado para a próxima execução");
                }
            }
        }
        let Self { connection, path, .. } = self;
        connection.close().map_err(|(_, source)| schema::error(&path, source))
    }

    fn error(&self, source: rusqlite::Error) -> LedgerError {
        schema::error(&self.path, source)
    }

    fn damaged(&self, detail: &str) -> LedgerError {
        schema::damaged(&self.path, detail)
    }

    fn load_fields(&mut self) -> Result<(), LedgerError> {
        let sql = "SELECT number, tag FROM field WHERE account = ? ORDER BY number";
        let rows = rows(&self.connection, sql, self.account, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })
        .map_err(|source| self.error(source))?;
        for (expected, (number, tag)) in (0i64..).zip(rows) {
            if number != expected {
                return Err(self.damaged("a numeração dos campos tem falhas"));
            }
            self.fields.add(FieldTag(from_sql(tag)));
        }
        Ok(())
    }

    /// Gives every tag a number, durable together with the blob that will use it.
    fn number_fields(&mut self, tags: impl Iterator<Item = FieldTag>) -> Result<(), LedgerError> {
        for tag in tags {
            let (number, new) = self.fields.number(tag);
            if new {
                let sql = "INSERT INTO field(account, number, tag) VALUES(?, ?, ?)";
                self.write(sql, params![self.account, to_sql(number), to_sql(tag.0)])?;
            }
        }
        Ok(())
    }

    fn write(&self, sql: &str, params: impl rusqlite::Params) -> Result<(), LedgerError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params))
            .map(drop)
            .map_err(|source| self.error(source))
    }
}

impl Names for SqliteStore {
    fn name(&mut self, name: NameKey) -> Result<Record, LedgerError> {
        if let Some(blob) = self.recent.name(&name) {
            return if blob.is_empty() { Ok(Record::default()) } else { self.decode(&name, blob) };
        }
        if self.absent.contains(&name) {
            return Ok(Record::default());
        }
        let record = self.find(name)?;
        if record.is_empty() && self.absent_most > 0 {
            if self.absent.len() >= self.absent_most {
                self.absent.clear();
            }
            self.absent.insert(name);
        }
        Ok(record)
    }
}

impl SqliteStore {
    fn find(&self, name: NameKey) -> Result<Record, LedgerError> {
        let sql = "SELECT account, record FROM name WHERE id = ?";
        let failed = |source| schema::error(&self.path, source);
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let (id, rest) = split(&name);
        let mut rows = statement.query([id]).map_err(failed)?;
        let Some(row) = rows.next().map_err(failed)? else { return Ok(Record::default()) };
        let account = row.get_ref(0).and_then(|value| Ok(value.as_i64()?)).map_err(failed)?;
        let blob = row.get_ref(1).and_then(|value| Ok(value.as_blob()?)).map_err(failed)?;
        match blob.strip_prefix(&rest) {
            Some(blob) if account == self.account => self.decode(&name, blob),
            // Somebody else's, by chance: of this name nothing is known.
            _ => Ok(Record::default()),
        }
    }

    fn decode(&self, name: &NameKey, blob: &[u8]) -> Result<Record, LedgerError> {
        codec::decode_record(name, blob, &self.fields)
            .ok_or_else(|| self.damaged("um registro de cliente não confere"))
    }
}

impl Store for SqliteStore {
    fn load(&mut self) -> Result<Saved, LedgerError> {
        let failed = |source| schema::error(&self.path, source);
        let next: i64 = self
            .connection
            .query_row("SELECT next FROM account WHERE id = ?", [self.account], |row| row.get(0))
            .map_err(failed)?;
        let mut saved = Saved { next: from_sql(next), ..Saved::default() };
        let sql = "SELECT type, field, stamp FROM cut WHERE account = ?";
        let cuts = rows(&self.connection, sql, self.account, |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        })
        .map_err(failed)?;
        for (ctype, field, stamp) in cuts {
            let ctype = CustomerType::parse(&ctype)
                .ok_or_else(|| self.damaged("um corte tem tipo desconhecido"))?;
            let field = (field != NO_FIELD).then(|| FieldTag(from_sql(field)));
            saved.cuts.push((CutKey { ctype, field }, Stamp(from_sql(stamp))));
        }
        for (stamp, body) in self.recent.intents() {
            let intent = codec::decode_intent(stamp, body, &self.fields)
                .ok_or_else(|| self.damaged("uma intenção de envio não confere"))?;
            saved.intents.push(intent);
        }
        Ok(saved)
    }

    fn put_name(&mut self, name: NameKey, record: &Record) -> Result<(), LedgerError> {
        self.absent.remove(&name);
        self.blob.clear();
        if !record.is_empty() {
            if let Held::Values(values) = &record.held {
                let groups = values.groups.iter();
                self.number_fields(groups.flat_map(|group| &group.entries).map(|entry| entry.0))?;
            }
            codec::encode_record(&name, record, &self.fields, &mut self.blob);
        }
        self.recent.put_name(name, &self.blob);
        Ok(())
    }

    fn put_intent(&mut self, intent: &Intent) -> Result<(), LedgerError> {
        self.number_fields(intent.changed.iter().copied())?;
        self.recent.put_intent(intent.stamp, &codec::encode_intent(intent, &self.fields));
        Ok(())
    }

    fn remove_intent(&mut self, stamp: Stamp) -> Result<(), LedgerError> {
        self.recent.remove_intent(stamp);
        Ok(())
    }

    fn put_cut(&mut self, key: CutKey, stamp: Stamp) -> Result<(), LedgerError> {
        let field = key.field.map_or(NO_FIELD, |field| to_sql(field.0));
        let sql = "INSERT OR REPLACE INTO cut(account, type, field, stamp) VALUES(?, ?, ?, ?)";
        self.write(sql, params![self.account, key.ctype.as_str(), field, to_sql(stamp.0)])
    }

    fn put_next(&mut self, next: u64, now: u32) -> Result<(), LedgerError> {
        let sql = "UPDATE account SET next = ?, changed_at = ? WHERE id = ?";
        self.write(sql, params![to_sql(next), now, self.account])
    }
}

fn rows<T>(
    connection: &Connection,
    sql: &str,
    account: i64,
    read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(sql)?.query_map([account], read)?.collect()
}

/// The row's number, and what the blob begins with.
pub fn split(name: &NameKey) -> (i64, [u8; 8]) {
    let [a, b, c, d, e, f, g, h, rest @ ..] = name.0;
    (i64::from_le_bytes([a, b, c, d, e, f, g, h]), rest)
}

/// What changed of an account since its tables were brought up to date, and all of its requests
/// whose fate is open.
pub fn read_recent(
    connection: &Connection,
    path: &Path,
    account: i64,
) -> Result<Recent, LedgerError> {
    let failed = |source| schema::error(path, source);
    let has_recent = schema::has_recent(connection).map_err(failed)?;
    let (folded, last) = match has_recent {
        false => (0, 0),
        true => connection
            .query_row(
                "SELECT last_folded, last_recent FROM account WHERE id = ?",
                [account],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .map_err(failed)?,
    };
    let mut recent = Recent::after(from_sql(folded));
    let sql = "SELECT stamp, body FROM intent WHERE account = ? ORDER BY stamp";
    let intents = rows(connection, sql, account, |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
    });
    for (stamp, body) in intents.map_err(failed)? {
        recent.found_intent(Stamp(from_sql(stamp)), body.into());
    }
    let wrong = || schema::damaged(path, "as mudanças recentes não conferem");
    if has_recent {
        let sql = "SELECT body FROM recent WHERE account = ? ORDER BY id";
        let mut statement = connection.prepare(sql).map_err(failed)?;
        let mut rows = statement.query([account]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let row = row.get_ref(0).and_then(|value| Ok(value.as_blob()?)).map_err(failed)?;
            recent.replay(account, row).ok_or_else(wrong)?;
        }
    }
    if recent.last() != from_sql(last) {
        return Err(wrong());
    }
    Ok(recent)
}

/// SQLite's integers are signed; hashes use all 64 bits.
const fn to_sql(number: u64) -> i64 {
    number.cast_signed()
}

const fn from_sql(number: i64) -> u64 {
    number.cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::keys::{Keys, Spelling};
    use crate::ledger::record::Values;

    fn store(path: &Path) -> SqliteStore {
        let connection = schema::open_for_writing(path).unwrap();
        let hash = Keys::from_token("https://api.example", b"token").account();
        let id = crate::ledger::accounts::add_account(
            &connection,
            path,
            hash,
            "https://api.example",
            None,
        )
        .unwrap();
        SqliteStore::alone(connection, path, id).unwrap()
    }

    #[test]
    fn a_transaction_that_will_write_keeps_other_writers_out_from_its_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.db");
        let mut store = store(&path);
        let other = Connection::open(&path).unwrap();
        other.busy_timeout(std::time::Duration::ZERO).unwrap();
        for (write, others_may) in [(false, true), (true, false)] {
            store.begin(write).unwrap();
            let begun = other.execute_batch("BEGIN IMMEDIATE; ROLLBACK");
            assert_eq!(begun.is_ok(), others_may, "{begun:?}");
            store.commit().unwrap();
        }
    }

    #[test]
    fn of_two_names_with_one_first_half_the_latest_is_known_and_not_taken_for_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(&folder.path().join("l.db"));
        let names = [1, 2].map(|last| NameKey([7, 7, 7, 7, 7, 7, 7, 7, last, 0, 0, 0, 0, 0, 0, 0]));
        let values = Values { spelling: Spelling(1), salt: Spelling(1), groups: Vec::new() };
        let record = Record { claim: None, held: Held::Values(values) };
        for (name, other) in [(names[0], names[1]), (names[1], names[0])] {
            store.begin(true).unwrap();
            store.put_name(name, &record).unwrap();
            store.fold().unwrap();
            store.commit().unwrap();
            assert_eq!(store.name(name).unwrap(), record);
            assert_eq!(store.name(other).unwrap(), Record::default());
        }
    }
}
