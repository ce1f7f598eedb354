//! A CSV file that is being written: the csv crate over an [`Output`]. Knows nothing of columns.

use std::io;

use csv::{Terminator, Writer, WriterBuilder};
use serde::Serialize;

use super::atomic_file::Output;
use super::error::OutputError;

/// Writes CSV records. Cells are quoted only where they must be.
///
/// `csv::Writer` swallows errors when it is dropped: only what [`flush`](Self::flush) returned `Ok`
/// for is known to be written.
pub struct CsvFile {
    writer: Writer<Output>,
}

impl CsvFile {
    pub(super) fn new(output: Output, delimiter: u8, crlf: bool) -> Self {
        let terminator = if crlf { Terminator::CRLF } else { Terminator::Any(b'\n') };
        let writer = WriterBuilder::new()
            .delimiter(delimiter)
            .terminator(terminator)
            .has_headers(false)
            .flexible(true)
            .from_writer(output);
        Self { writer }
    }

    pub(super) fn write(
        &mut self,
        cells: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Result<(), OutputError> {
        let result = self.writer.write_record(cells);
        self.check(result)
    }

    /// Writes a struct whose fields are the columns, in order.
    pub(super) fn write_row(&mut self, row: &impl Serialize) -> Result<(), OutputError> {
        let result = self.writer.serialize(row);
        self.check(result)
    }

    fn check(&self, result: Result<(), csv::Error>) -> Result<(), OutputError> {
        result.map_err(|error| {
            let error = match error.into_kind() {
                csv::ErrorKind::Io(error) => error,
                other => io::Error::other(format!("{other:?}")),
            };
            self.output().error(&error)
        })
    }

    /// Hands everything to the system.
    pub(super) fn flush(&mut self) -> Result<(), OutputError> {
        let result = self.writer.flush();
        result.map_err(|error| self.output().error(&error))
    }

    /// Brings everything to the disk; the file then only lacks its name.
    pub fn complete(&mut self) -> Result<(), OutputError> {
        self.flush()?;
        self.output().sync()
    }

    /// The file, for its place and its name.
    pub fn output(&self) -> &Output {
        self.writer.get_ref()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::destination::Destination;
    use super::super::ownership::ModeLimit;
    use super::*;

    #[test]
    fn a_failed_write_is_reported_and_never_repeated() {
        let limit = ModeLimit::of_input("a.csv".as_ref());
        let output = Output::open(&Destination::from_arg("/dev/full"), limit).unwrap();
        let mut file = CsvFile::new(output, b',', false);
        file.write(["a", "b"]).unwrap();
        assert!(matches!(file.flush(), Err(OutputError::Write { .. })));
        // The buffer still holds the record, and dropping the writer flushes it.
        assert!(file.flush().is_err());
    }
}
