//! Record → update or violations, by the plan. All violations of a row come in one message, so that
//! a person fixes the row once.

use std::borrow::Cow;
use std::sync::Arc;

use super::column_bindings::Source;
use super::plan::{Plan, TypeSource};
use super::values::{Broken, excerpt, has_forbidden_control, may_hold_control, normalise};
use crate::input::Record;
use crate::model::{
    Customer, CustomerType, FieldName, Identifier, IdentifierError, Job, Param, Update,
};
use crate::output::RaggedRow;

/// A mapped record: what the results show of it, and what is to be done.
#[derive(Debug, Clone)]
pub struct Mapped {
    /// The identifier as the row gives it, valid or not, cut to what a results line should hold.
    pub identificador: Box<str>,
    /// The type, where the row gives a valid one.
    pub tipo: Option<CustomerType>,
    /// An update, or all violations.
    pub job: Job,
}

/// What a source says about one row.
enum Value<'r> {
    /// This; an empty text is nothing.
    Text(Cow<'r, str>),
    /// That the value is to be cleared: the marker stands there.
    Cleared,
}

impl<'r> Value<'r> {
    /// The text, for what cannot be cleared: a name, a type.
    fn text(self) -> Cow<'r, str> {
        match self {
            Self::Text(text) => text,
            Self::Cleared => Cow::Borrowed(""),
        }
    }
}

impl Plan {
    /// Applies the plan to one record. Never fails: what is wrong with the row is in the result.
    pub fn map(&self, record: &Record) -> Mapped {
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
            // With shifted cells every further complaint would be about the wrong column.
            return Mapped { identificador: shown, tipo, job: Job::Invalid(violations.join("; ")) };
        }
        if let Some(why) = self.still_short(record) {
            // Alone, so that the next run too knows the row by it.
            return Mapped { identificador: shown, tipo, job: Job::Invalid(why) };
        }
        let mut cells = self.bad_cells(record);
        if let Err(why) = &identifier
            && !(*why == IdentifierError::Control && cells.blame(&self.identifier))
        {
            violations.push(match identifier_text.is_empty() {
                true => format!("{} {why}", self.identifier_label),
                false => {
                    format!("{}: \"{}\" {why}", self.identifier_label, excerpt(&identifier_text))
                }
            });
        }
        violations.append(&mut cells.said);
        for target in &self.missing_required {
            violations.push(format!("{target}: exigido por --require, mas o arquivo não tem"));
        }
        // A placeholder keeps the walk over the values the same for rows that are lost anyway.
        let customer = match (identifier, tipo) {
            (Ok(identifier), Some(ctype)) => Some(Customer { ctype, identifier }),
            _ => None,
        };
        let job = self.fill(record, customer, tipo, &cells, &mut violations);
        Mapped { identificador: shown, tipo, job }
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
        let ctype = CustomerType::parse(text.trim());
        if ctype.is_none() && whole {
            violations.push(format!(
                "{label}: \"{}\" não é I (identificador interno) nem E (e-mail)",
                excerpt(&text)
            ));
        }
        ctype
    }

    /// Cells in use may hold neither controls nor more than 64 KiB.
    fn bad_cells(&self, record: &Record) -> BadCells {
        let mut bad = BadCells::default();
        if !record.is_any_cut() && !may_hold_control(record.text()) {
            return bad;
        }
        for (index, name) in &self.used {
            let cell = record.cell(*index).unwrap_or_default();
            if record.is_cut(*index) {
                bad.said.push(format!("coluna \"{name}\": a célula passa de 64 KiB"));
            } else if has_forbidden_control(cell) {
                bad.controls.push(*index);
                bad.said.push(format!(
                    "coluna \"{name}\": \"{}\" contém um caractere de controle",
                    excerpt(cell)
                ));
            }
        }
        bad
    }

    /// A rejects file pads its short rows. Where nobody has touched such a row since, it is as short
    /// as it was, and its padding is not what anybody wanted sent.
    fn still_short(&self, record: &Record) -> Option<String> {
        self.earlier?.padded_row(record).map(|row| row.to_string())
    }

    fn fill(
        &self,
        record: &Record,
        customer: Option<Customer>,
        ctype: Option<CustomerType>,
        cells: &BadCells,
        violations: &mut Vec<String>,
    ) -> Job {
        // The row's text is nearly always enough; templates may need more, and get it.
        let mut update = customer.map(|customer| {
            Update::with_room(customer, Arc::clone(&self.fields), record.text().len())
        });
        let mut empty = true;
        for (index, (rule, field)) in (0u16..).zip(self.rules.iter().zip(self.fields.iter())) {
            let (raw, cleared) = match self.value(&rule.source, record) {
                Value::Text(raw) => (raw, false),
                Value::Cleared => (Cow::Borrowed(""), true),
            };
            let forbidden = *field == FieldName::Param(Param::IdInterno)
                && ctype == Some(CustomerType::Internal);
            if raw.is_empty() && !cleared && forbidden && !rule.required {
                continue;
            }
            if raw.is_empty() && !(forbidden && cleared) {
                if rule.required {
                    violations
                        .push(format!("{}: exigido por --require, mas está vazio", rule.label));
                } else if cleared || rule.send_empty {
                    empty = false;
                    if let Some(update) = &mut update {
                        update.push(index, "");
                    }
                }
                continue;
            }
            empty = false;
            if forbidden {
                violations.push(format!(
                    "{}: só pode ser enviado quando o tipo_identificador é E; para usar a coluna como identificador, --key id_interno",
                    rule.label
                ));
                continue;
            }
            match normalise(field, &raw) {
                Ok(value) => {
                    if let Some(update) = &mut update {
                        update.push(index, &value);
                    }
                }
                Err(Broken::Name(IdentifierError::Control)) if cells.blame(&rule.source) => {}
                Err(why) => {
                    violations.push(format!("{}: \"{}\" {why}", rule.label, excerpt(&raw)));
                }
            }
        }
        if empty && violations.is_empty() {
            violations.push("nada para enviar: todos os valores da linha estão vazios".to_owned());
        }
        match update {
            Some(update) if violations.is_empty() => Job::Send(Arc::new(update)),
            _ => Job::Invalid(violations.join("; ")),
        }
    }

    fn value<'r>(&self, source: &Source, record: &'r Record) -> Value<'r> {
        let is_marker = |cell: &str| self.clear_marker.as_deref() == Some(self.trimmed(cell));
        match source {
            Source::Column(index) => match record.cell(*index).unwrap_or_default() {
                cell if is_marker(cell) => Value::Cleared,
                cell => Value::Text(Cow::Borrowed(self.trimmed(cell))),
            },
            Source::Template(template) => match template.render(record, is_marker) {
                None => Value::Cleared,
                Some(value) => Value::Text(Cow::Owned(self.trimmed(&value).to_owned())),
            },
        }
    }

    fn trimmed<'t>(&self, text: &'t str) -> &'t str {
        if self.trim { text.trim() } else { text }
    }
}

