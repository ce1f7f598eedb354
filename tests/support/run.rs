//! A builder for one run of the real binary in a private folder with a clean environment.
//!
//! [`Finished`] checks what the run left behind; its common checks apply to every run.

use std::cell::Cell;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

use super::canary::CANARY;
use super::finished::Finished;
use super::program::program;
use super::running::Running;
use super::server::Server;
use super::small_disk;

/// A run that has not started.
pub struct Run {
    folder: Arc<TempDir>,
    subcommand: Vec<String>,
    input: Option<String>,
    args: Vec<String>,
    env: Vec<(String, OsString)>,
    stdin: Option<Vec<u8>>,
    token: String,
    secret_files: Vec<PathBuf>,
    results: Option<String>,
    rejects: Option<String>,
    rate: Option<String>,
    summary: bool,
    allow_partial: bool,
    may_panic: bool,
    english: Vec<String>,
    close_stdout: bool,
    small_disk: Option<&'static str>,
    shell: Option<String>,
}

/// What the common checks and failure messages need to know about a run.
#[derive(Clone)]
pub struct Plan {
    /// The private folder.
    pub folder: Arc<TempDir>,
    /// The command line, for failure messages.
    pub command: String,
    /// The token that must not appear anywhere.
    pub token: String,
    /// Files into which the test wrote the token.
    pub secret_files: Vec<PathBuf>,
    /// The expected path of the results.
    pub results: String,
    /// The expected path of the rejects.
    pub rejects: String,
    /// The expected path of the summary, if one was requested.
    pub summary: Option<String>,
    /// Whether output on standard output is expected.
    pub expects_stdout: bool,
    /// Whether a `.parcial` may remain.
    pub allow_partial: bool,
    /// Whether the test forces a panic.
    pub may_panic: bool,
    /// English texts from the test that may appear in the output.
    pub english: Vec<String>,
}

const SUMMARY: &str = "resumo.json";

impl Run {
    /// `run` against this server with [`CANARY`] as the token, no rate limit and the summary in
    /// `resumo.json`.
    pub fn new(server: &Server) -> Self {
        let url = server.url();
        let mut run =
            Self::bare(&["run"]).args(["--base-url", &url]).env("TOMTICKET_TOKEN", CANARY);
        run.rate = Some("unlimited".to_owned());
        run.summary = true;
        run
    }

    /// Any subcommand in a clean environment, without further arguments.
    pub fn bare(subcommand: &[&str]) -> Self {
        let folder = TempDir::with_prefix("tomticket-e2e-").unwrap();
        for name in ["casa", "estado", "tmp", "trabalho"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self {
            folder: Arc::new(folder),
            subcommand: subcommand.iter().map(|&word| word.to_owned()).collect(),
            input: None,
            args: Vec::new(),
            env: Vec::new(),
            stdin: None,
            token: CANARY.to_owned(),
            secret_files: Vec::new(),
            results: None,
            rejects: None,
            rate: None,
            summary: false,
            allow_partial: false,
            may_panic: false,
            english: Vec::new(),
            close_stdout: false,
            small_disk: None,
            shell: None,
        }
    }

    /// Uses the folder of an earlier run, with its files.
    pub fn in_folder_of(mut self, earlier: &Finished) -> Self {
        self.folder = Arc::clone(&earlier.plan.folder);
        self
    }

    /// Uses the folder of another run that has not started or is still running.
    pub fn sharing(mut self, folder: &Arc<TempDir>) -> Self {
        self.folder = Arc::clone(folder);
        self
    }

    /// The folder, to share it with another run.
    pub fn folder(&self) -> Arc<TempDir> {
        Arc::clone(&self.folder)
    }

    /// The working directory.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("trabalho")
    }

