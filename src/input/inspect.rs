//! The first look at an input, over the whole of it: is it readable, in which encoding, laid out
//! how, and made of which bytes.
//!
//! It does not look for damaged quotes beyond the header; whoever reads the rows meets those.

use std::sync::Arc;

use super::blocks::{Bytes, Check, Chunks, Fingerprints};
use super::dialect::{self, Dialect};
use super::encoding::{Encoding, Utf8Scan, Verdict};
use super::error::InputError;
use super::lines::LineCounter;
use super::record::Record;
use super::records::Records;
use super::source::Source;
use super::text::Text;

/// What the user decided about the input; `None` where it is to be found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// The byte between cells: ASCII, and neither a quote nor a line end
    /// ([`parse_delimiter`](super::parse_delimiter) gives no other).
    pub delimiter: Option<u8>,
    /// The encoding where no byte order mark tells: such a mark wins, so that a rejects file, which
    /// may have one where the original had not, is read under the flags of the original.
    pub encoding: Option<Encoding>,
}

/// What an input turned out to be; needed to read its rows.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The encoding it is read in.
    pub encoding: Encoding,
    /// Whether it begins with a byte order mark.
    pub bom: bool,
    /// The encoding the user asked for; not the one it is read in, if a byte order mark said
    /// otherwise.
    pub forced_encoding: Option<Encoding>,
    /// Whether it is read as Windows-1252 because the user asked for that, and has accents that look
    /// like UTF-8.
    pub looks_like_utf8: bool,
    /// The byte between cells; `None` if there is one column.
    pub delimiter: Option<u8>,
    /// The names of the columns, as they stand in the file.
    pub header: Record,
    /// Whether the header's line ends in `\r\n`.
    pub crlf: bool,
    pub(super) sep_line: bool,
    pub(super) bom_len: usize,
    pub(super) fingerprints: Option<Arc<Fingerprints>>,
}

impl Inspection {
    /// Whether the file's first line only says what the delimiter is (`sep=;`).
    pub fn has_sep_line(&self) -> bool {
        self.sep_line
    }

    /// What a later pass has to do with the bytes it reads.
    pub(super) fn check(&self) -> Check {
        check(self.fingerprints.as_ref())
    }
}

fn check(fingerprints: Option<&Arc<Fingerprints>>) -> Check {
    fingerprints.map_or(Check::No, |known| Check::Verify(known.clone()))
}

/// Reads the whole of `source` once to decide on its encoding, and its beginning a few times more.
/// With `fingerprint`, every later reading fails if a single byte is another than now.
///
/// # Errors
/// If the input is empty or has no header, cannot be unpacked or decoded, could be laid out in
/// several ways, or changes meanwhile.
pub fn inspect(
    source: &Source,
    options: &ReadOptions,
    fingerprint: bool,
) -> Result<Inspection, InputError> {
    let label = source.shared_label();
    let start = beginning(source)?;
    let mark = Encoding::from_bom(&start);
    if mark.is_none() {
        refuse_foreign(&start, source, options.encoding)?;
    }
    let bom_len = mark.map_or(0, |(_, len)| len);
    let known = mark.map(|(encoding, _)| encoding).or(options.encoding);

    let pass = source.bytes(if fingerprint { Check::Record } else { Check::No });
    let mut looks_like_utf8 = false;
    let (encoding, pass) = match known {
        Some(Encoding::Utf8) | None => {
            let (scan, pass) = scan_utf8(pass)?;
            (judge(source, scan.finish(), known, bom_len > 0)?, pass)
        }
        Some(encoding @ Encoding::Windows1252) => {
            // Every byte is a character there; but gzip must be whole, and blocks fingerprinted.
            let (scan, pass) = scan_utf8(pass)?;
            looks_like_utf8 = scan.misleads();
            (encoding, pass)
        }
        Some(encoding @ (Encoding::Utf16Le | Encoding::Utf16Be)) => {
            let mut text = Text::new(pass, encoding, bom_len, label.clone());
            while text.advance()? {}
            (encoding, text.into_raw())
        }
    };
    if source.watch().changed_now() || pass.position() != source.raw_len() {
        return Err(InputError::Changed { label });
    }
    let fingerprints = fingerprint.then(|| Arc::new(pass.into_fingerprints()));

    let open = || {
        let bytes = source.bytes(check(fingerprints.as_ref()));
        Records::new(bytes, encoding, bom_len, label.clone())
    };
    let Dialect { delimiter, sep_line, header, crlf } =
        dialect::detect(open, options.delimiter, &label)?;
    Ok(Inspection {
        encoding,
        bom: bom_len > 0,
        forced_encoding: options.encoding,
        looks_like_utf8,
        delimiter,
        header,
        crlf,
        sep_line,
        bom_len,
        fingerprints,
    })
}

