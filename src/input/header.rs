//! The names in a header. What the columns are for is [`crate::mapping`]'s.

use crate::text::has_visible_ends;

/// The name in a header's cell: without surrounding space, and without the byte order marks that
/// concatenated files have inside.
pub fn name_of(cell: &str) -> &str {
    if has_visible_ends(cell) {
        return cell;
    }
    cell.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}
