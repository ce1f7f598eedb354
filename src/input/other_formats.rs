//! Files that people take for a CSV or an `.xlsx`, by their first bytes. Read as CSV they would be
//! refused too, but with misleading words about columns.

use memchr::memmem;

use super::error::InputError;
use super::input_file::InputFile;
use super::inspect::for_each_piece;

/// The beginning of a compound file: `.xls`, and a workbook with a password.
const COMPOUND: [u8; 4] = [0xD0, 0xCF, 0x11, 0xE0];
/// Beginnings of files that are no text, and what they are.
const BYTES: [(&[u8], &str); 8] = [
    // A plain gzip file has been unpacked before.
    (
        b"\x1F\x8B",
        "foi compactado com gzip duas vezes; descompacte-o uma vez (gunzip) e rode de novo",
    ),
    (b"\xFD7zXZ\0", "está compactado com xz; descompacte-o (unxz) e rode de novo"),
    (b"\x28\xB5\x2F\xFD", "está compactado com zstd; descompacte-o (unzstd) e rode de novo"),
    (b"7z\xBC\xAF\x27\x1C", "é um arquivo 7z; extraia dele o CSV ou o .xlsx e rode de novo"),
    (b"Rar!\x1A\x07", "é um arquivo RAR; extraia dele o CSV ou o .xlsx e rode de novo"),
    // That of UTF-16 begins the same way.
    (b"\xFF\xFE\0\0", UTF_32),
    (b"\0\0\xFE\xFF", UTF_32),
    (b"%PDF-1.", "é um PDF, não um CSV; peça a exportação em CSV ou .xlsx ao sistema de origem"),
];
const UTF_32: &str = "está em UTF-32; salve-o como UTF-8 (no Excel, \"CSV UTF-8\") e rode de novo";
const BZIP2: &str = "está compactado com bzip2; descompacte-o (bunzip2) e rode de novo";
const JSON: &str =
    "é JSON, não um CSV; peça a exportação em CSV ou .xlsx ao sistema de origem, ou converta-o";
/// Beginnings of texts that are no CSV, in lower case, and what they are.
const TEXTS: [(&str, &str); 5] = [
    ("<!doctype", HTML),
    ("<html", HTML),
    ("<table", HTML),
    ("<meta", HTML),
    (
        "<?xml",
        "é um arquivo XML (talvez do Excel de 2003); abra-o no Excel e salve como .xlsx ou CSV",
    ),
];
const HTML: &str =
    "é uma página HTML, qualquer que seja o nome; abra-a no Excel e salve como .xlsx ou CSV";

/// Refuses a file that begins so. What is `skipped` of a text may be anything.
pub(super) fn refuse(start: &[u8], skipped: bool, file: &InputFile) -> Result<(), InputError> {
    let what = match start.starts_with(&COMPOUND) {
        true if is_encrypted(file)? => {
            Some("é uma planilha com senha; tire a senha no Excel e salve como .xlsx ou CSV")
        }
        true => {
            Some("é uma planilha do Excel antigo (.xls); abra-a no Excel e salve como .xlsx ou CSV")
        }
        false => binary_format(start).or_else(|| text_format(start).filter(|_| !skipped)),
    };
    what.map_or(Ok(()), |what| Err(InputError::OtherFormat { label: file.shared_label(), what }))
}

/// What a file is that begins so, if it is known and no text.
fn binary_format(start: &[u8]) -> Option<&'static str> {
    if let Some((_, what)) = BYTES.iter().find(|(beginning, _)| start.starts_with(beginning)) {
        return Some(what);
    }
    match start {
        // The beginning of a block, or of the end where there is none. A column may be called `BZh9`.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Some(BZIP2),
        // Without a mark.
        [1..=255, 0, 0, 0, 1..=255, 0, 0, 0, ..] | [0, 0, 0, 1..=255, 0, 0, 0, 1..=255, ..] => {
            Some(UTF_32)
        }
        _ => None,
    }
}

/// What a text is that begins so, if it is known and no CSV.
fn text_format(start: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(start).to_lowercase();
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    match TEXTS.iter().find(|(beginning, _)| text.starts_with(beginning)) {
        Some((_, what)) => Some(what),
        None => is_json(text).then_some(JSON),
    }
}

/// Whether a text begins like an object, or a list of objects or lists. A column may be called
/// `[id]` or `["id"]`.
fn is_json(text: &str) -> bool {
    let inner = text.trim_start_matches(|c: char| c.is_whitespace() || "[{".contains(c));
    let opened = text[..text.len() - inner.len()].trim_end();
    inner.starts_with('"') && (opened.ends_with('{') || opened.matches('[').count() > 1)
}

/// Whether a compound file holds an encrypted workbook. The entry's name lies in one piece: entries
/// have 128 bytes, in sectors of 512.
fn is_encrypted(file: &InputFile) -> Result<bool, InputError> {
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let finder = memmem::Finder::new(&name);
    let mut is_found = false;
    for_each_piece(file.unpack(file.blocks(None)), &file.shared_label(), |piece| {
        is_found |= finder.find(piece).is_some();
    })?;
    Ok(is_found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format_of(start: &[u8]) -> Option<&'static str> {
        binary_format(start).or_else(|| text_format(start))
    }

    #[test]
    fn a_file_is_named_for_what_it_is() {
        for (start, part) in [
            (&b"BZh91AY&SY\x11"[..], "bzip2"),
            (b"BZh9\x17\x72\x45\x38\x50\x90\0", "bzip2"),
            (b"\xFD7zXZ\0\0", "xz"),
            (b"\x28\xB5\x2F\xFD\x04", "zstd"),
            (b"7z\xBC\xAF\x27\x1C\0", "7z"),
            (b"Rar!\x1A\x07\x01", "RAR"),
            (b"%PDF-1.7\n", "PDF"),
            (b"\xFF\xFE\0\0i\0\0\0", "UTF-32"),
            (b"\0\0\xFE\xFF\0\0\0i", "UTF-32"),
            (b"i\0\0\0d\0\0\0", "UTF-32"),
            (b"\0\0\0i\0\0\0d", "UTF-32"),
            (b"{\"id\": 1}", "JSON"),
            (b"\xEF\xBB\xBF\n[\n  {\n    \"id\": 1", "JSON"),
            (b"[[\"id\", \"nome\"], [", "JSON"),
        ] {
            let what = format_of(start).unwrap_or_default();
            assert!(what.contains(part) && what.contains(';'), "{start:?}: {what:?}");
        }
    }

    #[test]
    fn a_csv_is_nothing_else() {
        for text in [
            "[id];[nome]\n1;Ana\n",
            "\"[id]\";nome\n",
            "[\"id\"];[\"nome\"]\n",
            "\"{\"\"id\"\"}\";nome\n",
            "{id};{nome}\n",
            "{{id}};nome\n",
            "identificador;nome\n1;%PDF-1.7\n2;{\"a\": 1}\n",
            "%PDF;nome\n",
            "%PDF-nome;x\n",
            "BZh9;nome\n",
            "BZh91AY;nome\n",
            "Rar!;nome\n",
            "7z;nome\n",
        ] {
            assert_eq!(format_of(text.as_bytes()), None, "{text:?}");
        }
        let utf_16 =
            |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        assert_eq!(format_of(&utf_16("\u{feff}id;nome\n")), None);
        assert_eq!(format_of(&utf_16("id;nome\n")), None);
    }
}
