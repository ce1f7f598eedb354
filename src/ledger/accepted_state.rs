//! What the API already holds: the reading half of the rules, shared by a run (through
//! [`super::rules::Rules`]) and by a preflight that only reads. Nothing here writes.

use std::collections::HashMap;
use std::time::Duration;

use super::LedgerError;
use super::changes::PendingRecords;
use super::judge::{Evidence, Judgement, LastWrite, Unchanged, ValueEvidence, judge};
use super::keys::{FieldTag, HashedName};
use super::row_keys::RowKeys;
use super::state::{
    AcceptedUpdate, Intent, InvalidationKey, KnownState, KnownValues, SavedAccount, SequenceNumber,
};
use crate::model::{CustomerType, HeldRow, HeldValue, Name};

/// What counts as known, as the user wants it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Policy {
    /// Values that were accepted longer ago are not known (`--max-age`).
    pub max_age: Option<Duration>,
    /// Nothing is known (`--full`); what is accepted is recorded all the same.
    pub full: bool,
}

impl Policy {
    /// Whether what was accepted at `at` is still known at `now` (seconds since 1970). With a
    /// maximum age, a time in the future is not: the clock was wrong then or is wrong now.
    fn is_recent(&self, at: u32, now: u32) -> bool {
        match self.max_age {
            None => true,
            Some(max) => now.checked_sub(at).is_some_and(|age| u64::from(age) <= max.as_secs()),
        }
    }
}

/// Which stored values are known to be held by the API.
#[derive(Debug, Default)]
pub struct AcceptedState {
    /// What carries the number that stands here, or an earlier one, is no longer known.
    invalidations: HashMap<InvalidationKey, SequenceNumber>,
    /// The names that each open request touches; they are unknown.
    blocked: HashMap<SequenceNumber, Vec<HashedName>>,
}

impl AcceptedState {
    /// Takes over the invalidations of `saved`; its intents are left to the caller.
    pub fn new(saved: &SavedAccount) -> Self {
        let mut state = Self::default();
        saved.invalidations.iter().for_each(|(key, upto)| state.invalidate(*key, *upto));
        state
    }

    /// For a reader, which must expect that `saved`'s intents were executed or still will be: their
    /// names are unknown, and so is what they may have changed under the other type. They may belong
    /// to a run that crashed or to one that is under way.
    pub fn cautious(saved: &SavedAccount) -> Self {
        let mut state = Self::new(saved);
        for intent in &saved.intents {
            state.block(intent);
            if !intent.resolved {
                let upto = SequenceNumber(saved.next_sequence);
                intent.invalidations().for_each(|key| state.invalidate(key, upto));
            }
        }
        state
    }

    /// Makes unknown what carries the number `upto` or an earlier one.
    pub fn invalidate(&mut self, key: InvalidationKey, upto: SequenceNumber) {
        let latest = self.invalidations.entry(key).or_default();
        *latest = upto.max(*latest);
    }

    fn latest(&self, ctype: CustomerType, field: Option<FieldTag>) -> SequenceNumber {
        self.invalidations.get(&InvalidationKey { ctype, field }).copied().unwrap_or_default()
    }

    /// Whether no invalidation covers a value that was accepted by the intent `sequence`.
    pub fn is_valid(&self, ctype: CustomerType, field: FieldTag, sequence: SequenceNumber) -> bool {
        sequence > self.latest(ctype, Some(field)) && sequence > self.latest(ctype, None)
    }

    /// Marks the names of an open request as unknown until [`unblock`](Self::unblock).
    pub fn block(&mut self, intent: &Intent) {
        self.blocked.insert(intent.sequence, intent.touched().collect());
    }

    pub fn unblock(&mut self, intent: &Intent) {
        self.blocked.remove(&intent.sequence);
    }

    fn touches_blocked(&self, row: &RowKeys<'_>) -> bool {
        row.touched().any(|name| self.blocked.values().flatten().any(|blocked| *blocked == name))
    }

