//! The columns of a header as flags name them, and the ones that our own results added.
//!
//! What a column is used for is decided in `column_bindings`.

use icu_normalizer::ComposingNormalizerBorrowed;

use super::values::{excerpt, looks_like_email};
use super::{MappingError, MappingOptions, Target};
use crate::input::{Record, name_of};
use crate::locale::foreign_text::is_invisible;
use crate::locale::format::capital;
use crate::model::ORIGIN_COLUMNS;
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
        let found = self.all(name, flag)?;
        match found[..] {
            [index] => Ok(index),
            _ => Err(MappingError::AmbiguousColumn {
                flag: flag.to_owned(),
                column: excerpt(name_of(name)),
                positions: positions(&found),
            }),
        }
    }

    /// The column that `#3` names. Flags and targets do not see those of a rejects file so either.
    fn position(&self, name: &str) -> Option<usize> {
        let number: usize = name.trim().strip_prefix('#')?.parse().ok()?;
        self.iter().map(|(index, _)| index).find(|index| index + 1 == number)
    }

    /// All columns of a name, or the one of a position that is no name; at least one.
    pub fn all(&self, name: &str, flag: &str) -> Result<Vec<usize>, MappingError> {
        let found = find(self.iter(), name);
        if !found.is_empty() {
            return Ok(found);
        }
        if let Some(index) = self.position(name) {
            return Ok(vec![index]);
        }
        let (flag, column) = (flag.to_owned(), excerpt(name_of(name)));
        Err(match find(self.header.cells().map(name_of).enumerate(), name)[..] {
            [] => MappingError::NoSuchColumn { flag, column, found: columns_found(self.header) },
            _ => MappingError::RejectsColumn { flag, column },
        })
    }
}

/// Whether a column carries something of our own: a column of a results file that is no target, or
/// one that says where a snapshot comes from.
pub fn is_own_column(name: &str) -> bool {
    let mut own = RESULT_COLUMNS.iter().chain(&ORIGIN_COLUMNS);
    own.any(|own| own.eq_ignore_ascii_case(name_of(name)))
}

/// The column `conta` of a snapshot; `None` in any other file.
pub fn snapshot_account(header: &Record) -> Option<usize> {
    let find = |own: &str| header.cells().position(|cell| name_of(cell).eq_ignore_ascii_case(own));
    let [read_at, account] = ORIGIN_COLUMNS.map(find);
    read_at.and(account)
}

/// Whether a record looks like the header of a file that these options are for: two of its cells, or
/// all, are names that mean something.
pub fn looks_like_header(record: &Record, options: &MappingOptions) -> bool {
    let means = |cell: &str| {
        matches!(Target::parse(cell), Ok(Some(_)))
            || options.map.iter().any(|(column, _)| normalised(column) == normalised(cell))
    };
    let known = record.cells().map(name_of).filter(|cell| means(cell)).count();
    known >= 2 || (known > 0 && known == record.filled_len())
}

/// The columns of a name: those that are spelled exactly so (surrounding space apart) or, if there are
/// none, those whose accents and space are only encoded in another way or, if there are none, those
/// that differ in letter case.
fn find<'a>(columns: impl Iterator<Item = (usize, &'a str)>, name: &str) -> Vec<usize> {
    let name = name_of(name);
    let (normal, lower) = (normalised(name), normalised(name).to_lowercase());
    let [mut exact, mut same, mut similar] = [const { Vec::new() }; 3];
    for (index, column) in columns {
        let form = normalised(column);
        if column == name {
            exact.push(index);
        } else if form == normal {
            same.push(index);
        } else if form.to_lowercase() == lower {
            similar.push(index);
        }
    }
    [exact, same, similar].into_iter().find(|found| !found.is_empty()).unwrap_or_default()
}

