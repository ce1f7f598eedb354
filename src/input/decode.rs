//! Bytes of a known encoding → UTF-8.
//!
//! UTF-8 passes through unchecked: the first pass has checked it, and each record is checked once
//! more when it is made. Which encoding a file has is decided in `inspect`.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use encoding_rs::{Decoder, DecoderResult, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::cp850::Cp850Decoder;
use super::encoding::Encoding;
use super::error::InputError;
use super::lines::LineCounter;

/// Bytes of one pass over an input.
pub(super) type ByteStream<'a> = Box<dyn BufRead + Send + 'a>;

/// Bytes of UTF-8 that a decoder makes at a time.
const DECODED: usize = 256 * 1024;

/// The text of `bytes`, which begin with so many byte order marks.
pub(super) fn decode<'a>(
    mut bytes: ByteStream<'a>,
    encoding: Encoding,
    marks: usize,
    label: &Arc<str>,
) -> Result<ByteStream<'a>, InputError> {
    let mut dropped = vec![0; marks * encoding.bom().len()];
    bytes.read_exact(&mut dropped).map_err(|error| InputError::from_io(error, label))?;
    let of_web = |encoding: &'static encoding_rs::Encoding| {
        ByteDecoder::OfWeb(encoding.new_decoder_without_bom_handling())
    };
    let decoder = match encoding {
        Encoding::Utf8 => return Ok(bytes),
        Encoding::Utf16Le => of_web(UTF_16LE),
        Encoding::Utf16Be => of_web(UTF_16BE),
        Encoding::Windows1252 => of_web(WINDOWS_1252),
        Encoding::Cp850 => ByteDecoder::Cp850(Cp850Decoder::new()),
    };
    Ok(Box::new(Transcoder {
        from: bytes,
        decoder,
        encoding,
        bom: marks > 0,
        label: label.clone(),
        output: vec![0; DECODED].into_boxed_slice(),
        len: 0,
        consumed: 0,
        lines: LineCounter::new(true),
        done: false,
    }))
}

enum ByteDecoder {
    /// One of encoding_rs, which are those of browsers.
    OfWeb(Decoder),
    Cp850(Cp850Decoder),
}

impl ByteDecoder {
    /// As [`Decoder::decode_to_utf8_without_replacement`].
    fn decode(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        last: bool,
    ) -> (DecoderResult, usize, usize) {
        match self {
            Self::OfWeb(decoder) => decoder.decode_to_utf8_without_replacement(input, output, last),
            Self::Cp850(decoder) => {
                let (read, written) = decoder.decode(input, output);
                let all = read == input.len();
                let result =
                    if all { DecoderResult::InputEmpty } else { DecoderResult::OutputFull };
                (result, read, written)
            }
        }
    }
}

/// Turns another encoding into UTF-8.
struct Transcoder<'a> {
    from: ByteStream<'a>,
    decoder: ByteDecoder,
    encoding: Encoding,
    bom: bool,
    label: Arc<str>,
    output: Box<[u8]>,
    /// Bytes in `output`, and how many of them were consumed.
    len: usize,
    consumed: usize,
    /// Counts the decoded lines, to name the line of an undecodable byte.
    lines: LineCounter,
    /// The decoder has given its last bytes and may not be called again.
    done: bool,
}

impl BufRead for Transcoder<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.consumed >= self.len && !self.done {
            let input = self.from.fill_buf()?;
            let last = input.is_empty();
            let (result, read, written) = self.decoder.decode(input, &mut self.output, last);
            self.from.consume(read);
            (self.len, self.consumed) = (written, 0);
            self.lines.push(&self.output[..written]);
            match result {
                DecoderResult::InputEmpty => self.done = last,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => {
                    self.done = true;
                    return Err(io::Error::other(InputError::Undecodable {
                        label: self.label.clone(),
                        line: self.lines.line(),
                        encoding: self.encoding,
                        bom: self.bom,
                    }));
                }
            }
        }
        Ok(&self.output[self.consumed..self.len])
    }

    fn consume(&mut self, len: usize) {
        self.consumed = (self.consumed + len).min(self.len);
    }
}

impl Read for Transcoder<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.fill_buf()?.read(out)?;
        self.consume(len);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{in_pieces, utf16};
    use super::*;

    fn decoded(bytes: &[u8], encoding: Encoding, marks: usize, size: usize) -> Result<String, u64> {
        let label: Arc<str> = "x.csv".into();
        let mut text = decode(in_pieces(bytes, size), encoding, marks, &label).unwrap();
        let mut all = String::new();
        match text.read_to_string(&mut all) {
            Ok(_) => Ok(all),
            Err(error) => match InputError::from_io(error, &label) {
                InputError::Undecodable { line, .. } => Err(line),
                other => panic!("{other}"),
            },
        }
    }

    #[test]
    fn every_encoding_gives_the_same_text_in_pieces_of_every_size() {
        let text = "id;nome\r\n1;São João\u{2026}\r\n\u{1a}2;\u{1a}\u{1a}x\r\n";
        let utf16_bom = [b"\xFF\xFE".as_slice(), &utf16(text, u16::to_le_bytes)].concat();
        for (bytes, encoding, marks) in [
            (text.as_bytes().to_vec(), Encoding::Utf8, 0),
            ([&b"\xEF\xBB\xBF\xEF\xBB\xBF"[..], text.as_bytes()].concat(), Encoding::Utf8, 2),
            (WINDOWS_1252.encode(text).0.into_owned(), Encoding::Windows1252, 0),
            (utf16_bom, Encoding::Utf16Le, 1),
            (utf16(text, u16::to_be_bytes), Encoding::Utf16Be, 0),
        ] {
            for size in 1..=bytes.len() {
                let decoded = decoded(&bytes, encoding, marks, size);
                assert_eq!(decoded.as_deref(), Ok(text), "{encoding} in pieces of {size}");
            }
        }
    }

    #[test]
    fn damaged_utf16_names_its_line() {
        let good = utf16("a\r\nb\n", u16::to_le_bytes);
        for size in [1, 2, 3, 64] {
            // Half a character at the end, and half a surrogate pair.
            let torn = [&good[..], b"x"].concat();
            assert_eq!(decoded(&torn, Encoding::Utf16Le, 0, size), Err(3));
            let lone = [&good[..], &[0x00, 0xD8], &utf16("c\n", u16::to_le_bytes)].concat();
            assert_eq!(decoded(&lone, Encoding::Utf16Le, 0, size), Err(3));
        }
    }
}
