//! The rejects file: header and original cells of every row that still needs something, in the
//! input's own delimiter and encoding, so that it runs again unedited under the same flags.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

use super::atomic_file::{Output, OutputError};
use super::clean;
use super::line::Line;
use crate::input::{
    CELL_MAX, Encoding, Inspection, REJECT_COLUMNS, Record, Utf8Scan, reject_columns_at,
};
use crate::model::Outcome;

/// Stands where a cell over 64 KiB was cut. The control character at its end (SUB) keeps the row
/// invalid, so that a new run does not take the beginning for the whole.
const CUT_MARK: &str = "... [cortado]\u{1a}";

/// How the input was written, as far as the rejects repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RejectsDialect {
    /// The input's; a comma where it has one column.
    pub delimiter: u8,
    /// Windows-1252 or UTF-8.
    pub windows_1252: bool,
    /// Whether the user said which encoding the input is in, as they will of the rejects.
    pub encoding_given: bool,
    /// Whether a byte order mark comes first. UTF-16 becomes UTF-8 with one.
    pub bom: bool,
    /// Whether lines end in CRLF.
    pub crlf: bool,
    /// Whether a line `sep=^` comes first: where the input had one, and the delimiter is none that
    /// would be found out without it.
    pub sep_line: bool,
}

impl RejectsDialect {
    /// The dialect of the rejects of a surveyed input.
    pub fn of(inspection: &Inspection) -> Self {
        let utf16 = matches!(inspection.encoding, Encoding::Utf16Le | Encoding::Utf16Be);
        Self {
            delimiter: inspection.delimiter.unwrap_or(b','),
            windows_1252: inspection.encoding == Encoding::Windows1252,
            encoding_given: inspection.forced_encoding.is_some(),
            bom: inspection.bom || utf16,
            crlf: inspection.crlf,
            sep_line: inspection.has_sep_line()
                && inspection.delimiter.is_some_and(|byte| !b",;\t|".contains(&byte)),
        }
    }
}

/// Writes the rejects.
#[derive(Debug)]
pub struct Rejects {
    output: Output,
    line: Line,
    dialect: RejectsDialect,
    /// Number of original columns.
    columns: usize,
    /// Where the columns of an earlier rejects file stand; they are replaced.
    earlier: Option<usize>,
    /// What the bytes written so far look like; for Windows-1252 only.
    scan: Utf8Scan,
}

impl Rejects {
    /// Writes the header.
    ///
    /// # Errors
    /// When the output cannot be written.
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
        let earlier = reject_columns_at(header);
        let columns = header.len() - earlier.map_or(0, |_| REJECT_COLUMNS.len());
        let line = Line::new(dialect.delimiter, dialect.crlf);
        let scan = Utf8Scan::default();
        let mut rejects = Self { output, line, dialect, columns, earlier, scan };
        rejects.put(header, REJECT_COLUMNS)?;
        Ok(rejects)
    }

    /// Writes one row's line.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn write(&mut self, record: &Record, outcome: &Outcome) -> Result<(), OutputError> {
        let mensagem = clean::cell(&outcome.mensagem);
        let erro = if outcome.situacao.erro() { "true" } else { "false" };
        self.put(record, [outcome.situacao.as_str(), erro, &mensagem])
    }

    /// Original cells (short rows padded), then ours, then surplus cells.
    fn put(&mut self, record: &Record, own: [&str; 3]) -> Result<(), OutputError> {
        let dropped = self.earlier.map_or(0..0, |at| at..at + REJECT_COLUMNS.len());
        let mut original: Vec<Cow<'_, str>> = record
            .cells()
            .enumerate()
            .filter(|(index, _)| !dropped.contains(index))
            .map(|(index, cell)| match record.is_cut(index) {
                true => Cow::Owned(mark_cut(cell)),
                false => Cow::Borrowed(cell),
            })
            .collect();
        original.resize(original.len().max(self.columns), Cow::Borrowed(""));
        let surplus = original.split_off(self.columns);
        let cells =
            original.iter().map(Cow::as_ref).chain(own).chain(surplus.iter().map(Cow::as_ref));
        let bytes = self.line.of(cells);
        match self.dialect.windows_1252 {
            false => self.output.write(bytes),
            true => {
                let bytes = to_windows_1252(&String::from_utf8_lossy(bytes));
                self.scan.push(&bytes);
                self.output.write(&bytes)
            }
        }
    }

    /// The encoding that a new run must be told (`--encoding`), where the flags of this one would let
    /// it take what was written for something else: text like `JoÃ£o` was one among rows that could
    /// only be Windows-1252, and may now stand alone. To be asked when all rows are written.
    pub fn encoding_to_give(&self) -> Option<Encoding> {
        let found_again = self.dialect.windows_1252 && !self.dialect.encoding_given;
        (found_again && self.scan.misleads()).then_some(Encoding::Windows1252)
    }

    /// Hands everything to the system.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn flush(&mut self) -> Result<(), OutputError> {
        self.output.flush()
    }

    /// Brings the file to the disk.
    ///
    /// # Errors
    /// When the output cannot be completed.
    pub fn complete(&mut self) -> Result<(), OutputError> {
        self.output.complete()
    }

    /// Gives the completed file its name.
    ///
    /// # Errors
    /// When the system refuses to.
    pub fn put_in_place(&mut self) -> Result<(), OutputError> {
        self.output.put_in_place()
    }

    /// The file that holds what was written, as it is named now.
    pub fn stands_at(&self) -> String {
        self.output.stands_at()
    }
}

