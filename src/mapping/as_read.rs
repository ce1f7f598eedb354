//! Which cells of a row are what TomTicket held. They are taken as they are: never too long, never odd,
//! neither trimmed nor read as a marker.
//!
//! In a snapshot that is sent back, that is every cell; in one that is compared with another
//! (`--snapshot`), those that did not change. What else a cell may hold is decided in `row`.

use std::borrow::Cow;

use super::column_bindings::ValueSource;
use super::plan::MappingPlan;
use crate::input::Record;
use crate::model::{CustomerType, HeldRecord};

/// The cells of one row that TomTicket held so.
pub(super) enum AsRead {
    All,
    Columns(Vec<usize>),
}

impl AsRead {
    pub fn has_column(&self, index: usize) -> bool {
        match self {
            Self::All => true,
            Self::Columns(columns) => columns.contains(&index),
        }
    }

    /// A text of `--set` was never read.
    pub fn has(&self, source: &ValueSource) -> bool {
        match (self, source) {
            (Self::All, _) => true,
            (Self::Columns(_), ValueSource::Column(index)) => self.has_column(*index),
            (Self::Columns(_), ValueSource::Template(_)) => false,
        }
    }

    /// The columns of a compared row.
    pub fn columns(self) -> Vec<usize> {
        match self {
            Self::All => Vec::new(),
            Self::Columns(columns) => columns,
        }
    }
}

impl MappingPlan {
    /// The name by which a record addresses its customer, as it stands there.
    pub fn name<'r>(&self, record: &'r Record) -> Option<(CustomerType, Cow<'r, str>)> {
        Some((self.ctype(record).ok()?, self.value(&self.identifier, record)?))
    }

    /// What came back of a record unchanged: each column whose cell is, in one customer of `held`, the
    /// value of every field that it feeds.
    pub(super) fn as_read(&self, record: &Record, held: &[HeldRecord]) -> AsRead {
        if self.is_verbatim() {
            return AsRead::All;
        }
        if held.is_empty() {
            return AsRead::Columns(Vec::new());
        }
        let used = self.used.iter().map(|(index, _)| *index);
        AsRead::Columns(used.filter(|index| self.is_as_read(*index, record, held)).collect())
    }

    /// Whether a row is addressed by a name that was read.
    pub fn is_identifier_as_read(&self, as_read: &[usize]) -> bool {
        as_read.iter().any(|index| self.identifier == ValueSource::Column(*index))
    }

    fn is_as_read(&self, index: usize, record: &Record, held: &[HeldRecord]) -> bool {
        let source = ValueSource::Column(index);
        // They were found by it.
        if self.identifier == source {
            return true;
        }
        let cell = record.cell(index).unwrap_or_default();
        held.iter().any(|customer| {
            let mut fed = self.rules.iter().filter(|rule| rule.source == source).peekable();
            fed.peek().is_some() && fed.all(|rule| customer.value(&rule.field) == Some(cell))
        })
    }
}
