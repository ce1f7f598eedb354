//! An HTTP request taken apart: the path into segments, the multipart form into names and values.
//!
//! It is strict where a lenient server would hide a client's mistake. What the parts mean is decided
//! in [`super::update_rules`].

use std::net::IpAddr;

use bytes::Bytes;
use http_body_util::{BodyDataStream, Full};
use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{Request, StatusCode};
use percent_encoding::percent_decode_str;

use super::account::SandboxRefusal;

/// The host that a request asks for in place of this machine, as text for a message. A web page can
/// make a browser ask this simulator under the page's own name (DNS rebinding); such a request must
/// learn nothing here.
pub(super) fn foreign_host<B>(request: &Request<B>) -> Option<String> {
    let hosts = request.headers().get_all(HOST).into_iter().map(HeaderValue::as_bytes);
    let asked = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    let mut foreign = hosts.chain(asked).filter(|host| !is_this_machine(host));
    foreign.next().map(|host| String::from_utf8_lossy(host).chars().take(60).collect())
}

fn is_this_machine(host: &[u8]) -> bool {
    let Ok(authority) = Authority::try_from(host) else { return false };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The segments of a path. It is split at the slashes *before* each segment is decoded, so that a
/// `%2F` stays inside its segment. `None` where a segment is empty, not UTF-8, badly encoded, or
/// (encoded or not) `.` or `..`, which servers take for a relative path.
pub(super) fn segments(path: &str) -> Option<Vec<String>> {
    path.strip_prefix('/')?.split('/').map(decode).collect()
}

fn decode(segment: &str) -> Option<String> {
    let sound = segment.split('%').skip(1).all(|after| {
        matches!(after.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
    });
    let text = percent_decode_str(segment).decode_utf8().ok().filter(|_| sound)?;
    (!matches!(text.as_ref(), "" | "." | "..")).then(|| text.into_owned())
}

/// Reads a whole body as `multipart/form-data`. It must begin with its first boundary and end with
/// the closing one.
pub(super) async fn form(
    content_type: Option<&HeaderValue>,
    body: Bytes,
) -> Result<Vec<(String, String)>, SandboxRefusal> {
    // Cut, or not as RFC 7578 wants it.
    let malformed = || SandboxRefusal {
        status: StatusCode::BAD_REQUEST,
        mensagem: "O formulário está incompleto ou malformado.".to_owned(),
    };
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(content_type).map_err(|error| match error {
        multer::Error::NoBoundary => malformed(),
        _ => SandboxRefusal {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            mensagem: "O conteúdo deve ser multipart/form-data.".to_owned(),
        },
    })?;
    let opening = format!("--{boundary}");
    let closing = format!("--{boundary}--");
    if !body.starts_with(opening.as_bytes()) || !body.trim_ascii_end().ends_with(closing.as_bytes())
    {
        return Err(malformed());
    }
    let mut form = multer::Multipart::new(BodyDataStream::new(Full::new(body)), boundary);
    let mut values = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|_| malformed())? {
        let name = part_name(field.headers());
        let value = field.bytes().await.map_err(|_| malformed())?;
        let name = name.map_err(SandboxRefusal::of_rule)?;
        let value = String::from_utf8(value.into())
            .map_err(|_| SandboxRefusal::of_rule("O valor de um parâmetro não está em UTF-8."))?;
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
