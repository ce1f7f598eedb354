//! A snapshot as `pull` would write it of the simulated server, and as `Snapshot` compares rows with it.

use std::collections::BTreeSet;

use super::simulated_reading::{PageEntry, PagedReading};
use super::simulated_server::{EMAIL, INTERNO};
use super::testing::TestRow;
use crate::model::{
    CustomerType, FieldName, HeldRecord, HeldRow, HeldValue, Name, Update, same_name,
};

/// The fields that a snapshot has columns for, `campo:k` only where somebody has a value.
const READABLE: [&str; 5] = ["nome", EMAIL, INTERNO, "criarchamados", "campo:k"];

/// What TomTicket held, each customer when its page was read.
#[derive(Debug, Clone)]
pub struct Pulled {
    pub records: Vec<HeldRecord>,
    /// The event after which each record was read.
    events: Vec<u64>,
}

impl Pulled {
    pub fn of(reading: &PagedReading) -> Self {
        let has_campo = reading.entries().iter().any(|it| !it.value("campo:k").is_empty());
        let record = |entry: &PageEntry| {
            let names = [(CustomerType::Email, EMAIL), (CustomerType::Internal, INTERNO)];
            let names = names.map(|(ctype, field)| (ctype, entry.value(field).into()));
            let names = names.into_iter().filter(|(_, name): &(_, Box<str>)| !name.is_empty());
            let values = READABLE.into_iter().filter(|field| match *field {
                "criarchamados" => entry.value(field) == "true",
                "campo:k" => has_campo,
                _ => true,
            });
            let values = values.map(|field| (field_name(field), entry.value(field).into()));
            let (names, values) = (names.collect(), values.collect());
            HeldRecord { read_at: entry.read_at, names, values }
        };
        Self {
            records: reading.entries().iter().map(record).collect(),
            events: reading.entries().iter().map(|entry| entry.event).collect(),
        }
    }

    fn find(&self, name: Name<'_>) -> Option<usize> {
        let mut found = self.named(name, true);
        found.next().filter(|_| found.next().is_none())
    }

    fn named(&self, name: Name<'_>, exactly: bool) -> impl Iterator<Item = usize> {
        let is_same = move |text: &str| match name.ctype {
            CustomerType::Internal if exactly => text == name.text,
            _ => same_name(text, name.text),
        };
        let has = move |record: &HeldRecord| {
            record.names.iter().any(|(ctype, text)| *ctype == name.ctype && is_same(text))
        };
        let found: Vec<usize> =
            (0..self.records.len()).filter(|number| has(&self.records[*number])).collect();
        found.into_iter()
    }

    pub fn touched(&self, update: &Update) -> BTreeSet<usize> {
        let names = [Some(update.primary_name()), update.rename_to(), update.alias()];
        names.into_iter().flatten().flat_map(|name| self.named(name, false)).collect()
    }

    /// As `Snapshot::compare` has it, and the event after which the record was read.
    pub fn compare(&self, update: &Update, silent: &BTreeSet<usize>) -> Option<(HeldRow, u64)> {
        let own = self.find(update.primary_name());
        let is_silent = own.is_none() || !self.touched(update).is_disjoint(silent);
        let number = own.or_else(|| self.find(update.rename_to()?))?;
        let record = self.records[number].clone();
        let values = update.values().map(|(field, value)| match record.value(field) {
            Some(held) if held == value => HeldValue::Same,
            Some(_) => HeldValue::Differs,
            None => HeldValue::NotRead,
        });
        let values = values.collect();
        let row = HeldRow { record, values, assumed: [].into(), is_silent };
        Some((row, self.events[number]))
    }
}

fn field_name(field: &str) -> FieldName {
    let row = TestRow::new(CustomerType::Email, "a@x").set(field, "true").update();
    row.values().next().unwrap().0.clone()
}
