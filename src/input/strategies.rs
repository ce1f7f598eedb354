//! Random files for the properties of this room and of the mapping: what is valid, what is nearly so,
//! and noise.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::Encoding;
use super::testing::{gzip, utf16};

/// The delimiters that are detected.
pub const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Bytes among which those that mean something are frequent.
pub fn soup() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => select(vec![&b"\""[..], b";", b",", b"\t", b"|", b"\r\n", b"\n", b"\r", b"\"\"", b";;"]),
        2 => select(vec![&b"nome"[..], b"identificador", b"email", b"campo:a", b"sep=;\n", b"a@b.c"]),
        2 => select(vec![&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b\x08", b"\x1a", b"\0"]),
        2 => select(vec![&b"\xc3\xa9"[..], b"\xe9", b"\xe2\x82", b"\xf0\x9f\x98\x80", b"\x80", b"\xc2\xa0"]),
    ];
    let noise = vec(any::<u8>(), 0..4);
    let pieces = vec(prop_oneof![8 => piece.prop_map(<[u8]>::to_vec), 1 => noise], 0..60);
    pieces.prop_map(|pieces| pieces.concat())
}

/// A [`soup`] that may be compressed, and then damaged or cut somewhere.
pub fn wrapped_soup() -> impl Strategy<Value = Vec<u8>> {
    (soup(), 0..4u8, any::<u16>(), any::<u8>()).prop_map(|(plain, wrap, at, byte)| {
        if wrap > 1 {
            return plain;
        }
        let mut packed = gzip(&plain);
        let at = usize::from(at) % packed.len();
        match wrap {
            0 if byte.is_multiple_of(2) => packed.truncate(at),
            0 => packed[at] ^= byte,
            _ => {}
        }
        packed
    })
}

pub fn encoding() -> impl Strategy<Value = Option<Encoding>> {
    prop::option::weighted(
        0.3,
        select(vec![Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be, Encoding::Windows1252]),
    )
}

/// A cell as exports have it; if `narrow`, with characters that Windows-1252 has and that are no UTF-8
/// there.
fn cell(narrow: bool) -> impl Strategy<Value = String> {
    let wide =
        if narrow { "[a-zãéç ,;|\t\"]{0,8}" } else { "[a-zã€\u{1F600} ,;|\t\"\n]{0,8}" };
    prop_oneof![3 => "[a-z0-9]{1,6}", 2 => wide, 1 => "(a|\"|\n|\r|\r\n){0,5}"]
}

/// A header, its rows, and a file that holds them.
#[derive(Debug)]
pub struct TableFile {
    pub rows: Vec<Vec<String>>,
    /// The physical line on which each row starts.
    pub lines: Vec<u64>,
    pub delimiter: u8,
    /// Whether a line says what the delimiter is.
    pub sep: bool,
    pub bytes: Vec<u8>,
}

impl TableFile {
    /// Whether the delimiter is the only one that splits the header, and no cell holds another.
    pub fn is_plain(&self) -> bool {
        let holds_none = |cell: &String| !cell.bytes().any(|byte| DELIMITERS.contains(&byte));
        self.rows[0].len() > 1 && self.rows.iter().flatten().all(holds_none)
    }
}

/// The CSV that the csv crate makes of a table, in any encoding, compressed or not, with what
/// spreadsheets and DOS write around it.
pub fn table_file() -> impl Strategy<Value = TableFile> {
    let ends =
        vec![csv::Terminator::CRLF, csv::Terminator::Any(b'\n'), csv::Terminator::Any(b'\r')];
    let body = (1usize..5, any::<bool>())
        .prop_flat_map(|(width, narrow)| (Just(narrow), vec(vec(cell(narrow), width), 1..12)));
    let form = (0..5u8, any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (body, select(&DELIMITERS[..]), select(ends), form).prop_map(
        |((narrow, mut rows), delimiter, end, (encoding, packed, sep, dos, quoted))| {
            let style = if quoted { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
            let mut csv = csv::WriterBuilder::new();
            csv.delimiter(delimiter).terminator(end).quote_style(style);
            let header = (0..rows[0].len()).map(|column| format!("coluna{column}")).collect();
            rows.insert(0, header);
            let mut text = match (sep, end) {
                (false, _) => String::new(),
                (true, csv::Terminator::Any(end)) => {
                    format!("sep={}{}", char::from(delimiter), char::from(end))
                }
                (true, _) => format!("sep={}\r\n", char::from(delimiter)),
            };
            let mut lines = Vec::new();
            for row in &rows {
                lines.push(1 + line_ends(&text, end));
                let mut row_of_csv = csv.from_writer(Vec::new());
                row_of_csv.write_record(row).unwrap();
                text += &String::from_utf8(row_of_csv.into_inner().unwrap()).unwrap();
            }
            if dos {
                text.push('\u{1a}');
            }
            let with_mark = format!("\u{feff}{text}");
            let bytes = match encoding {
                0 if narrow => encoding_rs::WINDOWS_1252.encode(&text).0.into_owned(),
                1 => utf16(&with_mark, u16::to_le_bytes),
                2 => utf16(&with_mark, u16::to_be_bytes),
                3 => with_mark.into_bytes(),
                _ => text.into_bytes(),
            };
            let bytes = if packed { gzip(&bytes) } else { bytes };
            TableFile { rows, lines, delimiter, sep, bytes }
        },
    )
}

/// Physical line ends, counted with nothing in common with the reader. A bare `\r` is one where the
/// file's lines end so.
fn line_ends(text: &str, end: csv::Terminator) -> u64 {
    let one = match end {
        csv::Terminator::Any(b'\r') => text.replace("\r\n", "\n").replace('\r', "\n"),
        _ => text.to_owned(),
    };
    one.matches('\n').count() as u64
}
