//! What a record of the input means for this run: mapped, beside the snapshot where the input is an
//! edited one, and addressed or left out by `--only`.

use crate::input::Record;
use crate::mapping::MappingPlan;
use crate::model::Row;
use crate::selection::Selection;
use crate::snapshot::{HeldCustomers, SnapshotError};

/// The parts of a run that say what a record means.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowMeaning<'a> {
    pub plan: &'a MappingPlan,
    pub customers: Option<&'a HeldCustomers>,
    pub selection: Option<&'a Selection>,
}

impl RowMeaning<'_> {
    /// The row of the record at position `seq`.
    pub fn row(&self, seq: u64, record: Record) -> Result<Row, SnapshotError> {
        let row = HeldCustomers::map(self.customers, self.plan, seq, record);
        let mut row = row.map_err(SnapshotError::Spool)?;
        if let Some(selection) = self.selection {
            let _ = selection.apply(&mut row, self.plan);
        }
        Ok(row)
    }
}
