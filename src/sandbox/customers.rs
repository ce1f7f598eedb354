//! The simulated customers and the names under which they are found.
//!
//! A customer has up to two names, an e-mail and an internal identifier, and is the same customer
//! under both. A changed name really renames: the old one finds no customer until another is given
//! it. Whether an update is allowed is decided in [`super::update_rules`].

use std::collections::{BTreeMap, HashMap};

use serde::{Serialize, Serializer};

use super::customer_list::SeedCustomer;
use super::update_rules::{NameType, UpdateRequest, campo_id};

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

/// What is held of one customer.
#[derive(Debug, Default)]
struct SimulatedCustomer {
    /// By the parameters' names on the wire (`nome`, `campos[abc01]`); no value is empty.
    values: BTreeMap<String, String>,
    /// Updates that were executed on this customer.
    updates: u32,
}

impl SimulatedCustomer {
    fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Sets a value; an empty one unsets.
    fn set(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            self.values.remove(name);
        } else {
            self.values.insert(name.to_owned(), value.to_owned());
        }
    }

    fn view(&self) -> CustomerView<'_> {
        CustomerView {
            email: self.get("email"),
            id_interno: self.get("id_interno"),
            nome: self.get("nome"),
            criarchamados: self.get("criarchamados"),
            telefone: self.get("telefone"),
            id_organizacao: self.get("id_organizacao"),
            idioma: self.get("idioma"),
            portfolio_id: self.get("portfolio_id"),
            campos: self
                .values
                .iter()
                .filter_map(|(name, value)| Some((campo_id(name)?, value.as_str())))
                .collect(),
            atualizacoes: self.updates,
        }
    }
}

/// All customers.
#[derive(Debug, Default)]
pub(super) struct CustomerStore {
    /// The customer that answers to a name. `None` for a name that was given up: it finds no
    /// customer, even where every customer exists.
    names: HashMap<CustomerName, Option<CustomerId>>,
    /// In the order in which they were added.
    customers: BTreeMap<CustomerId, SimulatedCustomer>,
    next_id: CustomerId,
    /// Whether a name that was never seen finds a customer.
    every_name_exists: bool,
    reset_defaults: bool,
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

    /// Whether updates that leave out a parameter with a documented default reset it.
    pub(super) fn set_reset_defaults(&mut self, reset_defaults: bool) {
        self.reset_defaults = reset_defaults;
    }

    /// Adds a customer. If it shares a name with another, it is that one; of two values for one
    /// parameter the later one holds.
    pub(super) fn add(&mut self, customer: &SeedCustomer) {
        let known = customer.names().find_map(|(name_type, name)| self.find(name_type, name));
        let id = known.unwrap_or_else(|| self.insert());
        self.change(id, customer.values());
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
        let is_sent = |name: &str| update.values.iter().any(|(sent, _)| sent == name);
        let defaults = [("criarchamados", "true"), ("idioma", "pt_BR")]
            .into_iter()
            .filter(|(name, _)| self.reset_defaults && !is_sent(name));
        let sent = update.values.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let values: Vec<_> = sent.chain(defaults).collect();
        self.change(id, values);
        true
    }

    /// Sets values of a customer, its names among them.
    fn change<'a>(&mut self, id: CustomerId, values: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (name, value) in values {
            match name {
                "email" => self.rename(id, NameType::Email, value),
                "id_interno" => self.rename(id, NameType::Internal, value),
                _ => {}
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
        let mut types = [NameType::Email, NameType::Internal].into_iter();
        if types.all(|name_type| self.name(id, name_type).is_none()) {
            self.customers.remove(&id);
        }
    }

    fn find(&self, name_type: NameType, name: &str) -> Option<CustomerId> {
        *self.names.get(&CustomerName::new(name_type, name))?
    }

    fn name(&self, id: CustomerId, name_type: NameType) -> Option<&str> {
        self.customers.get(&id)?.get(name_type.parameter())
    }

    /// Number of customers held.
    pub(super) fn len(&self) -> usize {
        self.customers.len()
    }

    /// What is held of one customer.
    pub(super) fn view(&self, name_type: NameType, name: &str) -> Option<CustomerView<'_>> {
        let id = self.find(name_type, name)?;
        self.customers.get(&id).map(SimulatedCustomer::view)
    }

    /// What is held of all customers, to be serialised as an array.
    pub(super) fn views(&self) -> impl Serialize {
        CustomerViews(self)
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

struct CustomerViews<'a>(&'a CustomerStore);

impl Serialize for CustomerViews<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.customers.values().map(SimulatedCustomer::view))
    }
}

#[cfg(test)]
#[path = "customers_tests.rs"]
mod tests;
