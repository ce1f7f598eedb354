//! What the rows that would be sent change, column by column, as far as a snapshot tells; and the
//! first of them in full.

use crate::model::{FieldName, HeldRow, Update, ValueChange};
use crate::output::ChangedColumns;

/// A row that would be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownRow {
    pub linha: u64,
    pub name: String,
    pub fields: Vec<ShownField>,
}

/// A value of it that is not the same already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownField {
    pub field: FieldName,
    /// What TomTicket holds; `None` where that was not read.
    pub before: Option<String>,
    pub after: String,
}

/// What is found about all rows that would be sent.
#[derive(Debug)]
pub struct PlannedChanges {
    pub columns: ChangedColumns,
    pub shown: Vec<ShownRow>,
    /// Rows to show.
    show: usize,
    /// Rows whose customer the snapshot lacks.
    pub outside: u64,
    /// Rows whose customer it shows more than once.
    pub ambiguous: u64,
}

impl PlannedChanges {
    pub fn showing(show: usize) -> Self {
        Self {
            columns: ChangedColumns::default(),
            shown: Vec::new(),
            show,
            outside: 0,
            ambiguous: 0,
        }
    }

    /// Whether there is anything to tell beside the counts of rows.
    pub fn is_known(&self) -> bool {
        let mut counts = self.columns.iter().map(|column| column.counts);
        !self.shown.is_empty() || counts.any(|counts| counts.mudam + counts.esvaziam > 0)
    }

    /// Adds a row that would be sent, beside its customer where a snapshot shows it.
    pub fn add(&mut self, linha: u64, update: &Update, held: Option<&HeldRow>) {
        self.columns.add(update, ValueChange::of_row(update, held));
        if self.shown.len() < self.show {
            let name = update.primary_name();
            let fields = update.values().enumerate().filter_map(|(index, (field, value))| {
                let before = held.and_then(|held| held.before(index, field));
                (before != Some(value)).then(|| ShownField {
                    field: field.clone(),
                    before: before.map(ToOwned::to_owned),
                    after: value.to_owned(),
                })
            });
            let fields = fields.collect();
            let name = format!("{} ({})", name.text, name.ctype);
            self.shown.push(ShownRow { linha, name, fields });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Customer, CustomerType, HeldRecord, HeldValue, Identifier, Param};

    fn held(values: &[(Param, &str)], compared: &[HeldValue]) -> HeldRow {
        let values = values.iter().map(|(p, v)| (FieldName::Param(*p), (*v).into())).collect();
        let record = HeldRecord { values, ..HeldRecord::default() };
        HeldRow { record, values: compared.to_vec(), assumed: [].into(), is_silent: false }
    }

    #[test]
    fn values_are_counted_by_what_happens_to_them() {
        use HeldValue::{Differs, NotRead, Same};
        use Param::{Email, Idioma, Nome, Telefone};
        let customer =
            Customer { ctype: CustomerType::Internal, identifier: Identifier::new("7").unwrap() };
        let values = [(Nome, "ANA-MARIA"), (Telefone, ""), (Idioma, "pt_BR"), (Email, "a@x")];
        let update =
            Update::new(customer, values.iter().map(|(p, v)| (FieldName::Param(*p), *v)).collect());
        let held = held(
            &[(Nome, "Ana Maria"), (Telefone, "11"), (Email, "a@x")],
            &[Differs, Differs, NotRead, Same],
        );
        let mut changes = PlannedChanges::showing(1);
        changes.add(2, &update, Some(&held));
        changes.add(3, &update, None);
        let counts: Vec<_> = changes
            .columns
            .iter()
            .map(|c| {
                (
                    c.field.to_string(),
                    c.counts.mudam,
                    c.counts.esvaziam,
                    c.counts.desconhecidos,
                    c.other_form,
                )
            })
            .collect();
        let expected = [
            ("nome", 1, 0, 1, 1),
            ("telefone", 0, 1, 1, 0),
            ("idioma", 0, 0, 2, 0),
            ("email", 0, 0, 1, 0),
        ];
        assert_eq!(counts, expected.map(|(name, a, b, c, d)| (name.to_owned(), a, b, c, d)));
        let shown: Vec<_> = changes.shown[0].fields.iter().map(|f| f.field.to_string()).collect();
        assert_eq!(
            (changes.shown.len(), shown),
            (1, vec!["nome".into(), "telefone".into(), "idioma".into()])
        );
    }
}
