//! Header + mapping flags → plan: which column (or `--set` text) feeds which target, decided once
//! per file, before anything is sent.

use std::sync::Arc;

use super::header::{self, Lookup, REJECT_COLUMNS, is_result_column, listing, reject_columns_at};
use super::suggest::suggestion;
use super::template::Template;
use super::{MappingError, Target};
use crate::model::{CustomerType, FieldName, Param};
use crate::reader::Record;

/// Which column doubles as the identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// `--key email`: type `E`; the e-mail is sent as a value too.
    Email,
    /// `--key id_interno`: type `I`; not sent as a value, the API forbids it there.
    IdInterno,
}

impl Key {
    /// As the flag spells it.
    pub const fn as_str(self) -> &'static str {
        self.param().as_str()
    }

    const fn param(self) -> Param {
        match self {
            Self::Email => Param::Email,
            Self::IdInterno => Param::IdInterno,
        }
    }

    const fn implied(self) -> CustomerType {
        match self {
            Self::Email => CustomerType::Email,
            Self::IdInterno => CustomerType::Internal,
        }
    }
}

/// The user's wishes about columns, as given.
#[derive(Debug, Clone)]
pub struct MappingOptions {
    /// `--map SOURCE=target`.
    pub map: Vec<(String, String)>,
    /// `--ignore COLUMN`.
    pub ignore: Vec<String>,
    /// `--set target=template`.
    pub set: Vec<(String, String)>,
    /// `--key`.
    pub key: Option<Key>,
    /// `--id-type`.
    pub id_type: Option<CustomerType>,
    /// `--strict`: every unknown column is an error.
    pub strict: bool,
    /// `--send-empty target`: empty cells of these clear the value.
    pub send_empty: Vec<String>,
    /// `--clear-marker TEXT`: a cell that is exactly this clears the value.
    pub clear_marker: Option<String>,
    /// Trim white space around values (`--no-trim` turns it off).
    pub trim: bool,
    /// `--require target`: empty or missing makes the row invalid.
    pub require: Vec<String>,
}

impl Default for MappingOptions {
    fn default() -> Self {
        Self {
            map: Vec::new(),
            ignore: Vec::new(),
            set: Vec::new(),
            key: None,
            id_type: None,
            strict: false,
            send_empty: Vec::new(),
            clear_marker: None,
            trim: true,
            require: Vec::new(),
        }
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The cell of this column.
    Column(usize),
    /// A `--set` text.
    Template(Template),
}

/// How one field of the update is made.
#[derive(Debug, Clone)]
pub(super) struct FieldRule {
    pub source: Source,
    /// How messages name it: `email (coluna "E-mail")`.
    pub label: String,
    pub send_empty: bool,
    pub required: bool,
}

/// Where the identifier's type comes from.
#[derive(Debug, Clone)]
pub(super) enum TypeSource {
    Fixed(CustomerType),
    From(Source),
}

/// The decided mapping of one file. Apply it with [`Plan::map`](Self::map).
#[derive(Debug, Clone)]
pub struct Plan {
    /// Number of cells a record must have.
    pub(super) columns: usize,
    pub(super) identifier: Source,
    pub(super) identifier_label: String,
    pub(super) ctype: TypeSource,
    /// Parallel to `rules`.
    pub(super) fields: Arc<[FieldName]>,
    pub(super) rules: Vec<FieldRule>,
    /// Columns whose cells are used, with the header's name: they may hold no control characters
    /// and nothing over 64 KiB.
    pub(super) used: Vec<(usize, String)>,
    /// `--require` targets that nothing feeds: every row breaks them.
    pub(super) missing_required: Vec<String>,
    pub(super) clear_marker: Option<String>,
    pub(super) trim: bool,
    warnings: Vec<String>,
}

impl Plan {
    /// Decides the plan for a file with this header.
    ///
    /// # Errors
    /// Any contradiction between header and flags; see [`MappingError`].
    pub fn new(header: &Record, options: &MappingOptions) -> Result<Self, MappingError> {
        Builder::new(header, options)?.build()
    }

