//! The thread that reads and maps the input, and hands rows to the scheduler in batches.

use tokio::sync::mpsc;

use super::RunError;
use super::row_meaning::RowMeaning;
use crate::input::Rows;
use crate::mapped_rows::for_each_batch;
use crate::panic_hook;
use crate::scheduler::InputBatch;
use crate::stop::StopReason;

/// Reads until the input ends or the scheduler has closed the channel.
pub(super) fn read(mut reading: Rows, meaning: RowMeaning<'_>, batches: &mpsc::Sender<InputBatch>) {
    let map = |seq, record| {
        panic_hook::inject_panic_if_requested("read", &seq);
        Ok(meaning.row(seq, record)?)
    };
    for_each_batch(&mut reading, map, |batch: Result<_, RunError>| {
        let batch = match batch {
            Ok(rows) => InputBatch::Rows(rows),
            Err(error) => InputBatch::Broken(StopReason::Local(error.to_string())),
        };
        batches.blocking_send(batch).is_ok()
    });
}
