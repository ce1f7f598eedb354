//! A snapshot while rows are compared with it. It falls silent about a customer as soon as a row that
//! touches it is sent: what it shows is no longer what TomTicket holds.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::error::SnapshotError;
use super::file::{self, RecordFile, SnapshotRules, SnapshotTimes};
use super::index::{NameIndex, RecordNumber};
use crate::input::{InputFile, Record};
use crate::mapping::MappingPlan;
use crate::model::{FieldName, HeldRecord, HeldRow, HeldValue, Name, Row, Update};

/// What a snapshot shows of a customer.
#[derive(Debug)]
pub enum Shown<T> {
    /// Nothing of that name.
    Nothing,
    /// More than one customer of that name.
    Several,
    One(T),
}

impl<T> Shown<T> {
    pub fn one(self) -> Option<T> {
        match self {
            Self::One(one) => Some(one),
            Self::Nothing | Self::Several => None,
        }
    }
}

/// A snapshot, open.
#[derive(Debug)]
pub struct Snapshot {
    label: String,
    customers: Arc<HeldCustomers>,
    times: SnapshotTimes,
    /// Fields that are taken for granted (`--assume`).
    assumed: Arc<[FieldName]>,
    /// Earlier readings do not count (`--max-age`), in seconds since 1970.
    not_before: u32,
    /// One bit a customer: whether a row that touches it was sent.
    silent: BitSet,
    /// The same: whether a row of this pass addressed it and changed something.
    addressed: BitSet,
    /// Customers of whom a row gave a name to another, and that row's line.
    bereft: BTreeMap<RecordNumber, u64>,
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
        let nobody = BitSet::of(records.len());
        Ok(Self {
            label: input.label().to_owned(),
            customers: Arc::new(HeldCustomers { records, index }),
            times,
            assumed,
            not_before: rules.not_before,
            silent: nobody.clone(),
            addressed: nobody,
            bereft: BTreeMap::new(),
        })
    }

    pub fn label(&self) -> &str {
        &self.label
    }

    pub fn len(&self) -> usize {
        self.customers.records.len()
    }

    /// The customers as they were read, whatever is sent meanwhile.
    pub fn customers(&self) -> &Arc<HeldCustomers> {
        &self.customers
    }

    /// When the first and the last customer were read, in seconds since 1970.
    pub fn times(&self) -> (u32, u32) {
        (self.times.oldest, self.times.newest)
    }

    /// The row beside its customer. Reads one record, which takes microseconds.
    pub fn compare(&self, update: &Update) -> io::Result<Shown<HeldRow>> {
        let mut is_silent = self.touched(update).any(|number| self.silent.contains(number));
        let mut found = self.customers.one(update.primary_name())?;
        if let (Shown::Nothing | Shown::Several, Some(new_name)) = (&found, update.rename_to())
            && let renamed @ Shown::One(_) = self.customers.one(new_name)?
        {
            (found, is_silent) = (renamed, true);
        }
        let record = match found {
            Shown::One(record) => record,
            Shown::Nothing => return Ok(Shown::Nothing),
            Shown::Several => return Ok(Shown::Several),
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
        let assumed = Arc::clone(&self.assumed);
        Ok(Shown::One(HeldRow { record, values, assumed, is_silent }))
    }

    /// The customers that may be touched by a row, by any name that it uses or gives. Two customers
    /// whose names share a hash are both named.
    pub fn touched(&self, update: &Update) -> impl Iterator<Item = RecordNumber> + use<'_> {
        let names = [Some(update.primary_name()), update.rename_to(), update.alias()];
        let found: Vec<RecordNumber> = names
            .into_iter()
            .flatten()
            .flat_map(|name| self.customers.index.candidates(name.ctype, name.text))
            .collect();
        found.into_iter()
    }

    /// A row is sent: from now on the snapshot is silent about every customer that it touches.
    pub fn silence(&mut self, update: &Update) {
        let touched: Vec<RecordNumber> = self.touched(update).collect();
        for number in touched {
            self.silent.insert(number);
        }
    }

    /// Notes which customer a row addresses that changes something, and whose names it takes.
    pub fn note_names(&mut self, update: &Update, linha: u64) {
        let primary = update.primary_name();
        let index = &self.customers.index;
        let own: Vec<_> = index.candidates(primary.ctype, primary.text).collect();
        // Of a customer that the snapshot lacks it is not known whether the name was its own.
        if own.is_empty() {
            return;
        }
        let touched: Vec<_> = self.touched(update).collect();
        for number in touched {
            match own.contains(&number) {
                true => self.addressed.insert(number),
                false => drop(self.bereft.insert(number, linha)),
            }
        }
    }

    /// The lines of the rows that took a name from a customer of whom no row speaks: no results name
    /// that one.
    pub fn names_lost(&self) -> Vec<u64> {
        let lost = self.bereft.iter().filter(|(number, _)| !self.addressed.contains(**number));
        lost.map(|(_, linha)| *linha).collect()
    }

    /// Forgets which rows were sent: the next pass begins anew.
    pub fn rewind(&mut self) {
        self.silent.clear();
        self.addressed.clear();
        self.bereft.clear();
    }
}

/// The customers of a snapshot, as they were read.
#[derive(Debug)]
pub struct HeldCustomers {
    records: RecordFile,
    index: NameIndex,
}

impl HeldCustomers {
    /// Every customer of this name. Reads one record each, which takes microseconds.
    fn named<'n>(
        &'n self,
        name: Name<'n>,
    ) -> impl Iterator<Item = io::Result<HeldRecord>> + use<'n> {
        let candidates = self.index.candidates(name.ctype, name.text);
        let records = candidates.map(|number| self.records.record(number));
        records.filter(move |record| record.as_ref().map_or(true, |it| it.has_name(name)))
    }

    fn one(&self, name: Name<'_>) -> io::Result<Shown<HeldRecord>> {
        let mut named = self.named(name);
        Ok(match (named.next().transpose()?, named.next().transpose()?) {
            (None, _) => Shown::Nothing,
            (Some(record), None) => Shown::One(record),
            (Some(_), Some(_)) => Shown::Several,
        })
    }

    /// The row of a record by this plan. Where the input is a snapshot that is compared with this one,
    /// what came back unchanged is not checked.
    pub fn map(
        customers: Option<&Self>,
        plan: &MappingPlan,
        seq: u64,
        record: Record,
    ) -> io::Result<Row> {
        let held = match (customers.filter(|_| plan.is_compared()), plan.name(&record)) {
            (Some(customers), Some((ctype, text))) => {
                customers.named(Name { ctype, text: &text }).collect::<io::Result<_>>()?
            }
            _ => Vec::new(),
        };
        Ok(plan.map(seq, record, &held))
    }
}

/// A set of records, one bit each.
#[derive(Debug, Clone)]
struct BitSet(Vec<u64>);

impl BitSet {
    fn of(records: usize) -> Self {
        Self(vec![0; records.div_ceil(64)])
    }

    fn insert(&mut self, number: RecordNumber) {
        if let Some(bits) = self.0.get_mut(number as usize / 64) {
            *bits |= 1 << (number % 64);
        }
    }

    fn contains(&self, number: RecordNumber) -> bool {
        let bits = self.0.get(number as usize / 64);
        bits.is_some_and(|bits| bits & (1 << (number % 64)) != 0)
    }

    fn clear(&mut self) {
        self.0.fill(0);
    }
}
