//! A row of the input on its way through the scheduler.

use std::sync::Arc;

use super::{CustomerType, Update};
use crate::input::Record;

/// One row of the input: its place, its cells and what is done with it.
#[derive(Debug)]
pub struct Row {
    /// Position among the rows, from 0, without gaps: the order of the results.
    pub seq: u64,
    /// The original cells; the rejects file repeats them.
    pub record: Record,
    /// The identifier as the row gives it; cut to an excerpt if it is not valid.
    pub identificador: Box<str>,
    /// The identifier's type; `None` if the row has no valid one.
    pub tipo: Option<CustomerType>,
    pub update: UpdateResult,
    /// Whether the user left the row out of this run (`--only`).
    pub left_out: bool,
}

impl Row {
    /// The physical line on which the record starts; the header's first line is 1.
    pub fn linha(&self) -> u64 {
        self.record.linha()
    }

    /// Bytes of memory that the row takes on the heap, for bounding what waits.
    pub fn heap_bytes(&self) -> usize {
        let update = match &self.update {
            Ok(update) => update.heap_bytes(),
            Err(mensagem) => mensagem.len(),
        };
        self.record.heap_bytes() + self.identificador.len() + update
    }
}

/// What the mapping makes of a row: an update, shared with the attempts to send it, or all violations
/// of the row in one Portuguese sentence.
pub type UpdateResult = Result<Arc<Update>, String>;
