//! The same table in every dialect an export may come in gives the same records.

#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tomticket_sync::input::{Encoding, Input, ReadOptions, Record, Source, inspect, rows};

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
struct Dialect {
    delimiter: char,
    end: &'static str,
    encoding: Encoding,
    bom: bool,
    sep: bool,
    gzip: bool,
    mark: bool,
    quote_all: bool,
}

fn write(dialect: Dialect) -> Vec<u8> {
    let Dialect { delimiter, end, encoding, bom, sep, gzip, mark, quote_all } = dialect;
    let mut text = String::new();
    if sep {
        text += &format!("sep={delimiter}{end}");
    }
    text += end;
    for row in TABLE {
        let cells: Vec<String> = row
            .iter()
            .map(|cell| {
                let cell = cell.replace('¶', end);
                let special = |c| c == delimiter || matches!(c, '"' | '\n' | '\r');
                if quote_all || cell.contains(special) {
                    format!("\"{}\"", cell.replace('"', "\"\""))
                } else {
                    cell
                }
            })
            .collect();
        text += &cells.join(&delimiter.to_string());
        text += end;
    }
    if mark {
        text.push('\u{1a}');
    }
    if bom {
        text.insert(0, '\u{feff}');
    }
    let bytes = match encoding {
        Encoding::Utf8 => text.into_bytes(),
        Encoding::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Encoding::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        Encoding::Windows1252 => encoding_rs::WINDOWS_1252.encode(&text).0.into_owned(),
    };
    if !gzip {
        return bytes;
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&bytes).unwrap();
    packed.finish().unwrap()
}

fn read(path: &Path) -> (Encoding, Option<u8>, bool, Vec<Record>) {
    let source = Source::open(&Input::from_arg(path)).unwrap();
    let inspection = inspect(&source, &ReadOptions::default(), true).unwrap();
    let mut all = vec![inspection.header.clone()];
    all.extend(rows(&source, &inspection).unwrap().map(Result::unwrap));
    let again: Vec<_> = rows(&source, &inspection).unwrap().map(Result::unwrap).collect();
    assert_eq!(again, all[1..]);
    (inspection.encoding, inspection.delimiter, inspection.crlf, all)
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
    let mut tried = 0;
    for delimiter in [',', ';', '\t', '|'] {
        for end in ["\n", "\r\n", "\r"] {
            for (encoding, bom) in encodings {
                for bits in 0..16 {
                    let [sep, gzip, mark, quote_all] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
                    let dialect =
                        Dialect { delimiter, end, encoding, bom, sep, gzip, mark, quote_all };
                    std::fs::write(&path, write(dialect)).unwrap();
                    let (found, split, crlf, records) = read(&path);
                    assert_eq!(found, encoding, "{dialect:?}");
                    assert_eq!(split.map(char::from), Some(delimiter), "{dialect:?}");
                    assert_eq!(crlf, end == "\r\n", "{dialect:?}");
                    let top = 2 + u64::from(sep);
                    let expected: Vec<Record> = [(0, 0), (1, 1), (2, 2), (4, 5)]
                        .into_iter()
                        .map(|(row, below)| {
                            let cells = TABLE[row].iter().map(|cell| cell.replace('¶', end));
                            Record::from_cells(top + below, cells)
                        })
                        .collect();
                    assert_eq!(records, expected, "{dialect:?}");
                    tried += 1;
                }
            }
        }
    }
    assert_eq!(tried, 4 * 3 * 5 * 16);
}
