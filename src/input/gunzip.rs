//! Unpacks gzip: one member after the other, then zeros as padding, and nothing else.
//!
//! What the unpacked bytes mean is not known here, and errors of the reader below pass through.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use flate2::bufread::GzDecoder;

use super::error::InputError;

/// The unpacked bytes of `R`.
pub(super) struct Gunzip<R> {
    /// `None` after the last member.
    member: Option<GzDecoder<R>>,
    label: Arc<str>,
}

impl<R: BufRead> Gunzip<R> {
    pub(super) fn new(from: R, label: Arc<str>) -> Self {
        Self { member: Some(GzDecoder::new(from)), label }
    }

    fn unpack(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.member {
            let read = decoder.read(out)?;
            if read > 0 {
                return Ok(read);
            }
            self.member = match self.member.take() {
                Some(decoder) => next_member(decoder.into_inner())?,
                None => None,
            };
        }
        Ok(0)
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.unpack(out).map_err(|cause| match cause.get_ref() {
            Some(below) if below.is::<InputError>() => cause,
            _ => io::Error::other(InputError::Gzip { label: self.label.clone(), cause }),
        })
    }
}

/// The member that begins here, if the file does not end. Tapes and some archivers fill a block up
/// with zeros behind the last member; gzip(1) ignores them too.
fn next_member<R: BufRead>(mut from: R) -> io::Result<Option<GzDecoder<R>>> {
    let mut padded = false;
    loop {
        let ahead = from.fill_buf()?;
        let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
        if ahead.is_empty() {
            return Ok(None);
        }
        padded |= zeros > 0;
        if zeros < ahead.len() {
            break;
        }
        from.consume(zeros);
    }
    if padded { Err(io::ErrorKind::InvalidInput.into()) } else { Ok(Some(GzDecoder::new(from))) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{gzip, noise};
    use super::*;

    fn unpacked(packed: &[u8]) -> Result<Vec<u8>, InputError> {
        let label: Arc<str> = "x.csv.gz".into();
        let mut all = Vec::new();
        match Gunzip::new(packed, label.clone()).read_to_end(&mut all) {
            Ok(_) => Ok(all),
            Err(error) => Err(InputError::from_io(error, &label)),
        }
    }

    fn is_damaged(packed: &[u8]) -> bool {
        matches!(unpacked(packed), Err(InputError::Gzip { .. }))
    }

    #[test]
    fn members_follow_each_other() {
        let (a, b) = (noise(300_000), noise(70_000));
        assert_eq!(unpacked(&[gzip(&a), gzip(b""), gzip(&b)].concat()).unwrap(), [a, b].concat());
    }

    #[test]
    fn zeros_behind_the_last_member_are_padding_and_anything_else_is_damage() {
        let packed = [gzip(&noise(500)), gzip(&noise(90_000))].concat();
        let whole = unpacked(&packed).unwrap();
        for zeros in [1, 7, 512, 600_000] {
            let mut bytes = packed.clone();
            bytes.resize(packed.len() + zeros, 0);
            assert_eq!(unpacked(&bytes).unwrap(), whole, "{zeros} zeros");
            assert!(is_damaged(&[&bytes, &b"x"[..]].concat()), "{zeros} zeros");
            assert!(is_damaged(&[&bytes, &packed[..]].concat()), "{zeros} zeros");
        }
    }

    #[test]
    fn a_file_that_is_cut_or_damaged_anywhere_is_an_error() {
        let first = gzip(&noise(500));
        let whole = [&first[..], &gzip(&noise(300))].concat();
        for cut in (1..whole.len()).filter(|cut| *cut != first.len()) {
            assert!(is_damaged(&whole[..cut]), "cut at {cut}");
        }
        let mut damaged = whole;
        damaged[60] ^= 0x55;
        assert!(is_damaged(&damaged));
    }
}
