//! How far the run is: a bar on a terminal, one plain line every 30 seconds elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::tally::Tally;
use super::terminal::Terminal;
use super::wording::{decimal, duration_words, number};
use crate::events::Phase;
use crate::model::Situacao;

/// The log target of the plain lines.
pub(super) const TARGET: &str = "progresso";

const PLAIN_EVERY: Duration = Duration::from_secs(30);
const BAR_EVERY: Duration = Duration::from_millis(100);

/// What preflight expects of the run.
#[derive(Debug, Clone, Copy)]
pub struct ProgressPlan {
    /// Rows of the input.
    pub rows: u64,
    /// Rows that will have to be sent, as far as preflight can tell.
    pub to_send: u64,
    /// The account's limit, requests a second.
    pub rate: Option<f64>,
}

/// The display.
#[derive(Debug)]
pub struct Progress {
    plan: ProgressPlan,
    terminal: Terminal,
    bar: Option<ProgressBar>,
    quiet: bool,
    phase: Phase,
    shown: Instant,
}

impl Progress {
    /// A bar where standard error is a terminal, else plain lines; nothing with `quiet`.
    pub fn new(plan: ProgressPlan, terminal: Terminal, quiet: bool) -> Self {
        let bar = (!quiet && terminal.is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(Some(plan.rows), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{bar:16} {percent:>3} % {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            bar.set_style(style.progress_chars("█▌░"));
            terminal.set_bar(Some(bar.clone()));
            bar
        });
        Self { plan, terminal, bar, quiet, phase: Phase::Sending, shown: Instant::now() }
    }

    pub(super) fn phase(&mut self, phase: Phase) {
        self.phase = phase;
    }

    /// Shows the state, if it is time to.
    pub(super) fn show(&mut self, tally: &Tally) {
        let every = if self.bar.is_some() { BAR_EVERY } else { PLAIN_EVERY };
        if self.quiet || self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        let text = self.text(tally);
        match &self.bar {
            Some(bar) => {
                bar.set_position(tally.decided.iter().sum());
                bar.set_message(text);
            }
            None => tracing::info!(target: TARGET, "{text}"),
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.terminal.set_bar(None);
    }

    /// What an operator asks at three in the morning, most important first: a narrow terminal cuts
    /// the end.
    fn text(&self, tally: &Tally) -> String {
        use Situacao::{Atualizado, Falhou, Inalterado, Incerto, Invalido, Recusado};
        let sent = tally.count_decided(&[Atualizado, Recusado, Falhou, Incerto]);
        let unchanged = tally.count_decided(&[Inalterado]);
        let failed = tally.count_decided(&[Recusado, Invalido, Falhou, Incerto]);
        let mut parts =
            vec![format!("{}/{} enviadas", number(sent), number(self.plan.to_send.max(sent)))];
        match self.phase {
            Phase::Limited => parts.push("pausa: limite atingido (429)".to_owned()),
            Phase::Probing => parts.push("TomTicket fora do ar: esperando".to_owned()),
            Phase::Draining => parts.push("parando".to_owned()),
            Phase::Sending => {}
        }
        let left = self.plan.to_send.saturating_sub(sent);
        if self.phase != Phase::Draining
            && left > 0
            && let Some(pace) = tally.pace(Instant::now()).or(self.plan.rate)
        {
            parts.push(remaining(left, pace));
        }
        if failed > 0 {
            parts.push(format!("{} com erro", number(failed)));
        }
        if unchanged > 0 {
            parts.push(format!("{} sem mudança", number(unchanged)));
        }
        if self.phase == Phase::Sending {
            parts.extend(self.pace(tally));
        }
        parts.join(" · ")
    }

    fn pace(&self, tally: &Tally) -> Option<String> {
        let pace = tally.pace(Instant::now())?;
        Some(match self.plan.rate {
            Some(rate) => format!("{}/s de {}", decimal(pace), decimal(rate)),
            None => format!("{}/s", number(pace.round() as u64)),
        })
    }
}

/// `faltam 27 min 3 s (até 03:12)`, the clock being the local one.
fn remaining(left: u64, pace: f64) -> String {
    let wait = Duration::from_secs_f64((left as f64 / pace.max(1e-3)).min(1e8));
    let until = jiff::ZonedDateTime::now()
        .saturating_add(jiff::SignedDuration::try_from(wait).unwrap_or_default());
    let clock = if wait < Duration::from_secs(20 * 3600) {
        until.strftime("%H:%M").to_string()
    } else {
        until.strftime("%d/%m %H:%M").to_string()
    };
    format!("faltam {} (até {clock})", duration_words(wait))
}
