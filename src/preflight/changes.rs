//! What the rows that would be sent change, column by column, as far as a snapshot tells; and the
//! first of them in full.

use std::collections::BTreeMap;

use crate::model::{FieldName, HeldRow, HeldValue, Update};
use crate::output::ColumnCounts;

/// Differences of a column before its form is remarked on, and the part of them that must be form.
const OTHER_FORM_MIN: u64 = 5;

/// Counts values of one column in the rows that would be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnChanges {
    pub field: FieldName,
    /// TomTicket holds another value.
    pub changed: u64,
    /// TomTicket holds a value, and the row clears it.
    pub emptied: u64,
    /// What TomTicket holds was not read.
    pub unknown: u64,
    /// Of the changed ones, those where TomTicket holds nothing.
    pub filled: u64,
    /// Of the changed ones, those that differ in letter case, white space and punctuation only.
    pub other_form: u64,
}

impl ColumnChanges {
    /// Whether TomTicket seems to keep this column in another form, so that its rows would be sent
    /// every time.
    pub const fn is_kept_in_another_form(&self) -> bool {
        self.other_form >= OTHER_FORM_MIN && 2 * self.other_form > self.changed
    }
}

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
    pub columns: Vec<ColumnChanges>,
    pub shown: Vec<ShownRow>,
    /// Rows to show.
    show: usize,
    /// Rows whose customer the snapshot lacks.
    pub outside: u64,
}

impl PlannedChanges {
    pub const fn showing(show: usize) -> Self {
        Self { columns: Vec::new(), shown: Vec::new(), show, outside: 0 }
    }

    /// The counts by column, for the plan and the summary.
    pub fn counts(&self) -> BTreeMap<String, ColumnCounts> {
        let columns = self.columns.iter().map(|column| {
            let counts = ColumnCounts {
                mudam: column.changed,
                esvaziam: column.emptied,
                desconhecidos: column.unknown,
            };
            (column.field.to_string(), counts)
        });
        columns.collect()
    }

    /// The columns in which an empty value is filled.
    pub fn filled_columns(&self) -> Vec<String> {
        let filled = self.columns.iter().filter(|column| column.filled > 0);
        filled.map(|column| column.field.to_string()).collect()
    }

    /// Whether there is anything to tell beside the counts of rows.
    pub fn is_known(&self) -> bool {
        let is_told = |column: &ColumnChanges| column.changed + column.emptied > 0;
        !self.shown.is_empty() || self.columns.iter().any(is_told)
    }

    /// Adds a row that would be sent, beside its customer where a snapshot shows it.
    pub fn add(&mut self, linha: u64, update: &Update, held: Option<&HeldRow>) {
        for (index, (field, value)) in update.values().enumerate() {
            let before = before(held, index, field);
            let column = self.column(field);
            match before {
                None => column.unknown += 1,
                Some(before) if before == value => {}
                Some(_) if value.is_empty() => column.emptied += 1,
                Some(before) => {
                    column.changed += 1;
                    column.filled += u64::from(before.is_empty());
                    column.other_form += u64::from(differ_in_form(before, value));
                }
            }
        }
        if self.shown.len() < self.show {
            let name = update.primary_name();
            let fields = update.values().enumerate().filter_map(|(index, (field, value))| {
                let before = before(held, index, field).map(ToOwned::to_owned);
                (before.as_deref() != Some(value)).then(|| ShownField {
                    field: field.clone(),
                    before,
                    after: value.to_owned(),
                })
            });
            let fields = fields.collect();
            let name = format!("{} ({})", name.text, name.ctype);
            self.shown.push(ShownRow { linha, name, fields });
        }
    }

    fn column(&mut self, field: &FieldName) -> &mut ColumnChanges {
        let index = match self.columns.iter().position(|column| column.field == *field) {
            Some(index) => index,
            None => {
                self.columns.push(ColumnChanges {
                    field: field.clone(),
                    changed: 0,
                    emptied: 0,
                    unknown: 0,
                    filled: 0,
                    other_form: 0,
                });
                self.columns.len() - 1
            }
        };
        &mut self.columns[index]
    }
}

/// What TomTicket holds where the row has this value; `None` where that is unknown.
fn before<'h>(held: Option<&'h HeldRow>, index: usize, field: &FieldName) -> Option<&'h str> {
    let held = held?;
    match held.values.get(index)? {
        HeldValue::NotRead => None,
        _ => held.record.value(field),
    }
}

/// Whether two texts are one but for letter case, white space and punctuation.
fn differ_in_form(a: &str, b: &str) -> bool {
    let letters = |text: &str| -> String {
        let kept = text.chars().filter(|c| c.is_alphanumeric());
        kept.flat_map(char::to_lowercase).collect()
    };
    let letters_of_a = letters(a);
    !letters_of_a.is_empty() && letters_of_a == letters(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Customer, CustomerType, HeldRecord, Identifier, Param};

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
        let update = Update::new(customer, values.iter().map(|(p, v)| (FieldName::Param(*p), *v)));
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
            .map(|c| (c.field.to_string(), c.changed, c.emptied, c.unknown, c.other_form))
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
