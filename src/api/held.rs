//! What a reply to a reading request says. Lenient where the sources of the API differ (object or
//! array, missing or null, numbers for texts, unknown keys), strict where a mistake would cost data: a
//! reply that is not such a JSON object is unreadable, never "the end" and never "nothing there".

use serde_json::{Map, Value};

use crate::model::CampoId;

/// Objects and lists on a page: 50 customers with 100 fields have 5 152. Each may take 600 bytes of
/// memory, and 4 MiB hold two million.
const NODES_MAX: usize = 100_000;

/// A customer as TomTicket holds it. Texts are verbatim; an empty one is the same as none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldCustomer {
    pub id_interno: String,
    pub nome: String,
    pub email: String,
    pub telefone: String,
    /// Whether the customer may open tickets; `None` where the reply does not say.
    pub criarchamados: Option<bool>,
    pub id_organizacao: String,
    /// The custom fields with a value that can be told apart by id.
    pub campos: Vec<HeldField>,
}

/// A custom field of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldField {
    pub id: CampoId,
    /// What the panel calls it.
    pub name: String,
    /// `None` where the value is no text, but a list.
    pub value: Option<String>,
}

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldOrganization {
    pub id: String,
    pub name: String,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPage<T> {
    pub items: Vec<T>,
    /// How many items all pages hold together, as far as the reply says.
    pub size: Option<u64>,
    /// How many pages there are, as far as the reply says.
    pub pages: Option<u64>,
    pub next: NextPage,
}

/// What a page says about the one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextPage {
    /// Nothing.
    Unsaid,
    /// There is none.
    Last,
    /// There is one.
    More,
}

impl HeldPage<HeldCustomer> {
    /// `None` where the body is not a page of customers.
    pub fn of_customers(body: &[u8]) -> Option<Self> {
        Self::parse(body, |item| Some(customer(item)))
    }
}

impl HeldPage<HeldOrganization> {
    /// `None` where the body is not a page of organisations.
    pub fn of_organizations(body: &[u8]) -> Option<Self> {
        Self::parse(body, |item| {
            Some(HeldOrganization { id: text(item.get("id")), name: text(item.get("name")) })
        })
    }
}

impl<T> HeldPage<T> {
    fn parse(body: &[u8], item: impl Fn(&Map<String, Value>) -> Option<T>) -> Option<Self> {
        if body.iter().filter(|byte| matches!(byte, b'{' | b'[')).count() > NODES_MAX {
            return None;
        }
        let Value::Object(reply) = serde_json::from_slice(body).ok()? else { return None };
        if is_true(reply.get("error")) || reply.get("success") == Some(&Value::Bool(false)) {
            return None;
        }
        let items = match reply.get("data")? {
            Value::Array(items) => items.iter().map(|value| item(value.as_object()?)).collect(),
            // PHP writes an array whose keys have gaps as an object.
            Value::Object(items) => items.values().map(|value| item(value.as_object()?)).collect(),
            Value::Null => Some(Vec::new()),
            _ => None,
        }?;
        let next = match reply.get("next_page") {
            None => NextPage::Unsaid,
            Some(Value::Null | Value::Bool(false)) => NextPage::Last,
            Some(_) => NextPage::More,
        };
        let (size, pages) = (number(reply.get("size")), number(reply.get("pages")));
        Some(Self { items, size, pages, next })
    }
}

fn customer(item: &Map<String, Value>) -> HeldCustomer {
    let organization = match item.get("organization") {
        Some(Value::Object(organization)) => text(organization.get("id")),
        _ => text(item.get("organization_id")),
    };
    HeldCustomer {
        id_interno: match item.get("internal_id") {
            Some(id) => text(Some(id)),
            None => text(item.get("id")),
        },
        nome: text(item.get("name")),
        email: text(item.get("email")),
        telefone: text(item.get("phone")),
        criarchamados: item.get("allowed_create_tickets").and_then(flag),
        id_organizacao: organization,
        campos: match item.get("custom_fields") {
            Some(Value::Array(fields)) => fields.iter().filter_map(field).collect(),
            Some(Value::Object(fields)) => fields.values().filter_map(field).collect(),
            _ => Vec::new(),
        },
    }
}

