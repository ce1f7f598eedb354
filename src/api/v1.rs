//! How the API's first version spells an update: a form that is posted to
//! `{base}/update_cliente/{token}/{identificador}/{tipo}`. What a reply means is in
//! [`super::response`].

use std::borrow::Cow;

use percent_encoding::utf8_percent_encode;
use reqwest::Url;
use reqwest::multipart::Form;
use secrecy::{ExposeSecret, SecretString};

use super::token::SEGMENT;
use super::{BaseUrl, Token};
use crate::model::{Customer, FieldName, Update};

/// The URLs of one account, by what they begin with: `{base}/update_cliente/{token}`.
#[derive(Debug, Clone)]
pub(super) struct Endpoint(SecretString);

impl Endpoint {
    pub fn new(base: &BaseUrl, token: &Token) -> Self {
        Self(format!("{base}/update_cliente/{}", token.encoded()).into())
    }

    /// The URL that updates `customer`. The identifier is one percent-encoded segment.
    ///
    /// `None` if the parser changes the URL, as it resolves relative segments. No valid
    /// [`crate::model::Identifier`] is known to cause that; it is checked because the request would
    /// address another customer.
    pub fn url(&self, customer: &Customer) -> Option<Url> {
        let prefix = self.0.expose_secret();
        let identifier = utf8_percent_encode(customer.identifier.as_str(), SEGMENT);
        let text = format!("{prefix}/{identifier}/{}", customer.ctype.as_str());
        Url::parse(&text).ok().filter(|url| url.as_str() == text)
    }
}

/// The form of one update. Parameter names go out raw (`campos[abc01]`, UTF-8): PHP drops escaped
/// ones without a word. That is safe because no [`crate::model::CampoId`] holds a character that
/// could end the header.
pub(super) fn form(update: &Update) -> Form {
    update.values().fold(Form::new().percent_encode_noop(), |form, (name, value)| {
        let name = match name {
            FieldName::Param(param) => Cow::Borrowed(param.as_str()),
            FieldName::Campo(id) => format!("campos[{}]", id.as_str()).into(),
        };
        form.text(name, value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CustomerType, Identifier};

    fn url(base: &str, identifier: &str) -> Option<String> {
        let base = BaseUrl::parse(base).unwrap();
        let endpoint = Endpoint::new(&base, &Token::new("t0/k").unwrap());
        let customer = Customer {
            ctype: CustomerType::Email,
            identifier: Identifier::new(identifier).unwrap(),
        };
        endpoint.url(&customer).map(String::from)
    }

    #[test]
    fn identifiers_become_one_segment() {
        assert_eq!(
            url("https://x.test/api/", "12.345/0001-90 ç%").unwrap(),
            "https://x.test/api/update_cliente/t0%2Fk/12.345%2F0001-90%20%C3%A7%25/E"
        );
        assert_eq!(
            url("http://127.0.0.1:81", "...").unwrap(),
            "http://127.0.0.1:81/update_cliente/t0%2Fk/.../E"
        );
    }
}
