//! One record of the input, decoded and bounded, and the builder that the parser fills.
//!
//! A record never holds more than about [`RECORD_MAX`] bytes of text, whatever the file says: what
//! was cut is marked, and the mapper decides whether that matters. Where cells begin and end is the
//! parser's business, not decided here.

use memchr::memchr_iter;

use super::lines::LineCounter;

/// The longest cell that is kept whole, in bytes of UTF-8; a longer one is cut there (at a
/// character) and marked.
pub const CELL_MAX: usize = 64 * 1024;
/// The most text that is kept of one record, in bytes of UTF-8 (a byte between cells included);
/// cells that begin beyond it are kept empty and the record is marked.
pub const RECORD_MAX: usize = 1024 * 1024;
/// The most cells that are kept of one record; what follows is dropped and the record is marked.
pub const CELLS_MAX: usize = 16 * 1024;

/// Stands after every cell in a record's text, so that a line without quotes can be taken over in
/// one copy. Its value means nothing: where the copy brought a delimiter along, that stands there.
const GAP: u8 = b'\n';

/// One record: the cells of one line (or of several, where a quoted cell holds line breaks).
#[derive(Debug, Clone, Default)]
pub struct Record {
    linha: u64,
    /// The cells, each followed by one byte that belongs to none.
    text: String,
    ends: Vec<u32>,
    /// Indices of the cells that lost text, ascending; nearly always empty.
    cut: Vec<u32>,
    overlong: bool,
}

impl Record {
    /// A record of these whole cells, for tests and for callers that have no file.
    pub fn from_cells<S: AsRef<str>>(linha: u64, cells: impl IntoIterator<Item = S>) -> Self {
        let mut record = Self { linha, ..Self::default() };
        for cell in cells {
            record.text.push_str(cell.as_ref());
            record.ends.push(position(record.text.len()));
            record.text.push(char::from(GAP));
        }
        record
    }

    /// The physical line on which the record starts; the file's first line is 1.
    pub fn linha(&self) -> u64 {
        self.linha
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no cells at all (never so for a record that the reader hands out).
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The cell at `index`, as it stands in the file.
    pub fn cell(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)? as usize;
        let start = match index {
            0 => 0,
            _ => self.ends[index - 1] as usize + 1,
        };
        Some(&self.text[start..end])
    }

    /// All cells in order.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        let mut start = 0usize;
        self.ends.iter().map(move |&end| {
            let end = end as usize;
            let cell = &self.text[start..end];
            start = end + 1;
            cell
        })
    }

    /// Whether the cell at `index` lost text: it was longer than [`CELL_MAX`], or the record was
    /// longer than [`RECORD_MAX`] when its turn came.
    pub fn is_cut(&self, index: usize) -> bool {
        !self.cut.is_empty()
            && u32::try_from(index).is_ok_and(|index| self.cut.binary_search(&index).is_ok())
    }

    /// Whether the record was longer than [`RECORD_MAX`] or had more cells than [`CELLS_MAX`]: its
    /// later cells are then cut, empty or missing.
    pub fn is_overlong(&self) -> bool {
        self.overlong
    }

    /// Whether every cell is empty or white space (`;;;;`): such a record is no row. One that lost
    /// text is never blank, for nobody knows what it held.
    pub fn is_blank(&self) -> bool {
        self.cells().all(|cell| cell.chars().all(char::is_whitespace))
            && self.cut.is_empty()
            && !self.overlong
    }

    /// Bytes of text and number of cells, from which to guess the size of the next record.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.text.len(), self.ends.len())
    }

    /// The text of all cells, each followed by one byte that belongs to none and means nothing (a
    /// line break, or the delimiter).
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether some cell lost text.
    pub fn is_any_cut(&self) -> bool {
        !self.cut.is_empty()
    }

    /// Bytes this record holds, for bounding what waits in memory.
    pub fn weight(&self) -> usize {
        self.text.capacity() + (self.ends.capacity() + self.cut.capacity()) * 4
    }
}

/// Two records are equal when line, cells and marks are; the bytes between cells do not count.
impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.linha == other.linha
            && self.overlong == other.overlong
            && self.cut == other.cut
            && self.len() == other.len()
            && self.cells().eq(other.cells())
    }
}

impl Eq for Record {}

/// Text is bounded by [`RECORD_MAX`] plus a byte per cell, so positions always fit.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The bytes of a record are not UTF-8; the line is that of the first bad byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotUtf8 {
    pub(super) line: u64,
}

