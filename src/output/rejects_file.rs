//! The rejects file as a CSV or as a workbook, whichever its name asks for. What stands in it is
//! [`super::rejects`]'s.

use std::borrow::Cow;

use super::atomic_file::Output;
use super::csv_file::CsvFile;
use super::error::OutputError;
use super::xlsx_file::XlsxFile;

pub enum RejectsFile {
    Csv(Box<CsvFile>),
    Xlsx(Box<XlsxFile>),
}

impl RejectsFile {
    pub(super) const fn is_xlsx(&self) -> bool {
        matches!(self, Self::Xlsx(_))
    }

    pub(super) fn write(&mut self, cells: &[Cow<'_, str>]) -> Result<(), OutputError> {
        let cells = cells.iter().map(Cow::as_ref);
        match self {
            Self::Csv(file) => file.write(cells),
            Self::Xlsx(file) => file.write(cells),
        }
    }

    /// Writes cells that are encoded already, which a workbook never has.
    pub(super) fn write_bytes(&mut self, cells: &[Cow<'_, [u8]>]) -> Result<(), OutputError> {
        match self {
            Self::Csv(file) => file.write(cells),
            Self::Xlsx(_) => Ok(()),
        }
    }

    /// Hands everything to the system, as far as the format allows.
    pub(super) fn flush(&mut self) -> Result<(), OutputError> {
        match self {
            Self::Csv(file) => file.flush(),
            // A workbook is put together at the end.
            Self::Xlsx(_) => Ok(()),
        }
    }

    /// Brings everything to the disk; the file then only lacks its name.
    pub fn complete(&mut self) -> Result<(), OutputError> {
        match self {
            Self::Csv(file) => file.complete(),
            Self::Xlsx(file) => file.complete(),
        }
    }

    /// The file, for its place and its name.
    pub fn output(&self) -> &Output {
        match self {
            Self::Csv(file) => file.output(),
            Self::Xlsx(file) => file.output(),
        }
    }
}
