//! A running process: its output streams, signals, memory and end.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::finished::Finished;
use super::program::is_another;
use super::run::Plan;
use super::text::plain_log;
use super::{PATIENCE, canary};

/// What a stream has delivered.
#[derive(Default)]
struct Received {
    bytes: Vec<u8>,
    ended: bool,
}

/// One output stream. A thread reads it, so that a full pipe never blocks the process.
struct Stream {
    shared: Arc<(Mutex<Received>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

impl Stream {
    fn read(pipe: Option<impl Read + Send + 'static>) -> Self {
        let shared = Arc::new((Mutex::new(Received::default()), Condvar::new()));
        let reader = pipe.map(|mut pipe| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                let mut buffer = [0; 8192];
                while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                    shared.0.lock().unwrap().bytes.extend_from_slice(&buffer[..count]);
                    shared.1.notify_all();
                }
                shared.0.lock().unwrap().ended = true;
                shared.1.notify_all();
            })
        });
        Self { shared, reader }
    }

    fn so_far(&self) -> Vec<u8> {
        self.shared.0.lock().unwrap().bytes.clone()
    }

    fn finish(&mut self) -> Vec<u8> {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.so_far()
    }

    /// Waits until `accept` returns true for the text so far. Fails when the stream ends before.
    fn wait(&self, accept: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        let mut received = self.shared.0.lock().unwrap();
        loop {
            let text = String::from_utf8_lossy(&received.bytes).into_owned();
            if accept(&text) {
                return text;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || received.ended {
                // A panic under the lock would poison it, and dropping the process takes it again.
                drop(received);
                panic!("the expected text was never printed: {text}");
            }
            received = self.shared.1.wait_timeout(received, left).unwrap().0;
        }
    }
}

/// A running process; it is killed when dropped.
pub struct Running {
    child: Child,
    plan: Plan,
    stdout: Stream,
    stderr: Stream,
    begun: Instant,
    peak_kib: u64,
    /// Whether the test killed it, so that no exit code is expected.
    killed: bool,
    /// Whether [`wait`](Self::wait) has taken over the checks.
    finished: bool,
}

impl Running {
    /// Starts to read the streams of a new process.
    pub fn begin(mut child: Child, plan: Plan, keep_stdout: bool) -> Self {
        let stdout = Stream::read(child.stdout.take().filter(|_| keep_stdout));
        let stderr = Stream::read(child.stderr.take());
        let begun = Instant::now();
        Self { child, plan, stdout, stderr, begun, peak_kib: 0, killed: false, finished: false }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process id as messages show it; nothing where the program has another one, as under Wine.
    pub fn pid_in_messages(&self) -> String {
        if is_another() { String::new() } else { self.pid().to_string() }
    }

    /// The working directory.
    pub fn work(&self) -> PathBuf {
        self.plan.folder.path().join("trabalho")
    }

    /// Sends a signal by name: `INT`, `TERM`, `HUP`, `KILL`.
    pub fn signal(&mut self, name: &str) {
        self.killed |= name == "KILL";
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.child.id())])
            .status()
            .unwrap();
        assert!(sent.success(), "kill -{name} failed");
    }

    /// Kills it; does nothing if it has ended.
    pub fn kill(&mut self) {
        self.killed = true;
        self.child.kill().unwrap();
    }

    /// Standard error so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.so_far()).into_owned()
    }

    /// Waits until `accept` returns true for standard error, and returns it.
    pub fn wait_for_stderr(&self, accept: impl Fn(&str) -> bool) -> String {
        self.stderr.wait(accept)
    }

    /// Waits until `accept` returns true for standard output, and returns it.
    pub fn wait_for_stdout(&self, accept: impl Fn(&str) -> bool) -> String {
        self.stdout.wait(accept)
    }

    /// Sends a signal and waits until the process says that it is stopping, which shows that it has
    /// handled the signal.
    pub fn signal_and_wait(&mut self, name: &str) {
        assert!(!self.stderr().contains("parando: "), "it was already stopping");
        self.signal(name);
        self.wait_for_stderr(|text| text.contains("parando: "));
    }

    /// Whether it is still running.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the end, samples the peak memory, and makes the checks that hold for every run.
    pub fn wait(mut self) -> Finished {
        let status = self.watch();
        self.finished = true;
        let log = String::from_utf8_lossy(&self.stderr.finish()).into_owned();
        let finished = Finished {
            plan: self.plan.clone(),
            code: status.and_then(|status| status.code()),
            stdout: self.stdout.finish(),
            stderr: plain_log(&log),
            log,
            took: self.begun.elapsed(),
            peak_kib: self.peak_kib,
        };
        if status.is_none() {
            finished.fail(&format!("still running after {PATIENCE:?}"));
        }
        if finished.code.is_none() && !self.killed {
            finished.fail(&format!("ended without an exit code: {status:?}"));
        }
        finished.common_checks();
        finished
    }

    /// Waits for the end of the process; kills it after [`PATIENCE`], or a multiple of it where
    /// another program is in between.
    fn watch(&mut self) -> Option<ExitStatus> {
        let end = Instant::now() + PATIENCE * if is_another() { 4 } else { 1 };
        loop {
            self.peak_kib = self.peak_kib.max(high_water_mark(self.child.id()).unwrap_or(0));
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            if Instant::now() > end {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return None;
            }
            std::thread::sleep(Duration::from_millis(4));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() && self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            eprintln!("--- still running: {}\n{}", self.plan.command, self.stderr());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if self.finished || std::thread::panicking() {
            return;
        }
        // A killed run must not leave the token behind either.
        let plan = &self.plan;
        let streams = [self.stdout.so_far(), self.stderr.so_far()].concat();
        let leak = canary::leak(&plan.token, &streams).or_else(|| {
            canary::leak_in_folder(&plan.token, plan.folder.path(), &plan.secret_files)
        });
        assert!(leak.is_none(), "{} was killed and shows the token: {leak:?}", plan.command);
    }
}

/// The peak memory of the process so far in KiB, on systems with `/proc`.
fn high_water_mark(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    // For a moment a new process still has the memory, and the name, of the one that started it.
    if !status.starts_with("Name:\ttomticket-sync\n") {
        return None;
    }
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
