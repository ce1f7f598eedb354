//! Makes text from outside safe for spreadsheets and terminals, and cuts it to a length.

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

/// The first `most` characters.
pub fn cut(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(at, _)| &text[..at])
}

/// Text as one line of at most `most` characters; `…` stands for what was cut.
pub fn excerpt(text: &str, most: usize) -> String {
    let kept = cut(text, most);
    let more = if kept.len() < text.len() { "…" } else { "" };
    format!("{}{more}", one_line(kept))
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
