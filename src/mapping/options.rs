//! The mapping flags, as given. What they mean for a header is decided in `column_bindings` and `plan`.

use std::str::FromStr;

use clap::Args;

use super::MappingError;
use super::values::excerpt;
use crate::input::{Record, name_of};
use crate::model::{CustomerType, Param};

/// Which column is also the identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// `--key email`: type `E`; the e-mail is sent as a value too.
    Email,
    /// `--key id_interno`: type `I`; not sent as a value, the API forbids it there.
    IdInterno,
}

impl Key {
    /// The flag's spelling.
    pub const fn as_str(self) -> &'static str {
        self.param().as_str()
    }

    /// The column that holds the identifier.
    pub(super) const fn param(self) -> Param {
        match self {
            Self::Email => Param::Email,
            Self::IdInterno => Param::IdInterno,
        }
    }

    /// The type that it implies.
    pub(super) const fn implied(self) -> CustomerType {
        match self {
            Self::Email => CustomerType::Email,
            Self::IdInterno => CustomerType::Internal,
        }
    }
}

impl FromStr for Key {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let keys = [Self::Email, Self::IdInterno];
        keys.into_iter().find(|key| key.as_str() == text).ok_or("use email ou id_interno")
    }
}

/// The mapping flags. The comments are their help texts.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Colunas")]
pub struct MappingOptions {
    /// Usa a coluna do arquivo para um destino: "E-mail=email" (pode repetir)
    #[arg(long, value_name = "COLUNA=DESTINO", value_parser = pair)]
    pub map: Vec<(String, String)>,
    /// Descarta uma coluna (pode repetir)
    #[arg(long, value_name = "COLUNA")]
    pub ignore: Vec<String>,
    /// Dá um valor a todas as linhas; {Coluna} é a célula dela: "nome={Nome} {Sobrenome}" (pode repetir)
    #[arg(long, value_name = "DESTINO=VALOR", value_parser = pair_from_left)]
    pub set: Vec<(String, String)>,
    /// Tira o identificador da coluna email ou id_interno
    #[arg(long, value_name = "email|id_interno")]
    pub key: Option<Key>,
    /// Tipo do identificador em todas as linhas: I (interno) ou E (e-mail)
    #[arg(long, value_name = "I|E")]
    pub id_type: Option<CustomerType>,
    /// Recusa o arquivo se houver coluna desconhecida
    #[arg(long)]
    pub strict: bool,
    /// Célula vazia desta coluna apaga o valor no TomTicket (pode repetir)
    #[arg(long, value_name = "DESTINO")]
    pub send_empty: Vec<String>,
    /// Célula com exatamente este texto apaga o valor no TomTicket
    #[arg(long, value_name = "TEXTO", allow_hyphen_values = true, value_parser = not_empty)]
    pub clear_marker: Option<String>,
    /// Célula com exatamente este texto conta como vazia: "NULL" (pode repetir)
    #[arg(long, value_name = "TEXTO", allow_hyphen_values = true, value_parser = not_empty)]
    pub null: Vec<String>,
    /// Aceita os valores desta coluna como estão, mesmo os suspeitos (pode repetir)
    #[arg(long, value_name = "COLUNA")]
    pub allow: Vec<String>,
    /// Mantém os espaços em volta dos valores
    #[arg(long)]
    pub no_trim: bool,
    /// Linha sem valor para este destino é inválida (pode repetir)
    #[arg(long, value_name = "DESTINO")]
    pub require: Vec<String>,
    /// Whether an input that is a snapshot is compared with another one: then only its cells that are
    /// as the other has them are taken as they are.
    #[arg(skip)]
    pub compared: bool,
}

impl MappingOptions {
    /// The options for a snapshot: its columns have their own names, whatever an export's are called,
    /// and its cells are what TomTicket holds, unless they are compared. Returns the flags that do not
    /// apply.
    pub(super) fn for_snapshot(&self, header: &Record) -> (Self, Vec<&'static str>) {
        let mut own = self.clone();
        let has = |name: &str| {
            header.cells().any(|cell| name_of(cell).eq_ignore_ascii_case(name_of(name)))
        };
        own.map.retain(|(column, _)| has(column));
        own.ignore.retain(|column| has(column));
        own.set.retain(|(target, text)| !has(target) && !text.contains('{'));
        own.allow.retain(|column| has(column));
        own.require.retain(|target| has(target));
        if !self.compared {
            own.null.clear();
            own.clear_marker = None;
            own.allow.clear();
            own.require.clear();
        }
        (own.key, own.id_type) = (None, None);
        let dropped = [
            ("--map", own.map.len() < self.map.len()),
            ("--ignore", own.ignore.len() < self.ignore.len()),
            ("--set", own.set.len() < self.set.len()),
            ("--null", own.null.len() < self.null.len()),
            ("--clear-marker", own.clear_marker != self.clear_marker),
            ("--allow", own.allow.len() < self.allow.len()),
            ("--require", own.require.len() < self.require.len()),
            ("--key", self.key.is_some()),
            ("--id-type", self.id_type.is_some()),
        ];
        let dropped = dropped.into_iter().filter(|(_, is)| *is).map(|(flag, _)| flag);
        (own, dropped.collect())
    }

    /// The marker as cells are compared with it.
    pub(super) fn marker(&self) -> Result<Option<&str>, MappingError> {
        let Some(given) = &self.clear_marker else { return Ok(None) };
        match self.trimmed(given) {
            // It would be every empty cell.
            "" => Err(MappingError::BlankMarker),
            marker if self.nulls().any(|null| null == marker) => {
                Err(MappingError::NullAndMarker { text: excerpt(marker) })
            }
            marker => Ok(Some(marker)),
        }
    }

    /// The texts that stand for an empty cell, as cells are compared with them.
    pub(super) fn nulls(&self) -> impl Iterator<Item = &str> {
        self.null.iter().map(|text| self.trimmed(text))
    }

    fn trimmed<'t>(&self, text: &'t str) -> &'t str {
        if self.no_trim { text } else { text.trim() }
    }
}

/// `COLUMN=target`, split at the last `=`: a column's name may hold one, a target does not.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((column, target)) if !column.trim().is_empty() && !target.trim().is_empty() => {
            Ok((column.to_owned(), target.trim().to_owned()))
        }
        _ => Err("escreva COLUNA=destino, por exemplo \"E-mail=email\"".to_owned()),
    }
}

/// `target=value`, split at the first `=`: a value may hold one, a target does not.
fn pair_from_left(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((target, value)) if !target.trim().is_empty() => {
            Ok((target.trim().to_owned(), value.to_owned()))
        }
        _ => Err("escreva destino=valor, por exemplo \"idioma=pt_BR\"".to_owned()),
    }
}

fn not_empty(text: &str) -> Result<String, String> {
    match text {
        "" => Err("o texto não pode ser vazio (para células vazias, --send-empty)".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs() {
        assert_eq!(pair("a=b=nome"), Ok(("a=b".to_owned(), "nome".to_owned())));
        assert_eq!(pair_from_left("nome=a=b"), Ok(("nome".to_owned(), "a=b".to_owned())));
        assert!(pair("a").is_err() && pair("=x").is_err() && pair_from_left("=x").is_err());
    }
}
