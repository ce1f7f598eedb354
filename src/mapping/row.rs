//! Record → update or violations, by the plan. All violations of a row come in one message, so that a
//! person fixes the row once.
//!
//! Which source each field has is decided in `plan`, what a single value may be in `values`.

use std::borrow::Cow;
use std::sync::Arc;

use super::as_read::AsRead;
use super::column_bindings::ValueSource;
use super::plan::{FieldRule, MappingPlan, TypeSource};
use super::values::{
    RuleViolation, excerpt, has_forbidden_control, has_lone_cr, may_have_control, normalise,
};
use crate::input::Record;
use crate::model::{
    Customer, CustomerType, FieldName, FieldValues, HeldRecord, Identifier, IdentifierError,
    InvalidRow, LeftOut, Param, Row, Update, UpdateResult,
};
use crate::output::RaggedRow;
use crate::text::trimmed;

/// Bytes of values for which room is made at once; few rows have more.
const USUAL_BYTES: usize = 1024;

impl MappingPlan {
    /// Applies the plan to the record at position `seq`. `held` is what the snapshot that the file is
    /// compared with shows under the record's [`name`](Self::name). What is wrong with the row is part
    /// of the result.
    pub fn map(&self, seq: u64, mut record: Record, held: &[HeldRecord]) -> Row {
        record.retain_faults(|index, text, fault| self.uses_faulty(index, text, fault));
        let as_read = self.as_read(&record, held);
        let text = self.value(&self.identifier, &record).unwrap_or_default();
        let identifier = match as_read.has(&self.identifier) {
            true => Identifier::held(&text),
            false => Identifier::new(&text),
        };
        let ctype = self.ctype(&record);
        let tipo = ctype.as_ref().ok().copied();
        let identifier = identifier.map_err(|why| (why, text));
        let update = self.update(&record, identifier, ctype, &as_read);
        let as_read = as_read.columns();
        let mut row = Row { seq, record, as_read, tipo, update, left_out: None };
        if self.is_of_snapshot() && row.identificador().is_empty() && self.names(&row).is_empty() {
            row.left_out = Some(LeftOut::Nameless);
        }
        row
    }

