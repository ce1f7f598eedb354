//! What the reader says about whole files: which it refuses and with which words, and how it
//! decides on the encoding. Files that change are tested elsewhere.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper that fails is a test that fails"
)]

use std::io::Write;
use std::path::PathBuf;

use tempfile::TempDir;
use tomticket_sync::input::{
    Encoding, Input, InputError, Inspection, ReadOptions, Record, Rows, Source, inspect, rows,
};

/// A file in a directory of its own.
struct Csv {
    _dir: TempDir,
    path: PathBuf,
}

impl Csv {
    fn new(content: impl AsRef<[u8]>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clientes.csv");
        std::fs::write(&path, content).unwrap();
        Self { _dir: dir, path }
    }

    fn read(&self, options: ReadOptions) -> Result<(Inspection, Rows), InputError> {
        let source = Source::open(&Input::from_arg(&self.path))?;
        let inspection = inspect(&source, &options, true)?;
        let rows = rows(&source, &inspection)?;
        Ok((inspection, rows))
    }
}

fn forced(encoding: Encoding) -> ReadOptions {
    ReadOptions { encoding: Some(encoding), ..ReadOptions::default() }
}

/// The first error that surveying or reading `content` meets.
fn error_of(content: impl AsRef<[u8]>, options: ReadOptions) -> InputError {
    match Csv::new(content).read(options) {
        Ok((_, mut rows)) => rows.find_map(Result::err).expect("an error"),
        Err(error) => error,
    }
}

#[test]
fn nothing_and_nothing_but_blank_lines() {
    for content in [&b""[..], b"\n\r\n \n", b"\xEF\xBB\xBF", b"\x1a", b";;;\n;;;\n", b"sep=;\n"] {
        let error = error_of(content, ReadOptions::default());
        assert!(
            matches!(error, InputError::Empty { .. } | InputError::NoHeader { .. }),
            "{content:?}: {error}"
        );
        assert!(!error.is_local_failure());
        assert!(error.to_string().contains("clientes.csv"), "{error}");
    }
    let error = error_of("", ReadOptions::default());
    assert!(
        error.to_string().ends_with("entrada vazia; é preciso pelo menos a linha de cabeçalho")
    );
}

#[test]
fn a_header_without_rows_is_fine() {
    for content in ["identificador;nome", "identificador;nome\n", "\nidentificador;nome\n\n;\n"] {
        let csv = Csv::new(content);
        let (inspection, rows) = csv.read(ReadOptions::default()).unwrap();
        assert_eq!(inspection.header.len(), 2);
        assert_eq!(rows.count(), 0);
    }
}

#[test]
fn damaged_quotes_name_their_line() {
    let error = error_of("a;b\n1;2\n3;\"4\n5;6\n", ReadOptions::default());
    assert!(matches!(error, InputError::UnclosedQuote { line: 3, column: 2, .. }), "{error}");
    assert!(error.to_string().contains("clientes.csv, linha 3, coluna 2: as aspas"), "{error}");
    let error = error_of("a;b\n1;\"2\n3;4\n5;\"6\"\n", ReadOptions::default());
    assert!(matches!(error, InputError::TextAfterQuote { line: 2, column: 2, .. }), "{error}");
}

#[test]
fn nothing_follows_an_error() {
    let csv = Csv::new("a;b\n1;2\n\"3\"x;4\n5;6\n");
    let (_, mut rows) = csv.read(ReadOptions::default()).unwrap();
    assert!(rows.next().unwrap().is_ok());
    assert!(rows.next().unwrap().is_err());
    assert!(rows.next().is_none());
}

#[test]
fn the_first_ansi_byte_may_stand_at_the_very_end() {
    let mut content = b"id;nome\n".to_vec();
    for row in 0..40_000 {
        content.extend(format!("{row};Maria da Silva Souza\n").bytes());
    }
    content.extend(b"x;Jos\xe9\n");
    let csv = Csv::new(content);
    let (inspection, rows) = csv.read(ReadOptions::default()).unwrap();
    assert_eq!(inspection.encoding, Encoding::Windows1252);
    let last = rows.last().unwrap().unwrap();
    assert_eq!(last, Record::from_cells(40_002, ["x", "José"]));
}

