//! The rows of a sheet in a temporary file without a name, from which they are read as often as
//! needed. Reading the workbook again would take seconds and its texts in memory each time.

use std::fs::File;
use std::io::{self, BufRead, BufWriter, Read, Write};
use std::sync::Arc;

use super::super::blocks::Blocks;
use super::super::error::InputError;
use super::super::record::Record;

/// Writes records.
pub(super) struct SpoolWriter {
    to: BufWriter<File>,
    buffer: Vec<u8>,
}

impl SpoolWriter {
    pub(super) fn new() -> io::Result<Self> {
        let to = BufWriter::with_capacity(1 << 16, tempfile::tempfile()?);
        Ok(Self { to, buffer: Vec::new() })
    }

    pub(super) fn write(&mut self, record: &Record) -> io::Result<()> {
        self.buffer.clear();
        let buffer = std::mem::take(&mut self.buffer);
        self.buffer = postcard::to_extend(record, buffer).map_err(io::Error::other)?;
        let length = u32::try_from(self.buffer.len()).map_err(io::Error::other)?;
        self.to.write_all(&length.to_le_bytes())?;
        self.to.write_all(&self.buffer)
    }

    /// The rows, which are given so many cells.
    pub(super) fn finish(self, columns: usize) -> io::Result<SheetRows> {
        let file = self.to.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(SheetRows { file: Arc::new(file), columns })
    }
}

/// The rows after the header.
#[derive(Debug)]
pub(super) struct SheetRows {
    file: Arc<File>,
    columns: usize,
}

impl SheetRows {
    pub(super) fn reader(&self, label: &Arc<str>) -> SheetReader {
        let from = Blocks::new(self.file.clone(), label.clone(), None);
        SheetReader { from, columns: self.columns, buffer: Vec::new(), label: label.clone() }
    }
}

/// One reading of a sheet's rows, independent of every other.
pub(in crate::input) struct SheetReader {
    from: Blocks,
    columns: usize,
    buffer: Vec<u8>,
    label: Arc<str>,
}

impl SheetReader {
    /// The next row; `None` at the end.
    pub(in crate::input) fn read(&mut self) -> Result<Option<Record>, InputError> {
        let read = self.try_read();
        read.map_err(|error| InputError::from_io(error, &self.label))
    }

    fn try_read(&mut self) -> io::Result<Option<Record>> {
        if self.from.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let mut length = [0; 4];
        self.from.read_exact(&mut length)?;
        self.buffer.resize(u32::from_le_bytes(length) as usize, 0);
        self.from.read_exact(&mut self.buffer)?;
        let record: Record = postcard::from_bytes(&self.buffer).map_err(io::Error::other)?;
        Ok(Some(record.resized(self.columns)))
    }
}
