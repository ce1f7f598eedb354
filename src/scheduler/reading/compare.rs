//! A row beside what was read of its customer, value by value. Pure. What follows from it for the row
//! is decided in [`super::settlement`], for the run in [`super::verification`].

use std::collections::HashMap;

use crate::api::{DetailsField, HeldCustomer, HeldDetails};
use crate::model::{CampoId, FieldName, Param, Update, differ_in_form};

/// How one value of a row compares with what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadValue {
    /// TomTicket holds exactly this.
    Held,
    /// It holds the same letters and digits.
    OtherForm,
    /// It holds something else.
    Different,
    /// It holds nothing, and the row sends something.
    NotThere,
    /// The reply cannot show it.
    Unreadable,
}

/// How a custom field is found in a reply that names no ids.
#[derive(Debug, Clone, Copy)]
pub enum FieldLookup<'a> {
    /// By its name, of which the list says the id.
    ByName(&'a FieldIds),
    /// Any field that bears the value is the one: enough to see that a value was not lost.
    ByValue,
}

/// The ids of custom fields by what the panel calls them; `None` for a name of several ids.
#[derive(Debug, Default)]
pub struct FieldIds(HashMap<String, Option<CampoId>>);

impl FieldIds {
    pub fn of(customers: &[HeldCustomer]) -> Self {
        let mut ids: HashMap<String, Option<CampoId>> = HashMap::new();
        for field in customers.iter().flat_map(|customer| &customer.campos) {
            let known = ids.entry(field.name.clone()).or_insert_with(|| Some(field.id.clone()));
            if known.as_ref().is_some_and(|id| *id != field.id) {
                *known = None;
            }
        }
        Self(ids)
    }

    /// The one name of a field.
    fn name(&self, id: &CampoId) -> Option<&str> {
        let mut names = self.0.iter().filter(|(_, known)| known.as_ref() == Some(id));
        match (names.next(), names.next()) {
            (Some((name, _)), None) => Some(name),
            _ => None,
        }
    }
}

/// Whether the reply shows custom fields without their ids.
pub fn lacks_field_ids(details: &HeldDetails) -> bool {
    details.campos.iter().flatten().any(|field| field.id.is_none())
}

/// Whether a reply may show the field at all.
pub const fn is_readable(field: &FieldName) -> bool {
    !matches!(field, FieldName::Param(Param::Idioma | Param::PortfolioId | Param::CriarChamados))
}

/// Compares every value of the row, in its order.
pub fn compare(update: &Update, held: &HeldDetails, lookup: FieldLookup<'_>) -> Vec<ReadValue> {
    update.values().map(|(field, sent)| compare_value(field, sent, held, lookup)).collect()
}

fn compare_value(
    field: &FieldName,
    sent: &str,
    held: &HeldDetails,
    lookup: FieldLookup<'_>,
) -> ReadValue {
    let held = match field {
        FieldName::Param(Param::Nome) => held.nome.as_deref(),
        FieldName::Param(Param::Email) => held.email.as_deref(),
        FieldName::Param(Param::Telefone) => held.telefone.as_deref(),
        FieldName::Param(Param::IdInterno) => held.id_interno.as_deref(),
        FieldName::Param(Param::IdOrganizacao) => held.id_organizacao.as_deref(),
        FieldName::Param(Param::Idioma | Param::PortfolioId | Param::CriarChamados) => None,
        FieldName::Campo(id) => {
            let Some(fields) = &held.campos else { return ReadValue::Unreadable };
            match lookup {
                FieldLookup::ByValue if lacks_field_ids(held) => return borne(sent, fields),
                FieldLookup::ByName(ids) if lacks_field_ids(held) => named(id, fields, ids),
                _ => the_one(fields, |field| field.id.as_ref() == Some(id)),
            }
        }
    };
    held.map_or(ReadValue::Unreadable, |held| compare_texts(sent, held))
}

