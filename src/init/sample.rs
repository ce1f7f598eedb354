//! The first rows of an export, and what the values of its columns look like there.

use std::collections::HashSet;

use crate::input::{InputError, Record};
use crate::mapping::normalise;
use crate::model::{FieldName, Param};

/// The most rows that are looked at.
const ROWS: usize = 2_000;
/// The most memory that they take, in bytes.
const BYTES: usize = 8 * 1024 * 1024;

#[derive(Debug, Default)]
pub struct Sample {
    rows: Vec<Record>,
}

impl Sample {
    /// Reads the first rows.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub fn read(
        rows: impl IntoIterator<Item = Result<Record, InputError>>,
    ) -> Result<Self, InputError> {
        let (mut sample, mut bytes) = (Self::default(), 0);
        for row in rows.into_iter().take(ROWS) {
            let row = row?;
            bytes += row.heap_bytes();
            sample.rows.push(row);
            if bytes > BYTES {
                break;
            }
        }
        Ok(sample)
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The cells of a column that are not empty.
    fn values(&self, column: usize) -> impl Iterator<Item = &str> {
        let cells = self.rows.iter().filter_map(move |row| row.cell(column));
        cells.map(str::trim).filter(|cell| !cell.is_empty())
    }

    /// How many rows have a value in the column.
    pub fn filled(&self, column: usize) -> usize {
        self.values(column).count()
    }

    /// Whether every row has a value in the column, and no two have the same.
    pub fn identifies(&self, column: usize) -> bool {
        let distinct: HashSet<String> = self.values(column).map(str::to_lowercase).collect();
        distinct.len() == self.len()
    }

    /// Whether the values look like what the field holds and TomTicket accepts: nine of ten do. Of
    /// addresses half: a column of addresses is one, however many are bad.
    pub fn fits(&self, column: usize, param: Param) -> bool {
        let tenths = if param == Param::Email { 5 } else { 9 };
        self.good_tenths(column, param) >= self.filled(column) * tenths
    }

    /// Whether at least half of the values do.
    pub fn half_fits(&self, column: usize, param: Param) -> bool {
        self.good_tenths(column, param) >= self.filled(column) * 5
    }

    /// Ten times the number of values that do.
    fn good_tenths(&self, column: usize, param: Param) -> usize {
        let digits = |value: &str| value.chars().filter(char::is_ascii_digit).count();
        let looks_so = |value: &str| match param {
            Param::Telefone => digits(value) >= 6 && !value.contains('@'),
            Param::Nome => value.contains(char::is_alphabetic) && !value.contains('@'),
            Param::IdInterno => !value.contains('@'),
            _ => true,
        };
        let field = FieldName::Param(param);
        let good = |value: &&str| looks_so(value) && normalise(&field, value).is_ok();
        self.values(column).filter(good).count() * 10
    }

    /// Whether nine of ten values are e-mail addresses, or none is; `None` where they are mixed.
    pub fn holds_addresses(&self, column: usize) -> Option<bool> {
        match self.values(column).filter(|value| value.contains('@')).count() {
            0 => Some(false),
            count => (count * 10 >= self.filled(column) * 9).then_some(true),
        }
    }

    /// Whether nine of ten values look like codes.
    pub fn holds_codes(&self, column: usize) -> bool {
        let codes = self.values(column).filter(|value| is_code(value)).count();
        codes * 10 >= self.filled(column) * 9
    }

    /// Whether the values of a column end in those of another: a whole name and its last part.
    pub fn ends_in(&self, column: usize, part: usize) -> bool {
        let both = self.rows.iter().filter_map(|row| row.cell(column).zip(row.cell(part)));
        let both = both.map(|(whole, part)| (whole.trim(), part.trim()));
        let (mut count, mut ends) = (0, 0);
        for (whole, part) in both.filter(|(whole, part)| !whole.is_empty() && !part.is_empty()) {
            count += 1;
            ends += usize::from(whole.to_lowercase().ends_with(&part.to_lowercase()));
        }
        count > 0 && ends * 2 >= count
    }
}

