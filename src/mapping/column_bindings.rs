//! Header + `--map`, `--ignore`, `--set` → what bindings what: which column or text gives each target
//! its value, and which columns are left over.

use super::header::{self, is_result_column, listing};
use super::suggest::suggestion;
use super::template::{Template, TemplateError};
use super::values::excerpt;
use super::{MappingError, MappingOptions, Target, constant};
use crate::input::{Record, name_of};
use crate::output::RejectColumns;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The cell of this column.
    Column(usize),
    /// A `--set` text.
    Template(Template),
}

/// One target and what gives its value.
#[derive(Debug)]
pub struct Binding {
    pub target: Target,
    pub source: Source,
    /// The column's name; empty for a text.
    name: String,
}

impl Binding {
    /// `email (coluna "E-mail")`, `nome` where the column has that very name, `idioma (--set)`.
    pub fn label(&self) -> String {
        let target = &self.target;
        match self.source {
            Source::Template(_) => format!("{target} (--set)"),
            Source::Column(_) if target.to_string() == self.name => target.to_string(),
            Source::Column(_) => format!("{target} (coluna \"{}\")", excerpt(&self.name)),
        }
    }
}

/// What bindings the targets of one file; no target twice.
#[derive(Debug)]
pub struct ColumnBindings {
    /// In header order, then `--set` order.
    pub list: Vec<Binding>,
    /// Where the columns of an earlier rejects file stand.
    pub earlier: Option<RejectColumns>,
    /// Columns that nothing uses, quoted for a message; blank ones and our own results apart.
    pub unknown: Vec<String>,
}

impl ColumnBindings {
    /// Reads header and flags. `marker` is the one that cells are compared with.
    ///
    /// # Errors
    /// Any contradiction between them.
    pub fn new(
        header: &Record,
        options: &MappingOptions,
        marker: Option<&str>,
    ) -> Result<Self, MappingError> {
        let earlier = RejectColumns::find(header);
        let skip = earlier.map(|columns| columns.range().collect()).unwrap_or_default();
        let columns = Columns { header, skip };
        let set = read_set(&columns, options, marker)?;
        // Columns that only stand inside a `--set` text are used all the same.
        let quoted: Vec<usize> = set.iter().flat_map(|(_, template)| template.columns()).collect();
        let ByColumn { fed, unknown } = read_columns(&columns, options, &quoted)?;
        let column = |(target, index)| {
            let name = columns.name(index).to_owned();
            Binding { target, source: Source::Column(index), name }
        };
        let list = fed.into_iter().map(column).collect();
        let mut bindings = Self { list, earlier, unknown };
        for (target, template) in set {
            if let Some(Binding { name, .. }) = bindings.find(&target) {
                return Err(MappingError::SetTwice {
                    target: target.to_string(),
                    column: format!("coluna \"{}\"", excerpt(name)),
                });
            }
            let source = Source::Template(template);
            bindings.list.push(Binding { target, source, name: String::new() });
        }
        Ok(bindings)
    }

    /// What bindings `target`.
    pub fn find(&self, target: &Target) -> Option<&Binding> {
        self.list.iter().find(|binding| binding.target == *target)
    }
}

/// The header's columns as flags name them.
struct Columns<'a> {
    header: &'a Record,
    /// Columns that an earlier rejects file appended: as if they were not there.
    skip: Vec<usize>,
}

impl Columns<'_> {
    fn name(&self, index: usize) -> &str {
        name_of(self.header.cell(index).unwrap_or_default())
    }

    /// The one column of a name, for a flag that means one.
    fn one(&self, name: &str, flag: &str) -> Result<usize, MappingError> {
        match self.all(name, flag)?[..] {
            [index] => Ok(index),
            _ => Err(MappingError::AmbiguousColumn {
                flag: flag.to_owned(),
                column: excerpt(name_of(name)),
            }),
        }
    }

    /// All columns of a name; at least one.
    fn all(&self, name: &str, flag: &str) -> Result<Vec<usize>, MappingError> {
        let found = header::find(self.header, &self.skip, name);
        if !found.is_empty() {
            return Ok(found);
        }
        let (flag, column) = (flag.to_owned(), excerpt(name_of(name)));
        Err(match header::find(self.header, &[], name)[..] {
            [] => MappingError::NoSuchColumn { flag, column, found: listing(self.header) },
            _ => MappingError::RejectsColumn { flag, column },
        })
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
            constant::check(&target, text, options, marker)?;
        }
        set.push((target, template));
    }
    Ok(set)
}

/// What the header's columns binding, and which of them nothing uses.
struct ByColumn {
    fed: Vec<(Target, usize)>,
    unknown: Vec<String>,
}

/// Reads the header under `--map` and `--ignore`. The columns of `quoted` are used by `--set`.
fn read_columns(
    columns: &Columns<'_>,
    options: &MappingOptions,
    quoted: &[usize],
) -> Result<ByColumn, MappingError> {
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

    let (mut fed, mut unknown) = (Vec::new(), Vec::new());
    for (index, cell) in columns.header.cells().enumerate() {
        let name = name_of(cell);
        if columns.skip.contains(&index) || ignored.contains(&index) {
            continue;
        }
        let mut renamed = mapped.iter().filter(|(column, _)| *column == index).peekable();
        if renamed.peek().is_some() {
            fed.extend(renamed.map(|(_, target)| (target.clone(), index)));
        } else if let Some(target) = Target::parse(name)? {
            fed.push((target, index));
        } else if is_result_column(name) || quoted.contains(&index) {
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
    refuse_duplicates(&fed, columns)?;
    Ok(ByColumn { fed, unknown })
}

fn refuse_duplicates(fed: &[(Target, usize)], columns: &Columns<'_>) -> Result<(), MappingError> {
    for (at, (target, index)) in fed.iter().enumerate() {
        if let Some((_, first)) = fed[..at].iter().find(|(other, _)| other == target) {
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
    fn one_column_may_feed_several_targets() {
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
    fn the_columns_of_an_earlier_rejects_file_are_not_there() {
        let options = MappingOptions {
            map: pairs(&[("situacao", "campo:1")]),
            id_type: Some(CustomerType::Email),
            strict: true,
            ..Default::default()
        };
        let header = ["identificador", "situacao", "situacao", "erro", "mensagem"];
        let plan = plan(&header, &options).unwrap();
        assert_eq!(plan.columns, 5);
        assert_eq!(plan.rules[0].source, Source::Column(1));
    }

    #[test]
    fn the_columns_at_the_end_of_a_rejects_file_are_named_as_what_they_are() {
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
    fn a_contradiction_is_named_for_what_it_is() {
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
    fn columns_without_a_name_and_marks_inside_the_header_are_nothing_to_complain_about() {
        let options = MappingOptions {
            id_type: Some(CustomerType::Email),
            strict: true,
            ..Default::default()
        };
        let plan = plan(&["\u{feff}identificador", "nome", "", " \u{feff}"], &options).unwrap();
        assert!(!plan.warnings().iter().any(|warning| warning.contains("ignoradas")));
    }
}
