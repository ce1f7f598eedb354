//! Header + `--map`, `--ignore`, `--set` → which column or text gives each target its value, and which
//! columns are left over.
//!
//! How a row's identifier, type and fields are made from the bindings is decided in `plan`.

use super::header::{Columns, is_own_column, positions};
use super::suggest::suggestion;
use super::template::{Template, check_constant};
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
    /// Where `--set` decides instead of a column of the target's own name: the target and the column.
    pub overruled: Vec<(Target, String)>,
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
        let mut bindings = Self {
            list: Vec::new(),
            reject_columns: columns.reject_columns,
            unknown: Vec::new(),
            overruled: Vec::new(),
        };
        bindings.bind_columns(&columns, options, &set)?;
        for (target, template) in set {
            if let Some(Binding { name, .. }) = bindings.find(&target) {
                return Err(MappingError::SetTwice {
                    target: target.to_string(),
                    column: excerpt(name),
                });
            }
            let source = ValueSource::Template(template);
            bindings.list.push(Binding { target, source, name: String::new() });
        }
        Ok(bindings)
    }

    /// Binds columns under `--map` and `--ignore`, and by their own names where `--set` leaves the target
    /// alone. Columns in the templates of `--set` are used too.
    fn bind_columns(
        &mut self,
        columns: &Columns<'_>,
        options: &MappingOptions,
        set: &[(Target, Template)],
    ) -> Result<(), MappingError> {
        let mut mapped: Vec<(usize, Target)> = Vec::new();
        for (source, target) in &options.map {
            let index = columns.one(source, "--map")?;
            let target = Target::of_flag(target, "--map")?;
            if mapped.contains(&(index, target.clone())) {
                return Err(MappingError::Repeated {
                    what: format!("--map \"{source}={target}\""),
                });
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

        let is_in_template =
            |index| set.iter().any(|(_, template)| template.columns().any(|used| used == index));
        for (index, name) in columns.iter() {
            if ignored.contains(&index) {
                continue;
            }
            let mut bind = |target| {
                self.list.push(Binding {
                    target,
                    source: ValueSource::Column(index),
                    name: name.into(),
                });
            };
            let mut renamed = mapped.iter().filter(|(column, _)| *column == index).peekable();
            if renamed.peek().is_some() {
                renamed.for_each(|(_, target)| bind(target.clone()));
            } else if let Some(target) = Target::parse(name)? {
                match set.iter().any(|(decided, _)| *decided == target) {
                    true => self.overruled.push((target, name.to_owned())),
                    false => bind(target),
                }
            } else if is_own_column(name) || is_in_template(index) {
                continue;
            } else if let Some(suggestion) = suggestion(name) {
                return Err(MappingError::Typo {
                    column: excerpt(name),
                    suggestion: excerpt(&suggestion),
                });
            } else if !name.is_empty() {
                self.unknown.push(format!("\"{}\"", excerpt(name)));
            }
        }
        if options.strict && !self.unknown.is_empty() {
            return Err(MappingError::Unknown { columns: self.unknown.join(", ") });
        }
        refuse_duplicates(&self.list)
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
        if set.iter().any(|(other, _)| *other == target) {
            return Err(MappingError::Repeated { what: format!("--set {target}=…") });
        }
        let template = Template::parse(text, &target, columns)?;
        if let Some(text) = template.constant() {
            check_constant(&target, text, options, marker)?;
        }
        set.push((target, template));
    }
    Ok(set)
}

fn refuse_duplicates(bound: &[Binding]) -> Result<(), MappingError> {
    for (at, Binding { target, .. }) in bound.iter().enumerate() {
        let same = |binding: &&Binding| binding.target == *target;
        if !bound[at + 1..].iter().any(|later| same(&later)) {
            continue;
        }
        let (mut columns, mut indices) = (Vec::new(), Vec::new());
        for Binding { source, name, .. } in bound.iter().filter(same) {
            let index = source.columns()[0];
            columns.push(format!("a coluna {} (\"{}\")", index + 1, excerpt(name)));
            indices.push(index);
        }
        return Err(MappingError::Duplicate {
            target: target.to_string(),
            columns: columns.join(" e "),
            positions: positions(&indices),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{pairs, plan};
    use super::*;
    use crate::model::CustomerType;

    fn strict() -> MappingOptions {
        let id_type = Some(CustomerType::Email);
        MappingOptions { id_type, strict: true, ..Default::default() }
    }

    #[test]
    fn the_columns_of_an_earlier_rejects_file_are_skipped() {
        let options = MappingOptions { map: pairs(&[("situacao", "campo:1")]), ..strict() };
        let header = ["identificador", "situacao", "situacao", "erro", "mensagem"];
        let plan = plan(&header, &options).unwrap();
        assert_eq!(plan.columns, 5);
        assert_eq!(plan.rules[0].source, ValueSource::Column(1));
    }

    #[test]
    fn columns_inside_a_set_text_and_columns_without_a_name_are_not_unknown() {
        let set = pairs(&[("nome", "{First Name} {Last}")]);
        let header = ["\u{feff}identificador", "First Name", "Last", "", " \u{feff}"];
        let plan = plan(&header, &MappingOptions { set, ..strict() }).unwrap();
        assert!(!plan.warnings().iter().any(|warning| warning.contains("ignoradas")));
    }

    #[test]
    fn set_decides_over_a_column_that_is_bound_by_its_name_alone() {
        let mut options = MappingOptions { set: pairs(&[("nome", "{NOME} Jr.")]), ..strict() };
        let header = ["identificador", "NOME", "nome "];
        let told = plan(&header, &options).unwrap().warnings().join("\n");
        for column in ["\"NOME\"", "\"nome\""] {
            assert!(told.contains(&format!("no lugar da coluna {column}")), "{told}");
        }
        options.map = pairs(&[("NOME", "nome")]);
        let error = plan(&header, &options).unwrap_err();
        assert!(matches!(error, MappingError::SetTwice { .. }), "{error}");
    }

    #[test]
    fn one_ignore_drops_every_column_of_the_name() {
        let ignore = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let mut options = MappingOptions { ignore: ignore(&["Obs", "obs"]), ..strict() };
        assert!(plan(&["identificador", "nome", "Obs", "obs", "Obs"], &options).is_ok());
        options.ignore = ignore(&["nome"]);
        let twice = ["identificador", "email", "nome", "nome"];
        assert_eq!(plan(&twice, &options).unwrap().rules.len(), 1);
    }
}