#[test]
fn a_damaged_utf8_file_is_refused_with_the_line_unless_the_user_insists() {
    let content = [
        "id;nome\r\n1;São João\r\n2;\"duas\nlinhas\"\r\n3;Jos".as_bytes(),
        b"\xe9\r\n4;",
        "Conceição\r\n".as_bytes(),
    ]
    .concat();
    let error = error_of(&content, ReadOptions::default());
    assert!(matches!(error, InputError::MostlyUtf8 { line: 5, byte: 0xE9, .. }), "{error}");
    assert!(error.to_string().contains("--encoding windows-1252"), "{error}");
    let error = error_of(&content, forced(Encoding::Utf8));
    assert!(matches!(error, InputError::Undecodable { line: 5, bom: false, .. }), "{error}");
    let csv = Csv::new(&content);
    let (inspection, _) = csv.read(forced(Encoding::Windows1252)).unwrap();
    assert_eq!(inspection.encoding, Encoding::Windows1252);
}

#[test]
fn a_byte_order_mark_wins_over_the_flag() {
    let csv = Csv::new("\u{feff}id;nome\n1;João\n");
    let (inspection, _) = csv.read(forced(Encoding::Windows1252)).unwrap();
    assert_eq!((inspection.encoding, inspection.bom), (Encoding::Utf8, true));
    assert_eq!(inspection.forced_encoding, Some(Encoding::Windows1252));
    assert_eq!(inspection.header, Record::from_cells(1, ["id", "nome"]));
    let error = error_of(b"\xEF\xBB\xBFid;nome\n1;Jo\xe3o\n", ReadOptions::default());
    assert!(matches!(error, InputError::Undecodable { line: 2, bom: true, .. }), "{error}");
}

#[test]
fn utf16_without_a_mark_needs_the_flag_and_a_torn_one_names_its_line() {
    let mut content: Vec<u8> =
        "id;nome\n1;João\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let csv = Csv::new(&content);
    let (_, mut rows) = csv.read(forced(Encoding::Utf16Be)).unwrap();
    assert_eq!(rows.next().unwrap().unwrap(), Record::from_cells(2, ["1", "João"]));
    content.push(0);
    let error = error_of(&content, forced(Encoding::Utf16Be));
    assert!(matches!(error, InputError::Undecodable { line: 3, .. }), "{error}");
}

#[test]
fn nul_and_other_controls_are_data() {
    let csv = Csv::new("a;b\n\0;\u{7}\u{1b}\n");
    let (_, mut rows) = csv.read(ReadOptions::default()).unwrap();
    assert_eq!(rows.next().unwrap().unwrap(), Record::from_cells(2, ["\0", "\u{7}\u{1b}"]));
}

#[test]
fn a_tie_asks_for_the_delimiter_and_the_flag_settles_it() {
    let content = "a,b;c\n1,2;3\n";
    let error = error_of(content, ReadOptions::default());
    assert!(error.to_string().contains("--delimiter"), "{error}");
    let csv = Csv::new(content);
    let options = ReadOptions { delimiter: Some(b';'), ..ReadOptions::default() };
    let (inspection, mut rows) = csv.read(options).unwrap();
    assert_eq!(inspection.header, Record::from_cells(1, ["a,b", "c"]));
    assert_eq!(rows.next().unwrap().unwrap(), Record::from_cells(2, ["1,2", "3"]));
}

#[test]
fn a_truncated_gzip_is_an_input_error() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all("a;b\n1;2\n".as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let error = error_of(&packed[..packed.len() - 3], ReadOptions::default());
    assert!(matches!(error, InputError::Gzip { .. }) && !error.is_local_failure(), "{error}");
}
