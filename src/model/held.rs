//! What TomTicket held of a customer when it was read, and how a row compares with that.

use std::sync::Arc;

use super::{CustomerType, FieldName, Name, Update, same_name};

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

impl HeldRow {
    /// What TomTicket holds where the row has the value `index`, of `field`; `None` where that is
    /// unknown.
    pub fn before(&self, index: usize, field: &FieldName) -> Option<&str> {
        match self.values.get(index)? {
            _ if self.is_silent => None,
            HeldValue::NotRead => None,
            _ => self.record.value(field),
        }
    }
}

/// What a row does to one value of its customer, as far as a snapshot tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueChange {
    Same,
    /// What TomTicket holds was not read, or may have changed since.
    Unknown,
    /// The same, but when it was read, there was nothing.
    OnceEmpty,
    /// It holds nothing, and the row fills it.
    Filled,
    /// It holds a value, and the row clears it.
    Emptied,
    /// It holds another one, but for letter case, white space and punctuation the same.
    OtherForm,
    /// It holds another one.
    Other,
}

impl ValueChange {
    /// One for each value of a row, in its order. `held` is the row's customer, where a snapshot shows
    /// it.
    pub fn of_row(update: &Update, held: Option<&HeldRow>) -> impl Iterator<Item = Self> {
        update.values().enumerate().map(move |(index, (field, after))| {
            match held.and_then(|held| held.before(index, field)) {
                None if !after.is_empty()
                    && held.is_some_and(|held| held.record.value(field) == Some("")) =>
                {
                    Self::OnceEmpty
                }
                None => Self::Unknown,
                Some(before) if before == after => Self::Same,
                Some("") => Self::Filled,
                Some(_) if after.is_empty() => Self::Emptied,
                Some(before) if differ_in_form(before, after) => Self::OtherForm,
                Some(_) => Self::Other,
            }
        })
    }
}

/// Whether two texts are one but for letter case, white space and punctuation.
pub fn differ_in_form(a: &str, b: &str) -> bool {
    let letters = |text: &str| -> String {
        let kept = text.chars().filter(|c| c.is_alphanumeric());
        kept.flat_map(char::to_lowercase).collect()
    };
    let letters_of_a = letters(a);
    !letters_of_a.is_empty() && letters_of_a == letters(b)
}
