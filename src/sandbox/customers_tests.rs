//! Renames above all, also against a naive model.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn owned(values: &[(&str, &str)]) -> Vec<(String, String)> {
    values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn seed(values: &[(&str, &str)]) -> SeedCustomer {
    SeedCustomer::from_values(owned(values)).unwrap()
}

fn list(customers: &[&[(&str, &str)]]) -> CustomerStore {
    let mut store = CustomerStore::empty();
    customers.iter().for_each(|values| store.add(&seed(values)));
    store
}

fn open() -> CustomerStore {
    CustomerStore::with_every_customer()
}

fn update(
    store: &mut CustomerStore,
    kind: &str,
    identifier: &str,
    values: &[(&str, &str)],
) -> bool {
    store.update(&UpdateRequest {
        name_type: NameType::parse(kind).unwrap(),
        identifier: identifier.to_owned(),
        values: owned(values),
    })
}

fn json(store: &CustomerStore, kind: &str, name: &str) -> serde_json::Value {
    let view = store.view(NameType::parse(kind).unwrap(), name);
    serde_json::to_value(view).unwrap()
}

#[test]
fn without_a_list_every_customer_exists_but_is_held_only_once_updated() {
    let mut store = open();
    assert_eq!(json(&store, "E", "ana@x"), serde_json::Value::Null);
    assert!(update(&mut store, "E", "Ana@x", &[("nome", "Ana"), ("campos[c1]", "v")]));
    assert_eq!(
        json(&store, "E", "ANA@X"),
        serde_json::json!({
            "email": "Ana@x", "id_interno": null, "nome": "Ana", "criarchamados": null,
            "telefone": null, "id_organizacao": null, "idioma": null, "portfolio_id": null,
            "campos": {"c1": "v"}, "atualizacoes": 1
        })
    );
    assert!(update(&mut store, "I", "0012", &[("nome", "B")]));
    assert_eq!(json(&store, "I", "0012")["id_interno"], "0012");
    assert_eq!(store.len(), 2);
}

#[test]
fn with_a_list_no_other_customer_exists() {
    let mut store = list(&[&[("email", "ana@x"), ("id_interno", "A1"), ("nome", "Ana")]]);
    assert!(!update(&mut store, "E", "bia@x", &[("nome", "B")]));
    assert!(!update(&mut store, "I", "a1", &[("nome", "B")]), "internal ids are exact");
    assert!(update(&mut store, "I", "A1", &[("telefone", "1")]));
    assert!(update(&mut store, "E", "ANA@x", &[("idioma", "en_US")]));
    let ana = json(&store, "E", "ana@x");
    assert_eq!(
        (&ana["nome"], &ana["telefone"], &ana["idioma"]),
        (&"Ana".into(), &"1".into(), &"en_US".into())
    );
    assert_eq!(ana["atualizacoes"], 2);
    assert_eq!(store.len(), 1);
}

#[test]
fn letter_case_is_unicode() {
    let mut store = list(&[&[("email", "JOÃO@x")]]);
    assert!(update(&mut store, "E", "joão@X", &[("nome", "J")]));
}

#[test]
fn entries_that_share_a_name_are_one_customer() {
    let store = list(&[
        &[("email", "a@x"), ("nome", "1")],
        &[("email", "A@x"), ("id_interno", "7"), ("nome", "2")],
        &[("id_interno", "7"), ("telefone", "3")],
    ]);
    assert_eq!(store.len(), 1);
    let a = json(&store, "I", "7");
    assert_eq!(
        (&a["nome"], &a["telefone"], &a["email"]),
        (&"2".into(), &"3".into(), &"A@x".into())
    );
    assert_eq!(a["atualizacoes"], 0);
}