fn field(field: &Value) -> Option<HeldField> {
    let field = field.as_object()?;
    let id = CampoId::new(&text(field.get("id"))).ok()?;
    Some(HeldField { id, name: text(field.get("name")), value: field_value(field) })
}

/// The value of a custom field; `None` where it is no text, but a list.
pub(super) fn field_value(field: &Map<String, Value>) -> Option<String> {
    match field.get("value") {
        Some(Value::Array(_) | Value::Object(_)) => None,
        value => Some(text(value)),
    }
}

/// A text, or a number as it is spelled; anything else is empty.
pub(super) fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(flag)) => flag.to_string(),
        _ => String::new(),
    }
}

fn number(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

pub(super) fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        _ if value == 1 || value == "1" || value == "true" => Some(true),
        _ if value == 0 || value == "0" || value == "false" => Some(false),
        _ => None,
    }
}

fn is_true(value: Option<&Value>) -> bool {
    value.and_then(flag).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(body: Value) -> Option<HeldPage<HeldCustomer>> {
        HeldPage::of_customers(body.to_string().as_bytes())
    }

    #[test]
    fn a_recorded_page_is_read() {
        let page = page(json!({
            "error": false, "message": null, "success": true, "size": 51, "pages": 2,
            "next_page": 2, "previous_page": null,
            "data": [{
                "id": "00012", "name": "Ana ", "email": "Ana@x.com", "phone": null,
                "monthly_tickets_quota": 0, "allowed_create_tickets": true, "active": true,
                "organization": {"id": "0af1", "name": "Org"}, "creation_date": "2024-01-31",
                "custom_fields": [{"id": "abc01", "name": "Plano", "value": "Ouro"},
                                  {"id": 77, "name": "Nota", "value": 5},
                                  {"id": "v", "name": "Vazio", "value": null},
                                  {"id": "l", "name": "Lista", "value": ["a"]},
                                  {"id": null, "name": "?", "value": "x"}],
            }],
        }))
        .unwrap();
        assert_eq!((page.size, page.pages, page.next), (Some(51), Some(2), NextPage::More));
        let ana = &page.items[0];
        assert_eq!((&*ana.id_interno, &*ana.nome, &*ana.email), ("00012", "Ana ", "Ana@x.com"));
        assert_eq!((&*ana.telefone, ana.criarchamados), ("", Some(true)));
        assert_eq!(ana.id_organizacao, "0af1");
        let campos: Vec<_> =
            ana.campos.iter().map(|f| (f.id.as_str(), f.value.as_deref())).collect();
        let expected = [("abc01", Some("Ouro")), ("77", Some("5")), ("v", Some("")), ("l", None)];
        assert_eq!(campos, expected);
    }

    #[test]
    fn other_shapes_of_the_same_page_are_read() {
        let bare =
            page(json!({"data": {"0": {"id": 12, "email": "a@x"}, "5": {"id": null}}})).unwrap();
        assert_eq!(bare.next, NextPage::Unsaid);
        assert_eq!((bare.items.len(), &*bare.items[0].id_interno), (2, "12"));
        let last =
            page(json!({"data": null, "next_page": null, "pages": "3", "error": 0})).unwrap();
        assert_eq!((last.items.len(), last.pages, last.next), (0, Some(3), NextPage::Last));
    }

    #[test]
    fn what_is_no_page_is_unreadable() {
        for body in [
            json!([]),
            json!({"erro": false}),
            json!({"error": true, "data": []}),
            json!({"success": false, "data": []}),
            json!({"data": "nada"}),
            json!({"data": ["nada"]}),
            json!({"data": vec![json!({}); NODES_MAX]}),
        ] {
            assert_eq!(page(body.clone()), None, "{body}");
        }
        assert_eq!(HeldPage::of_customers(b"<html>"), None);
        assert_eq!(HeldPage::of_customers(b"{\"data\": [{\"id\": 1"), None);
    }
}
