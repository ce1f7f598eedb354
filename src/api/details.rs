//! What a reply to `customer/details` says: the customer, that there is none, or nothing. As lenient
//! and as strict as [`super::held`]: a reply that is not the API's own JSON is no answer, never "not
//! found". What the values mean for a row is decided in [`crate::scheduler`].

use serde_json::{Map, Value};

use super::held::{field_value, flag, text};
use super::{ReadAttempt, Reply};
use crate::model::CampoId;

/// What came of reading one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DetailsReply {
    Found(HeldDetails),
    /// The API knows no such customer: its own JSON with 404, or success without a record.
    NotFound,
    /// 401 or 403: the account may not be read.
    Refused,
    /// Anything else; it proves nothing.
    NoAnswer,
}

/// A customer as its details show it. `None` is a value that the reply does not have; an empty text
/// is one that the customer does not have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldDetails {
    pub nome: Option<String>,
    pub email: Option<String>,
    pub telefone: Option<String>,
    pub id_interno: Option<String>,
    pub id_organizacao: Option<String>,
    pub campos: Option<Vec<DetailsField>>,
}

/// A custom field of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailsField {
    /// `None` where the reply names the field without its id.
    pub id: Option<CampoId>,
    /// What the panel calls it.
    pub name: String,
    /// `None` where the value is no text, but a list.
    pub value: Option<String>,
}

impl DetailsReply {
    pub fn of(attempt: &ReadAttempt) -> Self {
        match attempt.reply {
            Reply::Accepted => Self::parse(&attempt.body),
            Reply::Refused if attempt.status == Some(404) && own_reply(&attempt.body).is_some() => {
                Self::NotFound
            }
            Reply::Denied => Self::Refused,
            Reply::Limited { .. }
            | Reply::Refused
            | Reply::Redirected
            | Reply::Ambiguous
            | Reply::NotSent(_) => Self::NoAnswer,
        }
    }

    fn parse(body: &[u8]) -> Self {
        let Some(reply) = own_reply(body) else { return Self::NoAnswer };
        let says = |key| reply.get(key).and_then(flag);
        if says("error") == Some(true) || says("success") == Some(false) {
            return Self::NoAnswer;
        }
        match reply.get("data") {
            None | Some(Value::Null) => Self::NotFound,
            Some(Value::Array(records)) => Self::of_records(records.iter()),
            // PHP writes an array whose keys have gaps as an object.
            Some(Value::Object(data)) if data.values().all(Value::is_object) => {
                Self::of_records(data.values())
            }
            Some(Value::Object(record)) => Self::Found(HeldDetails::of(record)),
            Some(_) => Self::NoAnswer,
        }
    }

    /// Several records under one name prove nothing.
    fn of_records<'v>(mut records: impl Iterator<Item = &'v Value>) -> Self {
        match (records.next(), records.next()) {
            (None, _) => Self::NotFound,
            (Some(Value::Object(record)), None) => Self::Found(HeldDetails::of(record)),
            _ => Self::NoAnswer,
        }
    }
}

impl HeldDetails {
    fn of(record: &Map<String, Value>) -> Self {
        let value = |key| record.get(key).map(|value| text(Some(value)));
        let organization = match record.get("organization") {
            Some(Value::Object(organization)) => organization.get("id"),
            _ => record.get("organization_id"),
        };
        let fields = match record.get("custom_fields") {
            Some(Value::Array(fields)) => Some(fields.iter().filter_map(field).collect()),
            Some(Value::Object(fields)) => Some(fields.values().filter_map(field).collect()),
            Some(Value::Null) => Some(Vec::new()),
            _ => None,
        };
        Self {
            nome: value("name"),
            email: value("email"),
            telefone: value("phone"),
            id_interno: value("internal_id"),
            id_organizacao: organization.map(|id| text(Some(id))),
            campos: fields,
        }
    }
}

/// The API's own reply: an object that says whether it is an error or a success.
fn own_reply(body: &[u8]) -> Option<Map<String, Value>> {
    let Ok(Value::Object(reply)) = serde_json::from_slice(body) else { return None };
    let says = |key| reply.get(key).and_then(flag).is_some();
    (says("error") || says("success")).then_some(reply)
}