/// A record that is being read, cell by cell and in pieces. It holds bytes, because a piece may
/// end in the middle of a character; [`finish`](Self::finish) checks them once.
#[derive(Debug, Default)]
pub(super) struct Builder {
    linha: u64,
    text: Vec<u8>,
    ends: Vec<u32>,
    cut: Vec<u32>,
    overlong: bool,
    /// Where the cell that is being read begins in `text`.
    cell_start: usize,
    /// The cell that is being read has already lost text: the rest of it is dropped.
    cell_cut: bool,
}

impl Builder {
    /// An empty record in the buffers of `old`.
    pub(super) fn reuse(old: Record) -> Self {
        let mut text = old.text.into_bytes();
        let (mut ends, mut cut) = (old.ends, old.cut);
        text.clear();
        ends.clear();
        cut.clear();
        Self { text, ends, cut, ..Self::default() }
    }

    /// Makes room as for a record of this size, if there is none yet.
    pub(super) fn expect(&mut self, text: usize, cells: usize) {
        if self.text.capacity() == 0 {
            self.text.reserve(text);
            self.ends.reserve(cells);
        }
    }

    /// Says on which line the record starts.
    pub(super) fn start(&mut self, linha: u64) {
        self.linha = linha;
    }

    /// Number of the cell that is being read, from 1.
    pub(super) fn cell_number(&self) -> usize {
        self.ends.len() + 1
    }

