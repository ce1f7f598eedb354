//! Looks at a text that cost little where it is as nearly all are: every row passes many.

/// Whether any byte of the text is such a one.
pub fn any_byte(text: &str, is_such: impl Fn(u8) -> bool) -> bool {
    // Without a branch, so that the compiler looks at many bytes at a time.
    text.bytes().fold(false, |found, byte| found | is_such(byte))
}

/// The text without white space at its ends.
pub fn trimmed(text: &str) -> &str {
    if has_visible_ends(text) { text } else { text.trim() }
}

/// Whether the text is empty, or begins and ends in an ASCII character that can be seen.
pub fn has_visible_ends(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_none_or(u8::is_ascii_graphic) && bytes.last().is_none_or(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_of_every_kind_is_trimmed() {
        for text in ["", "a", " a", "a\t", "\u{a0}a b\u{2003}", "\r\n", "é", "\u{feff}a", "a\u{85}"]
        {
            assert_eq!(trimmed(text), text.trim(), "{text:?}");
        }
    }
}
