//! Encoders and decoders for tests, independent of the product's: percent, base64, UTF-16,
//! Windows-1252, gzip.

use std::io::Write as _;

/// Undoes percent-encoding, byte by byte. A `%` without two hex digits is an error.
pub fn percent_decode(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        if text[at] == b'%' {
            let pair = text.get(at + 1..at + 3).ok_or("% at the end")?;
            let pair = std::str::from_utf8(pair).map_err(|_| "% before no hex")?;
            out.push(u8::from_str_radix(pair, 16).map_err(|_| format!("%{pair} is no hex"))?);
            at += 3;
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    Ok(out)
}

/// Whether RFC 3986 calls this byte unreserved: allowed in a path segment without an escape.
pub fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Percent-encodes everything but unreserved characters.
pub fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if is_unreserved(byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

/// Base64 without padding, in the standard or the URL alphabet.
pub fn base64(bytes: &[u8], url: bool) -> String {
    let alphabet: &[u8; 64] = if url {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    } else {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    };
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = 0u32;
        for index in 0..3 {
            group = group << 8 | u32::from(chunk.get(index).copied().unwrap_or(0));
        }
        for index in 0..=chunk.len() {
            out.push(alphabet[(group >> (18 - 6 * index) & 63) as usize] as char);
        }
    }
    out
}

/// UTF-16 with a byte order mark.
pub fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
    std::iter::once(0xFEFF)
        .chain(text.encode_utf16())
        .flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() })
        .collect()
}

/// Windows-1252; supports Latin-1 and a few other characters such as the euro sign.
pub fn windows_1252(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| match c {
            '€' => 0x80,
            '“' => 0x93,
            '”' => 0x94,
            '–' => 0x96,
            c => u8::try_from(u32::from(c)).expect("a Latin-1 character"),
        })
        .collect()
}

/// The reverse of [`windows_1252`], for the same characters.
pub fn from_windows_1252(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|&byte| match byte {
            0x80 => '€',
            0x93 => '“',
            0x94 => '”',
            0x96 => '–',
            byte => byte as char,
        })
        .collect()
}

/// One gzip member.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Position of `needle` in `hay` at or after `from`.
pub fn find(hay: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    memchr::memmem::find(hay.get(from..)?, needle).map(|at| at + from)
}

/// A JSON log with its messages for users as they are without `--log-format json`.
pub fn plain_log(log: &str) -> String {
    let said = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        let prefix = match (line["target"].as_str()?, line["level"].as_str()?) {
            ("terminal", "ERROR") => "erro: ",
            ("terminal", "WARN") => "aviso: ",
            ("terminal", _) => "",
            _ => return None,
        };
        Some(format!("{prefix}{}", line["fields"]["message"].as_str()?))
    };
    let lines = log.split_inclusive('\n');
    lines.map(|line| said(line).map_or_else(|| line.to_owned(), |said| said + "\n")).collect()
}

/// At most `max` characters, for messages.
pub fn shorten(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}… ({} bytes in all)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
