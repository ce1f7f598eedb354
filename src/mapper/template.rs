//! `--set` values: fixed text with `{Column}` placeholders.

use crate::reader::Record;

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

impl Template {
    /// Parses `text`: `{Column}` is that column's cell, `{{` and `}}` are braces. `find` gives the
    /// index of a column by name, or the message of the error.
    ///
    /// # Errors
    /// A brace that is not closed, an empty placeholder, or what `find` says.
    pub fn parse(
        text: &str,
        mut find: impl FnMut(&str) -> Result<usize, String>,
    ) -> Result<Self, String> {
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
                let end = open
                    .find('}')
                    .ok_or("falta fechar a chave: use {Coluna}, ou {{ para uma chave de verdade")?;
                let name = &open[..end];
                if name.trim().is_empty() {
                    return Err("falta o nome da coluna entre as chaves {}".to_owned());
                }
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(Part::Cell(find(name)?));
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

    /// The value for one record. With placeholders, runs of white space become one space and the
    /// ends are trimmed; when every placeholder is empty, so is the value. Without placeholders the
    /// text stands as it was given.
    pub fn render(&self, record: &Record) -> String {
        let mut filled = None;
        let mut value = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => value.push_str(text),
                Part::Cell(index) => {
                    let cell = record.cell(*index).unwrap_or_default().trim();
                    filled = Some(filled.unwrap_or(false) || !cell.is_empty());
                    value.push_str(cell);
                }
            }
        }
        match filled {
            None => value,
            Some(false) => String::new(),
            Some(true) => collapse(&value),
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

    fn render(template: &str, cells: &[&str]) -> Result<String, String> {
        let find = |name: &str| match name {
            "First Name" => Ok(0),
            "Last Name" => Ok(1),
            _ => Err(format!("não existe {name}")),
        };
        Template::parse(template, find).map(|t| t.render(&Record::from_cells(2, cells)))
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
