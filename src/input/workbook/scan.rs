//! One pass over a sheet's XML for what calamine does not tell of a cell: hidden rows, merged cells,
//! formulas without a value, and errors by their text. The values are not read here.

use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::archive::{Archive, attribute, bad_xml, local};
use super::error::{WorkbookError, damaged};

/// What a sheet may have at most.
pub(super) const ROWS_MAX: u32 = 1 << 20;
pub(super) const COLUMNS_MAX: u32 = 1 << 14;
/// Merged ranges, and odd cells, that are kept.
const MERGED_MAX: usize = 100_000;
const ODD_MAX: usize = 2_000_000;

/// Row and column, from 0.
pub(super) type Position = (u32, u32);

/// What the pass found.
#[derive(Debug, Default)]
pub(super) struct SheetScan {
    /// By row; shorter than the sheet.
    pub hidden: Vec<bool>,
    /// First and last cell of each range.
    pub merged: Vec<(Position, Position)>,
    /// In the order of the sheet.
    pub odd: Vec<OddCell>,
    /// Whether some cell does not say where it stands.
    pub has_implicit: bool,
}

/// A cell without a value of its own.
#[derive(Debug)]
pub(super) struct OddCell {
    pub at: Position,
    /// The text of an error; `None` for a formula whose value was not saved.
    pub error: Option<Box<str>>,
}

/// The cell that is being read.
#[derive(Debug, Default)]
struct OpenCell {
    is_error: bool,
    is_text: bool,
    has_formula: bool,
    in_value: bool,
    value: String,
}

impl SheetScan {
    /// Reads the part `path` to its end.
    pub(super) fn of(archive: &mut Archive, path: &str) -> Result<Self, WorkbookError> {
        let mut part = archive.part(path)?;
        let mut scan = Self::default();
        scan.read(&mut part)?;
        scan.merged.sort_unstable();
        Ok(scan)
    }

    fn read(&mut self, xml: &mut Reader<impl BufRead>) -> Result<(), WorkbookError> {
        let mut buffer = Vec::new();
        // The next row and column, for those that do not say theirs.
        let (mut row, mut column) = (0, 0);
        let mut last: Option<Position> = None;
        let mut cell = OpenCell::default();
        loop {
            buffer.clear();
            match xml.read_event_into(&mut buffer).map_err(bad_xml)? {
                Event::Start(element) => match local(&element) {
                    "row" => {
                        if let Some(number) = attribute(&element, "r")? {
                            row = parse_row(&number)?;
                        }
                        if is_true(attribute(&element, "hidden")?) {
                            self.hide(row)?;
                        }
                    }
                    "c" => {
                        match attribute(&element, "r")? {
                            Some(name) => {
                                let at = parse_cell(&name)?;
                                if at.0 != row {
                                    return Err(damaged("uma célula está na linha errada"));
                                }
                                column = at.1;
                            }
                            None => self.has_implicit = true,
                        }
                        let at = Some((row, column));
                        if at <= last || row >= ROWS_MAX || column >= COLUMNS_MAX {
                            return Err(damaged("as células estão fora de ordem"));
                        }
                        last = at;
                        cell = OpenCell::of(&element)?;
                    }
                    "f" => cell.has_formula = true,
                    "v" => cell.in_value = cell.is_error || cell.has_formula,
                    "mergeCell" => self.merge(attribute(&element, "ref")?)?,
                    _ => {}
                },
                Event::End(element) => match element.local_name().into_inner() {
                    "row" => (row, column) = (row + 1, 0),
                    "v" => cell.in_value = false,
                    "c" => {
                        self.close((row, column), &mut cell)?;
                        column += 1;
                    }
                    _ => {}
                },
                Event::Text(text) if cell.in_value => cell.value.push_str(text.as_ref()),
                Event::Eof => return Ok(()),
                _ => {}
            }
        }
    }

    fn hide(&mut self, row: u32) -> Result<(), WorkbookError> {
        if row >= ROWS_MAX {
            return Err(damaged("uma linha está fora da planilha"));
        }
        let row = row as usize;
        self.hidden.resize(self.hidden.len().max(row + 1), false);
        self.hidden[row] = true;
        Ok(())
    }

    fn merge(&mut self, range: Option<String>) -> Result<(), WorkbookError> {
        let range = range.unwrap_or_default();
        let (first, last) = range.split_once(':').unwrap_or((&range, &range));
        self.merged.push((parse_cell(first)?, parse_cell(last)?));
        match self.merged.len() > MERGED_MAX {
            true => Err(WorkbookError::TooLarge { what: "células mescladas demais".to_owned() }),
            false => Ok(()),
        }
    }

    fn close(&mut self, at: Position, cell: &mut OpenCell) -> Result<(), WorkbookError> {
        let is_empty = cell.value.is_empty();
        let odd = match () {
            () if cell.is_error && !is_empty => Some(Some(std::mem::take(&mut cell.value).into())),
            // A text of nothing is a value.
            () if cell.has_formula && is_empty && !cell.is_text => Some(None),
            () => None,
        };
        *cell = OpenCell::default();
        self.odd.extend(odd.map(|error| OddCell { at, error }));
        match self.odd.len() > ODD_MAX {
            true => Err(WorkbookError::TooLarge { what: "fórmulas sem valor demais".to_owned() }),
            false => Ok(()),
        }
    }
}

impl OpenCell {
    fn of(element: &BytesStart<'_>) -> Result<Self, WorkbookError> {
        let kind = attribute(element, "t")?;
        let is = |what: &str| kind.as_deref() == Some(what);
        Ok(Self { is_error: is("e"), is_text: is("str"), ..Self::default() })
    }
}

fn is_true(attribute: Option<String>) -> bool {
    matches!(attribute.as_deref(), Some("1" | "true"))
}

/// `17` → 16.
fn parse_row(text: &str) -> Result<u32, WorkbookError> {
    let row = text.parse::<u32>().ok().and_then(|row| row.checked_sub(1));
    row.filter(|row| *row < ROWS_MAX).ok_or_else(|| damaged("uma linha está fora da planilha"))
}

/// `B17` → (16, 1).
fn parse_cell(text: &str) -> Result<Position, WorkbookError> {
    let digits = text.bytes().position(|byte| byte.is_ascii_digit()).unwrap_or(text.len());
    let (letters, row) = text.split_at(digits);
    let column = letters.bytes().try_fold(0u32, |column, letter| {
        let letter = letter.to_ascii_uppercase();
        let value = letter.is_ascii_uppercase().then(|| u32::from(letter - b'A') + 1)?;
        Some(column * 26 + value).filter(|column| *column <= COLUMNS_MAX)
    });
    let column = column.and_then(|column| column.checked_sub(1));
    let column = column.ok_or_else(|| damaged("uma célula está fora da planilha"))?;
    Ok((parse_row(row)?, column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_cells() {
        for (name, at) in [
            ("A1", Some((0, 0))),
            ("b17", Some((16, 1))),
            ("AA10", Some((9, 26))),
            ("XFD1048576", Some((1_048_575, 16_383))),
            ("XFE1", None),
            ("A1048577", None),
            ("A0", None),
            ("ZZZZZZZZZZZZ1", None),
            ("17", None),
            ("B", None),
            ("B-1", None),
            ("É1", None),
            ("", None),
        ] {
            assert_eq!(parse_cell(name).ok(), at, "{name}");
        }
    }
}
