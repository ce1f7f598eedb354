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
    /// What the results show as `identificador`, even if it is not valid.
    pub identificador: Box<str>,
    /// What the results show as `tipo_identificador`; `None` if the row has no valid one.
    pub tipo: Option<CustomerType>,
    /// The result of the mapping.
    pub job: Job,
}

impl Row {
    /// The physical line on which the record starts; the header's first line is 1.
    pub fn linha(&self) -> u64 {
        self.record.linha()
    }

    /// Bytes of memory that the row takes on the heap, for bounding what waits.
    pub fn heap_bytes(&self) -> usize {
        let job = match &self.job {
            Job::Send(update) => update.heap_bytes(),
            Job::Invalid(mensagem) => mensagem.len(),
        };
        self.record.heap_bytes() + self.identificador.len() + job
    }
}

/// The result of mapping a row.
#[derive(Debug, Clone)]
pub enum Job {
    /// A valid update. Shared, because an attempt in flight outlives the loop turn that started it.
    Send(Arc<Update>),
    /// All violations of the row, in one Portuguese sentence.
    Invalid(String),
}