    /// Sentences for the user about what the file leaves out or what will be ignored.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The fields that an update can have, in order.
    pub fn fields(&self) -> &[FieldName] {
        &self.fields
    }

    /// Lines that show the user what feeds what: `email ← coluna "E-mail"`.
    pub fn describe(&self) -> Vec<String> {
        let mut lines = vec![self.identifier_label.clone()];
        if let TypeSource::Fixed(ctype) = self.ctype {
            lines.push(format!("tipo_identificador ({ctype} em todas as linhas)"));
        }
        lines.extend(self.rules.iter().map(|rule| rule.label.clone()));
        lines
    }
}

/// The header being turned into a plan.
struct Builder<'a> {
    header: &'a Record,
    options: &'a MappingOptions,
    /// Columns that an earlier rejects file appended: as if they were not there.
    skip: Vec<usize>,
    /// What feeds what, in header order, then `--set` order.
    feeds: Vec<(Target, Source, String)>,
    warnings: Vec<String>,
}

impl<'a> Builder<'a> {
    fn new(header: &'a Record, options: &'a MappingOptions) -> Result<Self, MappingError> {
        let skip = reject_columns_at(header)
            .map(|at| (at..at + REJECT_COLUMNS.len()).collect())
            .unwrap_or_default();
        let mut builder = Self { header, options, skip, feeds: Vec::new(), warnings: Vec::new() };
        let set = builder.read_set()?;
        // Columns that only stand inside a `--set` text are used all the same.
        let quoted: Vec<usize> = set.iter().flat_map(|(_, template)| template.columns()).collect();
        builder.read_columns(&quoted)?;
        builder.add_set(set)?;
        Ok(builder)
    }

    fn column(&self, name: &str, flag: &str) -> Result<usize, MappingError> {
        match header::find(self.header, &self.skip, name) {
            Lookup::Found(index) => Ok(index),
            Lookup::Missing => Err(MappingError::NoSuchColumn {
                flag: flag.to_owned(),
                column: name.trim().to_owned(),
                found: listing(self.header),
            }),
            Lookup::Ambiguous => Err(MappingError::AmbiguousColumn {
                flag: flag.to_owned(),
                column: name.trim().to_owned(),
            }),
        }
    }

    fn target(name: &str, flag: &str) -> Result<Target, MappingError> {
        Target::parse(name)?.ok_or_else(|| MappingError::UnknownTarget {
            flag: flag.to_owned(),
            target: name.trim().to_owned(),
            hint: suggestion(name)
                .map(|meant| format!(". Você quis dizer \"{meant}\"?"))
                .unwrap_or_default(),
        })
    }

    fn read_columns(&mut self, quoted: &[usize]) -> Result<(), MappingError> {
        let mut mapped: Vec<(usize, Target)> = Vec::new();
        for (source, target) in &self.options.map {
            let index = self.column(source, "--map")?;
            let target = Self::target(target, "--map")?;
            if mapped.contains(&(index, target.clone())) {
                return Err(MappingError::Repeated {
                    what: format!("--map \"{source}={target}\""),
                });
            }
            mapped.push((index, target));
        }
        let mut ignored = Vec::new();
        for name in &self.options.ignore {
            let index = self.column(name, "--ignore")?;
            if mapped.iter().any(|(column, _)| *column == index) {
                return Err(MappingError::MapAndIgnore { column: name.trim().to_owned() });
            }
            ignored.push(index);
        }

        let mut unknown = Vec::new();
        for (index, cell) in self.header.cells().enumerate() {
            let name = cell.trim();
            if self.skip.contains(&index) || ignored.contains(&index) {
                continue;
            }
            let mut renamed = mapped.iter().filter(|(column, _)| *column == index).peekable();
            if renamed.peek().is_some() {
                for (_, target) in renamed {
                    self.feeds.push((target.clone(), Source::Column(index), name.to_owned()));
                }
            } else if let Some(target) = Target::parse(name)? {
                self.feeds.push((target, Source::Column(index), name.to_owned()));
            } else if is_result_column(name) || quoted.contains(&index) {
                continue;
            } else if let Some(suggestion) = suggestion(name) {
                return Err(MappingError::Typo { column: name.to_owned(), suggestion });
            } else if !name.is_empty() || self.options.strict {
                unknown.push(format!("\"{}\"", super::values::excerpt(name)));
            }
        }
        if !unknown.is_empty() {
            let columns = unknown.join(", ");
            if self.options.strict {
                return Err(MappingError::Unknown { columns });
            }
            self.warnings.push(format!(
                "colunas ignoradas, porque não são destinos conhecidos: {columns} (use --map para aproveitar, --ignore para calar este aviso)"
            ));
        }
        self.refuse_duplicates()
    }

