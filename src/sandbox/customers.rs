//! The simulated customers and the names under which they are found.
//!
//! A customer has up to two names, an e-mail and an internal identifier, and is the same customer
//! under both. A changed name really renames: the old one finds no customer until another is given
//! it. Whether an update is allowed is decided in [`super::update_rules`].

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::list_order::ListOrder;
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
struct CustomerName(NameType, Box<str>);

impl CustomerName {
    fn new(name_type: NameType, name: &str) -> Self {
        let compared = match name_type {
            NameType::Internal => name.into(),
            NameType::Email => name.to_lowercase().into(),
        };
        Self(name_type, compared)
    }
}

/// Given out in ascending order.
pub(super) type CustomerId = u32;

/// What is held of one customer. It is serialised as `GET /_sandbox/clientes/…` shows it: what is not
/// set is `null`.
#[derive(Debug, Default, Clone)]
pub(super) struct SimulatedCustomer {
    /// Under the names of [`UpdateRequest::values`], sorted by them; no value is empty. The names are
    /// shared, because a sandbox may hold hundreds of thousands of customers.
    values: Vec<(Arc<str>, Box<str>)>,
    /// Updates that were executed on this customer.
    updates: u32,
}

impl SimulatedCustomer {
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let at = self.values.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        Some(&self.values[at].1)
    }

    /// Sets a value; an empty one unsets.
    fn set(&mut self, name: &Arc<str>, value: &str) {
        match self.values.binary_search_by(|(known, _)| known.cmp(name)) {
            Ok(at) if value.is_empty() => drop(self.values.remove(at)),
            Ok(at) => self.values[at].1 = value.into(),
            Err(_) if value.is_empty() => {}
            Err(at) => {
                // Two thirds of the room that doubling would take.
                self.values.reserve_exact(1);
                self.values.insert(at, (Arc::clone(name), value.into()));
            }
        }
    }

    /// The permission as it was given; it is the default.
    pub(super) fn may_create_tickets(&self) -> bool {
        self.value("criarchamados").is_none_or(|given| given == "true")
    }

    fn nome(&self) -> &str {
        self.value("nome").unwrap_or_default()
    }
}

impl Serialize for SimulatedCustomer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = self.values.iter();
        let campos = values.filter_map(|(name, value)| Some((campo_id(name)?, value)));
        let mut map = serializer.serialize_map(None)?;
        for name in SHOWN {
            map.serialize_entry(name, &self.value(name))?;
        }
        map.serialize_entry("campos", &campos.collect::<BTreeMap<_, _>>())?;
        map.serialize_entry("atualizacoes", &self.updates)?;
        map.end()
    }
}

/// All customers; by default every one exists.
#[derive(Debug, Default, Clone)]
pub struct CustomerStore {
    /// The customer that answers to a name. `None` for a name that was given up: it finds no
    /// customer, even where every customer exists.
    names: HashMap<CustomerName, Option<CustomerId>>,
    /// In the order in which they were added; `None` for one that is gone.
    customers: Vec<Option<SimulatedCustomer>>,
    index: ListOrder,
    /// The names of all values that were ever set.
    value_names: BTreeSet<Arc<str>>,
    /// Values of `id_organizacao` that were ever set.
    organizations: BTreeSet<Box<str>>,
    /// Whether only the customers exist that were [added](Self::add). Otherwise every customer exists,
    /// though nothing is held of one before its first update.
    is_closed: bool,
    /// Whether only the custom fields exist that are known already. Values of others are lost.
    has_all_campos: bool,
}

impl CustomerStore {
    /// A store in which only those customers exist that are [added](Self::add).
    pub(super) fn of_a_list() -> Self {
        Self { is_closed: true, ..Self::default() }
    }

    /// From now on only the custom fields exist that are known and those listed here.
    pub(super) fn close_campos(&mut self, ids: &[String]) {
        self.has_all_campos = true;
        self.know_campos(ids.iter().map(|id| format!("campos[{}]", id.trim())));
    }

