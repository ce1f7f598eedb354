//! Whole files: what is refused and with which words, the encoding, and files that change between two
//! readings. Files of every dialect are in `properties`.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use super::super::testing::{TestFile, read_all, utf16};
use super::super::{ReadOptions, Rows};
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
