//! Several runs (nights) of an unattended job: one ledger, one folder, one server.

use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use super::finished::Finished;
use super::program::is_for_windows;
use super::result_row::ResultRow;
use super::run::Run;
use super::server::Server;

/// The ledger's name in the working directory.
pub const LEDGER: &str = "ledger.db";

/// A server, and a folder with a ledger that grows from run to run.
pub struct Nights {
    /// The server that receives the requests.
    pub server: Server,
    folder: Arc<TempDir>,
}

/// One run that has ended, and the requests that arrived during it.
pub struct Night {
    /// The ended run.
    pub finished: Finished,
    /// Its requests by arrival, each as `identifier/type field=value field=value`.
    pub sent: Vec<String>,
}

impl Nights {
    /// Starts a server that accepts everything; there is no run yet.
    pub fn begin() -> Self {
        let server = Server::start();
        let folder = Run::new(&server).folder();
        Self { server, folder }
    }

    /// The folder that all nights share.
    pub fn night_folder(&self) -> Arc<TempDir> {
        Arc::clone(&self.folder)
    }

    /// A run on this `clientes.csv`, against this server.
    pub fn run(&self, csv: &str) -> Run {
        self.run_against(&self.server, csv)
    }

    /// A run with the same ledger against another server.
    pub fn run_against(&self, server: &Server, csv: &str) -> Run {
        Run::new(server).sharing(&self.folder).args(["--ledger", LEDGER]).csv(csv)
    }

    /// `check` with the account's token.
    pub fn check(&self, csv: &str) -> Run {
        let url = self.server.url();
        Run::bare(&["check"])
            .sharing(&self.folder)
            .args(["--base-url", &url, "--ledger", LEDGER])
            .env("TOMTICKET_TOKEN", super::CANARY)
            .csv(csv)
    }

    /// `ledger status` or `ledger forget`, without a token.
    pub fn ledger(&self, command: &str) -> Run {
        Run::bare(&["ledger", command]).sharing(&self.folder).args(["--ledger", LEDGER])
    }

    /// `ledger forget` for the account of this server and token.
    pub fn forget(&self) -> Run {
        let url = self.server.url();
        self.ledger("forget").args(["--base-url", &url]).env("TOMTICKET_TOKEN", super::CANARY)
    }

    /// Runs it to the end.
    pub fn go(&self, run: Run) -> Night {
        let before = self.server.count();
        let finished = run.go();
        Night { finished, sent: self.sent_since(before) }
    }

    /// One run with this input and no further arguments.
    pub fn night(&self, csv: &str) -> Night {
        self.go(self.run(csv))
    }

    /// The requests after the first `before`, by arrival.
    pub fn sent_since(&self, before: usize) -> Vec<String> {
        let requests = self.server.raw_requests();
        requests[before..]
            .iter()
            .map(|request| {
                let mut text = format!("{}/{}", request.identificador(), request.tipo());
                for (name, value) in request.form() {
                    text.push_str(&format!(" {name}={value}"));
                }
                text
            })
            .collect()
    }

    /// A file of the working directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("trabalho").join(name)
    }

    /// All files whose names begin with the ledger's: the database, its log, keys and, but on Windows,
    /// where they are never removed, locks.
    pub fn ledger_files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path("")).unwrap();
        let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        found.retain(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(LEDGER) && !(is_for_windows() && name.contains(".lock"))
        });
        found
    }
}

impl Night {
    /// Asserts this exit code and these values of `situacao`, by row. Returns the rows.
    #[track_caller]
    pub fn ends(&self, code: i32, situacoes: &[&str]) -> Vec<ResultRow> {
        let rows = self.finished.exits(code).accounted_rows(situacoes.len());
        let found: Vec<_> = rows.iter().map(|row| &*row.situacao).collect();
        if found != situacoes {
            self.finished.fail(&format!("{found:?} instead of {situacoes:?}"));
        }
        rows
    }

    /// Asserts that exactly these requests arrived, in this order.
    #[track_caller]
    pub fn sends<S: AsRef<str>>(&self, requests: &[S]) -> &Self {
        let expected: Vec<_> = requests.iter().map(AsRef::as_ref).collect();
        if self.sent != expected {
            self.finished.fail(&format!("sent {:?} instead of {expected:?}", self.sent));
        }
        self
    }
}
