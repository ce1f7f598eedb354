//! Reads and maps the rows of an input, a batch at a time, so that a thread can do it while another
//! works on the rows before. The preflight and the run read in this way.

use crate::input::{InputError, Record, Rows};
use crate::model::Row;

/// Rows of a full batch.
const BATCH_ROWS: usize = 64;
/// Bytes of a full batch.
const BATCH_BYTES: usize = 512 * 1024;
/// Batches that may wait between two threads.
pub const BATCHES: usize = 2;

/// Gives `deliver` all rows, or the error that ends the reading, until it returns `false`. `map` makes
/// a row of the record at a position.
pub fn for_each_batch<E: From<InputError>>(
    rows: &mut Rows,
    map: impl Fn(u64, Record) -> Result<Row, E>,
    mut deliver: impl FnMut(Result<Vec<Row>, E>) -> bool,
) {
    let mut batch = Vec::with_capacity(BATCH_ROWS);
    let mut bytes = 0;
    for (seq, record) in (0u64..).zip(rows) {
        let row = match record.map_err(E::from).and_then(|record| map(seq, record)) {
            Ok(row) => row,
            Err(error) => {
                deliver(Err(error));
                return;
            }
        };
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
