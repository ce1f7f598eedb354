//! Header + `--map`, `--ignore`, `--set` → which column or text gives each target its value, and which
//! columns are left over.
//!
//! How a row's identifier, type and fields are made from the bindings is decided in `plan`.

use super::header::{Columns, is_result_column};
use super::suggest::suggestion;
use super::template::{Template, TemplateError, check_constant};
use super::values::excerpt;
use super::{MappingError, MappingOptions, Target};
use crate::input::{Record, name_of};
use crate::output::RejectColumns;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueSource {
    /// The cell of this column.
    Column(usize),
    /// A `--set` text.
    Template(Template),
}

impl ValueSource {
    /// The columns whose cells it uses.
    pub fn columns(&self) -> Vec<usize> {
        match self {
            Self::Column(index) => vec![*index],
            Self::Template(template) => template.columns().collect(),
        }
    }
}

/// One target and the source of its value.
#[derive(Debug)]
pub struct Binding {
    pub target: Target,
    pub source: ValueSource,
    /// The column's name; empty for a text.
    name: String,
}

impl Binding {
    /// `email (coluna "E-mail")`, `nome` where the column has that very name, `idioma (--set)`.
    pub fn label(&self) -> String {
        let target = &self.target;
        match self.source {
            ValueSource::Template(_) => format!("{target} (--set)"),
            ValueSource::Column(_) if target.to_string() == self.name => target.to_string(),
            ValueSource::Column(_) => format!("{target} (coluna \"{}\")", excerpt(&self.name)),
        }
    }
}

/// The bindings of one file; no target twice.
#[derive(Debug)]
pub struct ColumnBindings {
    /// In header order, then `--set` order.
    pub list: Vec<Binding>,
    /// The columns that an earlier run appended, if the file is its rejects file.
    pub reject_columns: Option<RejectColumns>,
    /// Columns that nothing uses, quoted for a message; without blank ones and our own results.
    pub unknown: Vec<String>,
}

impl ColumnBindings {
    /// Decides the bindings. `marker` is the text that cells are compared with.
    ///
    /// # Errors
    /// Any contradiction between them.
    pub fn new(
        header: &Record,
        options: &MappingOptions,
        marker: Option<&str>,
    ) -> Result<Self, MappingError> {
        let columns = Columns::new(header);
        let set = read_set(&columns, options, marker)?;
        let in_templates: Vec<usize> =
            set.iter().flat_map(|(_, template)| template.columns()).collect();
        let BoundColumns { bound, unknown } = bind_columns(&columns, options, &in_templates)?;
        let column = |(target, index)| {
            let name = columns.name(index).to_owned();
            Binding { target, source: ValueSource::Column(index), name }
        };
        let list = bound.into_iter().map(column).collect();
        let mut bindings = Self { list, reject_columns: columns.reject_columns, unknown };
        for (target, template) in set {
            if let Some(Binding { name, .. }) = bindings.find(&target) {
                return Err(MappingError::SetTwice {
                    target: target.to_string(),
                    column: format!("coluna \"{}\"", excerpt(name)),
                });
            }
            let source = ValueSource::Template(template);
            bindings.list.push(Binding { target, source, name: String::new() });
        }
        Ok(bindings)
    }

    /// The binding of `target`.
    pub fn find(&self, target: &Target) -> Option<&Binding> {
        self.list.iter().find(|binding| binding.target == *target)
    }
}

/// The `--set` texts, in the order in which they were given.
fn read_set(
    columns: &Columns<'_>,
    options: &MappingOptions,
    marker: Option<&str>,
) -> Result<Vec<(Target, Template)>, MappingError> {
    let mut set = Vec::new();
    for (target, text) in &options.set {
        let target = Target::of_flag(target, "--set")?;
        let flag = format!("--set {target}=…");
        if set.iter().any(|(other, _)| *other == target) {
            return Err(MappingError::Repeated { what: flag });
        }
        let template =
            Template::parse(text, |name| columns.one(name, &flag)).map_err(
                |error| match error {
                    TemplateError::Text(why) => {
                        MappingError::Template { target: target.to_string(), why }
                    }
                    TemplateError::Column(error) => error,
                },
            )?;
        if let Some(text) = template.constant() {
            check_constant(&target, text, options, marker)?;
        }
        set.push((target, template));
    }
    Ok(set)
}

/// The columns that are bound to targets, and the names of those that nothing uses.
struct BoundColumns {
    bound: Vec<(Target, usize)>,
    unknown: Vec<String>,
}

/// Binds the header's columns under `--map` and `--ignore`. Columns in the templates of `--set` are
/// used too.
fn bind_columns(
    columns: &Columns<'_>,
    options: &MappingOptions,
    in_templates: &[usize],
) -> Result<BoundColumns, MappingError> {
    let mut mapped: Vec<(usize, Target)> = Vec::new();
    for (source, target) in &options.map {
        let index = columns.one(source, "--map")?;
        let target = Target::of_flag(target, "--map")?;
        if mapped.contains(&(index, target.clone())) {
            return Err(MappingError::Repeated { what: format!("--map \"{source}={target}\"") });
        }
        mapped.push((index, target));
    }
    let mut ignored = Vec::new();
    for name in &options.ignore {
        let columns = columns.all(name, "--ignore")?;
        if mapped.iter().any(|(column, _)| columns.contains(column)) {
            return Err(MappingError::MapAndIgnore { column: excerpt(name_of(name)) });
        }
        ignored.extend(columns);
    }

    let (mut bound, mut unknown) = (Vec::new(), Vec::new());
    for (index, name) in columns.iter() {
        if ignored.contains(&index) {
            continue;
        }
        let mut renamed = mapped.iter().filter(|(column, _)| *column == index).peekable();
        if renamed.peek().is_some() {
            bound.extend(renamed.map(|(_, target)| (target.clone(), index)));
        } else if let Some(target) = Target::parse(name)? {
            bound.push((target, index));
        } else if is_result_column(name) || in_templates.contains(&index) {
            continue;
        } else if let Some(suggestion) = suggestion(name) {
            return Err(MappingError::Typo {
                column: excerpt(name),
                suggestion: excerpt(&suggestion),
            });
        } else if !name.is_empty() {
            unknown.push(format!("\"{}\"", excerpt(name)));
        }
    }
    if options.strict && !unknown.is_empty() {
        return Err(MappingError::Unknown { columns: unknown.join(", ") });
    }
    refuse_duplicates(&bound, columns)?;
    Ok(BoundColumns { bound, unknown })
}