/// A name with composed accents and one plain space for any white space.
fn normalised(name: &str) -> String {
    let composed = ComposingNormalizerBorrowed::new_nfc().normalize(name);
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name for a message, on one line.
pub fn shown(name: &str) -> String {
    excerpt(&normalised(name))
}

/// What a flag calls a column in a suggested command: its name, or its position where the name has a
/// character that nobody can type or that a shell takes for its own.
pub fn flag_name(index: usize, name: &str) -> String {
    let name = normalised(name);
    let is_odd = |c: char| c.is_control() || is_invisible(c) || "\"$`\\".contains(c);
    match name.contains(is_odd) {
        true => format!("#{}", index + 1),
        false => name,
    }
}

/// `"#2", "#5"`.
pub fn positions(columns: &[usize]) -> String {
    shortened(&columns.iter().map(|index| format!("\"#{}\"", index + 1)).collect::<Vec<_>>())
}

/// At most this many columns are named in a message.
const SHOWN: usize = 30;

/// A list for a message; a long one is cut.
pub fn shortened(items: &[String]) -> String {
    let shown = items[..items.len().min(SHOWN)].join(", ");
    match items.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} e mais {more}"),
    }
}

/// Whether a record that was read as a header holds values: an address or, where no cell means
/// anything, a number as long as a phone. The messages that name columns would quote a customer.
pub fn looks_like_values(header: &Record) -> bool {
    let is_long_number = |cell: &str| {
        let digits = cell.chars().filter(char::is_ascii_digit).count();
        digits >= 8 && !cell.contains(char::is_alphabetic)
    };
    let cells = || header.cells().map(name_of);
    let means_nothing = |cell: &str| matches!(Target::parse(cell), Ok(None));
    let is_address = |cell: &str| looks_like_email(cell) && means_nothing(cell);
    cells().any(is_address) || (cells().any(is_long_number) && cells().all(means_nothing))
}

/// What to say of a header that [looks like values](looks_like_values).
pub fn no_header(header: &Record) -> String {
    format!(
        "a linha {}, lida como cabeçalho, parece ter os dados de um cliente, e não os nomes das colunas. Se os nomes estão em outra linha, corrija --skip-lines; se faltam, acrescente uma linha com eles no começo do arquivo",
        header.linha()
    )
}

/// The columns of a file, as a sentence.
pub fn columns_found(header: &Record) -> String {
    if looks_like_values(header) {
        return capital(&no_header(header));
    }
    let quoted = |cell| format!("\"{}\"", shown(name_of(cell)));
    let names: Vec<_> = header.cells().map(quoted).collect();
    format!("Colunas encontradas: {}", shortened(&names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_by_name_and_position() {
        let header =
            ["Email", "EMAIL", " Nome ", "Co\u{301}digo\u{a0} do\tCliente", "#1", "Código"];
        let header = Record::from_cells(1, header);
        let columns = Columns::new(&header);
        for (name, expected) in [
            ("EMAIL", &[1][..]),
            ("email", &[0, 1]),
            ("nome", &[2]),
            ("Código do Cliente", &[3]),
            ("CÓDIGO DO\u{a0}CLIENTE", &[3]),
            ("Co\u{301}digo", &[5]),
            ("#1", &[4]),
            ("#3", &[2]),
        ] {
            assert_eq!(columns.all(name, "--map").unwrap(), expected, "{name}");
        }
        for name in ["outra", "#0", "#7", "#", "#x"] {
            assert!(columns.all(name, "--map").is_err(), "{name}");
        }
    }

    #[test]
    fn f185_a_row_of_values_is_no_header() {
        for (cells, expected) in [
            (&["ana@example.com", "Ana"][..], true),
            (&["Ana", "(00) 90000-0001"], true),
            (&["Ana", "000.000.000-00"], true),
            (&["E-mail", "Nome"], false),
            (&["Nome (ou e-mail@)", "2026", "Vendas 2026-03-12"], false),
            (&["nome", "2026-03-12"], false),
            (&["nome", "campo:a@example.com"], false),
            (&["", "Ana"], false),
        ] {
            let header = Record::from_cells(3, cells);
            assert_eq!(looks_like_values(&header), expected, "{cells:?}");
            let said = columns_found(&header);
            assert_eq!(!said.contains("Ana\""), expected || !cells.contains(&"Ana"), "{said}");
        }
    }
}
