//! The account's secret. It cannot be printed. It can be put into a URL (by [`super::v1`]), hidden in
//! text from outside, and used to derive a key.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

use super::redact::Redactor;

/// The characters of a path segment that are encoded: all but RFC 3986's unreserved ones. Others
/// (`/` in a CNPJ, `+`, `:`) are split at or rewritten by some servers.
pub(super) const SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a text cannot be a token. The text itself is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Nothing but white space.
    #[error("o token está vazio")]
    Empty,
    /// Controls inside (probably two lines, or the wrong file), or nothing but dots.
    #[error(
        "o token não serve: tem quebra de linha ou caractere de controle, ou é só um ponto; confira se foi copiado inteiro, e só ele"
    )]
    Malformed,
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
    /// An empty token, or one with controls or only dots inside.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        // Windows editors write a byte order mark.
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Err(TokenError::Empty);
        }
        if text == "." || text == ".." || text.chars().any(char::is_control) {
            return Err(TokenError::Malformed);
        }
        Ok(Self { secret: text.into(), redactor: Redactor::new(text) })
    }

    /// The token as a path segment, for the request's URL only.
    pub(super) fn encoded(&self) -> String {
        utf8_percent_encode(self.secret.expose_secret(), SEGMENT).to_string()
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

    #[test]
    fn a_token_is_trimmed_and_checked() {
        assert!(Token::new("  abc\r\n").is_ok());
        assert_eq!(Token::new(" \n").unwrap_err(), TokenError::Empty);
        assert_eq!(Token::new("a\nb").unwrap_err(), TokenError::Malformed);
        assert_eq!(Token::new("..").unwrap_err(), TokenError::Malformed);
    }

    #[test]
    fn a_token_does_not_print() {
        let token = Token::new("s3gr3d0/x").unwrap();
        assert!(!format!("{token:?}").contains("s3gr3d0"));
    }
}