    /// The update, or why there is none. A violation of the identifier comes with its text.
    fn update(
        &self,
        record: &Record,
        identifier: Result<Identifier, (IdentifierError, Cow<'_, str>)>,
        ctype: Result<CustomerType, String>,
        as_read: &AsRead,
    ) -> UpdateResult {
        match (self.values(record, &identifier, &ctype, as_read), identifier, ctype) {
            (Ok(values), Ok(identifier), Ok(ctype)) => {
                Ok(Arc::new(Update::new(Customer { ctype, identifier }, values)))
            }
            // Then there are violations: a faulty identifier or type is one.
            (values, identifier, _) => Err(InvalidRow {
                identificador: match &identifier {
                    Ok(identifier) => identifier.as_str().into(),
                    Err((_, text)) => excerpt(text).into(),
                },
                mensagem: values.err().unwrap_or_default(),
            }),
        }
    }

    /// The values of a row that is valid in every respect, or all its violations.
    fn values(
        &self,
        record: &Record,
        identifier: &Result<Identifier, (IdentifierError, Cow<'_, str>)>,
        ctype: &Result<CustomerType, String>,
        as_read: &AsRead,
    ) -> Result<FieldValues, String> {
        // With shifted cells, every further message would be about the wrong column.
        self.check_shape(record)?;
        // A rejects file pads its short rows. If the row was not edited since, its padding must not be
        // sent. Its message stands alone, so that `RaggedRow` can be read back from it once more.
        if let Some(ragged) = self.reject_columns.and_then(|columns| columns.padded_row(record)) {
            return Err(ragged.to_string());
        }
        let mut violations = Vec::new();
        let mut cells = self.bad_cells(record, as_read);
        let is_blamed = matches!(&self.ctype, TypeSource::From(source, _) if cells.faults(source));
        if let Err(violation) = ctype
            && !is_blamed
        {
            violations.push(violation.clone());
        }
        if let Err((why, text)) = identifier
            && !(*why == IdentifierError::Control && cells.blames(&self.identifier))
            && !cells.faults(&self.identifier)
        {
            let label = &self.identifier_label;
            violations.push(match text.is_empty() {
                true => format!("{label} {why}"),
                false => format!("{label}: \"{}\" {why}", excerpt(text)),
            });
        }
        violations.append(&mut cells.messages);
        for target in &self.missing_required {
            violations.push(format!("{target}: exigido por --require, mas o arquivo não tem"));
        }
        let ctype = ctype.as_ref().ok().copied();
        let bytes = record.text().len().min(USUAL_BYTES);
        let mut values = FieldValues::with_capacity(self.rules.len(), bytes);
        for rule in &self.rules {
            match self.field_value(rule, &RowCells { record, as_read, bad: &cells }, ctype) {
                Ok(None) => {}
                Ok(Some(value)) => values.push(rule.field.clone(), &value),
                Err(violation) => violations.push(violation),
            }
        }
        if let (Ok(identifier), Some(ctype)) = (identifier, ctype)
            && let Some(flaw) = self.flaw_of_identifier(identifier, ctype, &values, as_read)
        {
            let text = excerpt(identifier.as_str());
            violations.insert(0, format!("{}: \"{text}\" {flaw}", self.identifier_label));
        }
        if values.is_empty() && violations.is_empty() {
            violations.push("nada para enviar: todos os valores da linha estão vazios".to_owned());
        }
        if !violations.is_empty() {
            return Err(violations.join("; "));
        }
        if bytes == USUAL_BYTES {
            values.shrink();
        }
        Ok(values)
    }

    /// The names that a row gives for its customer, though it may be invalid.
    pub fn names(&self, row: &Row) -> Vec<(CustomerType, String)> {
        let own = row.tipo.map(|ctype| (ctype, &self.identifier));
        let given = CustomerType::ALL.into_iter().filter_map(|ctype| {
            let field = FieldName::Param(Param::of_name(ctype));
            let rule = self.rules.iter().find(|rule| rule.field == field)?;
            Some((ctype, &rule.source))
        });
        let sources = own.into_iter().chain(given);
        let names = sources.filter_map(|(ctype, source)| {
            let name = self.value(source, &row.record).filter(|name| !name.is_empty())?;
            Some((ctype, name.into_owned()))
        });
        names.collect()
    }

    fn check_shape(&self, record: &Record) -> Result<(), String> {
        let (has, wants) = (record.len(), self.columns);
        if record.is_overlong() {
            return Err("a linha passa de 1 MiB; confira se falta fechar aspas ou quebrar a linha"
                .to_owned());
        }
        if self.is_whole(record) {
            Ok(())
        } else if has < wants {
            Err(RaggedRow { cells: has, header: wants, padded: false }.to_string())
        } else {
            Err(format!(
                "sobram células: a linha tem {has}, o cabeçalho tem {wants}; um valor com o separador precisa de aspas"
            ))
        }
    }

    pub(super) fn ctype(&self, record: &Record) -> Result<CustomerType, String> {
        let (source, label) = match &self.ctype {
            TypeSource::Fixed(ctype) => return Ok(*ctype),
            TypeSource::From(source, label) => (source, label),
        };
        let text = self.value(source, record).unwrap_or_default();
        text.trim().parse().map_err(|_| {
            format!(
                "{label}: \"{}\" não é I (identificador interno) nem E (e-mail)",
                excerpt(&text)
            )
        })
    }

    /// Used cells may hold no more than 64 KiB and, but for what TomTicket held, no control characters.
    fn bad_cells(&self, record: &Record, as_read: &AsRead) -> BadCells {
        let mut bad = BadCells::default();
        // Nearly every record passes in one look at its whole text.
        let is_sound = !record.is_any_cut() && !record.has_faults();
        if is_sound && !may_have_control(record.text()) {
            return bad;
        }
        let may_have_cr = !self.cr_ends && record.text().contains('\r');
        if is_sound && !may_have_cr && !has_forbidden_control(record.text()) {
            return bad;
        }
        for (index, name) in &self.used {
            let cell = record.cell(*index).unwrap_or_default();
            if let Some(fault) = record.fault(*index) {
                bad.faulty.push(*index);
                let shown = match excerpt(cell.trim()) {
                    empty if empty.is_empty() => empty,
                    text => format!("\"{text}\" "),
                };
                let address = record.address(*index);
                let why = fault.message();
                bad.messages.push(format!("coluna \"{name}\", célula {address}: {shown}{why}"));
            } else if record.is_cut(*index) {
                bad.messages.push(format!("coluna \"{name}\": a célula passa de 64 KiB"));
            } else if !as_read.has_column(*index)
                && (has_forbidden_control(cell) || (may_have_cr && has_lone_cr(cell)))
            {
                bad.controls.push(*index);
                if cell.ends_with("]\u{1a}") {
                    bad.faulty.push(*index);
                    bad.messages.push(format!(
                        "coluna \"{name}\": \"{}\" foi marcado por uma execução anterior; digite ali o valor certo",
                        excerpt(cell.trim_end_matches('\u{1a}'))
                    ));
                    continue;
                }
                bad.messages.push(format!(
                    "coluna \"{name}\": \"{}\" contém um caractere de controle",
                    excerpt(cell)
                ));
            }
        }
        bad
    }

    /// The value of one field: `None` if the row leaves the field alone (or there already is a
    /// message about it), an empty text if it clears the field.
    fn field_value<'r>(
        &self,
        rule: &FieldRule,
        cells: &RowCells<'r>,
        ctype: Option<CustomerType>,
    ) -> Result<Option<Cow<'r, str>>, String> {
        let RowCells { record, as_read, bad } = cells;
        if bad.faults(&rule.source) {
            return Ok(None);
        }
        let given = match &rule.source {
            ValueSource::Column(index) if as_read.has_column(*index) => {
                Some(Cow::Borrowed(record.cell(*index).unwrap_or_default()))
            }
            source => self.value(source, record),
        };
        let cleared = given.is_none();
        let text = given.unwrap_or_default();
        let forbidden = rule.field == FieldName::Param(Param::IdInterno)
            && ctype == Some(CustomerType::Internal);
        if text.is_empty() && !(cleared && forbidden) {
            return if rule.required && !as_read.has(&rule.source) {
                Err(format!("{}: exigido por --require, mas está vazio", rule.label))
            } else if cleared || (rule.send_empty && !forbidden) {
                Ok(Some("".into()))
            } else {
                Ok(None)
            };
        }
        if forbidden {
            return Err(format!(
                "{}: só pode ser enviado quando o tipo_identificador é E; para usar a coluna como identificador, --key id_interno",
                rule.label
            ));
        }
        if let Some(flaw) = self.flaw_of_value(rule, &text, as_read) {
            return Err(format!("{}: \"{}\" {flaw}", rule.label, excerpt(&text)));
        }
        match normalise(&rule.field, &text) {
            // Whatever TomTicket holds can be sent back.
            Err(_) if as_read.has(&rule.source) && is_verbatim(&rule.field) => Ok(Some(text)),
            Ok(spelled) => Ok(Some(spelled.map_or(text, Cow::Borrowed))),
            Err(RuleViolation::Identifier(IdentifierError::Control))
                if bad.blames(&rule.source) =>
            {
                Ok(None)
            }
            Err(why) => Err(format!("{}: \"{}\" {why}", rule.label, excerpt(&text))),
        }
    }

