//! The words every stage shares: what a customer is, what a row asks for, and how it can end.
//!
//! Nothing here reads, sends or writes, and nothing here knows how TomTicket spells an update on
//! the wire (that is [`crate::api`]). A value of one of these types is already valid: an
//! [`Identifier`] can be addressed, a [`CampoId`] can stand inside `campos[…]`, an [`Update`] has at
//! least one value to send.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::reader::Record;

/// The longest identifier, `nome`, `email`, `id_organizacao` and `id_interno` the API documents, in
/// characters.
pub const MAX_TEXT: usize = 250;
/// The longest `telefone` the API documents, in characters.
pub const MAX_TELEFONE: usize = 20;

/// How an identifier is to be understood: the last segment of the request's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CustomerType {
    /// `I`: the internal identifier of the customer's record.
    Internal,
    /// `E`: the customer's e-mail.
    Email,
}

impl CustomerType {
    /// The letter that TomTicket uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "I",
            Self::Email => "E",
        }
    }

    /// Reads `I` or `E` in either case; anything else is no type.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "I" | "i" => Some(Self::Internal),
            "E" | "e" => Some(Self::Email),
            _ => None,
        }
    }

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Internal => Self::Email,
            Self::Email => Self::Internal,
        }
    }
}

impl fmt::Display for CustomerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text cannot be an [`Identifier`]. The text is Portuguese because it ends in `mensagem`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Nothing was given.
    #[error("está vazio")]
    Empty,
    /// `.` and `..` vanish from a URL's path, and another customer (or none) would be addressed.
    #[error("não pode ser \".\" nem \"..\"")]
    Dots,
    /// Over [`MAX_TEXT`] characters.
    #[error("passa de 250 caracteres")]
    TooLong,
    /// Controls, line breaks and tabs included, are dropped or mangled on the way.
    #[error("contém um caractere de controle")]
    Control,
    /// `1,23E+13`: the spreadsheet has already thrown digits away.
    #[error(
        "parece um número estragado pela planilha; formate a coluna como texto e exporte de novo"
    )]
    SpreadsheetNumber,
}

/// A customer identifier that can be addressed: 1 to 250 characters, no controls, neither `.` nor
/// `..`, and not a number that a spreadsheet has rounded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identifier(Box<str>);

impl Identifier {
    /// Checks `text` as it stands; trimming is the mapper's decision. White space alone is nobody's
    /// name all the same.
    ///
    /// # Errors
    /// What [`check`](Self::check) says.
    pub fn new(text: &str) -> Result<Self, IdentifierError> {
        Self::check(text).map(|()| Self(text.into()))
    }

    /// Whether a customer could be addressed by `text`: also what a value must be that gives a
    /// customer a new internal identifier.
    ///
    /// # Errors
    /// The first rule that `text` breaks.
    pub fn check(text: &str) -> Result<(), IdentifierError> {
        if text.trim().is_empty() {
            return Err(IdentifierError::Empty);
        }
        if text == "." || text == ".." {
            return Err(IdentifierError::Dots);
        }
        if text.chars().any(char::is_control) {
            return Err(IdentifierError::Control);
        }
        if text.len() > MAX_TEXT && text.chars().count() > MAX_TEXT {
            return Err(IdentifierError::TooLong);
        }
        if looks_like_spreadsheet_number(text.trim()) {
            return Err(IdentifierError::SpreadsheetNumber);
        }
        Ok(())
    }

    /// The identifier, exactly as it is sent (before percent-encoding).
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `1,23E+13`, `1.23E+13`, `-5E+10`, `1E+05`: digits, perhaps a decimal mark and digits, `E+` or
/// `E-`, digits. Without a sign (`12E5`) it may well be a real code.
fn looks_like_spreadsheet_number(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let Some(e) = text.find(['E', 'e']) else {
        return false;
    };
    let (mantissa, exponent) = (&text[..e], &text[e + 1..]);
    let Some(digits) = exponent.strip_prefix(['+', '-']) else {
        return false;
    };
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = match mantissa.find([',', '.']) {
        Some(at) => (&mantissa[..at], Some(&mantissa[at + 1..])),
        None => (mantissa, None),
    };
    all_digits(digits) && all_digits(whole) && fraction.is_none_or(all_digits)
}

/// A customer as a row names it: the pair that stands in the request's path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Customer {
    /// How `identifier` is to be understood.
    pub ctype: CustomerType,
    /// Who.
    pub identifier: Identifier,
}

/// A name under which a customer may be found, borrowed from the row that touches it. Two names
/// that differ only in letter case are taken for one customer wherever order or memory is at stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a> {
    /// How `text` is to be understood.
    pub ctype: CustomerType,
    /// The name as the row spells it.
    pub text: &'a str,
}

