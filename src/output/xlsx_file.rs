//! A workbook with one sheet of texts that is being written: rust_xlsxwriter over an [`Output`]. Knows
//! nothing of columns.
//!
//! Every cell is a text in the format Text, so that a spreadsheet changes nothing in it, nor in what a
//! person types there. Rows wait in a temporary file of the crate; the output gets all of it at the
//! end. The crate panics where that temporary file cannot be written.

use std::io::{self, BufWriter, Write};

use rust_xlsxwriter::{Format, Workbook, XlsxError};
use zip::result::ZipError;

use super::atomic_file::Output;
use super::error::OutputError;
use crate::panic_hook;

/// The most rows that a sheet has, the header included.
pub const SHEET_ROWS: u64 = 1 << 20;
/// The most columns that a sheet has.
pub const SHEET_COLUMNS: u16 = 1 << 14;
/// The most characters that a cell holds, as UTF-16 counts them.
pub const CELL_CHARACTERS: usize = 32_767;

pub struct XlsxFile {
    workbook: Workbook,
    text: Format,
    row: u32,
    output: Output,
}

impl XlsxFile {
    /// `sheet` is the name of the sheet, where it can be one.
    pub fn new(output: Output, sheet: &str) -> Result<Self, OutputError> {
        let mut workbook = Workbook::new();
        let text = Format::new().set_num_format("@");
        let prepared = contained(|| {
            let worksheet = workbook.add_worksheet_with_constant_memory()?;
            if worksheet.set_name(sheet).is_err() {
                worksheet.set_name("Planilha")?;
            }
            worksheet.set_column_range_format(0, SHEET_COLUMNS - 1, &text)?;
            worksheet.set_freeze_panes(1, 0).map(|_| ())
        });
        prepared.map_err(|error| output.error(&error))?;
        Ok(Self { workbook, text, row: 0, output })
    }

    /// Appends a row.
    pub fn write<'c>(
        &mut self,
        cells: impl IntoIterator<Item = &'c str>,
    ) -> Result<(), OutputError> {
        let Self { workbook, text, row, .. } = self;
        let written = contained(|| {
            let worksheet = workbook.worksheet_from_index(0)?;
            for (column, cell) in (0..).zip(cells) {
                worksheet.write_string_with_format(*row, column, cell, text)?;
            }
            Ok(())
        });
        self.row += 1;
        written.map_err(|error| self.output.error(&error))
    }

    /// Brings everything to the disk; the file then only lacks its name.
    pub fn complete(&mut self) -> Result<(), OutputError> {
        let Self { workbook, output, .. } = self;
        let mut buffer = BufWriter::with_capacity(1 << 16, &mut *output);
        let saved = contained(|| workbook.save_to_writer(&mut buffer));
        let saved = saved.and_then(|()| buffer.flush());
        drop(buffer);
        saved.map_err(|error| self.output.error(&error))?;
        self.output.sync()
    }

    /// The file, for its place and its name.
    pub fn output(&self) -> &Output {
        &self.output
    }

    pub fn into_output(self) -> Output {
        self.output
    }
}

/// Whether a cell can hold the text.
pub fn fits_a_cell(text: &str) -> bool {
    // A character has at least as many bytes as units of UTF-16.
    text.len() <= CELL_CHARACTERS || text.encode_utf16().count() <= CELL_CHARACTERS
}

/// Runs the crate. It reports what the disk refused as an error in some places, and as a panic in
/// others.
fn contained(run: impl FnOnce() -> Result<(), XlsxError>) -> io::Result<()> {
    match panic_hook::contain(run) {
        Some(Ok(())) => Ok(()),
        Some(Err(
            XlsxError::IoError(error)
            | XlsxError::TempFileError(_, error)
            | XlsxError::ZipError(ZipError::Io(error)),
        )) => Err(error),
        Some(Err(error)) => Err(io::Error::other(error)),
        None => Err(io::ErrorKind::StorageFull.into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Destination, ModeLimit};
    use super::*;
    use crate::input::{InputArg, InputFile, ReadOptions, inspect, rows};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        /// f148
        #[test]
        fn every_text_is_read_back_as_it_was_written(
            cells in prop::collection::vec(
                prop_oneof![any::<String>(), "(_x[0-9A-F]{4}_| |\r|\n|\t|<|&amp;|]]>|=|'|\u{feff}){0,6}"],
                1..60,
            )
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.xlsx");
            let destination = Destination::from_arg(&path);
            let mut output = Output::open(&destination, ModeLimit::PRIVATE).unwrap();
            output.begin().unwrap();
            let mut file = XlsxFile::new(output, "Clientes").unwrap();
            file.write(["a", "b"]).unwrap();
            for cell in &cells {
                file.write(["x", cell]).unwrap();
            }
            file.complete().unwrap();
            file.output().persist().unwrap();
            let input = InputFile::open(&InputArg::from_arg(&path)).unwrap();
            let inspection = inspect(&input, &ReadOptions::default()).unwrap();
            let found: Result<Vec<_>, _> = rows(&input, &inspection).unwrap().collect();
            let found = found.unwrap();
            let found: Vec<_> = found.iter().map(|row| row.cell(1).unwrap()).collect();
            prop_assert_eq!(found, cells.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}
