//! The CSV state machine: pieces of UTF-8 in, one record at a time out, physical lines counted.
//!
//! The csv crate does not serve here: it reports neither text after a closing quote nor a quote that
//! never closes (both swallow rows silently), counts blank and CR-only lines wrongly, and has no
//! bound for a cell. The bounds are those of the record's builder. Choosing the delimiter, decoding
//! and dropping blank records are done elsewhere.

use memchr::{memchr, memchr2, memchr3};

use super::lines::LineCounter;
use super::record::RecordBuilder;

const QUOTE: u8 = b'"';

/// How damaged quotes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QuoteMode {
    /// As an error.
    Strict,
    /// As data. Needed while the delimiter is being detected: a wrong guess tears quotes apart.
    Lenient,
}

/// What is wrong with the quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DamageKind {
    /// A quoted cell does not end before the file does.
    Unclosed,
    /// Something other than a delimiter or a line end follows a closing quote.
    TextAfterQuote,
}

/// Damaged quotes, and where the quoted cell opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) kind: DamageKind,
    /// Physical line of the opening quote.
    pub(super) line: u64,
    /// Number of the cell in its record, from 1.
    pub(super) column: usize,
}

/// What ended a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineEnd {
    Lf,
    CrLf,
    Cr,
    /// The file ended first.
    Eof,
}

/// What a step of the parser did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ParseProgress {
    /// Bytes taken: all that were given, unless the record is complete.
    pub(super) used: usize,
    /// Whether the record is complete.
    pub(super) complete: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ParserState {
    RecordStart,
    CellStart,
    Unquoted,
    Quoted,
    /// After a quote inside a quoted cell: the end of the cell, or the first half of `""`.
    QuoteInQuoted,
    /// After a closing quote and spaces.
    AfterQuoted,
    /// After a `\r` outside quotes: a line end with or without the `\n` behind it, or data.
    AfterCr {
        /// Whether a quoted cell ended there.
        quoted: bool,
    },
}

/// Reads records of one dialect from pieces of any size.
#[derive(Debug)]
pub(super) struct Parser {
    delimiter: Option<u8>,
    mode: QuoteMode,
    state: ParserState,
    /// Physical line of the next byte.
    line: u64,
    /// Where the quoted cell that is being read opened.
    opened: u64,
    /// Line ends inside the quoted cell that is being read.
    quoted_lines: LineCounter,
    /// Whether a `\r` without `\n` ends a line; else it is data.
    cr_ends: bool,
    line_end: LineEnd,
    /// Spaces at the beginning of a cell: its text, unless a quote follows them.
    spaces: usize,
}

impl Parser {
    /// A parser at the beginning of a file. Without a delimiter, a record is one cell.
    pub(super) fn new(delimiter: Option<u8>, mode: QuoteMode, cr_ends: bool) -> Self {
        Self {
            delimiter,
            mode,
            state: ParserState::RecordStart,
            line: 1,
            opened: 1,
            quoted_lines: LineCounter::new(cr_ends),
            cr_ends,
            line_end: LineEnd::Eof,
            spaces: 0,
        }
    }

    /// Says that so many physical lines were left out before the first byte.
    pub(super) fn skipped(&mut self, lines: u64) {
        self.line += lines;
    }

    /// Reads on in another dialect; for use between records.
    pub(super) fn set_dialect(&mut self, delimiter: Option<u8>, mode: QuoteMode) {
        self.delimiter = delimiter;
        self.mode = mode;
    }

    /// What ended the record that was completed last.
    pub(super) fn line_end(&self) -> LineEnd {
        self.line_end
    }