/// A documented parameter of *Atualizar Cliente*, custom fields apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each name is TomTicket's own")]
pub enum Param {
    Nome,
    Email,
    CriarChamados,
    Telefone,
    IdOrganizacao,
    IdInterno,
    Idioma,
    PortfolioId,
}

impl Param {
    /// All of them, in the order of TomTicket's page.
    pub const ALL: [Self; 8] = [
        Self::Nome,
        Self::Email,
        Self::CriarChamados,
        Self::Telefone,
        Self::IdOrganizacao,
        Self::IdInterno,
        Self::Idioma,
        Self::PortfolioId,
    ];

    /// The name that both the CSV header and the API use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nome => "nome",
            Self::Email => "email",
            Self::CriarChamados => "criarchamados",
            Self::Telefone => "telefone",
            Self::IdOrganizacao => "id_organizacao",
            Self::IdInterno => "id_interno",
            Self::Idioma => "idioma",
            Self::PortfolioId => "portfolio_id",
        }
    }

    /// Parameters to which the documentation gives a default: leaving them out of an update may
    /// reset them, so they are never believed after an update that did not send them.
    pub const fn has_documented_default(self) -> bool {
        matches!(self, Self::CriarChamados | Self::Idioma)
    }
}

/// Why a text cannot be a [`CampoId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CampoIdError {
    /// Nothing was given.
    #[error("o id do campo está vazio")]
    Empty,
    /// `campos['abc01']` is how PHP source writes it; on the wire the quotes would be part of the
    /// name.
    #[error("o id do campo está entre aspas; escreva só o id, sem aspas")]
    Quoted,
    /// These characters would corrupt the array name or the multipart header.
    #[error("o id do campo não pode conter [ ] \" \\ nem caracteres de controle")]
    Forbidden,
}

/// The id of a custom field: not empty, not wrapped in quotes, without `[ ] " \` and controls, so
/// that `campos[<id>]` can be written raw into a multipart header and PHP reads it as an array key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CampoId(Arc<str>);

impl CampoId {
    /// Checks `text` as it stands.
    pub fn new(text: &str) -> Result<Self, CampoIdError> {
        if text.is_empty() {
            return Err(CampoIdError::Empty);
        }
        let quote = |c: char| matches!(c, '\'' | '"' | '`' | '‘' | '’' | '“' | '”');
        if text.starts_with(quote) && text.ends_with(quote) {
            return Err(CampoIdError::Quoted);
        }
        if text.contains(['[', ']', '"', '\\']) || text.chars().any(char::is_control) {
            return Err(CampoIdError::Forbidden);
        }
        Ok(Self(text.into()))
    }

    /// The id alone, without `campos[…]`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One thing of a customer that an update can set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FieldName {
    /// A documented parameter.
    Param(Param),
    /// A custom field.
    Campo(CampoId),
}

impl fmt::Display for FieldName {
    /// As the CSV header spells it: `nome`, `campo:abc01`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Param(param) => f.write_str(param.as_str()),
            Self::Campo(id) => write!(f, "campo:{}", id.as_str()),
        }
    }
}

/// What one row asks of the API: a customer and at least one value, all of them valid.
///
/// The values of a row lie in one string, and the field names are shared by all rows of a file, so
/// that a row costs two allocations however many columns it has.
#[derive(Debug, Clone)]
pub struct Update {
    customer: Customer,
    fields: Arc<[FieldName]>,
    text: String,
    /// (index into `fields`, end of the value in `text`); values lie back to back.
    ends: Vec<(u16, u32)>,
}

impl Update {
    /// An update of `customer` without values yet; `fields` are the names that
    /// [`push`](Self::push) indexes.
    pub fn new(customer: Customer, fields: Arc<[FieldName]>) -> Self {
        Self::with_room(customer, fields, 0)
    }

    /// The same, with room for all fields and for values of about `bytes` in all.
    pub fn with_room(customer: Customer, fields: Arc<[FieldName]>, bytes: usize) -> Self {
        let ends = Vec::with_capacity(if bytes == 0 { 0 } else { fields.len() });
        Self { customer, fields, text: String::with_capacity(bytes), ends }
    }

    /// Adds the value of `fields[field]`. The caller pushes each field at most once.
    ///
    /// # Panics
    /// If `field` is no index of the list given to [`new`](Self::new).
    pub fn push(&mut self, field: u16, value: &str) {
        assert!(usize::from(field) < self.fields.len(), "field index out of range");
        self.text.push_str(value);
        // A record is capped at 1 MiB, so the position always fits.
        let end = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        self.ends.push((field, end));
    }

