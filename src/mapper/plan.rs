//! Header + mapping flags → plan: which column (or `--set` text) feeds which target, decided once
//! per file, before anything is sent.

use std::sync::Arc;

use super::header::{self, is_result_column, listing};
use super::suggest::suggestion;
use super::template::{Template, TemplateError};
use super::values::{excerpt, has_forbidden_control, normalise};
use super::{MappingError, Target};
use crate::model::{CustomerType, FieldName, Identifier, Param};
use crate::reader::{REJECT_COLUMNS, Record, name_of, reject_columns_at};

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
    /// The source, and how messages name it.
    From(Source, String),
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
    /// Where the columns of an earlier rejects file stand.
    pub(super) earlier: Option<usize>,
    /// Trimmed like the cells that it is compared with.
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
        lines.push(match &self.ctype {
            TypeSource::Fixed(ctype) => format!("tipo_identificador ({ctype} em todas as linhas)"),
            TypeSource::From(_, label) => label.clone(),
        });
        lines.extend(self.rules.iter().map(|rule| rule.label.clone()));
        lines
    }
}

/// The header being turned into a plan.
struct Builder<'a> {
    header: &'a Record,
    options: &'a MappingOptions,
    clear_marker: Option<String>,
    /// Where an earlier rejects file's columns stand.
    earlier: Option<usize>,
    /// Columns that an earlier rejects file appended: as if they were not there.
    skip: Vec<usize>,
    /// What feeds what, in header order, then `--set` order.
    feeds: Vec<(Target, Source, String)>,
    warnings: Vec<String>,
}

impl<'a> Builder<'a> {
    fn new(header: &'a Record, options: &'a MappingOptions) -> Result<Self, MappingError> {
        let earlier = reject_columns_at(header);
        let skip = earlier.map(|at| (at..at + REJECT_COLUMNS.len()).collect()).unwrap_or_default();
        let (feeds, warnings) = (Vec::new(), Vec::new());
        let clear_marker = marker(options)?;
        let mut builder = Self { header, options, clear_marker, earlier, skip, feeds, warnings };
        let set = builder.read_set()?;
        // Columns that only stand inside a `--set` text are used all the same.
        let quoted: Vec<usize> = set.iter().flat_map(|(_, template)| template.columns()).collect();
        builder.read_columns(&quoted)?;
        builder.add_set(set)?;
        Ok(builder)
    }

    fn column(&self, name: &str, flag: &str) -> Result<usize, MappingError> {
        match self.columns(name, flag)?[..] {
            [index] => Ok(index),
            _ => Err(MappingError::AmbiguousColumn {
                flag: flag.to_owned(),
                column: excerpt(name_of(name)),
            }),
        }
    }

