//! Result rows and a run's summary → one self-contained HTML page in Portuguese.
//!
//! [`ResultStats`](crate::html_report::stats::ResultStats) is the sum of the rows; [`read_results`] makes it of a
//! results file, the reporter makes it while it writes one. [`RunFacts`] is what only the run
//! knows, as its summary JSON says it. [`html`] makes the page of both. What is not known is left
//! out; nothing here sends, decides or repairs.

mod chart;
mod charts;
mod error;
mod facts;
mod page;
mod read;
mod settings;
pub mod stats;
mod ticks;
mod words;

pub use error::ReportError;
pub use facts::RunFacts;
pub use page::html;
pub use read::read_results;
pub use words::Clock;
