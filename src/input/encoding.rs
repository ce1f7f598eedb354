//! Which encoding a file is in, decided on the whole of it.
//!
//! A sample would not do: the first accent may stand in the last row, and Windows-1252 never fails
//! to decode, so a wrong guess is silent. Decoding itself is done elsewhere.

use std::fmt;

/// The encodings that exports come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, little end first (Excel's "Unicode text").
    Utf16Le,
    /// UTF-16, big end first.
    Utf16Be,
    /// Windows-1252, which is Latin-1 with printable characters from 0x80 to 0x9F.
    Windows1252,
}

/// A name that is no encoding. The text is Portuguese and lists the choices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use utf-8, utf-16, utf-16le, utf-16be ou windows-1252")]
pub struct UnknownEncoding(String);

impl Encoding {
    /// Reads a name as a user writes it, in any case. Plain `utf-16` is little end first, for where
    /// a byte order mark says otherwise it wins anyway.
    ///
    /// # Errors
    /// If it is none of the names.
    pub fn parse(name: &str) -> Result<Self, UnknownEncoding> {
        match name.trim().to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Ok(Self::Utf8),
            "utf-16" | "utf16" | "utf-16le" | "utf16le" => Ok(Self::Utf16Le),
            "utf-16be" | "utf16be" => Ok(Self::Utf16Be),
            "windows-1252" | "windows1252" | "cp1252" | "latin1" | "latin-1" | "iso-8859-1"
            | "iso8859-1" => Ok(Self::Windows1252),
            _ => Err(UnknownEncoding(name.to_owned())),
        }
    }

    /// What `--encoding` calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Windows1252 => "windows-1252",
        }
    }

    /// The byte order mark at the beginning of `start`, and how many bytes it takes. Three bytes of
    /// a file are enough to tell.
    pub(super) fn from_bom(start: &[u8]) -> Option<(Self, usize)> {
        match start {
            [0xEF, 0xBB, 0xBF, ..] => Some((Self::Utf8, 3)),
            [0xFF, 0xFE, ..] => Some((Self::Utf16Le, 2)),
            [0xFE, 0xFF, ..] => Some((Self::Utf16Be, 2)),
            _ => None,
        }
    }
}

impl std::str::FromStr for Encoding {
    type Err = UnknownEncoding;

    fn from_str(name: &str) -> Result<Self, UnknownEncoding> {
        Self::parse(name)
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16 LE",
            Self::Utf16Be => "UTF-16 BE",
            Self::Windows1252 => "Windows-1252",
        })
    }
}

/// What a whole file looks like to somebody who expects UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Every byte fits.
    Valid,
    /// Some do not, but at least as many sequences do.
    Mostly { first_bad: Bad },
    /// It must be something else.
    Not { first_bad: Bad },
}

/// A byte that does not fit, by its place in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bad {
    pub(super) offset: u64,
    pub(super) byte: u8,
}

/// Weighs valid multi-byte sequences against invalid bytes, chunk by chunk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Utf8Scan {
    /// Bytes of the file before the chunk that comes next.
    offset: u64,
    /// The beginning of a sequence that the previous chunk broke off.
    carry: [u8; 4],
    carried: usize,
    /// Where that sequence began.
    carry_offset: u64,
    multibyte: u64,
    invalid: u64,
    first_bad: Option<Bad>,
}

impl Utf8Scan {
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        let end = self.offset + chunk.len() as u64;
        let mut rest = self.join(chunk);
        loop {
            match std::str::from_utf8(rest) {
                Ok(_) => {
                    self.multibyte += lead_bytes(rest);
                    break;
                }
                Err(error) => {
                    let (valid, bad) = rest.split_at(error.valid_up_to());
                    self.multibyte += lead_bytes(valid);
                    let Some(len) = error.error_len() else {
                        self.carry[..bad.len()].copy_from_slice(bad);
                        self.carried = bad.len();
                        self.carry_offset = end - bad.len() as u64;
                        break;
                    };
                    self.bad(end - bad.len() as u64, bad[0], len);
                    rest = &bad[len..];
                }
            }
        }
        self.offset = end;
    }

    /// Completes the sequence that was broken off, and returns what is left of the chunk.
    fn join<'a>(&mut self, mut chunk: &'a [u8]) -> &'a [u8] {
        while self.carried > 0
            && let Some((&byte, rest)) = chunk.split_first()
        {
            self.carry[self.carried] = byte;
            match std::str::from_utf8(&self.carry[..=self.carried]) {
                Ok(_) => {
                    self.multibyte += 1;
                    self.carried = 0;
                }
                Err(error) if error.error_len().is_none() => self.carried += 1,
                Err(_) => {
                    // What was carried is the bad part; `byte` may begin something good.
                    self.carry_is_bad();
                    return chunk;
                }
            }
            chunk = rest;
        }
        chunk
    }

    fn carry_is_bad(&mut self) {
        let len = std::mem::take(&mut self.carried);
        self.bad(self.carry_offset, self.carry[0], len);
    }

    fn bad(&mut self, offset: u64, byte: u8, len: usize) {
        self.first_bad.get_or_insert(Bad { offset, byte });
        self.invalid += len as u64;
    }

    /// Whether text in Windows-1252 of which these are the bytes would be read as something else, if
    /// nobody said what it is. ASCII alone reads the same in both.
    pub(crate) fn misleads(&self) -> bool {
        match self.clone().finish() {
            Verdict::Valid => self.multibyte > 0,
            Verdict::Mostly { .. } => true,
            Verdict::Not { .. } => false,
        }
    }

    pub(super) fn finish(mut self) -> Verdict {
        if self.carried > 0 {
            self.carry_is_bad();
        }
        match self.first_bad {
            None => Verdict::Valid,
            // `invalid` is not 0 here, so there is at least one valid sequence.
            Some(first_bad) if self.multibyte >= self.invalid => Verdict::Mostly { first_bad },
            Some(first_bad) => Verdict::Not { first_bad },
        }
    }
}

