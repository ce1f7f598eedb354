//! The ledger's file: how it comes to be, and what must be true of one before it is used.
//!
//! A new file is built under another name and appears whole, so that an empty or half-built file
//! under the ledger's name is always damage. [`super::tables`] reads and writes them.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::LedgerError;
use super::beside::{beside, check_logs};
use crate::file_id;
use crate::locale::foreign_text::visible_path;
use crate::output::ownership;

/// `TTsl`: distinguishes a ledger from other programs' SQLite databases.
const APPLICATION_ID: i64 = 0x5454_736c;
/// The schema's version. Until a release each change raises it, and a file of another version is
/// refused; there is no migration.
const VERSION: i64 = 5;
/// How long to wait for a process that writes to the same file for another account. A transaction
/// takes milliseconds, on a slow disk longer; forgetting an account of millions takes seconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);
/// Memory of a connection for pages, in KiB.
const CACHE_KIB: i64 = 16 * 1024;
/// The same for one that only reads: it needs the pages of the last checks.
const READING_CACHE_KIB: i64 = 2048;
/// SQLite's log is copied into the file when it has so many pages: a page that changed often
/// meanwhile is copied once, and names are hashes, so that pages are hit at random.
const LOG_PAGES: i64 = 4096;
/// The header of every SQLite file.
const HEADER_BYTES: u64 = 100;

pub const TABLES: &str = "
    -- The accounts of the file. `hash` identifies one without revealing its token or key. `run` is a
    -- fencing number: it counts the runs that have begun, and every commit of a run checks it. The
    -- `id` of a forgotten account is not given to another, so that its last run can tell.
    CREATE TABLE account(
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        hash BLOB NOT NULL UNIQUE,
        base_url TEXT NOT NULL,
        label TEXT,
        next_sequence INTEGER NOT NULL,
        changed_at INTEGER NOT NULL,
        run INTEGER NOT NULL
    ) STRICT;
    -- What is stored under a customer name. `id` is the first half of `name`: SQLite finds a row
    -- fastest by its number.
    CREATE TABLE customer(
        id INTEGER PRIMARY KEY,
        account INTEGER NOT NULL,
        name BLOB NOT NULL,
        record BLOB NOT NULL,
        checksum INTEGER NOT NULL
    ) STRICT;
    -- Requests without a known outcome.
    CREATE TABLE intent(
        account INTEGER NOT NULL,
        sequence INTEGER NOT NULL,
        request BLOB NOT NULL,
        checksum INTEGER NOT NULL,
        PRIMARY KEY(account, sequence)
    ) STRICT, WITHOUT ROWID;
    -- What was accepted up to `sequence` under this type is no longer known; an empty `field` means
    -- all fields.
    CREATE TABLE invalidation(
        account INTEGER NOT NULL,
        type TEXT NOT NULL,
        field BLOB NOT NULL,
        sequence INTEGER NOT NULL,
        PRIMARY KEY(account, type, field)
    ) STRICT, WITHOUT ROWID;
    -- Fields that were seen to be kept when they were accepted: they are not verified again.
    CREATE TABLE verified(
        account INTEGER NOT NULL,
        field BLOB NOT NULL,
        PRIMARY KEY(account, field)
    ) STRICT, WITHOUT ROWID;
";
const TABLE_COUNT: i64 = 5;

