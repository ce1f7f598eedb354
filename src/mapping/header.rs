//! The columns of a header as flags name them, and the ones that our own results added.
//!
//! What a column is used for is decided in `column_bindings`.

use super::MappingError;
use super::values::excerpt;
use crate::input::{Record, name_of};
use crate::output::{RESULT_COLUMNS, RejectColumns};

/// The columns of one file.
pub struct Columns<'a> {
    pub header: &'a Record,
    /// The columns that an earlier run appended, if the file is its rejects file; flags and targets
    /// do not see them.
    pub reject_columns: Option<RejectColumns>,
}

impl<'a> Columns<'a> {
    pub fn new(header: &'a Record) -> Self {
        Self { header, reject_columns: RejectColumns::find(header) }
    }

    /// Position and name of every column that is not skipped.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &'a str)> {
        let skipped = self.reject_columns.map_or(0..0, RejectColumns::range);
        let names = self.header.cells().map(name_of).enumerate();
        names.filter(move |(index, _)| !skipped.contains(index))
    }

    /// The one column of a name, for a flag that means one.
    pub fn one(&self, name: &str, flag: &str) -> Result<usize, MappingError> {
        match self.all(name, flag)?[..] {
            [index] => Ok(index),
            _ => Err(MappingError::AmbiguousColumn {
                flag: flag.to_owned(),
                column: excerpt(name_of(name)),
            }),
        }
    }

    /// All columns of a name; at least one.
    pub fn all(&self, name: &str, flag: &str) -> Result<Vec<usize>, MappingError> {
        let found = find(self.iter(), name);
        if !found.is_empty() {
            return Ok(found);
        }
        let (flag, column) = (flag.to_owned(), excerpt(name_of(name)));
        Err(match find(self.header.cells().map(name_of).enumerate(), name)[..] {
            [] => MappingError::NoSuchColumn { flag, column, found: listing(self.header) },
            _ => MappingError::RejectsColumn { flag, column },
        })
    }
}

/// Whether a column carries one of our own results: a column of a results file that is no target.
pub fn is_result_column(name: &str) -> bool {
    RESULT_COLUMNS.iter().any(|own| own.eq_ignore_ascii_case(name_of(name)))
}

/// The columns of a name: those that are spelled exactly so (surrounding space apart) or, if there are
/// none, those that differ in letter case.
fn find<'a>(columns: impl Iterator<Item = (usize, &'a str)>, name: &str) -> Vec<usize> {
    let name = name_of(name);
    let lower = name.to_lowercase();
    let (mut exact, mut similar) = (Vec::new(), Vec::new());
    for (index, column) in columns {
        if column == name {
            exact.push(index);
        } else if column.to_lowercase() == lower {
            similar.push(index);
        }
    }
    if exact.is_empty() { similar } else { exact }
}

/// The header's cells as a list for a message.
pub fn listing(header: &Record) -> String {
    const SHOWN: usize = 30;
    let mut names: Vec<String> =
        header.cells().take(SHOWN).map(|cell| format!("\"{}\"", excerpt(name_of(cell)))).collect();
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
        let columns = Columns::new(&header);
        assert_eq!(columns.all("EMAIL", "--map").unwrap(), [1]);
        assert_eq!(columns.all("email", "--map").unwrap(), [0, 1]);
        assert_eq!(columns.all("nome", "--map").unwrap(), [2]);
        assert!(columns.all("outra", "--map").is_err());
    }
}