    fn refuse_duplicates(&self) -> Result<(), MappingError> {
        for (at, (target, source, name)) in self.feeds.iter().enumerate() {
            if let Some((_, other, first)) = self.feeds[..at].iter().find(|(t, ..)| t == target) {
                let place = |name: &str, source: &Source| match source {
                    Source::Column(index) => format!("a coluna {} (\"{name}\")", index + 1),
                    Source::Template(_) => format!("--set {target}=…"),
                };
                return Err(MappingError::Duplicate {
                    target: target.to_string(),
                    first: place(first, other),
                    second: place(name, source),
                });
            }
        }
        Ok(())
    }

    fn read_set(&self) -> Result<Vec<(Target, Template)>, MappingError> {
        let mut set = Vec::new();
        for (target, text) in &self.options.set {
            let parsed = Self::target(target, "--set")?;
            if set.iter().any(|(other, _)| *other == parsed) {
                return Err(MappingError::Repeated { what: format!("--set {parsed}=…") });
            }
            let flag = format!("--set {parsed}=…");
            let template =
                Template::parse(text, |name| self.column(name, &flag).map_err(|e| e.to_string()))
                    .map_err(|why| MappingError::Template { target: parsed.to_string(), why })?;
            set.push((parsed, template));
        }
        Ok(set)
    }

    fn add_set(&mut self, set: Vec<(Target, Template)>) -> Result<(), MappingError> {
        for (target, template) in set {
            if let Some((.., name)) = self.feeds.iter().find(|(fed, ..)| *fed == target) {
                return Err(MappingError::SetTwice {
                    target: target.to_string(),
                    column: format!("coluna \"{name}\""),
                });
            }
            self.feeds.push((target, Source::Template(template), String::new()));
        }
        Ok(())
    }

    fn build(mut self) -> Result<Plan, MappingError> {
        let (identifier, identifier_label) = self.identifier()?;
        let ctype = self.ctype()?;
        let skip_id_interno = self.options.key == Some(Key::IdInterno);
        let send_empty = self.flagged("--send-empty", &self.options.send_empty)?;
        let require = self.flagged("--require", &self.options.require)?;

        let mut fields = Vec::new();
        let mut rules = Vec::new();
        for (target, source, name) in &self.feeds {
            let Target::Field(field) = target else { continue };
            if skip_id_interno && *field == FieldName::Param(Param::IdInterno) {
                continue;
            }
            rules.push(FieldRule {
                source: source.clone(),
                label: label(target, source, name),
                send_empty: send_empty.contains(target),
                required: require.contains(target),
            });
            fields.push(field.clone());
        }
        if fields.is_empty() {
            return Err(MappingError::NothingToSend { found: listing(self.header) });
        }

        let fed = |target: &Target| self.feeds.iter().any(|(t, ..)| t == target);
        let missing_required =
            require.iter().filter(|target| !fed(target)).map(ToString::to_string).collect();
        if let Some(target) = send_empty.iter().find(|target| !fed(target)) {
            return Err(MappingError::NoSuchColumn {
                flag: "--send-empty".to_owned(),
                column: target.to_string(),
                found: listing(self.header),
            });
        }

        let mut used: Vec<(usize, String)> = Vec::new();
        for (_, source, _) in &self.feeds {
            let columns: Vec<usize> = match source {
                Source::Column(index) => vec![*index],
                Source::Template(template) => template.columns().collect(),
            };
            for index in columns {
                if !used.iter().any(|(seen, _)| *seen == index) {
                    let name = self.header.cell(index).unwrap_or_default().trim().to_owned();
                    used.push((index, name));
                }
            }
        }
        used.sort_unstable();

        self.warn_about(&fields, &send_empty);
        Ok(Plan {
            columns: self.header.len(),
            identifier,
            identifier_label,
            ctype,
            fields: fields.into(),
            rules,
            used,
            missing_required,
            clear_marker: self.options.clear_marker.clone(),
            trim: self.options.trim,
            warnings: self.warnings,
        })
    }

