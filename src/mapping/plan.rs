//! Header + mapping flags → plan: how the identifier, its type and each field of an update are made.
//!
//! A plan is decided once per file, before anything is sent, and applied to rows in `row`.

use super::column_bindings::{ColumnBindings, ValueSource};
use super::error::Problems;
use super::header::{
    Columns, columns_found, looks_like_values, no_header, shortened, snapshot_account,
};
use super::values::excerpt;
use super::warnings::documented_warnings;
use super::{Key, MappingError, MappingOptions, Target};
use crate::input::{CellFault, Record, name_of};
use crate::model::{CustomerType, FieldName, Param};
use crate::output::RejectColumns;
use crate::text::trimmed;

/// How one field of the update is made.
#[derive(Debug, Clone)]
pub(super) struct FieldRule {
    pub field: FieldName,
    pub source: ValueSource,
    /// Its name in messages: `email (coluna "E-mail")`.
    pub label: String,
    pub send_empty: bool,
    pub required: bool,
}

/// Where the identifier's type comes from.
#[derive(Debug, Clone)]
pub(super) enum TypeSource {
    Fixed(CustomerType),
    /// The source, and its name in messages.
    From(ValueSource, String),
}

/// The decided mapping of one file. Apply it with [`MappingPlan::map`](Self::map).
#[derive(Debug, Clone)]
pub struct MappingPlan {
    /// Number of cells a record must have.
    pub(super) columns: usize,
    /// Columns up to the last one that has a name or is used.
    named: usize,
    /// Whether the file's lines end in `\r`. Elsewhere a `\r` without `\n` is a control character.
    pub(super) cr_ends: bool,
    pub(super) identifier: ValueSource,
    pub(super) identifier_label: String,
    pub(super) ctype: TypeSource,
    pub(super) rules: Vec<FieldRule>,
    /// Columns whose cells are used, with the header's name. Their cells may not hold control
    /// characters or more than 64 KiB.
    pub(super) used: Vec<(usize, String)>,
    /// Columns of which nothing but `criarchamados` is made: there, true and false are values.
    boolean: Vec<usize>,
    /// `--require` targets without a binding: every row violates them.
    pub(super) missing_required: Vec<String>,
    /// The columns that an earlier run appended, if the file is its rejects file.
    pub(super) reject_columns: Option<RejectColumns>,
    /// Trimmed like the cells it is compared with.
    pub(super) clear_marker: Option<String>,
    /// Texts that stand for an empty cell; trimmed likewise.
    pub(super) nulls: Vec<String>,
    pub(super) no_trim: bool,
    /// Columns that are taken as they are (`--allow`).
    pub(super) allowed: Vec<usize>,
    /// Columns of names in which every number ends in decimal zeros.
    pub(super) decimal_columns: Vec<usize>,
    /// Columns without a name that nothing uses.
    nameless: Vec<usize>,
    /// The column `conta`, if the file is a snapshot.
    snapshot_account: Option<usize>,
    /// Whether that snapshot is compared with another one.
    compared: bool,
    warnings: Vec<String>,
}

