//! The proxy that the environment names, if any: which variable decides, and whether its value can be
//! used. One that cannot is an error: to go around it would send the token another way than the user
//! said.
//!
//! `HTTP_PROXY` is not among them, since no request beyond this machine goes without TLS. So a program
//! that a web server runs (CGI) is safe too: there that variable alone may be what a visitor sent.

use std::ffi::OsString;

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

/// In the order in which they are asked; an empty one is as none.
const NAMES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// Name the servers that are reached without it.
const EXCEPT: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// A scheme that is longer is none, and may be something that is nobody's to read.
const LONGEST_SCHEME: usize = 12;

/// Why the environment's proxy cannot be used. The value is not repeated: it may hold a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant is its documentation")]
pub enum ProxyError {
    #[error(
        "o proxy da variável {variable} não serve: não é um endereço como http://proxy.exemplo.com.br:8080 (sinais especiais na senha se escrevem codificados: %40 para @). Corrija a variável, ou ponha o servidor em NO_PROXY para ir sem proxy"
    )]
    Malformed { variable: &'static str },
    #[error(
        "o proxy da variável {variable} não serve: é do tipo {scheme}, e só http:// e https:// são aceitos (nada de SOCKS). Corrija a variável, ou ponha o servidor em NO_PROXY para ir sem proxy"
    )]
    Scheme { variable: &'static str, scheme: String },
}

/// The proxy for `to`, as the environment says now.
pub(super) fn from_environment(to: &Uri) -> Result<Option<Intercept>, ProxyError> {
    choose(to, |name| std::env::var_os(name))
}

fn choose(
    to: &Uri,
    value_of: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Intercept>, ProxyError> {
    let set = |name: &'static str| {
        let value = value_of(name).filter(|value| !value.to_string_lossy().trim().is_empty())?;
        Some((name, value))
    };
    let Some((variable, value)) = NAMES.into_iter().find_map(set) else { return Ok(None) };
    let except = EXCEPT.into_iter().find_map(set);
    let except = except.map_or(String::new(), |(_, hosts)| hosts.to_string_lossy().into_owned());
    let intercept =
        |proxy: &str| Matcher::builder().https(proxy).no(&*except).build().intercept(to);
    // Whether this server is left out does not depend on what the proxy is called.
    if intercept("http://localhost").is_none() {
        return Ok(None);
    }
    let malformed = || ProxyError::Malformed { variable };
    let value = value.to_str().ok_or_else(malformed)?.trim();
    let proxy = match value.split_once("://") {
        None => intercept(&format!("http://{value}")),
        Some((scheme, _)) if is_http(scheme) => intercept(value),
        Some((scheme, _)) if scheme.len() > LONGEST_SCHEME || !is_scheme(scheme) => None,
        Some((scheme, _)) => {
            return Err(ProxyError::Scheme { variable, scheme: scheme.to_owned() });
        }
    };
    let proxy = proxy.filter(|proxy| is_reachable(proxy.uri())).ok_or_else(malformed)?;
    Ok(Some(proxy))
}

fn is_http(scheme: &str) -> bool {
    ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Whether it has a host, and a port if it says that it has one. The HTTP library would take the
/// usual port for one that is none.
fn is_reachable(proxy: &Uri) -> bool {
    let Some(authority) = proxy.authority() else { return false };
    let host = authority.host();
    // A password with an @ in it was divided there, and this is the rest of it.
    let is_whole = !authority.as_str().contains('@');
    let has_port = authority.as_str() != host;
    !host.is_empty() && is_whole && (!has_port || authority.port_u16().is_some_and(|port| port > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(set: &[(&str, &str)]) -> Result<Option<String>, ProxyError> {
        let to = Uri::from_static("https://api.exemplo.invalid");
        let proxy = choose(&to, |name| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        })?;
        Ok(proxy.map(|proxy| proxy.uri().to_string()))
    }

    #[test]
    fn the_variables_are_asked_in_order_and_an_empty_one_is_none() {
        let all = ("ALL_PROXY", "http://todos:1");
        for (set, expected) in [
            (&[][..], None),
            (&[("HTTP_PROXY", "http://p:1"), ("http_proxy", "http://p:1")], None),
            (&[("HTTPS_PROXY", ""), ("https_proxy", "p:1")], Some("http://p:1/")),
            (&[all], Some("http://todos:1/")),
            (&[all, ("https_proxy", "p:2")], Some("http://p:2/")),
            (&[all, ("HTTPS_PROXY", " ")], Some("http://todos:1/")),
            (&[("https_proxy", " https://a:b@p/x ")], Some("https://p/")),
            (&[("https_proxy", "HTTP://p:80")], Some("http://p:80/")),
            (&[("https_proxy", "p.exemplo.invalid:3128/")], Some("http://p.exemplo.invalid:3128/")),
            (&[("https_proxy", "ana:segredo@p:1")], Some("http://p:1/")),
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

    /// Go and curl do the same: there `HTTP_PROXY` alone may be a visitor's `Proxy:` header.
    #[test]
    fn a_web_servers_program_goes_through_its_proxy_and_not_a_visitors() {
        let cgi = ("REQUEST_METHOD", "GET");
        let visitor = ("HTTP_PROXY", "http://mau:1");
        assert_eq!(chosen(&[cgi, visitor]), Ok(None));
        let own = ("HTTPS_PROXY", "http://p:1");
        assert_eq!(chosen(&[cgi, visitor, own]), Ok(Some("http://p:1/".to_owned())));
    }

    #[test]
    fn what_cannot_be_used_is_an_error_without_the_value() {
        let variable = "HTTPS_PROXY";
        let good = ("ALL_PROXY", "http://todos:1");
        for bad in [
            "lixo:::8080",
            "http://p:99999",
            "http://p:0",
            "p:99999",
            "http://p:",
            "http://",
            "http://:80",
            ":80",
            "http://ana:segredo@:80",
            "http://ana:se@gredo@p:80",
            "http://ana:se/gredo@p:80",
            "http://a b",
            "1 2://x",
            "://p:1",
            "segredosegredo://x",
        ] {
            let error = chosen(&[(variable, bad), good]).unwrap_err();
            assert_eq!(error, ProxyError::Malformed { variable }, "{bad}");
            assert!(!error.to_string().contains("gredo"));
        }
        for scheme in ["socks5", "socks5h", "socks4", "ftp"] {
            let error = chosen(&[("all_proxy", &format!("{scheme}://ana:segredo@p:1"))]);
            let text = error.unwrap_err().to_string();
            assert!(text.contains("all_proxy") && text.contains(scheme), "{text}");
            assert!(!text.contains("segredo"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_text_is_an_error_too() {
        use std::os::unix::ffi::OsStringExt;
        let to = Uri::from_static("https://api.exemplo.invalid");
        let value_of = |name: &str| {
            (name == "https_proxy").then(|| OsString::from_vec(b"http://p\xff:1".to_vec()))
        };
        assert!(choose(&to, value_of).is_err());
    }
}