    fn flagged(&self, flag: &str, names: &[String]) -> Result<Vec<Target>, MappingError> {
        names.iter().map(|name| Self::target(name, flag)).collect()
    }

    fn feed(&self, target: &Target) -> Option<(Source, String)> {
        self.feeds
            .iter()
            .find(|(t, ..)| t == target)
            .map(|(target, source, name)| (source.clone(), label(target, source, name)))
    }

    fn identifier(&self) -> Result<(Source, String), MappingError> {
        let given = self.feed(&Target::Identificador);
        let Some(key) = self.options.key else {
            return given.ok_or_else(|| MappingError::NoIdentifier { found: listing(self.header) });
        };
        if let Some((_, other)) = given {
            return Err(MappingError::KeyAndIdentifier { key: key.as_str(), other });
        }
        let (source, place) =
            self.feed(&Target::Field(FieldName::Param(key.param()))).ok_or_else(|| {
                MappingError::NoKeyColumn { key: key.as_str(), found: listing(self.header) }
            })?;
        Ok((source, format!("identificador, tirado de {place}")))
    }

    fn ctype(&self) -> Result<TypeSource, MappingError> {
        let column = self.feed(&Target::TipoIdentificador);
        let fixed = match (self.options.key, self.options.id_type) {
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
            (Some((_, flag)), Some((_, column))) => Err(MappingError::TypeTwice { flag, column }),
            (Some((ctype, _)), None) => Ok(TypeSource::Fixed(ctype)),
            (None, Some((source, _))) => Ok(TypeSource::From(source)),
            (None, None) => Err(MappingError::NoType),
        }
    }

    /// What the documentation makes worth saying before hours of sending.
    fn warn_about(&mut self, fields: &[FieldName], send_empty: &[Target]) {
        let has = |param| fields.contains(&FieldName::Param(param));
        let missing = |params: &[Param]| {
            let names: Vec<_> = params
                .iter()
                .filter(|p| !has(**p))
                .map(|p| format!("\"{}\"", p.as_str()))
                .collect();
            (!names.is_empty()).then(|| (names.join(" e "), names.len() > 1))
        };
        if let Some((names, several)) = missing(&[Param::Nome, Param::Email]) {
            let listed = match several {
                true => "os lista como obrigatórios",
                false => "o lista como obrigatório",
            };
            self.warnings.push(format!(
                "o arquivo não envia {names}; a documentação do TomTicket {listed} (para exigir em todas as linhas: --require)"
            ));
        }
        if let Some((names, _)) = missing(&[Param::CriarChamados, Param::Idioma]) {
            self.warnings.push(format!(
                "o arquivo não envia {names}; o TomTicket pode aplicar o valor padrão da documentação (criarchamados = true, idioma = pt_BR)"
            ));
        }
        if has(Param::PortfolioId) {
            self.warnings.push(
                "\"portfolio_id\" só funciona em contas com assinatura Enterprise".to_owned(),
            );
        }
        let portfolio = Target::Field(FieldName::Param(Param::PortfolioId));
        let undocumented: Vec<String> =
            send_empty.iter().filter(|t| **t != portfolio).map(|t| format!("\"{t}\"")).collect();
        if !undocumented.is_empty() {
            self.warnings.push(format!(
                "--send-empty {}: a documentação só garante que valor vazio apaga no caso de \"portfolio_id\"; teste com --limit 1",
                undocumented.join(", ")
            ));
        }
        if self.options.clear_marker.is_some()
            && fields.iter().any(|f| *f != FieldName::Param(Param::PortfolioId))
        {
            self.warnings.push(
                "--clear-marker: a documentação só garante que valor vazio apaga no caso de \"portfolio_id\"; teste com --limit 1"
                    .to_owned(),
            );
        }
    }
}