    /// Takes bytes into `out` until a record is complete or none are left. The next call gets what
    /// was not used, and the same `out` if the record was not complete.
    pub(super) fn feed(
        &mut self,
        input: &[u8],
        out: &mut RecordBuilder,
    ) -> Result<ParseProgress, Damage> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            let rest = &input[at..];
            match self.state {
                ParserState::RecordStart => {
                    out.start(self.line);
                    self.state = ParserState::CellStart;
                }
                ParserState::CellStart if byte == QUOTE => {
                    self.opened = self.line;
                    self.quoted_lines = LineCounter::new(self.cr_ends);
                    self.spaces = 0;
                    self.state = ParserState::Quoted;
                    at += 1;
                }
                ParserState::CellStart if byte == b' ' => {
                    self.spaces += 1;
                    at += 1;
                }
                ParserState::CellStart | ParserState::Unquoted => {
                    self.push_spaces(out);
                    match self.find_cell_end(rest) {
                        Some(end) => {
                            out.push(&rest[..end]);
                            self.end_cell(rest[end], false, out);
                            at += end + 1;
                        }
                        None => {
                            out.push(rest);
                            self.state = ParserState::Unquoted;
                            at = input.len();
                        }
                    }
                }
                ParserState::Quoted => {
                    let quote = memchr(QUOTE, rest);
                    let text = &rest[..quote.unwrap_or(rest.len())];
                    self.line += self.quoted_lines.count(text);
                    out.push(text);
                    at += text.len();
                    if quote.is_some() {
                        self.state = ParserState::QuoteInQuoted;
                        at += 1;
                    }
                }
                ParserState::QuoteInQuoted if byte == QUOTE => {
                    self.quoted_lines.count(b"\"");
                    out.push(b"\"");
                    self.state = ParserState::Quoted;
                    at += 1;
                }
                ParserState::QuoteInQuoted | ParserState::AfterQuoted
                    if byte == b'\n' || byte == b'\r' || Some(byte) == self.delimiter =>
                {
                    self.end_cell(byte, true, out);
                    at += 1;
                }
                ParserState::QuoteInQuoted | ParserState::AfterQuoted if byte == b' ' => {
                    self.state = ParserState::AfterQuoted;
                    at += 1;
                }
                ParserState::QuoteInQuoted | ParserState::AfterQuoted => match self.mode {
                    QuoteMode::Strict => return Err(self.damage(DamageKind::TextAfterQuote, out)),
                    QuoteMode::Lenient => self.state = ParserState::Unquoted,
                },
                ParserState::AfterCr { .. } if byte == b'\n' => {
                    self.end_record(LineEnd::CrLf, out);
                    at += 1;
                }
                ParserState::AfterCr { .. } if self.cr_ends => {
                    self.end_record(LineEnd::Cr, out);
                }
                ParserState::AfterCr { quoted: true } if self.mode == QuoteMode::Strict => {
                    return Err(self.damage(DamageKind::TextAfterQuote, out));
                }
                ParserState::AfterCr { .. } => {
                    out.push(b"\r");
                    self.state = ParserState::Unquoted;
                }
            }
            if self.state == ParserState::RecordStart {
                return Ok(ParseProgress { used: at, complete: true });
            }
        }
        Ok(ParseProgress { used: at, complete: false })
    }

    /// Takes the end of the file.
    pub(super) fn finish(&mut self, out: &mut RecordBuilder) -> Result<ParseProgress, Damage> {
        let complete = self.state != ParserState::RecordStart;
        match self.state {
            ParserState::RecordStart => {}
            ParserState::AfterCr { .. } => self.end_record(LineEnd::Cr, out),
            ParserState::Quoted if self.mode == QuoteMode::Strict => {
                return Err(self.damage(DamageKind::Unclosed, out));
            }
            ParserState::CellStart
            | ParserState::Unquoted
            | ParserState::Quoted
            | ParserState::QuoteInQuoted
            | ParserState::AfterQuoted => {
                self.push_spaces(out);
                self.end_record(LineEnd::Eof, out);
            }
        }
        Ok(ParseProgress { used: 0, complete })
    }

    /// Gives the cell the spaces that it begins with.
    fn push_spaces(&mut self, out: &mut RecordBuilder) {
        const SPACES: [u8; 64] = [b' '; 64];
        while self.spaces > 0 {
            let some = self.spaces.min(SPACES.len());
            out.push(&SPACES[..some]);
            self.spaces -= some;
        }
    }

    fn find_cell_end(&self, rest: &[u8]) -> Option<usize> {
        match self.delimiter {
            Some(delimiter) => memchr3(delimiter, b'\n', b'\r', rest),
            None => memchr2(b'\n', b'\r', rest),
        }
    }

    /// Ends the cell at this delimiter or line end, if it is one.
    fn end_cell(&mut self, at: u8, quoted: bool, out: &mut RecordBuilder) {
        match at {
            b'\n' => self.end_record(LineEnd::Lf, out),
            b'\r' => self.state = ParserState::AfterCr { quoted },
            _ => {
                out.end_cell();
                self.state = ParserState::CellStart;
            }
        }
    }

    /// Ends the last cell and the record.
    fn end_record(&mut self, line_end: LineEnd, out: &mut RecordBuilder) {
        out.end_cell();
        self.line += 1;
        self.line_end = line_end;
        self.state = ParserState::RecordStart;
    }

    fn damage(&self, kind: DamageKind, out: &RecordBuilder) -> Damage {
        Damage { kind, line: self.opened, column: out.cell_number() }
    }
}

#[cfg(test)]
#[path = "parser_tests.rs"]
mod tests;
