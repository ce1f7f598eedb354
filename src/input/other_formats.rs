//! Files that people take for a CSV or an `.xlsx`, by their first bytes. Read as CSV they would be
//! refused too, but with misleading words about columns.

use memchr::memmem;

use super::error::InputError;
use super::input_file::InputFile;
use super::inspect::for_each_piece;

/// The beginning of a compound file: `.xls`, and a workbook with a password.
const COMPOUND: [u8; 4] = [0xD0, 0xCF, 0x11, 0xE0];
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

/// Refuses a file that begins so.
pub(super) fn refuse(start: &[u8], file: &InputFile) -> Result<(), InputError> {
    let label = file.shared_label();
    let other = |what| Err(InputError::OtherFormat { label: label.clone(), what });
    match start {
        [a, b, c, d, ..] if [*a, *b, *c, *d] == COMPOUND => other(match is_encrypted(file)? {
            true => "é uma planilha com senha; tire a senha no Excel e salve como .xlsx ou CSV",
            false => {
                "é uma planilha do Excel antigo (.xls); abra-a no Excel e salve como .xlsx ou CSV"
            }
        }),
        // A plain gzip file has been unpacked before.
        [0x1F, 0x8B, ..] => other(
            "foi compactado com gzip duas vezes; descompacte-o uma vez (gunzip) e rode de novo",
        ),
        _ => {
            let text = String::from_utf8_lossy(start).to_lowercase();
            let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            match TEXTS.iter().find(|(beginning, _)| text.starts_with(beginning)) {
                Some((_, what)) => other(what),
                None => Ok(()),
            }
        }
    }
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