    /// Who is updated.
    pub fn customer(&self) -> &Customer {
        &self.customer
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The values in the order of the plan. An empty value clears the field.
    pub fn values(&self) -> impl Iterator<Item = (&FieldName, &str)> {
        let mut start = 0usize;
        self.ends.iter().map(move |&(field, end)| {
            let end = end as usize;
            let value = &self.text[start..end];
            start = end;
            (&self.fields[usize::from(field)], value)
        })
    }

    /// The value given for `param`, if the row sends it.
    pub fn param(&self, param: Param) -> Option<&str> {
        self.values().find(|(name, _)| **name == FieldName::Param(param)).map(|(_, value)| value)
    }

    /// The name in the request's path.
    pub fn home(&self) -> Name<'_> {
        Name { ctype: self.customer.ctype, text: self.customer.identifier.as_str() }
    }

    /// The e-mail that a type-`E` customer will answer to after this update, where that is another
    /// than the one in the path. Letter case alone is not another: mail systems ignore it, and a
    /// CRM that spells `Ana@x` here and `ana@x` there renames nobody.
    pub fn rename_to(&self) -> Option<Name<'_>> {
        if self.customer.ctype != CustomerType::Email {
            return None;
        }
        let email = self.param(Param::Email).filter(|email| !email.is_empty())?;
        (!same_name(email, self.customer.identifier.as_str()))
            .then_some(Name { ctype: CustomerType::Email, text: email })
    }

    /// The name of the other type that this update gives the customer: the internal identifier of
    /// one addressed by e-mail, the e-mail of one addressed by internal identifier.
    pub fn other_name(&self) -> Option<Name<'_>> {
        let ctype = self.customer.ctype.other();
        let param = match ctype {
            CustomerType::Internal => Param::IdInterno,
            CustomerType::Email => Param::Email,
        };
        let text = self.param(param).filter(|name| !name.is_empty())?;
        Some(Name { ctype, text })
    }

    /// Bytes this update holds, for bounding what waits in memory.
    pub fn weight(&self) -> usize {
        self.text.len() + self.ends.len() * 8 + self.customer.identifier.as_str().len()
    }
}

/// Whether two spellings are taken for one customer: letter case (Unicode) is ignored.
pub fn same_name(a: &str, b: &str) -> bool {
    a == b
        || a.eq_ignore_ascii_case(b)
        || (!(a.is_ascii() && b.is_ascii()) && a.to_lowercase() == b.to_lowercase())
}

/// One row of the input on its way through the pool: where it stood, what it said and what is to
/// be done with it.
#[derive(Debug)]
pub struct Row {
    /// Position among the rows, from 0, without gaps: the order of the results.
    pub seq: u64,
    /// The original cells; the rejects file repeats them.
    pub record: Record,
    /// What the results show as `identificador`, even where it is not valid.
    pub identificador: Box<str>,
    /// What the results show as `tipo_identificador`; `None` where the row names none.
    pub tipo: Option<CustomerType>,
    /// What the mapper made of it.
    pub job: Job,
}

impl Row {
    /// The physical line on which the record starts; the header's first line is 1.
    pub fn linha(&self) -> u64 {
        self.record.linha()
    }

    /// Bytes this row holds, for bounding what waits in memory.
    pub fn weight(&self) -> usize {
        let job = match &self.job {
            Job::Send(update) => update.weight(),
            Job::Invalid(mensagem) => mensagem.len(),
        };
        self.record.weight() + self.identificador.len() + job
    }
}

/// What the mapper made of a row.
#[derive(Debug, Clone)]
pub enum Job {
    /// A valid update. Shared, because an attempt in flight outlives the loop turn that started it.
    Send(Arc<Update>),
    /// All violations of the row, in one Portuguese sentence.
    Invalid(String),
}

/// How a row ended. There is no "other": each row of the input gets exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Situacao {
    /// The API accepted the update.
    Atualizado,
    /// The API already holds every value; nothing was sent.
    Inalterado,
    /// The API said no.
    Recusado,
    /// The row cannot be sent; a person must fix it.
    Invalido,
    /// No definite answer; a new run repeats it safely.
    Falhou,
    /// No definite answer, and repeating it is not safe.
    Incerto,
    /// The run ended before the row's turn.
    NaoEnviado,
}

impl Situacao {
    /// All seven, in the order in which summaries list them.
    pub const ALL: [Self; 7] = [
        Self::Atualizado,
        Self::Inalterado,
        Self::Recusado,
        Self::Invalido,
        Self::Falhou,
        Self::Incerto,
        Self::NaoEnviado,
    ];

