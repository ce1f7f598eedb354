//! Status and body → what the reply means. Pure. Status first, then the body; a body is understood
//! or not, never scraped.

use serde::Deserialize;
use serde_json::Value;

use super::Reply;

/// The most that is read of a response's body, in bytes.
pub const BODY_MAX: usize = 64 * 1024;

/// Characters of an unreadable body that the message repeats.
const SNIPPET: usize = 120;

/// A response's body as far as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// It went on beyond [`BODY_MAX`].
    TooLong,
    /// It broke off or came too slowly.
    Cut,
}

/// What a response means, with the words for the row's `mensagem`.
///
/// | status | meaning |
/// | --- | --- |
/// | 2xx | by `erro`: JSON boolean, 0/1 or "true"/"false"; anything else is ambiguous |
/// | 3xx | redirected |
/// | 401, 403 | denied |
/// | 408, 5xx (and what HTTP does not define) | ambiguous, whatever the body says |
/// | 429 | limited; `Retry-After` is the caller's |
/// | other 4xx | refused |
pub fn classify(status: u16, body: Body<'_>) -> (Reply, String) {
    let whole = match body {
        Body::Whole(bytes) => Some(bytes),
        Body::TooLong | Body::Cut => None,
    };
    let said = whole.and_then(Answer::parse);
    let words = |fallback: &str| {
        said.as_ref()
            .and_then(|answer| answer.mensagem.clone())
            .unwrap_or_else(|| format!("HTTP {status}: {fallback}"))
    };
    match status {
        200..=299 => match (said, body) {
            (Some(Answer { erro: Some(false), mensagem }), _) => {
                (Reply::Accepted, mensagem.unwrap_or_else(|| "Cliente atualizado.".to_owned()))
            }
            (Some(Answer { erro: Some(true), mensagem }), _) => (
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
                format!("HTTP {status} com resposta ilegível: {}", snippet(bytes)),
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

/// The JSON object that the API answers with, whatever its values are. A key that stands there
/// twice is an error.
#[derive(Deserialize)]
struct Said {
    erro: Option<Value>,
    mensagem: Option<Value>,
}

/// The same, understood.
struct Answer {
    /// `None` where it is missing or in no known spelling.
    erro: Option<bool>,
    mensagem: Option<String>,
}

impl Answer {
    /// `None` unless the whole body is one JSON object (a byte order mark before it is allowed; PHP
    /// files saved with one print it) that says each thing once.
    fn parse(body: &[u8]) -> Option<Self> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
        // What is derived takes an array for a struct, too.
        if !body.starts_with(b"{") {
            return None;
        }
        let Said { erro, mensagem } = serde_json::from_slice(body).ok()?;
        let erro = match erro {
            Some(Value::Bool(erro)) => Some(erro),
            Some(Value::Number(number)) => match number.as_u64() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
            Some(Value::String(text)) => match text.as_str() {
                "false" => Some(false),
                "true" => Some(true),
                _ => None,
            },
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

/// The beginning of a body on one line, for a person to recognise a maintenance page by.
fn snippet(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(8 * SNIPPET)]);
    let mut out = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        if out.chars().count() > SNIPPET {
            let mut cut: String = out.chars().take(SNIPPET).collect();
            cut.push('…');
            return cut;
        }
    }
    if out.is_empty() { "(vazia)".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reply(status: u16, body: &str) -> Reply {
        classify(status, Body::Whole(body.as_bytes())).0
    }

    #[test]
    fn erro_has_exactly_the_known_spellings() {
        for body in [
            r#"{"erro":false}"#,
            r#"{"erro":0}"#,
            r#"{"erro":"false","mensagem":"ok"}"#,
            "\u{feff} {\"erro\": false}\n",
        ] {
            assert_eq!(reply(200, body), Reply::Accepted, "{body}");
        }
        for body in [r#"{"erro":true}"#, r#"{"erro":1}"#, r#"{"erro":"true"}"#] {
            assert_eq!(reply(200, body), Reply::Refused, "{body}");
        }
        for body in [
            "",
            "[]",
            "[false, \"ok\"]",
            "null",
            "{}",
            r#"{"erro":null}"#,
            r#"{"erro":2}"#,
            r#"{"erro":0.0}"#,
            r#"{"erro":""}"#,
            r#"{"erro":"False"}"#,
            r#"{"erro":[]}"#,
            r#"{"Erro":false}"#,
            r#"{"erro":false"#,
            r#"{"erro":true,"erro":false}"#,
            r#"{"erro":false,"mensagem":"a","mensagem":"b"}"#,
            r#"{"erro":false} {"erro":true}"#,
            r#"Warning: x in y.php {"erro":false}"#,
            "<html>{\"erro\":false}</html>",
        ] {
            assert_eq!(reply(200, body), Reply::Ambiguous, "{body}");
        }
    }

    #[test]
    fn the_status_comes_first() {
        let ok = r#"{"erro":false}"#;
        assert_eq!(reply(500, ok), Reply::Ambiguous);
        assert_eq!(reply(408, ok), Reply::Ambiguous);
        assert_eq!(reply(600, ok), Reply::Ambiguous);
        assert_eq!(reply(302, ok), Reply::Redirected);
        assert_eq!(reply(304, ok), Reply::Redirected);
        assert_eq!(reply(401, ok), Reply::Denied);
        assert_eq!(reply(403, ok), Reply::Denied);
        assert_eq!(reply(404, ok), Reply::Refused);
        assert_eq!(reply(429, ok), Reply::Limited { retry_after: None });
        assert_eq!(reply(201, ok), Reply::Accepted);
    }

    #[test]
    fn the_api_speaks_for_itself() {
        let said = |status, body: &str| classify(status, Body::Whole(body.as_bytes())).1;
        assert_eq!(said(200, r#"{"erro":true,"mensagem":"Não."}"#), "Não.");
        assert_eq!(said(404, r#"{"erro":true,"mensagem":"Sumiu."}"#), "Sumiu.");
        assert_eq!(said(200, r#"{"erro":true,"mensagem":{"a":1}}"#), r#"{"a":1}"#);
        assert!(said(404, "<h1>x</h1>").starts_with("HTTP 404"));
        assert!(said(200, "<h1>Em\n manutenção</h1>").ends_with("<h1>Em manutenção</h1>"));
        assert!(said(200, "").contains("(vazia)"));
        assert_eq!(said(200, r#"{"erro":false,"mensagem":" Feito.\n"}"#), "Feito.");
        assert_eq!(
            said(200, r#"{"erro":true,"mensagem":" "}"#),
            "Recusado pela API, sem explicação."
        );
        assert!(said(200, "<h1>a\u{1}b").ends_with(": <h1>a b"));
        let [whole, cut] = [SNIPPET, SNIPPET + 1].map(|length| said(200, &"x".repeat(length)));
        assert!(whole.ends_with('x'));
        assert_eq!(cut, format!("{whole}…"));
        assert!(classify(200, Body::TooLong).1.contains("passa de 64 KiB"));
    }

    #[test]
    fn a_cut_or_endless_2xx_is_ambiguous_and_a_4xx_is_not() {
        assert_eq!(classify(200, Body::Cut).0, Reply::Ambiguous);
        assert_eq!(classify(200, Body::TooLong).0, Reply::Ambiguous);
        assert_eq!(classify(404, Body::Cut).0, Reply::Refused);
    }

    proptest! {
        #[test]
        fn any_body_is_classified_and_only_an_object_with_erro_false_is_success(
            status in 100u16..=999, body in proptest::collection::vec(any::<u8>(), 0..200)
        ) {
            let (reply, mensagem) = classify(status, Body::Whole(&body));
            prop_assert!(!mensagem.is_empty());
            if reply == Reply::Accepted {
                let value: Value = serde_json::from_slice(
                    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body)).unwrap();
                let erro = &value["erro"];
                prop_assert!(erro == false || erro == 0 || erro == "false");
            }
        }
    }
}
