//! Whole files: what is refused and with which words, the encoding, every dialect, and files that
//! change between two readings.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use super::super::testing::{TestFile, gzip, read_all, utf16};
use super::super::{InputArg, ReadOptions, Rows, rows};
use super::*;
use crate::exit_code;

/// The rows of a file that is several blocks long.
const ROWS: usize = 60_000;

fn forced(encoding: Encoding) -> ReadOptions {
    ReadOptions { encoding: Some(encoding), ..ReadOptions::default() }
}

#[test]
fn files_without_a_header_are_refused() {
    for content in [&b""[..], b"\n\r\n \n", b"\xEF\xBB\xBF", b"\x1a", b";;;\n;;;\n", b"sep=;\n"] {
        let error = read_all(content, ReadOptions::default()).unwrap_err();
        assert!(
            matches!(error, InputError::Empty { .. } | InputError::NoHeader { .. }),
            "{content:?}: {error}"
        );
        assert_eq!(error.exit_code(), exit_code::USAGE);
        assert!(error.to_string().contains("clientes.csv"), "{error}");
    }
}

#[test]
fn nothing_follows_an_error() {
    let csv = TestFile::new("a;b\n1;2\n\"3\"x;4\n5;6\n");
    let (_, mut rows) = csv.inspect(ReadOptions::default()).unwrap();
    assert!(rows.next().unwrap().is_ok());
    assert!(rows.next().unwrap().is_err());
    assert!(rows.next().is_none());
}

#[test]
fn a_damaged_utf8_file_is_refused_with_the_line_unless_the_user_insists() {
    let content = [
        "id;nome\r\n1;São João\r\n2;\"duas\nlinhas\"\r\n3;Jos".as_bytes(),
        b"\xe9\r\n4;",
        "Conceição\r\n".as_bytes(),
    ]
    .concat();
    let error = read_all(&content, ReadOptions::default()).unwrap_err();
    assert!(matches!(error, InputError::MostlyUtf8 { line: 5, byte: 0xE9, .. }), "{error}");
    assert!(error.to_string().contains("--encoding windows-1252"), "{error}");
    let error = read_all(&content, forced(Encoding::Utf8)).unwrap_err();
    assert!(matches!(error, InputError::Undecodable { line: 5, bom: false, .. }), "{error}");
    let (inspection, _) = read_all(&content, forced(Encoding::Windows1252)).unwrap();
    assert_eq!(inspection.encoding, Encoding::Windows1252);
}

#[test]
fn a_byte_order_mark_wins_over_the_flag() {
    let (inspection, _) =
        read_all("\u{feff}id;nome\n1;João\n", forced(Encoding::Windows1252)).unwrap();
    assert_eq!((inspection.encoding, inspection.bom), (Encoding::Utf8, true));
    assert_eq!(inspection.forced_encoding, Some(Encoding::Windows1252));
    assert_eq!(inspection.header, Record::from_cells(1, ["id", "nome"]));
    let damaged = b"\xEF\xBB\xBFid;nome\n1;Jo\xe3o\n";
    let error = read_all(damaged, ReadOptions::default()).unwrap_err();
    assert!(matches!(error, InputError::Undecodable { line: 2, bom: true, .. }), "{error}");
}

#[test]
fn utf16_without_a_mark_needs_the_flag_and_a_torn_one_names_its_line() {
    let mut content = utf16("id;nome\n1;João\n", u16::to_be_bytes);
    let error = read_all(&content, ReadOptions::default()).unwrap_err();
    assert!(matches!(error, InputError::Utf16WithoutBom { big_endian: true, .. }), "{error}");
    let (_, rows) = read_all(&content, forced(Encoding::Utf16Be)).unwrap();
    assert_eq!(rows, [Record::from_cells(2, ["1", "João"])]);
    content.push(0);
    let error = read_all(&content, forced(Encoding::Utf16Be)).unwrap_err();
    assert!(matches!(error, InputError::Undecodable { line: 3, .. }), "{error}");
}

fn long_file() -> TestFile {
    let rows: String = (0..ROWS).map(|row| format!("{row:08};Maria\n")).collect();
    TestFile::new(format!("id;nome\n{rows}"))
}

fn count(rows: &mut Rows) -> (usize, Option<InputError>) {
    let mut count = 0;
    for row in rows {
        match row {
            Ok(_) => count += 1,
            Err(error) => return (count, Some(error)),
        }
    }
    (count, None)
}

#[test]
fn bytes_that_changed_since_the_inspection_are_never_handed_out() {
    let csv = long_file();
    let (_, mut rows) = csv.inspect(ReadOptions::default()).unwrap();
    // A letter near the end, in place, and with the old date: only the content tells.
    let mut file = File::options().write(true).open(&csv.path).unwrap();
    let date = file.metadata().unwrap().modified().unwrap();
    file.seek(SeekFrom::End(-3)).unwrap();
    file.write_all(b"X").unwrap();
    file.set_modified(date).unwrap();
    assert!(!csv.file.has_changed());
    let (count, error) = count(&mut rows);
    let error = error.expect("a change");
    assert!(matches!(error, InputError::Changed { .. }), "{error}");
    assert_eq!(error.exit_code(), exit_code::LOCAL);
    assert!(count < ROWS);
}

