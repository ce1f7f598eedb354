//! A workbook (`.xlsx`) as an input: one of its sheets becomes records, as a CSV does.
//!
//! calamine reads the cells. Around it stand what it does not do: bounds and checksums (`archive`),
//! where a sheet lies (`parts`), hidden rows, merged cells and formulas without a value (`scan`).
//! `cell` says which text a cell is, `sheet` makes records of cells, and `spool` keeps them in a
//! temporary file, so that what was checked is what is sent. What a column is for is not known here.

mod archive;
mod cell;
mod error;
mod parts;
mod scan;
mod sheet;
mod spool;

use std::fs::File;
use std::sync::Arc;

use self::archive::Archive;
pub(super) use self::archive::is_workbook;
pub use self::cell::CellFault;
pub use self::error::WorkbookError;
pub use self::sheet::HiddenRows;
use self::sheet::SheetSource;
pub(super) use self::spool::SheetReader;
use self::spool::SheetRows;
use super::encoding::Encoding;
use super::error::InputError;
use super::input_file::InputFile;
use super::inspect::{Inspection, ReadOptions};
use super::record::Record;
use crate::panic_hook;

/// The sheet that is read.
#[derive(Debug, Clone)]
pub struct Sheet {
    pub name: String,
    /// The other visible sheets.
    pub others: Vec<String>,
    /// Hidden rows with content.
    pub hidden: u64,
    /// Whether these are left out (`--hidden skip`).
    pub skips_hidden: bool,
    rows: Arc<SheetRows>,
}

impl Sheet {
    /// A reading of the rows after the header.
    pub(super) fn reader(&self, label: &Arc<str>) -> SheetReader {
        self.rows.reader(label)
    }
}

/// What was read of a sheet.
struct SheetContent {
    name: String,
    others: Vec<String>,
    hidden: u64,
    header: Record,
    rows: SheetRows,
}

/// Reads a sheet of the workbook that `file` is, and keeps its rows.
pub(super) fn inspect(file: &InputFile, options: &ReadOptions) -> Result<Inspection, InputError> {
    let label = file.shared_label();
    let source = file.seekable()?;
    // calamine has panicked on damaged files before.
    let read = panic_hook::contain(|| read(source, options, &label));
    let read = read.unwrap_or_else(|| Err(error::damaged("o leitor não a entende").at(&label)));
    if file.has_changed() {
        return Err(InputError::Changed { label });
    }
    let SheetContent { name, others, hidden, header, rows } = read?;
    let without_effect =
        [("--delimiter", options.delimiter.is_some()), ("--encoding", options.encoding.is_some())];
    let skips_hidden = options.hidden == Some(HiddenRows::Skip);
    let sheet = Sheet { name, others, hidden, skips_hidden, rows: Arc::new(rows) };
    Ok(Inspection {
        encoding: Encoding::Utf8,
        // For rejects that are a CSV: the mark wins over the flag with which they are read.
        bom: options.encoding.is_some(),
        forced_encoding: options.encoding,
        delimiter: options.delimiter.or(Some(b',')),
        header,
        sheet: Some(sheet),
        without_effect: without_effect.into_iter().filter(|(_, is)| *is).map(|it| it.0).collect(),
        ..Inspection::default()
    })
}

fn read(source: File, options: &ReadOptions, label: &Arc<str>) -> Result<SheetContent, InputError> {
    let at = |error: WorkbookError| error.at(label);
    let mut archive =
        Archive::open(source.try_clone().map_err(WorkbookError::Read).map_err(at)?).map_err(at)?;
    let parts = parts::sheets(&mut archive).map_err(at)?;
    let mut source = SheetSource::open(source, parts).map_err(at)?;
    let chosen = source.choose(options.sheet.as_deref()).map_err(at)?;
    let scan = scan::SheetScan::of(&mut archive, source.path(chosen)).map_err(at)?;
    drop(archive);
    let read = source.read(chosen, scan, options).map_err(at)?;
    Ok(read)
}
