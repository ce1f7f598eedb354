//! The consumer of a run's events: writes results and rejects, counts, shows progress, and sums up.
//! Decides nothing about rows.
//!
//! It runs on a thread of its own, because writing files blocks. When an output can no longer be
//! written it reports that at once, writes nothing more, and goes on counting until the scheduler has
//! stopped: rows sent meanwhile must not be counted as never sent.

mod atomic_file;
mod column_changes;
mod csv_file;
mod destination;
mod error;
mod frequent;
mod lock_holder;
mod log;
mod new_file;
mod next_step;
pub mod ownership;
mod progress;
mod rejects;
mod rejects_file;
mod rejects_format;
mod request_rate;
mod results;
mod run_summary;
mod sanitize;
mod status_line;
mod summary;
mod tally;
mod terminal;
mod xlsx_file;

use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

pub use atomic_file::Output;
pub use column_changes::ChangedColumns;
pub use csv_file::CsvFile;
pub use destination::{Destination, comparable, resolved};
pub use error::OutputError;
pub use frequent::FrequentKeys;
pub use lock_holder::has_no_locks;
pub use new_file::{is_free, write_new_file};
pub use ownership::ModeLimit;
pub use progress::Progress;
pub use rejects::Rejects;
pub use rejects_format::{RaggedRow, RejectColumns};
pub use results::{RESULT_COLUMNS, ResultLine, ResultsDialect};
pub use run_summary::{
    ColumnCounts, MessageCount, MinuteCounts, Repeat, RunSummary, SUMMARY_VERSION, SnapshotSavings,
};
pub use sanitize::{cut, excerpt, one_line};
pub use status_line::StatusLine;
pub use summary::{Summary, meaning, tolerated};
pub use tally::Tally;
pub use terminal::{LogFormat, Terminal, start_logging};
pub use xlsx_file::{SHEET_ROWS, XlsxFile, fits_a_cell};

use self::sanitize::safe_cell;
use crate::html_report::stats::ResultStats;
use crate::scheduler::events::Event;

/// How often the progress display is updated while no events come.
const TICK: Duration = Duration::from_millis(250);

pub struct Reporter {
    pub results: CsvFile,
    pub rejects: Rejects,
    /// The statistics for the report, where one was asked for.
    pub stats: Option<ResultStats>,
    pub progress: Progress,
}

impl Reporter {
    /// Takes events until the channel closes, and returns the counts. Blocks: `runtime` only drives
    /// the waiting. When an output cannot be written, `failed` is called once and the files are left
    /// as they are.
    pub fn consume(
        &mut self,
        runtime: &Handle,
        mut events: mpsc::Receiver<Vec<Event>>,
        failed: impl Fn(&OutputError),
    ) -> (Tally, Result<(), OutputError>) {
        let mut tally = Tally::new(Instant::now());
        let mut result = Ok(());
        loop {
            match runtime.block_on(async { timeout(TICK, events.recv()).await }) {
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
        for event in batch {
            let Event::Settled(row, outcome) = event else { continue };
            let mensagem = safe_cell(&outcome.mensagem);
            let line = ResultLine::new(row, outcome, &mensagem);
            self.results.write_row(&line)?;
            if line.erro && row.left_out.is_none() {
                self.rejects.write(&row.record, outcome.situacao, &mensagem)?;
            }
            if let Some(stats) = &mut self.stats {
                stats.add(&line);
            }
        }
        // A full disk must be noticed now, not after the last row.
        self.results.flush()?;
        self.rejects.file.flush()
    }

    fn count(&mut self, batch: Vec<Event>, tally: &mut Tally) {
        for event in batch {
            match event {
                Event::Settled(row, outcome) => {
                    log::row(row.linha(), &outcome);
                    tally.settled(&outcome, row.left_out.is_some());
                }
                Event::Decided(situacao) => tally.decided(situacao),
                Event::Changed { update, changes, situacao } => {
                    tally.changed(situacao, &update, &changes);
                }
                Event::Unreached => tally.way_back.rows_unreached += 1,
                Event::NamesLost(customers) => tally.way_back.names_lost = customers,
                Event::Request(request) => {
                    log::request(&request);
                    tally.request(&request);
                }
                Event::Read(reply) => tally.read(reply),
                Event::Looking(looking) => self.progress.looking(looking),
                Event::Phase(phase) => self.progress.phase(phase),
            }
        }
    }

    /// Gives the files their names: none before both are on the disk. The results come last, so that
    /// those of the run before stay where a renaming fails; the `.parcial` then stays too.
    pub fn finish(&mut self) -> Result<(), OutputError> {
        self.results.complete()?;
        self.rejects.file.complete()?;
        self.rejects.file.output().persist()?;
        self.results.output().persist()
    }
}