/// Cells in use that no row may have.
#[derive(Default)]
struct BadCells {
    said: Vec<String>,
    /// Columns of which it was said that they hold a control character.
    controls: Vec<usize>,
}

impl BadCells {
    /// Whether a control character in what `source` gives has been complained about.
    fn blame(&self, source: &Source) -> bool {
        match source {
            Source::Column(index) => self.controls.contains(index),
            Source::Template(template) => {
                template.columns().any(|index| self.controls.contains(&index))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::{Key, MappingOptions};

    fn map(header: &[&str], cells: &[&str], options: &MappingOptions) -> Mapped {
        Plan::new(&Record::from_cells(1, header), options)
            .unwrap()
            .map(&Record::from_cells(2, cells))
    }

    fn sent(mapped: &Mapped) -> Vec<(String, String)> {
        match &mapped.job {
            Job::Send(update) => {
                update.values().map(|(name, value)| (name.to_string(), value.to_owned())).collect()
            }
            Job::Invalid(why) => panic!("invalid: {why}"),
        }
    }

    fn why(mapped: &Mapped) -> &str {
        match &mapped.job {
            Job::Send(update) => panic!("valid: {update:?}"),
            Job::Invalid(why) => why,
        }
    }

    fn typed(ctype: CustomerType) -> MappingOptions {
        MappingOptions { id_type: Some(ctype), ..Default::default() }
    }

    const HEADER: [&str; 4] = ["identificador", "nome", "email", "portfolio_id"];

    #[test]
    fn empty_cells_are_not_sent() {
        let row = map(&HEADER, &["a@x.co", " Ana\u{a0}", "", ""], &typed(CustomerType::Email));
        assert_eq!(sent(&row), [("nome".to_owned(), "Ana".to_owned())]);
        assert_eq!(&*row.identificador, "a@x.co");
    }

    #[test]
    fn clearing_is_explicit() {
        let mut options = typed(CustomerType::Email);
        options.send_empty = vec!["portfolio_id".into()];
        options.clear_marker = Some("#N/A".into());
        let row = map(&HEADER, &["a@x.co", "#N/A", "", ""], &options);
        let cleared =
            [("nome".to_owned(), String::new()), ("portfolio_id".to_owned(), String::new())];
        assert_eq!(sent(&row), cleared);
        let kept = map(&HEADER, &["a@x.co", "#N/A!", "", "7"], &options);
        assert_eq!(sent(&kept)[0].1, "#N/A!");
    }

    #[test]
    fn all_violations_come_together() {
        let header = ["identificador", "tipo_identificador", "nome", "E-mail", "criarchamados"];
        let options =
            MappingOptions { map: vec![("E-mail".into(), "email".into())], ..Default::default() };
        let row = map(&header, &["1,23E+13", "X", "a\0b", "fulano@", "talvez"], &options);
        let why = why(&row);
        for needle in [
            "identificador: \"1,23E+13\"",
            "tipo_identificador: \"X\"",
            "coluna \"nome\": \"a·b\"",
            "email (coluna \"E-mail\"): \"fulano@\"",
            "criarchamados: \"talvez\"",
        ] {
            assert!(why.contains(needle), "{needle} in {why}");
        }
        assert_eq!(row.tipo, None);
    }

    #[test]
    fn ragged_rows_are_never_shifted() {
        let short = map(&HEADER, &["a@x.co", "Ana"], &typed(CustomerType::Email));
        assert!(why(&short).contains("a linha tem 2, o cabeçalho tem 4"));
        let long = map(&HEADER, &["a@x.co", "Ana", "", "", "x"], &typed(CustomerType::Email));
        assert!(why(&long).contains("sobram células"));
        assert_eq!(&*long.identificador, "a@x.co");
    }

    #[test]
    fn the_key_column_is_the_identifier() {
        let options = MappingOptions { key: Some(Key::IdInterno), ..Default::default() };
        let row = map(&["id_interno", "nome"], &["0007", "Ana"], &options);
        assert_eq!((&*row.identificador, row.tipo), ("0007", Some(CustomerType::Internal)));
        assert_eq!(sent(&row), [("nome".to_owned(), "Ana".to_owned())]);
        let options = MappingOptions { key: Some(Key::Email), ..Default::default() };
        let row = map(&["email", "nome"], &["a@x.co", "Ana"], &options);
        assert_eq!(sent(&row).len(), 2);
    }

    #[test]
    fn id_interno_needs_type_e() {
        let header = ["identificador", "tipo_identificador", "nome", "id_interno"];
        let row = map(&header, &["7", "i", "Ana", "8"], &MappingOptions::default());
        assert!(why(&row).contains("id_interno"));
        let row = map(&header, &["7", "i", "Ana", ""], &MappingOptions::default());
        assert_eq!(sent(&row).len(), 1);
        let row = map(&header, &["a@x.co", "e", "Ana", "8"], &MappingOptions::default());
        assert_eq!(sent(&row).len(), 2);
        let options = MappingOptions { require: vec!["id_interno".into()], ..Default::default() };
        let row = map(&header, &["7", "i", "Ana", ""], &options);
        assert!(why(&row).contains("exigido por --require"), "{}", why(&row));
    }

    #[test]
    fn an_internal_id_is_not_cleared_on_a_type_i_row_and_a_marker_is_no_identifier() {
        let mut options = MappingOptions {
            clear_marker: Some("#N/A".into()),
            send_empty: vec!["id_interno".into()],
            ..Default::default()
        };
        let header = ["identificador", "tipo_identificador", "nome", "id_interno"];
        assert!(why(&map(&header, &["7", "I", "Ana", "#N/A"], &options)).contains("id_interno"));
        assert_eq!(sent(&map(&header, &["7", "I", "Ana", ""], &options)).len(), 1);
        options.key = Some(Key::Email);
        options.send_empty.clear();
        let row = map(&["email", "nome"], &["#N/A", "Ana"], &options);
        assert!(why(&row).contains("está vazio"));
    }

    #[test]
    fn nothing_to_send_and_requirements() {
        let row = map(&HEADER, &["a@x.co", "", " ", ""], &typed(CustomerType::Email));
        assert!(why(&row).contains("nada para enviar"));
        let mut options = typed(CustomerType::Email);
        options.require = vec!["email".into(), "telefone".into()];
        let row = map(&HEADER, &["a@x.co", "Ana", "", ""], &options);
        assert!(why(&row).contains("email: exigido"));
        assert!(why(&row).contains("telefone: exigido"));
    }

    #[test]
    fn a_marker_inside_a_set_text_is_an_empty_cell() {
        let mut options = typed(CustomerType::Internal);
        options.clear_marker = Some(" #N/A ".into());
        options.set = vec![
            ("nome".into(), "{First} {Last}".into()),
            ("identificador".into(), "C-{Cod}".into()),
        ];
        let header = ["Cod", "First", "Last"];
        let row = map(&header, &["7", "#N/A", "Lima"], &options);
        assert_eq!((&*row.identificador, &*sent(&row)[0].1), ("C-7", "Lima"));
        assert_eq!(sent(&map(&header, &["7", "#N/A", " #N/A"], &options))[0].1, "");
        let nobody = map(&header, &["#N/A", "Ana", ""], &options);
        assert!(why(&nobody).contains("está vazio"), "{}", why(&nobody));
        options.trim = false;
        options.clear_marker = Some("#N/A ".into());
        assert_eq!(sent(&map(&header, &["7", "#N/A ", ""], &options))[0].1, "");
        assert_eq!(sent(&map(&header, &["7", "#N/A", ""], &options))[0].1, "#N/A");
    }

    #[test]
    fn a_control_character_is_complained_about_once() {
        let header = ["identificador", "tipo_identificador", "id_interno"];
        let row = map(&header, &["a\u{1}b@x.co", "E", "a\u{1}b"], &MappingOptions::default());
        assert_eq!(why(&row).matches("contém um caractere de controle").count(), 2);
        let row = map(&header, &["a@x.co", "E", "a\tb"], &MappingOptions::default());
        assert_eq!(why(&row).matches("contém um caractere de controle").count(), 1);
        let options = MappingOptions {
            set: vec![("id_interno".into(), "C-{Cod}".into())],
            id_type: Some(CustomerType::Email),
            ..Default::default()
        };
        let row = map(&["identificador", "Cod"], &["a@x.co", "a\u{1}b"], &options);
        assert_eq!(why(&row).matches("contém um caractere de controle").count(), 1);
    }

    #[test]
    fn where_a_row_is_wrong_what_follows_from_it_is_not_said() {
        let header = ["identificador", "tipo_identificador", "nome"];
        let ragged = map(&header, &["7", "X"], &MappingOptions::default());
        assert!(!why(&ragged).contains("tipo_identificador"), "{}", why(&ragged));
        let nobody = map(&header, &["7", "X", ""], &MappingOptions::default());
        assert!(!why(&nobody).contains("nada para enviar"), "{}", why(&nobody));
        let long =
            map(&header, &["7".repeat(300).as_str(), "I", "Ana"], &MappingOptions::default());
        assert_eq!(long.identificador.chars().count(), 61);
    }

    #[test]
    fn the_text_of_set_is_trimmed_as_cells_are() {
        let mut options = typed(CustomerType::Email);
        options.set = vec![("nome".into(), " Ana ".into())];
        assert_eq!(sent(&map(&["identificador"], &["a@x.co"], &options))[0].1, "Ana");
        options.trim = false;
        assert_eq!(sent(&map(&["identificador"], &["a@x.co"], &options))[0].1, " Ana ");
    }

    #[test]
    fn padding_of_a_rejects_file_is_not_sent_before_somebody_looked() {
        let header = ["identificador", "nome", "telefone", "situacao", "erro", "mensagem"];
        let options = typed(CustomerType::Email);
        let mensagem = RaggedRow { cells: 2, header: 3, padded: false }.to_string();
        let go = |cells: [&str; 6]| map(&header, &cells, &options);
        let again = go(["a@x.co", "Ana", "", "invalido", "true", &mensagem]);
        let mensagem = why(&again).to_owned();
        assert!(mensagem.contains("apague esta mensagem"), "{mensagem}");
        // Of a third round, and of all that follow, the same is true.
        let third = go(["a@x.co", "Ana", " ", "invalido", "true", &mensagem]);
        assert_eq!(why(&third), mensagem);
        for edited in [
            ["a@x.co", "Ana", "11", "invalido", "true", &mensagem],
            ["a@x.co", "Ana", "", "invalido", "true", ""],
            ["a@x.co", "Ana", "", "falhou", "true", &mensagem],
            ["a@x.co", "Ana", "", "invalido", "true", "email: não parece um e-mail"],
        ] {
            assert!(matches!(go(edited).job, Job::Send(_)), "{edited:?}");
        }
    }

    #[test]
    fn no_trim_keeps_space() {
        let mut options = typed(CustomerType::Email);
        options.trim = false;
        let row = map(&HEADER, &["a@x.co", " Ana ", "", ""], &options);
        assert_eq!(sent(&row), [("nome".to_owned(), " Ana ".to_owned())]);
    }

    #[test]
    fn line_breaks_are_data_but_not_in_an_identifier() {
        let row = map(&HEADER, &["a@x.co", "Ana\nLima", "", ""], &typed(CustomerType::Email));
        assert_eq!(sent(&row)[0].1, "Ana\nLima");
        let row = map(&HEADER, &["a\nb@x.co", "Ana", "", ""], &typed(CustomerType::Email));
        assert!(why(&row).contains("controle"));
    }
}
