//! Suspicious values of the whole file: counted by column in the preflight's one pass, and told in the
//! order of their danger. What is suspicious about a text is decided in `suspicious`; which rows are
//! invalid for it, in the mapping.

mod columns;
mod known_customers;
mod swapped;
mod wording;

use self::columns::ColumnFindings;
use self::known_customers::RepeatedCustomers;
use self::swapped::SwappedColumns;
use super::line_list::LineList;
use crate::mapping::MappingPlan;
use crate::model::{CustomerType, Row, Update};
use crate::suspicious::has_odd_byte;

/// What was found so far. Rows are added in file order.
#[derive(Debug, Default)]
pub struct Findings {
    columns: Vec<ColumnFindings>,
    swapped: SwappedColumns,
    /// Rows of type `E` whose identifier has no `@`.
    without_at: LineList,
    repeated: Option<RepeatedCustomers>,
}

impl Findings {
    /// For the rows of a file; of a snapshot that is sent back nothing is suspicious.
    pub fn of(plan: &MappingPlan) -> Self {
        if plan.is_verbatim() {
            return Self::default();
        }
        Self {
            columns: plan.examined_columns().into_iter().map(ColumnFindings::of).collect(),
            swapped: SwappedColumns::of(plan),
            without_at: LineList::default(),
            repeated: Some(RepeatedCustomers::default()),
        }
    }

    /// Adds the cells of a row, but for those that are as TomTicket held them.
    pub fn add(&mut self, plan: &MappingPlan, row: &Row) {
        let (record, linha) = (&row.record, row.linha());
        if self.repeated.is_none() || !plan.is_whole(record) {
            return;
        }
        let is_odd = has_odd_byte(record.text());
        let columns = self.columns.iter_mut();
        for column in columns.filter(|it| !row.as_read.contains(&it.column.index)) {
            column.add(plan, record, is_odd);
        }
        self.swapped.add(row);
        if row.tipo == Some(CustomerType::Email)
            && row.update.is_ok()
            && !row.identificador().contains('@')
            && !plan.is_identifier_as_read(&row.as_read)
        {
            self.without_at.add(linha);
        }
    }

    /// Adds what a row would send.
    pub fn add_update(&mut self, linha: u64, update: &Update) {
        if let Some(repeated) = &mut self.repeated {
            repeated.add(linha, update);
        }
    }

    /// To be called after the last row.
    pub fn end(&mut self) {
        if let Some(repeated) = &mut self.repeated {
            repeated.end();
        }
    }
}
