//! One record of the input, decoded and bounded.
//!
//! A record never holds more than [`RECORD_MAX`] bytes of text, whatever the file says: what was
//! cut is marked, and the mapper decides whether that matters.

/// The longest cell that is kept whole, in bytes of UTF-8; a longer one is cut there (at a
/// character) and marked.
pub const CELL_MAX: usize = 64 * 1024;
/// The most text that is kept of one record, in bytes of UTF-8; cells that begin beyond it are
/// kept empty and the record is marked.
pub const RECORD_MAX: usize = 1024 * 1024;

/// One record: the cells of one line (or of several, where a quoted cell holds line breaks).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    linha: u64,
    text: String,
    ends: Vec<u32>,
    /// Indices of the cells that were cut at [`CELL_MAX`]; nearly always empty.
    cut: Vec<u32>,
    overlong: bool,
}

impl Record {
    /// A record of these whole cells, for tests and for callers that have no file.
    pub fn from_cells<S: AsRef<str>>(linha: u64, cells: impl IntoIterator<Item = S>) -> Self {
        let mut record = Self { linha, ..Self::default() };
        for cell in cells {
            record.text.push_str(cell.as_ref());
            record.ends.push(u32::try_from(record.text.len()).unwrap_or(u32::MAX));
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
            _ => self.ends[index - 1] as usize,
        };
        Some(&self.text[start..end])
    }

    /// All cells in order.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        let mut start = 0usize;
        self.ends.iter().map(move |&end| {
            let end = end as usize;
            let cell = &self.text[start..end];
            start = end;
            cell
        })
    }

    /// Whether the cell at `index` was longer than [`CELL_MAX`] and is cut.
    pub fn is_cut(&self, index: usize) -> bool {
        !self.cut.is_empty() && self.cut.iter().any(|&cell| cell as usize == index)
    }

    /// Whether the record was longer than [`RECORD_MAX`]: its later cells are then cut or empty.
    pub fn is_overlong(&self) -> bool {
        self.overlong
    }

    /// Whether every cell is empty or white space (`;;;;`): such a record is no row.
    pub fn is_blank(&self) -> bool {
        self.text.chars().all(char::is_whitespace)
    }

    /// Bytes this record holds, for bounding what waits in memory.
    pub fn weight(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * 4
    }
}
