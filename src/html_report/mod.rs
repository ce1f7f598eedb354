//! Results and summary of a run → one self-contained HTML page in Portuguese.
//!
//! [`stats::ResultStats`] comes from the result lines, while they are written or from the file
//! ([`read_results`]); [`RunSummary`](crate::output::RunSummary) from the run or from its JSON
//! ([`read_summary`]). [`html`] makes the page of both, and leaves out what is unknown. Nothing here
//! sends, decides or repairs.

mod chart;
mod charts;
mod error;
mod format;
mod page;
mod read;
mod repair;
mod settings;
pub mod stats;
mod ticks;
mod time_axis;
mod verdict;

pub use error::ReportError;
pub use format::Clock;
pub use page::html;
pub use read::{check_same_run, each_result, read_results, read_summary};
