//! The progress display: a bar on a terminal, one plain line every 30 seconds elsewhere. The counts
//! are [`Tally`]'s.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::tally::Tally;
use super::terminal::Terminal;
use crate::locale::format::{counted, decimal, duration_words, number};
use crate::model::Situacao;
use crate::scheduler::events::Phase;

/// The log target of the plain lines.
pub(super) const TARGET: &str = "progresso";

const PLAIN_EVERY: Duration = Duration::from_secs(30);
const BAR_EVERY: Duration = Duration::from_millis(100);
/// Cells of the bar.
const CELLS: usize = 16;

#[derive(Debug)]
pub struct Progress {
    /// Rows that will be sent, as far as the preflight can tell.
    to_send: u64,
    /// The account's limit in requests a second.
    rate: Option<f64>,
    terminal: Terminal,
    bar: Option<ProgressBar>,
    quiet: bool,
    phase: Phase,
    /// Accepted rows that wait to be read once more, and when the last of them is due.
    looking: Option<(usize, Instant)>,
    shown: Instant,
}

impl Progress {
    /// A bar where standard error is a terminal, else plain lines; nothing with `quiet`.
    pub fn new(to_send: u64, rate: Option<f64>, terminal: Terminal, quiet: bool) -> Self {
        let bar = terminal.start_bar(quiet);
        Self {
            to_send,
            rate,
            terminal,
            bar,
            quiet,
            phase: Phase::Sending,
            looking: None,
            shown: Instant::now(),
        }
    }

    pub(super) fn phase(&mut self, phase: Phase) {
        self.phase = phase;
    }

    pub(super) const fn looking(&mut self, looking: Option<(usize, Instant)>) {
        self.looking = looking;
    }

    /// Updates the display when it is due.
    pub(super) fn show(&mut self, tally: &Tally) {
        let Some(line) = self.due(Instant::now(), tally) else { return };
        match &self.bar {
            Some(bar) => bar.set_message(line.fitting(self.terminal.width())),
            None => tracing::info!(target: TARGET, "{}", line.text(Verbosity::Long, true)),
        }
    }

    fn due(&mut self, now: Instant, tally: &Tally) -> Option<ProgressLine> {
        let every = if self.bar.is_some() { BAR_EVERY } else { PLAIN_EVERY };
        if self.quiet || now.saturating_duration_since(self.shown) < every {
            return None;
        }
        self.shown = now;
        Some(self.line(tally))
    }

    pub(super) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.terminal.set_bar(None);
    }

    fn line(&self, tally: &Tally) -> ProgressLine {
        use Situacao::{Atualizado, Falhou, Inalterado, Incerto, Invalido, Recusado};
        let sent = tally.count_decided(&[Atualizado, Recusado, Falhou, Incerto]);
        let to_send = self.to_send.max(sent);
        let pace = tally.rate.per_second(Instant::now());
        let left = to_send - sent;
        // No estimate while sending is paused.
        let wait = pace
            .or(self.rate)
            .filter(|_| left > 0 && self.phase == Phase::Sending)
            .map(|pace| Duration::from_secs_f64((left as f64 / pace.max(1e-3)).min(1e8)));
        ProgressLine {
            sent,
            to_send,
            unchanged: tally.count_decided(&[Inalterado]),
            failed: tally.count_decided(&[Recusado, Invalido, Falhou, Incerto]),
            phase: self.phase,
            pace,
            rate: self.rate,
            left: wait.map(|wait| (wait, until(wait))),
            looking: self.looking.map(|(rows, due)| {
                let wait = due.saturating_duration_since(Instant::now());
                (rows, clock(wait, "%H:%M:%S"))
            }),
        }
    }
}

