//! What comes from outside, made up: files, headers, flags, replies, configuration. Each strategy
//! mixes what is valid with what is nearly so and with noise.

use std::io::Write as _;

use crate::input::Encoding;
use crate::mapping::{Key, MappingOptions};
use crate::model::CustomerType;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Bytes among which those that mean something are frequent, and how they are wrapped.
pub fn soup() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => select(vec![&b"\""[..], b";", b",", b"\t", b"|", b"\r\n", b"\n", b"\r", b"\"\"", b";;"]),
        2 => select(vec![&b"nome"[..], b"identificador", b"email", b"campo:a", b"sep=;\n", b"a@b.c"]),
        2 => select(vec![&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b\x08", b"\x1a", b"\0"]),
        2 => select(vec![&b"\xc3\xa9"[..], b"\xe9", b"\xe2\x82", b"\xf0\x9f\x98\x80", b"\x80", b"\xc2\xa0"]),
    ];
    let noise = vec(any::<u8>(), 0..4);
    let pieces = vec(prop_oneof![8 => piece.prop_map(<[u8]>::to_vec), 1 => noise], 0..60);
    (pieces, 0..4u8, any::<u16>(), any::<u8>()).prop_map(|(pieces, wrap, at, byte)| {
        let plain = pieces.concat();
        match wrap {
            0 => {
                // Compressed, and then damaged or cut somewhere.
                let mut packed = gzip(&plain);
                let at = usize::from(at) % packed.len();
                if byte.is_multiple_of(2) {
                    packed.truncate(at)
                } else {
                    packed[at] ^= byte
                }
                packed
            }
            1 => gzip(&plain),
            _ => plain,
        }
    })
}

pub fn encoding() -> impl Strategy<Value = Option<Encoding>> {
    prop::option::weighted(
        0.3,
        select(vec![Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be, Encoding::Windows1252]),
    )
}

/// A cell as exports have it; characters of Windows-1252 only where `narrow`.
pub fn cell(narrow: bool) -> impl Strategy<Value = String> {
    let wide =
        if narrow { "[a-zãéç€ ,;|\t\"]{0,8}" } else { "[a-zã€\u{1F600} ,;|\t\"\n]{0,8}" };
    prop_oneof![3 => "[a-z0-9]{1,6}", 2 => wide, 1 => "(a|\"|\n|\r|\r\n){0,5}"]
}

/// A table with a header, and how it is written.
pub fn table() -> impl Strategy<Value = (Vec<Vec<String>>, u8, Vec<u8>, Encoding)> {
    let ends =
        vec![csv::Terminator::CRLF, csv::Terminator::Any(b'\n'), csv::Terminator::Any(b'\r')];
    let body = (2usize..5, any::<bool>()).prop_flat_map(|(width, narrow)| {
        (Just(width), Just(narrow), vec(vec(cell(narrow), width), 0..12))
    });
    (body, select(b",;\t|".to_vec()), select(ends), 0..4u8, any::<bool>()).prop_map(
        |((width, narrow, rows), delimiter, end, how, packed)| {
            let mut all = vec![(0..width).map(|n| format!("coluna{n}")).collect::<Vec<_>>()];
            all.extend(rows);
            let mut writer = csv::WriterBuilder::new()
                .delimiter(delimiter)
                .terminator(end)
                .from_writer(Vec::new());
            all.iter().for_each(|row| writer.write_record(row).unwrap());
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let (bytes, encoding) = match how {
                0 if narrow => {
                    (encoding_rs::WINDOWS_1252.encode(&text).0.into_owned(), Encoding::Windows1252)
                }
                1 => (utf16(&text, u16::to_le_bytes), Encoding::Utf16Le),
                2 => (utf16(&text, u16::to_be_bytes), Encoding::Utf16Be),
                _ => (text.into_bytes(), Encoding::Utf8),
            };
            let bytes = if packed { gzip(&bytes) } else { bytes };
            (all, delimiter, bytes, encoding)
        },
    )
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(bytes).collect()
}

