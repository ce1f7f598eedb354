//! The rows of an inspected input: its records after the header that are not blank.
//!
//! Every reading is verified against the fingerprints of the inspection. Whether a row makes sense
//! under the header is decided in the mapping.

use super::dialect;
use super::error::InputError;
use super::input_file::InputFile;
use super::inspect::{Inspection, verified_records};
use super::parser::QuoteMode;
use super::record::Record;
use super::records::Records;

/// One reading of an input's rows, independent of every other. It ends after an error.
pub struct Rows {
    records: Records,
    ended: bool,
}

/// Begins a reading of the rows of `file`, which `inspection` is about.
///
/// # Errors
/// If the file has changed since, or cannot be read.
pub fn rows(file: &InputFile, inspection: &Inspection) -> Result<Rows, InputError> {
    let Inspection { encoding, bom, delimiter, sep_line, fingerprints, .. } = inspection;
    let records = verified_records(file, *encoding, *bom, fingerprints)?;
    let mut records = dialect::begin(records, *sep_line, *delimiter, QuoteMode::Strict)?;
    // The header; the inspection holds it.
    records.read_filled()?;
    Ok(Rows { records, ended: false })
}

impl Iterator for Rows {
    type Item = Result<Record, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let row = self.records.read_filled().transpose();
        self.ended = !matches!(row, Some(Ok(_)));
        row
    }
}
