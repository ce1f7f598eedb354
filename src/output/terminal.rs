//! Standard error, shared by the progress bar, the log and the messages, so that none breaks
//! another's line. Foreign text in them is made fit for a terminal here.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::locale::foreign_text::visible_lines;

/// How the log is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Columns of a terminal that does not tell its width.
const DEFAULT_WIDTH: usize = 80;

/// The log target of messages to people where the log is JSON.
const TARGET: &str = "terminal";

/// The standard error stream of this process. Cloned freely.
#[derive(Debug, Clone, Default)]
pub struct Terminal {
    bar: Arc<Mutex<Option<ProgressBar>>>,
    format: LogFormat,
}

impl Terminal {
    /// A terminal on which messages and log have this format.
    pub fn speaking(format: LogFormat) -> Self {
        Self { format, ..Self::default() }
    }

    /// Whether standard error is a terminal that can show a bar. A terminal without `TERM` counts as
    /// dumb; consoles of Windows have none.
    pub fn is_terminal(&self) -> bool {
        let is_able = match std::env::var_os("TERM") {
            Some(term) => term != "dumb" && !term.is_empty(),
            None => cfg!(windows),
        };
        is_able && io::stderr().is_terminal()
    }

    pub fn width(&self) -> usize {
        let size = terminal_size::terminal_size_of(io::stderr());
        size.map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0))
    }

    /// Prints a message: as it is, or line by line as objects of the JSON log.
    pub fn print(&self, text: &str) {
        match self.format {
            LogFormat::Text => self.show(text),
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

    pub fn complain(&self, error: &str) {
        match self.format {
            LogFormat::Text => self.show(&format!("erro: {error}\n")),
            LogFormat::Json => tracing::error!(target: TARGET, "{error}"),
        }
    }

    /// Writes text and hides the bar meanwhile. A closed standard error is not an error.
    fn show(&self, text: &str) {
        let text = visible_lines(text);
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

    /// A line that is redrawn, where standard error can show one; nothing with `quiet`.
    pub(super) fn start_bar(&self, quiet: bool) -> Option<ProgressBar> {
        if quiet || !self.is_terminal() {
            return None;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        // The text already fits; this cuts it where the terminal has just become narrower.
        let style = ProgressStyle::with_template("{wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        self.set_bar(Some(bar.clone()));
        Some(bar)
    }

    pub(super) fn set_bar(&self, bar: Option<ProgressBar>) {
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = bar;
    }
}

/// The log writes each of its lines at once.
impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.show(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts the log on standard error in the terminal's format. `verbosity` is the number of `-v`;
/// `quiet` leaves only errors.
pub fn start_logging(terminal: &Terminal, verbosity: u8, quiet: bool) {
    let registry = tracing_subscriber::registry().with(log_filter(verbosity, quiet));
    let writer = terminal.clone();
    let layer =
        tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).with_ansi(false);
    // The first log of a process stays: `try_init` fails for later ones.
    let _ = match terminal.format {
        LogFormat::Text => registry.with(layer.event_format(PortugueseFormat)).try_init(),
        LogFormat::Json => registry.with(layer.json()).try_init(),
    };
}

/// Formats log lines with the Portuguese words for warning and error.
struct PortugueseFormat;

impl<S, N> FormatEvent<S, N> for PortugueseFormat
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

/// Which events the log shows. Only this program's own, at any verbosity: HTTP libraries log whole
/// URLs, and the URL holds the token.
fn log_filter(verbosity: u8, quiet: bool) -> Targets {
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
