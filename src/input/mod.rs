//! Bytes → records: encoding, dialect, structure, physical lines.
//!
//! [`InputFile::open`] opens an input, [`inspect()`] reads the whole of it once, and [`rows()`] then
//! reads its records as often as needed. What is wrong with the file as a whole is an
//! [`InputError`]; what is wrong with one row is left to the mapping.
//!
//! The stages are readers, one around the other: `blocks` (raw bytes, verified) → `gunzip` → `decode`
//! (UTF-8) → `records` with `parser` → `rows`. `inspect` detects what they need to know, with
//! `encoding` and `dialect`. A `workbook` gives records in their place.

mod blocks;
mod cp850;
mod decode;
mod dialect;
mod encoding;
mod error;
mod file_identity;
mod gunzip;
mod header;
mod input_file;
mod inspect;
mod lines;
mod other_formats;
mod parser;
#[cfg(test)]
mod properties;
mod record;
mod records;
mod rows;
#[cfg(test)]
pub(crate) mod strategies;
#[cfg(test)]
pub(crate) mod testing;
mod workbook;

pub use blocks::read_at;
pub use encoding::Encoding;
pub(crate) use encoding::Utf8Scan;
pub use error::InputError;
pub use header::name_of;
pub use input_file::{InputArg, InputFile};
pub use inspect::{Inspection, ReadOptions, inspect};
pub use record::{CELL_MAX, Record};
pub use rows::{RepeatedHeaders, Rows, rows};
pub use workbook::{CellFault, HiddenRows, Sheet};
