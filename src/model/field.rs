//! The fields of a customer that an update can set: the documented parameters and custom fields.

use std::fmt;
use std::sync::Arc;

use super::CustomerType;

/// The longest identifier, `nome`, `email`, `id_organizacao` and `id_interno` the API documents, in
/// characters.
pub const MAX_TEXT: usize = 250;
/// The longest `telefone` the API documents, in characters.
pub const MAX_TELEFONE: usize = 20;

/// A documented parameter of *Atualizar Cliente*, custom fields apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

    /// The parameter that holds a customer's name of this type.
    pub const fn of_name(ctype: CustomerType) -> Self {
        match ctype {
            CustomerType::Internal => Self::IdInterno,
            CustomerType::Email => Self::Email,
        }
    }

    /// Whether the documentation gives the parameter a default. An update that leaves it out may reset
    /// it, so its value is unknown afterwards.
    pub const fn has_documented_default(self) -> bool {
        matches!(self, Self::CriarChamados | Self::Idioma)
    }
}

/// The id of a custom field: not empty, not wrapped in quotes, without `[ ] " \` and controls, so
/// that `campos[<id>]` can be written raw into a multipart header and PHP reads it as an array key.
#[derive(Debug, Clone, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::derived_hash_with_manual_eq, reason = "equal ids are equal texts")]
pub struct CampoId(Arc<str>);

impl PartialEq for CampoId {
    /// Most ids that are compared are of one plan, and then one text.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl CampoId {
    /// Checks `text` as it stands. An error is Portuguese, to stand behind the column's name.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("o id do campo está vazio");
        }
        // `campos['abc01']` is how PHP source writes it; on the wire the quotes would be part of the
        // name.
        let quote = |c: char| matches!(c, '\'' | '"' | '`' | '‘' | '’' | '“' | '”');
        if text.starts_with(quote) && text.ends_with(quote) {
            return Err("o id do campo está entre aspas; escreva só o id, sem aspas");
        }
        if text.contains(['[', ']', '"', '\\']) || text.chars().any(char::is_control) {
            return Err("o id do campo não pode conter [ ] \" \\ nem caracteres de controle");
        }
        Ok(Self(text.into()))
    }

    /// The id alone, without `campos[…]`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One field of a customer that an update can set.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn campo_ids() {
        for (text, why) in
            [("", "vazio"), ("'abc01'", "entre aspas"), ("a]b", "não pode"), ("a\r\nb", "não pode")]
        {
            assert!(CampoId::new(text).is_err_and(|error| error.contains(why)), "{text:?}");
        }
        assert_eq!(CampoId::new("d'água"), CampoId::new("d'água"));
        assert_ne!(CampoId::new("a"), CampoId::new("b"));
    }
}
