//! Finds values that a spreadsheet has turned into a number and rounded (`5,51191E+12`). In whatever
//! names a customer such a value spoils its row; a phone or a custom field may hold any text, so it
//! is sent, and the user is told before hours of sending.

use super::lines::Lines;
use crate::model::{FieldName, Param, Update, looks_like_spreadsheet_number};

/// What was seen so far, a field once. Rows must come in file order.
#[derive(Debug, Default)]
pub struct Mangled(Vec<(FieldName, Lines)>);

impl Mangled {
    /// Takes the row on line `linha` in.
    pub fn see(&mut self, linha: u64, update: &Update) {
        for (field, value) in update.values() {
            let watched = matches!(field, FieldName::Param(Param::Telefone) | FieldName::Campo(_));
            if watched && looks_like_spreadsheet_number(value.trim()) {
                self.found(field).add(linha);
            }
        }
    }

    fn found(&mut self, field: &FieldName) -> &mut Lines {
        let at = self.0.iter().position(|(known, _)| known == field).unwrap_or_else(|| {
            self.0.push((field.clone(), Lines::default()));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }

    /// The warnings, one for each field that gives reason for one.
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
    use std::sync::Arc;

    use super::*;
    use crate::model::{CampoId, Customer, CustomerType, Identifier};

    #[test]
    fn each_field_is_told_once_with_its_lines() {
        let fields: Arc<[FieldName]> = Arc::new([
            FieldName::Param(Param::Nome),
            FieldName::Param(Param::Telefone),
            FieldName::Campo(CampoId::new("7").unwrap()),
        ]);
        let mut found = Mangled::default();
        for (linha, values) in (2..).zip([
            ["1,2E+10", "5,51191E+12", ""],
            ["Ana", "+55 11 90000-0001", "12E5"],
            ["Eva", " 5.51191E+12", "-1e-5"],
            ["Rui", "(00) 90000-0001", "E+1 para 1,2E+10"],
        ]) {
            let identifier = Identifier::new("1").unwrap();
            let customer = Customer { ctype: CustomerType::Internal, identifier };
            let mut update = Update::new(customer, Arc::clone(&fields));
            (0..).zip(values).for_each(|(field, value)| update.push(field, value));
            found.see(linha, &update);
        }
        let told: Vec<_> = found.warnings().collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("linhas 2, 4: telefone parece"), "{told:?}");
        assert!(told[1].starts_with("linha 4: campo:7 parece"), "{told:?}");
    }
}
