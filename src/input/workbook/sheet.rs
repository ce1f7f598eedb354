//! The cells of one sheet, in the order of the sheet → its header and rows.

use std::fs::File;
use std::io::BufReader;
use std::iter::Peekable;
use std::str::FromStr;
use std::vec;

use calamine::{Reader, SheetVisible, Xlsx, XlsxCellReader, XlsxError};

use super::SheetContent;
use super::cell::{CellFault, is_plain, text_of};
use super::error::{WorkbookError, damaged};
use super::parts::SheetPart;
use super::scan::{OddCell, Position, SheetScan};
use super::spool::SpoolWriter;
use crate::input::inspect::ReadOptions;
use crate::input::record::{Record, RecordBuilder};
use crate::output::RejectColumns;

/// Hidden rows that a message names.
const NAMED: usize = 5;

/// What happens to hidden rows (`--hidden`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HiddenRows {
    Send,
    Skip,
}

impl HiddenRows {
    /// The flag's spelling.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Skip => "skip",
        }
    }
}

impl FromStr for HiddenRows {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "send" => Ok(Self::Send),
            "skip" => Ok(Self::Skip),
            _ => Err("use send (enviar) ou skip (deixar fora)"),
        }
    }
}

/// A workbook whose texts are in memory.
pub(super) struct SheetSource {
    xlsx: Xlsx<BufReader<File>>,
    parts: Vec<SheetPart>,
    names: Vec<String>,
}

impl SheetSource {
    pub(super) fn open(file: File, parts: Vec<SheetPart>) -> Result<Self, WorkbookError> {
        let xlsx = Xlsx::new(BufReader::with_capacity(1 << 16, file)).map_err(unreadable)?;
        let names = xlsx.sheet_names();
        match names.len() == parts.len() {
            true => Ok(Self { xlsx, parts, names }),
            false => Err(damaged("a lista de planilhas não confere")),
        }
    }

    pub(super) fn path(&self, index: usize) -> &str {
        &self.parts[index].path
    }

    /// The sheet of this name, else the first visible one that has rows.
    pub(super) fn choose(&mut self, name: Option<&str>) -> Result<usize, WorkbookError> {
        let names = &self.names;
        if let Some(name) = name {
            let folded = name.trim().to_lowercase();
            let exact = names.iter().position(|it| it == name);
            let similar = || names.iter().position(|it| it.trim().to_lowercase() == folded);
            return exact.or_else(similar).ok_or_else(|| WorkbookError::NoSuchSheet {
                name: name.to_owned(),
                names: names.clone(),
            });
        }
        for index in self.visible() {
            if self.has_rows(index)? {
                return Ok(index);
            }
        }
        Err(WorkbookError::NoRows { names: self.names.clone() })
    }

    fn visible(&self) -> Vec<usize> {
        let sheets = self.xlsx.sheets_metadata().iter().zip(&self.parts).enumerate();
        let visible = sheets.filter(|(_, (sheet, part))| {
            sheet.visible == SheetVisible::Visible && part.is_worksheet
        });
        visible.map(|(index, _)| index).collect()
    }

    fn has_rows(&mut self, index: usize) -> Result<bool, WorkbookError> {
        let mut cells = self.cells(index)?;
        loop {
            match cells.next_cell() {
                Ok(Some(cell)) if text_of(cell.get_value(), true).0.trim().is_empty() => {}
                Ok(cell) => return Ok(cell.is_some()),
                Err(XlsxError::CellError(_)) => return Ok(true),
                Err(error) => return Err(unreadable(error)),
            }
        }
    }

    fn cells(
        &mut self,
        index: usize,
    ) -> Result<XlsxCellReader<'_, BufReader<File>>, WorkbookError> {
        self.xlsx.worksheet_cells_reader(&self.names[index]).map_err(unreadable)
    }

    /// Reads the sheet.
    pub(super) fn read(
        mut self,
        index: usize,
        scan: SheetScan,
        options: &ReadOptions,
    ) -> Result<SheetContent, WorkbookError> {
        let others = self.visible().into_iter().filter(|other| *other != index);
        let others = others.map(|other| self.names[other].clone()).collect();
        let name = self.names[index].clone();
        let rows = SheetRowWriter::new(&scan, options)?;
        let rows = self.rows(index, scan, rows)?;
        let (header, hidden, rows) = rows.finish(&name)?;
        Ok(SheetContent { name, others, hidden, header, rows })
    }

    fn rows(
        &mut self,
        index: usize,
        scan: SheetScan,
        mut rows: SheetRowWriter,
    ) -> Result<SheetRowWriter, WorkbookError> {
        let mut cells = self.cells(index)?;
        let plain: Vec<bool> = cells.styles().iter().map(is_plain).collect();
        let mut odd = scan.odd.into_iter().peekable();
        loop {
            let (cell, style) = match cells.next_cell_with_style_id() {
                Ok(Some(cell)) => cell,
                Ok(None) => return Ok(rows),
                // An error that calamine has no name for, in a cell that it so does not tell.
                Err(XlsxError::CellError(_)) if !scan.has_implicit => {
                    let missed = odd.next().ok_or_else(|| damaged("um erro não confere"))?;
                    rows.add(missed.at, &missed.error.unwrap_or_default(), Some(CellFault::Error))?;
                    continue;
                }
                Err(error) => return Err(unreadable(error)),
            };
            let at = cell.get_position();
            let (text, fault) =
                text_of(cell.get_value(), plain.get(style).copied().unwrap_or(true));
            match take_at(&mut odd, at) {
                None => rows.add(at, &text, fault)?,
                Some(OddCell { error: Some(error), .. }) => {
                    rows.add(at, &error, Some(CellFault::Error))?;
                }
                Some(_) => rows.add(at, "", Some(CellFault::NoValue))?,
            }
        }
    }
}