fn refuse_duplicates(bound: &[(Target, usize)], columns: &Columns<'_>) -> Result<(), MappingError> {
    for (at, (target, index)) in bound.iter().enumerate() {
        if let Some((_, first)) = bound[..at].iter().find(|(other, _)| other == target) {
            let place = |index: usize| {
                format!("a coluna {} (\"{}\")", index + 1, excerpt(columns.name(index)))
            };
            return Err(MappingError::Duplicate {
                target: target.to_string(),
                first: place(*first),
                second: place(*index),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{pairs, plan};
    use super::*;
    use crate::model::CustomerType;

    #[test]
    fn one_column_may_be_bound_to_several_targets() {
        let options = MappingOptions {
            map: pairs(&[("E-mail", "email"), ("E-mail", "identificador")]),
            id_type: Some(CustomerType::Email),
            ..Default::default()
        };
        let plan = plan(&["E-mail", "Cidade"], &options).unwrap();
        assert_eq!(plan.fields().len(), 1);
        assert!(plan.warnings().iter().any(|w| w.contains("Cidade")));
    }

    #[test]
    fn the_columns_of_an_earlier_rejects_file_are_skipped() {
        let options = MappingOptions {
            map: pairs(&[("situacao", "campo:1")]),
            id_type: Some(CustomerType::Email),
            strict: true,
            ..Default::default()
        };
        let header = ["identificador", "situacao", "situacao", "erro", "mensagem"];
        let plan = plan(&header, &options).unwrap();
        assert_eq!(plan.columns, 5);
        assert_eq!(plan.rules[0].source, ValueSource::Column(1));
    }

    #[test]
    fn a_flag_that_names_a_column_of_the_rejects_is_told_so() {
        let options = MappingOptions {
            map: pairs(&[("mensagem", "campo:1")]),
            id_type: Some(CustomerType::Email),
            ..Default::default()
        };
        let header = ["identificador", "nome", "situacao", "erro", "mensagem"];
        let error = plan(&header, &options).unwrap_err().to_string();
        assert!(error.contains("rejeitados"), "{error}");
    }

    #[test]
    fn a_column_inside_a_set_text_is_not_unknown() {
        let options = MappingOptions {
            set: pairs(&[("nome", "{First Name} {Last}")]),
            id_type: Some(CustomerType::Email),
            strict: true,
            ..Default::default()
        };
        assert!(plan(&["identificador", "First Name", "Last"], &options).is_ok());
    }

    #[test]
    fn one_ignore_drops_every_column_of_the_name() {
        let mut options =
            MappingOptions { id_type: Some(CustomerType::Email), ..Default::default() };
        let header = ["identificador", "nome", "Obs", "obs", "Obs"];
        options.strict = true;
        options.ignore = vec!["Obs".into(), "obs".into()];
        assert!(plan(&header, &options).is_ok());
        let twice = ["identificador", "email", "nome", "nome"];
        options.ignore = vec!["nome".into()];
        assert_eq!(plan(&twice, &options).unwrap().fields().len(), 1);
        options.ignore.clear();
        options.map = pairs(&[("nome", "nome")]);
        assert!(plan(&twice, &options).unwrap_err().to_string().contains("mais de uma vez"));
    }

    #[test]
    fn each_contradiction_has_its_own_error() {
        let header = ["identificador", "Nome completo"];
        let base = || MappingOptions { id_type: Some(CustomerType::Email), ..Default::default() };
        let map = |times| pairs(&vec![("Nome completo", "nome"); times]);
        let error = plan(&header, &MappingOptions { map: map(2), ..base() }).unwrap_err();
        assert!(matches!(error, MappingError::Repeated { .. }), "{error}");
        let ignore = vec!["Nome completo".to_owned()];
        let error = plan(&header, &MappingOptions { map: map(1), ignore, ..base() }).unwrap_err();
        assert!(matches!(error, MappingError::MapAndIgnore { .. }), "{error}");
        let set = pairs(&[("nome", "A"), ("nome", "B")]);
        let error = plan(&header, &MappingOptions { set, ..base() }).unwrap_err();
        assert!(matches!(error, MappingError::Repeated { .. }), "{error}");
        let error = plan(&["identificador", "nome", "nome"], &base()).unwrap_err().to_string();
        assert!(error.contains("a coluna 2 (") && error.contains("a coluna 3 ("), "{error}");
    }

    #[test]
    fn columns_without_a_name_and_byte_order_marks_in_the_header_are_accepted() {
        let options = MappingOptions {
            id_type: Some(CustomerType::Email),
            strict: true,
            ..Default::default()
        };
        let plan = plan(&["\u{feff}identificador", "nome", "", " \u{feff}"], &options).unwrap();
        assert!(!plan.warnings().iter().any(|warning| warning.contains("ignoradas")));
    }
}