fn compare_texts(sent: &str, held: &str) -> ReadValue {
    match () {
        () if sent == held => ReadValue::Held,
        () if held.is_empty() => ReadValue::NotThere,
        () if differ_in_form(held, sent) => ReadValue::OtherForm,
        () => ReadValue::Different,
    }
}

/// The value of a field that the list names; `None` where it does not, or not clearly.
fn named<'f>(id: &CampoId, fields: &'f [DetailsField], ids: &FieldIds) -> Option<&'f str> {
    let name = ids.name(id)?;
    the_one(fields, |field| field.name == name)
}

/// The value of the only such field, if it is a text; an absent one is empty, of several none is the
/// right one.
fn the_one(fields: &[DetailsField], is_it: impl Fn(&DetailsField) -> bool) -> Option<&str> {
    let mut found = fields.iter().filter(|field| is_it(field));
    match (found.next(), found.next()) {
        (None, _) => Some(""),
        (Some(field), None) => field.value.as_deref(),
        (Some(_), Some(_)) => None,
    }
}

/// Whether any field bears the value. Which of them the row meant is unknown, so that an empty value
/// cannot be compared, and a list may be the one that was meant.
fn borne(sent: &str, fields: &[DetailsField]) -> ReadValue {
    let texts = || fields.iter().filter_map(|field| field.value.as_deref());
    let compared = || texts().map(|held| compare_texts(sent, held));
    match () {
        () if sent.is_empty() => ReadValue::Unreadable,
        () if compared().any(|value| value == ReadValue::Held) => ReadValue::Held,
        () if compared().any(|value| value == ReadValue::OtherForm) => ReadValue::OtherForm,
        () if fields.iter().any(|field| field.value.is_none()) => ReadValue::Unreadable,
        () => ReadValue::NotThere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{HeldCustomer, HeldField};
    use crate::model::CustomerType;
    use ReadValue::{Different, Held, NotThere, OtherForm, Unreadable};

    /// Stands for a list in place of a text.
    const LIST: &str = "[]";

    fn details(values: [Option<&str>; 5], campos: Option<&[(&str, &str, &str)]>) -> HeldDetails {
        let [nome, email, telefone, id_interno, id_organizacao] =
            values.map(|value| value.map(ToOwned::to_owned));
        let campos = campos.map(|fields| {
            let field = |(id, name, value): &(&str, &str, &str)| DetailsField {
                id: CampoId::new(id).ok(),
                name: (*name).to_owned(),
                value: (*value != LIST).then(|| (*value).to_owned()),
            };
            fields.iter().map(field).collect()
        });
        HeldDetails { nome, email, telefone, id_interno, id_organizacao, campos }
    }

    fn one(field: &str, sent: &str, held: &HeldDetails, lookup: FieldLookup<'_>) -> ReadValue {
        compare(&Update::of(CustomerType::Email, "a@x", [(field, sent)]), held, lookup)[0]
    }

    /// Two customers, whose fields have names that are clear, shared, and renamed.
    fn ids() -> FieldIds {
        let customer = |fields: &[(&str, &str)]| HeldCustomer {
            campos: fields
                .iter()
                .map(|(id, name)| HeldField {
                    id: CampoId::new(id).unwrap(),
                    name: (*name).to_owned(),
                    value: None,
                })
                .collect(),
            ..HeldCustomer::default()
        };
        FieldIds::of(&[
            customer(&[("1", "Plano"), ("2", "Nota"), ("3", "Nota")]),
            customer(&[("1", "Plano"), ("4", "Novo"), ("4", "Velho")]),
        ])
    }

    #[test]
    fn every_value_has_its_comparison() {
        let all =
            details([Some("Ana Maria"), Some("Ana@x"), Some(""), Some("7"), Some("o1")], None);
        let none = details([None; 5], None);
        for (field, sent, held, expected) in [
            ("nome", "Ana Maria", &all, Held),
            ("nome", "ANA-MARIA", &all, OtherForm),
            ("nome", "Ana", &all, Different),
            ("nome", "", &all, Different),
            ("nome", "Ana", &none, Unreadable),
            ("email", "ana@x", &all, OtherForm),
            ("telefone", "11", &all, NotThere),
            ("telefone", "", &all, Held),
            ("id_interno", "7", &all, Held),
            ("id_organizacao", "o2", &all, Different),
            ("id_organizacao", "o2", &none, Unreadable),
            ("idioma", "pt_BR", &all, Unreadable),
            ("portfolio_id", "", &all, Unreadable),
            ("criarchamados", "true", &all, Unreadable),
            ("campo:1", "x", &none, Unreadable),
        ] {
            for lookup in [FieldLookup::ByValue, FieldLookup::ByName(&ids())] {
                assert_eq!(one(field, sent, held, lookup), expected, "{field} {sent}");
            }
        }
    }

    #[test]
    fn a_field_is_found_by_its_id_where_the_reply_has_ids() {
        let fields = [("1", "Plano", "Ouro"), ("2", "Nota", ""), ("3", "Cores", LIST)];
        let held = details([None; 5], Some(&fields));
        for lookup in [FieldLookup::ByValue, FieldLookup::ByName(&FieldIds::default())] {
            for (field, sent, expected) in [
                ("campo:1", "Ouro", Held),
                ("campo:1", "ouro", OtherForm),
                ("campo:1", "Prata", Different),
                ("campo:2", "Ouro", NotThere),
                ("campo:3", "Azul", Unreadable),
                ("campo:9", "Ouro", NotThere),
                ("campo:9", "", Held),
            ] {
                assert_eq!(one(field, sent, &held, lookup), expected, "{field} {sent}");
            }
        }
    }

    #[test]
    fn without_ids_a_field_is_found_by_its_name_or_by_its_value() {
        let fields = [("", "Plano", "Ouro"), ("", "Nota", "5"), ("", "Novo", "x")];
        let held = details([None; 5], Some(&fields));
        let ids = ids();
        for (field, sent, by_name, by_value) in [
            ("campo:1", "Ouro", Held, Held),
            ("campo:1", "OURO", OtherForm, OtherForm),
            ("campo:1", "5", Different, Held),
            ("campo:1", "Prata", Different, NotThere),
            ("campo:1", "", Different, Unreadable),
            // A name of two ids, a field of two names, and one that the list does not know.
            ("campo:2", "5", Unreadable, Held),
            ("campo:4", "x", Unreadable, Held),
            ("campo:9", "y", Unreadable, NotThere),
        ] {
            let found = one(field, sent, &held, FieldLookup::ByName(&ids));
            assert_eq!(found, by_name, "{field} {sent}");
            let found = one(field, sent, &held, FieldLookup::ByValue);
            assert_eq!(found, by_value, "{field} {sent}");
        }
        // A list may be the field that was meant.
        let with_list = details([None; 5], Some(&[("", "Plano", LIST), ("", "Nota", "5")]));
        for (sent, by_value) in [("5", Held), ("y", Unreadable)] {
            let found = one("campo:1", sent, &with_list, FieldLookup::ByName(&ids));
            assert_eq!(found, Unreadable, "{sent}");
            assert_eq!(one("campo:1", sent, &with_list, FieldLookup::ByValue), by_value, "{sent}");
        }
        // An absent field is empty, and one that stands there twice cannot be told.
        let absent = details([None; 5], Some(&[("", "Nota", "5")]));
        assert_eq!(one("campo:1", "Ouro", &absent, FieldLookup::ByName(&ids)), NotThere);
        let twice = details([None; 5], Some(&[("", "Plano", "a"), ("", "Plano", "b")]));
        assert_eq!(one("campo:1", "a", &twice, FieldLookup::ByName(&ids)), Unreadable);
    }
}
