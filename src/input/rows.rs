//! The rows of a surveyed input: its records after the header that are not blank.
//!
//! Every reading watches the file and, where the inspection wrote fingerprints down, verifies it.
//! Whether a row makes sense under the header is the mapper's business.

use std::sync::Arc;

use super::blocks::Bytes;
use super::dialect;
use super::error::InputError;
use super::inspect::Inspection;
use super::parser::Mode;
use super::record::Record;
use super::records::Records;
use super::source::Source;
use super::watch::Watch;

/// One reading of an input's rows, independent of every other.
///
/// As an iterator it gives every row a record of its own, and ends after an error.
pub struct Rows {
    records: Records<Bytes>,
    watch: Watch,
    label: Arc<str>,
    ended: bool,
}

/// Begins a reading of the rows of `source`, which `inspection` is about.
///
/// # Errors
/// If the file is no longer the surveyed one, or cannot be read.
pub fn rows(source: &Source, inspection: &Inspection) -> Result<Rows, InputError> {
    let label = source.shared_label();
    let bytes = source.bytes(inspection.check());
    let records = Records::new(bytes, inspection.encoding, inspection.bom_len, label.clone());
    let mut records =
        dialect::begin(records, inspection.sep_line, inspection.delimiter, Mode::Strict)?;
    let mut header = Record::default();
    // Without fingerprints the header alone tells whether the columns are still what they were.
    if !records.read_filled(&mut header)? || header != inspection.header {
        return Err(InputError::Changed { label });
    }
    Ok(Rows { records, watch: source.watch(), label, ended: false })
}

impl Rows {
    /// Reads the next row into the buffers of `record`; `false` after the last one.
    ///
    /// # Errors
    /// If the file is damaged there, cannot be read, or has changed. Nothing follows an error.
    pub fn read(&mut self, record: &mut Record) -> Result<bool, InputError> {
        if self.ended {
            return Ok(false);
        }
        let result = self.records.read_filled(record);
        // A file that is being rewritten looks damaged too; that it changed is the better reason.
        let result = match result {
            Ok(_) if self.watch.changed() => Err(self.changed()),
            Err(error) if !error.is_local_failure() && self.watch.changed_now() => {
                tracing::debug!(%error, "the changed input could not be read");
                Err(self.changed())
            }
            other => other,
        };
        self.ended = !matches!(result, Ok(true));
        result
    }

    /// Raw bytes read from the file so far, out of [`Source::raw_len`]. Ahead of the rows by up to
    /// a block, and more where the file is gzipped.
    pub fn position(&self) -> u64 {
        self.records.raw().position()
    }

    fn changed(&self) -> InputError {
        InputError::Changed { label: self.label.clone() }
    }
}

impl Iterator for Rows {
    type Item = Result<Record, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = Record::default();
        match self.read(&mut record) {
            Ok(true) => Some(Ok(record)),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}
