//! A customer's identifier and type, and the names under which a customer may be found.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::MAX_TEXT;
use crate::text::{any_byte, trimmed};

/// The type of an identifier: the last segment of the request's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CustomerType {
    /// `I`: the internal identifier of the customer's record.
    Internal,
    /// `E`: the customer's e-mail.
    Email,
}

impl CustomerType {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Internal, Self::Email];

    /// The letter that TomTicket uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "I",
            Self::Email => "E",
        }
    }

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Internal => Self::Email,
            Self::Email => Self::Internal,
        }
    }
}

impl FromStr for CustomerType {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "I" | "i" => Ok(Self::Internal),
            "E" | "e" => Ok(Self::Email),
            _ => Err("use I (interno) ou E (e-mail)"),
        }
    }
}

impl fmt::Display for CustomerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is not a valid [`Identifier`]. The messages are Portuguese: they end in `mensagem`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Control characters, line breaks and tabs included, are lost or changed on the way.
    #[error("contém um caractere de controle")]
    Control,
    #[error("{0}")]
    Other(&'static str),
}

/// A customer identifier that can be addressed: 1 to 250 characters, no control characters, neither
/// `.` nor `..`, and not a number that a spreadsheet has rounded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identifier(Box<str>);

impl Identifier {
    /// Checks `text` as it stands; trimming is decided in the mapping. White space alone is not valid.
    ///
    /// # Errors
    /// What [`check`](Self::check) says.
    pub fn new(text: &str) -> Result<Self, IdentifierError> {
        Self::check(text).map(|()| Self(text.into()))
    }

    /// The same of a name that TomTicket holds: it is neither too long nor a spreadsheet's mistake, and
    /// only what cannot be addressed is not valid.
    ///
    /// # Errors
    /// The first rule that `text` breaks.
    pub fn held(text: &str) -> Result<Self, IdentifierError> {
        Self::check_address(text).map(|()| Self(text.into()))
    }

    /// Whether `text` can address a customer. A value that gives a customer a new internal identifier
    /// must satisfy this too.
    ///
    /// # Errors
    /// The first rule that `text` breaks.
    pub fn check(text: &str) -> Result<(), IdentifierError> {
        Self::check_address(text)?;
        if text.len() > MAX_TEXT && text.chars().count() > MAX_TEXT {
            return Err(IdentifierError::Other("passa de 250 caracteres"));
        }
        if looks_like_spreadsheet_number(trimmed(text)) {
            return Err(IdentifierError::Other(
                "parece um número estragado pela planilha; formate a coluna como texto e exporte de novo",
            ));
        }
        Ok(())
    }

    fn check_address(text: &str) -> Result<(), IdentifierError> {
        if trimmed(text).is_empty() {
            return Err(IdentifierError::Other("está vazio"));
        }
        // They vanish from a URL's path, which would then address another customer or none.
        if text == "." || text == ".." {
            return Err(IdentifierError::Other("não pode ser \".\" nem \"..\""));
        }
        if any_byte(text, |byte| !(b' '..0x7F).contains(&byte)) && text.contains(char::is_control) {
            return Err(IdentifierError::Control);
        }
        Ok(())
    }

    /// The identifier, exactly as it is sent (before percent-encoding).
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `1,23E+13`, `1.23E13`, `-5E+10`, `1E+05`: digits, perhaps a decimal mark and digits, `E`, perhaps a
/// sign, digits. With neither mark nor sign (`12E5`) it may well be a real code.
pub fn looks_like_spreadsheet_number(text: &str) -> bool {
    // It ends in a digit, as few texts do.
    if !text.as_bytes().last().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let digits = exponent.strip_prefix(['+', '-']);
    let is_signed = digits.is_some();
    let digits = digits.unwrap_or(exponent);
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    all_digits(digits)
        && match mantissa.split_once([',', '.']) {
            Some((whole, fraction)) => all_digits(whole) && all_digits(fraction),
            None => is_signed && all_digits(mantissa),
        }
}

/// A customer as a row names it: the pair that stands in the request's path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Customer {
    /// The type of `identifier`.
    pub ctype: CustomerType,
    /// The identifier.
    pub identifier: Identifier,
}

/// A name under which a customer may be found, borrowed from the row that touches it. Order and
/// ledger treat two names that differ only in letter case as one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a> {
    /// The type of `text`.
    pub ctype: CustomerType,
    /// The name as the row spells it.
    pub text: &'a str,
}

/// Whether two spellings name one customer: letter case (Unicode) is ignored.
pub fn same_name(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_that_cannot_be_addressed_are_refused() {
        for (text, why) in [
            ("", "vazio"),
            (" \u{a0}", "vazio"),
            (" 1,23E+13", "planilha"),
            (".", "não pode ser"),
            ("..", "não pode ser"),
            ("a\tb", "de controle"),
            ("a\u{85}b", "de controle"),
            ("1,23E+13", "planilha"),
            ("1.23e+13", "planilha"),
            ("-5E-10", "planilha"),
            ("5.51191E12", "planilha"),
            (&*"é".repeat(251), "250"),
        ] {
            let error = Identifier::new(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }

    #[test]
    fn odd_but_real_identifiers_are_kept() {
        for text in
            ["00012", "12.345.678/0001-90", "...", "ana@x.com", "12E5", "E+1", "1E+", "ação"]
        {
            assert_eq!(Identifier::new(text).map(|i| i.as_str().to_owned()), Ok(text.to_owned()));
        }
        assert!(Identifier::new(&"é".repeat(250)).is_ok());
    }

    #[test]
    fn of_what_tomticket_holds_only_what_cannot_be_addressed_is_refused() {
        for text in ["1,23E+13", " a@x ", &*"é".repeat(251)] {
            assert!(Identifier::held(text).is_ok(), "{text}");
        }
        for text in ["", "\u{a0}", ".", "..", "a\tb"] {
            assert!(Identifier::held(text).is_err(), "{text:?}");
        }
    }
}
