//! What a row may not write as a customer's name, and by what it may not be addressed. What such a flaw
//! is, is decided in `suspicious`.
//!
//! A column of `--allow` is taken as it is, and so is what TomTicket held (`as_read`).

use super::as_read::AsRead;
use super::column_bindings::ValueSource;
use super::plan::{FieldRule, MappingPlan, TypeSource};
use crate::input::Record;
use crate::model::{CustomerType, FieldName, FieldValues, Identifier, Param};
use crate::suspicious::{Flaw, is_decimal_number, is_spreadsheet_text, name_flaw};

/// The flaw of a value for this field.
pub fn field_flaw(field: &FieldName, value: &str) -> Option<Flaw> {
    match field {
        FieldName::Param(Param::Email) => name_flaw(CustomerType::Email, value),
        FieldName::Param(Param::IdInterno) => name_flaw(CustomerType::Internal, value),
        FieldName::Param(Param::Telefone) if is_spreadsheet_text(value) => {
            Some(Flaw::SpreadsheetText)
        }
        FieldName::Param(_) | FieldName::Campo(_) => None,
    }
}

/// A column whose cells are looked at for suspicious values.
#[derive(Debug)]
pub struct ExaminedColumn {
    pub index: usize,
    pub name: String,
    /// Whether its cells may hold any text: a name, or a custom field.
    pub is_text: bool,
    pub feeds_a_custom_field: bool,
}

impl MappingPlan {
    fn is_allowed(&self, source: &ValueSource, as_read: &AsRead) -> bool {
        let is_any = |allowed: &[usize]| match source {
            ValueSource::Column(index) => allowed.contains(index),
            ValueSource::Template(template) => template.columns().any(|it| allowed.contains(&it)),
        };
        as_read.has(source) || (!self.allowed.is_empty() && is_any(&self.allowed))
    }

    /// The flaw of a value that a row gives to a field.
    pub(super) fn flaw_of_value(
        &self,
        rule: &FieldRule,
        value: &str,
        as_read: &AsRead,
    ) -> Option<Flaw> {
        let flaw = field_flaw(&rule.field, value)
            .or_else(|| self.decimal_flaw(&rule.source, value).filter(|_| is_name(&rule.field)))?;
        (!self.is_allowed(&rule.source, as_read)).then_some(flaw)
    }

    /// The flaw of a row's identifier, unless the row repairs it: it gives its type-`E` customer
    /// another, clean e-mail. No row repairs a word that names no customer.
    pub(super) fn flaw_of_identifier(
        &self,
        identifier: &Identifier,
        ctype: CustomerType,
        values: &FieldValues,
        as_read: &AsRead,
    ) -> Option<Flaw> {
        let text = identifier.as_str();
        let flaw = name_flaw(ctype, text).or_else(|| self.decimal_flaw(&self.identifier, text))?;
        let email = FieldName::Param(Param::Email);
        let is_clean = |email: &str| {
            !email.is_empty() && email != text && name_flaw(CustomerType::Email, email).is_none()
        };
        let is_repaired = ctype == CustomerType::Email
            && flaw.is_of_spelling()
            && values.iter().any(|(field, value)| *field == email && is_clean(value));
        // Where the cell is also written as a name, its message has been given.
        let is_told = self.rules.iter().any(|rule| {
            rule.source == self.identifier && self.flaw_of_value(rule, text, as_read).is_some()
        });
        let is_allowed = || self.is_allowed(&self.identifier, as_read);
        (!is_repaired && !is_told && !is_allowed()).then_some(flaw)
    }

    fn decimal_flaw(&self, source: &ValueSource, text: &str) -> Option<Flaw> {
        let is_found = match source {
            ValueSource::Column(index) if !self.decimal_columns.is_empty() => {
                self.decimal_columns.contains(index) && is_decimal_number(text)
            }
            _ => false,
        };
        is_found.then_some(Flaw::DecimalNumber)
    }

    /// Notes which columns of names hold nothing but numbers with decimal zeros (`1234.0`). `rows` are
    /// all rows of the file; they are read as long as there may be such a column, which is nearly
    /// always one row.
    pub fn note_decimal_columns<E>(
        &mut self,
        rows: impl Iterator<Item = Result<Record, E>>,
    ) -> Result<(), E> {
        let own = [(&self.identifier, true)];
        let given = self.rules.iter().map(|rule| (&rule.source, is_name(&rule.field)));
        let names = own.into_iter().chain(given).filter(|(_, is_name)| *is_name);
        let mut all: Vec<usize> = names
            .filter_map(|(source, _)| match source {
                ValueSource::Column(index) => Some(*index),
                ValueSource::Template(_) => None,
            })
            .collect();
        let mut found = Vec::new();
        for record in rows {
            if all.is_empty() || self.is_verbatim() {
                break;
            }
            let record = record?;
            if !self.is_whole(&record) {
                continue;
            }
            all.retain(|index| {
                let text = self.cell(&record, *index).unwrap_or_default().trim();
                let is_decimal = is_decimal_number(text);
                if is_decimal && !found.contains(index) {
                    found.push(*index);
                }
                // Of a rounded number nobody knows how it ended.
                is_decimal || text.is_empty() || Identifier::check(text).is_err()
            });
        }
        found.retain(|index| all.contains(index));
        self.decimal_columns = found;
        Ok(())
    }

    /// The columns to look at; none of a file in which nothing is odd.
    pub fn examined_columns(&self) -> Vec<ExaminedColumn> {
        let used = self.used.iter().filter(|(index, _)| {
            !self.is_verbatim() && !self.allowed.contains(index) && !self.is_type(*index)
        });
        let examined = used.map(|(index, name)| {
            let fields = || {
                let fed = self.rules.iter().filter(|rule| rule.source.columns().contains(index));
                fed.map(|rule| &rule.field)
            };
            let is_campo = |field: &FieldName| matches!(field, FieldName::Campo(_));
            let is_name = |field: &FieldName| *field == FieldName::Param(Param::Nome);
            let is_identifier = self.identifier.columns().contains(index);
            ExaminedColumn {
                index: *index,
                name: name.clone(),
                is_text: !is_identifier && fields().all(|it| is_campo(it) || is_name(it)),
                feeds_a_custom_field: fields().any(is_campo),
            }
        });
        examined.collect()
    }

    /// Whether a column says the type of the identifiers: it has but two values.
    fn is_type(&self, index: usize) -> bool {
        matches!(&self.ctype, TypeSource::From(source, _) if source.columns() == [index])
    }

    /// The columns that this field is made of.
    pub fn columns_of(&self, param: Param) -> Vec<usize> {
        let field = FieldName::Param(param);
        let rule = self.rules.iter().find(|rule| rule.field == field);
        rule.map_or_else(Vec::new, |rule| rule.source.columns())
    }
}

/// Whether a customer can be addressed by the value of this field.
fn is_name(field: &FieldName) -> bool {
    matches!(field, FieldName::Param(Param::Email | Param::IdInterno))
}
