//! What each column of a snapshot holds, by its name in the header.

use super::error::SnapshotError;
use crate::input::{Record, name_of};
use crate::mapping::Target;
use crate::model::{FieldName, ORIGIN_COLUMNS, Param};

/// Where what stands in a record of the CSV.
#[derive(Debug)]
pub struct SnapshotColumns {
    pub identifier: usize,
    pub id_type: usize,
    pub read_at: usize,
    pub account: usize,
    /// Every field that can be read, with its column.
    pub fields: Vec<(FieldName, usize)>,
}

impl SnapshotColumns {
    pub fn of(header: &Record, label: &str) -> Result<Self, SnapshotError> {
        let find = |column: &'static str| {
            let is = |cell: &str| name_of(cell).eq_ignore_ascii_case(column);
            let missing = || SnapshotError::NoColumn { label: label.to_owned(), column };
            header.cells().position(is).ok_or_else(missing)
        };
        let [read_at, account] = ORIGIN_COLUMNS;
        let mut columns = Self {
            read_at: find(read_at)?,
            account: find(account)?,
            identifier: find("identificador")?,
            id_type: find("tipo_identificador")?,
            fields: Vec::new(),
        };
        for (index, cell) in header.cells().enumerate() {
            if let Ok(Some(Target::Field(field))) = Target::parse(cell)
                && is_readable(&field)
            {
                columns.fields.push((field, index));
            }
        }
        Ok(columns)
    }
}

/// Whether TomTicket shows this field of a customer.
fn is_readable(field: &FieldName) -> bool {
    !matches!(field, FieldName::Param(Param::Idioma | Param::PortfolioId))
}
