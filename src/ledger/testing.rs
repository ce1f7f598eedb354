//! What the ledger's tests share: rows that read like a line of a file, and a store in memory that
//! forgets what was not committed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::LedgerError;
use super::accepted_state::Names;
use super::keys::{Called, Keys, NameKey};
use super::record::{CutKey, Intent, Record, Saved, Stamp};
use super::rules::Store;
use crate::model::{CampoId, Customer, CustomerType, FieldName, Identifier, Param, Update};

/// A row in the making.
#[derive(Debug, Clone)]
pub struct Row {
    pub ctype: CustomerType,
    pub identifier: String,
    pub values: Vec<(String, String)>,
}

/// A row for the customer with this e-mail.
pub fn e(identifier: &str) -> Row {
    Row { ctype: CustomerType::Email, identifier: identifier.into(), values: Vec::new() }
}

/// A row for the customer with this internal identifier.
pub fn i(identifier: &str) -> Row {
    Row { ctype: CustomerType::Internal, identifier: identifier.into(), values: Vec::new() }
}

impl Row {
    /// Adds a value; `campo:<id>` is a custom field.
    pub fn set(mut self, field: &str, value: &str) -> Self {
        self.values.push((field.into(), value.into()));
        self
    }

    pub fn update(&self) -> Update {
        let field = |name: &str| match name.strip_prefix("campo:") {
            Some(id) => FieldName::Campo(CampoId::new(id).unwrap()),
            None => {
                let param = Param::ALL.into_iter().find(|param| param.as_str() == name);
                FieldName::Param(param.unwrap_or_else(|| panic!("no field {name}")))
            }
        };
        let fields: Arc<[FieldName]> = self.values.iter().map(|(name, _)| field(name)).collect();
        let customer =
            Customer { ctype: self.ctype, identifier: Identifier::new(&self.identifier).unwrap() };
        let mut update = Update::new(customer, fields);
        for (at, (_, value)) in self.values.iter().enumerate() {
            update.push(u16::try_from(at).unwrap(), value);
        }
        update
    }

    pub fn call(&self, keys: &Keys) -> Called {
        keys.called(self.update().home())
    }
}

/// A store without a file.
#[derive(Debug, Clone, Default)]
pub struct MemStore {
    now: Contents,
    committed: Contents,
}

#[derive(Debug, Clone, Default)]
struct Contents {
    names: HashMap<NameKey, Record>,
    cuts: HashMap<CutKey, Stamp>,
    intents: BTreeMap<Stamp, Intent>,
    next: u64,
}

impl MemStore {
    pub fn commit(&mut self) {
        self.committed = self.now.clone();
    }

    /// What a crash leaves.
    pub fn crash(self) -> Self {
        Self { now: self.committed.clone(), committed: self.committed }
    }

    pub fn intents(&self) -> usize {
        self.now.intents.len()
    }
}

impl Names for MemStore {
    fn name(&mut self, name: NameKey) -> Result<Record, LedgerError> {
        Ok(self.now.names.get(&name).cloned().unwrap_or_default())
    }
}

impl Store for MemStore {
    fn load(&mut self) -> Result<Saved, LedgerError> {
        Ok(Saved {
            next: self.now.next,
            cuts: self.now.cuts.iter().map(|(key, stamp)| (*key, *stamp)).collect(),
            intents: self.now.intents.values().cloned().collect(),
        })
    }

    fn put_name(&mut self, name: NameKey, record: &Record) -> Result<(), LedgerError> {
        self.now.names.insert(name, record.clone());
        self.now.names.retain(|_, record| !record.is_empty());
        Ok(())
    }

    fn put_intent(&mut self, intent: &Intent) -> Result<(), LedgerError> {
        self.now.intents.insert(intent.stamp, intent.clone());
        Ok(())
    }

    fn remove_intent(&mut self, stamp: Stamp) -> Result<(), LedgerError> {
        self.now.intents.remove(&stamp);
        Ok(())
    }

    fn put_cut(&mut self, key: CutKey, stamp: Stamp) -> Result<(), LedgerError> {
        self.now.cuts.insert(key, stamp);
        Ok(())
    }

    fn put_next(&mut self, next: u64, _now: u32) -> Result<(), LedgerError> {
        self.now.next = next;
        Ok(())
    }
}
