//! Text → records: the parser, fed piece by piece, and the end-of-file mark of DOS, which is dropped.
//!
//! Every record is handed out, blank ones and the header too. What counts as a row is decided in
//! `rows`.

use std::sync::Arc;

use memchr::memchr;

use super::decode::ByteStream;
use super::error::InputError;
use super::parser::{Damage, DamageKind, LineEnd, ParseProgress, Parser, QuoteMode};
use super::record::{Record, RecordBuilder};

/// What DOS programs write after the last line.
const EOF_MARK: u8 = 0x1A;

/// The records of a text, one after the other.
pub(super) struct Records {
    text: ByteStream<'static>,
    /// A mark was consumed, and something follows it: the mark is data, and comes next.
    mark: bool,
    parser: Parser,
    record: RecordBuilder,
    label: Arc<str>,
}

impl Records {
    /// The records of a text. Until a dialect is set, a line is one cell. `cr_ends` says whether a
    /// `\r` without `\n` ends a line.
    pub(super) fn new(text: ByteStream<'static>, cr_ends: bool, label: Arc<str>) -> Self {
        Self {
            text,
            mark: false,
            parser: Parser::new(None, QuoteMode::Lenient, cr_ends),
            record: RecordBuilder::default(),
            label,
        }
    }

    /// Leaves out physical lines before the first record, whatever they hold.
    pub(super) fn skip_lines(&mut self, lines: u64, cr_ends: bool) -> Result<(), InputError> {
        let end = if cr_ends { b'\r' } else { b'\n' };
        let mut left = lines;
        while left > 0 {
            let piece = fill(&mut self.text, &self.label)?;
            if piece.is_empty() {
                break;
            }
            let found = memchr(end, piece);
            let used = found.map_or(piece.len(), |at| at + 1);
            self.text.consume(used);
            left -= u64::from(found.is_some());
        }
        self.parser.skipped(lines);
        Ok(())
    }

    /// Reads on in this dialect; for use between records.
    pub(super) fn set_dialect(&mut self, delimiter: Option<u8>, mode: QuoteMode) {
        self.parser.set_dialect(delimiter, mode);
    }

    /// What ended the last record.
    pub(super) fn line_end(&self) -> LineEnd {
        self.parser.line_end()
    }

    /// The next record; `None` at the end of the text.
    pub(super) fn read(&mut self) -> Result<Option<Record>, InputError> {
        loop {
            let piece = match self.mark {
                true => &[EOF_MARK],
                false => fill(&mut self.text, &self.label)?,
            };
            let (piece, ended) = match piece {
                [] => (piece, true),
                [EOF_MARK] if !self.mark => {
                    self.text.consume(1);
                    self.mark = !fill(&mut self.text, &self.label)?.is_empty();
                    continue;
                }
                [before @ .., EOF_MARK] if !self.mark => (before, false),
                all => (all, false),
            };
            let parsed = match ended {
                true => self.parser.finish(&mut self.record),
                false => self.parser.feed(piece, &mut self.record),
            };
            let ParseProgress { used, complete } = parsed.map_err(|damage| self.damaged(damage))?;
            match self.mark {
                true => self.mark = used == 0,
                false => self.text.consume(used),
            }
            if complete {
                let record = self.record.finish();
                // The first pass has found the text to be UTF-8.
                let changed = || InputError::Changed { label: self.label.clone() };
                return record.map(Some).ok_or_else(changed);
            }
            if ended {
                return Ok(None);
            }
        }
    }

    /// The next record that is not blank.
    pub(super) fn read_filled(&mut self) -> Result<Option<Record>, InputError> {
        loop {
            match self.read()? {
                Some(record) if record.is_blank() => {}
                other => return Ok(other),
            }
        }
    }

    fn damaged(&self, Damage { kind, line, column }: Damage) -> InputError {
        let label = self.label.clone();
        if self.record.has_backslash_quote() {
            return InputError::BackslashQuote { label, line, column };
        }
        match kind {
            DamageKind::Unclosed => InputError::UnclosedQuote { label, line, column },
            DamageKind::TextAfterQuote => InputError::TextAfterQuote { label, line, column },
        }
    }
}

fn fill<'t>(text: &'t mut ByteStream<'static>, label: &Arc<str>) -> Result<&'t [u8], InputError> {
    text.fill_buf().map_err(|error| InputError::from_io(error, label))
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_pieces;
    use super::*;

    #[test]
    fn quotes_with_a_backslash_are_named() {
        for (text, is_backslash) in [
            (r#"1,"Ana \"Nina\" Lima""#, true),
            (r#"1,"Ana \" Nina",2"#, true),
            (r#"1,"5\"",2"#, true),
            (r#"1,"a \"","b" c"#, true),
            (r#"1,"Ana "Nina" Lima""#, false),
            (r#"\,"Ana "Nina""#, false),
            (r#"1,"C:\x,2"#, false),
            (r#"1,"a ""b"" c,2"#, false),
        ] {
            for size in 1..6 {
                let mut from = Records::new(in_pieces(text.as_bytes(), size), false, "x".into());
                from.set_dialect(Some(b','), QuoteMode::Strict);
                let error = from.read().unwrap_err();
                let found = matches!(error, InputError::BackslashQuote { line: 1, .. });
                assert_eq!(found, is_backslash, "{text}: {error}");
            }
        }
    }

    #[test]
    fn only_the_very_last_mark_is_dropped() {
        for (text, records) in [
            ("a\x1a\x1a", &["a\x1a"][..]),
            ("\x1a", &[]),
            ("\x1aa", &["\x1aa"]),
            ("a\r\x1ab\r\x1a", &["a", "\x1ab"]),
            ("a\n\x1a\nb\x1a", &["a", "\x1a", "b"]),
        ] {
            for size in 1..6 {
                let mut from = Records::new(in_pieces(text.as_bytes(), size), true, "x.csv".into());
                let mut read = Vec::new();
                while let Some(record) = from.read().unwrap() {
                    read.push(record.text().to_owned());
                }
                assert_eq!(read, records, "{text:?} in pieces of {size}");
            }
        }
    }
}
