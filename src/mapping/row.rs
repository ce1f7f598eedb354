//! Record → update or violations, by the plan. All violations of a row come in one message, so that a
//! person fixes the row once.
//!
//! Which source each field has is decided in `plan`, what a single value may be in `values`.

use std::borrow::Cow;
use std::sync::Arc;

use super::column_bindings::ValueSource;
use super::plan::{FieldRule, MappingPlan, TypeSource};
use super::values::{RuleViolation, excerpt, has_forbidden_control, normalise};
use crate::input::Record;
use crate::model::{
    Customer, CustomerType, FieldName, Identifier, IdentifierError, Job, Param, Update,
};
use crate::output::RaggedRow;

/// A mapped record: what the results show of it, and what is done with it.
#[derive(Debug, Clone)]
pub struct MappedRow {
    /// The identifier as the row gives it, valid or not; cut to an excerpt if it is not valid.
    pub identificador: Box<str>,
    /// The type, where the row gives a valid one.
    pub tipo: Option<CustomerType>,
    /// An update, or all violations.
    pub job: Job,
}

/// What a source gives for one row.
enum Value<'r> {
    /// A text; empty for no value.
    Text(Cow<'r, str>),
    /// The marker that clears the field.
    Cleared,
}

impl<'r> Value<'r> {
    /// The text, for an identifier or a type, which cannot be cleared.
    fn text(self) -> Cow<'r, str> {
        match self {
            Self::Text(text) => text,
            Self::Cleared => Cow::Borrowed(""),
        }
    }
}

