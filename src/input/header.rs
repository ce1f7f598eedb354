//! The names in a header. What the columns are for is [`crate::mapping`]'s.

/// The name in a header's cell: without surrounding space, and without the byte order marks that
/// concatenated files have inside.
pub fn name_of(cell: &str) -> &str {
    cell.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}