    /// As the results file spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Atualizado => "atualizado",
            Self::Inalterado => "inalterado",
            Self::Recusado => "recusado",
            Self::Invalido => "invalido",
            Self::Falhou => "falhou",
            Self::Incerto => "incerto",
            Self::NaoEnviado => "nao_enviado",
        }
    }

    /// The `erro` column: whether the row still needs something.
    pub const fn erro(self) -> bool {
        !matches!(self, Self::Atualizado | Self::Inalterado)
    }

    /// Its place in [`ALL`](Self::ALL), for counting.
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Situacao {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The verdict on a row, derived from its attempts: one line of the results.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it ended.
    pub situacao: Situacao,
    /// The API's own words when it gave some, else ours.
    pub mensagem: String,
    /// Status of the last response, if there was one.
    pub http_status: Option<u16>,
    /// Requests that may have been executed; 0 when nothing was sent. Neither a 429 nor a request
    /// that never left counts.
    pub tentativas: u32,
    /// From the first attempt's send to the last one's end, waiting between them included.
    pub duracao: Duration,
    /// When the verdict was reached.
    pub concluido_em: Timestamp,
}

impl Outcome {
    /// The verdict on a row that was never sent.
    pub fn unsent(situacao: Situacao, mensagem: String) -> Self {
        Self {
            situacao,
            mensagem,
            http_status: None,
            tentativas: 0,
            duracao: Duration::ZERO,
            concluido_em: Timestamp::now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_that_cannot_be_addressed_are_refused() {
        for (text, why) in [
            ("", IdentifierError::Empty),
            (" \u{a0}", IdentifierError::Empty),
            (" 1,23E+13", IdentifierError::SpreadsheetNumber),
            (".", IdentifierError::Dots),
            ("..", IdentifierError::Dots),
            ("a\tb", IdentifierError::Control),
            ("a\u{85}b", IdentifierError::Control),
            ("1,23E+13", IdentifierError::SpreadsheetNumber),
            ("1.23e+13", IdentifierError::SpreadsheetNumber),
            ("-5E-10", IdentifierError::SpreadsheetNumber),
        ] {
            assert_eq!(Identifier::new(text), Err(why), "{text:?}");
        }
        assert_eq!(Identifier::new(&"é".repeat(251)), Err(IdentifierError::TooLong));
    }

    #[test]
    fn odd_but_real_identifiers_are_kept() {
        for text in
            ["00012", "12.345.678/0001-90", "...", "ana@x.com", "12E5", "E+1", "1E+", "ação"]
        {
            assert_eq!(Identifier::new(text).map(|i| i.as_str().to_owned()), Ok(text.to_owned()));
        }
        assert!(Identifier::new(&"é".repeat(250)).is_ok());
    }

    #[test]
    fn campo_ids() {
        assert_eq!(CampoId::new(""), Err(CampoIdError::Empty));
        assert_eq!(CampoId::new("'abc01'"), Err(CampoIdError::Quoted));
        assert_eq!(CampoId::new("a]b"), Err(CampoIdError::Forbidden));
        assert_eq!(CampoId::new("a\r\nb"), Err(CampoIdError::Forbidden));
        assert!(CampoId::new("d'água").is_ok());
    }

    fn update(ctype: CustomerType, identifier: &str, values: &[(Param, &str)]) -> Update {
        let fields: Arc<[FieldName]> =
            values.iter().map(|(param, _)| FieldName::Param(*param)).collect();
        let customer = Customer { ctype, identifier: Identifier::new(identifier).unwrap() };
        let mut update = Update::new(customer, fields);
        for (index, (_, value)) in values.iter().enumerate() {
            update.push(u16::try_from(index).unwrap(), value);
        }
        update
    }

    #[test]
    fn a_rename_is_another_email_on_a_type_e_row() {
        let row = update(CustomerType::Email, "a@x", &[(Param::Nome, "A"), (Param::Email, "b@x")]);
        assert_eq!(row.rename_to().map(|name| name.text), Some("b@x"));
        let same = update(CustomerType::Email, "Ana@x", &[(Param::Email, "ana@X")]);
        assert_eq!(same.rename_to(), None);
        let internal = update(CustomerType::Internal, "1", &[(Param::Email, "b@x")]);
        assert_eq!(internal.rename_to(), None);
        let cleared = update(CustomerType::Email, "a@x", &[(Param::Email, "")]);
        assert_eq!(cleared.rename_to(), None);
    }

    #[test]
    fn values_come_back_in_order() {
        let row =
            update(CustomerType::Email, "a@x", &[(Param::Nome, "Ação"), (Param::Telefone, "")]);
        let values: Vec<_> = row.values().map(|(n, v)| (n.to_string(), v.to_owned())).collect();
        assert_eq!(
            values,
            [("nome".to_owned(), "Ação".to_owned()), ("telefone".to_owned(), String::new())]
        );
    }
}
