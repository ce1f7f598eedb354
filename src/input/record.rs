//! One record of the input, decoded and bounded, and the builder that the parser fills.
//!
//! A record holds at most about [`RECORD_MAX`] bytes of text. What was cut is marked, and the mapping
//! decides whether that matters. Cells of a sheet may be faulty instead. Where cells begin and end is the parser's decision.

use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::header::name_of;
use super::workbook::CellFault;

/// The longest cell that is kept whole, in bytes of UTF-8; a longer one is cut there (at a
/// character) and marked.
pub const CELL_MAX: usize = 64 * 1024;
/// The most text that is kept of one record, in bytes of UTF-8; cells that begin beyond it are kept
/// empty and the record is marked.
pub const RECORD_MAX: usize = 1024 * 1024;
/// The most cells that are kept of one record; what follows is dropped and the record is marked.
pub const CELLS_MAX: usize = 16 * 1024;

/// One record: the cells of one line, or of several where a quoted cell holds line breaks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    linha: u64,
    /// The cells, one directly behind the other.
    text: Box<str>,
    /// Where each cell ends in `text`.
    ends: Box<[u32]>,
    /// Indices of the cells that lost text, ascending; nearly always empty.
    cut: Box<[u32]>,
    overlong: bool,
    /// Cells of a sheet whose text must not be sent, by index, ascending; nearly always empty.
    faults: Box<[(u32, CellFault)]>,
}

impl Record {
    /// A record of these whole cells, for tests and for callers that have no file.
    #[cfg(test)]
    pub fn from_cells<S: AsRef<str>>(linha: u64, cells: impl IntoIterator<Item = S>) -> Self {
        let (mut text, mut ends) = (String::new(), Vec::new());
        for cell in cells {
            text.push_str(cell.as_ref());
            ends.push(position(text.len()));
        }
        Self { linha, text: text.into(), ends: ends.into(), ..Self::default() }
    }

    /// The physical line on which the record starts; the file's first line is 1.
    pub fn linha(&self) -> u64 {
        self.linha
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The cell at `index`, as it stands in the file.
    pub fn cell(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)? as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        Some(&self.text[start..end])
    }

    /// All cells in order.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|index| self.cell(index))
    }

    /// Whether the cell at `index` lost text: it was longer than [`CELL_MAX`], or the record already
    /// held [`RECORD_MAX`].
    pub fn is_cut(&self, index: usize) -> bool {
        u32::try_from(index).is_ok_and(|index| self.cut.binary_search(&index).is_ok())
    }

    /// Why the text of the cell at `index` must not be sent.
    pub fn fault(&self, index: usize) -> Option<CellFault> {
        let index = u32::try_from(index).ok()?;
        let at = self.faults.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        Some(self.faults[at].1)
    }

    /// Whether there is any such cell.
    pub fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// The name of a cell in its sheet: `B17`.
    pub fn address(&self, index: usize) -> String {
        let mut letters = Vec::new();
        let mut left = index + 1;
        while left > 0 {
            letters.push(b'A' + ((left - 1) % 26) as u8);
            left = (left - 1) / 26;
        }
        let letters = letters.iter().rev().map(|letter| char::from(*letter));
        format!("{}{}", letters.collect::<String>(), self.linha)
    }

    /// Forgets the faults of cells for which they do not matter; `matters` also gets their text.
    pub fn retain_faults(&mut self, matters: impl Fn(usize, &str, CellFault) -> bool) {
        if self.faults.is_empty() {
            return;
        }
        let mut faults = std::mem::take(&mut self.faults).into_vec();
        faults.retain(|(index, fault)| {
            let index = *index as usize;
            matters(index, self.cell(index).unwrap_or_default(), *fault)
        });
        self.faults = faults.into();
    }

    /// The record with exactly so many cells: empty ones are added, and surplus ones dropped.
    pub(super) fn resized(mut self, cells: usize) -> Self {
        if self.len() != cells {
            let end = position(self.text.len());
            let mut ends = self.ends.into_vec();
            ends.resize(cells, end);
            self.ends = ends.into();
        }
        self
    }

    /// Whether the record was longer than [`RECORD_MAX`] or had more cells than [`CELLS_MAX`]: its
    /// later cells are then cut, empty or missing.
    pub fn is_overlong(&self) -> bool {
        self.overlong
    }

    /// Whether every cell is empty or white space (`;;;;`), or the line holds only the end-of-file mark
    /// of DOS, so that the record is no row. A record that lost text is not blank: what it held is
    /// unknown.
    pub fn is_blank(&self) -> bool {
        matches!(self.text.trim(), "" | "\u{1a}")
            && self.cut.is_empty()
            && !self.overlong
            && self.faults.iter().all(|(_, fault)| *fault == CellFault::Merged)
    }

    /// Number of cells without the blank ones at the end.
    pub fn filled_len(&self) -> usize {
        let blank =
            |index: &usize| self.cell(index - 1).is_none_or(|cell| name_of(cell).is_empty());
        let blanks = (1..=self.len()).rev().take_while(blank).count();
        self.len() - blanks
    }

    /// Whether the record is whole under a header of so many columns, of which those after the
    /// `named` first have no name: surplus cells are blank, and only nameless columns lack a cell.
    /// Programs that end every line in a delimiter write such files, some in the header alone, some
    /// in the rows alone.
    pub fn fits(&self, columns: usize, named: usize) -> bool {
        self.len() == columns || (self.filled_len() <= columns && self.len() >= named)
    }

    /// The text of all cells, one directly behind the other.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether some cell lost text.
    pub fn is_any_cut(&self) -> bool {
        !self.cut.is_empty()
    }

    /// Bytes of memory that the record takes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.text.len()
            + (self.ends.len() + self.cut.len()) * size_of::<u32>()
            + size_of_val(&*self.faults)
    }
}

