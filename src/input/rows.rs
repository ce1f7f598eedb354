//! The rows of an inspected input: its records after the header that are neither blank nor the header
//! once more.
//!
//! Every reading of a text is verified against the fingerprints of the inspection; the rows of a sheet
//! were kept by it. Whether a row makes sense
//! under the header is decided in the mapping.

use super::dialect;
use super::error::InputError;
use super::header::name_of;
use super::input_file::InputFile;
use super::inspect::Inspection;
use super::parser::QuoteMode;
use super::record::Record;
use super::records::Records;
use super::workbook::SheetReader;
use crate::model::same_name;

/// One reading of an input's rows, independent of every other. It ends after an error.
pub struct Rows {
    source: RowSource,
    ended: bool,
    header: Record,
    repeated: RepeatedHeaders,
}

/// Where records come from.
enum RowSource {
    Text(Records),
    Sheet(SheetReader),
}

impl RowSource {
    /// The next record that is not blank.
    fn read(&mut self) -> Result<Option<Record>, InputError> {
        match self {
            Self::Text(records) => records.read_filled(),
            Self::Sheet(reader) => reader.read(),
        }
    }
}

/// Records that repeat the header, perhaps in another letter case, as files do that were joined from
/// several. They are no rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct RepeatedHeaders {
    pub count: u64,
    /// The line of the first one.
    pub first: u64,
}

impl Rows {
    /// The repeated headers that were skipped so far.
    pub fn repeated_headers(&self) -> RepeatedHeaders {
        self.repeated
    }

    fn is_header(&self, record: &Record) -> bool {
        let is_same = |a: &str, b: &str| a.len() == b.len() && same_name(a, b);
        record.len() == self.header.len()
            && record.cells().zip(self.header.cells()).all(|(a, b)| is_same(name_of(a), name_of(b)))
    }
}

/// Begins a reading of the rows of `file`, which `inspection` is about.
///
/// # Errors
/// If the file has changed since, or cannot be read.
pub fn rows(file: &InputFile, inspection: &Inspection) -> Result<Rows, InputError> {
    let source = match &inspection.sheet {
        Some(_) if file.has_changed() => {
            return Err(InputError::Changed { label: file.shared_label() });
        }
        Some(sheet) => RowSource::Sheet(sheet.reader(&file.shared_label())),
        None => {
            let Inspection { sep_line, delimiter, .. } = inspection;
            let records = inspection.records(file)?;
            let mut records = dialect::begin(records, *sep_line, *delimiter, QuoteMode::Strict)?;
            // The header; the inspection holds it.
            records.read_filled()?;
            RowSource::Text(records)
        }
    };
    let header = inspection.header.clone();
    Ok(Rows { source, ended: false, header, repeated: RepeatedHeaders::default() })
}

impl Iterator for Rows {
    type Item = Result<Record, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let mut row = self.source.read().transpose();
        while let Some(Ok(record)) = &row
            && self.is_header(record)
        {
            if self.repeated.count == 0 {
                self.repeated.first = record.linha();
            }
            self.repeated.count += 1;
            row = self.source.read().transpose();
        }
        self.ended = !matches!(row, Some(Ok(_)));
        row
    }
}
