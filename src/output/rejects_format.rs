//! What a rejects file is: its columns, how an input is recognised as one, and how a padded row is
//! known when it comes back. [`super::rejects`] writes the file, input
//! and mapping ask this module when they read it.

use std::fmt;
use std::ops::Range;

use crate::input::{Record, name_of};
use crate::model::Situacao;

/// The columns that a rejects file adds behind the original ones, side by side and in this order.
pub const REJECT_COLUMNS: [&str; 3] = ["situacao", "erro", "mensagem"];

/// Where the [`REJECT_COLUMNS`] of an earlier run stand in an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RejectColumns {
    start: usize,
}

impl RejectColumns {
    /// Finds the columns in a header; `None` where the file is no rejects file. A CRM's own
    /// `situacao` column alone does not make it one. Of several places the last counts, because the
    /// columns stand behind the original ones.
    pub fn find(header: &Record) -> Option<Self> {
        let names: Vec<&str> = header.cells().map(name_of).collect();
        let is_ours = |window: &[&str]| {
            window.iter().zip(REJECT_COLUMNS).all(|(name, own)| name.eq_ignore_ascii_case(own))
        };
        let start = names.windows(REJECT_COLUMNS.len()).rposition(is_ours)?;
        Some(Self { start })
    }

    pub fn range(self) -> Range<usize> {
        self.start..self.start + REJECT_COLUMNS.len()
    }

    /// The short row that `record` was before the rejects file padded it, if `record` is as it was
    /// written. Its padding must not be taken for empty cells that are to be sent. `record` has as
    /// many cells as the header.
    pub fn padded_row(self, record: &Record) -> Option<RaggedRow> {
        let [situacao, mensagem] = [self.start, self.start + 2].map(|at| record.cell(at));
        if situacao?.trim() != Situacao::Invalido.as_str() {
            return None;
        }
        let RaggedRow { cells, .. } = RaggedRow::parse(mensagem?)?;
        let mut padding = original_cells(record, Some(self)).skip(cells);
        padding.all(|(_, cell)| cell.trim().is_empty()).then(|| RaggedRow {
            cells,
            header: record.len() - REJECT_COLUMNS.len(),
            padded: true,
        })
    }
}

/// The cells of a record that are not an earlier rejects file's own, with their indices.
pub(super) fn original_cells(
    record: &Record,
    own: Option<RejectColumns>,
) -> impl Iterator<Item = (usize, &str)> {
    let own = own.map_or(0..0, RejectColumns::range);
    record.cells().enumerate().filter(move |(index, _)| !own.contains(index))
}

/// A row with fewer cells than the header. Its `Display` form is the row's `mensagem`. A rejects file
/// pads the row, so the message is the only place in the file that keeps the number of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RaggedRow {
    /// Cells of the row as it was exported.
    pub cells: usize,
    pub header: usize,
    /// Whether the row came padded from a rejects file.
    pub padded: bool,
}

const BEGINNING: &str = "faltam células: a linha ";
const HEADER: &str = ", o cabeçalho tem ";
const WAY_OUT: &str = "; preencha-as ou, se a linha está certa assim, apague esta mensagem nos rejeitados e rode de novo";

impl fmt::Display for RaggedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cells, header, padded } = self;
        let (verb, way_out) = if *padded { ("tinha", WAY_OUT) } else { ("tem", "") };
        write!(f, "{BEGINNING}{verb} {cells}{HEADER}{header}{way_out}")
    }
}

impl RaggedRow {
    /// Reads the `Display` form back.
    fn parse(mensagem: &str) -> Option<Self> {
        let rest = mensagem.trim().strip_prefix(BEGINNING)?;
        let (padded, rest) = match rest.strip_prefix("tinha ") {
            Some(rest) => (true, rest),
            None => (false, rest.strip_prefix("tem ")?),
        };
        let (cells, rest) = rest.split_once(HEADER)?;
        let header = rest.split(';').next()?;
        Some(Self { cells: cells.parse().ok()?, header: header.parse().ok()?, padded })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejects_file_is_known_by_its_three_columns() {
        let start = |cells: &[&str]| {
            RejectColumns::find(&Record::from_cells(1, cells)).map(|columns| columns.range().start)
        };
        assert_eq!(start(&["identificador", "situacao", "erro", "mensagem"]), Some(1));
        assert_eq!(start(&["situacao", "nome"]), None);
        assert_eq!(
            start(&["situacao", "erro", "mensagem", "x", "Situacao", "ERRO", "mensagem"]),
            Some(4)
        );
    }

    #[test]
    fn the_way_out_is_not_cut_from_a_summary() {
        let row = RaggedRow { cells: 12_345, header: 12_346, padded: true };
        assert!(row.to_string().chars().count() <= 160);
    }
}
