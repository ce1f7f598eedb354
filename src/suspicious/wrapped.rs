//! What programs put around a value: formulas, marks for text, quotes, invisible characters.

use crate::locale::foreign_text::is_invisible;

/// `="00123"`, or the apostrophe by which a spreadsheet marks text where it would see a formula.
pub fn is_spreadsheet_text(text: &str) -> bool {
    let behind = |mark| text.strip_prefix(mark).and_then(|rest: &str| rest.chars().next());
    behind('=') == Some('"') || matches!(behind('\''), Some('=' | '+' | '-' | '@'))
}

/// The same, or such an apostrophe before a digit.
pub fn is_wrapped(text: &str) -> bool {
    let is_digits =
        |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit()) && !rest.ends_with('\'');
    is_spreadsheet_text(text) || text.strip_prefix('\'').is_some_and(is_digits)
}

const PAIRS: [(char, char); 6] =
    [('"', '"'), ('\'', '\''), ('“', '”'), ('‘', '’'), ('«', '»'), ('`', '`')];

/// Whether one pair of quotes stands around the whole value.
pub fn is_quoted(text: &str) -> bool {
    PAIRS.iter().any(|(open, close)| {
        let inner = text.strip_prefix(*open).and_then(|rest| rest.strip_suffix(*close));
        inner.is_some_and(|inner| {
            inner.contains(char::is_alphanumeric) && !inner.contains([*open, *close])
        })
    })
}

/// Whether the value begins or ends with a quote.
pub fn touches_quote(text: &str) -> bool {
    let is_quote = |c: char| PAIRS.iter().any(|(open, close)| c == *open || c == *close);
    text.starts_with(is_quote) || text.ends_with(is_quote)
}

/// Whether an invisible character came along, as when a phone is copied from a chat. Joiners belong
/// to some scripts and to emoji.
pub fn has_invisible(text: &str) -> bool {
    text.chars().any(|c| is_invisible(c) && !matches!(c, '\u{200c}' | '\u{200d}'))
        || text.ends_with(['\u{200c}', '\u{200d}'])
}
