//! Renames against a naive model, and what becomes of values.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const TYPES: [NameType; 2] = [NameType::Email, NameType::Internal];

fn update(
    store: &mut CustomerStore,
    name_type: NameType,
    identifier: &str,
    values: &[(&str, &str)],
) -> bool {
    let values =
        values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    store.update(&UpdateRequest { name_type, identifier: identifier.to_owned(), values })
}

#[test]
fn empty_values_clear_and_left_out_ones_stay() {
    let mut store = CustomerStore::with_every_customer();
    let mut update = |values: &[_]| assert!(update(&mut store, NameType::Email, "a@x", values));
    update(&[("portfolio_id", "9"), ("nome", "A"), ("campos[c]", "1"), ("criarchamados", "false")]);
    update(&[("portfolio_id", ""), ("campos[c]", "")]);
    let a = serde_json::to_value(store.view(NameType::Email, "a@x")).unwrap();
    assert_eq!(a["portfolio_id"], serde_json::Value::Null);
    assert_eq!(a["campos"], serde_json::json!({}));
    assert_eq!((&a["nome"], &a["criarchamados"]), (&"A".into(), &"false".into()));
}

/// The rules once more, with plain lists instead of indices and hashes.
#[derive(Default)]
struct NaiveModel {
    customers: Vec<NaiveCustomer>,
    /// Names as they are compared.
    given_up: BTreeSet<(usize, String)>,
    /// Whether only the customers of the beginning exist.
    is_closed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct NaiveCustomer {
    /// The e-mail and the internal identifier.
    names: [Option<String>; 2],
    nome: String,
    updates: u64,
}

impl NaiveCustomer {
    fn of(kind: usize, name: &str) -> Self {
        let mut names = [None, None];
        names[kind] = Some(name.to_owned());
        Self { names, nome: String::new(), updates: 0 }
    }

    fn is_called(&self, kind: usize, name: &str) -> bool {
        self.names[kind].as_ref().is_some_and(|own| compared(kind, own) == compared(kind, name))
    }
}

/// E-mails are compared without regard to letter case.
fn compared(kind: usize, name: &str) -> String {
    if kind == 0 { name.to_lowercase() } else { name.to_owned() }
}

impl NaiveModel {
    fn update(&mut self, (kind, name): (usize, &str), nome: &str, new: [Option<&str>; 2]) -> bool {
        let mut at = self.customers.iter().position(|customer| customer.is_called(kind, name));
        let is_new = !self.is_closed && !self.given_up.contains(&(kind, compared(kind, name)));
        if at.is_none() && is_new {
            self.customers.push(NaiveCustomer::of(kind, name));
            at = Some(self.customers.len() - 1);
        }
        let Some(at) = at else { return false };
        for (kind, new) in new.into_iter().enumerate() {
            let Some(new) = new else { continue };
            if let Some(old) = self.customers[at].names[kind].take() {
                self.given_up.insert((kind, compared(kind, &old)));
            }
            if new.is_empty() {
                continue;
            }
            for other in self.customers.iter_mut().filter(|other| other.is_called(kind, new)) {
                other.names[kind] = None;
            }
            self.customers[at].names[kind] = Some(new.to_owned());
            self.given_up.remove(&(kind, compared(kind, new)));
        }
        self.customers[at].nome = nome.to_owned();
        self.customers[at].updates += 1;
        self.customers.retain(|customer| customer.names.iter().any(Option::is_some));
        true
    }
}

fn held(store: &CustomerStore) -> BTreeSet<NaiveCustomer> {
    let all = serde_json::to_value(store.views()).unwrap();
    let read = |customer: &serde_json::Value| {
        let text = |key| customer[key].as_str().map(str::to_owned);
        NaiveCustomer {
            names: [text("email"), text("id_interno")],
            nome: text("nome").unwrap_or_default(),
            updates: customer["atualizacoes"].as_u64().unwrap(),
        }
    };
    all.as_array().unwrap().iter().map(read).collect()
}

proptest! {
    #[test]
    fn renames_agree_with_a_naive_model(
        is_closed: bool,
        steps in prop::collection::vec(
            (0usize..2, "[aAéÉ]", prop::option::of("[aAéÉ]?"), prop::option::of("[aAéÉ]?")), 1..60),
    ) {
        let mut store = CustomerStore { every_name_exists: !is_closed, ..CustomerStore::default() };
        let mut naive = NaiveModel { is_closed, ..NaiveModel::default() };
        if is_closed {
            for (kind, parameter) in ["email", "id_interno"].into_iter().enumerate() {
                store.add(&BTreeMap::from([(parameter, "a")]));
                naive.customers.push(NaiveCustomer::of(kind, "a"));
            }
        }
        for (step, (kind, name, email, id)) in steps.iter().enumerate() {
            let nome = step.to_string();
            let mut values = vec![("nome", nome.as_str())];
            values.extend(email.as_deref().map(|email| ("email", email)));
            values.extend(id.as_deref().map(|id| ("id_interno", id)));
            let found = update(&mut store, TYPES[*kind], name, &values);
            let expected = naive.update((*kind, name), &nome, [email.as_deref(), id.as_deref()]);
            prop_assert_eq!(found, expected);
            prop_assert_eq!(held(&store), naive.customers.iter().cloned().collect());
            prop_assert_eq!(store.len(), naive.customers.len());
            for (name, kind) in ["a", "A", "é", "É"].into_iter().flat_map(|n| [(n, 0), (n, 1)]) {
                let is_held = naive.customers.iter().any(|c| c.is_called(kind, name));
                prop_assert_eq!(store.view(TYPES[kind], name).is_some(), is_held);
            }
        }
    }
}