/// A position in the text or an index of a cell; both have bounds far below `u32::MAX`.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// A record that is being read, cell by cell and in pieces. It holds bytes, because a piece may end
/// in the middle of a character; [`finish`](Self::finish) checks them once.
#[derive(Debug, Default)]
pub(super) struct RecordBuilder {
    linha: u64,
    text: Vec<u8>,
    ends: Vec<u32>,
    cut: Vec<u32>,
    overlong: bool,
    faults: Vec<(u32, CellFault)>,
    /// Where the current cell begins in `text`.
    cell_start: usize,
    /// The current cell has lost text; the rest of it is dropped.
    cell_cut: bool,
}

impl RecordBuilder {
    /// Begins a record on this line.
    pub(super) fn start(&mut self, linha: u64) {
        self.linha = linha;
    }

    /// Number of the current cell, from 1.
    pub(super) fn cell_number(&self) -> usize {
        self.ends.len() + 1
    }

    /// Whether `\"` was read. At a closing quote only its backslash is in the text.
    pub(super) fn has_backslash_quote(&self) -> bool {
        let cell = self.text.get(self.cell_start..).unwrap_or_default();
        cell.ends_with(b"\\") || memmem::find(&self.text, b"\\\"").is_some()
    }

    /// Adds bytes to the current cell.
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
        // A character has at most four bytes, so a torn one begins in the last three.
        let tail = self.cell_start.max(self.text.len().saturating_sub(3));
        let torn = (tail..self.text.len()).find(|at| {
            std::str::from_utf8(&self.text[*at..])
                .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
        });
        self.text.truncate(torn.unwrap_or(self.text.len()));
    }

    /// Says that the text of the current cell must not be sent.
    pub(super) fn mark(&mut self, fault: CellFault) {
        self.faults.push((position(self.ends.len()), fault));
    }

    /// Ends the current cell; the next one begins.
    pub(super) fn end_cell(&mut self) {
        self.cell_cut = false;
        if self.ends.len() >= CELLS_MAX {
            self.overlong = true;
            return;
        }
        self.ends.push(position(self.text.len()));
        self.cell_start = self.text.len();
    }

    /// The record, if its bytes are UTF-8. The builder is empty afterwards, and keeps its memory.
    pub(super) fn finish(&mut self) -> Option<Record> {
        let record = simdutf8::basic::from_utf8(&self.text).ok().map(|text| Record {
            linha: self.linha,
            text: text.into(),
            ends: self.ends.as_slice().into(),
            cut: self.cut.as_slice().into(),
            overlong: self.overlong,
            faults: self.faults.as_slice().into(),
        });
        self.text.clear();
        self.ends.clear();
        self.cut.clear();
        self.faults.clear();
        (self.overlong, self.cell_cut, self.cell_start) = (false, false, 0);
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(cells: &[&[&[u8]]]) -> Record {
        let mut out = RecordBuilder::default();
        out.start(7);
        for pieces in cells {
            pieces.iter().for_each(|piece| out.push(piece));
            out.end_cell();
        }
        out.finish().unwrap()
    }

    #[test]
    fn a_long_cell_is_cut_at_a_character_and_its_neighbours_are_whole() {
        // The characters begin at odd offsets, so the bound falls inside one.
        for c in ['é', '€', '\u{1F600}'] {
            let whole = c.len_utf8();
            let long = format!("x{}", c.to_string().repeat(CELL_MAX));
            let kept = 1 + (CELL_MAX - 1) / whole * whole;
            for piece in [1, 7, CELL_MAX, long.len()] {
                let pieces: Vec<_> = long.as_bytes().chunks(piece).collect();
                let record = built(&[&[b"before"], &pieces, &[b"after"]]);
                assert_eq!(record.cell(0), Some("before"));
                assert_eq!(record.cell(1), Some(&long[..kept]), "pieces of {piece}");
                assert_eq!(record.cell(2), Some("after"));
                assert_eq!([0, 1, 2].map(|cell| record.is_cut(cell)), [false, true, false]);
                assert!(!record.is_overlong());
            }
        }
        let exact = "x".repeat(CELL_MAX);
        let record = built(&[&[exact.as_bytes(), b""]]);
        assert!(!record.is_cut(0));
    }

    #[test]
    fn a_long_record_is_bounded_and_marked() {
        let cell: &[&[u8]] = &[&[b'x'; CELL_MAX]];
        let record = built(&[cell; 40]);
        assert_eq!(record.len(), 40);
        assert!(record.is_overlong());
        assert!(!record.is_cut(15));
        assert!(record.is_cut(16) && record.is_cut(39));
        assert_eq!(record.cell(39), Some(""));
        assert!(record.text().len() <= RECORD_MAX);
    }

    #[test]
    fn white_space_is_blank_but_what_lost_text_is_not() {
        assert!(Record::from_cells(1, ["", " ", "\u{a0}\t"]).is_blank());
        assert!(Record::from_cells(1, ["\u{1a}"]).is_blank());
        assert!(!Record::from_cells(1, ["", "0"]).is_blank());
        let spaces = vec![b' '; CELL_MAX + 1];
        assert!(!built(&[&[&spaces]]).is_blank());
    }

    #[test]
    fn bytes_that_are_not_utf8_are_no_record() {
        for before in [0, 63, 300] {
            let mut out = RecordBuilder::default();
            out.push(&[b'x'; 300][..before]);
            out.push(b"\xff and more");
            out.end_cell();
            assert_eq!(out.finish(), None, "behind {before} bytes");
        }
    }
}
