//! The thread that reads and maps the input, and hands rows to the scheduler in batches.

use tokio::sync::mpsc;

use crate::input::Rows;
use crate::mapped_rows::for_each_batch;
use crate::mapping::MappingPlan;
use crate::panic_hook;
use crate::scheduler::InputBatch;
use crate::selection::Selection;
use crate::stop::StopReason;

/// Reads until the input ends or the scheduler has closed the channel.
pub(super) fn read(
    mut reading: Rows,
    plan: &MappingPlan,
    selection: Option<&Selection>,
    batches: &mpsc::Sender<InputBatch>,
) {
    for_each_batch(&mut reading, plan, |batch| {
        let batch = match batch {
            Ok(mut rows) => {
                for row in &mut rows {
                    panic_hook::inject_panic_if_requested("read", &row.seq);
                    if let Some(selection) = selection {
                        let _ = selection.apply(row, plan);
                    }
                }
                InputBatch::Rows(rows)
            }
            Err(error) => InputBatch::Broken(StopReason::Local(error.to_string())),
        };
        batches.blocking_send(batch).is_ok()
    });
}
