//! Bytes → records: encoding, dialect, structure, physical lines.
//!
//! A [`Source`] is opened, [`inspect()`] looks at all of it once, and [`rows()`] then reads its records
//! as often as needed. Whatever can be wrong with the file as a whole is an [`InputError`]; what is
//! wrong with one row is left to the mapper.
//!
//! Inside, each stage lends chunks to the next: `blocks` (raw bytes, verified, unpacked) → `text`
//! (UTF-8) → `parser` and `records`; `encoding` and `dialect` find out what those need to know.

mod blocks;
mod dialect;
mod encoding;
mod error;
mod header;
mod inspect;
mod lines;
mod parser;
mod record;
mod records;
mod rows;
mod source;
mod text;
mod watch;

pub use dialect::{InvalidDelimiter, parse_delimiter};
pub(crate) use encoding::Utf8Scan;
pub use encoding::{Encoding, UnknownEncoding};
pub use error::InputError;
pub use header::{REJECT_COLUMNS, name_of, reject_columns_at};
pub use inspect::{Inspection, ReadOptions, inspect};
pub use record::{CELL_MAX, CELLS_MAX, RECORD_MAX, Record};
pub use rows::{Rows, rows};
pub use source::{Input, Source};
pub use watch::Watch;
