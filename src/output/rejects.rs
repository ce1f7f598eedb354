//! Writes the rejects file: the original cells of every row that still needs something, spelled like
//! the input, so that the flags that fitted the input fit it. The format is
//! [`super::rejects_format`]'s.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

use super::atomic_file::Output;
use super::csv_file::CsvFile;
use super::destination::Destination;
use super::error::OutputError;
use super::rejects_file::RejectsFile;
use super::rejects_format::{REJECT_COLUMNS, RejectColumns, original_cells};
use super::sanitize::safe_cell;
use super::xlsx_file::{CELL_CHARACTERS, SHEET_COLUMNS, SHEET_ROWS, XlsxFile, fits_a_cell};
use crate::input::{CELL_MAX, CellFault, Encoding, Inspection, Record, Utf8Scan};
use crate::locale::format::number;
use crate::model::Situacao;

/// The control character (SUB) at the end of a mark keeps the row invalid, so that a new run does not
/// send a cell as if it were right.
const MARK_END: char = '\u{1a}';
/// Marks where a cell that is too long was cut.
const CUT_MARK: &str = "... [cortado]\u{1a}";

pub struct Rejects {
    pub file: RejectsFile,
    is_windows_1252: bool,
    /// Whether the user named the input's encoding, and so will name that of the rejects.
    encoding_given: bool,
    columns: usize,
    /// The columns of an earlier rejects file in the input; they are replaced.
    replaced: Option<RejectColumns>,
    /// What encoding the bytes written so far look like; for Windows-1252 only.
    scan: Utf8Scan,
}

impl Rejects {
    /// Refuses a workbook that could not hold the rejects of so many rows.
    pub fn check(
        destination: &Destination,
        input: &Inspection,
        rows: u64,
    ) -> Result<(), OutputError> {
        let columns = input.header.len() + REJECT_COLUMNS.len();
        let fits = rows < SHEET_ROWS && columns <= usize::from(SHEET_COLUMNS);
        match fits || !destination.has_ending("xlsx") {
            true => Ok(()),
            false => Err(OutputError::Refused(format!(
                "{} não poderia receber todas as linhas: uma planilha tem no máximo {} linhas e {} colunas; use --rejects com um nome que termine em .csv",
                destination.in_words(),
                number(SHEET_ROWS),
                number(SHEET_COLUMNS.into())
            ))),
        }
    }

    pub fn new(output: Output, input: &Inspection) -> Result<Self, OutputError> {
        let Inspection { header, encoding, .. } = input;
        let file = match output.is_xlsx() {
            true => {
                let sheet = input.sheet.as_ref().map_or("Rejeitados", |sheet| &sheet.name);
                RejectsFile::Xlsx(Box::new(XlsxFile::new(output, sheet)?))
            }
            false => RejectsFile::Csv(Box::new(csv_file(output, input)?)),
        };
        let replaced = RejectColumns::find(header);
        let mut rejects = Self {
            is_windows_1252: *encoding == Encoding::Windows1252 && !file.is_xlsx(),
            file,
            encoding_given: input.forced_encoding.is_some(),
            columns: original_cells(header, replaced).count(),
            replaced,
            scan: Utf8Scan::default(),
        };
        rejects.write_cells(header, REJECT_COLUMNS)?;
        Ok(rejects)
    }

    /// Writes the line of a row that is not sent.
    pub fn write_row(
        &mut self,
        record: &Record,
        situacao: Situacao,
        mensagem: &str,
    ) -> Result<(), OutputError> {
        self.write(record, situacao, &safe_cell(mensagem))
    }

    /// Writes one row's line. `mensagem` is made safe for a spreadsheet.
    pub(super) fn write(
        &mut self,
        record: &Record,
        situacao: Situacao,
        mensagem: &str,
    ) -> Result<(), OutputError> {
        let erro = if situacao.erro() { "true" } else { "false" };
        self.write_cells(record, [situacao.as_str(), erro, mensagem])
    }

