//! How the API's version 2.0 spells what is read and an update: the addresses of what can be read, the
//! form of an update. The token is in a header. What a reply says is in [`super::held`],
//! [`super::details`] and [`super::response`].

use percent_encoding::utf8_percent_encode;
use reqwest::Url;
use reqwest::multipart::Form;

use super::BaseUrl;
use super::token::SEGMENT;
use crate::model::{FieldName, Name, Param, Update};

/// What can be read, each with one GET.
#[derive(Debug, Clone)]
pub enum ReadRequest {
    /// A page of customers, from 1 on, with their custom fields.
    Customers { page: u64 },
    /// A page of organisations, from 1 on.
    Organizations { page: u64 },
    /// One customer, by the encoded parameters that name it.
    Details(NameQuery),
}

/// A customer's name as the query of an address.
#[derive(Debug, Clone)]
pub struct NameQuery(String);

impl ReadRequest {
    /// Reads the customer that answers to this name.
    pub fn details(name: Name<'_>) -> Self {
        let id = utf8_percent_encode(name.text, SEGMENT);
        let query = format!("customer_id={id}&customer_type_id={}", name.ctype.as_str());
        Self::Details(NameQuery(query))
    }

    /// The request's address. `None` if the parser changes it, which no valid base URL is known to
    /// cause.
    pub(super) fn url(self, base: &BaseUrl) -> Option<Url> {
        let path = match self {
            Self::Customers { page } => format!("customer/list?page={page}&show_custom_fields=1"),
            Self::Organizations { page } => format!("organization/list?page={page}"),
            Self::Details(NameQuery(query)) => format!("customer/details?{query}"),
        };
        url(base, &path)
    }
}

/// Where updates go.
pub(super) fn update_url(base: &BaseUrl) -> Option<Url> {
    url(base, "customer/update")
}

fn url(base: &BaseUrl, path: &str) -> Option<Url> {
    let text = format!("{base}/v2.0/{path}");
    Url::parse(&text).ok().filter(|url| url.as_str() == text)
}

/// The form of one update. Parameter names go out raw, as in version 1 and for the same reason.
pub(super) fn form(update: &Update) -> Form {
    let customer = update.customer();
    let form = Form::new()
        .percent_encode_noop()
        .text("customer_id", customer.identifier.as_str().to_owned())
        .text("customer_type_id", customer.ctype.as_str());
    update.values().fold(form, |form, (field, value)| match field {
        FieldName::Param(param) => {
            let (name, value) = spelled(*param, value);
            form.text(name, value.to_owned())
        }
        FieldName::Campo(id) => {
            form.text(format!("custom_field[{}]", id.as_str()), value.to_owned())
        }
    })
}

/// The names and values that differ from version 1's. The underscore of `es_ES` is the API's own.
fn spelled(param: Param, value: &str) -> (&'static str, &str) {
    match param {
        Param::Nome => ("name", value),
        Param::Email => ("email", value),
        Param::Telefone => ("phone", value),
        Param::IdOrganizacao => ("organization_id", value),
        Param::IdInterno => ("internal_id", value),
        Param::PortfolioId => ("portfolio_id", value),
        Param::CriarChamados => {
            let value = match value {
                "true" => "1",
                "false" => "0",
                other => other,
            };
            ("create_tickets", value)
        }
        Param::Idioma => {
            let value = match value {
                "pt_BR" => "pt-BR",
                "en_US" => "en-US",
                other => other,
            };
            ("language", value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CustomerType;

    #[test]
    fn addresses_of_reading() {
        let base = BaseUrl::parse("https://x.test/api/").unwrap();
        let url = |request: ReadRequest| request.url(&base).unwrap().to_string();
        assert_eq!(
            url(ReadRequest::Customers { page: 7 }),
            "https://x.test/api/v2.0/customer/list?page=7&show_custom_fields=1"
        );
        assert_eq!(
            url(ReadRequest::Organizations { page: 1 }),
            "https://x.test/api/v2.0/organization/list?page=1"
        );
        let name = Name { ctype: CustomerType::Email, text: "a+b&c'@x.com" };
        assert_eq!(
            url(ReadRequest::details(name)),
            "https://x.test/api/v2.0/customer/details?customer_id=a%2Bb%26c%27%40x.com&customer_type_id=E"
        );
    }
}
