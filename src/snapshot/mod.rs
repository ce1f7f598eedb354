//! A snapshot as evidence: what TomTicket held of each customer when `pull` read it (`--snapshot`).
//!
//! [`file`] reads the CSV once and copies it, decoded, to a temporary file; [`index`] finds a
//! customer's record there by any of its names, in at most 40 bytes a customer. Whether a row need not
//! be sent is decided by the judge beside the ledger's rules, which also knows what was sent since.

mod columns;
mod error;
mod evidence;
mod file;
mod index;

pub use error::SnapshotError;
pub use evidence::{HeldCustomers, Shown, Snapshot};
pub use file::SnapshotRules;
