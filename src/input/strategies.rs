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

/// A cell as exports have it; if `narrow`, with characters of Windows-1252 only.
fn cell(narrow: bool) -> impl Strategy<Value = String> {
    let wide =
        if narrow { "[a-zãéç€ ,;|\t\"]{0,8}" } else { "[a-zã€\u{1F600} ,;|\t\"\n]{0,8}" };
    prop_oneof![3 => "[a-z0-9]{1,6}", 2 => wide, 1 => "(a|\"|\n|\r|\r\n){0,5}"]
}

/// A header, its rows, and the CSV that the csv crate makes of them.
#[derive(Debug)]
pub struct Table {
    pub rows: Vec<Vec<String>>,
    pub delimiter: u8,
    pub text: String,
    /// Whether Windows-1252 has all characters.
    narrow: bool,
}

pub fn table() -> impl Strategy<Value = Table> {
    let ends =
        vec![csv::Terminator::CRLF, csv::Terminator::Any(b'\n'), csv::Terminator::Any(b'\r')];
    let body = (1usize..5, any::<bool>()).prop_flat_map(|(width, narrow)| {
        (Just(width), Just(narrow), vec(vec(cell(narrow), width), 0..12))
    });
    (body, select(&DELIMITERS[..]), select(ends)).prop_map(
        |((width, narrow, body), delimiter, end)| {
            let mut rows = vec![(0..width).map(|n| format!("coluna{n}")).collect::<Vec<_>>()];
            rows.extend(body);
            let mut writer = csv::WriterBuilder::new()
                .delimiter(delimiter)
                .terminator(end)
                .from_writer(Vec::new());
            rows.iter().for_each(|row| writer.write_record(row).unwrap());
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            Table { rows, delimiter, text, narrow }
        },
    )
}

/// A table and its file, in any encoding, compressed or not.
pub fn file_of_table() -> impl Strategy<Value = (Table, Vec<u8>, Encoding)> {
    (table(), 0..4u8, any::<bool>()).prop_map(|(table, how, packed)| {
        let with_mark = format!("\u{feff}{}", table.text);
        let (bytes, encoding) = match how {
            0 if table.narrow => {
                let bytes = encoding_rs::WINDOWS_1252.encode(&table.text).0.into_owned();
                (bytes, Encoding::Windows1252)
            }
            1 => (utf16(&with_mark, u16::to_le_bytes), Encoding::Utf16Le),
            2 => (utf16(&with_mark, u16::to_be_bytes), Encoding::Utf16Be),
            _ => (table.text.clone().into_bytes(), Encoding::Utf8),
        };
        (table, if packed { gzip(&bytes) } else { bytes }, encoding)
    })
}
