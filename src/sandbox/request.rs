//! An HTTP request taken apart: the path into segments, the multipart form into names and values.
//!
//! It is strict where a lenient server would hide a client's mistake. What the parts mean is decided
//! in [`super::update_rules`].

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body_util::{BodyDataStream, Full};
use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap, HeaderValue};
use percent_encoding::percent_decode_str;

/// What a path asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SandboxRoute {
    /// `/update_cliente/{token}/{identificador}/{tipo}`.
    Update { token: String, identifier: String, name_type: String },
    /// `/_sandbox/clientes/{tipo}/{identificador}`.
    Customer { name_type: String, identifier: String },
    /// `/_sandbox/clientes`.
    Customers,
    /// `/_sandbox/contagem`.
    Counters,
}

/// Reads a path. It is split at the slashes *before* each segment is decoded, so that a `%2F` stays
/// inside its segment. `None` for another path, and where a segment is empty, not UTF-8, badly
/// encoded, or (encoded or not) `.` or `..`, which servers take for a relative path.
pub(super) fn route(path: &str) -> Option<SandboxRoute> {
    let mut segments = path.strip_prefix('/')?.split('/').map(decode);
    let mut next = || segments.next();
    let route = match next()??.as_str() {
        "update_cliente" => {
            SandboxRoute::Update { token: next()??, identifier: next()??, name_type: next()?? }
        }
        "_sandbox" => match (next()??.as_str(), next()) {
            ("clientes", Some(name_type)) => {
                SandboxRoute::Customer { name_type: name_type?, identifier: next()?? }
            }
            ("clientes", None) => SandboxRoute::Customers,
            ("contagem", None) => SandboxRoute::Counters,
            _ => return None,
        },
        _ => return None,
    };
    if next().is_some() { None } else { Some(route) }
}

fn decode(segment: &str) -> Option<String> {
    let sound = segment.split('%').skip(1).all(|after| {
        matches!(after.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
    });
    let text = percent_decode_str(segment).decode_utf8().ok().filter(|_| sound)?;
    (!matches!(text.as_ref(), "" | "." | "..")).then(|| text.into_owned())
}

/// Why a body cannot be read as a form.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FormError {
    /// Not `multipart/form-data`.
    ContentType,
    /// Cut, or not as RFC 7578 wants it.
    Malformed,
    /// A part that PHP would not read as it was meant, in Portuguese.
    Part(String),
}

/// Reads a whole body as `multipart/form-data`. It must begin with its first boundary and end with
/// the closing one.
pub(super) fn form(
    content_type: Option<&HeaderValue>,
    body: &Bytes,
) -> Result<Vec<(String, String)>, FormError> {
    let content_type =
        content_type.and_then(|value| value.to_str().ok()).ok_or(FormError::ContentType)?;
    let boundary = multer::parse_boundary(content_type).map_err(|error| match error {
        multer::Error::NoBoundary => FormError::Malformed,
        _ => FormError::ContentType,
    })?;
    let opening = format!("--{boundary}");
    let closing = format!("--{boundary}--");
    if !body.starts_with(opening.as_bytes()) || !body.trim_ascii_end().ends_with(closing.as_bytes())
    {
        return Err(FormError::Malformed);
    }
    at_once(parts(body.clone(), boundary)).unwrap_or(Err(FormError::Malformed))
}

async fn parts(body: Bytes, boundary: String) -> Result<Vec<(String, String)>, FormError> {
    let malformed = |_| FormError::Malformed;
    let stream = BodyDataStream::new(Full::new(body));
    let mut form = multer::Multipart::new(stream, boundary);
    let mut values = Vec::new();
    while let Some(field) = form.next_field().await.map_err(malformed)? {
        let name = part_name(field.headers()).map_err(FormError::Part);
        let value = field.bytes().await.map_err(malformed)?;
        let name = name?;
        let Ok(value) = String::from_utf8(value.into()) else {
            return Err(FormError::Part("O valor de um parâmetro não está em UTF-8.".to_owned()));
        };
        values.push((name, value));
    }
    Ok(values)
}

