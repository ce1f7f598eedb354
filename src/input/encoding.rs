//! Which encoding a file is in, decided on the whole of it.
//!
//! A sample is not enough: the first accent may stand in the last row, and Windows-1252 never fails
//! to decode, so a wrong guess is silent. Decoding is done in `decode`.

use std::fmt;

use memchr::memchr_iter;

/// The encodings that exports come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// UTF-16, little end first (Excel's "Unicode text").
    Utf16Le,
    /// UTF-16, big end first.
    Utf16Be,
    /// Windows-1252, which is Latin-1 with printable characters from 0x80 to 0x9F.
    Windows1252,
    /// Code page 850, of DOS.
    Cp850,
}

impl Encoding {
    /// Reads a name as a user writes it, in any case. Plain `utf-16` is little end first; a byte order
    /// mark in the file wins anyway.
    pub fn parse(name: &str) -> Result<Self, &'static str> {
        match name.trim().to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Ok(Self::Utf8),
            "utf-16" | "utf16" | "utf-16le" | "utf16le" => Ok(Self::Utf16Le),
            "utf-16be" | "utf16be" => Ok(Self::Utf16Be),
            "windows-1252" | "windows1252" | "cp1252" | "latin1" | "latin-1" | "iso-8859-1"
            | "iso8859-1" => Ok(Self::Windows1252),
            "cp850" | "ibm850" | "850" => Ok(Self::Cp850),
            _ => Err("use utf-8, utf-16, utf-16le, utf-16be, windows-1252 ou cp850"),
        }
    }

    /// What `--encoding` calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Windows1252 => "windows-1252",
            Self::Cp850 => "cp850",
        }
    }

    /// The encoding of the byte order mark at the beginning of `start`. Three bytes of a file are
    /// enough to tell.
    pub(super) fn of_bom(start: &[u8]) -> Option<Self> {
        [Self::Utf8, Self::Utf16Le, Self::Utf16Be]
            .into_iter()
            .find(|encoding| start.starts_with(encoding.bom()))
    }

    /// Its byte order mark.
    pub(super) const fn bom(self) -> &'static [u8] {
        match self {
            Self::Utf8 => b"\xEF\xBB\xBF",
            Self::Utf16Le => b"\xFF\xFE",
            Self::Utf16Be => b"\xFE\xFF",
            Self::Windows1252 | Self::Cp850 => b"",
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16 LE",
            Self::Utf16Be => "UTF-16 BE",
            Self::Windows1252 => "Windows-1252",
            Self::Cp850 => "CP850",
        })
    }
}

/// How much of a file is UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Utf8Verdict {
    /// Every byte fits.
    Valid,
    /// Some do not, but at least as many multi-byte sequences do.
    Mostly { first_bad: BadByte },
    /// The file has another encoding.
    Not {
        first_bad: BadByte,
        /// Where the first sequence stands that is an accented letter in UTF-8 and nothing that
        /// anybody writes in Windows-1252 (`Ã©`): another program has written into the file.
        letter: Option<u64>,
    },
}

/// The first byte that does not fit, by its position in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadByte {
    pub(super) offset: u64,
    pub(super) byte: u8,
}

/// Counts valid multi-byte sequences and invalid bytes, piece by piece.
#[derive(Debug, Clone, Default)]
pub(crate) struct Utf8Scan {
    /// Bytes of the file before `carry`.
    offset: u64,
    /// The beginning of a sequence that the last piece broke off; at most three bytes.
    carry: Vec<u8>,
    multibyte: u64,
    invalid: u64,
    first_bad: Option<BadByte>,
    letter: Option<u64>,
}

impl Utf8Scan {
    pub(crate) fn push(&mut self, piece: &[u8]) {
        if self.carry.is_empty() {
            return self.scan(piece);
        }
        let mut joined = std::mem::take(&mut self.carry);
        joined.extend_from_slice(piece);
        self.scan(&joined);
    }

    fn scan(&mut self, mut rest: &[u8]) {
        loop {
            let error = match simdutf8::compat::from_utf8(rest) {
                Ok(_) => return self.valid(rest),
                Err(error) => error,
            };
            let (valid, bad) = rest.split_at(error.valid_up_to());
            self.valid(valid);
            let Some(len) = error.error_len() else {
                self.carry = bad.to_vec();
                return;
            };
            self.invalid(&bad[..len]);
            rest = &bad[len..];
        }
    }