#[test]
fn the_old_name_of_a_renamed_customer_finds_none() {
    for mut store in [open(), list(&[&[("email", "a@x")]])] {
        assert!(update(&mut store, "E", "a@x", &[("nome", "A"), ("email", "b@x")]));
        assert!(!update(&mut store, "E", "A@x", &[("nome", "ghost")]));
        assert!(update(&mut store, "E", "b@x", &[("telefone", "1")]));
        assert_eq!(json(&store, "E", "b@x")["nome"], "A");
        assert_eq!(json(&store, "E", "a@x"), serde_json::Value::Null);
        // Until a customer is given it.
        assert!(update(&mut store, "E", "b@x", &[("email", "a@x")]));
        assert_eq!(json(&store, "E", "a@x")["telefone"], "1");
        assert!(!update(&mut store, "E", "b@x", &[("nome", "ghost")]));
        assert_eq!(store.len(), 1);
    }
}

#[test]
fn another_spelling_is_no_rename() {
    let mut store = open();
    assert!(update(&mut store, "E", "ana@x", &[("email", "Ana@X")]));
    assert!(update(&mut store, "E", "ana@x", &[("nome", "Ana")]));
    assert_eq!(json(&store, "E", "ana@x")["email"], "Ana@X");
}

#[test]
fn a_customer_loses_a_name_that_another_is_given() {
    let mut store = list(&[
        &[("email", "a@x"), ("nome", "A")],
        &[("email", "b@x"), ("nome", "B")],
        &[("email", "c@x"), ("id_interno", "C"), ("nome", "C")],
    ]);
    assert!(update(&mut store, "E", "a@x", &[("email", "b@x")]));
    assert_eq!(json(&store, "E", "b@x")["nome"], "A");
    assert_eq!(store.len(), 2, "B had no other name");
    assert!(update(&mut store, "E", "b@x", &[("email", "c@x")]));
    assert_eq!(json(&store, "E", "c@x")["nome"], "A");
    assert_eq!(json(&store, "I", "C")["nome"], "C");
    assert_eq!(json(&store, "I", "C")["email"], serde_json::Value::Null);
    assert_eq!(store.len(), 2);
}

#[test]
fn internal_names_are_given_changed_and_taken() {
    let mut store = open();
    assert!(update(&mut store, "E", "a@x", &[("id_interno", "1")]));
    assert!(update(&mut store, "I", "1", &[("nome", "A")]));
    assert!(update(&mut store, "E", "a@x", &[("id_interno", "2")]));
    assert!(!update(&mut store, "I", "1", &[("nome", "ghost")]));
    assert_eq!(json(&store, "I", "2")["nome"], "A");
    // By its internal name, its e-mail changes too.
    assert!(update(&mut store, "I", "2", &[("email", "b@x")]));
    assert!(!update(&mut store, "E", "a@x", &[("nome", "ghost")]));
    assert_eq!(json(&store, "E", "b@x")["nome"], "A");
}

#[test]
fn clearing_the_last_name_makes_the_customer_disappear() {
    let mut store = open();
    assert!(update(&mut store, "E", "a@x", &[("email", ""), ("id_interno", "1")]));
    assert!(!update(&mut store, "E", "a@x", &[("nome", "ghost")]));
    assert_eq!(json(&store, "I", "1")["email"], serde_json::Value::Null);
    assert!(update(&mut store, "E", "b@x", &[("email", "")]));
    assert_eq!(store.len(), 1);
}

#[test]
fn empty_values_clear_and_left_out_ones_stay() {
    let mut store = open();
    let all =
        [("portfolio_id", "9"), ("nome", "A"), ("campos[c]", "1"), ("criarchamados", "false")];
    assert!(update(&mut store, "E", "a@x", &all));
    assert!(update(&mut store, "E", "a@x", &[("portfolio_id", ""), ("campos[c]", "")]));
    let a = json(&store, "E", "a@x");
    assert_eq!(a["portfolio_id"], serde_json::Value::Null);
    assert_eq!(a["campos"], serde_json::json!({}));
    assert_eq!((&a["nome"], &a["criarchamados"]), (&"A".into(), &"false".into()));
}

