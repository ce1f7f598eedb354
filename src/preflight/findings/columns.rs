//! Suspicious values of one column.

use super::super::line_list::LineList;
use crate::input::Record;
use crate::mapping::{ExaminedColumn, MappingPlan};
use crate::suspicious::{Suspicion, has_odd_byte, has_odd_ends, may_be_a_name};

/// Different words for no value that are named.
const WORDS: usize = 8;
/// A word that may be a name counts from two rows on, and from one in so many.
const RARE: u64 = 1000;
/// Files of fewer rows are looked at as a whole: a single oddity may be all of it.
const FEW_ROWS: u64 = 10;

/// The cells of a column that one detector found.
#[derive(Debug, Clone, Default)]
pub struct SuspiciousCells {
    pub lines: LineList,
    /// The first different ones, where they are words for no value.
    pub words: Vec<String>,
}

#[derive(Debug)]
pub struct ColumnFindings {
    pub column: ExaminedColumn,
    /// Cells with a value.
    filled: u64,
    /// By detector, in their order.
    found: [SuspiciousCells; Suspicion::DETECTORS.len()],
    /// Words for no value that may be names.
    names: SuspiciousCells,
}

impl ColumnFindings {
    pub fn of(column: ExaminedColumn) -> Self {
        Self { column, filled: 0, found: Default::default(), names: SuspiciousCells::default() }
    }

    /// Adds the cell of a record; `is_odd` says whether the record has an odd byte at all.
    pub fn add(&mut self, plan: &MappingPlan, record: &Record, is_odd: bool) {
        let cell = record.cell(self.column.index).unwrap_or_default();
        if cell.is_empty() {
            return;
        }
        self.filled += 1;
        if has_odd_ends(cell) || (is_odd && has_odd_byte(cell)) {
            self.examine(plan.cell(record, self.column.index), record.linha());
        }
    }

    fn examine(&mut self, cell: Option<&str>, linha: u64) {
        let text = cell.unwrap_or_default().trim();
        if text.is_empty() {
            return;
        }
        for suspicion in Suspicion::all_of(text) {
            let is_word = suspicion == Suspicion::NoValue;
            let cells = match is_word && self.column.is_text && may_be_a_name(text) {
                true => &mut self.names,
                false => &mut self.found[suspicion as usize],
            };
            cells.lines.add(linha);
            if is_word && cells.words.len() < WORDS && !cells.words.iter().any(|word| word == text)
            {
                cells.words.push(text.to_owned());
            }
        }
    }

    /// What is to be told of the column.
    pub fn told(&self) -> impl Iterator<Item = (Suspicion, &SuspiciousCells)> {
        let found = Suspicion::DETECTORS.iter().zip(&self.found);
        let found = found.map(|((suspicion, _), cells)| (*suspicion, cells));
        let found =
            found.filter(|(suspicion, cells)| self.is_told(*suspicion, cells.lines.count()));
        let names = self.names.lines.count();
        let are_told =
            names > 0 && (self.filled < FEW_ROWS || (names > 1 && names * RARE >= self.filled));
        let names = are_told.then_some((Suspicion::NoValue, &self.names));
        found.chain(names)
    }

    fn is_told(&self, suspicion: Suspicion, count: u64) -> bool {
        match suspicion {
            _ if count == 0 => false,
            // Versions (`2.0`) are text, and one code may well end so.
            Suspicion::DecimalNumber if self.column.feeds_a_custom_field => 2 * count > self.filled,
            Suspicion::DecimalNumber => count > 1 || self.filled < FEW_ROWS,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(is_text: bool, is_custom: bool, cells: &[&str]) -> Vec<(Suspicion, u64, Vec<String>)> {
        let mut column = ColumnFindings::of(ExaminedColumn {
            index: 0,
            name: "x".to_owned(),
            is_text,
            feeds_a_custom_field: is_custom,
        });
        for (linha, cell) in (2..).zip(cells) {
            column.filled += 1;
            column.examine(Some(cell), linha);
        }
        column.told().map(|(it, cells)| (it, cells.lines.count(), cells.words.clone())).collect()
    }

    #[test]
    fn one_surname_among_many_is_no_word_for_no_value() {
        let mut names = vec!["Lima"; 20];
        names[7] = "Null";
        assert_eq!(told(true, false, &names), []);
        // No phone is called so.
        assert_eq!(told(false, false, &names).len(), 1);
        names[3] = "Null";
        let expected = (Suspicion::NoValue, 2, vec!["Null".to_owned()]);
        assert_eq!(told(true, false, &names), [expected]);
        names[3] = "NULL";
        let expected = (Suspicion::NoValue, 1, vec!["NULL".to_owned()]);
        assert_eq!(told(true, false, &names), [expected]);
    }

    #[test]
    fn one_code_that_ends_so_is_no_number_of_a_spreadsheet() {
        let mut codes = vec!["17"; 20];
        codes[7] = "17.0";
        assert_eq!(told(false, false, &codes), []);
        assert_eq!(told(true, true, &codes), []);
        codes[8] = "18.0";
        assert_eq!(told(false, false, &codes).len(), 1);
        // Versions.
        assert_eq!(told(true, true, &codes), []);
        assert_eq!(told(true, true, &["1.0"; 20]).len(), 1);
    }

    #[test]
    fn the_first_words_are_kept() {
        let cells = ["NULL", "nan", "NULL", "-", "#N/D", "None", "?", "N/A", "nil", "undefined"];
        let found = told(true, false, &cells);
        let words = ["NULL", "nan", "-", "#N/D", "None", "?", "N/A", "nil"];
        assert_eq!(found, [(Suspicion::NoValue, 10, words.map(str::to_owned).to_vec())]);
    }
}