/// What the scan found of this cell, if anything.
fn take_at(odd: &mut Peekable<vec::IntoIter<OddCell>>, at: Position) -> Option<OddCell> {
    odd.next_if(|cell| cell.at == at)
}

/// Takes cells in order and makes rows of them.
struct SheetRowWriter {
    row: u32,
    record: RecordBuilder,
    /// Cells of the row so far.
    column: u32,
    header: Option<Record>,
    /// Columns up to the last cell that is not blank.
    columns: usize,
    /// Rows that are left out above the header.
    skip: u64,
    merged: Merged,
    is_hidden: Vec<bool>,
    policy: Option<HiddenRows>,
    hidden: u64,
    first_hidden: Vec<u64>,
    spool: SpoolWriter,
}

impl SheetRowWriter {
    fn new(scan: &SheetScan, options: &ReadOptions) -> Result<Self, WorkbookError> {
        Ok(Self {
            row: 0,
            record: RecordBuilder::default(),
            column: 0,
            header: None,
            columns: 0,
            skip: options.skip_lines.unwrap_or(0),
            merged: Merged { coming: scan.merged.clone(), at: 0, open: Vec::new() },
            is_hidden: scan.hidden.clone(),
            policy: options.hidden,
            hidden: 0,
            first_hidden: Vec::new(),
            spool: SpoolWriter::new().map_err(WorkbookError::Spool)?,
        })
    }

    fn add(
        &mut self,
        (row, column): Position,
        text: &str,
        fault: Option<CellFault>,
    ) -> Result<(), WorkbookError> {
        if row != self.row {
            self.end_row()?;
            self.row = row;
        }
        while self.column < column {
            self.end_cell(None);
        }
        self.record.push(text.as_bytes());
        self.end_cell(fault);
        Ok(())
    }

    fn end_cell(&mut self, fault: Option<CellFault>) {
        let merged = self.merged.holds((self.row, self.column)).then_some(CellFault::Merged);
        if let Some(fault) = merged.or(fault) {
            self.record.mark(fault);
        }
        self.record.end_cell();
        self.column += 1;
    }

    fn end_row(&mut self) -> Result<(), WorkbookError> {
        // Cells of a merged range need not be in the file.
        while self.column < self.header.as_ref().map_or(0, |header| header.len() as u32) {
            self.end_cell(None);
        }
        self.column = 0;
        let linha = u64::from(self.row) + 1;
        self.record.start(linha);
        let record = self.record.finish().ok_or_else(|| damaged("um texto não é UTF-8"))?;
        if record.is_blank() {
            return Ok(());
        }
        // Rejects have the header alone, and are read under the flags of the original.
        if self.header.is_none() && self.skip > 0 && RejectColumns::find(&record).is_some() {
            self.skip = 0;
        }
        if linha <= self.skip {
            return Ok(());
        }
        self.columns = self.columns.max(record.filled_len());
        if self.header.is_none() {
            self.header = Some(record);
            return Ok(());
        }
        if self.is_hidden.get(self.row as usize) == Some(&true) {
            self.hidden += 1;
            if self.first_hidden.len() < NAMED {
                self.first_hidden.push(linha);
            }
            if self.policy != Some(HiddenRows::Send) {
                return Ok(());
            }
        }
        self.spool.write(&record).map_err(WorkbookError::Spool)
    }

    fn finish(
        mut self,
        sheet: &str,
    ) -> Result<(Record, u64, super::spool::SheetRows), WorkbookError> {
        self.end_row()?;
        let Some(header) = self.header else {
            return Err(WorkbookError::NoHeader { name: sheet.to_owned(), skipped: self.skip });
        };
        if header.is_overlong() || header.is_any_cut() {
            return Err(damaged("o cabeçalho é grande demais"));
        }
        if self.policy.is_none() && self.hidden > 0 {
            return Err(WorkbookError::Hidden {
                sheet: sheet.to_owned(),
                count: self.hidden,
                first: self.first_hidden,
            });
        }
        let rows = self.spool.finish(self.columns).map_err(WorkbookError::Spool)?;
        Ok((header.resized(self.columns), self.hidden, rows))
    }
}

/// Merged ranges, asked for cells in the order of the sheet.
struct Merged {
    /// By their first row.
    coming: Vec<(Position, Position)>,
    at: usize,
    /// Those that hold the row that was asked for last.
    open: Vec<(Position, Position)>,
}

impl Merged {
    fn holds(&mut self, (row, column): Position) -> bool {
        while self.coming.get(self.at).is_some_and(|(first, _)| first.0 <= row) {
            self.open.push(self.coming[self.at]);
            self.at += 1;
        }
        self.open.retain(|(_, last)| last.0 >= row);
        self.open.iter().any(|(first, last)| (first.1..=last.1).contains(&column))
    }
}

/// What calamine cannot read.
fn unreadable(error: XlsxError) -> WorkbookError {
    WorkbookError::of(error, "o conteúdo da planilha não pode ser lido")
}
