//! Makes text from outside safe for spreadsheets and terminals.

use std::borrow::Cow;

/// A message for a CSV cell: control characters become spaces, and what a spreadsheet would run as a
/// formula gets a leading apostrophe.
pub fn safe_cell(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{}", one_line(text)))
    } else {
        one_line(text)
    }
}

/// Text as one line without control characters, so that no escape sequence reaches a terminal.
pub fn one_line(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        Cow::Owned(text.replace(char::is_control, " "))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_and_controls_are_neutralised() {
        for (text, safe) in [
            ("ok", "ok"),
            ("=1+1", "'=1+1"),
            ("+55", "'+55"),
            ("-x", "'-x"),
            ("@a", "'@a"),
            ("\tx", "' x"),
            ("\r=x", "' =x"),
            ("a\u{1b}[31mb\n", "a [31mb "),
            ("\u{1b}=x", " =x"),
        ] {
            assert_eq!(safe_cell(text), safe, "{text:?}");
        }
    }
}
