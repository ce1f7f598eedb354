//! The only consumer of events: results, rejects, summary, progress.
//!
//! It runs on a thread of its own, because writing files blocks. It owns results and rejects; when one
//! can no longer be written it says so at once, writes nothing more, and goes on counting until the pool
//! has stopped: what was sent meanwhile must not be told as never sent.

mod atomic_file;
mod clean;
mod destination;
mod holder;
mod line;
mod log;
mod progress;
mod recent;
mod rejects;
mod results;
mod summary;
mod tally;
mod terminal;

use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

pub use crate::locale::format::{capital, counted, duration_words, number};
pub use atomic_file::{Output, OutputError};
pub use clean::{cell as safe_cell, line as one_line};
pub use destination::{Destination, resolved};
pub use progress::{Progress, ProgressPlan};
pub use rejects::{Rejects, RejectsDialect};
pub use results::{RESULT_COLUMNS, Results, ResultsDialect};
pub use summary::{SuggestedCommands, Summary, SummaryContext, meaning};
pub use tally::Tally;
pub use terminal::{LogFormat, Terminal, start_logging};

use crate::html_report::stats::ResultStats;
use crate::scheduler::events::Event;

/// How often the progress is looked at while no events come.
const TICK: Duration = Duration::from_millis(250);

/// Everything the reporter writes and shows.
#[derive(Debug)]
pub struct Reporter {
    /// The results file.
    pub results: Results,
    /// The rejects file.
    pub rejects: Rejects,
    /// What the report is made of, where there is to be one.
    pub findings: Option<ResultStats>,
    /// The display.
    pub progress: Progress,
}

impl Reporter {
    /// Takes events until the pool has no more, and gives the counts. Blocking: to be called on a
    /// thread where that is allowed; `runtime` only drives the waiting. When an output cannot be
    /// written `failed` is called, once; the outputs are then left as they are, and the counts go
    /// on.
    pub fn consume(
        &mut self,
        runtime: &Handle,
        mut events: mpsc::Receiver<Vec<Event>>,
        failed: impl Fn(&OutputError),
    ) -> (Tally, Result<(), OutputError>) {
        let mut tally = Tally::new(Instant::now());
        let mut result = Ok(());
        loop {
            // While events come as fast as they are taken, nobody has to be woken or timed.
            let next = match events.try_recv() {
                Ok(batch) => Ok(Some(batch)),
                Err(_) => runtime.block_on(async { timeout(TICK, events.recv()).await }),
            };
            match next {
                Err(_) => {}
                Ok(None) => break,
                Ok(Some(batch)) => {
                    if result.is_ok() {
                        result = self.write(&batch);
                        if let Err(error) = &result {
                            failed(error);
                        }
                    }
                    self.count(batch, &mut tally);
                }
            }
            self.progress.show(&tally);
        }
        self.progress.finish();
        (tally, result)
    }

    fn write(&mut self, batch: &[Event]) -> Result<(), OutputError> {
        let mut wrote = false;
        for event in batch {
            let Event::Settled(row, outcome) = event else { continue };
            self.results.write(row, outcome)?;
            if outcome.situacao.erro() {
                self.rejects.write(&row.record, outcome)?;
            }
            if let Some(findings) = &mut self.findings {
                findings.add(&results::entry(row, outcome, &clean::cell(&outcome.mensagem)));
            }
            wrote = true;
        }
        if wrote {
            // A full disk must be noticed now, not when the last row is done.
            self.results.flush()?;
            self.rejects.flush()?;
        }
        Ok(())
    }

    fn count(&mut self, batch: Vec<Event>, tally: &mut Tally) {
        for event in batch {
            match event {
                Event::Settled(row, outcome) => {
                    log::settled(row.record.linha(), &outcome);
                    tally.settled(&outcome);
                }
                Event::Decided(situacao) => tally.decided(situacao),
                Event::Request(request) => {
                    log::request(&request);
                    tally.request(&request);
                }
                Event::Phase(phase) => self.progress.phase(phase),
            }
        }
    }

    /// Puts the files in their places: none before both are known to be on the disk. The results
    /// come last, so that where a renaming fails those of the run before are still there.
    ///
    /// # Errors
    /// When one cannot be completed; its `.parcial` then stays.
    pub fn finish(&mut self) -> Result<(), OutputError> {
        self.results.complete()?;
        self.rejects.complete()?;
        self.rejects.put_in_place()?;
        self.results.put_in_place()
    }
}
