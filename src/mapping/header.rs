//! Finding a header's columns by name, and those that our own results added.

use crate::input::{Record, name_of};
use crate::output::RESULT_COLUMNS;

/// Whether a column carries one of our own results: a column of a results file that is no target.
pub fn is_result_column(name: &str) -> bool {
    RESULT_COLUMNS.iter().any(|own| own.eq_ignore_ascii_case(name_of(name)))
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
        .map(|cell| format!("\"{}\"", crate::mapping::values::excerpt(name_of(cell))))
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
    fn exact_names_win_over_letter_case() {
        let header = Record::from_cells(1, ["Email", "EMAIL", " Nome "]);
        assert_eq!(find(&header, &[], "EMAIL"), [1]);
        assert_eq!(find(&header, &[], "email"), [0, 1]);
        assert_eq!(find(&header, &[], "nome"), [2]);
        assert_eq!(find(&header, &[2], "nome"), [0usize; 0]);
    }
}