/// The beginning of a cut cell with the mark, within the limit.
fn mark_cut(cell: &str) -> String {
    let room = CELL_MAX - CUT_MARK.len();
    let end = (0..=room.min(cell.len())).rev().find(|at| cell.is_char_boundary(*at));
    format!("{}{CUT_MARK}", &cell[..end.unwrap_or(0)])
}

/// The input's cells came from Windows-1252, so they go back without loss; only a message can hold
/// something else, which becomes `?`.
fn to_windows_1252(text: &str) -> Vec<u8> {
    let (bytes, _, lossy) = WINDOWS_1252.encode(text);
    if !lossy {
        return bytes.into_owned();
    }
    let mut buffer = [0u8; 4];
    text.chars()
        .flat_map(|c| {
            let (bytes, _, lossy) = WINDOWS_1252.encode(c.encode_utf8(&mut buffer));
            if lossy { vec![b'?'] } else { bytes.into_owned() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Situacao;
    use crate::output::Destination;

    fn written(dialect: RejectsDialect, header: &[&str], rows: &[&[&str]]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        let output = Output::open(&Destination::Path(path.clone())).unwrap();
        let mut rejects = Rejects::new(output, dialect, &Record::from_cells(1, header)).unwrap();
        for row in rows {
            let outcome = Outcome::unsent(Situacao::Invalido, "=não → x".into());
            rejects.write(&Record::from_cells(2, *row), &outcome).unwrap();
        }
        rejects.complete().unwrap();
        rejects.put_in_place().unwrap();
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
    fn short_rows_are_padded_and_surplus_cells_come_last() {
        let text = written(PLAIN, &["a", "b"], &[&["1"], &["1", "2", "3"]]);
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "a;b;situacao;erro;mensagem\n1;;invalido;true;'=não → x\n1;2;invalido;true;'=não → x;3\n"
        );
    }

    #[test]
    fn the_columns_of_an_earlier_rejects_file_are_replaced() {
        let header = ["a", "situacao", "erro", "mensagem"];
        let text = written(PLAIN, &header, &[&["1", "falhou", "true", "velha"]]);
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "a;situacao;erro;mensagem\n1;invalido;true;'=não → x\n"
        );
    }

    #[test]
    fn windows_1252_that_would_be_taken_for_utf8_says_so() {
        let told = |dialect: RejectsDialect, rows: &[&str]| {
            let folder = tempfile::tempdir().unwrap();
            let output = Output::open(&Destination::Path(folder.path().join("x.csv"))).unwrap();
            let header = Record::from_cells(1, ["nome"]);
            let mut rejects = Rejects::new(output, dialect, &header).unwrap();
            for row in rows {
                let outcome = Outcome::unsent(Situacao::Recusado, String::new());
                rejects.write(&Record::from_cells(2, [row]), &outcome).unwrap();
            }
            rejects.encoding_to_give()
        };
        let found = RejectsDialect { windows_1252: true, ..PLAIN };
        assert_eq!(told(found, &["JoÃ£o"]), Some(Encoding::Windows1252));
        assert_eq!(told(found, &["JoÃ£o", "João"]), Some(Encoding::Windows1252));
        assert_eq!(told(found, &["JoÃ£o", "João", "Zoë"]), None);
        assert_eq!(told(found, &["Joao"]), None);
        assert_eq!(told(RejectsDialect { encoding_given: true, ..found }, &["JoÃ£o"]), None);
        assert_eq!(told(PLAIN, &["JoÃ£o"]), None);
    }

    #[test]
    fn the_encoding_and_line_ends_are_the_inputs() {
        let dialect = RejectsDialect { windows_1252: true, crlf: true, ..PLAIN };
        let bytes = written(dialect, &["ação"], &[&["São"]]);
        assert_eq!(
            bytes,
            b"a\xe7\xe3o;situacao;erro;mensagem\r\nS\xe3o;invalido;true;'=n\xe3o ? x\r\n"
        );
        let dialect = RejectsDialect { bom: true, ..PLAIN };
        assert!(written(dialect, &["a"], &[]).starts_with(b"\xef\xbb\xbfa;"));
        let dialect = RejectsDialect { delimiter: b'^', crlf: true, sep_line: true, ..PLAIN };
        assert!(written(dialect, &["a"], &[]).starts_with(b"sep=^\r\na^situacao^"));
    }
}