/// The name of a part. Its disposition must be exactly `form-data; name="…"`: PHP drops a field that
/// is named by `name*=` without a word, and takes one with a `filename` for an upload. No other
/// header than `Content-Type` is allowed, so that one injected by way of a name is noticed.
fn part_name(headers: &HeaderMap) -> Result<String, String> {
    if let Some(other) =
        headers.keys().find(|key| **key != CONTENT_DISPOSITION && **key != CONTENT_TYPE)
    {
        return Err(format!("Uma parte do formulário tem o cabeçalho {other}, que não se espera."));
    }
    let Some(disposition) = headers.get(CONTENT_DISPOSITION) else {
        return Err("Uma parte do formulário não tem Content-Disposition.".to_owned());
    };
    let Ok(disposition) = std::str::from_utf8(disposition.as_bytes()) else {
        return Err("O nome de um parâmetro não está em UTF-8.".to_owned());
    };
    let name = disposition
        .split_once(';')
        .filter(|(kind, _)| kind.trim().eq_ignore_ascii_case("form-data"))
        .and_then(|(_, rest)| rest.trim().strip_prefix("name=\"")?.strip_suffix('"'))
        .filter(|name| !name.contains(['"', '\\']));
    match name {
        Some(name) => Ok(name.to_owned()),
        None => Err(
            "Cada parte do formulário deve ter a forma Content-Disposition: form-data; name=\"…\"."
                .to_owned(),
        ),
    }
}