    /// What a source gives: a text, empty for no value, or `None` for the marker, which clears a field.
    pub(super) fn value<'r>(
        &self,
        source: &ValueSource,
        record: &'r Record,
    ) -> Option<Cow<'r, str>> {
        match source {
            ValueSource::Column(index) => self.cell(record, *index).map(Cow::Borrowed),
            ValueSource::Template(template) => {
                if template.constant().is_some_and(|text| self.is_marker(self.trimmed(text))) {
                    return None;
                }
                let value = template.render(|index| self.cell(record, index))?;
                Some(Cow::Owned(self.trimmed(&value).to_owned()))
            }
        }
    }

    /// A cell that counts: empty where its text stands for that, `None` for the marker.
    pub fn cell<'r>(&self, record: &'r Record, index: usize) -> Option<&'r str> {
        match self.trimmed(record.cell(index).unwrap_or_default()) {
            cell if self.is_marker(cell) => None,
            cell if self.is_null(cell) => Some(""),
            cell => Some(cell),
        }
    }

    pub(super) fn is_null(&self, trimmed: &str) -> bool {
        self.nulls.iter().any(|null| null == trimmed)
    }

    pub(super) fn is_marker(&self, trimmed: &str) -> bool {
        self.clear_marker.as_deref() == Some(trimmed)
    }

    fn trimmed<'t>(&self, text: &'t str) -> &'t str {
        if self.no_trim { text } else { trimmed(text) }
    }
}

/// Whether a snapshot shows this field as TomTicket holds it: a text of its own, not one of few words
/// that this program chose.
fn is_verbatim(field: &FieldName) -> bool {
    !matches!(field, FieldName::Param(Param::CriarChamados | Param::Idioma))
}

/// The cells of a row, and what is known of them.
struct RowCells<'r> {
    record: &'r Record,
    as_read: &'r AsRead,
    bad: &'r BadCells,
}

/// Used cells that make a row invalid.
#[derive(Default)]
struct BadCells {
    messages: Vec<String>,
    /// Columns whose message is about a control character.
    controls: Vec<usize>,
    /// Columns whose message is about a cell of a sheet that stands for no text.
    faulty: Vec<usize>,
}

impl BadCells {
    /// Whether a message already blames a control character in a cell that `source` uses.
    fn blames(&self, source: &ValueSource) -> bool {
        uses_any(source, &self.controls)
    }

    /// Whether a message already says that a cell which `source` uses stands for no text.
    fn faults(&self, source: &ValueSource) -> bool {
        uses_any(source, &self.faulty)
    }
}

/// Whether `source` uses one of these columns, of which there are nearly always none.
fn uses_any(source: &ValueSource, columns: &[usize]) -> bool {
    !columns.is_empty() && source.columns().iter().any(|index| columns.contains(index))
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
