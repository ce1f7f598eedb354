//! What columns are called in the exports of other programs. The table is `headers.csv`; what a
//! column is used for is decided in `proposal`.

use std::collections::HashMap;

use icu_normalizer::DecomposingNormalizerBorrowed;
use serde::Deserialize;

use crate::input::Record;
use crate::mapping::Target;

/// What a column is, by its name. `Other…` may be that too, but another column is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    Email,
    OtherEmail,
    Name,
    OtherName,
    FirstName,
    MiddleName,
    LastName,
    Phone,
    OtherPhone,
    /// An identifier of the customer in some system.
    Code,
    Language,
    MayOpenTickets,
}

#[derive(Deserialize)]
struct Line {
    meaning: Meaning,
    name: String,
}

/// The table.
pub struct KnownNames(HashMap<String, (Meaning, usize)>);

impl KnownNames {
    pub fn read() -> Self {
        let mut table = csv::Reader::from_reader(include_str!("headers.csv").as_bytes());
        // A test reads every line.
        let lines = table.deserialize().filter_map(Result::ok).enumerate();
        Self(lines.map(|(rank, Line { meaning, name })| (key(&name), (meaning, rank))).collect())
    }

    /// The meaning of a name, and its rank: of two columns with one meaning, the lower one is better.
    pub fn meaning(&self, name: &str) -> Option<(Meaning, usize)> {
        self.0.get(&key(name)).copied()
    }

    /// Whether a record looks like a header: two of its cells are names.
    pub fn are_in(&self, record: &Record) -> bool {
        let is_name = |cell: &&str| {
            self.meaning(cell).is_some() || matches!(Target::parse(cell), Ok(Some(_)))
        };
        record.cells().filter(is_name).count() >= 2
    }
}

/// The letters and digits of a name, without accents and in lower case: `First Name` is `FirstName`,
/// `E-MAIL` is `email`.
fn key(name: &str) -> String {
    let apart = DecomposingNormalizerBorrowed::new_nfd().normalize(name);
    apart.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read_and_no_name_is_there_twice() {
        let lines = include_str!("headers.csv").lines().count() - 1;
        assert_eq!(KnownNames::read().0.len(), lines);
    }

    #[test]
    fn spelling_does_not_matter() {
        let known = KnownNames::read();
        for (name, meaning) in [
            ("First Name", Some(Meaning::FirstName)),
            ("FIRSTNAME", Some(Meaning::FirstName)),
            ("first_name", Some(Meaning::FirstName)),
            ("e-mail", Some(Meaning::Email)),
            ("Co\u{301}digo", Some(Meaning::Code)),
            ("Razao Social", Some(Meaning::OtherName)),
            ("Email Opt Out", None),
            ("Nome da empresa", None),
            ("", None),
        ] {
            assert_eq!(known.meaning(name).map(|(meaning, _)| meaning), meaning, "{name}");
        }
    }

    #[test]
    fn a_header_has_two_known_names() {
        let known = KnownNames::read();
        let header = |cells: &[&str]| known.are_in(&Record::from_cells(1, cells));
        assert!(header(&["Cidade", "Nome", "E-mail"]));
        assert!(header(&["identificador", "campo:x"]));
        assert!(!header(&["Relatório de clientes", "", ""]));
        assert!(!header(&["Nome", "Filial", "Gerado em"]));
    }
}