    /// Of these names, those of custom fields exist, though no customer has a value for them yet.
    pub(super) fn know_campos(&mut self, names: impl Iterator<Item = String>) {
        let campos = names.filter(|name| campo_id(name).is_some_and(|id| !id.is_empty()));
        self.value_names.extend(campos.map(Arc::from));
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
            None if !self.is_closed => {
                let id = self.insert();
                self.change(id, [(update.name_type.parameter(), update.identifier.as_str())]);
                id
            }
            Some(None) | None => return false,
        };
        if let Some(customer) = self.get_mut(id) {
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
            match name {
                "nome" => self.index.remove(place_of(&self.customers, id)),
                "id_organizacao" if !self.organizations.contains(value) && !value.is_empty() => {
                    self.organizations.insert(value.into());
                }
                _ => {}
            }
            self.set(id, name, value);
            if name == "nome" {
                self.index.insert(id, place_of(&self.customers, id));
            }
        }
        self.drop_if_nameless(id);
    }

    fn set(&mut self, id: CustomerId, name: &str, value: &str) {
        let shared = match self.value_names.get(name) {
            Some(known) => Arc::clone(known),
            None if self.has_all_campos && campo_id(name).is_some() => return,
            None => {
                let shared: Arc<str> = name.into();
                self.value_names.insert(Arc::clone(&shared));
                shared
            }
        };
        if let Some(customer) = self.get_mut(id) {
            customer.set(&shared, value);
        }
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
            self.set(loser, name_type.parameter(), "");
            self.drop_if_nameless(loser);
        }
    }

    fn insert(&mut self) -> CustomerId {
        let id = self.customers.len() as CustomerId;
        self.customers.push(Some(SimulatedCustomer::default()));
        self.index.insert(id, place_of(&self.customers, id));
        id
    }

    /// Removes a customer without names: it can never be addressed again.
    fn drop_if_nameless(&mut self, id: CustomerId) {
        if NameType::ALL.into_iter().all(|name_type| self.name(id, name_type).is_none()) {
            self.index.remove(place_of(&self.customers, id));
            self.customers[id as usize] = None;
        }
    }

    fn find(&self, name_type: NameType, name: &str) -> Option<CustomerId> {
        *self.names.get(&CustomerName::new(name_type, name))?
    }

    fn get(&self, id: CustomerId) -> Option<&SimulatedCustomer> {
        self.customers.get(id as usize)?.as_ref()
    }

    fn get_mut(&mut self, id: CustomerId) -> Option<&mut SimulatedCustomer> {
        self.customers.get_mut(id as usize)?.as_mut()
    }

    fn name(&self, id: CustomerId, name_type: NameType) -> Option<&str> {
        self.get(id)?.value(name_type.parameter())
    }

    /// Number of customers held.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// What is held of one customer.
    pub(super) fn view(&self, name_type: NameType, name: &str) -> Option<&SimulatedCustomer> {
        self.get(self.find(name_type, name)?)
    }

    /// What is held of all customers, in the order in which they were added.
    pub(super) fn views(&self) -> Vec<&SimulatedCustomer> {
        self.customers.iter().flatten().collect()
    }

    /// Customers in the byte order of their names, from a position on.
    pub(super) fn page(
        &self,
        from: usize,
        count: usize,
    ) -> impl Iterator<Item = &SimulatedCustomer> {
        self.index.page(from, count).filter_map(|id| self.get(id))
    }

    /// The ids of the custom fields that are known.
    pub(super) fn campos(&self) -> impl Iterator<Item = (&str, &str)> {
        self.value_names.iter().filter_map(|name| Some((&**name, campo_id(name)?)))
    }

    /// The organisations that customers were ever in.
    pub(super) fn organizations(&self) -> &BTreeSet<Box<str>> {
        &self.organizations
    }
}

/// On which side of customer `id` another stands in the list.
fn place_of(
    customers: &[Option<SimulatedCustomer>],
    id: CustomerId,
) -> impl Fn(CustomerId) -> Ordering {
    let key = |id: CustomerId| {
        let nome = customers.get(id as usize).and_then(|customer| Some(customer.as_ref()?.nome()));
        (nome.unwrap_or_default(), id)
    };
    let own = key(id);
    move |other| key(other).cmp(&own)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Executes an update of `name` (an e-mail if there is an `@` in it).
    fn update(store: &mut CustomerStore, name: &str, values: &[(&str, &str)]) -> bool {
        let name_type = if name.contains('@') { NameType::Email } else { NameType::Internal };
        let values = values.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        store.update(&UpdateRequest { name_type, identifier: name.to_owned(), values })
    }

    /// The names of all customers, in the order in which they were added.
    fn names(store: &CustomerStore) -> Vec<String> {
        let names = |customer: &SimulatedCustomer| {
            ["email", "id_interno"].map(|name| customer.value(name).unwrap_or_default()).join(" ")
        };
        store.views().into_iter().map(|customer| names(customer).trim().to_owned()).collect()
    }

    #[test]
    fn empty_values_clear_and_left_out_ones_stay() {
        let mut store = CustomerStore::default();
        let values = [("portfolio_id", "9"), ("nome", "A"), ("campos[c]", "1")];
        assert!(update(&mut store, "a@x", &values));
        assert!(update(&mut store, "a@x", &[("portfolio_id", ""), ("campos[c]", "")]));
        let a = serde_json::to_value(store.view(NameType::Email, "a@x")).unwrap();
        assert_eq!(a["portfolio_id"], serde_json::Value::Null);
        assert_eq!((&a["campos"], &a["nome"]), (&serde_json::json!({}), &"A".into()));
        assert_eq!(a["atualizacoes"], 2);
    }

    #[test]
    fn a_changed_name_renames_the_customer() {
        let mut store = CustomerStore::default();
        // Whom an update names, the names that it gives, whether it finds a customer, and who exists.
        for (name, new, found, held) in [
            ("a@x", &[("id_interno", "1")][..], true, &["a@x 1"][..]),
            // Letter case counts in internal identifiers only.
            ("A@X", &[("email", "É@x")], true, &["É@x 1"]),
            ("a@x", &[("nome", "A")], false, &["É@x 1"]),
            ("é@X", &[("id_interno", "b")], true, &["É@x b"]),
            ("B", &[("nome", "B")], true, &["É@x b", "B"]),
            // A name that was given up is free again once it is given.
            ("B", &[("email", "a@x")], true, &["É@x b", "a@x B"]),
            // Who loses a name keeps the other; who loses the last one is gone.
            ("B", &[("email", "é@x")], true, &["b", "é@x B"]),
            ("a@x", &[("nome", "A")], false, &["b", "é@x B"]),
            ("B", &[("id_interno", "b")], true, &["é@x b"]),
            ("b", &[("email", ""), ("id_interno", "")], true, &[]),
            ("é@x", &[("nome", "A")], false, &[]),
        ] {
            assert_eq!(update(&mut store, name, new), found, "{name}");
            assert_eq!(names(&store), held, "{name}");
        }
    }

    #[test]
    fn of_a_list_only_its_customers_exist() {
        let mut store = CustomerStore::of_a_list();
        store.add(&BTreeMap::from([("email", "a@x")]));
        assert!(update(&mut store, "a@x", &[("email", "b@x")]));
        for (name, found) in [("b@x", true), ("a@x", false), ("c", false)] {
            assert_eq!(update(&mut store, name, &[("nome", "A")]), found, "{name}");
        }
    }
}
