//! Text → records: the parser, fed chunk by chunk.
//!
//! Every record is handed out, blank ones and the header too; what counts as a row is decided by
//! those who read from here.

use std::sync::Arc;

use super::blocks::Chunks;
use super::encoding::Encoding;
use super::error::InputError;
use super::parser::{Damage, DamageKind, LineEnd, Mode, Parser};
use super::record::{Builder, Record};
use super::text::Text;

/// The records of a text, one after the other.
pub(super) struct Records<R> {
    text: Text<R>,
    /// How much of the current chunk has been parsed.
    at: usize,
    parser: Parser,
    label: Arc<str>,
    encoding: Encoding,
    bom: bool,
    /// Size of the previous record: a new one is given buffers of that size.
    expected: (usize, usize),
}

impl<R: Chunks> Records<R> {
    /// The records of `raw`, which begins with a byte order mark of `bom` bytes (0 for none).
    pub(super) fn new(raw: R, encoding: Encoding, bom: usize, label: Arc<str>) -> Self {
        Self {
            text: Text::new(raw, encoding, bom, label.clone()),
            at: 0,
            parser: Parser::new(None, Mode::Lenient),
            label,
            encoding,
            bom: bom > 0,
            expected: (0, 0),
        }
    }

    /// Reads on in this dialect; for use between records. Until then a line is one cell.
    pub(super) fn set_dialect(&mut self, delimiter: Option<u8>, mode: Mode) {
        self.parser.change_dialect(delimiter, mode);
    }

    /// What ended the last record.
    pub(super) fn line_end(&self) -> LineEnd {
        self.parser.line_end()
    }

    /// The bytes below, for their position.
    pub(super) fn raw(&self) -> &R {
        self.text.raw()
    }

    /// Reads the next record into the buffers of `record`; `false` at the end of the text.
    pub(super) fn read(&mut self, record: &mut Record) -> Result<bool, InputError> {
        let mut out = Builder::reuse(std::mem::take(record));
        out.expect(self.expected.0, self.expected.1);
        loop {
            let fed = self.parser.feed(&self.text.chunk()[self.at..], &mut out);
            let fed = fed.map_err(|damage| self.damaged(damage))?;
            self.at += fed.used;
            if fed.complete {
                break;
            }
            self.at = 0;
            if !self.text.advance()? {
                if !self.parser.finish(&mut out).map_err(|damage| self.damaged(damage))? {
                    *record = out.discard();
                    return Ok(false);
                }
                break;
            }
        }
        *record = out.finish().map_err(|bad| InputError::Undecodable {
            label: self.label.clone(),
            line: bad.line,
            encoding: self.encoding,
            bom: self.bom,
        })?;
        self.expected = record.size();
        Ok(true)
    }

    /// Like [`read`](Self::read), over records whose cells are all empty.
    pub(super) fn read_filled(&mut self, record: &mut Record) -> Result<bool, InputError> {
        while self.read(record)? {
            if !record.is_blank() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn damaged(&self, Damage { kind, line, column }: Damage) -> InputError {
        let label = self.label.clone();
        match kind {
            DamageKind::Unclosed => InputError::UnclosedQuote { label, line, column },
            DamageKind::TextAfterQuote => InputError::TextAfterQuote { label, line, column },
        }
    }
}
