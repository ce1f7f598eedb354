//! Reads and maps the rows of an input, a batch at a time, so that a thread can do it while another
//! works on the rows before. The preflight and the run read in this way.

use crate::input::{InputError, Rows};
use crate::mapping::MappingPlan;
use crate::model::Row;

/// Rows of a full batch.
const BATCH_ROWS: usize = 64;
/// Bytes of a full batch.
const BATCH_BYTES: usize = 512 * 1024;
/// Batches that may wait between two threads.
pub const BATCHES: usize = 2;

/// Hands every row to `deliver`, or the error that ends the reading, until it returns `false`.
pub fn for_each_batch(
    rows: &mut Rows,
    plan: &MappingPlan,
    mut deliver: impl FnMut(Result<Vec<Row>, InputError>) -> bool,
) {
    let mut batch = Vec::with_capacity(BATCH_ROWS);
    let mut bytes = 0;
    for (seq, record) in (0u64..).zip(rows) {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                deliver(Err(error));
                return;
            }
        };
        let row = plan.map(seq, record);
        bytes += row.heap_bytes();
        batch.push(row);
        if batch.len() >= BATCH_ROWS || bytes >= BATCH_BYTES {
            bytes = 0;
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH_ROWS));
            if !deliver(Ok(full)) {
                return;
            }
        }
    }
    if !batch.is_empty() {
        deliver(Ok(batch));
    }
}
