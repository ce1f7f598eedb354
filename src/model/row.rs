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
    /// Columns in which an edited snapshot has what the one shows that it is compared with: nothing in
    /// them is odd.
    pub as_read: Vec<usize>,
    /// The identifier's type; `None` if the row has no valid one.
    pub tipo: Option<CustomerType>,
    pub update: UpdateResult,
    /// Why the row is none of this run's, if it is not.
    pub left_out: Option<LeftOut>,
}

/// Why a row is not to be sent, although nothing is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// The user did not choose its customer (`--only`).
    NotChosen,
    /// It is the line of a customer that has no name in TomTicket.
    Nameless,
}

impl LeftOut {
    /// What the results say of the row.
    pub const fn mensagem(self) -> &'static str {
        match self {
            Self::NotChosen => "Fora desta execução: --only não cita este cliente.",
            Self::Nameless => {
                "Este cliente não tem e-mail nem identificador interno no TomTicket: não há como endereçá-lo."
            }
        }
    }
}

impl Row {
    /// The identifier as the row gives it; cut to an excerpt if it is not valid.
    pub fn identificador(&self) -> &str {
        match &self.update {
            Ok(update) => update.customer().identifier.as_str(),
            Err(invalid) => &invalid.identificador,
        }
    }

    /// The physical line on which the record starts; the header's first line is 1.
    pub fn linha(&self) -> u64 {
        self.record.linha()
    }

    /// Bytes of memory that the row takes on the heap, for bounding what waits.
    pub fn heap_bytes(&self) -> usize {
        let update = match &self.update {
            Ok(update) => update.heap_bytes(),
            Err(InvalidRow { identificador, mensagem }) => identificador.len() + mensagem.len(),
        };
        self.record.heap_bytes() + update
    }
}

/// What the mapping makes of a row: an update, shared with the attempts to send it, or why
/// there is none.
pub type UpdateResult = Result<Arc<Update>, InvalidRow>;

/// A row that cannot be sent.
#[derive(Debug, Clone)]
pub struct InvalidRow {
    /// Its identifier; an excerpt, if that is not valid.
    pub identificador: Box<str>,
    /// All its violations in one Portuguese sentence.
    pub mensagem: String,
}