impl MappingPlan {
    /// Decides the plan for a file with this header. `cr_ends` says whether its lines end in `\r`.
    ///
    /// # Errors
    /// Any contradiction between header and flags; see [`MappingError`].
    pub fn new(
        header: &Record,
        options: &MappingOptions,
        cr_ends: bool,
    ) -> Result<Self, MappingError> {
        let mut problems = Problems::default();
        let snapshot_account = snapshot_account(header);
        let (own, dropped) = match snapshot_account {
            Some(_) => options.for_snapshot(header),
            None => (options.clone(), Vec::new()),
        };
        let options = &own;
        let marker = problems.keep(options.marker()).flatten();
        let bindings = ColumnBindings::new(header, options, marker, &mut problems);
        let key = options.key.map_or("identificador", Key::as_str);
        let identifier = identifier(&bindings, header, options.key);
        let identifier = problems.keep_missing(key, identifier);
        let ctype = problems.keep_missing("tipo_identificador", ctype(&bindings, options));
        let send_empty = targets("--send-empty", &options.send_empty, &mut problems);
        let require = targets("--require", &options.require, &mut problems);
        let columns = Columns::new(header);
        let allowed =
            options.allow.iter().filter_map(|name| problems.keep(columns.all(name, "--allow")));
        let allowed: Vec<_> = allowed.flatten().collect();

        let mut rules = Vec::new();
        for binding in &bindings.list {
            let Target::Field(field) = &binding.target else { continue };
            // The API forbids it as a value where it is the identifier.
            if options.key == Some(Key::IdInterno) && *field == FieldName::Param(Param::IdInterno) {
                continue;
            }
            rules.push(FieldRule {
                field: field.clone(),
                source: binding.source.clone(),
                label: binding.label(),
                send_empty: send_empty.contains(&binding.target),
                required: require.contains(&binding.target),
            });
        }
        if rules.is_empty() && !problems.mean_a_field() {
            problems.add(MappingError::NothingToSend { found: columns_found(header) });
        }
        let unbound = |target: &&Target| bindings.find(target).is_none();
        for target in send_empty.iter().filter(unbound) {
            problems.add(MappingError::NoSuchColumn {
                flag: "--send-empty".to_owned(),
                column: target.to_string(),
                found: columns_found(header),
            });
        }
        let ((identifier, identifier_label), ctype) = problems.finish(identifier.zip(ctype))?;

        let mut warnings = Vec::new();
        if !dropped.is_empty() {
            warnings.push(format!(
                "a entrada é um retrato, com as colunas dele; não valem para ela: {}",
                dropped.join(", ")
            ));
        }
        if looks_like_values(header) {
            warnings.push(no_header(header));
        } else if !bindings.unknown.is_empty() {
            warnings.push(format!(
                "colunas ignoradas, porque não são destinos conhecidos: {} (use --map para aproveitar, --ignore para calar este aviso)",
                shortened(&bindings.unknown)
            ));
        }
        warnings.extend(bindings.overruled.iter().map(|(target, column)| {
            let column = excerpt(column);
            format!(
                "--set {target}=… dá o valor em todas as linhas, no lugar da coluna \"{column}\""
            )
        }));
        let fields: Vec<_> = rules.iter().map(|rule| rule.field.clone()).collect();
        warnings.extend(documented_warnings(&fields, &send_empty, marker.is_some()));
        let used = used(&bindings, header);
        Ok(Self {
            columns: header.len(),
            cr_ends,
            named: used.last().map_or(0, |(index, _)| index + 1).max(header.filled_len()),
            identifier,
            identifier_label,
            ctype,
            rules,
            boolean: only_permissions(&bindings),
            used,
            missing_required: require.iter().filter(unbound).map(ToString::to_string).collect(),
            reject_columns: bindings.reject_columns,
            clear_marker: marker.map(ToOwned::to_owned),
            nulls: options.nulls().map(ToOwned::to_owned).collect(),
            no_trim: options.no_trim || snapshot_account.is_some(),
            allowed,
            decimal_columns: Vec::new(),
            nameless: bindings.nameless,
            snapshot_account,
            compared: options.compared,
            warnings,
        })
    }

    /// Whether a cell that must not be sent would be. An error that stands for an empty cell
    /// (`--null "#N/D"`) is none.
    pub(super) fn uses_faulty(&self, index: usize, text: &str, fault: CellFault) -> bool {
        let is_used = self.used.binary_search_by_key(&index, |(index, _)| *index).is_ok();
        let is_meant = match fault {
            CellFault::Boolean => self.boolean.contains(&index),
            CellFault::Error => self.is_marker(text) || self.is_null(text),
            _ => false,
        };
        is_used && !is_meant
    }

    /// Whether a record is whole: [`Record::fits`].
    pub fn is_whole(&self, record: &Record) -> bool {
        record.fits(self.columns, self.named)
    }

    /// Whether a record is whole although its number of cells is not the header's.
    pub fn is_uneven(&self, record: &Record) -> bool {
        record.len() != self.columns && self.is_whole(record)
    }

    /// Whether the file is a snapshot: its cells are sent as they are.
    pub fn is_of_snapshot(&self) -> bool {
        self.snapshot_account.is_some()
    }