#[derive(Debug, Clone)]
struct ProgressLine {
    sent: u64,
    to_send: u64,
    unchanged: u64,
    failed: u64,
    phase: Phase,
    pace: Option<f64>,
    rate: Option<f64>,
    /// Time until the last row is sent, and the local time then.
    left: Option<(Duration, String)>,
    /// Accepted rows that are read once more, and until when.
    looking: Option<(usize, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verbosity {
    Long,
    Short,
    /// Only what an operator cannot do without.
    Minimal,
}

impl ProgressLine {
    /// The text for a terminal of `width` columns. What does not fit is dropped in this order: the
    /// bar, long words, the least important parts.
    fn fitting(&self, width: usize) -> String {
        let percent = self.percent();
        let long = format!("{percent} % · {}", self.text(Verbosity::Long, true));
        let bar = format!("{} {long}", self.bar());
        let short = self.text(Verbosity::Short, true);
        let candidates = [
            bar,
            long,
            format!("{percent} % · {short}"),
            short,
            self.text(Verbosity::Short, false),
            self.text(Verbosity::Minimal, false),
            ProgressLine { left: None, ..self.clone() }.text(Verbosity::Minimal, false),
            ProgressLine { left: None, looking: None, ..self.clone() }
                .text(Verbosity::Minimal, false),
        ];
        let fits = candidates.into_iter().find(|text| text.chars().count() <= width);
        fits.unwrap_or_else(|| self.fraction())
    }

    fn percent(&self) -> u64 {
        // Rounded down, so that 100 is the last row.
        self.sent.saturating_mul(100).checked_div(self.to_send).unwrap_or(100)
    }

    fn bar(&self) -> String {
        let full = usize::try_from(self.percent()).unwrap_or(0).min(100) * CELLS / 100;
        "█".repeat(full) + &"░".repeat(CELLS - full)
    }

    fn fraction(&self) -> String {
        format!("{}/{}", number(self.sent), number(self.to_send))
    }

    fn text(&self, verbosity: Verbosity, unchanged: bool) -> String {
        let long = verbosity == Verbosity::Long;
        let mut parts = vec![self.fraction()];
        if long {
            parts[0].push_str(" enviadas");
        }
        parts.extend(self.pace(verbosity));
        if self.failed > 0 {
            parts.push(match verbosity {
                Verbosity::Long => format!("{} com erro", number(self.failed)),
                Verbosity::Short | Verbosity::Minimal => counted(self.failed, "erro", "erros"),
            });
        }
        if unchanged && self.unchanged > 0 {
            let word = match (long, self.unchanged) {
                (true, _) => "sem mudança",
                (false, 1) => "igual",
                (false, _) => "iguais",
            };
            parts.push(format!("{} {word}", number(self.unchanged)));
        }
        if let Some((rows, clock)) = &self.looking {
            let rows = counted(*rows as u64, "linha", "linhas");
            parts.push(match verbosity {
                Verbosity::Long => format!("conferindo {rows} até {clock}"),
                Verbosity::Short | Verbosity::Minimal => format!("conferindo até {clock}"),
            });
        }
        if let Some((wait, clock)) = &self.left {
            let wait = duration_words(*wait);
            parts.push(match verbosity {
                Verbosity::Long => format!("faltam {wait} (até {clock})"),
                Verbosity::Short => format!("{wait}, até {clock}"),
                Verbosity::Minimal => format!("até {clock}"),
            });
        }
        parts.join(" · ")
    }

    /// The pace and the limit, or why sending is paused.
    fn pace(&self, verbosity: Verbosity) -> Option<String> {
        let (long, short) = match self.phase {
            Phase::Limited => ("pausa: limite atingido (429)", "pausa (429)"),
            Phase::Probing => ("TomTicket fora do ar: esperando", "fora do ar"),
            Phase::Draining => ("parando", "parando"),
            Phase::Sending => {
                let pace = self.pace?;
                return Some(match self.rate {
                    Some(rate) if verbosity != Verbosity::Minimal => {
                        format!("{}/s de {}", decimal(pace), rate.to_string().replace('.', ","))
                    }
                    Some(_) => format!("{}/s", decimal(pace)),
                    None => format!("{}/s", number(pace.round() as u64)),
                });
            }
        };
        Some(if verbosity == Verbosity::Long { long } else { short }.to_owned())
    }
}

/// The local time after a wait: `05:35`; with the day where it is more than 20 hours ahead.
fn until(wait: Duration) -> String {
    let pattern = if wait < Duration::from_secs(20 * 3600) { "%H:%M" } else { "%d/%m %H:%M" };
    clock(wait, pattern)
}

/// The local time after a wait.
fn clock(wait: Duration, pattern: &str) -> String {
    let wait = jiff::SignedDuration::try_from(wait).unwrap_or_default();
    jiff::ZonedDateTime::now().saturating_add(wait).strftime(pattern).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What 100 seconds show in which four rows a second are decided, without a terminal.
    fn shown(quiet: bool) -> Vec<u64> {
        let start = Instant::now();
        let mut progress = Progress::new(5000, None, Terminal::default(), quiet);
        (progress.bar, progress.shown) = (None, start);
        let mut tally = Tally::new(start);
        let ticks = (1..=400).filter_map(|tick| {
            tally.decided(Situacao::Atualizado);
            progress.due(start + tick * super::super::TICK, &tally)
        });
        ticks.map(|line| line.sent).collect()
    }

    #[test]
    fn without_a_terminal_there_is_a_line_every_thirty_seconds() {
        assert_eq!(shown(false), [120, 240, 360]);
        assert_eq!(shown(true), [0; 0]);
    }

    #[test]
    fn the_time_left_is_shown_only_while_sending() {
        let mut progress = Progress::new(100, Some(3.0), Terminal::default(), true);
        let tally = Tally::new(Instant::now());
        for (phase, shown) in [
            (Phase::Limited, false),
            (Phase::Probing, false),
            (Phase::Sending, true),
            (Phase::Draining, false),
        ] {
            progress.phase(phase);
            assert_eq!(progress.line(&tally).left.is_some(), shown, "{phase:?}");
        }
    }

    #[test]
    fn the_line_fits_every_width_and_says_what_matters() {
        let line = ProgressLine {
            sent: 36,
            to_send: 99_750,
            unchanged: 4_620,
            failed: 3,
            phase: Phase::Sending,
            pace: Some(2.96),
            rate: Some(3.0),
            left: Some((Duration::from_secs(33_660), "05:35".to_owned())),
            looking: None,
        };
        let first = ProgressLine { sent: 0, failed: 0, unchanged: 0, pace: None, ..line.clone() };
        let fast = ProgressLine {
            sent: 1_234_567,
            to_send: 2_000_000,
            pace: Some(12_345.6),
            rate: None,
            left: Some((Duration::from_secs(62), "25/11 03:12".to_owned())),
            ..line.clone()
        };
        let end = ProgressLine { sent: 99_750, failed: 1, left: None, ..line.clone() };
        let phase = |phase| ProgressLine { phase, left: None, ..line.clone() };
        let looking = |left| {
            let looking = Some((3, "02:10:31".to_owned()));
            ProgressLine { looking, left, ..line.clone() }
        };
        let lines = [
            ("começo", first),
            ("3 por segundo", line.clone()),
            ("sem limite", fast),
            ("fim", end),
            ("429", phase(Phase::Limited)),
            ("fora do ar", phase(Phase::Probing)),
            ("parando", phase(Phase::Draining)),
            ("conferindo", looking(line.left.clone())),
            ("só conferindo", looking(None)),
        ];
        let mut text = String::new();
        for (what, line) in lines {
            text.push_str(&format!("{what}: {}\n", line.text(Verbosity::Long, true)));
            for width in [200, 120, 100, 80, 60, 40] {
                let fitted = line.fitting(width);
                assert!(fitted.chars().count() <= width, "{width}: {fitted}");
                text.push_str(&format!("{width:>4} {fitted}\n"));
            }
        }
        insta::assert_snapshot!(text);
    }
}
