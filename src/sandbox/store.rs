//! The simulated customers and the names under which they are found.
//!
//! A customer has up to two names, an e-mail and an internal identifier, and is the same customer
//! under both. A changed name renames for real: the old one leads to nobody until somebody takes it
//! by a rename. Whether an update is allowed at all is not decided here (that is [`super::rules`]).

use std::collections::{BTreeMap, HashMap};

use serde::{Serialize, Serializer};

use super::record::{FieldId, FieldNames, Record};
use super::rules::{NameType, Update, campo_id};
use super::seed::SeedCustomer;

/// What stands for a name in memory: 128 bits of its hash, so that a million names cost no
/// million strings. E-mails are lower-cased (Unicode) first: letter case does not tell two apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct NameKey([u8; 16]);

impl NameKey {
    fn new(name_type: NameType, name: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        match name_type {
            NameType::Internal => hasher.update(b"I").update(name.as_bytes()),
            NameType::Email => hasher.update(b"E").update(name.to_lowercase().as_bytes()),
        };
        let mut key = [0; 16];
        key.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self(key)
    }
}

/// The place of a record in [`Store::records`].
type RecordId = u32;

/// All customers.
#[derive(Debug)]
pub(super) struct Store {
    /// Who answers to a name; `None` for a name that was given up, which no longer refers to
    /// anybody even where every customer exists.
    names: HashMap<NameKey, Option<RecordId>>,
    /// `None` where a customer without names has disappeared.
    records: Vec<Option<Record>>,
    free: Vec<RecordId>,
    fields: FieldNames,
    /// Whether a customer never heard of exists.
    everybody_exists: bool,
    reset_defaults: bool,
}

impl Store {
    /// A store in which everybody exists, though nothing is held of anybody yet.
    pub(super) fn of_everybody() -> Self {
        Self { everybody_exists: true, ..Self::of_nobody() }
    }

    /// A store in which nobody exists but those who are [added](Self::add).
    pub(super) fn of_nobody() -> Self {
        Self {
            names: HashMap::new(),
            records: Vec::new(),
            free: Vec::new(),
            fields: FieldNames::default(),
            everybody_exists: false,
            reset_defaults: false,
        }
    }

    /// Whether updates that leave out a parameter with a documented default reset it.
    pub(super) fn set_reset_defaults(&mut self, reset_defaults: bool) {
        self.reset_defaults = reset_defaults;
    }

    /// Adds a customer. If it shares a name with another, it is that one; of two values for one
    /// parameter the later one holds.
    pub(super) fn add(&mut self, customer: &SeedCustomer) {
        let known = customer.names().find_map(|(name_type, name)| self.find(name_type, name));
        let id = match known {
            Some(id) => id,
            None => self.insert(Record::default()),
        };
        self.change(id, customer.values());
    }

    /// Executes an update; `false` if there is no such customer.
    pub(super) fn update(&mut self, update: &Update) -> bool {
        let key = NameKey::new(update.name_type, &update.identifier);
        let id = match self.names.get(&key) {
            Some(Some(id)) => *id,
            None if self.everybody_exists => {
                let id = self.insert(Record::default());
                self.change(id, [(update.name_type.parameter(), update.identifier.as_str())]);
                id
            }
            Some(None) | None => return false,
        };
        if let Some(record) = self.record_mut(id) {
            record.updates = record.updates.saturating_add(1);
        }
        let sent = update.values.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        if self.reset_defaults {
            let left_out = [("criarchamados", "true"), ("idioma", "pt_BR")]
                .into_iter()
                .filter(|(name, _)| update.values.iter().all(|(sent, _)| sent != name));
            self.change(id, sent.chain(left_out));
        } else {
            self.change(id, sent);
        }
        true
    }

