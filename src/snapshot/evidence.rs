//! A snapshot while rows are compared with it. It falls silent about a customer as soon as a row that
//! touches it is sent: what it shows is no longer what TomTicket holds.

use std::io;
use std::sync::Arc;

use super::error::SnapshotError;
use super::file::{self, RecordFile, SnapshotRules, SnapshotTimes};
use super::index::{NameIndex, RecordNumber};
use crate::input::InputFile;
use crate::model::{FieldName, HeldRecord, HeldRow, HeldValue, Name, Update};

/// A snapshot, open.
#[derive(Debug)]
pub struct Snapshot {
    label: String,
    records: RecordFile,
    index: NameIndex,
    times: SnapshotTimes,
    /// Fields that are taken for granted (`--assume`).
    assumed: Arc<[FieldName]>,
    /// Earlier readings do not count (`--max-age`), in seconds since 1970.
    not_before: u32,
    /// One bit a customer: whether a row that touches it was sent.
    silent: Vec<u64>,
}

impl Snapshot {
    /// Reads the whole file. `now` is in seconds since 1970.
    pub fn open(
        input: &InputFile,
        rules: &SnapshotRules,
        assumed: Arc<[FieldName]>,
        now: u32,
    ) -> Result<Self, SnapshotError> {
        let (records, index, times) = file::read(input, rules, now)?;
        let silent = vec![0; records.len().div_ceil(64)];
        let (label, not_before) = (input.label().to_owned(), rules.not_before);
        Ok(Self { label, records, index, times, assumed, not_before, silent })
    }

    pub fn label(&self) -> &str {
        &self.label
    }

    pub fn customers(&self) -> usize {
        self.records.len()
    }

    /// When the first and the last customer were read, in seconds since 1970.
    pub fn times(&self) -> (u32, u32) {
        (self.times.oldest, self.times.newest)
    }

    /// The row beside its customer; `None` where the snapshot does not show exactly one customer of
    /// that name. Reads one record, which takes microseconds.
    pub fn compare(&self, update: &Update) -> io::Result<Option<HeldRow>> {
        let mut is_silent = self.touched(update).any(|number| self.is_customer_silent(number));
        let record = match (self.find(update.primary_name())?, update.rename_to()) {
            (Some(record), _) => record,
            (None, Some(new_name)) => {
                is_silent = true;
                let Some(record) = self.find(new_name)? else { return Ok(None) };
                record
            }
            (None, None) => return Ok(None),
        };
        let is_recent = record.read_at >= self.not_before;
        let values = update
            .values()
            .map(|(field, value)| match record.value(field) {
                Some(held) if held == value && is_recent => HeldValue::Same,
                // What was read too long ago is as good as not read.
                Some(held) if held == value && !self.assumed.contains(field) => HeldValue::NotRead,
                _ if self.assumed.contains(field) => HeldValue::Assumed,
                Some(_) => HeldValue::Differs,
                None => HeldValue::NotRead,
            })
            .collect();
        Ok(Some(HeldRow { record, values, assumed: Arc::clone(&self.assumed), is_silent }))
    }

    /// The customers that may be touched by a row, by any name that it uses or gives. Two customers
    /// whose names share a hash are both named.
    pub fn touched(&self, update: &Update) -> impl Iterator<Item = RecordNumber> + use<'_> {
        let names = [Some(update.primary_name()), update.rename_to(), update.alias()];
        let found: Vec<RecordNumber> = names
            .into_iter()
            .flatten()
            .flat_map(|name| self.index.candidates(name.ctype, name.text))
            .collect();
        found.into_iter()
    }

    /// A row is sent: from now on the snapshot is silent about every customer that it touches.
    pub fn silence(&mut self, update: &Update) {
        let touched: Vec<RecordNumber> = self.touched(update).collect();
        for number in touched {
            if let Some(bits) = self.silent.get_mut(number as usize / 64) {
                *bits |= 1 << (number % 64);
            }
        }
    }

    /// Forgets which rows were sent: the next pass begins anew.
    pub fn rewind(&mut self) {
        self.silent.fill(0);
    }

    fn is_customer_silent(&self, number: RecordNumber) -> bool {
        let bits = self.silent.get(number as usize / 64);
        bits.is_some_and(|bits| bits & (1 << (number % 64)) != 0)
    }

    /// The one customer of this name.
    fn find(&self, name: Name<'_>) -> io::Result<Option<HeldRecord>> {
        let mut found = None;
        for number in self.index.candidates(name.ctype, name.text) {
            let record = self.records.record(number)?;
            if record.has_name(name) {
                if found.is_some() {
                    return Ok(None);
                }
                found = Some(record);
            }
        }
        Ok(found)
    }
}
