//! Customers that a file gives several times with different values: the last row wins, which may not
//! be what its author meant.
//!
//! In a table of 16 MiB at most, whatever the file: an entry of 8 bytes a customer holds a part of the
//! hash of its name and one of its values. Beyond that, rows are no longer looked at.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;

use super::super::line_list::LineList;
use crate::model::{FieldName, Update};
use crate::text::any_byte;

/// Entries at most: 16 MiB. The system hands out memory for those that are written to.
const SLOTS: usize = 1 << 21;

/// An entry: 36 bits of the name's hash beside those that gave its place, 20 of the values', whether
/// they differed, and in how many rows they were the same. Zero is no entry.
const NAME: u64 = !0 << 28;
const VALUES: u64 = ((1 << 20) - 1) << 8;
const DIFFERS: u64 = 1 << 7;
const ROWS: u64 = DIFFERS - 1;

/// Rows that are looked up together, so that the memory for them is fetched at once and not row by row.
const BATCH: usize = 256;

/// A row that is not looked up yet: the hashes of its customer's name and of its values.
#[derive(Debug, Clone, Copy)]
struct HashedRow {
    linha: u64,
    name: u64,
    values: u64,
}

#[derive(Debug)]
pub struct RepeatedCustomers {
    hasher: RandomState,
    batch: Vec<HashedRow>,
    slots: Vec<u64>,
    filled: usize,
    /// The row at which the table was full.
    pub looked_until: Option<u64>,
    pub customers: u64,
    /// The rows of those customers.
    pub rows: u64,
    /// Rows that give their customer other values than its first.
    pub lines: LineList,
}

impl Default for RepeatedCustomers {
    fn default() -> Self {
        Self::in_slots(SLOTS)
    }
}

impl RepeatedCustomers {
    fn in_slots(slots: usize) -> Self {
        Self {
            hasher: RandomState::default(),
            batch: Vec::with_capacity(BATCH),
            slots: vec![0; slots],
            filled: 0,
            looked_until: None,
            customers: 0,
            rows: 0,
            lines: LineList::default(),
        }
    }

    pub fn add(&mut self, linha: u64, update: &Update) {
        if self.looked_until.is_some() {
            return;
        }
        let name = self.hash_of_name(update);
        let values = self.hash_of_values(update) & VALUES;
        self.batch.push(HashedRow { linha, name, values });
        if self.batch.len() == BATCH {
            self.look_up();
        }
    }

    /// Looks up the rows of the batch.
    fn look_up(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        let last = self.slots.len() - 1;
        // None of these waits for another.
        let touched = batch.iter().fold(0, |all, row| all ^ self.slots[row.name as usize & last]);
        std::hint::black_box(touched);
        for row in &batch {
            self.count(*row);
        }
        self.batch = batch;
        self.batch.clear();
    }

    fn count(&mut self, HashedRow { linha, name, values }: HashedRow) {
        if self.looked_until.is_some() {
            return;
        }
        let at = self.find(name);
        let entry = self.slots[at];
        if entry == 0 {
            self.slots[at] = (name & NAME) | values | 1;
            self.filled += 1;
            if self.filled > self.slots.len() / 8 * 7 {
                self.looked_until = Some(linha);
            }
        } else if entry & DIFFERS != 0 {
            self.rows += 1;
            self.lines.add(linha);
        } else if entry & VALUES == values {
            self.slots[at] = entry + u64::from(entry & ROWS < ROWS);
        } else {
            self.slots[at] = entry | DIFFERS;
            self.customers += 1;
            self.rows += (entry & ROWS) + 1;
            self.lines.add(linha);
        }
    }

    /// Ends the counting and gives the memory back.
    pub fn end(&mut self) {
        self.look_up();
        self.slots = Vec::new();
    }

    /// The slot of a name, or the empty one where it belongs.
    fn find(&self, name: u64) -> usize {
        let last = self.slots.len() - 1;
        let mut at = name as usize & last;
        while self.slots[at] != 0 && (self.slots[at] ^ name) & NAME != 0 {
            at = (at + 1) & last;
        }
        at
    }

    fn hash_of_name(&self, update: &Update) -> u64 {
        let name = update.primary_name();
        let mut state = self.hasher.build_hasher();
        state.write_u8(name.ctype as u8);
        match any_byte(name.text, |byte| !byte.is_ascii() || byte.is_ascii_uppercase()) {
            true => state.write(name.text.to_lowercase().as_bytes()),
            false => state.write(name.text.as_bytes()),
        }
        state.finish()
    }

    fn hash_of_values(&self, update: &Update) -> u64 {
        let mut state = self.hasher.build_hasher();
        state.write(update.text().as_bytes());
        for (field, value) in update.values() {
            // A column without a value is missing here, so the field counts.
            match field {
                FieldName::Param(param) => state.write_u8(*param as u8),
                FieldName::Campo(id) => state.write(id.as_str().as_bytes()),
            }
            state.write_usize(value.len());
        }
        state.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CustomerType;

    fn seen(slots: usize, rows: &[(&str, &str)]) -> RepeatedCustomers {
        let mut found = RepeatedCustomers::in_slots(slots);
        for (linha, (customer, name)) in (2..).zip(rows) {
            found.add(linha, &Update::of(CustomerType::Email, customer, [("nome", *name)]));
        }
        found.end();
        found
    }

    #[test]
    fn customers_with_different_values_are_counted() {
        for (rows, customers, lines) in [
            (&[("a", "1"), ("b", "1"), ("c", "2")][..], 0, 0),
            (&[("a", "1"), ("a", "1"), ("a", "1")], 0, 0),
            (&[("a", "1"), ("a", "2"), ("a", "3")], 1, 3),
            (&[("a", "1"), ("A", "1"), ("a", "2"), ("b", "1"), ("b", "2")], 2, 5),
        ] {
            let found = seen(SLOTS, rows);
            assert_eq!((found.customers, found.rows), (customers, lines), "{rows:?}");
        }
    }

    #[test]
    fn many_customers_are_told_apart() {
        let names: Vec<_> = (0..20_000).map(|number| format!("c{number}")).collect();
        let mut rows: Vec<_> = names.iter().map(|name| (&**name, "1")).collect();
        rows.extend(names.iter().map(|name| (&**name, "2")));
        let found = seen(1 << 15, &rows);
        assert_eq!((found.customers, found.rows, found.looked_until), (20_000, 40_000, None));
    }

    #[test]
    fn a_full_table_says_how_far_it_looked() {
        let names: Vec<_> = (0..100).map(|number| format!("c{number}")).collect();
        let rows: Vec<_> = names.iter().map(|name| (&**name, "1")).collect();
        assert_eq!(seen(64, &rows).looked_until, Some(58));
    }
}