    /// Sets values of a customer, its names among them.
    fn change<'a>(&mut self, id: RecordId, values: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let mut changes: Vec<(FieldId, &str)> = Vec::new();
        for (name, value) in values {
            match name {
                "email" => self.rename(id, NameType::Email, value),
                "id_interno" => self.rename(id, NameType::Internal, value),
                _ => {}
            }
            changes.push((self.fields.number(name), value));
        }
        if let Some(record) = self.record_mut(id) {
            record.change(changes);
        }
        self.drop_if_nameless(id);
    }

    /// Lets customer `id` answer to `new` instead of its present name of that type (an empty name
    /// is none). Whoever held the new name loses it. The record itself is not changed.
    fn rename(&mut self, id: RecordId, name_type: NameType, new: &str) {
        let old = self.name(id, name_type).map(|old| NameKey::new(name_type, old));
        let new = (!new.is_empty()).then(|| NameKey::new(name_type, new));
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.names.insert(old, None);
        }
        let loser = new.and_then(|new| self.names.insert(new, Some(id)).flatten());
        if let Some(loser) = loser {
            let field = self.fields.number(name_type.parameter());
            if let Some(record) = self.record_mut(loser) {
                record.change([(field, "")]);
            }
            self.drop_if_nameless(loser);
        }
    }

    fn insert(&mut self, record: Record) -> RecordId {
        if let Some(id) = self.free.pop() {
            self.records[id as usize] = Some(record);
            return id;
        }
        self.records.push(Some(record));
        // Four billion customers would need hundreds of gigabytes.
        RecordId::try_from(self.records.len() - 1).unwrap_or(RecordId::MAX)
    }

    /// A customer without names cannot be addressed ever again.
    fn drop_if_nameless(&mut self, id: RecordId) {
        let named = [NameType::Email, NameType::Internal]
            .into_iter()
            .any(|name_type| self.name(id, name_type).is_some());
        if !named && self.records[id as usize].take().is_some() {
            self.free.push(id);
        }
    }

    fn find(&self, name_type: NameType, name: &str) -> Option<RecordId> {
        *self.names.get(&NameKey::new(name_type, name))?
    }

    fn record(&self, id: RecordId) -> Option<&Record> {
        self.records.get(id as usize)?.as_ref()
    }

    fn record_mut(&mut self, id: RecordId) -> Option<&mut Record> {
        self.records.get_mut(id as usize)?.as_mut()
    }

    fn name(&self, id: RecordId, name_type: NameType) -> Option<&str> {
        self.record(id)?.get(self.fields.find(name_type.parameter())?)
    }

    /// Number of customers held.
    pub(super) fn len(&self) -> usize {
        self.records.len() - self.free.len()
    }

    /// What is held of one customer.
    pub(super) fn view(&self, name_type: NameType, name: &str) -> Option<CustomerView<'_>> {
        self.find(name_type, name).and_then(|id| self.record(id)).map(|r| self.view_of(r))
    }

    /// What is held of all customers, to be serialised as an array.
    pub(super) fn views(&self) -> impl Serialize {
        Views(self)
    }

    fn view_of<'a>(&'a self, record: &'a Record) -> CustomerView<'a> {
        let get = |name| self.fields.find(name).and_then(|field| record.get(field));
        CustomerView {
            email: get("email"),
            id_interno: get("id_interno"),
            nome: get("nome"),
            criarchamados: get("criarchamados"),
            telefone: get("telefone"),
            id_organizacao: get("id_organizacao"),
            idioma: get("idioma"),
            portfolio_id: get("portfolio_id"),
            campos: record
                .values()
                .filter_map(|(field, value)| Some((campo_id(self.fields.name(field))?, value)))
                .collect(),
            atualizacoes: record.updates,
        }
    }
}

/// A customer as `GET /_sandbox/clientes/…` shows it: what is not set is `null`.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(super) struct CustomerView<'a> {
    email: Option<&'a str>,
    id_interno: Option<&'a str>,
    nome: Option<&'a str>,
    criarchamados: Option<&'a str>,
    telefone: Option<&'a str>,
    id_organizacao: Option<&'a str>,
    idioma: Option<&'a str>,
    portfolio_id: Option<&'a str>,
    campos: BTreeMap<&'a str, &'a str>,
    /// Updates executed on this customer.
    atualizacoes: u32,
}

struct Views<'a>(&'a Store);

impl Serialize for Views<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.records.iter().flatten().map(|r| self.0.view_of(r)))
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
