//! A run that has ended: its exit code, output and files, and assertions about them. The checks that
//! every run must pass are in [`super::common_checks`].
//!
//! The most important assertion is [`Finished::accounted`]: every row of the input is in the results
//! exactly once and in order, and results, rejects and summary agree.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::canary::files;
use super::program::{is_another, is_for_windows};
use super::result_row::{self, ResultRow, SITUACOES};
use super::run::Plan;
use super::table;
use super::text::{from_windows_1252, shorten};

/// A run that has ended.
pub struct Finished {
    /// How it was started and what is expected of it.
    pub plan: Plan,
    /// The exit code; `None` after a kill.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error; a JSON log is converted to plain text.
    pub stderr: String,
    /// Standard error, unchanged.
    pub log: String,
    /// The time from start to end.
    pub took: Duration,
    /// Peak memory in KiB; 0 on systems without `/proc`.
    pub peak_kib: u64,
}

impl Finished {
    /// The working directory.
    pub fn work(&self) -> PathBuf {
        self.plan.folder.path().join("trabalho")
    }

    /// Whether this file of the working directory exists.
    pub fn exists(&self, name: &str) -> bool {
        self.work().join(name).exists()
    }

    /// The bytes of a file of the working directory.
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.work().join(name))
            .unwrap_or_else(|why| self.fail(&format!("cannot read {name}: {why}")))
    }

    /// A file of the working directory as UTF-8.
    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name))
            .unwrap_or_else(|_| self.fail(&format!("{name} is not UTF-8")))
    }

    /// Standard output as UTF-8.
    pub fn stdout_text(&self) -> String {
        String::from_utf8(self.stdout.clone())
            .unwrap_or_else(|_| self.fail("standard output is not UTF-8"))
    }

    /// Asserts that its peak memory was less than this. On Linux it fails if the memory could not be
    /// read.
    #[track_caller]
    pub fn peak_memory_below(&self, kib: u64) -> &Self {
        // Another program, such as Wine, has memory of its own.
        if is_another() {
            return self;
        }
        if cfg!(target_os = "linux") && self.peak_kib == 0 {
            self.fail("its memory could not be read");
        }
        // For `--nocapture`; docs/failures.md gives the largest.
        println!("peak memory {} KiB", self.peak_kib);
        if self.peak_kib >= kib {
            self.fail(&format!("{} KiB instead of less than {kib}", self.peak_kib));
        }
        self
    }

    /// Asserts this exit code.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        if self.code != Some(code) {
            self.fail(&format!("exit code {:?} instead of {code}", self.code));
        }
        self
    }

    /// Asserts that standard error contains all of these.
    #[track_caller]
    pub fn says(&self, parts: &[&str]) -> &Self {
        let said = as_on_unix(&self.stderr);
        for part in parts {
            if !said.contains(&*as_on_unix(part)) {
                self.fail(&format!("standard error does not mention {part:?}"));
            }
        }
        self
    }

    /// Asserts exit code 2 with an error that contains all of these, no results and no requests.
    #[track_caller]
    pub fn refused_before_sending(&self, server: &super::Server, parts: &[&str]) -> &Self {
        self.exits(2).says(parts);
        if server.count() > 0 {
            self.fail("exit code 2 means that nothing was sent");
        }
        if self.exists(&self.plan.results) {
            self.fail("exit code 2, but there are results");
        }
        self
    }

    /// The results, parsed strictly.
    #[track_caller]
    pub fn results(&self) -> Vec<ResultRow> {
        self.parse_results(&self.text(&self.plan.results))
    }

    /// Reads results from a text in the default dialect.
    #[track_caller]
    pub fn parse_results(&self, text: &str) -> Vec<ResultRow> {
        result_row::parse(text).unwrap_or_else(|why| self.fail(&why))
    }

    /// Asserts that the results have exactly these lines of the input, in this order, and that rejects
    /// and summary agree with them. Returns the results.
    #[track_caller]
    pub fn accounted(&self, lines: impl IntoIterator<Item = u64>) -> Vec<ResultRow> {
        let rows = self.results();
        let found: Vec<u64> = rows.iter().map(|row| row.linha).collect();
        let expected: Vec<u64> = lines.into_iter().collect();
        if found != expected {
            let first = found.iter().zip(&expected).position(|(a, b)| a != b);
            self.fail(&format!(
                "{} results for {} rows; first difference at {first:?}: {:?} for {:?}",
                found.len(),
                expected.len(),
                first.map(|at| found[at]),
                first.map(|at| expected[at]),
            ));
        }
        let rejected = rows.iter().filter(|row| row.erro).count();
        if !self.plan.rejects.starts_with("/dev/") && self.rejects().len() != rejected + 1 {
            self.fail(&format!("{} rejects for {rejected} rows", self.rejects().len() - 1));
        }
        if self.plan.summary.is_some() {
            let summary = self.summary();
            for situacao in SITUACOES {
                let count = rows.iter().filter(|row| row.situacao == situacao).count();
                if summary["situacoes"][situacao] != count {
                    self.fail(&format!("the summary disagrees about {situacao}: {count}"));
                }
            }
        }
        rows
    }

    /// As [`accounted`](Self::accounted), for a file of one header line and `count` one-line rows.
    #[track_caller]
    pub fn accounted_rows(&self, count: usize) -> Vec<ResultRow> {
        self.accounted(2..2 + count as u64)
    }

    /// The records of the rejects file, header first, in any supported dialect.
    #[track_caller]
    pub fn rejects(&self) -> Vec<Vec<String>> {
        let bytes = self.read(&self.plan.rejects);
        if bytes.starts_with(b"PK") {
            return super::texts(&bytes);
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(other) => from_windows_1252(other.as_bytes()),
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let header = text.lines().next().unwrap_or_default();
        let named = header.strip_prefix("sep=").and_then(|rest| rest.chars().next());
        let text = if named.is_some() { &text[header.len() + 1..] } else { text };
        let usual = || [',', ';', '\t', '|'].into_iter();
        let guess = || usual().max_by_key(|&mark| header.matches(mark).count());
        table::parse(text, named.or_else(guess).unwrap_or(','))
            .unwrap_or_else(|why| self.fail(&format!("the rejects are broken: {why}")))
    }

    /// The summary, checked against itself and the exit code.
    #[track_caller]
    pub fn summary(&self) -> Value {
        let name = self.plan.summary.clone().unwrap_or_else(|| self.fail("no summary asked for"));
        let summary: Value = serde_json::from_str(&self.text(&name))
            .unwrap_or_else(|why| self.fail(&format!("the summary is no JSON: {why}")));
        self.check_summary(&summary);
        summary
    }

    /// Fails the test. When this value is dropped, it prints [`describe`](Self::describe).
    #[track_caller]
    pub fn fail(&self, why: &str) -> ! {
        panic!("{why}")
    }

    /// The command, the exit code, both streams and the files of the folder.
    pub fn describe(&self) -> String {
        let mut out = format!(
            "--- {}\n--- exit code {:?} after {:?}, at most {} KiB\n--- stdout\n{}\n--- stderr\n{}\n",
            self.plan.command,
            self.code,
            self.took,
            self.peak_kib,
            shorten(&String::from_utf8_lossy(&self.stdout), 4000),
            shorten(&self.stderr, 8000),
        );
        for path in files(self.plan.folder.path()) {
            let name = path.strip_prefix(self.plan.folder.path()).unwrap_or(&path);
            let content = std::fs::read(&path).unwrap_or_default();
            out.push_str(&format!(
                "--- {} ({} bytes)\n{}\n",
                name.display(),
                content.len(),
                shorten(&String::from_utf8_lossy(&content), 2000)
            ));
        }
        out
    }
}

/// A text of the program for Windows with the separators and quotes that it has elsewhere.
fn as_on_unix(text: &str) -> Cow<'_, str> {
    match is_for_windows() {
        true => text.replace('\\', "/").replace('"', "'").into(),
        false => text.into(),
    }
}

impl Drop for Finished {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.describe());
        }
    }
}
