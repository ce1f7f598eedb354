//! What a response means: status first, then the body. A body is one JSON object or unreadable; it
//! is never searched for words. Pure; the bytes are read in [`super::client`].

use serde::Deserialize;
use serde_json::Value;

use super::{ApiVersion, Reply};

/// The most that is read of a response's body, in bytes.
pub(super) const BODY_MAX: usize = 64 * 1024;

/// How many characters of an unreadable body the message quotes.
const SNIPPET: usize = 120;

/// A response's body as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    /// All of it.
    Whole(Vec<u8>),
    /// It went on beyond [`BODY_MAX`].
    TooLong,
    /// It broke off, or the timeout ended it.
    Cut,
}

/// What a response means, with the words for the row's `mensagem`.
///
/// | status | meaning |
/// | --- | --- |
/// | 2xx | by `erro` (v2.0: `error`): JSON boolean, 0/1 or "true"/"false"; anything else is ambiguous |
/// | 3xx | redirected |
/// | 401, 403 | denied |
/// | 408, 5xx (and what HTTP does not define) | ambiguous, whatever the body says |
/// | 429 | limited; `Retry-After` is the caller's |
/// | other 4xx | refused |
pub(super) fn classify(
    status: u16,
    body: &Body,
    version: ApiVersion,
    redact: impl Fn(String) -> String,
) -> (Reply, String) {
    let whole = match body {
        Body::Whole(bytes) => Some(bytes.as_slice()),
        Body::TooLong | Body::Cut => None,
    };
    let reply = whole.and_then(|body| ParsedReply::parse(body, version));
    let words = |fallback: &str| {
        reply
            .as_ref()
            .and_then(|answer| answer.mensagem.clone())
            .unwrap_or_else(|| format!("HTTP {status}: {fallback}"))
    };
    match status {
        200..=299 => match (reply, body) {
            (Some(ParsedReply { erro: Some(false), mensagem }), _) => {
                (Reply::Accepted, mensagem.unwrap_or_else(|| "Cliente atualizado.".to_owned()))
            }
            (Some(ParsedReply { erro: Some(true), mensagem }), _) => (
                Reply::Refused,
                mensagem.unwrap_or_else(|| "Recusado pela API, sem explicação.".to_owned()),
            ),
            (_, Body::TooLong) => {
                (Reply::Ambiguous, format!("HTTP {status} com resposta ilegível: passa de 64 KiB"))
            }
            (_, Body::Cut) => {
                (Reply::Ambiguous, format!("HTTP {status}, mas a resposta veio incompleta"))
            }
            (_, Body::Whole(bytes)) => (
                Reply::Ambiguous,
                format!("HTTP {status} com resposta ilegível: {}", snippet(bytes, redact)),
            ),
        },
        300..=399 => (
            Reply::Redirected,
            format!("HTTP {status}: o servidor mandou ir a outro endereço, o que nunca é seguido"),
        ),
        401 | 403 => (Reply::Denied, words("acesso negado")),
        429 => (Reply::Limited { retry_after: None }, words("limite de requisições")),
        408 => (Reply::Ambiguous, words("o servidor desistiu de esperar a requisição")),
        400..=499 => (Reply::Refused, words("recusado pelo servidor")),
        _ => (Reply::Ambiguous, words("erro no servidor")),
    }
}

/// The JSON object of a reply, with values of any type. serde refuses a key that stands there twice.
#[derive(Deserialize)]
struct ReplyV1 {
    erro: Option<Value>,
    mensagem: Option<Value>,
}

/// The same in version 2.0. `success` only repeats `error`.
#[derive(Deserialize)]
struct ReplyV2 {
    error: Option<Value>,
    message: Option<Value>,
}

/// A reply that could be read.
struct ParsedReply {
    /// `None` where it is missing, or not in a known spelling.
    erro: Option<bool>,
    mensagem: Option<String>,
}

impl ParsedReply {
    /// `None` unless the whole body is one JSON object. A byte order mark is allowed before it: PHP
    /// files that are saved with one print it.
    fn parse(body: &[u8], version: ApiVersion) -> Option<Self> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
        // serde reads an array as a struct, too.
        if !body.starts_with(b"{") {
            return None;
        }
        let (erro, mensagem) = match version {
            ApiVersion::V1 => {
                let ReplyV1 { erro, mensagem } = serde_json::from_slice(body).ok()?;
                (erro, mensagem)
            }
            ApiVersion::V2 => {
                let ReplyV2 { error, message } = serde_json::from_slice(body).ok()?;
                (error, message)
            }
        };
        let erro = match erro {
            Some(Value::Bool(erro)) => Some(erro),
            Some(value) if value == 0 || value == "false" => Some(false),
            Some(value) if value == 1 || value == "true" => Some(true),
            _ => None,
        };
        let mensagem = match &mensagem {
            Some(Value::String(text)) => Some(text.trim().to_owned()),
            None | Some(Value::Null) => None,
            Some(other) => Some(other.to_string()),
        };
        Some(Self { erro, mensagem: mensagem.filter(|text| !text.is_empty()) })
    }
}

/// The beginning of a body on one line, by which a person can recognise a maintenance page. The token
/// is redacted before the text is cut, because half of a spelling would not be found.
fn snippet(body: &[u8], redact: impl Fn(String) -> String) -> String {
    // UTF-16, or not text at all.
    if body.contains(&0) {
        return "(não é texto)".to_owned();
    }
    let text = redact(String::from_utf8_lossy(body).into_owned());
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SNIPPET) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.is_empty() => "(vazia)".to_owned(),
        None => line,
    }
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