impl MappingPlan {
    /// Applies the plan to one record. What is wrong with the row is part of the result.
    pub fn map(&self, record: &Record) -> MappedRow {
        let mut violations = Vec::new();
        let whole = record.len() == self.columns && !record.is_overlong();
        if !whole {
            violations.push(self.shape(record));
        }
        let identifier_text = self.value(&self.identifier, record).text();
        let ctype = self.ctype(record, whole, &mut violations);
        let tipo = ctype.as_ref().copied();
        let identifier = Identifier::new(&identifier_text);
        let shown: Box<str> = match &identifier {
            Ok(identifier) => identifier.as_str().into(),
            Err(_) => excerpt(&identifier_text).into(),
        };
        if !whole {
            // With shifted cells, every further message would be about the wrong column.
            return MappedRow {
                identificador: shown,
                tipo,
                job: Job::Invalid(violations.join("; ")),
            };
        }
        if let Some(why) = self.still_short(record) {
            // Alone, so that the next run recognises the row by it again.
            return MappedRow { identificador: shown, tipo, job: Job::Invalid(why) };
        }
        let mut cells = self.bad_cells(record);
        if let Err(why) = &identifier
            && !(*why == IdentifierError::Control && cells.are_blamed_in(&self.identifier))
        {
            violations.push(match identifier_text.is_empty() {
                true => format!("{} {why}", self.identifier_label),
                false => {
                    format!("{}: \"{}\" {why}", self.identifier_label, excerpt(&identifier_text))
                }
            });
        }
        violations.append(&mut cells.messages);
        for target in &self.missing_required {
            violations.push(format!("{target}: exigido por --require, mas o arquivo não tem"));
        }
        let mut values = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            match self.field_value(rule, record, tipo, &cells) {
                Ok(None) => {}
                Ok(Some(value)) => values.push((rule.field.clone(), value)),
                Err(violation) => violations.push(violation),
            }
        }
        if values.is_empty() && violations.is_empty() {
            violations.push("nada para enviar: todos os valores da linha estão vazios".to_owned());
        }
        let job = match (identifier, tipo) {
            (Ok(identifier), Some(ctype)) if violations.is_empty() => {
                Job::Send(Arc::new(Update::new(Customer { ctype, identifier }, values)))
            }
            _ => Job::Invalid(violations.join("; ")),
        };
        MappedRow { identificador: shown, tipo, job }
    }

    fn shape(&self, record: &Record) -> String {
        let (has, wants) = (record.len(), self.columns);
        if record.is_overlong() {
            "a linha passa de 1 MiB; confira se falta fechar aspas ou quebrar a linha".to_owned()
        } else if has < wants {
            RaggedRow { cells: has, header: wants, padded: false }.to_string()
        } else {
            format!(
                "sobram células: a linha tem {has}, o cabeçalho tem {wants}; um valor com o separador precisa de aspas"
            )
        }
    }

    fn ctype(
        &self,
        record: &Record,
        whole: bool,
        violations: &mut Vec<String>,
    ) -> Option<CustomerType> {
        let (source, label) = match &self.ctype {
            TypeSource::Fixed(ctype) => return Some(*ctype),
            TypeSource::From(source, label) => (source, label),
        };
        let text = self.value(source, record).text();
        let ctype = text.trim().parse().ok();
        if ctype.is_none() && whole {
            violations.push(format!(
                "{label}: \"{}\" não é I (identificador interno) nem E (e-mail)",
                excerpt(&text)
            ));
        }
        ctype
    }

    /// Used cells may hold neither control characters nor more than 64 KiB.
    fn bad_cells(&self, record: &Record) -> BadCells {
        let mut bad = BadCells::default();
        for (index, name) in &self.used {
            let cell = record.cell(*index).unwrap_or_default();
            if record.is_cut(*index) {
                bad.messages.push(format!("coluna \"{name}\": a célula passa de 64 KiB"));
            } else if has_forbidden_control(cell) {
                bad.controls.push(*index);
                bad.messages.push(format!(
                    "coluna \"{name}\": \"{}\" contém um caractere de controle",
                    excerpt(cell)
                ));
            }
        }
        bad
    }

    /// A rejects file pads its short rows. A row that was not edited since is as short as it was, and
    /// its padding must not be sent.
    fn still_short(&self, record: &Record) -> Option<String> {
        self.earlier?.padded_row(record).map(|row| row.to_string())
    }

    /// The value of one field: `None` if the row leaves the field alone (or `cells` already has a
    /// message about it), an empty text if it clears the field.
    fn field_value(
        &self,
        rule: &FieldRule,
        record: &Record,
        ctype: Option<CustomerType>,
        cells: &BadCells,
    ) -> Result<Option<Box<str>>, String> {
        let (raw, cleared) = match self.value(&rule.source, record) {
            Value::Text(raw) => (raw, false),
            Value::Cleared => (Cow::Borrowed(""), true),
        };
        let forbidden = rule.field == FieldName::Param(Param::IdInterno)
            && ctype == Some(CustomerType::Internal);
        if raw.is_empty() && !(cleared && forbidden) {
            return match () {
                () if rule.required => {
                    Err(format!("{}: exigido por --require, mas está vazio", rule.label))
                }
                () if cleared || (rule.send_empty && !forbidden) => Ok(Some("".into())),
                () => Ok(None),
            };
        }
        if forbidden {
            return Err(format!(
                "{}: só pode ser enviado quando o tipo_identificador é E; para usar a coluna como identificador, --key id_interno",
                rule.label
            ));
        }
        match normalise(&rule.field, &raw) {
            Ok(value) => Ok(Some(value.into())),
            Err(RuleViolation::Identifier(IdentifierError::Control))
                if cells.are_blamed_in(&rule.source) =>
            {
                Ok(None)
            }
            Err(why) => Err(format!("{}: \"{}\" {why}", rule.label, excerpt(&raw))),
        }
    }

    fn value<'r>(&self, source: &ValueSource, record: &'r Record) -> Value<'r> {
        let is_marker = |cell: &str| self.clear_marker.as_deref() == Some(self.trimmed(cell));
        match source {
            ValueSource::Column(index) => match record.cell(*index).unwrap_or_default() {
                cell if is_marker(cell) => Value::Cleared,
                cell => Value::Text(Cow::Borrowed(self.trimmed(cell))),
            },
            ValueSource::Template(template) => match template.render(record, is_marker) {
                None => Value::Cleared,
                Some(value) => Value::Text(Cow::Owned(self.trimmed(&value).to_owned())),
            },
        }
    }

    fn trimmed<'t>(&self, text: &'t str) -> &'t str {
        if self.trim { text.trim() } else { text }
    }
}

/// Used cells that make a row invalid.
#[derive(Default)]
struct BadCells {
    messages: Vec<String>,
    /// Columns whose message is about a control character.
    controls: Vec<usize>,
}

impl BadCells {
    /// Whether a message already blames a control character in a cell that `source` uses.
    fn are_blamed_in(&self, source: &ValueSource) -> bool {
        match source {
            ValueSource::Column(index) => self.controls.contains(index),
            ValueSource::Template(template) => {
                template.columns().any(|index| self.controls.contains(&index))
            }
        }
    }
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