    fn valid(&mut self, bytes: &[u8]) {
        if self.letter.is_none() {
            // `à` would be `Ã` and a non-breaking space, which people do write.
            let mut letters = memchr_iter(0xC3, bytes).filter(|at| bytes[at + 1] != 0xA0);
            self.letter = letters.next().map(|at| self.offset + at as u64);
        }
        self.multibyte += multibyte_sequences(bytes);
        self.offset += bytes.len() as u64;
    }

    fn invalid(&mut self, bytes: &[u8]) {
        self.first_bad.get_or_insert(BadByte { offset: self.offset, byte: bytes[0] });
        self.invalid += bytes.len() as u64;
        self.offset += bytes.len() as u64;
    }

    /// Whether these bytes are text in Windows-1252 that would be detected as something else. ASCII
    /// alone reads the same in both.
    pub(crate) fn misleads(&self) -> bool {
        match self.clone().finish() {
            Utf8Verdict::Valid => self.multibyte > 0,
            Utf8Verdict::Mostly { .. } => true,
            Utf8Verdict::Not { letter, .. } => letter.is_some(),
        }
    }

    pub(super) fn finish(mut self) -> Utf8Verdict {
        let carry = std::mem::take(&mut self.carry);
        if !carry.is_empty() {
            self.invalid(&carry);
        }
        match self.first_bad {
            None => Utf8Verdict::Valid,
            // `invalid` is not 0 here, so there is at least one valid sequence.
            Some(first_bad) if self.multibyte >= self.invalid => Utf8Verdict::Mostly { first_bad },
            Some(first_bad) => Utf8Verdict::Not { first_bad, letter: self.letter },
        }
    }
}

fn multibyte_sequences(valid: &[u8]) -> u64 {
    // Counted in a byte where that cannot overflow, which the compiler does for many at a time.
    let count = |piece: &[u8]| piece.iter().map(|byte| u8::from(*byte >= 0xC0)).sum::<u8>();
    valid.chunks(255).map(|piece| u64::from(count(piece))).sum()
}

/// Compares letters behind letters: are there more that only code page 850 makes sense of than
/// letters with the accents of Portuguese in Windows-1252?
#[derive(Debug, Default)]
pub(super) struct DosScan {
    offset: u64,
    before: u8,
    dos: u64,
    windows: u64,
    first: u64,
}

impl DosScan {
    pub(super) fn push(&mut self, piece: &[u8]) {
        if !piece.is_ascii() {
            let before = [self.before].into_iter().chain(piece.iter().copied());
            for (at, (before, byte)) in before.zip(piece).enumerate() {
                if byte.is_ascii() || !before.is_ascii_alphabetic() {
                    continue;
                }
                match byte {
                    // é â ç ê í ó ú Ç É Á, and ã, which would be an Æ inside a word.
                    0x82 | 0x83 | 0x87 | 0x88 | 0xA1..=0xA3 | 0x80 | 0x90 | 0xB5 => self.dos(at),
                    0xC6 if before.is_ascii_lowercase() => self.dos(at),
                    // à á â ã ç é ê í ó ô õ ú, in either case but for Ç, which is the Ã of DOS.
                    0xE0..=0xE3 | 0xE7 | 0xE9 | 0xEA | 0xED | 0xF3..=0xF5 | 0xFA => {
                        self.windows += 1;
                    }
                    0xC0..=0xC3 | 0xC9 | 0xCA | 0xCD | 0xD3..=0xD5 | 0xDA => {
                        self.windows += 1;
                    }
                    _ => {}
                }
            }
        }
        self.offset += piece.len() as u64;
        self.before = piece.last().copied().unwrap_or(self.before);
    }

    fn dos(&mut self, at: usize) {
        if self.dos == 0 {
            self.first = self.offset + at as u64;
        }
        self.dos += 1;
    }