/// Whether a value may be a code: one word with a digit or a mark as in `ana.lima`, and neither a date
/// nor an amount.
fn is_code(value: &str) -> bool {
    let digits = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    let day = value.split('T').next().unwrap_or_default();
    let parts: Vec<&str> = day.split(['/', '-', '.']).collect();
    let is_date = matches!(
        parts.iter().filter(|part| digits(part)).map(|part| part.len()).collect::<Vec<_>>()[..],
        [4, 1..=2, 1..=2] | [1..=2, 1..=2, 2 | 4]
    ) && parts.len() == 3;
    let has_mark = value.contains(|c: char| c.is_ascii_digit() || "._-/".contains(c));
    has_mark && !is_date && !value.contains(|c: char| c.is_whitespace() || c == ',')
}

#[cfg(test)]
pub fn sample(rows: &[&[&str]]) -> Sample {
    Sample { rows: rows.iter().map(|cells| Record::from_cells(2, *cells)).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_tell_fields_apart() {
        let column = |values: &[&str]| {
            let rows: Vec<&[&str]> = values.iter().map(std::slice::from_ref).collect();
            sample(&rows)
        };
        for (values, param, fits) in [
            (&["ana@x.com", "bia@x.com"][..], Param::Email, true),
            (&["ana@x.com", "Bia"], Param::Email, true),
            (&["ana@x.com", "Bia", "Eva"], Param::Email, false),
            (&["(11) 90000-0001", ""], Param::Telefone, true),
            (&["comercial", "casa"], Param::Telefone, false),
            (&["+55 11 90000-0001 ramal 22"], Param::Telefone, false),
            (&["Ana", "O'Neil"], Param::Nome, true),
            (&["ana@x.com"], Param::Nome, false),
            (&["00042", "17"], Param::Nome, false),
            (&["pt-BR", "en_us"], Param::Idioma, true),
            (&["português"], Param::Idioma, false),
            (&["Sim", "não"], Param::CriarChamados, true),
            (&["talvez"], Param::CriarChamados, false),
            (&[""], Param::Email, true),
        ] {
            assert_eq!(column(values).fits(0, param), fits, "{values:?} {param:?}");
        }
        assert!(column(&["1", "2"]).identifies(0));
        assert!(!column(&["1", "1"]).identifies(0) && !column(&["1", ""]).identifies(0));
        assert_eq!(column(&["a@x", "b@x"]).holds_addresses(0), Some(true));
        assert_eq!(column(&["1", "2"]).holds_addresses(0), Some(false));
        assert_eq!(column(&["1", "b@x"]).holds_addresses(0), None);
        assert!(sample(&[&["Ana Lima", "LIMA"]]).ends_in(0, 1));
        assert!(!sample(&[&["Ana", "Lima"]]).ends_in(0, 1));
    }

    #[test]
    fn f188_a_code_is_no_date_amount_or_word() {
        for (value, expected) in [
            ("A-1", true),
            ("00042", true),
            ("000.000.000-00", true),
            ("ana.lima", true),
            ("003FIC000000100AAA", true),
            ("Belém", false),
            ("Rua 12", false),
            ("12/03/2026", false),
            ("2026-03-12T09:14:00.000Z", false),
            ("1.234,56", false),
        ] {
            assert_eq!(sample(&[&[value]]).holds_codes(0), expected, "{value}");
        }
    }

    #[test]
    fn only_the_first_rows_are_looked_at() {
        let rows = || (0..).map(|_| Ok(Record::from_cells(2, ["x"])));
        assert_eq!(Sample::read(rows()).unwrap().len(), ROWS);
        let big = "x".repeat(1024 * 1024);
        let rows = (0..).map(|_| Ok(Record::from_cells(2, [&big])));
        assert!(Sample::read(rows).unwrap().len() < 10);
    }
}
