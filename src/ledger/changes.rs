//! What the rules write: [`Changes`], which become durable together, and [`PendingRecords`], which
//! shows the rules their own writes before they are durable.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::LedgerError;
use super::keys::{FieldTag, HashedName};
use super::state::{CustomerRecord, Intent, InvalidationKey, SequenceNumber};
use super::tables::AccountTables;

/// Writes that become durable together. A later write to a key replaces an earlier one.
#[derive(Debug, Default)]
pub struct Changes {
    /// What is stored under these names from now on; an empty record is deleted.
    pub records: BTreeMap<HashedName, CustomerRecord>,
    /// Requests without a known outcome; `None` where it is known now.
    pub intents: BTreeMap<SequenceNumber, Option<Intent>>,
    pub invalidations: BTreeMap<InvalidationKey, SequenceNumber>,
    /// Fields that were seen to be kept.
    pub verified: BTreeSet<FieldTag>,
    /// The next sequence number, and when the account changed, in seconds since 1970.
    pub next: Option<(u64, u32)>,
}

impl Changes {
    pub fn merge(&mut self, later: Self) {
        self.records.extend(later.records);
        self.intents.extend(later.intents);
        self.invalidations.extend(later.invalidations);
        self.verified.extend(later.verified);
        self.next = later.next.or(self.next);
    }
}

/// The records as the rules see them: what is durable, overlaid with what is not durable yet.
#[derive(Debug)]
pub struct PendingRecords {
    pub durable: AccountTables,
    /// What each batch that is not durable writes, oldest first. They are at most two for each row
    /// in the scheduler's window.
    batches: VecDeque<BTreeMap<HashedName, CustomerRecord>>,
    /// The batch in the making.
    pub changes: Changes,
}

impl PendingRecords {
    pub fn new(durable: AccountTables) -> Self {
        Self { durable, batches: VecDeque::new(), changes: Changes::default() }
    }

    /// What is stored under `name`; an empty record where nothing is.
    pub fn record(&self, name: HashedName) -> Result<CustomerRecord, LedgerError> {
        let mut latest_first =
            std::iter::once(&self.changes.records).chain(self.batches.iter().rev());
        match latest_first.find_map(|records| records.get(&name)) {
            Some(record) => Ok(record.clone()),
            None => self.durable.record(name),
        }
    }

    pub fn put(&mut self, name: HashedName, record: CustomerRecord) {
        self.changes.records.insert(name, record);
    }

    pub fn change(
        &mut self,
        name: HashedName,
        change: impl FnOnce(&mut CustomerRecord),
    ) -> Result<(), LedgerError> {
        let before = self.record(name)?;
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            self.put(name, after);
        }
        Ok(())
    }

    pub fn take_batch(&mut self) -> Changes {
        let changes = std::mem::take(&mut self.changes);
        self.batches.push_back(changes.records.clone());
        changes
    }

    /// The oldest `count` batches have become durable.
    pub fn acknowledge(&mut self, count: usize) {
        self.batches.drain(..count.min(self.batches.len()));
    }
}