/// The result of a future that never waits; `None` if it does.
fn at_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_update_has_four_segments_each_decoded_by_itself() {
        let update = |token: &str, identifier: &str, name_type: &str| {
            Some(SandboxRoute::Update {
                token: token.to_owned(),
                identifier: identifier.to_owned(),
                name_type: name_type.to_owned(),
            })
        };
        assert_eq!(route("/update_cliente/t/ana%40x.com/E"), update("t", "ana@x.com", "E"));
        assert_eq!(route("/update_cliente/t/12%2F3%2e/I"), update("t", "12/3.", "I"));
        assert_eq!(route("/update_cliente/t/a%C3%A7%C3%A3o+%25/x"), update("t", "ação+%", "x"));
        for path in [
            "",
            "/",
            "update_cliente/t/a/E",
            "/update_cliente/t/a",
            "/update_cliente/t/a/b/E",
            "/update_cliente/t//E",
            "/update_cliente//a/E",
            "/update_cliente/t/a/E/",
            "//update_cliente/t/a/E",
            "/Update_cliente/t/a/E",
            "/update_cliente/t/%zz/E",
            "/update_cliente/t/a%/E",
            "/update_cliente/t/a%4/E",
            "/update_cliente/t/%FF/E",
            "/update_cliente/t/./E",
            "/update_cliente/t/%2e%2E/E",
            "/v2.0/customer/update",
        ] {
            assert_eq!(route(path), None, "{path}");
        }
    }

    #[test]
    fn paths_of_the_simulator_itself() {
        assert_eq!(route("/_sandbox/contagem"), Some(SandboxRoute::Counters));
        assert_eq!(route("/_sandbox/clientes"), Some(SandboxRoute::Customers));
        let customer =
            SandboxRoute::Customer { name_type: "I".to_owned(), identifier: "1/2".to_owned() };
        assert_eq!(route("/_sandbox/clientes/I/1%2F2"), Some(customer));
        for path in [
            "/_sandbox",
            "/_sandbox/",
            "/_sandbox/x",
            "/_sandbox/contagem/",
            "/_sandbox/clientes/E",
        ] {
            assert_eq!(route(path), None, "{path}");
        }
    }

    fn read(body: &[u8]) -> Result<Vec<(String, String)>, FormError> {
        let kind = HeaderValue::from_static("multipart/form-data; boundary=XX");
        form(Some(&kind), &Bytes::copy_from_slice(body))
    }

    fn one(headers: &str, value: &[u8]) -> Vec<u8> {
        [b"--XX\r\n", headers.as_bytes(), b"\r\n\r\n", value, b"\r\n--XX--\r\n"].concat()
    }

    #[test]
    fn plain_parts_are_read() {
        let body = "--XX\r\nContent-Disposition: form-data; name=\"campos[é ü]\"\r\n\r\na\r\nb\r\n\
                    --XX\r\ncontent-disposition: Form-Data; name=\"nome\"\r\nContent-Type: text/plain\r\n\r\n\r\n\
                    --XX--";
        let values = read(body.as_bytes()).unwrap();
        assert_eq!(
            values,
            [("campos[é ü]", "a\r\nb"), ("nome", "")].map(|(n, v)| (n.to_owned(), v.to_owned()))
        );
        assert_eq!(read(b"--XX--\r\n"), Ok(vec![]));
    }

    #[test]
    fn other_names_than_plain_ones_are_refused() {
        for disposition in [
            "form-data",
            "form-data; name=nome",
            "form-data; name*=utf-8''nome",
            "form-data; name=\"nome\"; filename=\"a\"",
            "form-data; filename=\"a\"; name=\"nome\"",
            "form-data; name=\"nome\"; name*=utf-8''x",
            "form-data; name=\"no\\\"me\"",
            "attachment; name=\"nome\"",
        ] {
            let body = one(&format!("Content-Disposition: {disposition}"), b"x");
            assert!(matches!(read(&body), Err(FormError::Part(_))), "{disposition}");
        }
        let missing = one("Content-Type: text/plain", b"x");
        assert!(matches!(read(&missing), Err(FormError::Part(_))));
        let injected = "Content-Disposition: form-data; name=\"nome\"\r\nX-Injected: 1";
        assert!(matches!(read(&one(injected, b"x")), Err(FormError::Part(_))));
    }

    #[test]
    fn bytes_that_are_no_utf8_are_refused() {
        let body = one("Content-Disposition: form-data; name=\"nome\"", b"Jo\xe3o");
        assert!(matches!(read(&body), Err(FormError::Part(text)) if text.contains("UTF-8")));
        let mut body = one("Content-Disposition: form-data; name=\"n?me\"", b"x");
        let at = body.iter().position(|&b| b == b'?').unwrap();
        body[at] = 0xe3;
        assert!(matches!(read(&body), Err(FormError::Part(text)) if text.contains("UTF-8")));
    }

    #[test]
    fn only_multipart_with_a_boundary() {
        let body = Bytes::from_static(b"--XX--\r\n");
        let with = |kind: &'static str| form(Some(&HeaderValue::from_static(kind)), &body);
        assert_eq!(form(None, &body), Err(FormError::ContentType));
        assert_eq!(with("application/x-www-form-urlencoded"), Err(FormError::ContentType));
        assert_eq!(with("multipart/mixed; boundary=XX"), Err(FormError::ContentType));
        assert_eq!(with("application/json"), Err(FormError::ContentType));
        assert_eq!(with("multipart/form-data"), Err(FormError::Malformed));
        assert_eq!(with("multipart/form-data; boundary=YY"), Err(FormError::Malformed));
        assert_eq!(with("multipart/form-data; boundary=\"XX\""), Ok(vec![]));
    }

    #[test]
    fn a_body_cut_anywhere_is_malformed() {
        let body = one("Content-Disposition: form-data; name=\"nome\"", b"x");
        let whole = body.len() - 2;
        assert!(read(&body[..whole]).is_ok());
        for end in 0..whole {
            assert_eq!(read(&body[..end]), Err(FormError::Malformed), "{end} bytes");
        }
    }

    #[test]
    fn nothing_may_stand_around_the_form() {
        let body = one("Content-Disposition: form-data; name=\"nome\"", b"x");
        assert_eq!(read(&[b"x\r\n", &body[..]].concat()), Err(FormError::Malformed));
        assert_eq!(read(&[&body[..], b"x"].concat()), Err(FormError::Malformed));
    }

    proptest! {
        #[test]
        fn whatever_is_sent_plainly_is_read_back(value in "\\PC{0,40}", id in "[a-zé 0-9]{1,9}") {
            prop_assume!(!value.contains("--XX"));
            let name = format!("campos[{id}]");
            let body = one(&format!("Content-Disposition: form-data; name=\"{name}\""), value.as_bytes());
            prop_assert_eq!(read(&body), Ok(vec![(name, value)]));
        }

        #[test]
        fn no_body_makes_it_panic_or_wait(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let framed = [b"--XX", &body[..], b"--XX--"].concat();
            let _ = read(&framed);
        }
    }
}
