//! `--set` values: fixed text with `{Column}` placeholders.

use crate::input::Record;

/// A parsed `--set` value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// Index of the column whose cell stands here.
    Cell(usize),
}

/// Why a text is no template.
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
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(Part::Cell(find(name).map_err(TemplateError::Column)?));
                rest = &open[end + 1..];
            } else {
                plain.push('}');
                rest = &brace[1..];
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }

    /// The columns that the template reads.
    pub fn columns(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().filter_map(|part| match part {
            Part::Cell(index) => Some(*index),
            Part::Text(_) => None,
        })
    }

    /// The text, where no cell has a part in it: then it is the same for every row.
    pub fn constant(&self) -> Option<&str> {
        match &self.parts[..] {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The value for one record. With placeholders, runs of white space become one space and the
    /// ends are trimmed; when every placeholder is empty, so is the value. Without placeholders the
    /// text stands as it was given. A cell of which `is_marker` holds is an empty one; `None` where
    /// such cells left the value empty, which then is to be cleared rather than left alone.
    pub fn render(&self, record: &Record, is_marker: impl Fn(&str) -> bool) -> Option<String> {
        if let Some(text) = self.constant() {
            return (!is_marker(text)).then(|| text.to_owned());
        }
        let (mut filled, mut marked) = (false, false);
        let mut value = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => value.push_str(text),
                Part::Cell(index) => match record.cell(*index).unwrap_or_default() {
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
            (true, _) => Some(collapse(&value)),
            (false, false) => Some(String::new()),
            (false, true) => None,
        }
    }
}

fn collapse(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(template: &str, cells: &[&str]) -> Result<Option<String>, String> {
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
        marked(template, cells).map(|value| value.expect("no marker"))
    }

    #[test]
    fn a_marker_is_an_empty_cell_that_clears_where_nothing_else_is() {
        let name = "Sr. {First Name} {Last Name}";
        for (cells, value) in [
            (["#N/A", "Lima"], Some("Sr. Lima")),
            (["Ana", " #N/A "], Some("Sr. Ana")),
            (["#N/A", "#N/A"], None),
            (["#N/A", ""], None),
            (["", ""], Some("")),
            (["#N/A!", ""], Some("Sr. #N/A!")),
        ] {
            assert_eq!(marked(name, &cells).unwrap().as_deref(), value, "{cells:?}");
        }
        assert_eq!(marked("#N/A", &[]).unwrap(), None);
        // The marker is a cell's, not what cells happen to add up to.
        assert_eq!(marked("#{First Name}", &["N/A"]).unwrap().as_deref(), Some("#N/A"));
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
}
