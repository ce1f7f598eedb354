//! The targets of columns and of `--set`, and their spelling in a CSV header.

use std::fmt;

use super::MappingError;
use super::suggest::suggestion;
use super::values::excerpt;
use crate::input::name_of;
use crate::model::{CampoId, FieldName, Param};

/// What a column or a `--set` value can be used for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// The customer's identifier.
    Identificador,
    /// The type of `identificador`: `I` or `E`.
    TipoIdentificador,
    /// A field that the update sets.
    Field(FieldName),
}

impl Target {
    /// The fixed names, in the order in which `template` prints them.
    pub fn fixed() -> impl Iterator<Item = Self> {
        [Self::Identificador, Self::TipoIdentificador]
            .into_iter()
            .chain(Param::ALL.into_iter().map(|param| Self::Field(FieldName::Param(param))))
    }

    /// Reads a header cell: case and surrounding space are ignored, `E-mail` is `email`, the id after
    /// `campo:` is verbatim. `Ok(None)` is an unknown name.
    ///
    /// # Errors
    /// `campo:` with an invalid id.
    pub fn parse(name: &str) -> Result<Option<Self>, MappingError> {
        let name = name_of(name);
        const PREFIX: &str = "campo:";
        if let Some(prefix) = name.get(..PREFIX.len())
            && prefix.eq_ignore_ascii_case(PREFIX)
        {
            let id = &name[PREFIX.len()..];
            let id = if id.trim().is_empty() { "" } else { id };
            return match CampoId::new(id) {
                Ok(id) => Ok(Some(Self::Field(FieldName::Campo(id)))),
                Err(why) => Err(MappingError::CampoId { column: excerpt(name), why }),
            };
        }
        let name = if name.eq_ignore_ascii_case("e-mail") { "email" } else { name };
        Ok(Self::fixed()
            .find(|target| target.fixed_name().is_some_and(|n| n.eq_ignore_ascii_case(name))))
    }

    /// Reads a target that a flag names; an unknown one is an error.
    pub(super) fn of_flag(name: &str, flag: &str) -> Result<Self, MappingError> {
        Self::parse(name)?.ok_or_else(|| MappingError::UnknownTarget {
            flag: flag.to_owned(),
            target: excerpt(name.trim()),
            hint: suggestion(name)
                .map(|meant| format!(". Você quis dizer \"{}\"?", excerpt(&meant)))
                .unwrap_or_default(),
        })
    }

    /// Reads the fields that a flag names; the identifier and its type are none.
    pub fn fields_of_flag(names: &[String], flag: &str) -> Result<Vec<FieldName>, MappingError> {
        let field = |name: &String| match Self::of_flag(name, flag)? {
            Self::Field(field) => Ok(field),
            other => {
                Err(MappingError::NotAField { flag: flag.to_owned(), target: other.to_string() })
            }
        };
        names.iter().map(field).collect()
    }

    fn fixed_name(&self) -> Option<&'static str> {
        match self {
            Self::Identificador => Some("identificador"),
            Self::TipoIdentificador => Some("tipo_identificador"),
            Self::Field(FieldName::Param(param)) => Some(param.as_str()),
            Self::Field(FieldName::Campo(_)) => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identificador => f.write_str("identificador"),
            Self::TipoIdentificador => f.write_str("tipo_identificador"),
            Self::Field(field) => field.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case_and_spacing() {
        for (text, expected) in [
            ("identificador", Some("identificador")),
            ("  Tipo_Identificador ", Some("tipo_identificador")),
            ("NOME", Some("nome")),
            ("Campo:Abc01", Some("campo:Abc01")),
            ("campo: x", Some("campo: x")),
            ("E-mail", Some("email")),
            ("", None),
            ("campô:1", None),
        ] {
            let target = Target::parse(text).unwrap().map(|target| target.to_string());
            assert_eq!(target.as_deref(), expected, "{text:?}");
        }
    }
}
