//! Scans of a text, fast where it is plain ASCII: every row passes many.

/// Whether `test` holds for any byte.
pub fn any_byte(text: &str, test: impl Fn(u8) -> bool) -> bool {
    // Without a branch, so that the compiler tests many bytes at a time.
    text.bytes().fold(false, |found, byte| found | test(byte))
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
