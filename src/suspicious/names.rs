//! What a text may not hold that addresses a customer, or is to: an e-mail or an internal identifier.

use super::no_value::{is_no_value, is_only_punctuation, is_total_line};
use super::screen::has_odd_byte;
use super::wrapped::{is_wrapped, touches_quote};
use crate::locale::foreign_text::is_invisible;
use crate::model::CustomerType;

/// Why a text is not clean. The messages are Portuguese, to stand behind the text in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    #[error("quer dizer \"sem valor\" e não é de ninguém; deixe a célula vazia ou veja --null")]
    NoValue,
    #[error(
        "é só pontuação, como uma linha de traços da exportação, e não é de ninguém; deixe a célula vazia ou veja --null"
    )]
    Punctuation,
    #[error("não é um cliente: parece a linha de total da exportação")]
    Total,
    #[error("contém um caractere invisível (U+{0:04X}); apague-o na origem")]
    Invisible(u32),
    #[error("contém U+FFFD, que está no lugar de um caractere perdido")]
    LostCharacter,
    #[error(
        "tem as marcas com que planilhas escrevem texto (=\"…\" ou apóstrofo); deixe só o valor"
    )]
    SpreadsheetText,
    #[error("tem aspas em volta; deixe só o valor")]
    Quotes,
    #[error(
        "termina em zeros decimais, como todos desta coluna: virou número numa planilha; formate a coluna como texto e exporte de novo"
    )]
    DecimalNumber,
    #[error("começa com \"mailto:\"; deixe só o endereço")]
    MailTo,
    #[error(
        "contém um sinal que endereços não têm (\"<\", \">\", parênteses, colchetes ou dois-pontos); deixe só o endereço"
    )]
    ForeignSign,
    #[error("contém \",\" ou \";\"; informe um endereço só, com ponto no domínio")]
    Separator,
    #[error("tem mais de um @")]
    SeveralAts,
    #[error("tem uma parte vazia no domínio (dois pontos seguidos, ou um na ponta)")]
    EmptyLabel,
}

impl Flaw {
    /// Whether it is about how a name is spelled; else there is no customer of that name at all.
    pub const fn is_of_spelling(self) -> bool {
        !matches!(self, Self::NoValue | Self::Punctuation | Self::Total)
    }
}

/// The first flaw of a name of this type.
pub fn name_flaw(ctype: CustomerType, text: &str) -> Option<Flaw> {
    if is_plain(text) {
        return None;
    }
    let flaw = flaw_of_any(text);
    match ctype {
        CustomerType::Internal => flaw,
        CustomerType::Email => flaw.or_else(|| flaw_of_email(text)),
    }
}

/// Whether the text is an address or a code as nearly all are. This is asked of every row.
fn is_plain(text: &str) -> bool {
    let (mut ats, mut has_digit, mut before) = (0, false, b'.');
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => has_digit = true,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'-' => {}
            b'.' | b'@' if matches!(before, b'.' | b'@') => return false,
            b'.' => {}
            b'@' => ats += 1,
            _ => return false,
        }
        before = byte;
    }
    !matches!(before, b'.' | b'@') && (ats == 1 || (ats == 0 && has_digit))
}

fn flaw_of_any(text: &str) -> Option<Flaw> {
    let text = text.trim();
    let starts_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    // No word for no value has a digit or is longer than this.
    let is_short = text.len() <= 32;
    // One or two dots have a rule of their own.
    if is_short && !starts_plain && !matches!(text, "." | "..") && is_only_punctuation(text) {
        return Some(Flaw::Punctuation);
    }
    if is_short && !text.contains('@') && !matches!(text, "." | "..") && is_no_value(text) {
        return Some(Flaw::NoValue);
    }
    if is_short && !text.contains('@') && is_total_line(text) {
        return Some(Flaw::Total);
    }
    if !has_odd_byte(text) {
        return None;
    }
    if let Some(invisible) = text.chars().find(|c| is_invisible(*c)) {
        return Some(Flaw::Invisible(u32::from(invisible)));
    }
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Some(Flaw::LostCharacter);
    }
    match () {
        () if is_wrapped(text) => Some(Flaw::SpreadsheetText),
        () if touches_quote(text) => Some(Flaw::Quotes),
        () => None,
    }
}

