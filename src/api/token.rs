//! The account's secret. It cannot be printed. It can be put into a URL (by [`super::v1`]), hidden in
//! text from outside, and used to derive a key.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use super::redact::Redactor;

/// The characters of a path segment that are encoded: all but RFC 3986's unreserved ones. Others
/// (`/` in a CNPJ, `+`, `:`) are split at or rewritten by some servers.
pub(super) const SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a text cannot be a token. The text itself is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TokenError(&'static str);

/// Straight and typographic.
const QUOTES: [char; 7] = ['"', '\'', '`', '“', '”', '‘', '’'];

/// Whether the text is `NAME=value`, perhaps after `export`. The `=` at the end of base64 is none.
fn is_assignment(text: &str) -> bool {
    let name = |name: &str| {
        let name = name.trim().strip_prefix("export ").unwrap_or(name).trim();
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    text.split_once('=')
        .is_some_and(|(left, right)| name(left) && !right.trim_start_matches('=').trim().is_empty())
}

/// The company's access token. `Debug` does not show it, and there is no `Display`.
#[derive(Debug, Clone)]
pub struct Token {
    secret: SecretString,
    redactor: Redactor,
}

impl Token {
    /// Reads a token from the environment or a file. Surrounding white space, such as the line break
    /// that an editor adds, is dropped.
    ///
    /// # Errors
    /// An empty token, one with controls or only dots inside, or one copied with what stood around it.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        // Windows editors write a byte order mark.
        let text = text.trim_start_matches('\u{feff}').trim();
        let why = if text.is_empty() {
            "o token está vazio"
        } else if text == "." || text == ".." || text.chars().any(char::is_control) {
            // Two lines, or the wrong file.
            "o token não serve: tem quebra de linha ou caractere de controle, ou é só um ponto; confira se foi copiado inteiro, e só ele"
        } else if text.starts_with(QUOTES) || text.ends_with(QUOTES) {
            "o token está entre aspas; deixe só o token, sem elas"
        } else if text.to_lowercase().contains("bearer ") {
            "antes do token está escrito Bearer; deixe só o token"
        } else if is_assignment(text) {
            "antes do token está escrito um nome com =; deixe só o token"
        } else {
            return Ok(Self { secret: text.into(), redactor: Redactor::new(text) });
        };
        Err(TokenError(why))
    }

    /// The token as a path segment, for the request's URL only.
    pub(super) fn encoded(&self) -> String {
        utf8_percent_encode(self.secret.expose_secret(), SEGMENT).to_string()
    }

    /// The token as the value of the header `Authorization`, which no log shows.
    pub(super) fn bearer(&self) -> HeaderValue {
        let text = format!("Bearer {}", self.secret.expose_secret());
        // A token without controls is a valid value, whatever its letters.
        let value = HeaderValue::from_bytes(text.as_bytes());
        let mut value = value.unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }

    /// The token's bytes, to derive a key from; never for output.
    pub fn expose_for_key(&self) -> &[u8] {
        self.secret.expose_secret().as_bytes()
    }

    /// Replaces every occurrence of the token in text from outside.
    pub(super) fn redact(&self, text: String) -> String {
        self.redactor.redact(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is refused is tested in tests/e2e/configuration.rs and secrets.rs.
    #[test]
    fn what_only_looks_like_a_mistake_is_a_token() {
        for good in ["  abc\r\n", "YWJj=", "YWJj==", "a/b=c", "1a=b", "a.b=c", "a'b"] {
            assert!(Token::new(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_token_does_not_print() {
        let token = Token::new("s3gr3d0/x").unwrap();
        assert!(!format!("{token:?}").contains("s3gr3d0"));
    }
}
