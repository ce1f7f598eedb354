//! Whether the columns of names and phones are swapped: most phones hold no digit, and the names of
//! those rows do.

use crate::mapping::MappingPlan;
use crate::model::{Param, Row};

#[derive(Debug, Default)]
pub struct SwappedColumns {
    phone: Option<usize>,
    name: Vec<usize>,
    /// Rows with a phone.
    phones: u64,
    /// Of these, rows whose phone has no digit while the name has one.
    swapped: u64,
}

impl SwappedColumns {
    pub fn of(plan: &MappingPlan) -> Self {
        Self {
            phone: plan.columns_of(Param::Telefone).first().copied(),
            name: plan.columns_of(Param::Nome),
            ..Self::default()
        }
    }

    pub fn add(&mut self, row: &Row) {
        let record = &row.record;
        let phone = self.phone.filter(|index| !row.as_read.contains(index));
        let Some(phone) = phone.and_then(|index| record.cell(index)) else { return };
        if phone.is_empty() {
            return;
        }
        self.phones += 1;
        let has_digit = |text: &str| text.bytes().any(|byte| byte.is_ascii_digit());
        let is_name_of_digits =
            || self.name.iter().any(|index| record.cell(*index).is_some_and(has_digit));
        if !has_digit(phone) && is_name_of_digits() {
            self.swapped += 1;
        }
    }

    /// Rows that look swapped, and rows with a phone, if it is most of them.
    pub fn found(&self) -> Option<(u64, u64)> {
        (2 * self.swapped > self.phones).then_some((self.swapped, self.phones))
    }
}
