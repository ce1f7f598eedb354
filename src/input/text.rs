//! Bytes of a known encoding → UTF-8, chunk by chunk, without the byte order mark and without the
//! end-of-file mark of DOS.
//!
//! UTF-8 passes through uncopied and unchecked: the inspection has checked it, and the record builder
//! checks every record once more. Which encoding it is has been decided elsewhere.

use std::sync::Arc;

use encoding_rs::{Decoder, DecoderResult, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::blocks::Chunks;
use super::encoding::Encoding;
use super::error::InputError;
use super::lines::LineCounter;

/// What DOS programs write after the last line.
const EOF_MARK: u8 = 0x1A;
/// Bytes of UTF-8 that a decoder makes at a time.
const DECODED: usize = 256 * 1024;

/// The text of `R` in chunks of UTF-8. A chunk may end inside a character where the input's do.
pub(super) struct Text<R> {
    from: Decoded<R>,
    /// End of the loaded chunk, without a mark that may be the last character of all.
    end: usize,
    /// The loaded chunk ended with the mark; it is dropped unless something follows.
    withheld: bool,
    /// Something followed: the mark is data, and the current chunk before the loaded one.
    showing_mark: bool,
}

impl<R: Chunks> Text<R> {
    /// The text of `raw`, which begins with a byte order mark of `bom` bytes (0 for none).
    pub(super) fn new(raw: R, encoding: Encoding, bom: usize, label: Arc<str>) -> Self {
        let has_bom = bom > 0;
        let raw = WithoutBom { raw, left: bom, at: 0 };
        let from = match encoding {
            Encoding::Utf8 => Decoded::AsIs(raw),
            Encoding::Utf16Le | Encoding::Utf16Be | Encoding::Windows1252 => {
                Decoded::Converted(Converted::new(raw, encoding, has_bom, label))
            }
        };
        Self { from, end: 0, withheld: false, showing_mark: false }
    }

    /// The bytes below, for their position.
    pub(super) fn raw(&self) -> &R {
        match &self.from {
            Decoded::AsIs(raw) => &raw.raw,
            Decoded::Converted(converted) => &converted.from.raw,
        }
    }

    /// Gives the bytes below back.
    pub(super) fn into_raw(self) -> R {
        match self.from {
            Decoded::AsIs(raw) => raw.raw,
            Decoded::Converted(converted) => converted.from.raw,
        }
    }
}

impl<R: Chunks> Chunks for Text<R> {
    fn advance(&mut self) -> Result<bool, InputError> {
        if self.showing_mark {
            self.showing_mark = false;
            if self.end > 0 {
                return Ok(true);
            }
        }
        loop {
            self.end = 0;
            if !self.from.advance()? {
                return Ok(false);
            }
            let chunk = self.from.chunk();
            let marked = chunk.last() == Some(&EOF_MARK);
            self.end = chunk.len() - usize::from(marked);
            self.showing_mark = self.withheld;
            self.withheld = marked;
            if self.showing_mark || self.end > 0 {
                return Ok(true);
            }
        }
    }

    fn chunk(&self) -> &[u8] {
        if self.showing_mark { &[EOF_MARK] } else { &self.from.chunk()[..self.end] }
    }
}

enum Decoded<R> {
    AsIs(WithoutBom<R>),
    Converted(Converted<R>),
}

impl<R: Chunks> Chunks for Decoded<R> {
    fn advance(&mut self) -> Result<bool, InputError> {
        match self {
            Self::AsIs(raw) => raw.advance(),
            Self::Converted(converted) => converted.advance(),
        }
    }

    fn chunk(&self) -> &[u8] {
        match self {
            Self::AsIs(raw) => raw.chunk(),
            Self::Converted(converted) => converted.chunk(),
        }
    }
}

/// The bytes after the byte order mark.
struct WithoutBom<R> {
    raw: R,
    /// Bytes of the mark that are still to come.
    left: usize,
    /// Where in the current chunk the mark ends.
    at: usize,
}

impl<R: Chunks> Chunks for WithoutBom<R> {
    fn advance(&mut self) -> Result<bool, InputError> {
        loop {
            self.at = 0;
            if !self.raw.advance()? {
                return Ok(false);
            }
            let len = self.raw.chunk().len();
            self.at = self.left.min(len);
            self.left -= self.at;
            if self.at < len {
                return Ok(true);
            }
        }
    }

    fn chunk(&self) -> &[u8] {
        &self.raw.chunk()[self.at..]
    }
}

/// What is not UTF-8, made UTF-8.
struct Converted<R> {
    from: WithoutBom<R>,
    /// Where in its current chunk the part that is not decoded yet begins.
    at: usize,
    decoder: Decoder,
    encoding: Encoding,
    bom: bool,
    label: Arc<str>,
    output: Box<[u8]>,
    len: usize,
    /// Where an undecodable byte would stand.
    lines: LineCounter,
    /// Nothing follows in `from`.
    ended: bool,
    /// The decoder has said its last word; it must not be asked again.
    done: bool,
}

impl<R: Chunks> Converted<R> {
    fn new(from: WithoutBom<R>, encoding: Encoding, bom: bool, label: Arc<str>) -> Self {
        let decoder = match encoding {
            Encoding::Utf8 => encoding_rs::UTF_8,
            Encoding::Utf16Le => UTF_16LE,
            Encoding::Utf16Be => UTF_16BE,
            Encoding::Windows1252 => WINDOWS_1252,
        }
        .new_decoder_without_bom_handling();
        Self {
            from,
            at: 0,
            decoder,
            encoding,
            bom,
            label,
            output: vec![0; DECODED].into_boxed_slice(),
            len: 0,
            lines: LineCounter::default(),
            ended: false,
            done: false,
        }
    }
}

impl<R: Chunks> Chunks for Converted<R> {
    fn advance(&mut self) -> Result<bool, InputError> {
        self.len = 0;
        while !self.done {
            if !self.ended && self.at >= self.from.chunk().len() {
                self.at = 0;
                self.ended = !self.from.advance()?;
            }
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
                &self.from.chunk()[self.at..],
                &mut self.output,
                self.ended,
            );
            self.at += read;
            if self.encoding != Encoding::Windows1252 {
                // No byte is undecodable in Windows-1252, so nobody will ask for the line.
                self.lines.push(&self.output[..written]);
            }
            match result {
                DecoderResult::InputEmpty => self.done = self.ended,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => {
                    self.done = true;
                    return Err(InputError::Undecodable {
                        label: self.label.clone(),
                        line: self.lines.line(),
                        encoding: self.encoding,
                        bom: self.bom,
                    });
                }
            }
            if written > 0 {
                self.len = written;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn chunk(&self) -> &[u8] {
        &self.output[..self.len]
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Bytes in memory, in chunks of a chosen size.
    pub(in crate::input) struct Pieces {
        rest: Vec<Vec<u8>>,
        current: Vec<u8>,
    }

    impl Pieces {
        pub(in crate::input) fn new(bytes: &[u8], size: usize) -> Self {
            let rest = bytes.chunks(size).rev().map(<[u8]>::to_vec).collect();
            Self { rest, current: Vec::new() }
        }
    }

    impl Chunks for Pieces {
        fn advance(&mut self) -> Result<bool, InputError> {
            self.current = self.rest.pop().unwrap_or_default();
            Ok(!self.current.is_empty())
        }

        fn chunk(&self) -> &[u8] {
            &self.current
        }
    }

    fn decode(bytes: &[u8], encoding: Encoding, bom: usize, size: usize) -> Result<String, u64> {
        let mut text = Text::new(Pieces::new(bytes, size), encoding, bom, "x.csv".into());
        let mut all = Vec::new();
        loop {
            match text.advance() {
                Ok(true) => {
                    assert!(!text.chunk().is_empty());
                    all.extend_from_slice(text.chunk());
                }
                Ok(false) => break,
                Err(InputError::Undecodable { line, .. }) => return Err(line),
                Err(other) => panic!("{other}"),
            }
        }
        assert!(!text.advance().unwrap() && text.chunk().is_empty());
        Ok(String::from_utf8(all).unwrap())
    }

    pub(in crate::input) fn utf16(text: &str, big: bool) -> Vec<u8> {
        let bytes = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn the_same_text_from_every_encoding_in_every_chunk_size() {
        let text = "id;nome\r\n1;São João\u{2026}\r\n\u{1a}2;\u{1a}\u{1a}x\r\n";
        let ansi = WINDOWS_1252.encode(text).0.into_owned();
        let utf8_bom = [b"\xEF\xBB\xBF", text.as_bytes()].concat();
        let utf16_bom = [b"\xFF\xFE".as_slice(), &utf16(text, false)].concat();
        for size in 1..=utf16_bom.len() {
            for mark in ["", "\u{1a}"] {
                let with = |bytes: &[u8], mark: Vec<u8>| [bytes, &mark].concat();
                let short = mark.as_bytes().to_vec();
                for (bytes, encoding, bom) in [
                    (with(text.as_bytes(), short.clone()), Encoding::Utf8, 0),
                    (with(&utf8_bom, short.clone()), Encoding::Utf8, 3),
                    (with(&ansi, short.clone()), Encoding::Windows1252, 0),
                    (with(&utf16_bom, utf16(mark, false)), Encoding::Utf16Le, 2),
                    (with(&utf16(text, true), utf16(mark, true)), Encoding::Utf16Be, 0),
                ] {
                    assert_eq!(
                        decode(&bytes, encoding, bom, size).as_deref(),
                        Ok(text),
                        "{encoding}, chunks of {size}, mark {mark:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn only_the_very_last_mark_is_dropped() {
        for size in 1..4 {
            assert_eq!(decode(b"a\x1a\x1a", Encoding::Utf8, 0, size).unwrap(), "a\x1a");
            assert_eq!(decode(b"\x1a", Encoding::Utf8, 0, size).unwrap(), "");
            assert_eq!(decode(b"\x1aa", Encoding::Utf8, 0, size).unwrap(), "\x1aa");
        }
    }

    #[test]
    fn broken_utf16_names_its_line() {
        let good = utf16("a\r\nb\n", false);
        for size in [1, 2, 3, 64] {
            // Half a character at the end, and half a surrogate pair.
            let torn = [&good[..], b"x"].concat();
            assert_eq!(decode(&torn, Encoding::Utf16Le, 0, size), Err(3));
            let lone = [&good[..], &[0x00, 0xD8], &utf16("c\n", false)].concat();
            assert_eq!(decode(&lone, Encoding::Utf16Le, 0, size), Err(3));
        }
    }
}
