//! Makes text from outside safe for spreadsheets and terminals, and cuts it to a length.

use std::borrow::Cow;

/// What begins a formula; the full-width forms do so in East Asian spreadsheets.
const FORMULA_SIGNS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// A message for a CSV cell: control characters become spaces, and what a spreadsheet would run as a
/// formula gets a leading apostrophe. A spreadsheet may split the cell: a Brazilian one splits every
/// file at `;`. So a sign behind a separator gets an apostrophe of its own as well.
pub fn safe_cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut is_formula = text.starts_with(['\t', '\r']);
    let mut previous = None;
    for c in text.chars() {
        let begins_cell = previous.is_none_or(|c| matches!(c, ';' | '\t' | '\n' | '\r'));
        if begins_cell && FORMULA_SIGNS.contains(&c) {
            is_formula = true;
            safe.extend(previous.map(|_| '\''));
        }
        safe.push(if c.is_control() { ' ' } else { c });
        previous = Some(c);
    }
    if is_formula {
        safe.insert(0, '\'');
    }
    safe
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
            ("\r=x", "' '=x"),
            ("a\u{1b}[31mb\n", "a [31mb "),
            ("\u{1b}=x", " =x"),
            ("＝1＋1", "'＝1＋1"),
            ("ok;=cmd|'/c calc'!A1", "'ok;'=cmd|'/c calc'!A1"),
            ("a\t@x\r\n+1;－2", "'a '@x  '+1;'－2"),
            ("a; -b, c=d;e-f", "a; -b, c=d;e-f"),
        ] {
            assert_eq!(safe_cell(text), safe, "{text:?}");
        }
    }
}
