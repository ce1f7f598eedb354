//! Finds values that a spreadsheet has turned into a number and rounded (`5,51191E+12`).
//!
//! An identifier like that makes its row invalid, which is decided in the mapping. A phone or a custom
//! field may hold any text, so the value is sent, and the user is warned before hours of sending.

use super::line_list::LineList;
use crate::model::{FieldName, Param, Update, looks_like_spreadsheet_number};

/// The fields with such values, and their rows. Rows are added in file order.
#[derive(Debug, Default)]
pub struct SpreadsheetNumbers(Vec<(FieldName, LineList)>);

impl SpreadsheetNumbers {
    /// Adds the row on line `linha`.
    pub fn add(&mut self, linha: u64, update: &Update) {
        for (field, value) in update.values() {
            let checked = matches!(field, FieldName::Param(Param::Telefone) | FieldName::Campo(_));
            if checked && looks_like_spreadsheet_number(value.trim()) {
                self.lines_of(field).add(linha);
            }
        }
    }

    fn lines_of(&mut self, field: &FieldName) -> &mut LineList {
        let at = self.0.iter().position(|(known, _)| known == field).unwrap_or_else(|| {
            self.0.push((field.clone(), LineList::default()));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }

    /// The warnings, one per field.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(field, lines)| {
            format!(
                "{}: {field} parece um número estragado pela planilha (como 5,51191E+12), e os dígitos que faltam se perderam. O valor vai assim mesmo; para mandar o certo, volte à exportação original, formate a coluna como texto e exporte de novo",
                lines.text()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CustomerType;

    #[test]
    fn each_field_has_one_warning_with_its_lines() {
        let mut found = SpreadsheetNumbers::default();
        for (linha, values) in (2..).zip([
            ["1,2E+10", "5,51191E+12", ""],
            ["Ana", "+55 11 90000-0001", "12E5"],
            ["Eva", " 5.51191E+12", "-1e-5"],
            ["Rui", "(00) 90000-0001", "E+1 para 1,2E+10"],
        ]) {
            let values = ["nome", "telefone", "campo:7"].into_iter().zip(values);
            found.add(linha, &Update::of(CustomerType::Internal, "1", values));
        }
        let warnings: Vec<_> = found.warnings().collect();
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].starts_with("linhas 2, 4: telefone parece"), "{warnings:?}");
        assert!(warnings[1].starts_with("linha 4: campo:7 parece"), "{warnings:?}");
    }
}
