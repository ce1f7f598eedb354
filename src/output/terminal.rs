//! Standard error, shared by the progress bar, the log and the messages, so that none of them breaks
//! another's line.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::ProgressBar;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// How the log is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Columns where a terminal does not tell.
const USUAL_WIDTH: usize = 80;

/// The log target of what is said to people, where the log is for programs.
const TARGET: &str = "terminal";

/// The standard error stream of this process. Cloned freely.
#[derive(Debug, Clone, Default)]
pub struct Terminal {
    bar: Arc<Mutex<Option<ProgressBar>>>,
    format: LogFormat,
}

impl Terminal {
    /// One on which everything is spelled like this.
    pub fn speaking(format: LogFormat) -> Self {
        Self { format, ..Self::default() }
    }

    /// Whether standard error is a terminal that can show a bar. One of which nobody says what it is
    /// gets plain lines, like a dumb one.
    pub fn is_terminal(&self) -> bool {
        let term = std::env::var_os("TERM");
        io::stderr().is_terminal() && term.is_some_and(|term| term != "dumb" && !term.is_empty())
    }

    /// Columns of the terminal, as it is now.
    pub fn width(&self) -> usize {
        let size = terminal_size::terminal_size_of(io::stderr());
        size.map_or(USUAL_WIDTH, |(width, _)| usize::from(width.0))
    }

    /// Says a text to people: as it stands, or line by line as objects of the JSON log.
    pub fn print(&self, text: &str) {
        match self.format {
            LogFormat::Text => self.write(text),
            LogFormat::Json => {
                for line in text.lines().filter(|line| !line.is_empty()) {
                    match line.strip_prefix("aviso: ") {
                        Some(warning) => tracing::warn!(target: TARGET, "{warning}"),
                        None => tracing::info!(target: TARGET, "{line}"),
                    }
                }
            }
        }
    }

    /// Tells why there is no run.
    pub fn complain(&self, error: &str) {
        match self.format {
            LogFormat::Text => self.write(&format!("erro: {error}\n")),
            LogFormat::Json => tracing::error!(target: TARGET, "{error}"),
        }
    }

    /// Writes text as it stands; a bar is taken away meanwhile. A closed standard error is no error.
    fn write(&self, text: &str) {
        let write = || {
            let mut stderr = io::stderr().lock();
            let _ = stderr.write_all(text.as_bytes());
            let _ = stderr.flush();
        };
        let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    pub(super) fn set_bar(&self, bar: Option<ProgressBar>) {
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = bar;
    }
}

impl<'a> MakeWriter<'a> for Terminal {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { terminal: self.clone(), buffer: Vec::new() }
    }
}

/// One log line, written as a whole.
#[derive(Debug)]
pub struct Line {
    terminal: Terminal,
    buffer: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.terminal.write(&String::from_utf8_lossy(&self.buffer));
    }
}

/// Starts the log on standard error, spelled as the terminal is. `verbosity` is the number of `-v`; `quiet` leaves only errors.
pub fn start_logging(terminal: &Terminal, verbosity: u8, quiet: bool) {
    let registry = tracing_subscriber::registry().with(shown(verbosity, quiet));
    let layer = tracing_subscriber::fmt::layer().with_writer(terminal.clone()).with_ansi(false);
    // A second start in one process (tests of the library) keeps the first log.
    let _ = match terminal.format {
        LogFormat::Text => registry.with(layer.event_format(ForPeople)).try_init(),
        LogFormat::Json => registry.with(layer.json()).try_init(),
    };
}

/// A log line that calls a warning and an error what [`Terminal`] calls them.
struct ForPeople;

impl<S, N> FormatEvent<S, N> for ForPeople
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        SystemTime.format_time(&mut writer)?;
        match *event.metadata().level() {
            Level::ERROR => writer.write_str(" erro: ")?,
            Level::WARN => writer.write_str(" aviso: ")?,
            level => write!(writer, " {level} ")?,
        }
        context.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

/// What the log shows. Only this program's own events, at any verbosity: the HTTP libraries log
/// whole URLs, and the URL holds the token.
pub(super) fn shown(verbosity: u8, quiet: bool) -> Targets {
    let level = match (quiet, verbosity) {
        (true, _) => Level::ERROR,
        (false, 0) => Level::WARN,
        (false, 1) => Level::INFO,
        (false, _) => Level::DEBUG,
    };
    let progress = if quiet { Level::ERROR } else { Level::INFO };
    Targets::new()
        .with_target("tomticket_sync", level)
        .with_target(super::progress::TARGET, progress)
        .with_target(TARGET, Level::INFO)
}
