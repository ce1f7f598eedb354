//! The ledger's file: how it comes to be, and what must be true of one before it is used.
//!
//! A new file is built under another name and appears whole, so that an empty or half-built file
//! under the ledger's name is always damage. What the tables mean is said in [`super::store`].

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::LedgerError;

/// `TTsl`: tells our files from other people's SQLite databases.
const APPLICATION_ID: i64 = 0x5454_736c;
/// The schema that this build writes. It also reads the one before, which had no [`RECENT`], and
/// [`upgrade`]s it.
const VERSION: i64 = 2;
/// How long to wait for a process that writes to the same file for another account. Such a
/// transaction takes milliseconds; tenths of a second where recent changes are folded, on a slow disk
/// seconds, and longer where an account of millions is being forgotten.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);
/// Memory for pages, in KiB.
const CACHE_KIB: i64 = 16 * 1024;
/// The log is folded into the file when it is about this long: a page that changed often meanwhile
/// is copied once, and pages are hit at random, because names are hashes.
const LOG_BYTES: i64 = 16 * 1024 * 1024;
/// SQLite's own page size, which new ledgers have.
const PAGE_BYTES: i64 = 4096;

const TABLES: &str = "
    CREATE TABLE account(
        id INTEGER PRIMARY KEY,
        hash BLOB NOT NULL UNIQUE,
        base_url TEXT NOT NULL,
        label TEXT,
        next INTEGER NOT NULL,
        changed_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE field(
        account INTEGER NOT NULL,
        number INTEGER NOT NULL,
        tag INTEGER NOT NULL,
        PRIMARY KEY(account, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE cut(
        account INTEGER NOT NULL,
        type TEXT NOT NULL,
        field INTEGER NOT NULL,
        stamp INTEGER NOT NULL,
        PRIMARY KEY(account, type, field)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE intent(
        account INTEGER NOT NULL,
        stamp INTEGER NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY(account, stamp)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE name(
        id INTEGER PRIMARY KEY,
        account INTEGER NOT NULL,
        record BLOB NOT NULL
    ) STRICT;
";
const RECENT: &str = "
    CREATE TABLE recent(
        id INTEGER PRIMARY KEY,
        account INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    ALTER TABLE account ADD COLUMN last_recent INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE account ADD COLUMN last_folded INTEGER NOT NULL DEFAULT 0;
";

/// Opens the ledger for writing; creates it, and its directory, where there is none.
pub fn open_for_writing(path: &Path) -> Result<Connection, LedgerError> {
    if !exists(path)? {
        create(path)?;
    }
    check_header(path)?;
    restrict(path);
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let failed = |source| error(path, source);
    check_schema(path, &connection)?;
    // What was overwritten, and what will be forgotten, leaves no trace in the file's free space.
    connection.pragma_update(None, "secure_delete", "ON").map_err(failed)?;
    // The log is synced at every commit, on macOS down to the platter: an intent must outlive a
    // power cut.
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    connection.pragma_update(None, "fullfsync", true).map_err(failed)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES).map_err(failed)?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_BYTES / PAGE_BYTES).map_err(failed)?;
    Ok(connection)
}

/// Opens the ledger for reading alone; `None` where there is none. Another process may write
/// meanwhile.
pub fn open_for_reading(path: &Path) -> Result<Option<Connection>, LedgerError> {
    if !exists(path)? {
        return Ok(None);
    }
    check_header(path)?;
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    check_schema(path, &connection)?;
    Ok(Some(connection))
}

/// What an error of SQLite means for the user.
pub fn error(path: &Path, source: rusqlite::Error) -> LedgerError {
    match (source.sqlite_error_code(), &source) {
        (Some(ErrorCode::NotADatabase), _) => damaged(path, "não é um banco de dados SQLite"),
        (Some(ErrorCode::DatabaseCorrupt), _) => {
            damaged(path, "a estrutura do banco de dados está corrompida")
        }
        (Some(_), _) | (None, rusqlite::Error::InvalidPath(_)) => {
            LedgerError::Storage { path: path.into(), source }
        }
        // A row is missing, or holds what cannot stand there.
        (None, _) => damaged(path, "uma linha do banco de dados tem o que não pode ter"),
    }
}

/// The ledger cannot be trusted.
pub fn damaged(path: &Path, detail: &str) -> LedgerError {
    LedgerError::Damaged { path: path.into(), detail: detail.into() }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LedgerError {
    let path = path.to_path_buf();
    move |source| LedgerError::Io { action, path, source }
}

fn exists(path: &Path) -> Result<bool, LedgerError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(true),
        Ok(_) => Err(LedgerError::Foreign { path: path.into() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // SQLite would replay this log into a new, unrelated file. An empty one is what a look
            // at the ledger leaves.
            let log = beside(path, "-wal");
            match fs::metadata(&log) {
                Ok(found) if found.len() > 0 => {
                    Err(damaged(path, "o arquivo sumiu, mas o -wal dele ainda existe"))
                }
                Ok(_) => Ok(false),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
                Err(error) => Err(io_error("ler", &log)(error)),
            }
        }
        Err(error) => Err(io_error("ler", path)(error)),
    }
}

/// `path` with `suffix` after its whole name.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The directory that `path` lies in.
pub fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Creates the directory of `path`, for its owner alone, where it is missing.
pub fn create_directory(path: &Path) -> Result<(), LedgerError> {
    let directory = directory(path);
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(directory).map_err(io_error("criar a pasta", directory))
}

/// Makes a finished temporary file appear as `path`, durably; `false` if somebody else's was there
/// first.
pub fn publish(file: tempfile::TempPath, path: &Path) -> Result<bool, LedgerError> {
    let synced = File::open(&file).and_then(|file| file.sync_all());
    synced.map_err(io_error("gravar", path))?;
    match file.persist_noclobber(path) {
        Ok(()) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(io_error("criar", path)(error.error)),
    }
    // A directory cannot be opened everywhere; where it can, the new name is made durable too.
    if let Ok(directory) = File::open(directory(path)) {
        directory.sync_all().map_err(io_error("gravar", path))?;
    }
    Ok(true)
}

fn create(path: &Path) -> Result<(), LedgerError> {
    create_directory(path)?;
    let file = tempfile::Builder::new()
        .prefix(".ledger-")
        .suffix(".tmp")
        .tempfile_in(directory(path))
        .map_err(io_error("criar", path))?
        .into_temp_path();
    let build = || -> rusqlite::Result<()> {
        let connection = Connection::open(&file)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", VERSION)?;
        connection.execute_batch(TABLES)?;
        connection.execute_batch(RECENT)?;
        connection.close().map_err(|(_, error)| error)
    };
    if let Err(source) = build() {
        // What SQLite keeps beside a database stays where it could not be closed.
        for suffix in ["-wal", "-shm", "-journal"] {
            drop(fs::remove_file(beside(&file, suffix)));
        }
        return Err(error(path, source));
    }
    publish(file, path).map(drop)
}

/// SQLite takes an empty file for an empty database; here it is a ledger that lost its contents.
fn check_header(path: &Path) -> Result<(), LedgerError> {
    let mut header = [0; 18];
    let read = File::open(path).and_then(|mut file| {
        file.read_exact(&mut header)?;
        file.metadata()
    });
    match read {
        Ok(_) if !header.starts_with(b"SQLite format 3\0") => {
            Err(damaged(path, "o começo do arquivo não é de um banco SQLite"))
        }
        Ok(metadata) if is_cut(path, metadata.len(), [header[16], header[17]]) => {
            Err(damaged(path, "o arquivo está cortado no meio de uma página"))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(damaged(path, "o arquivo está vazio ou cortado"))
        }
        Err(error) => Err(io_error("ler", path)(error)),
    }
}

/// Whether a file of this length ends within a page, which SQLite would fill up with zeros. With a
/// log beside it, that is only an interrupted copying from the log, which is done again.
fn is_cut(path: &Path, length: u64, page_size: [u8; 2]) -> bool {
    let page_size = match u64::from(u16::from_be_bytes(page_size)) {
        1 => 65_536,
        size => size.max(512),
    };
    let log = fs::metadata(beside(path, "-wal")).is_ok_and(|metadata| metadata.len() > 0);
    !length.is_multiple_of(page_size) && !log
}

/// The modes of a ledger or a key that was copied here may be anything. The log files take theirs
/// from the ledger.
pub fn restrict(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        if fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o077 != 0) {
            // Who may write it but does not own it can still use it.
            let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, LedgerError> {
    let failed = |source| error(path, source);
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Brings a ledger of the schema before up to this one, for who holds the lock of an account and is
/// about to write. Programs that are at work on other accounts of it may go on: they find their part
/// as it was. But none that knows the schema before alone will open it again.
pub fn upgrade(path: &Path, connection: &Connection) -> Result<(), LedgerError> {
    let upgrade = || -> rusqlite::Result<()> {
        if has_recent(connection)? {
            return Ok(());
        }
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        // Somebody else may have been faster.
        if !has_recent(&transaction)? {
            transaction.execute_batch(RECENT)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        transaction.commit()
    };
    upgrade().map_err(|source| error(path, source))
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Whether a ledger has the table of recent changes; one that was written by the version before and
/// is only read has not.
pub fn has_recent(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(version(connection)? >= VERSION)
}

fn check_schema(path: &Path, connection: &Connection) -> Result<(), LedgerError> {
    let failed = |source| error(path, source);
    // One moment for all questions: somebody may be upgrading it.
    let transaction = connection.unchecked_transaction().map_err(failed)?;
    let application = transaction
        .pragma_query_value(None, "application_id", |row| row.get::<_, i64>(0))
        .map_err(failed)?;
    if application != APPLICATION_ID {
        return Err(LedgerError::Foreign { path: path.into() });
    }
    let found = version(&transaction).map_err(failed)?;
    let expected = match found {
        1 => 5,
        VERSION => 6,
        _ if found > VERSION => {
            return Err(LedgerError::Newer { path: path.into(), found, known: VERSION });
        }
        _ => return Err(damaged(path, "versão de formato desconhecida")),
    };
    let tables = transaction
        .query_row(
            "SELECT count(*) FROM sqlite_schema
             WHERE type = 'table'
             AND name IN ('account', 'field', 'cut', 'intent', 'name', 'recent')",
            [],
            |row| row.get::<_, i64>(0),
        )
        .map_err(failed)?;
    if tables != expected {
        return Err(damaged(path, "faltam tabelas"));
    }
    transaction.commit().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_cut_that_ends_within_a_page_and_has_no_log_to_fill_it_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.db");
        for (length, page_size, expected) in [
            (8192, 4096, false),
            (8191, 4096, true),
            (8192 + 512, 4096, true),
            (131_072, 1, false),
            (131_072 - 4096, 1, true),
            (512, 0, false),
        ] {
            let page_size = u16::to_be_bytes(page_size);
            fs::write(beside(&path, "-wal"), "").unwrap();
            assert_eq!(is_cut(&path, length, page_size), expected, "{length} {page_size:?}");
            fs::write(beside(&path, "-wal"), "x").unwrap();
            assert!(!is_cut(&path, length, page_size), "{length} {page_size:?}");
        }
    }

    /// What no test can wait for, a power cut and a full disk, hangs on these.
    #[test]
    fn what_is_committed_is_on_the_disk_and_the_log_stays_short() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open_for_writing(&folder.path().join("l.db")).unwrap();
        let is = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        for (name, value) in [
            ("synchronous", 2),
            ("fullfsync", 1),
            ("secure_delete", 1),
            ("journal_size_limit", LOG_BYTES),
            ("wal_autocheckpoint", LOG_BYTES / PAGE_BYTES),
        ] {
            assert_eq!(is(name).unwrap(), value, "{name}");
        }
    }
}
