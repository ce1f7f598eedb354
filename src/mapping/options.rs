//! The mapping flags, as given. What they mean for a header is decided in `column_bindings` and `plan`.

use super::MappingError;
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

/// The mapping flags.
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

impl MappingOptions {
    /// The marker as cells are compared with it.
    pub(super) fn marker(&self) -> Result<Option<&str>, MappingError> {
        let Some(given) = &self.clear_marker else { return Ok(None) };
        match if self.trim { given.trim() } else { given } {
            // It would be every empty cell.
            "" => Err(MappingError::BlankMarker),
            marker => Ok(Some(marker)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::plan;
    use super::*;

    #[test]
    fn a_marker_of_spaces_would_be_every_empty_cell() {
        let base = ["identificador", "tipo_identificador", "nome"];
        let mut options = MappingOptions { clear_marker: Some(" ".into()), ..Default::default() };
        assert!(plan(&base, &options).unwrap_err().to_string().contains("--no-trim"));
        options.trim = false;
        assert!(plan(&base, &options).is_ok());
    }
}
