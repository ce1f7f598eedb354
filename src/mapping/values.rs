//! One rule per field: which values are accepted and how they are normalised.
//!
//! The bounds are the API's documented ones; lengths are counted in characters. What an identifier may
//! be is decided in `model`.

use memchr::memchr;

use crate::model::{FieldName, Identifier, IdentifierError, MAX_TELEFONE, MAX_TEXT, Param};
use crate::text::any_byte;

/// Characters of a bad value that a message repeats.
const EXCERPT: usize = 60;

/// The beginning of a value for a message: at most 60 characters, controls shown as `·`.
pub fn excerpt(value: &str) -> String {
    let mut out = String::with_capacity(value.len().min(4 * EXCERPT));
    for (count, c) in value.chars().enumerate() {
        if count == EXCERPT {
            out.push('…');
            break;
        }
        out.push(if c.is_control() { '·' } else { c });
    }
    out
}

/// Whether the value holds a control character that no value may hold. Line breaks and tabs are data:
/// a quoted cell may hold them.
pub fn has_forbidden_control(value: &str) -> bool {
    may_have_control(value)
        && value.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
}

/// A quick check: if it is false, the value has no control character at all.
pub fn may_have_control(value: &str) -> bool {
    // 0xC2 begins the controls beyond ASCII.
    any_byte(value, |byte| byte < b' ' || byte == 0x7F || byte == 0xC2)
}

/// Whether the value holds a `\r` without `\n` behind it.
pub fn has_lone_cr(value: &str) -> bool {
    value.matches('\r').count() > value.matches("\r\n").count()
}

/// The rule that a value breaks: Portuguese text to stand behind the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RuleViolation {
    /// A rule of the field.
    #[error("{0}")]
    Rule(&'static str),
    /// A rule for customer identifiers.
    #[error(transparent)]
    Identifier(#[from] IdentifierError),
}

/// Checks a value that is not empty. Gives the API's spelling of it, or `None` where that is the value
/// itself.
///
/// # Errors
/// The rule that it breaks.
pub fn normalise(field: &FieldName, value: &str) -> Result<Option<&'static str>, RuleViolation> {
    let FieldName::Param(param) = field else { return Ok(None) };
    match param {
        // The next file may address the customer by it.
        Param::IdInterno => Ok(Identifier::check(value).map(|()| None)?),
        Param::Nome | Param::IdOrganizacao | Param::Email if longer_than(value, MAX_TEXT) => {
            Err(RuleViolation::Rule("passa de 250 caracteres"))
        }
        Param::Telefone if longer_than(value, MAX_TELEFONE) => {
            Err(RuleViolation::Rule("passa de 20 caracteres"))
        }
        Param::Email if !looks_like_email(value) => {
            Err(RuleViolation::Rule("não parece um e-mail"))
        }
        Param::Nome
        | Param::IdOrganizacao
        | Param::Telefone
        | Param::Email
        | Param::PortfolioId => Ok(None),
        Param::CriarChamados => boolean(value).map(Some).ok_or(RuleViolation::Rule(
            "não é sim nem não (use true/false, sim/não, 1/0, s/n, verdadeiro/falso)",
        )),
        Param::Idioma => language(value)
            .map(Some)
            .ok_or(RuleViolation::Rule("não é um idioma do painel (use pt_BR, en_US ou es_ES)")),
    }
}

fn longer_than(value: &str, max: usize) -> bool {
    value.len() > max && value.chars().count() > max
}

/// One `@`, no space, and a dot inside the domain: enough to catch a shifted column. Whether mail
/// systems would deliver to it is not checked.
pub fn looks_like_email(value: &str) -> bool {
    let Some(at) = memchr(b'@', value.as_bytes()).filter(|at| *at > 0) else { return false };
    let domain = &value.as_bytes()[at + 1..];
    memchr(b'@', domain).is_none()
        && memchr(b'.', domain).is_some_and(|dot| dot > 0)
        && !domain.ends_with(b".")
        && !has_space(value)
}

fn has_space(value: &str) -> bool {
    // All white space beyond ASCII is in more than one byte.
    any_byte(value, |byte| byte <= b' ' || !byte.is_ascii()) && value.contains(char::is_whitespace)
}

fn boolean(value: &str) -> Option<&'static str> {
    const TRUE: [&str; 8] = ["true", "t", "1", "sim", "s", "verdadeiro", "yes", "y"];
    const FALSE: [&str; 8] = ["false", "f", "0", "não", "nao", "n", "falso", "no"];
    let is_one_of = |words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word));
    if is_one_of(&TRUE) {
        Some("true")
    } else if is_one_of(&FALSE) || value.to_lowercase() == "não" {
        Some("false")
    } else {
        None
    }
}

fn language(value: &str) -> Option<&'static str> {
    let is_letter = |given: u8, known: u8| match known {
        b'_' => matches!(given, b'_' | b'-' | b' '),
        known => given.eq_ignore_ascii_case(&known),
    };
    ["pt_BR", "en_US", "es_ES"].into_iter().find(|known| {
        value.len() == known.len() && value.bytes().zip(known.bytes()).all(|(a, b)| is_letter(a, b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(param: Param, value: &str) -> bool {
        normalise(&FieldName::Param(param), value).is_ok()
    }

    #[test]
    fn bounds_of_emails_and_of_what_has_none() {
        let email = |len: usize| format!("{}@x.com", "a".repeat(len - 6));
        assert!(check(Param::Email, &email(250)) && !check(Param::Email, &email(251)));
        assert!(check(Param::PortfolioId, &"a".repeat(999)));
        // What may be a text may not be an identifier.
        for bad in ["1,23E+13", ".", "..", "a\nb", "a\tb", "\u{a0}"] {
            assert!(!check(Param::IdInterno, bad) && check(Param::IdOrganizacao, bad), "{bad:?}");
        }
    }

    #[test]
    fn excerpts_are_short_and_printable() {
        assert_eq!(excerpt("a\u{1b}b"), "a·b");
        assert_eq!(excerpt(&"é".repeat(100)).chars().count(), 61);
    }

    #[test]
    fn controls() {
        assert!(has_forbidden_control("a\0b"));
        assert!(has_forbidden_control("a\u{85}b"));
        assert!(has_forbidden_control("\u{7f}"));
        assert!(!has_forbidden_control("a\tb\r\nç Â\u{a0}"));
    }
}
