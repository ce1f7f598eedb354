//! `--set` values: text with `{Column}` placeholders.
//!
//! A text without placeholders is the same in every row. One that no row may have is refused before
//! anything is sent.

use super::values::{excerpt, has_forbidden_control, normalise};
use super::{MappingError, MappingOptions, Target};
use crate::input::Record;
use crate::model::{CustomerType, Identifier};

/// A parsed `--set` value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<TemplatePart>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum TemplatePart {
    Text(String),
    /// Index of the column whose cell stands here.
    Cell(usize),
}

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateError<E> {
    /// The braces.
    Text(&'static str),
    /// A column between them.
    Column(E),
}

impl Template {
    /// Parses `text`: `{Column}` is that column's cell, `{{` and `}}` are braces. `find` gives the
    /// index of a column by name.
    ///
    /// # Errors
    /// A brace that is not closed, an empty placeholder, or what `find` says.
    pub fn parse<E>(
        text: &str,
        mut find: impl FnMut(&str) -> Result<usize, E>,
    ) -> Result<Self, TemplateError<E>> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..];
            if brace.starts_with("{{") || brace.starts_with("}}") {
                plain.push_str(&brace[..1]);
                rest = &brace[2..];
            } else if let Some(open) = brace.strip_prefix('{') {
                let end = open.find('}').ok_or(TemplateError::Text(
                    "falta fechar a chave: use {Coluna}, ou {{ para uma chave de verdade",
                ))?;
                let name = &open[..end];
                if name.trim().is_empty() {
                    return Err(TemplateError::Text("falta o nome da coluna entre as chaves {}"));
                }
                if !plain.is_empty() {
                    parts.push(TemplatePart::Text(std::mem::take(&mut plain)));
                }
                parts.push(TemplatePart::Cell(find(name).map_err(TemplateError::Column)?));
                rest = &open[end + 1..];
            } else {
                plain.push('}');
                rest = &brace[1..];
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(TemplatePart::Text(plain));
        }
        Ok(Self { parts })
    }

    /// The columns that the placeholders name.
    pub fn columns(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().filter_map(|part| match part {
            TemplatePart::Cell(index) => Some(*index),
            TemplatePart::Text(_) => None,
        })
    }

    /// The text, if it has no placeholders.
    pub fn constant(&self) -> Option<&str> {
        match &self.parts[..] {
            [] => Some(""),
            [TemplatePart::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The value for one record. With placeholders, runs of white space become one space and the
    /// ends are trimmed; if every placeholder is empty, so is the value. Without placeholders it is
    /// the text as given. A cell for which `is_marker` holds counts as empty; `None` if such cells
    /// left the value empty, which then is cleared in TomTicket.
    pub fn render(&self, record: &Record, is_marker: impl Fn(&str) -> bool) -> Option<String> {
        if let Some(text) = self.constant() {
            return (!is_marker(text)).then(|| text.to_owned());
        }
        let (mut filled, mut marked) = (false, false);
        let mut value = String::new();
        for part in &self.parts {
            match part {
                TemplatePart::Text(text) => value.push_str(text),
                TemplatePart::Cell(index) => match record.cell(*index).unwrap_or_default() {
                    cell if is_marker(cell) => marked = true,
                    cell => {
                        let cell = cell.trim();
                        filled |= !cell.is_empty();
                        value.push_str(cell);
                    }
                },
            }
        }
        match (filled, marked) {
            (true, _) => Some(value.split_whitespace().collect::<Vec<_>>().join(" ")),
            (false, false) => Some(String::new()),
            (false, true) => None,
        }
    }
}

/// Checks a text that `--set` gives to `target` in every row, as a row's value is checked. An empty
/// text and the marker (`marker`, as cells are compared with it) are not checked: what they mean
/// depends on other flags.
///
/// # Errors
/// The rule that the text breaks.
pub fn check_constant(
    target: &Target,
    text: &str,
    options: &MappingOptions,
    marker: Option<&str>,
) -> Result<(), MappingError> {
    let value = if options.trim { text.trim() } else { text };
    if value.is_empty() || marker == Some(value) {
        return Ok(());
    }
    let checked = match target {
        Target::Identificador => Identifier::check(value).map_err(|why| why.to_string()),
        Target::TipoIdentificador => match value.trim().parse::<CustomerType>() {
            Ok(_) => Ok(()),
            Err(_) => Err("não é I (identificador interno) nem E (e-mail)".to_owned()),
        },
        Target::Field(field) => normalise(field, value).map(|_| ()).map_err(|why| why.to_string()),
    };
    let control = match has_forbidden_control(value) {
        true => Err("contém um caractere de controle".to_owned()),
        false => Ok(()),
    };
    checked.and(control).map_err(|why| MappingError::InvalidConstant {
        target: target.to_string(),
        value: excerpt(value),
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Key;
    use super::super::testing::{pairs, plan};
    use super::*;

    fn render_marked(template: &str, cells: &[&str]) -> Result<Option<String>, String> {
        let find = |name: &str| match name {
            "First Name" => Ok(0),
            "Last Name" => Ok(1),
            _ => Err(format!("não existe {name}")),
        };
        let template = Template::parse(template, find).map_err(|error| match error {
            TemplateError::Text(why) => why.to_owned(),
            TemplateError::Column(why) => why,
        })?;
        Ok(template.render(&Record::from_cells(2, cells), |cell| cell.trim() == "#N/A"))
    }

    fn render(template: &str, cells: &[&str]) -> Result<String, String> {
        render_marked(template, cells).map(|value| value.expect("no marker"))
    }

    #[test]
    fn a_marker_clears_the_value_where_no_other_cell_fills_it() {
        let name = "Sr. {First Name} {Last Name}";
        for (cells, value) in [
            (["#N/A", "Lima"], Some("Sr. Lima")),
            (["Ana", " #N/A "], Some("Sr. Ana")),
            (["#N/A", "#N/A"], None),
            (["#N/A", ""], None),
            (["", ""], Some("")),
            (["#N/A!", ""], Some("Sr. #N/A!")),
        ] {
            assert_eq!(render_marked(name, &cells).unwrap().as_deref(), value, "{cells:?}");
        }
        assert_eq!(render_marked("#N/A", &[]).unwrap(), None);
        // Only a whole cell is a marker, not what cells add up to.
        assert_eq!(render_marked("#{First Name}", &["N/A"]).unwrap().as_deref(), Some("#N/A"));
    }

    #[test]
    fn placeholders_are_filled_and_space_collapses() {
        let name = "{First Name} {Last Name}";
        assert_eq!(render(name, &["Ana", "Lima"]).unwrap(), "Ana Lima");
        assert_eq!(render(name, &[" Ana\u{a0} ", ""]).unwrap(), "Ana");
        assert_eq!(render(name, &["", " "]).unwrap(), "");
        assert_eq!(render("Sr. {Last Name}", &["x", ""]).unwrap(), "");
        assert_eq!(render("Sr.  {Last Name}", &["x", "Lima"]).unwrap(), "Sr. Lima");
    }

    #[test]
    fn fixed_text_and_braces() {
        assert_eq!(render("pt_BR", &[]).unwrap(), "pt_BR");
        assert_eq!(render("a  b", &[]).unwrap(), "a  b");
        assert_eq!(render("{{x}}", &[]).unwrap(), "{x}");
        assert_eq!(render("}{First Name}}", &["A"]).unwrap(), "}A}");
    }

    #[test]
    fn bad_templates_are_named() {
        assert!(render("{First", &[]).unwrap_err().contains("fechar"));
        assert!(render("{}", &[]).unwrap_err().contains("nome da coluna"));
        assert!(render("{Outra}", &[]).unwrap_err().contains("Outra"));
    }

    #[test]
    fn a_constant_that_no_row_may_have_is_refused() {
        let base = ["identificador", "tipo_identificador", "nome"];
        for (target, value, rule) in [
            ("idioma", "fr", "pt_BR, en_US ou es_ES"),
            ("id_interno", "1,23E+13", "planilha"),
            ("campo:1", "a\u{1}b", "controle"),
        ] {
            let options = MappingOptions { set: pairs(&[(target, value)]), ..Default::default() };
            let error = plan(&base, &options).unwrap_err().to_string();
            assert!(error.contains(rule) && error.contains(target), "{error}");
        }
        let options = MappingOptions {
            set: pairs(&[("id_interno", " ")]),
            key: Some(Key::IdInterno),
            trim: false,
            ..Default::default()
        };
        let error = plan(&["nome"], &options).unwrap_err().to_string();
        assert!(error.contains("está vazio"), "{error}");
        for (target, header) in
            [("identificador", &base[1..]), ("tipo_identificador", &["identificador", "nome"])]
        {
            let options = MappingOptions { set: pairs(&[(target, "..")]), ..Default::default() };
            let error = plan(header, &options).unwrap_err().to_string();
            assert!(error.contains("todas as linhas"), "{error}");
        }
        for (target, value) in
            [("idioma", "pt-br"), ("idioma", " pt-br "), ("idioma", ""), ("idioma", "#N/A")]
        {
            let options = MappingOptions {
                set: pairs(&[(target, value)]),
                clear_marker: Some("#N/A".into()),
                ..Default::default()
            };
            assert!(plan(&base, &options).is_ok(), "{target}={value}");
        }
    }
}
