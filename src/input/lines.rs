//! Counts physical lines in a stream of bytes: `\n` and `\r\n` end one, and a bare `\r` in files whose
//! lines end so.
//!
//! Cells are not known here: a line break inside quotes ends a physical line like any other.

use memchr::{memchr_iter, memchr2_iter};

/// Line ends seen so far; a `\r\n` that is torn apart by two pieces counts once.
#[derive(Debug, Clone)]
pub(super) struct LineCounter {
    ended: u64,
    after_cr: bool,
    cr_ends: bool,
}

impl LineCounter {
    /// `cr_ends` says whether a bare `\r` ends a line.
    pub(super) fn new(cr_ends: bool) -> Self {
        Self { ended: 0, after_cr: false, cr_ends }
    }

    /// Takes the next bytes of the stream.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.ended += self.count(bytes);
    }

    /// Like [`push`](Self::push), for a caller that adds the result to a count of its own.
    pub(super) fn count(&mut self, bytes: &[u8]) -> u64 {
        let Some(&last) = bytes.last() else { return 0 };
        let mut ended = 0;
        let mut lf_of_crlf = self.after_cr.then_some(0);
        if self.cr_ends {
            for at in memchr2_iter(b'\n', b'\r', bytes) {
                if bytes[at] == b'\r' {
                    lf_of_crlf = Some(at + 1);
                    ended += 1;
                } else if lf_of_crlf != Some(at) {
                    ended += 1;
                }
            }
        } else {
            ended = memchr_iter(b'\n', bytes).count() as u64;
        }
        self.after_cr = last == b'\r';
        ended
    }

    /// The line on which the next byte stands; the first line is 1.
    pub(super) fn line(&self) -> u64 {
        self.ended + 1
    }
}

/// Looks for what ends the first line of a stream: line ends between quotes are data, whatever the
/// delimiter is.
#[derive(Debug, Default)]
pub(super) struct FirstLineEnd {
    quoted: bool,
    after_cr: bool,
    is_cr: Option<bool>,
}

impl FirstLineEnd {
    /// Takes the next bytes of the stream.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes.iter();
        while self.is_cr.is_none()
            && let Some(byte) = rest.next()
        {
            match byte {
                b'\n' if self.after_cr || !self.quoted => self.is_cr = Some(false),
                _ if self.after_cr => self.is_cr = Some(true),
                b'\r' => self.after_cr = !self.quoted,
                b'"' => self.quoted = !self.quoted,
                _ => {}
            }
        }
    }

    /// Whether it is a bare `\r`.
    pub(super) fn is_cr(&self) -> bool {
        self.is_cr.unwrap_or(self.after_cr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_counts_once_however_the_bytes_arrive() {
        let text = b"a\nb\r\nc\rd\r\r\n\n\r";
        for size in 1..=text.len() {
            for (cr_ends, line) in [(true, 8), (false, 5)] {
                let mut lines = LineCounter::new(cr_ends);
                text.chunks(size).for_each(|piece| lines.push(piece));
                assert_eq!(lines.line(), line, "chunks of {size}");
            }
        }
    }

    #[test]
    fn the_first_line_end_outside_quotes_is_found() {
        for (text, is_cr) in [
            ("a\nb\rc\rd", false),
            ("a\r\nb\rc\rd", false),
            ("a;\"b\rc\"\nd", false),
            ("\"a\"\"\n\";b\rc\n", true),
            ("a\r", true),
            ("a", false),
        ] {
            for size in 1..=text.len() {
                let mut end = FirstLineEnd::default();
                text.as_bytes().chunks(size).for_each(|piece| end.push(piece));
                assert_eq!(end.is_cr(), is_cr, "{text:?} in pieces of {size}");
            }
        }
    }
}