    /// Writes a file into the working directory. A file with the same content is left alone: another
    /// run may be reading it, and a new modification time counts as a change.
    pub fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.work().join(name);
        if std::fs::read(&path).is_ok_and(|there| there == bytes.as_ref()) {
            return self;
        }
        std::fs::write(path, bytes).unwrap();
        self
    }

    /// Writes a file that contains the token.
    pub fn secret_file(mut self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.work().join(name);
        std::fs::write(&path, bytes).unwrap();
        self.secret_files.push(path);
        self
    }

    /// Writes the input and names it on the command line.
    pub fn input(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.file(name, bytes).on(name)
    }

    /// Writes `clientes.csv` and names it on the command line.
    pub fn csv(self, text: &str) -> Self {
        self.input("clientes.csv", text)
    }

    /// Names the input.
    pub fn on(mut self, name: &str) -> Self {
        self.input = Some(name.to_owned());
        self
    }

    /// Passes the input on standard input.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self.on("-")
    }

    /// Adds one argument.
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets `--rate`.
    pub fn rate(mut self, rate: &str) -> Self {
        self.rate = Some(rate.to_owned());
        self
    }

    /// Leaves `--rate` out.
    pub fn default_rate(mut self) -> Self {
        self.rate = None;
        self
    }

    /// Sets `--results`.
    pub fn results(mut self, path: &str) -> Self {
        self.results = Some(path.to_owned());
        self
    }

    /// Sets `--rejects`.
    pub fn rejects(mut self, path: &str) -> Self {
        self.rejects = Some(path.to_owned());
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.retain(|(key, _)| key != name);
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Sets `TOMTICKET_TOKEN`.
    pub fn token(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self.env("TOMTICKET_TOKEN", token)
    }

    /// No token.
    pub fn without_token(mut self) -> Self {
        self.env.retain(|(key, _)| key != "TOMTICKET_TOKEN");
        self
    }

    /// A summary in `resumo.json`, as [`new`](Self::new) asks for.
    pub fn with_summary(mut self) -> Self {
        self.summary = true;
        self
    }

    /// Leaves `--summary-json` out.
    pub fn without_summary(mut self) -> Self {
        self.summary = false;
        self
    }

    /// Allows a `.parcial` to remain, whatever the exit code.
    pub fn allow_partial(mut self) -> Self {
        self.allow_partial = true;
        self
    }

    /// Forces a panic in this part of the program (`send`, `read`, `report`, `pool`), with a full
    /// backtrace.
    pub fn panicking_in(mut self, part: &str) -> Self {
        self.may_panic = true;
        self.env("TOMTICKET_SYNC_TEST_PANIC", part).env("RUST_BACKTRACE", "full")
    }

    /// Allows this English text, which the input or the server contains, in the output.
    pub fn with_english(mut self, english: &str) -> Self {
        self.english.push(english.to_owned());
        self
    }

    /// Closes the reading end of standard output at once.
    pub fn close_stdout(mut self) -> Self {
        self.close_stdout = true;
        self
    }

    /// Makes the folder `disco` a file system of `size` (`256k`); at the end its files are copied to
    /// `disco-depois`. Works only where [`small_disk::possible`] is true.
    pub fn on_a_small_disk(mut self, size: &'static str) -> Self {
        for name in ["disco", "disco-depois"] {
            std::fs::create_dir_all(self.work().join(name)).unwrap();
        }
        self.small_disk = Some(size);
        self
    }

    /// Starts it from a shell script, in which `"$0" "$@"` is the command.
    pub fn through_shell(mut self, script: &str) -> Self {
        self.shell = Some(script.to_owned());
        self
    }

    /// Starts the binary and waits for its end.
    pub fn go(self) -> Finished {
        self.spawn().wait()
    }

    /// Starts the binary.
    pub fn spawn(self) -> Running {
        let mut args = self.subcommand.clone();
        args.extend(self.input.clone());
        args.extend(self.args.clone());
        let mut flag = |name: &str, value: &Option<String>| {
            if let Some(value) = value {
                args.extend([name.to_owned(), value.clone()]);
            }
        };
        flag("--rate", &self.rate);
        flag("--results", &self.results);
        flag("--rejects", &self.rejects);
        flag("--summary-json", &self.summary.then(|| SUMMARY.to_owned()));
        args.extend(self.verbosity(&args).iter().map(|&word| word.to_owned()));
        let binary = &*program();
        let mut command = match (&self.shell, self.small_disk) {
            (_, Some(size)) => small_disk::command(size, binary),
            (None, None) => Command::new(binary),
            (Some(script), None) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", script]).arg(binary);
                shell
            }
        };
        command
            .args(&args)
            .current_dir(self.work())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path().join("casa"))
            .env("XDG_STATE_HOME", self.folder.path().join("estado"))
            .env("TMPDIR", self.folder.path().join("tmp"))
            .envs(self.env.iter().map(|(key, value)| (key, value)))
            .stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (key, _) in std::env::vars_os() {
            // Coverage tools write to the file that this variable names, else to the working directory.
            if key == "LLVM_PROFILE_FILE" {
                command.env(&key, std::env::var_os(&key).unwrap_or_default());
            }
        }
        let plan = self.plan(&args);
        let mut child = command.spawn().unwrap();
        if let (Some(bytes), Some(mut pipe)) = (self.stdin, child.stdin.take()) {
            // In a thread of its own: the binary may write before it has read everything.
            std::thread::spawn(move || drop(pipe.write_all(&bytes)));
        }
        Running::begin(child, plan, !self.close_stdout)
    }

    /// `run` and `check` get `-vv` unless the test chooses the verbosity, so that the search for the
    /// token covers the whole log. The runs of one test alternate between the text and the JSON log,
    /// starting with text.
    fn verbosity(&self, args: &[String]) -> &'static [&'static str] {
        let chosen = ["-v", "-vv", "--verbose", "--quiet", "--log-format"];
        let sends = matches!(&*self.subcommand[0], "run" | "check");
        if !sends || args.iter().any(|arg| chosen.contains(&&**arg)) {
            return &[];
        }
        // The test harness runs each test in a thread of its own.
        thread_local!(static RUNS: Cell<usize> = const { Cell::new(0) });
        match RUNS.replace(RUNS.get() + 1).is_multiple_of(2) {
            true => &["-vv"],
            false => &["-vv", "--log-format", "json"],
        }
    }

    fn plan(&self, args: &[String]) -> Plan {
        let stem = match self.input.as_deref() {
            None | Some("-") => "entrada".to_owned(),
            Some(name) => Path::new(name).with_extension("").display().to_string(),
        };
        let named = |given: &Option<String>, kind: &str| {
            given.clone().unwrap_or_else(|| format!("{stem}.{kind}.csv"))
        };
        let is_workbook = self.input.as_deref().is_some_and(|name| name.ends_with(".xlsx"));
        let rejects = match self.rejects {
            None if is_workbook => format!("{stem}.rejeitados.xlsx"),
            _ => named(&self.rejects, "rejeitados"),
        };
        let to_stdout = |pair: &[String]| {
            pair[1] == "-" && matches!(&*pair[0], "--results" | "--rejects" | "--summary-json")
        };
        let quiet = matches!(&*self.subcommand[0], "run" | "check");
        Plan {
            folder: Arc::clone(&self.folder),
            command: format!("tomticket-sync {}", args.join(" ")),
            token: self.token.clone(),
            secret_files: self.secret_files.clone(),
            results: named(&self.results, "resultado"),
            rejects,
            summary: self.summary.then(|| SUMMARY.to_owned()),
            expects_stdout: !quiet
                || args.windows(2).any(to_stdout)
                || args.iter().any(|arg| matches!(&**arg, "--help" | "--version")),
            allow_partial: self.allow_partial,
            may_panic: self.may_panic,
            english: self.english.clone(),
        }
    }
}
