//! What rows change, column by column, as far as a snapshot tells: of a plan the rows that would be
//! sent, of a run those that were.

use std::collections::BTreeMap;

use super::run_summary::ColumnCounts;
use crate::model::{FieldName, Update, ValueChange};

/// Differences of a column before its form is remarked on; more than half of all must be form.
const OTHER_FORM_MIN: u64 = 5;

/// Counts values of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnChanges {
    pub field: FieldName,
    pub counts: ColumnCounts,
    /// Values where TomTicket held nothing when it was read.
    filled: u64,
    /// Of the changed ones, those that differ in letter case, white space and punctuation only.
    pub other_form: u64,
}

impl ColumnChanges {
    /// Whether TomTicket seems to keep this column in another form, so that its rows would be sent
    /// every time.
    pub const fn is_kept_in_another_form(&self) -> bool {
        self.other_form >= OTHER_FORM_MIN && 2 * self.other_form > self.counts.mudam
    }

    fn add(&mut self, change: ValueChange) {
        match change {
            ValueChange::Same => {}
            ValueChange::Unknown | ValueChange::OnceEmpty => self.counts.desconhecidos += 1,
            ValueChange::Emptied => self.counts.esvaziam += 1,
            ValueChange::Filled | ValueChange::OtherForm | ValueChange::Other => {
                self.counts.mudam += 1;
            }
        }
        self.filled += u64::from(matches!(change, ValueChange::Filled | ValueChange::OnceEmpty));
        self.other_form += u64::from(change == ValueChange::OtherForm);
    }
}

/// The columns in which rows changed anything, in the order in which they came up.
#[derive(Debug, Default)]
pub struct ChangedColumns(Vec<ColumnChanges>);

impl ChangedColumns {
    /// Adds a row; `changes` has one for each of its values.
    pub fn add(&mut self, update: &Update, changes: impl IntoIterator<Item = ValueChange>) {
        for (index, ((field, _), change)) in update.values().zip(changes).enumerate() {
            self.column(field, index).add(change);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &ColumnChanges> {
        self.0.iter()
    }

    /// The counts by column, for the plan and the summary.
    pub fn counts(&self) -> BTreeMap<String, ColumnCounts> {
        self.iter().map(|column| (column.field.to_string(), column.counts)).collect()
    }

    /// The columns in which an empty value was filled.
    pub fn filled(&self) -> impl Iterator<Item = String> {
        let filled = self.iter().filter(|column| column.filled > 0);
        filled.map(|column| column.field.to_string())
    }

    /// The column of a field, which nearly always stands at `expected`: rows give their fields in one
    /// order.
    fn column(&mut self, field: &FieldName, expected: usize) -> &mut ColumnChanges {
        let is_it = |column: &ColumnChanges| column.field == *field;
        let found = match self.0.get(expected) {
            Some(column) if is_it(column) => Some(expected),
            _ => self.0.iter().position(is_it),
        };
        let index = match found {
            Some(index) => index,
            None => {
                self.0.push(ColumnChanges {
                    field: field.clone(),
                    counts: ColumnCounts::default(),
                    filled: 0,
                    other_form: 0,
                });
                self.0.len() - 1
            }
        };
        &mut self.0[index]
    }
}
