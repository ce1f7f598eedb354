//! The simulated customers and the names under which they are found.
//!
//! A customer has up to two names, an e-mail and an internal identifier, and is the same customer
//! under both. A changed name really renames: the old one finds no customer until another is given
//! it. Whether an update is allowed is decided in [`super::update_rules`].

use std::collections::{BTreeMap, HashMap};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::update_rules::{NameType, UpdateRequest, campo_id};

/// The parameters that a view shows, in its order; `campos` follow.
const SHOWN: [&str; 8] = [
    "email",
    "id_interno",
    "nome",
    "criarchamados",
    "telefone",
    "id_organizacao",
    "idioma",
    "portfolio_id",
];

/// A name as names are compared: e-mails in lower case (Unicode), internal identifiers exactly.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct CustomerName(NameType, String);

impl CustomerName {
    fn new(name_type: NameType, name: &str) -> Self {
        let compared = match name_type {
            NameType::Internal => name.to_owned(),
            NameType::Email => name.to_lowercase(),
        };
        Self(name_type, compared)
    }
}

/// Given out in ascending order.
type CustomerId = u64;

/// What is held of one customer. It is serialised as `GET /_sandbox/clientes/…` shows it: what is not
/// set is `null`.
#[derive(Debug, Default)]
pub(super) struct SimulatedCustomer {
    /// By the parameters' names on the wire (`nome`, `campos[abc01]`); no value is empty.
    values: BTreeMap<String, String>,
    /// Updates that were executed on this customer.
    updates: u32,
}

impl SimulatedCustomer {
    /// Sets a value; an empty one unsets.
    fn set(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            self.values.remove(name);
        } else {
            self.values.insert(name.to_owned(), value.to_owned());
        }
    }
}

impl Serialize for SimulatedCustomer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = self.values.iter();
        let campos = values.filter_map(|(name, value)| Some((campo_id(name)?, value)));
        let mut map = serializer.serialize_map(None)?;
        for name in SHOWN {
            map.serialize_entry(name, &self.values.get(name))?;
        }
        map.serialize_entry("campos", &campos.collect::<BTreeMap<_, _>>())?;
        map.serialize_entry("atualizacoes", &self.updates)?;
        map.end()
    }
}

/// All customers.
#[derive(Debug, Default)]
pub struct CustomerStore {
    /// The customer that answers to a name. `None` for a name that was given up: it finds no
    /// customer, even where every customer exists.
    names: HashMap<CustomerName, Option<CustomerId>>,
    /// In the order in which they were added.
    customers: BTreeMap<CustomerId, SimulatedCustomer>,
    next_id: CustomerId,
    /// Whether a name that was never seen finds a customer.
    every_name_exists: bool,
}

impl CustomerStore {
    /// A store in which every customer exists, though nothing is held of any yet.
    pub(super) fn with_every_customer() -> Self {
        Self { every_name_exists: true, ..Self::default() }
    }

    /// A store in which only those customers exist that are [added](Self::add).
    pub(super) fn empty() -> Self {
        Self::default()
    }

    /// Adds a customer with a name among its parameters. If it shares a name with another, it is that
    /// one; of two values for one parameter the later one holds.
    pub(super) fn add(&mut self, values: &BTreeMap<&str, &str>) {
        let known = NameType::ALL.into_iter().find_map(|name_type| {
            let name = values.get(name_type.parameter())?;
            self.find(name_type, name)
        });
        let id = known.unwrap_or_else(|| self.insert());
        self.change(id, values.iter().map(|(name, value)| (*name, *value)));
    }

    /// Executes an update; `false` if there is no such customer.
    pub(super) fn update(&mut self, update: &UpdateRequest) -> bool {
        let name = CustomerName::new(update.name_type, &update.identifier);
        let id = match self.names.get(&name) {
            Some(Some(id)) => *id,
            None if self.every_name_exists => {
                let id = self.insert();
                self.change(id, [(update.name_type.parameter(), update.identifier.as_str())]);
                id
            }
            Some(None) | None => return false,
        };
        if let Some(customer) = self.customers.get_mut(&id) {
            customer.updates = customer.updates.saturating_add(1);
        }
        self.change(id, update.values.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        true
    }

    /// Sets values of a customer, its names among them.
    fn change<'a>(&mut self, id: CustomerId, values: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (name, value) in values {
            let mut types = NameType::ALL.into_iter();
            if let Some(name_type) = types.find(|name_type| name_type.parameter() == name) {
                self.rename(id, name_type, value);
            }
            if let Some(customer) = self.customers.get_mut(&id) {
                customer.set(name, value);
            }
        }
        self.drop_if_nameless(id);
    }

    /// Lets customer `id` answer to `new` instead of its present name of that type (an empty name
    /// is none). Another customer that held the new name loses it. The value of `id` itself is not
    /// changed.
    fn rename(&mut self, id: CustomerId, name_type: NameType, new: &str) {
        let old = self.name(id, name_type).map(|old| CustomerName::new(name_type, old));
        let new = (!new.is_empty()).then(|| CustomerName::new(name_type, new));
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.names.insert(old, None);
        }
        let loser = new.and_then(|new| self.names.insert(new, Some(id)).flatten());
        if let Some(loser) = loser {
            if let Some(customer) = self.customers.get_mut(&loser) {
                customer.set(name_type.parameter(), "");
            }
            self.drop_if_nameless(loser);
        }
    }

    fn insert(&mut self) -> CustomerId {
        let id = self.next_id;
        self.next_id += 1;
        self.customers.insert(id, SimulatedCustomer::default());
        id
    }

    /// Removes a customer without names: it can never be addressed again.
    fn drop_if_nameless(&mut self, id: CustomerId) {
        if NameType::ALL.into_iter().all(|name_type| self.name(id, name_type).is_none()) {
            self.customers.remove(&id);
        }
    }

    fn find(&self, name_type: NameType, name: &str) -> Option<CustomerId> {
        *self.names.get(&CustomerName::new(name_type, name))?
    }

    fn name(&self, id: CustomerId, name_type: NameType) -> Option<&String> {
        self.customers.get(&id)?.values.get(name_type.parameter())
    }

    /// Number of customers held.
    pub(super) fn len(&self) -> usize {
        self.customers.len()
    }

    /// What is held of one customer.
    pub(super) fn view(&self, name_type: NameType, name: &str) -> Option<&SimulatedCustomer> {
        self.customers.get(&self.find(name_type, name)?)
    }

    /// What is held of all customers.
    pub(super) fn views(&self) -> Vec<&SimulatedCustomer> {
        self.customers.values().collect()
    }
}

#[cfg(test)]
#[path = "customers_tests.rs"]
mod tests;
