//! A ledger for runs under the paused clock: the real rules, without a file and a thread that the clock
//! would not wait for.

use super::*;
use crate::ledger::LedgerError;
use crate::ledger::testing::Bench;

/// The rules of the ledger over tables in memory; what is recorded is durable at once.
#[derive(Clone)]
pub struct MemoryLedger {
    bench: Arc<Mutex<Bench>>,
    start: Instant,
    waiting: Arc<Mutex<VecDeque<Recorded>>>,
    wake: Arc<tokio::sync::Notify>,
}

impl MemoryLedger {
    /// `start` is when the clock of the rules began.
    pub fn new(bench: Arc<Mutex<Bench>>, start: Instant) -> Self {
        let (waiting, wake) = Default::default();
        Self { bench, start, waiting, wake }
    }

    fn record(&self, recorded: Recorded) {
        self.waiting.lock().unwrap().push_back(recorded);
        self.wake.notify_one();
    }

    fn now(&self) -> u32 {
        1_000_000 + u32::try_from(self.start.elapsed().as_secs()).unwrap()
    }
}

impl Ledger for MemoryLedger {
    type Error = LedgerError;

    fn check(
        &mut self,
        _: u64,
        update: &Update,
        held: Option<&HeldRow>,
    ) -> Result<Checked, LedgerError> {
        let now = self.now();
        let (unchanged, _) = self.bench.lock().unwrap().rules.check(update, held, now)?;
        Ok(Checked { unchanged, was_written: false, is_recording: false })
    }

    fn check_fence(&mut self) -> Result<(), LedgerError> {
        Ok(())
    }

    fn record_intent(&mut self, sequence: u64, update: Arc<Update>) -> Result<(), LedgerError> {
        let (now, mut bench) = (self.now(), self.bench.lock().unwrap());
        let changes = bench.rules.record_intent(sequence, &update, now)?;
        bench.apply(&changes);
        drop(bench);
        self.record(Recorded::Intent { sequence });
        Ok(())
    }

    fn record_outcome(
        &mut self,
        sequence: u64,
        update: Arc<Update>,
        outcome: RequestOutcome,
    ) -> Result<(), LedgerError> {
        let (now, mut bench) = (self.now(), self.bench.lock().unwrap());
        let changes = bench.rules.record_outcome(sequence, &update, outcome, now)?;
        bench.apply(&changes);
        drop(bench);
        self.record(Recorded::Outcome { sequence });
        Ok(())
    }

    fn refusal_doubt(&mut self, sequence: u64) -> Result<RefusalDoubt, LedgerError> {
        self.bench.lock().unwrap().rules.refusal_doubt(sequence)
    }

    fn is_verified(&self, field: &FieldName) -> bool {
        self.bench.lock().unwrap().rules.is_verified(field)
    }

    fn record_verified(&mut self, fields: &[FieldName]) -> Result<(), LedgerError> {
        let mut bench = self.bench.lock().unwrap();
        let changes = bench.rules.record_verified(fields);
        bench.apply(&changes);
        drop(bench);
        self.record(Recorded::Seen);
        Ok(())
    }

    async fn recorded(&mut self) -> Result<Vec<Recorded>, LedgerError> {
        loop {
            let all: Vec<_> = self.waiting.lock().unwrap().drain(..).collect();
            if !all.is_empty() {
                return Ok(all);
            }
            self.wake.notified().await;
        }
    }
}
