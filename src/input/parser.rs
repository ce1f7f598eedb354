//! The CSV state machine: chunks of UTF-8 in, one record at a time out, physical lines counted.
//!
//! It is not the csv crate's reader because that one cannot tell text after a closing quote nor a
//! quote that never closes (both silently swallow rows), counts blank and CR-only lines wrongly,
//! and keeps a cell of any size in memory. What a record may hold is bounded by the record's
//! builder; choosing the delimiter, decoding, and dropping blank records are done elsewhere.

use memchr::{memchr, memchr2, memchr3};

use super::lines::LineCounter;
use super::record::{Builder, CELL_MAX};

const QUOTE: u8 = b'"';

/// What the parser does about quotes that cannot be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// They are an error.
    Strict,
    /// They are data: while the delimiter is still being guessed, a wrong guess tears quotes apart.
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

/// Quotes that cannot be right, and where the quoted cell opened.
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

/// What became of the bytes given to [`Parser::feed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fed {
    /// How many were taken; all of them unless a record is complete.
    pub(super) used: usize,
    /// Whether the record is complete.
    pub(super) complete: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    RecordStart,
    CellStart,
    Unquoted,
    Quoted,
    /// After a quote inside a quoted cell: the end of the cell, or the first half of `""`.
    QuoteInQuoted,
    /// The record is complete, but a `\n` here would still belong to its line end.
    AfterCr,
}

/// Reads records of one dialect from chunks of any size.
#[derive(Debug)]
pub(super) struct Parser {
    delimiter: Option<u8>,
    mode: Mode,
    state: State,
    /// Physical line of the next byte.
    line: u64,
    /// Where the quoted cell that is being read opened.
    opened: u64,
    /// Line ends inside the quoted cell that is being read.
    quoted_lines: LineCounter,
    line_end: LineEnd,
}

impl Parser {
    /// A parser at the beginning of a file. Without a delimiter a record is one cell.
    pub(super) fn new(delimiter: Option<u8>, mode: Mode) -> Self {
        Self {
            delimiter,
            mode,
            state: State::RecordStart,
            line: 1,
            opened: 1,
            quoted_lines: LineCounter::default(),
            line_end: LineEnd::Eof,
        }
    }

    /// Reads on in another dialect; for use between records.
    pub(super) fn change_dialect(&mut self, delimiter: Option<u8>, mode: Mode) {
        self.delimiter = delimiter;
        self.mode = mode;
    }

    /// What ended the record that was completed last.
    pub(super) fn line_end(&self) -> LineEnd {
        self.line_end
    }

    /// Takes bytes into `out` until a record is complete or none are left. The next call gets what
    /// was not used, and the same `out` if the record was not complete.
    pub(super) fn feed(&mut self, input: &[u8], out: &mut Builder) -> Result<Fed, Damage> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            let rest = &input[at..];
            match self.state {
                State::RecordStart => {
                    out.start(self.line);
                    match self.whole_line(rest, out) {
                        Some(used) => at += used,
                        None => self.state = State::CellStart,
                    }
                }
                State::CellStart if byte == QUOTE => {
                    self.opened = self.line;
                    self.quoted_lines = LineCounter::default();
                    self.state = State::Quoted;
                    at += 1;
                }
                State::CellStart => self.state = State::Unquoted,
                State::Unquoted => match self.find_cell_end(rest) {
                    Some(end) => {
                        out.push(&rest[..end]);
                        self.end_cell(rest[end], out);
                        at += end + 1;
                    }
                    None => {
                        out.push(rest);
                        at = input.len();
                    }
                },
                State::Quoted => {
                    let quote = memchr(QUOTE, rest);
                    let text = &rest[..quote.unwrap_or(rest.len())];
                    self.line += self.quoted_lines.count(text);
                    out.push(text);
                    at += text.len();
                    if quote.is_some() {
                        self.state = State::QuoteInQuoted;
                        at += 1;
                    }
                }
                State::QuoteInQuoted if byte == QUOTE => {
                    self.quoted_lines.count(b"\"");
                    out.push(b"\"");
                    self.state = State::Quoted;
                    at += 1;
                }
                State::QuoteInQuoted
                    if byte == b'\n' || byte == b'\r' || Some(byte) == self.delimiter =>
                {
                    self.end_cell(byte, out);
                    at += 1;
                }
                State::QuoteInQuoted => match self.mode {
                    Mode::Strict => return Err(self.damage(DamageKind::TextAfterQuote, out)),
                    Mode::Lenient => self.state = State::Unquoted,
                },
                State::AfterCr => {
                    if byte == b'\n' {
                        at += 1;
                        self.end_record(LineEnd::CrLf);
                    } else {
                        self.end_record(LineEnd::Cr);
                    }
                    return Ok(Fed { used: at, complete: true });
                }
            }
            if self.state == State::RecordStart {
                return Ok(Fed { used: at, complete: true });
            }
        }
        Ok(Fed { used: at, complete: false })
    }

    /// Tells the parser that the file has ended. Whether that completed a record.
    pub(super) fn finish(&mut self, out: &mut Builder) -> Result<bool, Damage> {
        match self.state {
            State::RecordStart => return Ok(false),
            State::AfterCr => {
                self.end_record(LineEnd::Cr);
                return Ok(true);
            }
            State::Quoted if self.mode == Mode::Strict => {
                return Err(self.damage(DamageKind::Unclosed, out));
            }
            State::CellStart | State::Unquoted | State::Quoted | State::QuoteInQuoted => {}
        }
        out.end_cell();
        self.state = State::RecordStart;
        self.line_end = LineEnd::Eof;
        Ok(true)
    }

    /// The common case in one go: a line that lies whole in `rest`, is not long and has no quotes.
    /// Returns how many bytes it took, its line end included.
    fn whole_line(&mut self, rest: &[u8], out: &mut Builder) -> Option<usize> {
        let end = memchr3(b'\n', b'\r', QUOTE, rest)?;
        if rest[end] == QUOTE || end > CELL_MAX {
            return None;
        }
        out.whole_line(&rest[..end], self.delimiter);
        if rest[end] == b'\n' {
            self.end_record(LineEnd::Lf);
            Some(end + 1)
        } else if rest.get(end + 1) == Some(&b'\n') {
            self.end_record(LineEnd::CrLf);
            Some(end + 2)
        } else {
            self.state = State::AfterCr;
            Some(end + 1)
        }
    }

    fn find_cell_end(&self, rest: &[u8]) -> Option<usize> {
        match self.delimiter {
            Some(delimiter) => memchr3(delimiter, b'\n', b'\r', rest),
            None => memchr2(b'\n', b'\r', rest),
        }
    }

    /// Ends the cell at this delimiter or line end.
    fn end_cell(&mut self, at: u8, out: &mut Builder) {
        out.end_cell();
        match at {
            b'\n' => self.end_record(LineEnd::Lf),
            b'\r' => self.state = State::AfterCr,
            _ => self.state = State::CellStart,
        }
    }

    fn end_record(&mut self, line_end: LineEnd) {
        self.line += 1;
        self.line_end = line_end;
        self.state = State::RecordStart;
    }

    fn damage(&self, kind: DamageKind, out: &Builder) -> Damage {
        Damage { kind, line: self.opened, column: out.cell_number() }
    }
}

#[cfg(test)]
#[path = "parser_tests.rs"]
mod tests;