    /// Whether the API is known to hold every value that the row would send. What `held` shows
    /// otherwise and was learned before is not known.
    pub fn is_up_to_date(
        &self,
        row: &RowKeys<'_>,
        held: Option<&HeldRow>,
        records: &PendingRecords,
        policy: &Policy,
        now: u32,
    ) -> Result<bool, LedgerError> {
        if policy.full || self.touches_blocked(row) {
            return Ok(false);
        }
        let Some((_, mut values)) = self.known_values(row, records)? else { return Ok(false) };
        if let Some(held) = held {
            self.outdate(row, held, &mut values);
        }
        for index in 0..row.sent.len() {
            match self.accepted_update(row, &values, index, records)? {
                Some(update) if policy.is_recent(update.at, now) => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Why the row need not be sent, from what the ledger knows and, where it is given, from what a
    /// snapshot shows.
    pub fn check(
        &self,
        row: &RowKeys<'_>,
        held: Option<&HeldRow>,
        records: &PendingRecords,
        policy: &Policy,
        now: u32,
    ) -> Result<Option<Unchanged>, LedgerError> {
        let holds_all = self.is_up_to_date(row, held, records, policy, now)?;
        let as_ledger = holds_all.then_some(Unchanged::Accepted);
        let Some(held) = held else { return Ok(as_ledger) };
        if policy.full || row.removes_own_name || self.touches_blocked(row) {
            return Ok(None);
        }
        let evidence = self.evidence(row, held, records, policy, now)?;
        Ok(match judge(&evidence, holds_all) {
            Judgement::AsLedger if evidence.last_write == LastWrite::After => {
                holds_all.then_some(Unchanged::AcceptedSince)
            }
            Judgement::AsLedger => as_ledger,
            Judgement::Held { assumed } => {
                Some(Unchanged::Held { read_at: held.record.read_at, assumed })
            }
            Judgement::Send => None,
        })
    }

    /// The values of the row, by index, that the snapshot shows and that are not known, or known from
    /// an earlier time.
    pub fn news(
        &self,
        row: &RowKeys<'_>,
        held: &HeldRow,
        records: &PendingRecords,
    ) -> Result<Vec<usize>, LedgerError> {
        let mut news = Vec::new();
        // A row that changes a name and counts as held all the same rests on an assumption.
        if row.renamed_to.is_some() {
            return Ok(news);
        }
        let known = self.known_values(row, records)?.map(|(_, known)| known);
        for (index, shown) in held.values.iter().enumerate() {
            let accepted = match &known {
                Some(known) => self.accepted_update(row, known, index, records)?,
                None => None,
            };
            let is_new = accepted.is_none_or(|update| update.at < held.record.read_at);
            if *shown == HeldValue::Same && is_new {
                news.push(index);
            }
        }
        Ok(news)
    }

    fn evidence(
        &self,
        row: &RowKeys<'_>,
        held: &HeldRow,
        records: &PendingRecords,
        policy: &Policy,
        now: u32,
    ) -> Result<Evidence, LedgerError> {
        let known = self.known_values(row, records)?.map(|(_, known)| known);
        let mut values = Vec::with_capacity(held.values.len());
        for (index, snapshot) in held.values.iter().enumerate() {
            let ledger = match (&known, snapshot) {
                (Some(known), HeldValue::NotRead) => self
                    .accepted_update(row, known, index, records)?
                    .is_some_and(|update| policy.is_recent(update.at, now)),
                _ => false,
            };
            values.push(ValueEvidence { snapshot: *snapshot, ledger });
        }
        Ok(Evidence {
            last_write: self.last_write(row, held, records)?,
            is_silent: held.is_silent,
            values,
            contradicted: self.contradicted(row, held, records)?.is_some(),
        })
    }

    /// When a name of the row or of its customer in the snapshot was last written to.
    pub fn last_write(
        &self,
        row: &RowKeys<'_>,
        held: &HeldRow,
        records: &PendingRecords,
    ) -> Result<LastWrite, LedgerError> {
        let (mut written_at, mut unanswered_at) = (0, 0);
        let of_row = row.touched().chain(row.alias);
        let of_customer = held.record.names.iter();
        let of_customer = of_customer.map(|(ctype, text)| row.name(Name { ctype: *ctype, text }));
        for name in of_row.chain(of_customer) {
            let record = records.record(name)?;
            written_at = written_at.max(record.written_at);
            unanswered_at = unanswered_at.max(record.unanswered_at);
        }
        Ok(LastWrite::of(written_at, unanswered_at, held.record.read_at))
    }

    /// What is still known of the row's customer, and under which name, where the snapshot
    /// contradicts what was known before it was read; `None` where it does not.
    pub fn contradicted(
        &self,
        row: &RowKeys<'_>,
        held: &HeldRow,
        records: &PendingRecords,
    ) -> Result<Option<(HashedName, KnownValues)>, LedgerError> {
        let Some((name, mut known)) = self.known_values(row, records)? else { return Ok(None) };
        Ok(self.outdate(row, held, &mut known).then_some((name, known)))
    }

    /// Forgets what was known before the snapshot was read if it shows any of that otherwise: somebody
    /// else changed the customer, or another one has the name. Fields that the user takes for the same
    /// do not count.
    fn outdate(&self, row: &RowKeys<'_>, held: &HeldRow, known: &mut KnownValues) -> bool {
        let (record, salt) = (&held.record, known.salt());
        let read = record.values.iter().filter(|(field, _)| !held.assumed.contains(field));
        let shown: Vec<_> =
            read.map(|(field, value)| row.other_value(field, value, salt)).collect();
        let older = known.updates.iter().filter(|update| update.at < record.read_at);
        let contradicted = older.into_iter().any(|update| {
            update.values.iter().any(|(tag, value)| {
                self.is_valid(row.ctype, *tag, update.sequence)
                    && shown.iter().any(|(field, shown)| field == tag && shown != value)
            })
        });
        if contradicted {
            known.updates.retain(|update| update.at >= record.read_at);
        }
        contradicted
    }

    /// Whether the row's customer is known to have the alias (or to lack one) that the row gives it,
    /// so that sending the row changes no customer's alias. Age does not matter here: `--max-age` is
    /// a wish to refresh, not a sign that the value is wrong.
    pub fn keeps_alias(
        &self,
        row: &RowKeys<'_>,
        records: &PendingRecords,
    ) -> Result<bool, LedgerError> {
        let Some(index) = row.alias_index else { return Ok(true) };
        if self.touches_blocked(row) {
            return Ok(false);
        }
        match records.record(row.primary_name.key)?.known {
            KnownState::Values(values) if values.spelling == row.primary_name.spelling => {
                Ok(self.accepted_update(row, &values, index, records)?.is_some())
            }
            _ => Ok(false),
        }
    }

    /// The values of the row's customer: stored under the name in the row's path or, for a rename
    /// that was executed, under the new name. With that name.
    fn known_values(
        &self,
        row: &RowKeys<'_>,
        records: &PendingRecords,
    ) -> Result<Option<(HashedName, KnownValues)>, LedgerError> {
        let mut name = row.primary_name;
        if let Some(renamed_to) = row.renamed_to {
            match records.record(row.primary_name.key)?.known {
                KnownState::Renamed(pointer)
                    if pointer.to == renamed_to.key
                        && pointer.spelling == row.primary_name.spelling
                        && pointer.sequence > self.latest(row.ctype, None) =>
                {
                    name = renamed_to;
                }
                _ => return Ok(None),
            }
        }
        match records.record(name.key)?.known {
            KnownState::Values(values) if values.spelling == name.spelling => {
                Ok(Some((name.key, values)))
            }
            _ => Ok(None),
        }
    }

    /// The update that brought the value which the row sends at `index`, if that value is known.
    fn accepted_update<'v>(
        &self,
        row: &RowKeys<'_>,
        values: &'v KnownValues,
        index: usize,
        records: &PendingRecords,
    ) -> Result<Option<&'v AcceptedUpdate>, LedgerError> {
        let Some(sent) = row.sent.get(index) else { return Ok(None) };
        let value = (sent.field.tag(), row.value(sent, values.salt()));
        let Some(update) = values.updates.iter().find(|update| update.values.contains(&value))
        else {
            return Ok(None);
        };
        if !self.is_valid(row.ctype, sent.field.tag(), update.sequence) {
            return Ok(None);
        }
        if row.alias_index == Some(index)
            && let Some(alias) = row.alias
            && records.record(alias)?.alias_owner != Some(update.sequence)
        {
            return Ok(None);
        }
        Ok(Some(update))
    }
}