    /// Whether nothing in the file is odd: it is a snapshot, taken for what TomTicket held.
    pub fn is_verbatim(&self) -> bool {
        self.is_of_snapshot() && !self.compared
    }

    /// Whether the file is a snapshot of which only the cells that another one shows are taken for what
    /// TomTicket held: it may have been edited.
    pub fn is_compared(&self) -> bool {
        self.is_of_snapshot() && self.compared
    }

    /// The columns without a name that nothing uses, and in which the record has something.
    pub fn nameless_cells(&self, record: &Record) -> impl Iterator<Item = usize> {
        let is_filled =
            |index: &usize| record.cell(*index).is_some_and(|it| !trimmed(it).is_empty());
        self.nameless.iter().copied().filter(is_filled)
    }

    /// Of which account a record was read, if the file is a snapshot.
    pub fn snapshot_account<'r>(&self, record: &'r Record) -> Option<&'r str> {
        Some(record.cell(self.snapshot_account?).unwrap_or_default().trim())
    }

    /// The fields that its rows may send.
    pub fn fields(&self) -> impl Iterator<Item = &FieldName> {
        self.rules.iter().map(|rule| &rule.field)
    }

    /// Whether the file is the rejects file of an earlier run.
    pub fn is_of_rejects(&self) -> bool {
        self.reject_columns.is_some()
    }

    /// Sentences for the user about missing and ignored columns.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Lines that show the user the source of each target: `email (coluna "E-mail")`.
    pub fn describe(&self) -> Vec<String> {
        let mut lines = vec![self.identifier_label.clone()];
        lines.push(match &self.ctype {
            TypeSource::Fixed(ctype) => format!("tipo_identificador ({ctype} em todas as linhas)"),
            TypeSource::From(_, label) => label.clone(),
        });
        lines.extend(self.rules.iter().map(|rule| rule.label.clone()));
        lines
    }
}

/// The targets that a flag lists.
fn targets(flag: &str, names: &[String], problems: &mut Problems) -> Vec<Target> {
    names.iter().filter_map(|name| problems.keep(Target::of_flag(name, flag))).collect()
}

/// The source of the identifier, and its name in messages.
fn identifier(
    bindings: &ColumnBindings,
    header: &Record,
    key: Option<Key>,
) -> Result<(ValueSource, String), MappingError> {
    let given = bindings.find(&Target::Identificador);
    let found = || columns_found(header);
    let Some(key) = key else {
        let binding = given.ok_or_else(|| MappingError::NoIdentifier { found: found() })?;
        return Ok((binding.source.clone(), binding.label()));
    };
    if let Some(other) = given {
        return Err(MappingError::KeyAndIdentifier { key: key.as_str(), other: other.label() });
    }
    let binding = bindings
        .find(&Target::Field(FieldName::Param(key.param())))
        .ok_or_else(|| MappingError::NoKeyColumn { key: key.as_str(), found: found() })?;
    Ok((binding.source.clone(), format!("identificador, tirado de {}", binding.label())))
}

fn ctype(bindings: &ColumnBindings, options: &MappingOptions) -> Result<TypeSource, MappingError> {
    let column = bindings.find(&Target::TipoIdentificador);
    let fixed = match (options.key, options.id_type) {
        (Some(key), Some(given)) if given != key.implied() => {
            return Err(MappingError::KeyAndType {
                key: key.as_str(),
                implied: key.implied(),
                given,
            });
        }
        (Some(key), _) => Some((key.implied(), format!("--key {}", key.as_str()))),
        (None, Some(given)) => Some((given, format!("--id-type {given}"))),
        (None, None) => None,
    };
    match (fixed, column) {
        (Some((_, flag)), Some(binding)) => {
            Err(MappingError::TypeTwice { flag, column: binding.label() })
        }
        (Some((ctype, _)), None) => Ok(TypeSource::Fixed(ctype)),
        (None, Some(binding)) => Ok(TypeSource::From(binding.source.clone(), binding.label())),
        (None, None) => Err(MappingError::NoType),
    }
}

