//! What TomTicket holds, read into a file: the customers of an account as a CSV that `run` takes
//! (`pull`), and the ids that a mapping needs (`ids`).
//!
//! One list goes through [`list_reader`] (pages at the account's pace, repeated until they are there)
//! → [`list_end`] (which page is the last) → [`spool`] (customers on disk, the latest reading of each)
//! → [`snapshot_file`] (the CSV). How a request and a reply are spelled is the `api` room's.

mod error;
mod list_end;
mod list_reader;
mod mapping_ids;
mod snapshot_file;
mod spool;

pub use error::PullError;
pub use list_reader::ListReader;
pub use mapping_ids::read_ids;
pub use snapshot_file::{LineCount, PulledCustomers, SnapshotFormat, SnapshotKind, pull};