/// Number of multi-byte sequences in valid UTF-8. The inner sums fit a byte, which lets the
/// compiler count sixteen or more at a time.
fn lead_bytes(valid: &[u8]) -> u64 {
    if valid.is_ascii() {
        return 0;
    }
    let count = |piece: &[u8]| piece.iter().map(|byte| u8::from(*byte >= 0xC0)).sum::<u8>();
    valid.chunks(255).map(|piece| u64::from(count(piece))).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scan(bytes: &[u8], size: usize) -> Verdict {
        let mut scan = Utf8Scan::default();
        bytes.chunks(size.max(1)).for_each(|chunk| scan.push(chunk));
        scan.finish()
    }

    #[test]
    fn names_in_any_case_and_the_choices_where_there_is_none() {
        for (name, encoding) in [
            ("UTF-8", Encoding::Utf8),
            ("utf8", Encoding::Utf8),
            ("Utf-16", Encoding::Utf16Le),
            ("utf-16le", Encoding::Utf16Le),
            ("UTF-16BE", Encoding::Utf16Be),
            ("cp1252", Encoding::Windows1252),
            ("Latin1", Encoding::Windows1252),
            ("ISO-8859-1", Encoding::Windows1252),
        ] {
            assert_eq!(Encoding::parse(name), Ok(encoding), "{name}");
        }
        let message = Encoding::parse("ebcdic").unwrap_err().to_string();
        assert!(message.contains("windows-1252"), "{message}");
    }

    #[test]
    fn one_stray_byte_among_accents_is_a_damaged_utf8_file() {
        let bytes = [&b"Jo"[..], "ão;São".as_bytes(), b"\nJos\xe9;x"].concat();
        let first_bad = Bad { offset: 14, byte: 0xE9 };
        for size in 1..=bytes.len() {
            assert_eq!(scan(&bytes, size), Verdict::Mostly { first_bad }, "chunks of {size}");
        }
    }

    #[test]
    fn accents_that_are_single_bytes_are_no_utf8() {
        let first_bad = Bad { offset: 2, byte: 0xE3 };
        assert_eq!(scan(b"Jo\xe3o;Jos\xe9", 3), Verdict::Not { first_bad });
        // No valid sequence at all: one bad byte decides.
        let first_bad = Bad { offset: 3, byte: 0xE9 };
        assert_eq!(scan(b"Jos\xe9", 64), Verdict::Not { first_bad });
    }

    #[test]
    fn windows_1252_that_looks_like_utf8_misleads() {
        let misleads = |bytes: &[u8]| {
            let mut scan = Utf8Scan::default();
            scan.push(bytes);
            scan.misleads()
        };
        assert!(misleads(b"Jo\xc3\xa3o") && misleads(b"Jo\xc3\xa3o;n\xe3o"));
        assert!(!misleads(b"Joao") && !misleads(b"Jo\xe3o") && !misleads(b""));
    }

    #[test]
    fn every_byte_of_a_broken_sequence_counts() {
        // One valid sequence against the two bytes of a broken off "€".
        let first_bad = Bad { offset: 2, byte: 0xE2 };
        for bytes in [b"\xc3\xa9\xe2\x82".as_slice(), b"\xc3\xa9\xe2\x82;"] {
            assert_eq!(scan(bytes, 1), Verdict::Not { first_bad });
            assert_eq!(scan(bytes, 64), Verdict::Not { first_bad });
        }
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(
            pieces in prop::collection::vec(
                prop_oneof![
                    any::<char>().prop_map(|c| c.to_string().into_bytes()),
                    prop::collection::vec(any::<u8>(), 0..4),
                ],
                0..40,
            ),
            size in 1usize..9,
        ) {
            let bytes = pieces.concat();
            let whole = scan(&bytes, bytes.len());
            prop_assert_eq!(scan(&bytes, size), whole);
            match std::str::from_utf8(&bytes) {
                Ok(_) => prop_assert_eq!(whole, Verdict::Valid),
                Err(error) => {
                    let (Verdict::Mostly { first_bad } | Verdict::Not { first_bad }) = whole else {
                        return Err(TestCaseError::fail("bad bytes were not seen"));
                    };
                    prop_assert_eq!(first_bad.offset, error.valid_up_to() as u64);
                    prop_assert_eq!(first_bad.byte, bytes[error.valid_up_to()]);
                }
            }
        }
    }
}