fn field(field: &Value) -> Option<DetailsField> {
    let field = field.as_object()?;
    let id = CampoId::new(&text(field.get("id"))).ok();
    Some(DetailsField { id, name: text(field.get("name")), value: field_value(field) })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::json;

    use super::*;
    use crate::api::Cause;

    fn reply(reply: Reply, status: u16, body: &str) -> DetailsReply {
        let (mensagem, answered) = (String::new(), Instant::now());
        let body = body.as_bytes().to_vec();
        DetailsReply::of(&ReadAttempt { reply, status: Some(status), body, mensagem, answered })
    }

    #[test]
    fn a_record_is_read_in_every_shape() {
        let record = json!({
            "name": "Ana", "email": "Ana@x.com", "phone": null, "internal_id": 12,
            "monthly_ticket_quota": null, "active": true,
            "custom_fields": [{"name": "Plano", "value": "Ouro"}, {"id": "7", "name": "N", "value": 5}, {"name": "L", "value": ["a"]}],
        });
        for data in [json!([record]), record.clone(), json!({ "0": record })] {
            let body = json!({"error": false, "message": null, "data": data, "success": true});
            let DetailsReply::Found(held) = reply(Reply::Accepted, 200, &body.to_string()) else {
                panic!("{body}")
            };
            assert_eq!(held.nome.as_deref(), Some("Ana"));
            assert_eq!(held.telefone.as_deref(), Some(""));
            assert_eq!(held.id_interno.as_deref(), Some("12"));
            assert_eq!(held.id_organizacao, None);
            let campos: Vec<_> =
                held.campos.unwrap().into_iter().map(|f| (f.id, f.value)).collect();
            assert_eq!(campos[0], (None, Some("Ouro".to_owned())));
            assert_eq!(campos[1], (CampoId::new("7").ok(), Some("5".to_owned())));
            assert_eq!(campos[2], (None, None));
        }
        let body = r#"{"success":1,"data":[{"organization":{"id":null},"custom_fields":null}]}"#;
        let DetailsReply::Found(held) = reply(Reply::Accepted, 200, body) else { panic!() };
        assert_eq!((held.id_organizacao.as_deref(), held.campos), (Some(""), Some(Vec::new())));
    }

    #[test]
    fn every_reply_has_its_meaning() {
        use DetailsReply::{NoAnswer, NotFound, Refused};
        let limited = Reply::Limited { retry_after: None };
        for (kind, status, body, meaning) in [
            (Reply::Accepted, 200, r#"{"error":false,"data":[]}"#, NotFound),
            (Reply::Accepted, 200, r#"{"error":false,"data":{}}"#, NotFound),
            (Reply::Accepted, 200, r#"{"success":true,"data":null}"#, NotFound),
            (Reply::Accepted, 200, r#"{"error":true,"message":"?"}"#, NoAnswer),
            (Reply::Accepted, 200, r#"{"success":false,"data":[]}"#, NoAnswer),
            (Reply::Accepted, 200, r#"{"erro":false,"mensagem":"ok"}"#, NoAnswer),
            (Reply::Accepted, 200, r#"{"error":false,"data":"?"}"#, NoAnswer),
            (Reply::Accepted, 200, r#"{"error":false,"data":[{},{}]}"#, NoAnswer),
            (Reply::Accepted, 200, "<html>", NoAnswer),
            (Reply::Refused, 404, r#"{"error":true,"errorcode":404}"#, NotFound),
            (Reply::Refused, 404, r#"{"error":false,"data":[{},{}]}"#, NotFound),
            (Reply::Refused, 404, "<html>", NoAnswer),
            (Reply::Refused, 404, "{}", NoAnswer),
            (Reply::Refused, 400, r#"{"error":true}"#, NoAnswer),
            (Reply::Denied, 403, "", Refused),
            (limited, 429, "", NoAnswer),
            (Reply::Redirected, 302, "", NoAnswer),
            (Reply::Ambiguous, 500, r#"{"error":true}"#, NoAnswer),
            (Reply::NotSent(Cause::Unreachable), 0, "", NoAnswer),
        ] {
            assert_eq!(reply(kind, status, body), meaning, "{kind:?} {status} {body}");
        }
    }
}