/// Opens the ledger for writing; creates it, and its directory, where there is none.
pub fn open_for_writing(path: &Path) -> Result<Connection, LedgerError> {
    if !exists(path)? {
        create(path)?;
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // SQLite has just given the files of the log the mode of the ledger.
    for suffix in ["", "-wal", "-shm"] {
        restrict(&beside(path, suffix));
    }
    for (name, value) in [
        // Overwritten and forgotten records leave no trace in the file's free space.
        ("secure_delete", 1),
        // FULL: the log is synced at every commit, on macOS with a full flush. An intent must outlive
        // a power cut.
        ("synchronous", 2),
        ("fullfsync", 1),
        ("journal_size_limit", LOG_PAGES * 4096),
        ("wal_autocheckpoint", LOG_PAGES),
    ] {
        connection.pragma_update(None, name, value).map_err(|source| error(path, source))?;
    }
    Ok(connection)
}

/// Opens the ledger for reading alone; `None` where there is none. Another process may write
/// meanwhile.
pub fn open_for_reading(path: &Path) -> Result<Option<Connection>, LedgerError> {
    if !exists(path)? {
        return Ok(None);
    }
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map(Some)
}

/// What an error of SQLite means for the user.
pub fn error(path: &Path, source: rusqlite::Error) -> LedgerError {
    match (source.sqlite_error_code(), &source) {
        (Some(ErrorCode::NotADatabase), _) => {
            damaged(path, "o começo do arquivo não é de um banco SQLite")
        }
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

/// A sound SQLite database, but another program's; or no file at all, but a folder or a device.
fn foreign(path: &Path) -> LedgerError {
    LedgerError::Refused(format!(
        "{} não é um ledger do tomticket-sync, e sim uma pasta ou o banco de outro programa; confira --ledger",
        visible_path(path)
    ))
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LedgerError {
    let path = path.to_path_buf();
    move |source| LedgerError::Io { action, path, source }
}

fn exists(path: &Path) -> Result<bool, LedgerError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            check_names(path)?;
            Ok(true)
        }
        Ok(_) => Err(foreign(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            check_logs(path)?;
            if has_log(path) {
                // SQLite would replay it into a new, unrelated file.
                return Err(damaged(path, "o arquivo sumiu, mas o -wal dele ainda existe"));
            }
            Ok(false)
        }
        Err(error) => Err(io_error("ler", path)(error)),
    }
}

/// Refuses a file whose lock, key and log another process would look for under another name.
fn check_names(path: &Path) -> Result<(), LedgerError> {
    let links = file_id::of_path(path).map_err(io_error("ler", path))?.links;
    let why = if links > 1 {
        "tem mais de um nome no disco (link físico), e cada nome teria a sua trava e o seu -wal. Deixe um nome só; para usá-lo de dois lugares, monte a pasta ou faça um link simbólico"
    } else if ownership::is_mount_point(path) {
        "é ele mesmo um ponto de montagem, e a trava, a chave e o -wal ficariam fora dela, onde outra execução não os vê. Monte a pasta em lugar do arquivo e indique com --ledger o arquivo dentro dela"
    } else {
        return Ok(());
    };
    Err(LedgerError::Refused(format!("o ledger {} {why}", visible_path(path))))
}

/// Whether SQLite's log holds anything. An empty one is left by a process that only reads.
fn has_log(path: &Path) -> bool {
    fs::metadata(beside(path, "-wal")).is_ok_and(|metadata| metadata.len() > 0)
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
    builder.create(directory).map_err(|error| match error.kind() {
        // A file has the name of a folder.
        io::ErrorKind::AlreadyExists => {
            io_error("criar", path)(io::ErrorKind::NotADirectory.into())
        }
        _ => io_error("criar a pasta", directory)(error),
    })
}

/// Makes a finished temporary file appear as `path`, durably; `false` if another process's file was
/// there first.
pub fn publish(file: tempfile::TempPath, path: &Path) -> Result<bool, LedgerError> {
    // Windows flushes only what may be written.
    let synced = File::options().write(true).open(&file).and_then(|file| file.sync_all());
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
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", VERSION)?;
        connection.execute_batch(TABLES)?;
        // Last, because closing says nothing of a log that a full disk kept out of the file.
        connection.pragma_update(None, "journal_mode", "WAL")?;
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

/// Gives a ledger or a key mode 0600; one that was copied here may have any mode.
pub fn restrict(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        if fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o077 != 0) {
            // A user who may write the file but does not own it can still use it.
            let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

pub fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, LedgerError> {
    check_logs(path)?;
    let failed = |source| error(path, source);
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    let cache = match flags.contains(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        true => READING_CACHE_KIB,
        false => CACHE_KIB,
    };
    connection.pragma_update(None, "cache_size", -cache).map_err(failed)?;
    check(path, &connection)?;
    Ok(connection)
}

/// Refuses a file that is no ledger of this version, and one that was cut where SQLite does not
/// notice: it takes an empty file for an empty database, and fills up a torn page with zeros. With a
/// log beside the file, the copying from the log was interrupted, and SQLite repeats it.
fn check(path: &Path, connection: &Connection) -> Result<(), LedgerError> {
    let failed = |source| error(path, source);
    let pragma = |name| {
        connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(failed)
    };
    let length = fs::metadata(path).map_err(io_error("ler", path))?.len();
    if length < HEADER_BYTES {
        return Err(damaged(path, "o arquivo está vazio ou cortado"));
    }
    if pragma("application_id")? != APPLICATION_ID {
        return Err(foreign(path));
    }
    if !has_log(path) && !length.is_multiple_of(pragma("page_size")?.cast_unsigned()) {
        return Err(damaged(path, "o arquivo está cortado no meio de uma página"));
    }
    let (found, name) = (pragma("user_version")?, visible_path(path));
    match found {
        VERSION => {}
        ..=0 => return Err(damaged(path, "versão de formato desconhecida")),
        1..VERSION => {
            return Err(LedgerError::Refused(format!(
                "o ledger {name} foi gravado por uma versão mais antiga do programa (formato {found}; esta versão usa o formato {VERSION}). Mova ou apague {name} (com os arquivos -wal e -shm ao lado, se houver) e rode de novo: todas as linhas serão enviadas uma vez"
            )));
        }
        _ => {
            return Err(LedgerError::Refused(format!(
                "o ledger {name} foi gravado por uma versão mais nova do programa (formato {found}; esta versão conhece até {VERSION}). Atualize o tomticket-sync ou use outro --ledger"
            )));
        }
    }
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'
               AND name IN ('account', 'customer', 'intent', 'invalidation', 'verified')";
    match connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failed)? {
        TABLE_COUNT => Ok(()),
        _ => Err(damaged(path, "faltam tabelas")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_torn_page_is_damage_where_no_log_can_fill_it_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.db");
        let connection = open_for_writing(&path).unwrap();
        File::options().append(true).open(&path).unwrap().write_all(b"torn").unwrap();
        fs::write(beside(&path, "-wal"), "x").unwrap();
        check(&path, &connection).unwrap();
        fs::write(beside(&path, "-wal"), "").unwrap();
        assert!(matches!(check(&path, &connection), Err(LedgerError::Damaged { .. })));
    }

    /// Power cuts and full disks cannot be tested; these settings are what protects against them.
    #[test]
    fn what_is_committed_is_on_the_disk_and_the_log_stays_short() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open_for_writing(&folder.path().join("l.db")).unwrap();
        let is = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        for (name, value) in [
            ("synchronous", 2),
            ("fullfsync", 1),
            ("secure_delete", 1),
            ("journal_size_limit", LOG_PAGES * 4096),
            ("wal_autocheckpoint", LOG_PAGES),
        ] {
            assert_eq!(is(name).unwrap(), value, "{name}");
        }
    }
}
