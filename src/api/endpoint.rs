//! Base URL + token + customer → the path of one request, and the proof that it has the segments
//! meant.

use std::fmt;
use std::net::IpAddr;

use bytes::Bytes;
use hyper::Uri;
use hyper::http::uri::PathAndQuery;
use memchr::memchr_iter;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::Token;
use crate::model::Customer;

/// The documented host.
pub const DEFAULT_BASE_URL: &str = "https://api.tomticket.com";

/// Everything but RFC 3986's unreserved characters is encoded: what looks harmless in one place
/// (`/` in a CNPJ, `+`, `:`) is cut or rewritten in another.
pub(super) const SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a text cannot be a base URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// Not a URL at all.
    #[error("\"{0}\" não é um endereço completo. Exemplo: {DEFAULT_BASE_URL}")]
    Malformed(String),
    /// Another scheme than http(s).
    #[error("só https:// é aceito (http:// apenas para 127.0.0.1, ::1 e localhost)")]
    Scheme,
    /// `http://` to another machine would show the token to everyone on the way.
    #[error(
        "http:// mostraria o token a toda a rede; use https:// (http:// só é aceito para 127.0.0.1, ::1 e localhost)"
    )]
    Insecure,
    /// A user name or password inside the URL.
    #[error("o endereço não pode levar usuário nem senha")]
    Credentials,
    /// `//` in the path.
    #[error("o caminho do endereço tem duas barras seguidas")]
    EmptySegment,
    /// `?…` or `#…`.
    #[error("o endereço não pode ter ? nem #")]
    Query,
}

/// Where the API is: scheme, host, port and perhaps a path, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    /// Scheme, host and port alone.
    origin: String,
    /// Its path; empty or with a slash before it.
    path: String,
    loopback: bool,
    segments: usize,
}

impl BaseUrl {
    /// Checks and normalises a base URL.
    ///
    /// # Errors
    /// See [`BaseUrlError`]; `http://` is refused but on loopback.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let url = Url::parse(text.trim()).map_err(|_| BaseUrlError::Malformed(text.to_owned()))?;
        let loopback = match url.host() {
            Some(Host::Domain(domain)) => domain.eq_ignore_ascii_case("localhost"),
            Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
            None => return Err(BaseUrlError::Scheme),
        };
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err(BaseUrlError::Insecure),
            _ => return Err(BaseUrlError::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BaseUrlError::Query);
        }
        let text = url.as_str().trim_end_matches('/').to_owned();
        if url.path().trim_end_matches('/').contains("//") {
            return Err(BaseUrlError::EmptySegment);
        }
        let segments =
            url.path_segments().map_or(0, |parts| parts.filter(|part| !part.is_empty()).count());
        let path = url.path().trim_end_matches('/').to_owned();
        let origin = url.origin().ascii_serialization();
        Ok(Self { text, origin, path, loopback, segments })
    }

    /// The normalised text; holds no secret.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port alone.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether requests stay on this machine.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `/update_cliente/{token}` at the base's path: what the paths of all requests of an account share.
#[derive(Debug, Clone)]
pub struct Endpoint {
    prefix: SecretString,
    segments: usize,
}

impl Endpoint {
    /// The endpoint of one account.
    pub fn new(base: &BaseUrl, token: &Token) -> Self {
        Self {
            prefix: format!("{}/update_cliente/{}", base.path, token.encoded()).into(),
            segments: base.segments + 4,
        }
    }

    /// The path that updates `customer`. The identifier is one percent-encoded segment.
    ///
    /// `None` if what was parsed does not have exactly the segments meant. No identifier that
    /// [`crate::model::Identifier`] accepts is known to cause that; it is checked all the same,
    /// because the alternative is to address another customer.
    pub fn path(&self, customer: &Customer) -> Option<Uri> {
        let prefix = self.prefix.expose_secret();
        let identifier = customer.identifier.as_str();
        let ctype = customer.ctype.as_str();
        let mut text = String::with_capacity(prefix.len() + 3 * identifier.len() + 2 + ctype.len());
        text.push_str(prefix);
        text.push('/');
        let start = text.len();
        text.extend(utf8_percent_encode(identifier, SEGMENT));
        let segment = start..text.len();
        text.push('/');
        text.push_str(ctype);
        let text = Bytes::from(text);
        let path = PathAndQuery::from_maybe_shared(text.clone()).ok()?;
        let intact = path.as_str().as_bytes() == text
            && path.query().is_none()
            && !matches!(&text[segment.clone()], b"" | b"." | b"..")
            && !text[segment].contains(&b'/')
            && memchr_iter(b'/', &text).count() == self.segments;
        intact.then(|| Uri::from(path))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{CustomerType, Identifier};

    fn url(base: &str, identifier: &str) -> Option<String> {
        let base = BaseUrl::parse(base).unwrap();
        let endpoint = Endpoint::new(&base, &Token::new("t0/k").unwrap());
        let customer = Customer {
            ctype: CustomerType::Email,
            identifier: Identifier::new(identifier).unwrap(),
        };
        endpoint.path(&customer).map(|path| format!("{}{path}", base.origin()))
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

    #[test]
    fn unsafe_bases_are_refused() {
        for (text, why) in [
            ("http://api.tomticket.com", BaseUrlError::Insecure),
            ("http://127.0.0.1.evil.test", BaseUrlError::Insecure),
            ("ftp://x.test", BaseUrlError::Scheme),
            ("https://u:p@x.test", BaseUrlError::Credentials),
            ("https://x.test/?a", BaseUrlError::Query),
            ("https://x.test//api", BaseUrlError::EmptySegment),
        ] {
            assert_eq!(BaseUrl::parse(text), Err(why), "{text}");
        }
        assert!(matches!(BaseUrl::parse("api.tomticket.com"), Err(BaseUrlError::Malformed(_))));
        for text in ["http://localhost:1", "http://127.9.9.9", "http://[::1]:5", DEFAULT_BASE_URL] {
            assert!(BaseUrl::parse(text).is_ok(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_identifier_survives_the_url(text in "\\PC{1,80}") {
            prop_assume!(Identifier::new(&text).is_ok());
            let url = url("https://x.test", &text).expect("intact");
            let segment = url.split('/').nth(5).unwrap();
            let decoded = percent_encoding::percent_decode_str(segment).decode_utf8().unwrap();
            prop_assert_eq!(decoded, text);
        }
    }
}
