//! The account's secret. It cannot be printed; it can be put into a URL (by [`super::Endpoint`]),
//! searched for in foreign text, and hashed.

use std::borrow::Cow;

use percent_encoding::utf8_percent_encode;
use secrecy::{ExposeSecret, SecretString};

use super::encoded::Encoded;
use super::endpoint::SEGMENT;
use super::scrub::scrub;

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

/// The company's access token. `Debug` shows nothing of it and there is no `Display`.
#[derive(Debug, Clone)]
pub struct Token {
    secret: SecretString,
    /// The same as it stands in a URL, because that is how a server's error page repeats it.
    encoded: SecretString,
    /// The same in encodings of the whole, for [`Self::scrub`].
    spellings: Encoded,
}

impl Token {
    /// Takes a token as it came from the environment or a file; surrounding white space (the line
    /// break that an editor adds) is dropped.
    ///
    /// # Errors
    /// An empty token, or one with controls or only dots inside.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        // Windows editors put a byte order mark before the first character.
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Err(TokenError::Empty);
        }
        if text == "." || text == ".." || text.chars().any(char::is_control) {
            return Err(TokenError::Malformed);
        }
        Ok(Self {
            secret: text.into(),
            encoded: utf8_percent_encode(text, SEGMENT).to_string().into(),
            spellings: Encoded::of(text),
        })
    }

    /// The token as a path segment. Only for building the request's URL.
    pub(super) fn encoded(&self) -> &str {
        self.encoded.expose_secret()
    }

    /// The token's bytes, for deriving a key from them; never for output.
    pub fn expose_for_key(&self) -> &[u8] {
        self.secret.expose_secret().as_bytes()
    }

    /// Replaces every occurrence of the token in bytes from outside, in any usual spelling. To be
    /// done before anything is cut: half a token is a leak too.
    pub fn scrub<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        self.spellings.scrub(scrub(text, self.secret.expose_secret()))
    }

    /// The same for text.
    pub fn scrub_text(&self, text: String) -> String {
        match self.scrub(text.as_bytes()) {
            Cow::Borrowed(_) => text,
            Cow::Owned(clean) => String::from_utf8_lossy(&clean).into_owned(),
        }
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

    #[test]
    fn foreign_text_is_scrubbed_of_both_forms() {
        let token = Token::new("s3/x").unwrap();
        assert_eq!(token.scrub_text("/u/s3%2Fx/a e s3/x.".to_owned()), "/u/[token]/a e [token].");
    }
}
