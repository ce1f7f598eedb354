//! Finds records by name: 12 bytes a name, sorted by hash. Two names of one hash are told apart by
//! reading the records.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use crate::model::CustomerType;

/// The number of a record, in the order of the file.
pub type RecordNumber = u32;

/// A hash of a name and the record that has it, both big-endian, so that the bytes sort by hash.
type Entry = [u8; 12];

/// Names without order, while they are collected.
#[derive(Debug, Default)]
pub struct IndexBuilder {
    hasher: RandomState,
    entries: Vec<Entry>,
}

impl IndexBuilder {
    pub fn add(&mut self, ctype: CustomerType, name: &str, record: RecordNumber) {
        let hash = hash(&self.hasher, ctype, name);
        let mut entry = [0; 12];
        entry[..8].copy_from_slice(&hash.to_be_bytes());
        entry[8..].copy_from_slice(&record.to_be_bytes());
        self.entries.push(entry);
    }

    pub fn build(mut self) -> NameIndex {
        self.entries.sort_unstable();
        self.entries.dedup();
        NameIndex { hasher: self.hasher, entries: self.entries.into_boxed_slice() }
    }
}

/// The records by their names.
#[derive(Debug)]
pub struct NameIndex {
    hasher: RandomState,
    entries: Box<[Entry]>,
}

impl NameIndex {
    /// The records that may have this name, in whatever letter case.
    pub fn candidates(
        &self,
        ctype: CustomerType,
        name: &str,
    ) -> impl Iterator<Item = RecordNumber> + '_ {
        let hash = hash(&self.hasher, ctype, name).to_be_bytes();
        let first = self.entries.partition_point(|entry| entry[..8] < hash[..]);
        let found = self.entries[first..].iter().take_while(move |entry| entry[..8] == hash[..]);
        found.map(|entry| u32::from_be_bytes([entry[8], entry[9], entry[10], entry[11]]))
    }
}

fn hash(hasher: &RandomState, ctype: CustomerType, name: &str) -> u64 {
    let mut state = hasher.build_hasher();
    ctype.hash(&mut state);
    match name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        true => state.write(name.as_bytes()),
        false => state.write(name.to_lowercase().as_bytes()),
    }
    state.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_finds_every_record_that_has_it() {
        use CustomerType::{Email, Internal};
        let mut builder = IndexBuilder::default();
        for (ctype, name, record) in
            [(Email, "Ana@x", 0), (Internal, "7", 0), (Email, "ana@X", 3), (Email, "b@x", 2)]
        {
            builder.add(ctype, name, record);
        }
        let index = builder.build();
        let find = |ctype, name| index.candidates(ctype, name).collect::<Vec<_>>();
        assert_eq!(find(Email, "ANA@x"), [0, 3]);
        assert_eq!(find(Internal, "7"), [0]);
        assert_eq!(find(Email, "7"), Vec::<u32>::new());
    }
}