    /// Writes the original cells (short rows padded), then `own`, then surplus cells.
    fn write_cells(&mut self, record: &Record, own: [&str; 3]) -> Result<(), OutputError> {
        let mut original: Vec<Cow<'_, str>> = original_cells(record, self.replaced)
            .map(|(index, cell)| match record.fault(index) {
                _ if record.is_cut(index) || !self.fits(cell) => {
                    Cow::Owned(mark_cut(cell, self.longest_cell()))
                }
                Some(fault) => Cow::Owned(marked(cell, fault)),
                None => Cow::Borrowed(cell),
            })
            .collect();
        original.resize(original.len().max(self.columns), Cow::Borrowed(""));
        let surplus = original.split_off(self.columns);
        original.extend(own.map(Cow::Borrowed));
        original.extend(surplus);
        if !self.is_windows_1252 {
            return self.file.write(&original);
        }
        let cells: Vec<_> = original.iter().map(|cell| to_windows_1252(cell)).collect();
        for cell in &cells {
            self.scan.push(cell);
            // What stands between two cells is ASCII.
            self.scan.push(b"\n");
        }
        self.file.write_bytes(&cells)
    }

    fn fits(&self, cell: &str) -> bool {
        !self.file.is_xlsx() || fits_a_cell(cell)
    }

    /// Bytes that fit into a cell, whatever they are.
    const fn longest_cell(&self) -> usize {
        if self.file.is_xlsx() { CELL_CHARACTERS } else { CELL_MAX }
    }

    /// The encoding that a new run must be told (`--encoding`), where it would otherwise detect
    /// another one: text such as `JoÃ£o` can only be Windows-1252 beside certain other rows, and may
    /// stand alone here. To be asked after the last row.
    pub fn encoding_to_give(&self) -> Option<Encoding> {
        let detected = self.is_windows_1252 && !self.encoding_given;
        (detected && self.scan.misleads()).then_some(Encoding::Windows1252)
    }
}

/// A cell that may not be sent as it is.
fn marked(cell: &str, fault: CellFault) -> String {
    let cell = cell.trim();
    let space = if cell.is_empty() { "" } else { " " };
    format!("{cell}{space}[{}]{MARK_END}", fault.word())
}

/// A CSV that begins as the input does.
fn csv_file(mut output: Output, input: &Inspection) -> Result<CsvFile, OutputError> {
    let Inspection { encoding, crlf, .. } = input;
    // What is neither UTF-8 nor Windows-1252 becomes UTF-8. The mark wins over `--encoding`.
    if input.bom || !matches!(encoding, Encoding::Utf8 | Encoding::Windows1252) {
        output.write("\u{feff}".as_bytes())?;
    }
    let delimiter = input.delimiter.unwrap_or(b',');
    // Only where the delimiter would not be detected without it.
    if input.sep_line && !b",;\t|".contains(&delimiter) {
        let end: &[u8] = if *crlf { b"\r\n" } else { b"\n" };
        output.write(&[b"sep=", &[delimiter][..], end].concat())?;
    }
    Ok(CsvFile::new(output, delimiter, *crlf))
}

/// The beginning of a cut cell and the mark, together within `most` bytes.
fn mark_cut(cell: &str, most: usize) -> String {
    let room = most - CUT_MARK.len();
    let end = (0..=room.min(cell.len())).rev().find(|at| cell.is_char_boundary(*at));
    format!("{}{CUT_MARK}", &cell[..end.unwrap_or(0)])
}

/// The cell in Windows-1252. Cells of the input came from there and go back without loss; in a
/// message, characters that do not exist there become `?`.
fn to_windows_1252(cell: &str) -> Cow<'_, [u8]> {
    let (bytes, _, lossy) = WINDOWS_1252.encode(cell);
    if !lossy {
        return bytes;
    }
    let mut buffer = [0u8; 4];
    let mut encode = |c: char| {
        let (bytes, _, lossy) = WINDOWS_1252.encode(c.encode_utf8(&mut buffer));
        if lossy { vec![b'?'] } else { bytes.into_owned() }
    };
    cell.chars().flat_map(&mut encode).collect()
}
