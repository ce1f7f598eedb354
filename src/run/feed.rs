//! The input's side of a run: the thread that reads and maps.

use tokio::sync::mpsc;

use crate::input::Rows;
use crate::mapping::Plan;
use crate::model::Row;
use crate::panic_hook;
use crate::scheduler::InputBatch;
use crate::stop::StopReason;

/// Rows that travel from the reader to the pool together.
const BATCH_ROWS: usize = 64;
/// Bytes after which such a batch is full.
const BATCH_BYTES: usize = 512 * 1024;
/// Batches between reader and pool.
pub const FEED_BATCHES: usize = 2;

/// Reads, maps and hands on, until the input ends or nobody takes the rows any more.
pub fn read(mut reading: Rows, plan: &Plan, feed: &mpsc::Sender<InputBatch>) {
    let mut batch = Vec::with_capacity(BATCH_ROWS);
    let mut bytes = 0;
    for (seq, record) in (0u64..).zip(&mut reading) {
        panic_hook::inject_panic_if_requested(panic_hook::PanicPoint::Read, &seq);
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let reason = StopReason::Local(error.into());
                let _ = feed.blocking_send(InputBatch::Broken(reason));
                return;
            }
        };
        let mapped = plan.map(&record);
        let row = Row {
            seq,
            record,
            identificador: mapped.identificador,
            tipo: mapped.tipo,
            job: mapped.job,
        };
        bytes += row.heap_bytes();
        batch.push(row);
        if batch.len() >= BATCH_ROWS || bytes >= BATCH_BYTES {
            bytes = 0;
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH_ROWS));
            if feed.blocking_send(InputBatch::Rows(full)).is_err() {
                return;
            }
        }
    }
    if !batch.is_empty() {
        let _ = feed.blocking_send(InputBatch::Rows(batch));
    }
}
