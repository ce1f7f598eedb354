//! Writes the rejects file: the original cells of every row that still needs something, in the
//! format of [`super::rejects_format`].

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

use super::atomic_file::Output;
use super::csv_file::CsvFile;
use super::error::OutputError;
use super::rejects_format::{REJECT_COLUMNS, RejectColumns, RejectsDialect, original_cells};
use crate::input::{CELL_MAX, Encoding, Record, Utf8Scan};
use crate::model::Situacao;

/// Marks where a cell over 64 KiB was cut. The control character at its end (SUB) keeps the row
/// invalid, so that a new run does not send the cut cell as if it were whole.
const CUT_MARK: &str = "... [cortado]\u{1a}";

#[derive(Debug)]
pub struct Rejects {
    pub(super) file: CsvFile,
    dialect: RejectsDialect,
    columns: usize,
    /// The columns of an earlier rejects file in the input; they are replaced.
    replaced: Option<RejectColumns>,
    /// What encoding the bytes written so far look like; for Windows-1252 only.
    scan: Utf8Scan,
}

impl Rejects {
    pub fn new(
        mut output: Output,
        dialect: RejectsDialect,
        header: &Record,
    ) -> Result<Self, OutputError> {
        if dialect.bom {
            output.write("\u{feff}".as_bytes())?;
        }
        if dialect.sep_line {
            let end: &[u8] = if dialect.crlf { b"\r\n" } else { b"\n" };
            output.write(&[b"sep=", &[dialect.delimiter][..], end].concat())?;
        }
        let replaced = RejectColumns::find(header);
        let mut rejects = Self {
            file: CsvFile::new(output, dialect.delimiter, dialect.crlf),
            dialect,
            columns: original_cells(header, replaced).count(),
            replaced,
            scan: Utf8Scan::default(),
        };
        rejects.write_cells(header, REJECT_COLUMNS)?;
        Ok(rejects)
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
            .map(|(index, cell)| match record.is_cut(index) {
                true => Cow::Owned(mark_cut(cell)),
                false => Cow::Borrowed(cell),
            })
            .collect();
        original.resize(original.len().max(self.columns), Cow::Borrowed(""));
        let surplus = original.split_off(self.columns);
        let cells = original.iter().map(Cow::as_ref).chain(own);
        let cells = cells.chain(surplus.iter().map(Cow::as_ref));
        if !self.dialect.windows_1252 {
            return self.file.write(cells);
        }
        let cells: Vec<Cow<'_, [u8]>> = cells.map(to_windows_1252).collect();
        for cell in &cells {
            self.scan.push(cell);
            // What stands between two cells is ASCII.
            self.scan.push(b"\n");
        }
        self.file.write(&cells)
    }

    /// The encoding that a new run must be told (`--encoding`), where it would otherwise detect
    /// another one: text such as `JoÃ£o` can only be Windows-1252 beside certain other rows, and may
    /// stand alone here. To be asked after the last row.
    pub fn encoding_to_give(&self) -> Option<Encoding> {
        let detected = self.dialect.windows_1252 && !self.dialect.encoding_given;
        (detected && self.scan.misleads()).then_some(Encoding::Windows1252)
    }
}

/// The beginning of a cut cell and the mark, together within the limit of a cell.
fn mark_cut(cell: &str) -> String {
    let room = CELL_MAX - CUT_MARK.len();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Destination;

    fn written(dialect: RejectsDialect, header: &[&str], rows: &[&[&str]]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        let output = Output::open(&Destination::Path(path.clone())).unwrap();
        let mut rejects = Rejects::new(output, dialect, &Record::from_cells(1, header)).unwrap();
        for row in rows {
            let record = Record::from_cells(2, *row);
            rejects.write(&record, Situacao::Invalido, "não → x").unwrap();
        }
        rejects.file.complete().unwrap();
        rejects.file.output().persist().unwrap();
        std::fs::read(path).unwrap()
    }

    const PLAIN: RejectsDialect = RejectsDialect {
        delimiter: b';',
        windows_1252: false,
        encoding_given: false,
        bom: false,
        crlf: false,
        sep_line: false,
    };

    #[test]
    fn windows_1252_that_would_be_taken_for_utf8_says_so() {
        let to_give = |dialect: RejectsDialect, rows: &[&str]| {
            let folder = tempfile::tempdir().unwrap();
            let output = Output::open(&Destination::Path(folder.path().join("x.csv"))).unwrap();
            let header = Record::from_cells(1, ["nome"]);
            let mut rejects = Rejects::new(output, dialect, &header).unwrap();
            for row in rows {
                let record = Record::from_cells(2, [row]);
                rejects.write(&record, Situacao::Recusado, "").unwrap();
            }
            rejects.encoding_to_give()
        };
        let found = RejectsDialect { windows_1252: true, ..PLAIN };
        assert_eq!(to_give(found, &["JoÃ£o"]), Some(Encoding::Windows1252));
        assert_eq!(to_give(found, &["JoÃ£o", "João"]), Some(Encoding::Windows1252));
        assert_eq!(to_give(found, &["JoÃ£o", "João", "Zoë"]), None);
        assert_eq!(to_give(found, &["Joao"]), None);
        assert_eq!(to_give(RejectsDialect { encoding_given: true, ..found }, &["JoÃ£o"]), None);
        assert_eq!(to_give(PLAIN, &["JoÃ£o"]), None);
    }

    #[test]
    fn the_encoding_and_line_ends_are_the_inputs() {
        let dialect = RejectsDialect { windows_1252: true, crlf: true, ..PLAIN };
        let bytes = written(dialect, &["ação"], &[&["São"]]);
        assert_eq!(
            bytes,
            b"a\xe7\xe3o;situacao;erro;mensagem\r\nS\xe3o;invalido;true;n\xe3o ? x\r\n"
        );
        let dialect = RejectsDialect { bom: true, ..PLAIN };
        assert!(written(dialect, &["a"], &[]).starts_with(b"\xef\xbb\xbfa;"));
        let dialect = RejectsDialect { delimiter: b'^', crlf: true, sep_line: true, ..PLAIN };
        assert!(written(dialect, &["a"], &[]).starts_with(b"sep=^\r\na^situacao^"));
    }
}
