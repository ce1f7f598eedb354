//! What the rules write: [`Changes`], which become durable together, and [`PendingRecords`], which
//! shows the rules their own writes before they are durable.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::LedgerError;
use super::keys::HashedName;
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
    /// The next sequence number, and when the account changed, in seconds since 1970.
    pub next: Option<(u64, u32)>,
}

impl Changes {
    /// Adds `later` changes.
    pub fn merge(&mut self, later: Self) {
        self.records.extend(later.records);
        self.intents.extend(later.intents);
        self.invalidations.extend(later.invalidations);
        self.next = later.next.or(self.next);
    }
}

/// The records as the rules see them: what is durable, overlaid with what is not durable yet.
#[derive(Debug)]
pub struct PendingRecords {
    pub durable: AccountTables,
    /// The latest record of each name with a write that is not durable, and the number of the batch
    /// that holds the write.
    overlay: HashMap<HashedName, (u64, CustomerRecord)>,
    /// The names that each batch writes, oldest first; batches are numbered from 1 on.
    batches: VecDeque<Vec<HashedName>>,
    /// Batches that are durable.
    acknowledged: u64,
    /// The batch in the making.
    pub changes: Changes,
}

impl PendingRecords {
    pub fn new(durable: AccountTables) -> Self {
        Self {
            durable,
            overlay: HashMap::new(),
            batches: VecDeque::new(),
            acknowledged: 0,
            changes: Changes::default(),
        }
    }

    /// What is stored under `name`; an empty record where nothing is.
    pub fn record(&self, name: HashedName) -> Result<CustomerRecord, LedgerError> {
        match self.overlay.get(&name) {
            Some((_, record)) => Ok(record.clone()),
            None => self.durable.record(name),
        }
    }

    /// Stores a record under a name.
    pub fn put(&mut self, name: HashedName, record: CustomerRecord) {
        let batch = self.acknowledged + self.batches.len() as u64 + 1;
        self.overlay.insert(name, (batch, record.clone()));
        self.changes.records.insert(name, record);
    }

    /// Changes the record of a name.
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

    /// Ends the batch in the making.
    pub fn take_batch(&mut self) -> Changes {
        let changes = std::mem::take(&mut self.changes);
        self.batches.push_back(changes.records.keys().copied().collect());
        changes
    }

    /// The oldest `count` batches have become durable.
    pub fn acknowledge(&mut self, count: usize) {
        for names in self.batches.drain(..count.min(self.batches.len())) {
            self.acknowledged += 1;
            for name in names {
                if self.overlay.get(&name).is_some_and(|(batch, _)| *batch == self.acknowledged) {
                    self.overlay.remove(&name);
                }
            }
        }
    }
}
