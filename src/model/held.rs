//! What TomTicket held of a customer when it was read, and how a row compares with that.

use std::sync::Arc;

use super::{CustomerType, FieldName, Name, same_name};

/// The columns of a snapshot that say when and of which account a customer was read. A file with both
/// is a snapshot.
pub const ORIGIN_COLUMNS: [&str; 2] = ["lido_em", "conta"];

/// A customer as a snapshot shows it. A field that is not listed was not read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldRecord {
    /// When it was read, in seconds since 1970.
    pub read_at: u32,
    /// Every name under which it was found.
    pub names: Vec<(CustomerType, Box<str>)>,
    /// The fields that were read; an empty value is the same as none.
    pub values: Vec<(FieldName, Box<str>)>,
}

impl HeldRecord {
    /// Whether the customer has this name: an e-mail in whatever letter case, an internal identifier
    /// exactly.
    pub fn has_name(&self, name: Name<'_>) -> bool {
        let is_same = |text: &str| match name.ctype {
            CustomerType::Email => same_name(text, name.text),
            CustomerType::Internal => text == name.text,
        };
        self.names.iter().any(|(ctype, text)| *ctype == name.ctype && is_same(text))
    }

    /// The value that was read; `None` where the field was not.
    pub fn value(&self, field: &FieldName) -> Option<&str> {
        self.values.iter().find(|(name, _)| name == field).map(|(_, value)| &**value)
    }
}

/// How one value of a row compares with the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldValue {
    /// TomTicket held exactly this.
    Same,
    /// Whatever it held, the user takes it for the same (`--assume`).
    Assumed,
    /// It held something else.
    Differs,
    /// It cannot be read.
    NotRead,
}

/// A row beside its customer in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRow {
    pub record: HeldRecord,
    /// One for each value of the row, in its order.
    pub values: Vec<HeldValue>,
    /// The fields that the user takes for the same.
    pub assumed: Arc<[FieldName]>,
    /// Whether the record cannot hold the row: a row that touches the customer was sent since, or the
    /// record has only the name that the row gives. It still outweighs what was believed before.
    pub is_silent: bool,
}