    /// Adds bytes to the cell that is being read.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if bytes.is_empty() || self.cell_cut {
            return;
        }
        if self.ends.len() >= CELLS_MAX {
            self.overlong = true;
            return;
        }
        let in_cell = CELL_MAX.saturating_sub(self.text.len() - self.cell_start);
        let in_record = RECORD_MAX.saturating_sub(self.text.len());
        let room = in_cell.min(in_record);
        if bytes.len() <= room {
            self.text.extend_from_slice(bytes);
            return;
        }
        self.text.extend_from_slice(&bytes[..room]);
        self.drop_torn_character();
        self.cell_cut = true;
        self.cut.push(position(self.ends.len()));
        self.overlong |= in_record < in_cell;
    }

    /// Removes the beginning of a character whose end did not fit.
    fn drop_torn_character(&mut self) {
        let cell = &self.text[self.cell_start..];
        let Some(back) = cell.iter().rev().take(4).position(|byte| byte & 0xC0 != 0x80) else {
            return;
        };
        let lead = cell.len() - 1 - back;
        let whole = match cell[lead] {
            0xF0.. => 4,
            0xE0.. => 3,
            0xC0.. => 2,
            _ => 1,
        };
        if back + 1 < whole {
            self.text.truncate(self.cell_start + lead);
        }
    }

    /// Ends the cell that is being read; the next one begins.
    pub(super) fn end_cell(&mut self) {
        self.cell_cut = false;
        if self.ends.len() >= CELLS_MAX {
            self.overlong = true;
            return;
        }
        self.ends.push(position(self.text.len()));
        self.text.push(GAP);
        self.cell_start = self.text.len();
    }

    /// Takes a whole line without quotes and without its line end, at most [`CELL_MAX`] long, as
    /// the whole record. The same as `push` and `end_cell` for each of its cells, only faster.
    pub(super) fn whole_line(&mut self, line: &[u8], delimiter: Option<u8>) {
        self.text.extend_from_slice(line);
        self.text.push(GAP);
        if let Some(delimiter) = delimiter {
            self.ends.extend(memchr_iter(delimiter, line).map(position));
        }
        self.ends.push(position(line.len()));
        if self.ends.len() > CELLS_MAX {
            self.ends.truncate(CELLS_MAX);
            self.overlong = true;
        }
        self.cell_start = self.text.len();
    }

    /// The record, if its bytes are UTF-8.
    pub(super) fn finish(self) -> Result<Record, NotUtf8> {
        let Self { linha, text, ends, cut, overlong, .. } = self;
        match String::from_utf8(text) {
            Ok(text) => Ok(Record { linha, text, ends, cut, overlong }),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let mut lines = LineCounter::default();
                let mut start = 0;
                for end in ends.iter().map(|&end| (end as usize).min(good)) {
                    lines.push(&error.as_bytes()[start.min(end)..end]);
                    // What lies between two cells keeps a \r here and a \n there apart.
                    lines.push(b",");
                    start = end + 1;
                }
                Err(NotUtf8 { line: linha + lines.line() - 1 })
            }
        }
    }

    /// Gives the buffers back; what was read so far is dropped.
    pub(super) fn discard(mut self) -> Record {
        self.text.clear();
        Record {
            text: String::from_utf8(self.text).unwrap_or_default(),
            ends: {
                self.ends.clear();
                self.ends
            },
            ..Record::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(cells: &[&[&[u8]]]) -> Record {
        let mut out = Builder::default();
        out.start(7);
        for pieces in cells {
            pieces.iter().for_each(|piece| out.push(piece));
            out.end_cell();
        }
        out.finish().unwrap()
    }

    #[test]
    fn cells_come_back_as_they_went_in() {
        let record = built(&[&[b"a", b"", b"b"], &[], &["ação".as_bytes()]]);
        assert_eq!(record, Record::from_cells(7, ["ab", "", "ação"]));
        assert_eq!(record.cell(1), Some(""));
        assert_eq!(record.cell(2), Some("ação"));
        assert_eq!(record.cell(3), None);
    }

    #[test]
    fn the_fast_way_is_the_slow_way() {
        for line in ["", "a", ";", "a;b;c", ";;x", "ação;é;"] {
            let mut fast = Builder::default();
            fast.whole_line(line.as_bytes(), Some(b';'));
            let fast = fast.finish().unwrap();
            assert_eq!(fast, Record::from_cells(0, line.split(';')));
            assert_eq!(
                fast.cells().enumerate().map(|(i, c)| fast.cell(i) == Some(c)).collect::<Vec<_>>(),
                vec![true; fast.len()]
            );
        }
        let many = ";".repeat(CELLS_MAX + 5);
        let mut fast = Builder::default();
        fast.whole_line(many.as_bytes(), Some(b';'));
        let mut slow = Builder::default();
        (0..CELLS_MAX + 6).for_each(|_| slow.end_cell());
        let fast = fast.finish().unwrap();
        assert!(fast.is_overlong() && fast.len() == CELLS_MAX);
        assert_eq!(fast, slow.finish().unwrap());
    }

    #[test]
    fn a_long_cell_is_cut_at_a_character_and_its_neighbours_are_whole() {
        // The two-byte characters begin at odd offsets, so the cap falls inside one.
        let long = format!("x{}", "é".repeat(CELL_MAX));
        for piece in [1, 7, CELL_MAX, long.len()] {
            let mut out = Builder::default();
            out.push(b"before");
            out.end_cell();
            long.as_bytes().chunks(piece).for_each(|bytes| out.push(bytes));
            out.end_cell();
            out.push(b"after");
            out.end_cell();
            let record = out.finish().unwrap();
            assert_eq!(record.cell(0), Some("before"));
            assert_eq!(record.cell(1), Some(&long[..CELL_MAX - 1]), "pieces of {piece}");
            assert_eq!(record.cell(2), Some("after"));
            assert_eq!([0, 1, 2].map(|cell| record.is_cut(cell)), [false, true, false]);
            assert!(!record.is_overlong());
        }
        let exact = "x".repeat(CELL_MAX);
        let record = built(&[&[exact.as_bytes(), b""]]);
        assert!(!record.is_cut(0));
    }

    #[test]
    fn a_long_record_is_bounded_and_marked() {
        let cell = vec![b'x'; CELL_MAX];
        let mut out = Builder::default();
        for _ in 0..40 {
            out.push(&cell);
            out.end_cell();
        }
        let record = out.finish().unwrap();
        assert_eq!(record.len(), 40);
        assert!(record.is_overlong());
        assert!(!record.is_cut(14));
        assert!(record.is_cut(15) && record.is_cut(39));
        assert_eq!(record.cell(39), Some(""));
        assert!(record.cells().map(str::len).sum::<usize>() <= RECORD_MAX);
    }

    #[test]
    fn white_space_is_blank_but_what_lost_text_is_not() {
        assert!(Record::from_cells(1, ["", " ", "\u{a0}\t"]).is_blank());
        assert!(!Record::from_cells(1, ["", "0"]).is_blank());
        let spaces = vec![b' '; CELL_MAX + 1];
        assert!(!built(&[&[&spaces]]).is_blank());
    }

    #[test]
    fn bytes_that_are_not_utf8_are_reported_on_their_own_line() {
        let mut out = Builder::default();
        out.start(10);
        out.push(b"a\r\nb\nc");
        out.end_cell();
        out.push(b"d\n\xff");
        out.end_cell();
        assert_eq!(out.finish(), Err(NotUtf8 { line: 13 }));
        let mut out = Builder::default();
        out.start(10);
        out.push(b"\xff");
        out.end_cell();
        assert_eq!(out.finish(), Err(NotUtf8 { line: 10 }));
    }
}
