//! Bytes → records: encoding, dialect, structure, physical lines.

mod record;

pub use record::{CELL_MAX, RECORD_MAX, Record};
