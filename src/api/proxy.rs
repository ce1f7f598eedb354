//! The proxy that the environment names: which variable decides, and whether its value can be used.
//! An unusable value is an error. Ignoring it would send the token another way than the user said.
//!
//! `HTTP_PROXY` is not read, because no request beyond this machine goes without TLS. That also
//! keeps a program safe that a web server runs (CGI), where a visitor can set that variable.

use std::ffi::OsString;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;
use url::Position;

use super::BaseUrl;

/// In order of precedence; an empty one counts as unset.
const NAMES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// They list the servers that are reached without a proxy.
const EXCEPT: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// The longest scheme that a message repeats. A longer one may be part of a password.
const SCHEME_MAX: usize = 12;

/// Why the environment's proxy cannot be used. The value is not quoted, because it may hold a
/// password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "o proxy da variável {variable} não serve: {why}. Corrija a variável, ou ponha o servidor em NO_PROXY para ir sem proxy"
)]
pub struct ProxyError {
    variable: &'static str,
    why: String,
}

/// The proxy to the server of `base`, as the environment says now; none for loopback.
pub(super) fn from_environment(base: &BaseUrl) -> Result<Option<Url>, ProxyError> {
    if base.is_loopback() { Ok(None) } else { choose(base, |name| std::env::var_os(name)) }
}

fn choose(
    base: &BaseUrl,
    value_of: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Url>, ProxyError> {
    let set = |name: &'static str| {
        let value = value_of(name).filter(|value| !value.to_string_lossy().trim().is_empty())?;
        Some((name, value))
    };
    let Some((variable, value)) = NAMES.into_iter().find_map(set) else { return Ok(None) };
    if except(base, EXCEPT.into_iter().find_map(set)) {
        return Ok(None);
    }
    let malformed = ProxyError {
        variable,
        why: "não é um endereço como http://proxy.exemplo.com.br:8080 (sinais especiais na senha se escrevem codificados: %40 para @)".to_owned(),
    };
    let Some(value) = value.to_str().map(str::trim) else { return Err(malformed) };
    let with_scheme =
        if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let Ok(proxy) = Url::parse(&with_scheme) else { return Err(malformed) };
    // A password that was not encoded ends the host early; "http:/proxy" makes a host of the scheme.
    let is_torn = proxy[Position::BeforePath..].contains('@') || has_empty_port(&with_scheme);
    match proxy.scheme() {
        "http" | "https" if proxy.port() == Some(0) || is_torn || !is_used(&proxy, base) => {
            Err(malformed)
        }
        "http" | "https" => Ok(Some(proxy)),
        scheme if scheme.len() > SCHEME_MAX => Err(malformed),
        scheme => Err(ProxyError {
            variable,
            why: format!("é do tipo {scheme}, e só http:// e https:// são aceitos (nada de SOCKS)"),
        }),
    }
}

/// Whether the part with host and port ends in a colon.
fn has_empty_port(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    authority.split(['/', '?', '#']).next().is_some_and(|authority| authority.ends_with(':'))
}

/// Whether reqwest takes the proxy. It ignores, without an error, what its own parser refuses.
fn is_used(proxy: &Url, base: &BaseUrl) -> bool {
    let Ok(to) = base.as_str().parse() else { return false };
    Matcher::builder().all(proxy.as_str()).build().intercept(&to).is_some()
}

/// Whether the list of exceptions names the server.
fn except(base: &BaseUrl, listed: Option<(&'static str, OsString)>) -> bool {
    let (Some((_, listed)), Ok(to)) = (listed, base.as_str().parse()) else { return false };
    let any_proxy = Matcher::builder().all("http://localhost");
    any_proxy.no(&*listed.to_string_lossy()).build().intercept(&to).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(set: &[(&str, &str)]) -> Result<Option<String>, ProxyError> {
        let base = BaseUrl::parse("https://api.exemplo.invalid").unwrap();
        let proxy = choose(&base, |name| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        })?;
        Ok(proxy.map(|proxy| proxy.to_string()))
    }

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let all = ("ALL_PROXY", "http://todos:1");
        for (set, expected) in [
            (&[][..], None),
            (&[("HTTPS_PROXY", ""), ("https_proxy", "p:1")], Some("http://p:1/")),
            (&[all], Some("http://todos:1/")),
            (&[all, ("https_proxy", "p:2")], Some("http://p:2/")),
            (&[all, ("HTTPS_PROXY", " ")], Some("http://todos:1/")),
            (&[("https_proxy", " https://a:b@p/x ")], Some("https://a:b@p/x")),
            (&[("https_proxy", "HTTP://p:80")], Some("http://p/")),
            (&[("https_proxy", "p.exemplo.invalid:3128/")], Some("http://p.exemplo.invalid:3128/")),
            (&[("https_proxy", "ana:segredo@p:1")], Some("http://ana:segredo@p:1/")),
            (&[("https_proxy", "http://ana:se@gredo@p:1")], Some("http://ana:se%40gredo@p:1/")),
            (&[("https_proxy", "http://[::1]:3")], Some("http://[::1]:3/")),
            (&[("https_proxy", "http://[::1]")], Some("http://[::1]/")),
            (&[all, ("NO_PROXY", ".exemplo.invalid")], None),
            (&[all, ("NO_PROXY", "outro.invalid")], Some("http://todos:1/")),
            (&[all, ("NO_PROXY", "outro.invalid, .exemplo.invalid")], None),
            (&[("ALL_PROXY", "socks5://p:1"), ("NO_PROXY", ""), ("no_proxy", "*")], None),
        ] {
            assert_eq!(chosen(set).unwrap().as_deref(), expected, "{set:?}");
        }
    }
}