fn flaw_of_email(text: &str) -> Option<Flaw> {
    if text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("mailto:")) {
        return Some(Flaw::MailTo);
    }
    let (mut ats, mut has_empty_label, mut before) = (0, false, b'@');
    for byte in text.bytes() {
        match byte {
            b'<' | b'>' | b'(' | b')' | b'[' | b']' | b':' => return Some(Flaw::ForeignSign),
            b'"' => return Some(Flaw::Quotes),
            b',' | b';' => return Some(Flaw::Separator),
            b'@' => ats += 1,
            b'.' => has_empty_label |= ats > 0 && matches!(before, b'.' | b'@'),
            _ => {}
        }
        before = byte;
    }
    match ats {
        0 => None,
        1 if has_empty_label || matches!(before, b'.' | b'@') => Some(Flaw::EmptyLabel),
        1 => None,
        _ => Some(Flaw::SeveralAts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_flaw() {
        for (text, flaw) in [
            ("NULL", Flaw::NoValue),
            ("#N/D", Flaw::NoValue),
            ("-------", Flaw::Punctuation),
            ("Total", Flaw::Total),
            ("\u{200b}7", Flaw::Invisible(0x200b)),
            ("7\u{ad}", Flaw::Invisible(0xad)),
            ("Jo\u{fffd}o", Flaw::LostCharacter),
            ("=\"00123\"", Flaw::SpreadsheetText),
            ("'+1", Flaw::SpreadsheetText),
            ("'00125", Flaw::SpreadsheetText),
            ("'1'", Flaw::Quotes),
            ("“2”", Flaw::Quotes),
        ] {
            assert_eq!(name_flaw(CustomerType::Internal, text), Some(flaw), "{text:?}");
            assert_eq!(name_flaw(CustomerType::Email, text), Some(flaw), "{text:?}");
        }
        for (text, flaw) in [
            ("mailto:a@x.co", Flaw::MailTo),
            ("Mailto:a@x.co", Flaw::MailTo),
            ("<b@x.co>", Flaw::ForeignSign),
            ("Ana <b@x.co", Flaw::ForeignSign),
            ("(b@x.co)", Flaw::ForeignSign),
            ("email:b@x.co", Flaw::ForeignSign),
            ("c@x.co;", Flaw::Separator),
            ("a@x.co;b@x.co", Flaw::Separator),
            ("d@x,co", Flaw::Separator),
            ("a@x.co@y", Flaw::SeveralAts),
            ("e@x..co", Flaw::EmptyLabel),
            ("e@.x.co", Flaw::EmptyLabel),
            ("e@x.co.", Flaw::EmptyLabel),
            ("e@", Flaw::EmptyLabel),
            ("a\"b@x.co", Flaw::Quotes),
        ] {
            assert_eq!(name_flaw(CustomerType::Email, text), Some(flaw), "{text:?}");
            assert_eq!(name_flaw(CustomerType::Internal, text), None, "{text:?}");
        }
    }

    #[test]
    fn clean_names() {
        for text in [
            "o'neill@x.co",
            "a.b+c_d@sub.x.co",
            "null@x.co",
            "total@x.co",
            "josé@ção.com.br",
            "ana",
            "00012",
            "12.345.678/0001-90",
            "1234.0",
            "C&A",
            "D'Ávila-7",
            "A-1",
            "#17",
        ] {
            for ctype in CustomerType::ALL {
                assert_eq!(name_flaw(ctype, text), None, "{text}");
            }
        }
    }
}