/// A column's name: known, nearly known, or anything.
pub fn column() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => select(vec![
            "identificador", "tipo_identificador", "nome", "email", "criarchamados", "telefone",
            "id_organizacao", "id_interno", "idioma", "portfolio_id", "campo:abc01", "campo:é/%",
        ]).prop_map(ToOwned::to_owned),
        1 => select(vec![
            " Nome ", "NOME", "emial", "campos['abc01']", "campo:", "campo:a]b", "campo:\"a\"",
            "linha", "situacao", "erro", "mensagem", "", "campo_abc", "campos[abc01]", "{x}",
        ]).prop_map(ToOwned::to_owned),
        1 => "\\PC{0,12}",
        1 => any::<String>(),
    ]
}

pub fn options() -> impl Strategy<Value = MappingOptions> {
    let pairs =
        |left: BoxedStrategy<String>, right: BoxedStrategy<String>| vec((left, right), 0..3);
    let names = || vec(column(), 0..2);
    (
        pairs(column().boxed(), column().boxed()),
        names(),
        pairs(column().boxed(), "[a-z{} @.]{0,12}|\\{nome\\}x|\\{\\{|\\PC{0,8}".boxed()),
        select(vec![None, Some(Key::Email), Some(Key::IdInterno)]),
        select(vec![None, Some(CustomerType::Email), Some(CustomerType::Internal)]),
        (any::<bool>(), any::<bool>()),
        (names(), names()),
        prop::option::of("#N/A|\\PC{1,3}"),
    )
        .prop_map(|(map, ignore, set, key, id_type, (strict, trim), lists, clear_marker)| {
            let (send_empty, require) = lists;
            MappingOptions {
                map,
                ignore,
                set,
                key,
                id_type,
                strict,
                send_empty,
                clear_marker,
                trim,
                require,
            }
        })
}

/// A value that some column accepts, or anything.
pub fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(vec![
            "", "1", "I", "e", "a@b.com", "sim", "FALSE", "pt-br", "pt_BR", "1,23E+13", ".", "..",
            "#N/A", "\u{a0}x\u{a0}", "a\0b", "a\nb", "@", "a@b", "a b@c.d", "12345678901234567890x",
        ]).prop_map(ToOwned::to_owned),
        1 => any::<String>(),
        1 => (0usize..400).prop_map(|count| "é".repeat(count)),
    ]
}

/// Lines as configuration files have them.
pub fn config_text() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        8 => select(vec![
            "rate", "limit", "timeout", "concurrency", "max-errors", "max-age", "max-duration",
            "delimiter", "encoding", "key", "id-type", "strict", "no-trim", "ignore", "require",
            "send-empty", "results", "rejects", "results-dialect", "log-format", "quiet", "full",
            "base-url", "account", "ledger", "clear-marker", "give-up-after", "no_breaker",
        ]).prop_map(ToOwned::to_owned),
        1 => "[a-z-]{1,8}",
        1 => "\"\\PC{0,4}\"",
    ];
    let value = prop_oneof![
        6 => select(vec![
            "true", "false", "1", "-1", "2.5", "\"3\"", "\"90s\"", "\"\"", "[]", "[\"nome\"]", "[1]",
            "{}", "nan", "inf", "0x1F", "1e309", "2026-11-24", "\"I\"", "\";\"", "\"email\"", "'a'",
            "\"5%\"", "99999999999999999999", "\"https://x.y\"", "\"utf-8\"", "\"\"\"a\nb\"\"\"",
        ]).prop_map(ToOwned::to_owned),
        1 => "\\PC{0,6}",
    ];
    let line = prop_oneof![
        8 => (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
        1 => select(vec!["[map]", "[set]", "[x]", "# é", "\"E-mail\" = \"email\"", "a.b = 1", "[[a]]"])
            .prop_map(ToOwned::to_owned),
        1 => "\\PC{0,20}",
    ];
    vec(line, 0..8).prop_map(|lines| lines.join("\n"))
}

/// How somebody may write a number with a unit.
pub fn quantity() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => ("[0-9]{0,12}", select(vec!["", "s", "ms", "m", "min", "h", "d", " h", "H", "%", "é"]))
            .prop_map(|(number, unit)| format!("{number}{unit}")),
        2 => "[-+]?[0-9]{0,4}[.,]?[0-9]{0,4}(e[-+]?[0-9]{1,4})?%?",
        1 => select(vec!["inf", "-inf", "NaN", "nan", "unlimited", "UNLIMITED", "infinity", "0x1"])
            .prop_map(ToOwned::to_owned),
        1 => any::<String>(),
    ]
}
