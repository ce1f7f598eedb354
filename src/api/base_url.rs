//! Where the API is, as `--base-url` says. How the rest of a request's URL is built is in
//! [`super::v1`].

use std::fmt;

use url::{Host, Url};

/// The documented host.
pub const DEFAULT_BASE_URL: &str = "https://api.tomticket.com";

/// Why a text cannot be a base URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BaseUrlError(String);

/// Where the API is: scheme, host, port and perhaps a path, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    loopback: bool,
}

impl BaseUrl {
    /// Checks and normalises a base URL. `http://` is accepted for loopback only.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let refuse = |why: &str| Err(BaseUrlError(why.to_owned()));
        let Ok(url) = Url::parse(text.trim()) else {
            let why = format!("\"{text}\" não é um endereço completo. Exemplo: {DEFAULT_BASE_URL}");
            return Err(BaseUrlError(why));
        };
        let loopback = match url.host() {
            Some(Host::Domain(domain)) => domain.eq_ignore_ascii_case("localhost"),
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            // It would send the token unencrypted.
            "http" => {
                return refuse(
                    "http:// mostraria o token a toda a rede; use https:// (http:// só é aceito para 127.0.0.1, ::1 e localhost)",
                );
            }
            _ => {
                return refuse(
                    "só https:// é aceito (http:// apenas para 127.0.0.1, ::1 e localhost)",
                );
            }
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("o endereço não pode levar usuário nem senha");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse("o endereço não pode ter ? nem #");
        }
        let text = url.as_str().trim_end_matches('/').to_owned();
        if url.path().trim_end_matches('/').contains("//") {
            return refuse("o caminho do endereço tem duas barras seguidas");
        }
        Ok(Self { text, loopback })
    }

    /// The normalised text; holds no secret.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether requests are encrypted; they always are beyond loopback.
    pub(super) fn is_https(&self) -> bool {
        self.text.starts_with("https:")
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