/// The first bytes: enough for a byte order mark, and for what is no CSV to show itself.
fn beginning(source: &Source) -> Result<Vec<u8>, InputError> {
    const LOOKED_AT: usize = 64;
    let mut bytes = source.bytes(Check::No);
    let mut start = Vec::with_capacity(LOOKED_AT);
    while start.len() < LOOKED_AT && bytes.advance()? {
        start.extend(bytes.chunk().iter().take(LOOKED_AT - start.len()));
    }
    if start.is_empty() {
        return Err(InputError::Empty { label: source.shared_label() });
    }
    Ok(start)
}

/// Files that people take for CSV, or that would be one in an encoding that must be said. As CSV they
/// would be refused too, but with words about columns that lead nowhere.
fn refuse_foreign(
    start: &[u8],
    source: &Source,
    forced: Option<Encoding>,
) -> Result<(), InputError> {
    let label = source.shared_label();
    let zeros = |first: usize| start.iter().skip(first).step_by(2).filter(|b| **b == 0).count();
    match start {
        [b'P', b'K', 3, 4, ..] => Err(InputError::Zip { label }),
        [0xD0, 0xCF, 0x11, 0xE0, ..] => Err(InputError::OldSpreadsheet { label }),
        // A plain gzip file has been unpacked before it comes here.
        [0x1F, 0x8B, ..] => Err(InputError::GzipTwice { label }),
        _ if forced.is_some() => Ok(()),
        // Nearly every letter of a header is below U+0100: one half of it is zero.
        _ => match (zeros(0), zeros(1)) {
            (0, zeros) if 4 * zeros >= start.len() && zeros > 1 => {
                Err(InputError::Utf16WithoutBom { label, big_endian: false })
            }
            (zeros, 0) if 4 * zeros >= start.len() && zeros > 1 => {
                Err(InputError::Utf16WithoutBom { label, big_endian: true })
            }
            _ => Ok(()),
        },
    }
}

fn scan_utf8(mut bytes: Bytes) -> Result<(Utf8Scan, Bytes), InputError> {
    let mut scan = Utf8Scan::default();
    while bytes.advance()? {
        scan.push(bytes.chunk());
    }
    Ok((scan, bytes))
}

/// The encoding of a file that is UTF-8 according to `known`, or may be according to nobody.
fn judge(
    source: &Source,
    verdict: Verdict,
    known: Option<Encoding>,
    bom: bool,
) -> Result<Encoding, InputError> {
    let label = source.shared_label();
    match (verdict, known) {
        (Verdict::Valid, _) => Ok(Encoding::Utf8),
        (Verdict::Mostly { first_bad } | Verdict::Not { first_bad }, Some(encoding)) => {
            let line = line_of(source, first_bad.offset)?;
            Err(InputError::Undecodable { label, line, encoding, bom })
        }
        (Verdict::Not { .. }, None) => Ok(Encoding::Windows1252),
        (Verdict::Mostly { first_bad }, None) => {
            let line = line_of(source, first_bad.offset)?;
            Err(InputError::MostlyUtf8 { label, line, byte: first_bad.byte })
        }
    }
}

/// The physical line of a byte; read for once more, because counting lines costs time and is
/// needed only for a message.
fn line_of(source: &Source, offset: u64) -> Result<u64, InputError> {
    let mut lines = LineCounter::default();
    let mut left = offset;
    let mut bytes = source.bytes(Check::No);
    while left > 0 && bytes.advance()? {
        let chunk = bytes.chunk();
        let before = usize::try_from(left).map_or(chunk.len(), |left| left.min(chunk.len()));
        lines.push(&chunk[..before]);
        left -= before as u64;
    }
    Ok(lines.line())
}
