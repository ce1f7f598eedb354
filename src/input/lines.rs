//! Counts physical lines in a stream of bytes: `\n`, `\r\n` and a bare `\r` each end one.
//!
//! Cells are not known here: a line break inside quotes ends a physical line like any other.

use memchr::memchr2_iter;

/// Line ends seen so far; a `\r\n` that is torn apart by two pieces counts once.
#[derive(Debug, Clone, Default)]
pub(super) struct LineCounter {
    ended: u64,
    after_cr: bool,
}

impl LineCounter {
    /// Takes the next bytes of the stream.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.ended += self.count(bytes);
    }

    /// Like [`push`](Self::push), for a caller that adds the result to a count of its own.
    pub(super) fn count(&mut self, bytes: &[u8]) -> u64 {
        let Some(&last) = bytes.last() else { return 0 };
        let mut ended = 0;
        let mut lf_of_crlf = self.after_cr.then_some(0);
        for at in memchr2_iter(b'\n', b'\r', bytes) {
            if bytes[at] == b'\r' {
                lf_of_crlf = Some(at + 1);
                ended += 1;
            } else if lf_of_crlf != Some(at) {
                ended += 1;
            }
        }
        self.after_cr = last == b'\r';
        ended
    }

    /// The line on which the next byte stands; the first line is 1.
    pub(super) fn line(&self) -> u64 {
        self.ended + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_counts_once_however_the_bytes_arrive() {
        let text = b"a\nb\r\nc\rd\r\r\n\n\r";
        for size in 1..=text.len() {
            let mut lines = LineCounter::default();
            text.chunks(size).for_each(|piece| lines.push(piece));
            assert_eq!(lines.line(), 8, "chunks of {size}");
        }
    }
}
