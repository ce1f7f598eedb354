//! A snapshot as `pull` would write it of the simulated server, and as `Snapshot` compares rows with it.

use std::collections::{BTreeMap, BTreeSet};

use super::simulated_server::{EMAIL, INTERNO, SimulatedServer};
use super::testing::TestRow;
use crate::model::{
    CustomerType, FieldName, HeldRecord, HeldRow, HeldValue, Name, Update, same_name,
};

/// The fields that a snapshot has columns for, `campo:k` only where somebody has a value.
const READABLE: [&str; 5] = ["nome", EMAIL, INTERNO, "criarchamados", "campo:k"];

/// What TomTicket held at one moment.
#[derive(Debug, Clone)]
pub struct Pulled {
    pub records: Vec<HeldRecord>,
    /// The event after which it was read.
    pub event: u64,
}

impl Pulled {
    pub fn of(server: &SimulatedServer, read_at: u32, event: u64) -> Self {
        let held = |customer: &BTreeMap<String, String>, field: &str| {
            customer.get(field).map_or("", String::as_str).to_owned()
        };
        let has_campo = server.customers.iter().any(|it| !held(it, "campo:k").is_empty());
        let mut records = Vec::new();
        for customer in &server.customers {
            let names = [(CustomerType::Email, EMAIL), (CustomerType::Internal, INTERNO)];
            let names = names.map(|(ctype, field)| (ctype, held(customer, field).into()));
            let names: Vec<(CustomerType, Box<str>)> =
                names.into_iter().filter(|(_, name): &(_, Box<str>)| !name.is_empty()).collect();
            let values = READABLE.into_iter().filter(|field| match *field {
                "criarchamados" => held(customer, field) == "true",
                "campo:k" => has_campo,
                _ => true,
            });
            let values =
                values.map(|field| (field_name(field), held(customer, field).into())).collect();
            if !names.is_empty() {
                records.push(HeldRecord { read_at, names, values });
            }
        }
        Self { records, event }
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

    /// As `Snapshot::compare` has it.
    pub fn compare(&self, update: &Update, silent: &BTreeSet<usize>) -> Option<HeldRow> {
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
        Some(HeldRow { record, values, assumed: [].into(), is_silent })
    }
}

fn field_name(field: &str) -> FieldName {
    let row = TestRow::new(CustomerType::Email, "a@x").set(field, "true").update();
    row.values().next().unwrap().0.clone()
}
