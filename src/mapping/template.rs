//! `--set` values: text with `{Column}` placeholders.
//!
//! A text without placeholders is the same in every row. One that no row may have is refused before
//! anything is sent.

use super::flaws::field_flaw;
use super::header::Columns;
use super::values::{excerpt, has_forbidden_control, normalise};
use super::{MappingError, MappingOptions, Target};
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

impl Template {
    /// Parses the `text` that is given to `target`: `{Column}` is that column's cell, `{{` and `}}`
    /// are braces.
    ///
    /// # Errors
    /// A brace that is not closed, an empty placeholder, or one that names no single column.
    pub fn parse(text: &str, target: &Target, columns: &Columns<'_>) -> Result<Self, MappingError> {
        let flag = format!("--set {target}=…");
        let wrong = |why| MappingError::Template { target: target.to_string(), why };
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
                let end = open.find('}').ok_or_else(|| {
                    wrong("falta fechar a chave: use {Coluna}, ou {{ para uma chave de verdade")
                })?;
                let name = &open[..end];
                if name.trim().is_empty() {
                    return Err(wrong("falta o nome da coluna entre as chaves {}"));
                }
                if !plain.is_empty() {
                    parts.push(TemplatePart::Text(std::mem::take(&mut plain)));
                }
                parts.push(TemplatePart::Cell(columns.one(name, &flag)?));
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

    /// The value for one record, whose cells `cell` gives: `None` for one that clears. With
    /// placeholders, runs of white space become one space and the ends are trimmed; if every
    /// placeholder is empty, so is the value. Without placeholders it is the text as given. `None` if
    /// cells that clear left the value empty, which then is cleared in TomTicket.
    pub fn render<'r>(&self, cell: impl Fn(usize) -> Option<&'r str>) -> Option<String> {
        if let Some(text) = self.constant() {
            return Some(text.to_owned());
        }
        let (mut filled, mut marked) = (false, false);
        let mut value = String::new();
        for part in &self.parts {
            match part {
                TemplatePart::Text(text) => value.push_str(text),
                TemplatePart::Cell(index) => match cell(*index).map(str::trim) {
                    None => marked = true,
                    Some(text) => {
                        filled |= !text.is_empty();
                        value.push_str(text);
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
    let value = if options.no_trim { text } else { text.trim() };
    if value.is_empty() || marker == Some(value) {
        return Ok(());
    }
    let checked = match target {
        Target::Identificador => Identifier::check(value).map_err(|why| why.to_string()),
        Target::TipoIdentificador => match value.trim().parse::<CustomerType>() {
            Ok(_) => Ok(()),
            Err(_) => Err("não é I (identificador interno) nem E (e-mail)".to_owned()),
        },
        Target::Field(field) => match field_flaw(field, value) {
            Some(flaw) => Err(flaw.to_string()),
            None => normalise(field, value).map(|_| ()).map_err(|why| why.to_string()),
        },
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
    use super::super::testing::{pairs, plan};
    use super::*;
    use crate::input::Record;

    fn render_marked(template: &str, cells: &[&str]) -> Option<String> {
        let header = Record::from_cells(1, ["First Name", "Last Name"]);
        let target = Target::Identificador;
        let template = Template::parse(template, &target, &Columns::new(&header)).unwrap();
        template.render(|index| Some(cells[index]).filter(|cell| cell.trim() != "#N/A"))
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
            assert_eq!(render_marked(name, &cells).as_deref(), value, "{cells:?}");
        }
        // Only a whole cell is a marker, not what cells add up to.
        assert_eq!(render_marked("#{First Name}", &["N/A"]).as_deref(), Some("#N/A"));
    }

    #[test]
    fn placeholders_are_filled_space_collapses_and_other_text_stays() {
        let name = "{First Name} {Last Name}";
        for (template, cells, value) in [
            (name, &["Ana", "Lima"][..], "Ana Lima"),
            (name, &[" Ana\u{a0} ", ""], "Ana"),
            (name, &["", " "], ""),
            ("Sr. {Last Name}", &["x", ""], ""),
            ("Sr.  {Last Name}", &["x", "Lima"], "Sr. Lima"),
            ("pt_BR", &[], "pt_BR"),
            ("a  b", &[], "a  b"),
            ("{{x}}", &[], "{x}"),
            ("}{First Name}}", &["A"], "}A}"),
        ] {
            assert_eq!(render_marked(template, cells).as_deref(), Some(value), "{template}");
        }
    }

    #[test]
    fn a_constant_that_no_row_may_have_is_refused() {
        let header = ["identificador", "tipo_identificador", "nome"];
        let constant = |target, text, no_trim| {
            let clear_marker = Some("#N/A".into());
            let set = pairs(&[(target, text)]);
            MappingOptions { set, clear_marker, no_trim, ..Default::default() }
        };
        for (target, text, header, rule) in [
            ("id_interno", "1,23E+13", &header[..], "planilha"),
            ("campo:1", "a\u{1}b", &header, "controle"),
            ("identificador", "..", &header[1..], "todas as linhas"),
            ("identificador", " ", &header[1..], "está vazio"),
            ("tipo_identificador", "..", &["identificador", "nome"], "todas as linhas"),
        ] {
            let error = plan(header, &constant(target, text, true)).unwrap_err().to_string();
            assert!(error.contains(rule) && error.contains(target), "{error}");
        }
        for text in ["pt-br", " pt-br ", "", "#N/A"] {
            assert!(plan(&header, &constant("idioma", text, false)).is_ok(), "{text}");
        }
    }
}