/// `email (coluna "E-mail")`, `nome` where the column has that very name, `idioma (--set)`.
fn label(target: &Target, source: &Source, name: &str) -> String {
    match source {
        Source::Template(_) => format!("{target} (--set)"),
        Source::Column(_) if target.to_string() == name => target.to_string(),
        Source::Column(_) => format!("{target} (coluna \"{name}\")"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(header: &[&str], options: &MappingOptions) -> Result<Plan, MappingError> {
        Plan::new(&Record::from_cells(1, header), options)
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn the_plain_header_needs_no_flags() {
        let plan =
            plan(&["identificador", "tipo_identificador", "nome", "campo:7"], &Default::default())
                .unwrap();
        let names: Vec<_> = plan.fields().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["nome", "campo:7"]);
    }

    #[test]
    fn each_contradiction_is_refused() {
        type Change = fn(&mut MappingOptions);
        let base = ["identificador", "tipo_identificador", "nome", "Empresa", "email"];
        let cases: &[(&[&str], Change, &str)] = &[
            (&["nome"], |_| {}, "identificador"),
            (&["identificador", "nome"], |_| {}, "--id-type"),
            (&["identificador", "tipo_identificador"], |_| {}, "nenhuma coluna"),
            (&["identificador", "tipo_identificador", "nome", "NOME"], |_| {}, "duas colunas"),
            (&["identificador", "tipo_identificador", "nomes"], |_| {}, "\"nome\""),
            (&["identificador", "tipo_identificador", "campo:'x'"], |_| {}, "aspas"),
            (&base, |o| o.strict = true, "Empresa"),
            (&base, |o| o.map = pairs(&[("Nada", "nome")]), "Nada"),
            (&base, |o| o.map = pairs(&[("Empresa", "nome")]), "duas colunas"),
            (&base, |o| o.map = pairs(&[("Empresa", "organizacao")]), "organizacao"),
            (&base, |o| o.ignore = vec!["Nada".into()], "Nada"),
            (&base, |o| o.set = pairs(&[("nome", "x")]), "coluna \"nome\""),
            (&base, |o| o.set = pairs(&[("telefone", "{Nada}")]), "Nada"),
            (&base, |o| o.key = Some(Key::Email), "--key email"),
            (&base, |o| o.id_type = Some(CustomerType::Email), "--id-type E"),
            (&["nome"], |o| o.key = Some(Key::Email), "\"email\""),
            (
                &["email", "nome"],
                |o| {
                    o.key = Some(Key::Email);
                    o.id_type = Some(CustomerType::Internal);
                },
                "--id-type I",
            ),
            (&base, |o| o.send_empty = vec!["portfolio_id".into()], "portfolio_id"),
            (&base, |o| o.require = vec!["cor".into()], "cor"),
        ];
        for (header, change, expected) in cases {
            let mut options = MappingOptions::default();
            change(&mut options);
            let error = plan(header, &options).unwrap_err().to_string();
            assert!(error.contains(expected), "{header:?}: {error}");
        }
    }

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
    fn the_documented_surprises_are_warned_about() {
        let options = MappingOptions {
            id_type: Some(CustomerType::Email),
            send_empty: vec!["telefone".into()],
            ..Default::default()
        };
        let plan = plan(&["identificador", "telefone", "portfolio_id"], &options).unwrap();
        let all = plan.warnings().join("\n");
        for needle in ["\"nome\" e \"email\"", "criarchamados", "Enterprise", "--send-empty"] {
            assert!(all.contains(needle), "{needle} in {all}");
        }
    }
}
