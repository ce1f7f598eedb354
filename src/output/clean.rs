//! Text from outside made safe for spreadsheets and terminals.

use std::borrow::Cow;

/// A message for a CSV cell: control characters become spaces, and what a spreadsheet would take for
/// a formula gets a leading apostrophe.
pub fn cell(text: &str) -> Cow<'_, str> {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let controls = text.chars().any(char::is_control);
    match (formula, controls) {
        (false, false) => Cow::Borrowed(text),
        (_, true) => {
            let line = line(text);
            Cow::Owned(if formula { format!("'{line}") } else { line.into_owned() })
        }
        (true, false) => Cow::Owned(format!("'{text}")),
    }
}

/// A message for the terminal: one line without control characters (no escape sequence survives).
pub fn line(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        Cow::Owned(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
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
            assert_eq!(cell(text), safe, "{text:?}");
        }
    }
}