#[test]
fn a_file_that_grew_before_the_inspection_ended_has_changed() {
    let csv = TestFile::new("id;nome\n1;A\n");
    File::options().append(true).open(&csv.path).unwrap().write_all(b"2;B\n").unwrap();
    let error = inspect(&csv.file, &ReadOptions::default()).unwrap_err();
    assert!(matches!(error, InputError::Changed { .. }), "{error}");
}

#[test]
fn two_readings_do_not_disturb_each_other() {
    let csv = long_file();
    let (inspection, mut one) = csv.inspect(ReadOptions::default()).unwrap();
    let mut two = rows(&csv.file, &inspection).unwrap();
    let half = one.nth(ROWS / 2 - 1).unwrap().unwrap();
    let first = two.next().unwrap().unwrap();
    assert_eq!((half.linha(), first.linha()), (ROWS as u64 / 2 + 1, 2));
    let other = std::thread::spawn(move || count(&mut one).0);
    assert_eq!(count(&mut two).0, ROWS - 1);
    assert_eq!(other.join().unwrap(), ROWS / 2);
}

/// Characters that Windows-1252 has too, a quoted line break, quotes, blank lines and empty rows.
/// `¶` stands for the file's own line end.
const TABLE: [&[&str]; 5] = [
    &["identificador", "nome", "Observação"],
    &["00012", "São \"João\" da Silva", "1,5; | \t fim"],
    &["ana@x.com", "Ana – café", "linha um¶linha dois"],
    &["", "", ""],
    &["último", "\u{1a}x", ""],
];

#[derive(Debug, Clone, Copy)]
struct FileForm {
    delimiter: char,
    end: &'static str,
    encoding: Encoding,
    bom: bool,
    sep: bool,
    gzip: bool,
    mark: bool,
    quote_all: bool,
}

impl FileForm {
    fn write(self) -> Vec<u8> {
        let Self { delimiter, end, .. } = self;
        let mut text = String::new();
        if self.bom {
            text.push('\u{feff}');
        }
        if self.sep {
            text += &format!("sep={delimiter}{end}");
        }
        text += end;
        for row in TABLE {
            let cells: Vec<String> = row.iter().map(|cell| self.write_cell(cell)).collect();
            text += &(cells.join(&delimiter.to_string()) + end);
        }
        if self.mark {
            text.push('\u{1a}');
        }
        let bytes = match self.encoding {
            Encoding::Utf8 => text.into_bytes(),
            Encoding::Utf16Le => utf16(&text, u16::to_le_bytes),
            Encoding::Utf16Be => utf16(&text, u16::to_be_bytes),
            Encoding::Windows1252 => encoding_rs::WINDOWS_1252.encode(&text).0.into_owned(),
        };
        if self.gzip { gzip(&bytes) } else { bytes }
    }

    fn write_cell(self, cell: &str) -> String {
        let cell = cell.replace('¶', self.end);
        let special = |c| c == self.delimiter || matches!(c, '"' | '\n' | '\r');
        match self.quote_all || cell.contains(special) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell,
        }
    }

    fn records(self) -> Vec<Record> {
        let top = 2 + u64::from(self.sep);
        let record = |(row, below): (usize, u64)| {
            let cells = TABLE[row].iter().map(|cell| cell.replace('¶', self.end));
            Record::from_cells(top + below, cells)
        };
        [(0, 0), (1, 1), (2, 2), (4, 5)].map(record).to_vec()
    }
}

#[test]
fn every_dialect_gives_the_same_records() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv");
    let encodings = [
        (Encoding::Utf8, false),
        (Encoding::Utf8, true),
        (Encoding::Windows1252, false),
        (Encoding::Utf16Le, true),
        (Encoding::Utf16Be, true),
    ];
    for delimiter in [',', ';', '\t', '|'] {
        for end in ["\n", "\r\n", "\r"] {
            for (encoding, bom) in encodings {
                for bits in 0..16 {
                    let [sep, gzip, mark, quote_all] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
                    let form =
                        FileForm { delimiter, end, encoding, bom, sep, gzip, mark, quote_all };
                    std::fs::write(&path, form.write()).unwrap();
                    let file = InputFile::open(&InputArg::from_arg(&path)).unwrap();
                    let found = inspect(&file, &ReadOptions::default()).unwrap();
                    assert_eq!(found.encoding, encoding, "{form:?}");
                    assert_eq!(found.delimiter.map(char::from), Some(delimiter), "{form:?}");
                    assert_eq!(found.crlf, end == "\r\n", "{form:?}");
                    let mut records = vec![found.header.clone()];
                    records.extend(rows(&file, &found).unwrap().map(Result::unwrap));
                    assert_eq!(records, form.records(), "{form:?}");
                }
            }
        }
    }
}
