//! The thread that reads and maps the input, and hands rows to the scheduler in batches.

use tokio::sync::mpsc;

use super::RunError;
use super::row_meaning::RowMeaning;
use crate::input::Rows;
use crate::panic_hook;
use crate::scheduler::InputBatch;
use crate::stop::StopReason;

/// Rows of a full batch.
const BATCH_ROWS: usize = 64;
/// Bytes of a full batch.
const BATCH_BYTES: usize = 512 * 1024;
/// Capacity of the channel to the scheduler, in batches.
pub(super) const BATCHES: usize = 2;

/// Reads until the input ends or the scheduler has closed the channel.
pub(super) fn read(mut reading: Rows, meaning: RowMeaning<'_>, batches: &mpsc::Sender<InputBatch>) {
    let mut batch = Vec::with_capacity(BATCH_ROWS);
    let mut bytes = 0;
    for (seq, record) in (0u64..).zip(&mut reading) {
        panic_hook::inject_panic_if_requested("read", &seq);
        let row = record.map_err(RunError::from).and_then(|record| Ok(meaning.row(seq, record)?));
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                let reason = StopReason::Local(error.to_string());
                let _ = batches.blocking_send(InputBatch::Broken(reason));
                return;
            }
        };
        bytes += row.heap_bytes();
        batch.push(row);
        if batch.len() >= BATCH_ROWS || bytes >= BATCH_BYTES {
            bytes = 0;
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH_ROWS));
            if batches.blocking_send(InputBatch::Rows(full)).is_err() {
                return;
            }
        }
    }
    if !batch.is_empty() {
        let _ = batches.blocking_send(InputBatch::Rows(batch));
    }
}
