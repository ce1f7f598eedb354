//! What a failed request means: whether it can have left, and why there is no response, in the
//! user's words. The libraries' own words are English and go to the log alone.

use std::borrow::Cow;
use std::error::Error;
use std::io;

use super::attempt::{Cause, Reply};
use crate::locale::os_error::{describe_os_error, dns_words, kind_words};

/// What `error` means for the row, with the words for its `mensagem`. `proxy` is the host and port
/// of the proxy in use.
pub(super) fn classify(error: &reqwest::Error, proxy: Option<&str>) -> (Reply, String) {
    if !error.is_connect() {
        // Bytes of the request may have left.
        return (Reply::Ambiguous, format!("sem resposta completa: {}", words(error)));
    }
    if let Some(why) = certificate_error(error) {
        return (Reply::NotSent(Cause::BadCertificate), format!("o certificado do servidor {why}"));
    }
    let timed_out = kind_words(io::ErrorKind::TimedOut).filter(|_| error.is_timeout());
    let words = timed_out.map_or_else(|| words(error), Cow::from);
    let (cause, connection) = match proxy {
        None => (Cause::Unreachable, "com o servidor".to_owned()),
        Some(proxy) => (Cause::Proxy, format!("pelo proxy {proxy}")),
    };
    (Reply::NotSent(cause), format!("sem conexão {connection}: {words}"))
}

/// Why rustls refuses the server's certificate, if that is the cause.
fn certificate_error(error: &(dyn Error + 'static)) -> Option<&'static str> {
    causes(error).find_map(|cause| match cause.downcast_ref() {
        Some(rustls::Error::InvalidCertificate(why)) => Some(certificate_words(why)),
        _ => None,
    })
}

/// The most specific cause of the error, in Portuguese.
fn words(error: &(dyn Error + 'static)) -> Cow<'static, str> {
    let said = |cause: &(dyn Error + 'static)| {
        if let Some(error) = cause.downcast_ref::<hyper::Error>() {
            return hyper_words(error).map(Cow::from);
        }
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return Some(tls_words(error).into());
        }
        // Their type is not public.
        if let Some(why) = cause.to_string().strip_prefix("tunnel error: ") {
            return tunnel_words(why).map(Cow::from);
        }
        if let Some(words) = dns_words(cause) {
            return Some(words.into());
        }
        // An I/O error that wraps another one adds nothing.
        let error = cause.downcast_ref::<io::Error>().filter(|error| error.get_ref().is_none())?;
        Some(network_words(error.kind()).map_or_else(|| describe_os_error(error).into(), Cow::from))
    };
    causes(error).find_map(said).unwrap_or_else(|| {
        // A library's text inside an I/O error: the kind is all that can be translated.
        let io = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).last();
        let known = io.and_then(|io| network_words(io.kind()).or_else(|| kind_words(io.kind())));
        known.unwrap_or("falha de comunicação").into()
    })
}

/// The kinds that mean something else of a connection than of a file.
fn network_words(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::BrokenPipe => "conexão cortada pelo servidor",
        // The system's own limit, not that of the request.
        io::ErrorKind::TimedOut => "a conexão caiu: o servidor não confirma mais nada",
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            "a outra ponta mandou o que não se entende"
        }
        io::ErrorKind::PermissionDenied => "esta máquina não permite a conexão (firewall?)",
        io::ErrorKind::NotFound | io::ErrorKind::Unsupported | io::ErrorKind::WriteZero => {
            "falha de comunicação"
        }
        _ => return None,
    })
}

/// An error and its causes, from the outside in. `io::Error::source` skips the error that it wraps.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'e (dyn Error + 'static)| {
        let error: &'e (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

fn hyper_words(error: &hyper::Error) -> Option<&'static str> {
    [
        (error.is_incomplete_message(), "o servidor fechou a conexão sem responder"),
        (error.is_parse_too_large(), "os cabeçalhos da resposta são grandes demais"),
        (error.is_parse(), "a resposta não é HTTP válido"),
    ]
    .into_iter()
    .find_map(|(is_so, words)| is_so.then_some(words))
}

fn tls_words(error: &rustls::Error) -> &'static str {
    use rustls::Error as Why;
    match error {
        Why::InvalidCertificate(why) => certificate_words(why),
        Why::InvalidMessage(_) => {
            "a outra ponta não fala TLS; confira o endereço e a porta de --base-url"
        }
        Why::AlertReceived(_) | Why::PeerIncompatible(_) => {
            "o servidor recusou a conexão segura (TLS)"
        }
        _ => "a conexão segura (TLS) não pôde ser feita",
    }
}

fn tunnel_words(why: &str) -> Option<&'static str> {
    match why {
        "proxy authorization required" => Some("o proxy pede usuário e senha"),
        "unsuccessful" => Some("o proxy recusou levar até o servidor"),
        "proxy headers too long" => Some("a resposta do proxy é grande demais"),
        "unexpected end of file" => Some("o proxy fechou a conexão"),
        // Its cause is more specific.
        _ => None,
    }
}

/// Why a certificate cannot be trusted, and what to do about it.
fn certificate_words(why: &rustls::CertificateError) -> &'static str {
    use rustls::CertificateError as Why;
    match why {
        Why::Expired | Why::ExpiredContext { .. } => {
            "venceu; confira também o relógio desta máquina"
        }
        Why::NotValidYet | Why::NotValidYetContext { .. } => {
            "ainda não vale; confira o relógio desta máquina"
        }
        Why::NotValidForName | Why::NotValidForNameContext { .. } => {
            "é de outro endereço; confira --base-url"
        }
        Why::UnknownIssuer => {
            "tem um emissor desconhecido; confira --base-url, e se a rede usa um certificado próprio, instale-o nesta máquina"
        }
        Why::Revoked => "foi revogado",
        _ => "não pôde ser verificado; confira --base-url e os certificados desta máquina",
    }
}

/// All causes of an error, for the log.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(error: Box<dyn Error + Send + Sync>) -> io::Error {
        io::Error::other(io::Error::other(error))
    }

    #[test]
    fn a_certificate_is_found_inside_two_io_errors() {
        let why = rustls::Error::InvalidCertificate(rustls::CertificateError::Revoked);
        assert_eq!(certificate_error(&wrapped(why.into())), Some("foi revogado"));
    }

    /// What a server can provoke from outside is tested in tests/e2e.
    #[test]
    fn the_most_specific_cause_is_found_at_any_depth() {
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure);
        for (error, expected) in [
            (wrapped(alert.into()), "o servidor recusou a conexão segura (TLS)"),
            (
                wrapped(
                    rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)
                        .into(),
                ),
                "a outra ponta não fala TLS; confira o endereço e a porta de --base-url",
            ),
            (wrapped(io::Error::from_raw_os_error(104).into()), "conexão cortada pelo servidor"),
            (
                io::Error::from(io::ErrorKind::PermissionDenied),
                "esta máquina não permite a conexão (firewall?)",
            ),
            (io::Error::from_raw_os_error(32), "conexão cortada pelo servidor"),
            (
                wrapped(io::Error::from(io::ErrorKind::TimedOut).into()),
                "a conexão caiu: o servidor não confirma mais nada",
            ),
            (
                io::Error::new(io::ErrorKind::InvalidData, "what is this"),
                "a outra ponta mandou o que não se entende",
            ),
            (wrapped("what is this".into()), "falha de comunicação"),
        ] {
            assert_eq!(words(&error), expected, "{error:?}");
            assert_eq!(certificate_error(&error), None);
        }
    }
}
