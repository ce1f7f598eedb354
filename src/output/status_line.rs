//! A line that says how far a command is: redrawn on a terminal, one plain line every 30 seconds
//! elsewhere.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::progress::TARGET;
use super::terminal::Terminal;

const PLAIN_EVERY: Duration = Duration::from_secs(30);
const BAR_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub struct StatusLine {
    terminal: Terminal,
    bar: Option<ProgressBar>,
    quiet: bool,
    shown: Instant,
}

impl StatusLine {
    /// Nothing is shown with `quiet`.
    pub fn new(terminal: Terminal, quiet: bool) -> Self {
        let bar = terminal.start_bar(quiet);
        Self { terminal, bar, quiet, shown: Instant::now() }
    }

    /// Shows the text when it is due.
    pub fn show(&mut self, text: impl FnOnce() -> String) {
        let every = if self.bar.is_some() { BAR_EVERY } else { PLAIN_EVERY };
        if self.quiet || self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        match &self.bar {
            Some(bar) => bar.set_message(text()),
            None => tracing::info!(target: TARGET, "{}", text()),
        }
    }

    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.terminal.set_bar(None);
    }
}