#[test]
fn documented_defaults_come_back_where_that_is_chosen() {
    let mut store = open();
    store.set_reset_defaults(true);
    let both = [("criarchamados", "false"), ("idioma", "es_ES")];
    assert!(update(&mut store, "E", "a@x", &both));
    let a = json(&store, "E", "a@x");
    assert_eq!((&a["criarchamados"], &a["idioma"]), (&"false".into(), &"es_ES".into()));
    assert!(update(&mut store, "E", "a@x", &[("nome", "A")]));
    let a = json(&store, "E", "a@x");
    assert_eq!((&a["criarchamados"], &a["idioma"]), (&"true".into(), &"pt_BR".into()));
}

#[test]
fn all_customers_are_listed() {
    let mut store = list(&[&[("email", "a@x")], &[("id_interno", "b")]]);
    assert!(update(&mut store, "E", "a@x", &[("id_interno", "b")]));
    let all = serde_json::to_value(store.views()).unwrap();
    assert_eq!(all.as_array().map(Vec::len), Some(1));
    assert_eq!((&all[0]["email"], &all[0]["id_interno"]), (&"a@x".into(), &"b".into()));
}

/// The rules once more, with plain lists instead of indices and hashes.
#[derive(Default)]
struct NaiveModel {
    customers: Vec<[Option<String>; 2]>,
    given_up: BTreeSet<(usize, String)>,
}

impl NaiveModel {
    fn update(&mut self, kind: usize, name: &str, new: [Option<&str>; 2]) -> bool {
        let mut at = self.customers.iter().position(|c| c[kind].as_deref() == Some(name));
        if at.is_none() && !self.given_up.contains(&(kind, name.to_owned())) {
            let mut customer = [None, None];
            customer[kind] = Some(name.to_owned());
            self.customers.push(customer);
            at = Some(self.customers.len() - 1);
        }
        let Some(at) = at else { return false };
        for (kind, new) in new.into_iter().enumerate() {
            let Some(new) = new else { continue };
            if let Some(old) = self.customers[at][kind].take() {
                self.given_up.insert((kind, old));
            }
            if new.is_empty() {
                continue;
            }
            for other in &mut self.customers {
                if other[kind].as_deref() == Some(new) {
                    other[kind] = None;
                }
            }
            self.customers[at][kind] = Some(new.to_owned());
            self.given_up.remove(&(kind, new.to_owned()));
        }
        self.customers.retain(|c| c.iter().any(Option::is_some));
        true
    }
}

proptest! {
    #[test]
    fn renames_agree_with_a_naive_model(
        steps in prop::collection::vec(
            (0usize..2, "[a-d]", prop::option::of("[a-d]?"), prop::option::of("[a-d]?")), 1..60),
    ) {
        let (mut store, mut naive) = (open(), NaiveModel::default());
        for (kind, name, email, id) in &steps {
            let mut values = vec![("nome", "x")];
            values.extend(email.as_deref().map(|email| ("email", email)));
            values.extend(id.as_deref().map(|id| ("id_interno", id)));
            let found = update(&mut store, ["E", "I"][*kind], name, &values);
            prop_assert_eq!(found, naive.update(*kind, name, [email.as_deref(), id.as_deref()]));
            let all = serde_json::to_value(store.views()).unwrap();
            let name = |c: &serde_json::Value, key: &str| c[key].as_str().map(str::to_owned);
            let held: BTreeSet<_> = all.as_array().unwrap().iter()
                .map(|c| [name(c, "email"), name(c, "id_interno")]).collect();
            prop_assert_eq!(held, naive.customers.iter().cloned().collect::<BTreeSet<_>>());
            prop_assert_eq!(store.len(), naive.customers.len());
            for customer in &naive.customers {
                let email = customer[0].as_deref().map(|n| json(&store, "E", n));
                let id = customer[1].as_deref().map(|n| json(&store, "I", n));
                prop_assert!(email.iter().chain(&id).all(|c| !c.is_null()));
                if let (Some(email), Some(id)) = (email, id) {
                    prop_assert_eq!(email, id);
                }
            }
        }
    }
}
