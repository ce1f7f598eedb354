//! The stages of a run connected by channels: reader and mapper on a thread, the scheduler on the
//! caller's runtime, the reporter on a thread where it may block.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::input_thread;
use super::row_meaning::RowMeaning;
use crate::api::Client;
use crate::input::Rows;
use crate::ledger::LedgerHandle;
use crate::mapping::MappingPlan;
use crate::output::{OutputError, Reporter, Tally};
use crate::panic_hook;
use crate::scheduler::Knowledge;
use crate::scheduler::{Channels, SchedulerOptions, run as run_scheduler};
use crate::selection::Selection;
use crate::snapshot::HeldCustomers;
use crate::stop::{StopHandle, StopListener, StopReason};

/// Capacity of the channel from scheduler to reporter, in batches of events.
const EVENT_BATCHES: usize = 16;

/// The stages, ready to be connected.
pub(super) struct Pipeline {
    pub client: Arc<Client>,
    pub options: SchedulerOptions,
    pub reading: Rows,
    pub plan: Arc<MappingPlan>,
    pub selection: Option<Selection>,
    /// What the snapshot shows, where the input may be compared with it.
    pub customers: Option<Arc<HeldCustomers>>,
    pub reporter: Reporter,
}

/// What the stages leave.
pub(super) struct PipelineOutput {
    pub reporter: Reporter,
    pub tally: Tally,
    pub stop: Option<StopReason>,
}

impl Pipeline {
    /// Drives the stages until every row is settled, or the run is stopped. Gives the ledger back.
    pub async fn run(
        self,
        knowledge: Knowledge<LedgerHandle>,
        stop: &StopHandle,
        listener: StopListener,
        deadline: Option<Instant>,
    ) -> (PipelineOutput, Option<LedgerHandle>) {
        let (rows_in, rows_out) = mpsc::channel(input_thread::BATCHES);
        let (events_in, events_out) = mpsc::channel(EVENT_BATCHES);
        let reader = thread::spawn({
            let (reading, plan) = (self.reading, self.plan);
            let (selection, customers) = (self.selection, self.customers);
            move || {
                let meaning = RowMeaning {
                    plan: &plan,
                    customers: customers.as_deref(),
                    selection: selection.as_ref(),
                };
                input_thread::read(reading, meaning, &rows_in);
            }
        });
        let reporting = tokio::task::spawn_blocking({
            let (mut reporter, runtime, stop) = (self.reporter, Handle::current(), stop.clone());
            move || {
                panic_hook::inject_panic_if_requested("report", &"reporter");
                // An output that cannot be written stops the run at once.
                let (tally, result) = reporter.consume(&runtime, events_out, |error| {
                    stop.stop(StopReason::Local(unwritable(error)));
                });
                (reporter, tally, result)
            }
        });
        let clock = tokio::spawn(stop_at(deadline, stop.clone()));
        let channels = Channels { input: rows_out, events: events_in, stop: listener };
        let (reason, ledger) = run_scheduler(self.client, knowledge, self.options, channels).await;
        clock.abort();
        let (reporter, tally, written) = match reporting.await {
            Ok(reported) => reported,
            Err(died) => std::panic::resume_unwind(died.into_panic()),
        };
        let mut output = PipelineOutput { reporter, tally, stop: reason };
        // The scheduler has closed the channel, so the reader ends at its next batch. If it panicked,
        // rows are missing.
        if !matches!(tokio::task::spawn_blocking(move || reader.join()).await, Ok(Ok(()))) {
            let why =
                "a leitura da entrada parou por uma falha interna; avise os autores do programa";
            output.stop = Some(StopReason::Local(why.into()));
        }
        if let Err(error) = written {
            output.stop = Some(StopReason::Local(unwritable(&error)));
        }
        (output, ledger)
    }
}

impl PipelineOutput {
    /// Whether this machine failed, so that the files are not complete.
    pub fn broke_off(&self) -> bool {
        matches!(self.stop, Some(StopReason::Local(_)))
    }

    /// Ends the run as a failure of this machine, unless it already is one.
    pub fn fail(&mut self, why: String) {
        if !self.broke_off() {
            self.stop = Some(StopReason::Local(why));
        }
    }
}

/// Why a run ends whose results or rejects cannot be written.
pub(super) fn unwritable(error: &OutputError) -> String {
    match error {
        OutputError::NotNamed { .. } => error.to_string(),
        _ => format!("{error}; o que já foi gravado não está completo"),
    }
}

/// Stops the run at `--max-duration`.
async fn stop_at(deadline: Option<Instant>, stop: StopHandle) {
    let Some(deadline) = deadline else { return };
    tokio::time::sleep_until(deadline.into()).await;
    stop.stop(StopReason::Temporary("o tempo de --max-duration acabou".into()));
}
