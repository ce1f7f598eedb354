//! The header's cells: finding a column by name, and the columns that our own output added.

use crate::reader::Record;

/// The columns of a results file. They are ignored on input.
pub const RESULT_COLUMNS: [&str; 8] = [
    "linha",
    "situacao",
    "erro",
    "mensagem",
    "http_status",
    "tentativas",
    "duracao_ms",
    "concluido_em",
];

/// What the rejects file appends to the original columns, side by side and in this order.
pub const REJECT_COLUMNS: [&str; 3] = ["situacao", "erro", "mensagem"];

/// The name in a header's cell: without surrounding space, and without the byte order marks that
/// files have inside when programs that write one were put behind one another.
pub fn name_of(cell: &str) -> &str {
    cell.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// Whether a column carries one of our own results.
pub fn is_result_column(name: &str) -> bool {
    RESULT_COLUMNS.iter().any(|own| own.eq_ignore_ascii_case(name_of(name)))
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

/// Finds the columns of a name: those that are spelled exactly so (surrounding space apart), or, if
/// there are none, those that differ in letter case. Columns of an earlier rejects file (`skip`) do
/// not count.
pub fn find(header: &Record, skip: &[usize], name: &str) -> Vec<usize> {
    let name = name_of(name);
    let by = |same: &dyn Fn(&str) -> bool| -> Vec<usize> {
        header
            .cells()
            .enumerate()
            .filter(|(index, cell)| !skip.contains(index) && same(name_of(cell)))
            .map(|(index, _)| index)
            .collect()
    };
    match by(&|cell| cell == name) {
        none if none.is_empty() => by(&|cell| cell.to_lowercase() == name.to_lowercase()),
        found => found,
    }
}

/// The header's cells as a list for a message.
pub fn listing(header: &Record) -> String {
    const SHOWN: usize = 30;
    let mut names: Vec<String> = header
        .cells()
        .take(SHOWN)
        .map(|cell| format!("\"{}\"", crate::mapper::values::excerpt(name_of(cell))))
        .collect();
    if header.len() > SHOWN {
        names.push(format!("e mais {}", header.len() - SHOWN));
    }
    names.join(", ")
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

    #[test]
    fn exact_names_win_over_letter_case() {
        let header = Record::from_cells(1, ["Email", "EMAIL", " Nome "]);
        assert_eq!(find(&header, &[], "EMAIL"), [1]);
        assert_eq!(find(&header, &[], "email"), [0, 1]);
        assert_eq!(find(&header, &[], "nome"), [2]);
        assert_eq!(find(&header, &[2], "nome"), [0usize; 0]);
    }
}