    /// All columns of a name; at least one.
    fn columns(&self, name: &str, flag: &str) -> Result<Vec<usize>, MappingError> {
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

    fn target(name: &str, flag: &str) -> Result<Target, MappingError> {
        Target::parse(name)?.ok_or_else(|| MappingError::UnknownTarget {
            flag: flag.to_owned(),
            target: excerpt(name.trim()),
            hint: suggestion(name)
                .map(|meant| format!(". Você quis dizer \"{}\"?", excerpt(&meant)))
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
            let columns = self.columns(name, "--ignore")?;
            if mapped.iter().any(|(column, _)| columns.contains(column)) {
                return Err(MappingError::MapAndIgnore { column: excerpt(name_of(name)) });
            }
            ignored.extend(columns);
        }

        let mut unknown = Vec::new();
        for (index, cell) in self.header.cells().enumerate() {
            let name = name_of(cell);
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
                return Err(MappingError::Typo {
                    column: excerpt(name),
                    suggestion: excerpt(&suggestion),
                });
            } else if !name.is_empty() {
                unknown.push(format!("\"{}\"", excerpt(name)));
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
                    Source::Column(index) => {
                        format!("a coluna {} (\"{}\")", index + 1, excerpt(name))
                    }
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
            let template = Template::parse(text, |name| self.column(name, &flag)).map_err(
                |error| match error {
                    TemplateError::Text(why) => {
                        MappingError::Template { target: parsed.to_string(), why }
                    }
                    TemplateError::Column(error) => error,
                },
            )?;
            if let Some(value) = template.constant() {
                self.refuse_hopeless(&parsed, value)?;
            }
            set.push((parsed, template));
        }
        Ok(set)
    }

    /// A value that is the same in every row and valid in none: not the rows are wrong.
    fn refuse_hopeless(&self, target: &Target, value: &str) -> Result<(), MappingError> {
        let value = if self.options.trim { value.trim() } else { value };
        if value.is_empty() || self.clear_marker.as_deref() == Some(value) {
            return Ok(());
        }
        let control = has_forbidden_control(value)
            .then(|| "contém um caractere de controle".to_owned())
            .map_or(Ok(()), Err);
        let judged = match target {
            Target::Identificador => Identifier::check(value).map_err(|why| why.to_string()),
            Target::TipoIdentificador => match CustomerType::parse(value.trim()) {
                Some(_) => Ok(()),
                None => Err("não é I (identificador interno) nem E (e-mail)".to_owned()),
            },
            Target::Field(field) => {
                normalise(field, value).map(|_| ()).map_err(|why| why.to_string())
            }
        };
        judged.and(control).map_err(|why| MappingError::Hopeless {
            target: target.to_string(),
            value: excerpt(value),
            why,
        })
    }

    fn add_set(&mut self, set: Vec<(Target, Template)>) -> Result<(), MappingError> {
        for (target, template) in set {
            if let Some((.., name)) = self.feeds.iter().find(|(fed, ..)| *fed == target) {
                return Err(MappingError::SetTwice {
                    target: target.to_string(),
                    column: format!("coluna \"{}\"", excerpt(name)),
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
                    let name = name_of(self.header.cell(index).unwrap_or_default());
                    used.push((index, excerpt(name)));
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
            earlier: self.earlier,
            clear_marker: self.clear_marker,
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
            (None, Some((source, label))) => Ok(TypeSource::From(source, label)),
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

/// The marker as cells are compared with it.
fn marker(options: &MappingOptions) -> Result<Option<String>, MappingError> {
    let Some(given) = &options.clear_marker else { return Ok(None) };
    let marker = if options.trim { given.trim() } else { given };
    match marker {
        // It would be every empty cell.
        "" => Err(MappingError::BlankMarker),
        marker => Ok(Some(marker.to_owned())),
    }
}

/// `email (coluna "E-mail")`, `nome` where the column has that very name, `idioma (--set)`.
fn label(target: &Target, source: &Source, name: &str) -> String {
    match source {
        Source::Template(_) => format!("{target} (--set)"),
        Source::Column(_) if target.to_string() == name => target.to_string(),
        Source::Column(_) => format!("{target} (coluna \"{}\")", excerpt(name)),
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
    fn columns_without_a_name_and_marks_inside_the_header_are_nothing_to_complain_about() {
        let options = MappingOptions {
            id_type: Some(CustomerType::Email),
            strict: true,
            ..Default::default()
        };
        let plan = plan(&["\u{feff}identificador", "nome", "", " \u{feff}"], &options).unwrap();
        assert!(!plan.warnings().iter().any(|warning| warning.contains("ignoradas")));
    }

    #[test]
    fn a_constant_that_no_row_can_have_is_refused_at_once() {
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
        for (target, header) in
            [("identificador", &base[1..]), ("tipo_identificador", &["identificador", "nome"])]
        {
            let options = MappingOptions { set: pairs(&[(target, "..")]), ..Default::default() };
            let error = plan(header, &options).unwrap_err().to_string();
            assert!(error.contains("todas as linhas"), "{error}");
        }
        for (target, value) in [("idioma", "pt-br"), ("idioma", ""), ("telefone", "#N/A")] {
            let options = MappingOptions {
                set: pairs(&[(target, value)]),
                clear_marker: Some("#N/A".into()),
                ..Default::default()
            };
            assert!(plan(&base, &options).is_ok(), "{target}={value}");
        }
    }

    #[test]
    fn nothing_of_the_header_reaches_a_terminal_raw() {
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
        let mut told = vec![shown];
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
            told.push(plan(&header, &options).unwrap_err().to_string());
        }
        for text in told {
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        }
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
    fn the_plan_says_where_the_type_comes_from() {
        let options =
            MappingOptions { map: pairs(&[("T", "tipo_identificador")]), ..Default::default() };
        let plan = plan(&["identificador", "T", "nome"], &options).unwrap();
        assert_eq!(plan.describe(), ["identificador", "tipo_identificador (coluna \"T\")", "nome"]);
    }

    #[test]
    fn a_marker_of_spaces_would_be_every_empty_cell() {
        let base = ["identificador", "tipo_identificador", "nome"];
        let mut options = MappingOptions { clear_marker: Some(" ".into()), ..Default::default() };
        assert!(plan(&base, &options).unwrap_err().to_string().contains("--no-trim"));
        options.trim = false;
        assert!(plan(&base, &options).is_ok());
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