    /// Where the first such letter stands, if they are the more frequent ones.
    pub(super) fn looks_like_cp850(&self) -> Option<u64> {
        (self.dos > self.windows).then_some(self.first)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scan_in_pieces(bytes: &[u8], size: usize) -> Utf8Verdict {
        let mut scan = Utf8Scan::default();
        bytes.chunks(size.max(1)).for_each(|piece| scan.push(piece));
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
        assert!(Encoding::parse("ebcdic").unwrap_err().contains("windows-1252"));
    }

    #[test]
    fn every_byte_that_does_not_fit_counts_against_the_sequences_that_do() {
        let mostly = |offset, byte| Utf8Verdict::Mostly { first_bad: BadByte { offset, byte } };
        let not =
            |offset, byte, letter| Utf8Verdict::Not { first_bad: BadByte { offset, byte }, letter };
        for (bytes, verdict, misleads) in [
            (&b"Joao"[..], Utf8Verdict::Valid, false),
            (b"Jo\xc3\xa3o", Utf8Verdict::Valid, true),
            (b"Jo\xc3\xa3o;S\xc3\xa3o\nJos\xe9;x", mostly(14, 0xE9), true),
            (b"Jo\xc3\xa3o;n\xe3o", mostly(7, 0xE3), true),
            (b"Jo\xe3o;Jos\xe9", not(2, 0xE3, None), false),
            (b"Jos\xe9", not(3, 0xE9, None), false),
            // One valid sequence against the two bytes of an incomplete "€".
            (b"\xc3\xa9\xe2\x82", not(2, 0xE2, Some(0)), true),
            (b"\xc3\xa9\xe2\x82;", not(2, 0xE2, Some(0)), true),
            (b"Jo\xe3o;Jos\xe9;Z\xe9;\xc3\xa0;Andr\xc3\xa9", not(2, 0xE3, Some(20)), true),
            (b"Jo\xe3o;Jos\xe9;\xc3\xa0x", not(2, 0xE3, None), false),
        ] {
            assert_eq!(scan_in_pieces(bytes, bytes.len()), verdict, "{bytes:?}");
            let mut scan = Utf8Scan::default();
            scan.push(bytes);
            assert_eq!(scan.misleads(), misleads, "{bytes:?}");
        }
    }

    #[test]
    fn accents_of_dos_are_told_from_those_of_windows() {
        for (bytes, first) in [
            (&b"Jo\xc6o da Concei\x87\xc6o;Itaja\xa1"[..], Some(2)),
            (b"JOS\x90;S\xc7O", Some(3)),
            (b"Jo\xe3o da Concei\xe7\xe3o;Itaja\xed", None),
            (b"JOS\xc9;S\xc3O PAULO", None),
            // What people do write in Windows-1252.
            (b"d\x92Angelo \x96 \x93Z\xe9\x94\x85 5\x80 n\xba 1\xaa\xa0x", None),
            (b"Paran\xa0 \xc6gir", None),
        ] {
            for size in 1..bytes.len() {
                let mut scan = DosScan::default();
                bytes.chunks(size).for_each(|piece| scan.push(piece));
                assert_eq!(scan.looks_like_cp850(), first, "{bytes:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_size_of_pieces_does_not_matter(
            pieces in prop::collection::vec(
                prop_oneof![
                    any::<char>().prop_map(|c| c.to_string().into_bytes()),
                    // Long texts are checked many bytes at a time.
                    (any::<char>(), 0usize..200).prop_map(|(c, count)| c.to_string().repeat(count).into_bytes()),
                    prop::collection::vec(any::<u8>(), 0..4),
                ],
                0..40,
            ),
            size in prop_oneof![1usize..9, 60usize..300],
        ) {
            let bytes = pieces.concat();
            let whole = scan_in_pieces(&bytes, bytes.len());
            prop_assert_eq!(scan_in_pieces(&bytes, size), whole);
            match std::str::from_utf8(&bytes) {
                Ok(_) => prop_assert_eq!(whole, Utf8Verdict::Valid),
                Err(error) => {
                    let (Utf8Verdict::Mostly { first_bad } | Utf8Verdict::Not { first_bad, .. }) = whole else {
                        return Err(TestCaseError::fail("bad bytes were not seen"));
                    };
                    prop_assert_eq!(first_bad.offset, error.valid_up_to() as u64);
                    prop_assert_eq!(first_bad.byte, bytes[error.valid_up_to()]);
                }
            }
        }
    }
}
