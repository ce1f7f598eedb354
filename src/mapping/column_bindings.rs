//! Header + `--map`, `--ignore`, `--set` → which column or text gives each target its value, and which
//! columns are left over.
//!
//! How a row's identifier, type and fields are made from the bindings is decided in `plan`.

use super::error::Problems;
use super::header::{
    Columns, flag_name, is_own_column, looks_like_values, no_header, positions, shortened, shown,
};
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
    /// Columns without a name that nothing uses. Most hold nothing.
    pub nameless: Vec<usize>,
    /// Where `--set` decides instead of a column of the target's own name: the target and the column.
    pub overruled: Vec<(Target, String)>,
}

impl ColumnBindings {
    /// Decides the bindings. `marker` is the text that cells are compared with. Contradictions go to
    /// `problems`.
    pub fn new(
        header: &Record,
        options: &MappingOptions,
        marker: Option<&str>,
        problems: &mut Problems,
    ) -> Self {
        let columns = Columns::new(header);
        let set = read_set(&columns, options, marker, problems);
        let mut bindings = Self {
            list: Vec::new(),
            reject_columns: columns.reject_columns,
            unknown: Vec::new(),
            nameless: Vec::new(),
            overruled: Vec::new(),
        };
        bindings.bind_columns(&columns, options, &set, problems);
        for (target, template) in set {
            if let Some(Binding { name, .. }) = bindings.find(&target) {
                let (target, column) = (target.to_string(), excerpt(name));
                problems.add(MappingError::SetTwice { target, column });
                continue;
            }
            let source = ValueSource::Template(template);
            bindings.list.push(Binding { target, source, name: String::new() });
        }
        bindings
    }

    /// Binds columns under `--map` and `--ignore`, and by their own names where `--set` leaves the target
    /// alone. Columns in the templates of `--set` are used too.
    fn bind_columns(
        &mut self,
        columns: &Columns<'_>,
        options: &MappingOptions,
        set: &[(Target, Template)],
        problems: &mut Problems,
    ) {
        let mapped = read_map(columns, options, problems);
        let mut ignored = Vec::new();
        for name in &options.ignore {
            let columns = problems.keep(columns.all(name, "--ignore")).unwrap_or_default();
            if mapped.iter().any(|(column, _)| columns.contains(column)) {
                problems.add(MappingError::MapAndIgnore { column: excerpt(name_of(name)) });
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
                continue;
            }
            let Some(parsed) = problems.keep_about("campo", Target::parse(name)) else { continue };
            if let Some(target) = parsed {
                match set.iter().any(|(decided, _)| *decided == target) {
                    true => self.overruled.push((target, name.to_owned())),
                    false => bind(target),
                }
            } else if is_own_column(name) || is_in_template(index) {
                continue;
            } else if let Some(suggestion) = suggestion(name) {
                problems.add_about(
                    &suggestion,
                    MappingError::Typo {
                        column: shown(name),
                        flag_name: flag_name(index, name),
                        suggestion: excerpt(&suggestion),
                    },
                );
            } else if name.is_empty() {
                self.nameless.push(index);
            } else {
                self.unknown.push(format!("\"{}\"", shown(name)));
            }
        }
        if options.strict && !self.unknown.is_empty() {
            problems.add(match looks_like_values(columns.header) {
                true => MappingError::NoHeader(no_header(columns.header)),
                false => MappingError::Unknown { columns: shortened(&self.unknown) },
            });
        }
        find_duplicates(&self.list, problems);
    }

    /// The binding of `target`.
    pub fn find(&self, target: &Target) -> Option<&Binding> {
        self.list.iter().find(|binding| binding.target == *target)
    }
}

/// The columns and targets of `--map`, in the order in which they were given.
fn read_map(
    columns: &Columns<'_>,
    options: &MappingOptions,
    problems: &mut Problems,
) -> Vec<(usize, Target)> {
    let mut mapped = Vec::new();
    for (source, target) in &options.map {
        let index = problems.keep_about(target, columns.one(source, "--map"));
        let target = problems.keep(Target::of_flag(target, "--map"));
        let Some(pair) = index.zip(target) else { continue };
        if mapped.contains(&pair) {
            let what = format!("--map \"{source}={}\"", pair.1);
            problems.add(MappingError::Repeated { what });
        } else {
            mapped.push(pair);
        }
    }
    mapped
}

/// The `--set` texts, in the order in which they were given.
fn read_set(
    columns: &Columns<'_>,
    options: &MappingOptions,
    marker: Option<&str>,
    problems: &mut Problems,
) -> Vec<(Target, Template)> {
    let mut set: Vec<(Target, Template)> = Vec::new();
    for (name, text) in &options.set {
        let Some(target) = problems.keep(Target::of_flag(name, "--set")) else { continue };
        if set.iter().any(|(other, _)| *other == target) {
            problems.add(MappingError::Repeated { what: format!("--set {target}=…") });
            continue;
        }
        let template = problems.keep_about(name, Template::parse(text, &target, columns));
        let Some(template) = template else { continue };
        if let Some(text) = template.constant() {
            problems.keep(check_constant(&target, text, options, marker));
        }
        set.push((target, template));
    }
    set
}

fn find_duplicates(bound: &[Binding], problems: &mut Problems) {
    for (at, Binding { target, .. }) in bound.iter().enumerate() {
        let same = |binding: &&Binding| binding.target == *target;
        let is_first = !bound[..at].iter().any(|earlier| same(&earlier));
        let (mut columns, mut indices) = (Vec::new(), Vec::new());
        for Binding { source, name, .. } in bound.iter().filter(same) {
            let index = source.columns()[0];
            columns.push(format!("a coluna {} (\"{}\")", index + 1, excerpt(name)));
            indices.push(index);
        }
        if is_first && columns.len() > 1 {
            problems.add(MappingError::Duplicate {
                target: target.to_string(),
                columns: shortened(&columns),
                positions: positions(&indices),
            });
        }
    }
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
