//! The rows between the oldest unfinished one and the newest read, and the queues derived from their
//! states. Bounded in rows and in bytes; it also puts verdicts back into input order. It does not
//! decide which state a row gets.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use super::row_state::{RowEntry, RowState};
use crate::model::{CustomerType, Outcome, Row, Update};

/// Rows that may be in the window: how far rows of other customers run ahead of a slow one.
pub const WINDOW_ROWS: usize = 1024;
/// Bytes that the rows of the window may hold beyond [`WINDOW_LEAST`] rows.
pub const WINDOW_BYTES: usize = 8 * 1024 * 1024;
/// Rows that always fit, however large: the oldest, and 64 behind it that it does not hold up.
pub const WINDOW_LEAST: usize = 65;

/// The sequence number of the breaker's probe, which is no row of the input.
pub const PROBE: u64 = u64::MAX;

/// The window.
#[derive(Debug, Default)]
pub struct RowWindow {
    rows: VecDeque<RowEntry>,
    /// Sequence number of the first row.
    base: u64,
    bytes: usize,
    probe: Option<Box<RowEntry>>,
    /// Rows that go before all others, until the input reaches them.
    early: BTreeMap<u64, RowEntry>,
    /// The rows in each state, oldest first.
    queues: [BTreeSet<u64>; RowState::Finished as usize + 1],
    /// The unfinished rows of each identifier type.
    unfinished: [BTreeSet<u64>; 2],
}

impl RowWindow {
    /// Whether more rows may be read.
    pub fn has_room(&self) -> bool {
        self.rows.len() < WINDOW_LEAST
            || (self.rows.len() < WINDOW_ROWS && self.bytes < WINDOW_BYTES)
    }

    /// Whether neither a row nor a probe is left.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.probe.is_none() && self.early.is_empty()
    }

    /// Adds the next row; rows come in input order without gaps.
    pub fn push(&mut self, entry: RowEntry) {
        self.queue(self.base + self.rows.len() as u64, &entry);
        self.bytes += entry.heap_bytes();
        self.rows.push_back(entry);
    }

    fn queue(&mut self, seq: u64, entry: &RowEntry) {
        self.queues[entry.state as usize].insert(seq);
        if let Some(update) = &entry.update {
            self.unfinished[update.customer().ctype as usize].insert(seq);
        }
    }

    /// Adds a row before the input reaches it.
    pub fn add_early(&mut self, seq: u64, entry: RowEntry) {
        self.queue(seq, &entry);
        self.early.insert(seq, entry);
    }

    /// Puts a row that was added before into its place; gives back one that was not.
    pub fn place_early(&mut self, row: Row) -> Option<Row> {
        let Some(mut entry) = self.early.remove(&row.seq) else { return Some(row) };
        entry.row = Some(Box::new(row));
        self.bytes += entry.heap_bytes();
        self.rows.push_back(entry);
        None
    }

    /// Adds the breaker's probe, under [`PROBE`].
    pub fn add_probe(&mut self, probe: RowEntry) {
        self.probe = Some(Box::new(probe));
    }

    /// Removes the breaker's probe.
    pub fn remove_probe(&mut self) -> Option<Box<RowEntry>> {
        let probe = self.probe.take()?;
        self.queues[probe.state as usize].remove(&PROBE);
        Some(probe)
    }

    /// The row with this sequence number, or the probe.
    pub fn get(&mut self, seq: u64) -> Option<&mut RowEntry> {
        if seq == PROBE {
            return self.probe.as_deref_mut();
        }
        if let Some(early) = self.early.get_mut(&seq) {
            return Some(early);
        }
        let index = usize::try_from(seq.checked_sub(self.base)?).ok()?;
        self.rows.get_mut(index)
    }

    /// What a row sends.
    pub fn update(&mut self, seq: u64) -> Option<Arc<Update>> {
        self.get(seq)?.update.clone()
    }

    /// The state of a row; `None` if it has left the window.
    pub fn state(&mut self, seq: u64) -> Option<RowState> {
        self.get(seq).map(|entry| entry.state)
    }

    /// Moves a row to another state, and to that state's queue.
    pub fn set_state(&mut self, seq: u64, state: RowState) {
        let Some(entry) = self.get(seq) else { return };
        let before = std::mem::replace(&mut entry.state, state);
        let finished_type = entry
            .update
            .as_ref()
            .filter(|_| state == RowState::Finished)
            .map(|update| update.customer().ctype as usize);
        self.queues[before as usize].remove(&seq);
        self.queues[state as usize].insert(seq);
        if let Some(index) = finished_type {
            self.unfinished[index].remove(&seq);
        }
    }

    /// The rows in this state, oldest first, the probe last.
    pub fn in_state(&self, state: RowState) -> &BTreeSet<u64> {
        &self.queues[state as usize]
    }

    /// The sequence numbers of all rows in the window, of those that go first, and of the probe.
    pub fn seqs(&self) -> impl Iterator<Item = u64> + use<> {
        let probe = self.probe.is_some().then_some(PROBE);
        let early: Vec<u64> = self.early.keys().copied().collect();
        (self.base..self.base + self.rows.len() as u64).chain(early).chain(probe)
    }

    /// Whether a row before `seq` under this identifier type is unfinished.
    pub fn has_unfinished_before(&self, seq: u64, ctype: CustomerType) -> bool {
        self.unfinished[ctype as usize].first().is_some_and(|first| *first < seq)
    }

    /// When the first attempt left of the unfinished row that was sent first, as far as it has ended.
    pub fn oldest_sent(&self) -> Option<Instant> {
        let unfinished = self.rows.iter().chain(self.early.values());
        let sent = unfinished.filter(|entry| entry.state != RowState::Finished);
        sent.filter_map(|entry| entry.attempts.first_sent()).min()
    }

    /// Removes the oldest row if it is finished.
    pub fn pop_finished(&mut self) -> Option<(Box<Row>, Outcome)> {
        if self.rows.front()?.state != RowState::Finished {
            return None;
        }
        let entry = self.rows.pop_front()?;
        self.queues[entry.state as usize].remove(&self.base);
        self.base += 1;
        self.bytes -= entry.heap_bytes();
        entry.row.zip(entry.outcome)
    }
}
