//! What can be said of a header before anybody knows what its columns are for: the bare names, and
//! whether a rejects file begins with it.

use super::record::Record;

/// What the rejects file appends to the original columns, side by side and in this order.
pub const REJECT_COLUMNS: [&str; 3] = ["situacao", "erro", "mensagem"];

/// The name in a header's cell: without surrounding space, and without the byte order marks that
/// files have inside when programs that write one were put behind one another.
pub fn name_of(cell: &str) -> &str {
    cell.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// Where the three [`REJECT_COLUMNS`] stand side by side in a header: the mark of a file that
/// already was a rejects file. A CRM's own `situacao` column alone does not make it one. Of several
/// places the last counts, since a rejects file carries its columns behind the original ones.
pub fn reject_columns_at(header: &Record) -> Option<usize> {
    let cells: Vec<&str> = header.cells().map(name_of).collect();
    cells.windows(REJECT_COLUMNS.len()).rposition(|window| {
        window.iter().zip(REJECT_COLUMNS).all(|(cell, own)| cell.eq_ignore_ascii_case(own))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejects_file_is_known_by_its_three_columns() {
        let at = |cells: &[&str]| reject_columns_at(&Record::from_cells(1, cells));
        assert_eq!(at(&["identificador", "situacao", "erro", "mensagem"]), Some(1));
        assert_eq!(at(&["situacao", "nome"]), None);
        assert_eq!(
            at(&["situacao", "erro", "mensagem", "x", "Situacao", "ERRO", "mensagem"]),
            Some(4)
        );
    }
}
