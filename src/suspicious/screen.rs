//! Two quick looks that clear nearly every ordinary value before any detector runs. A million rows of
//! ten cells have to pass them in a tenth of a second.

use super::no_value::LONGEST;
use crate::text::{any_byte, trimmed};

/// Whether the text has a byte without which nothing inside a value is suspicious: `"#&'`, `<=>?`, `\`,
/// or a character that Portuguese words do without.
pub fn has_odd_byte(text: &str) -> bool {
    // Á is C3 81, ã is C3 A3; C3 82, C3 83 and C3 A2 (Â, Ã, â) begin garbled text, and are rare
    // otherwise.
    any_byte(text, |byte| {
        (byte & 0xFA == 0x22)
            | (byte & 0xFC == 0x3C)
            | (byte == b'\\')
            | (byte & 0xFE == 0x82)
            | (byte == 0xA2)
            | (byte == 0xC2)
            | (byte >= 0xC4)
    })
}

/// Whether a value without odd bytes may be a word for no value, or a number of a spreadsheet: by its
/// first and last byte.
pub fn has_odd_ends(text: &str) -> bool {
    let text = trimmed(text);
    let (&[first, ..], &[.., last]) = (text.as_bytes(), text.as_bytes()) else { return false };
    if last.is_ascii_digit() && (first.is_ascii_digit() || first == b'-' || first == b'+') {
        let rest = &text.as_bytes()[1..];
        return text == "0000-00-00"
            || (text.len() <= 40
                && rest.iter().any(|byte| matches!(byte, b'e' | b'E' | b'.' | b',')));
    }
    match first {
        b'n' | b'N' | b'u' | b'U' | b'v' | b'V' => text.len() <= LONGEST,
        // Of words with other beginnings there are few: `sem …`, `indefinido`, `desconhecido`.
        b's' | b'S' => text.len() <= LONGEST && text.as_bytes().get(3) == Some(&b' '),
        b'i' | b'I' | b'd' | b'D' => matches!(text.len(), 10 | 12) && matches!(last, b'o' | b'O'),
        // Only punctuation, or a word in brackets.
        first => first.is_ascii_punctuation() && last.is_ascii_punctuation(),
    }
}