/// The columns that only a permission is taken from, and as they are.
fn only_permissions(bindings: &ColumnBindings) -> Vec<usize> {
    let permission = Target::Field(FieldName::Param(Param::CriarChamados));
    let (own, others): (Vec<_>, Vec<_>) = bindings.list.iter().partition(|binding| {
        binding.target == permission && matches!(binding.source, ValueSource::Column(_))
    });
    let is_other =
        |index: &usize| others.iter().any(|binding| binding.source.columns().contains(index));
    let own = own.iter().flat_map(|binding| binding.source.columns());
    own.filter(|index| !is_other(index)).collect()
}

/// The columns that are used, in the header's order, with their names for messages.
fn used(bindings: &ColumnBindings, header: &Record) -> Vec<(usize, String)> {
    let columns = bindings.list.iter().flat_map(|binding| binding.source.columns());
    let mut columns: Vec<_> = columns.collect();
    columns.sort_unstable();
    columns.dedup();
    let named = |index| (index, excerpt(name_of(header.cell(index).unwrap_or_default())));
    columns.into_iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{pairs, plan};
    use super::*;

    #[test]
    fn each_contradiction_is_refused() {
        type SetOptions = fn(&mut MappingOptions);
        let base = ["identificador", "tipo_identificador", "nome", "Empresa", "email"];
        let cases: &[(&[&str], SetOptions, &str)] = &[
            (&base, |o| o.id_type = Some(CustomerType::Email), "--id-type E"),
            (&["nome"], |o| o.key = Some(Key::Email), "\"email\""),
            (
                &["email", "nome"],
                |o| (o.key, o.id_type) = (Some(Key::Email), Some(CustomerType::Internal)),
                "--id-type I",
            ),
            (&base, |o| o.map = pairs(&[("nome", "nome"); 2]), "duas vezes"),
            (&base, |o| o.set = pairs(&[("telefone", "1"), ("telefone", "2")]), "duas vezes"),
            (
                &base,
                |o| (o.map, o.ignore) = (pairs(&[("nome", "nome")]), vec!["nome".into()]),
                "--map e --ignore",
            ),
            (&["a", "a"], |o| o.map = pairs(&[("a", "nome")]), "mais de uma vez"),
        ];
        for (header, set, expected) in cases {
            let mut options = MappingOptions::default();
            set(&mut options);
            let error = plan(header, &options).unwrap_err().to_string();
            assert!(error.contains(expected), "{header:?}: {error}");
        }
    }

    #[test]
    fn control_characters_of_the_header_never_reach_the_terminal() {
        let bad = "\u{1b}[31mX";
        let typo = format!("campo_{bad}");
        let campo = format!("campo:{bad}");
        let mapped = MappingOptions {
            map: pairs(&[(bad, "email")]),
            set: pairs(&[("telefone", "1")]),
            id_type: Some(CustomerType::Email),
            ..Default::default()
        };
        let shown = plan(&["identificador", bad], &mapped).unwrap().describe().join("\n");
        assert!(shown.contains("·[31mX"), "{shown}");
        let mut texts = vec![shown];
        for (header, options) in [
            (vec!["identificador", "nome", &typo], MappingOptions::default()),
            (vec!["identificador", "nome", &campo], MappingOptions::default()),
            (vec!["identificador", "email", bad], mapped.clone()),
            (vec!["identificador", bad, bad], mapped.clone()),
            (
                vec!["identificador", "nome", bad],
                MappingOptions { strict: true, ..Default::default() },
            ),
            (
                vec!["identificador", bad],
                MappingOptions { set: pairs(&[("email", "a@x.co")]), ..mapped.clone() },
            ),
        ] {
            texts.push(plan(&header, &options).unwrap_err().to_string());
        }
        for text in texts {
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        }
    }

    #[test]
    fn the_plan_names_the_column_of_the_type() {
        let options =
            MappingOptions { map: pairs(&[("T", "tipo_identificador")]), ..Default::default() };
        let plan = plan(&["identificador", "T", "nome"], &options).unwrap();
        assert_eq!(plan.describe(), ["identificador", "tipo_identificador (coluna \"T\")", "nome"]);
    }
}
