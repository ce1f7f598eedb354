//! The rules by which values become known and unknown: one state machine over plain records. It reads
//! them from the tables, and returns what it writes. `docs/ledger.md` gives the reasons.
//!
//! The life of a row: [`check`](Rules::check), and unless it is up to date,
//! [`record_intent`](Rules::record_intent) before its first request and
//! [`record_outcome`](Rules::record_outcome) after its last. The caller makes the changes of an intent
//! durable before the request leaves, and those of an outcome before the row counts as done, in the
//! order in which they were returned.
//!
//! What this does not do: decide the order of rows. Rows that touch one name come here one at a time,
//! in file order.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::LedgerError;
use super::accepted_state::{AcceptedState, Policy};
use super::changes::{Changes, PendingRecords};
use super::judge::{LATEST_EFFECT, LastWrite, Unchanged};
use super::keys::{AccountKey, FieldTag, HashedName};
use super::learning::{accept, leave_pointer, record_held};
use super::row_keys::RowKeys;
use super::state::{AcceptedUpdate, Intent, KnownState, SavedAccount, SequenceNumber};
use super::tables::AccountTables;
use crate::model::{FieldName, HeldRow, Update};
use crate::scheduler::ledger::RequestOutcome;
use crate::scheduler::reading::settlement::RefusalDoubt;

/// A request of this run whose outcome is not known yet.
struct OpenRequest {
    intent: Intent,
    /// Another request that concerns one of its names was in flight at the same time, so that it is
    /// not known which of the two came last.
    overlapped: bool,
}

/// The state machine of one account.
pub struct Rules {
    keys: AccountKey,
    policy: Policy,
    pub(super) records: PendingRecords,
    accepted: AcceptedState,
    next_sequence: u64,
    /// Requests of this run, by the caller's number.
    in_flight: HashMap<u64, OpenRequest>,
    /// Renames without a definite reply, of earlier runs and of this one.
    open_renames: BTreeMap<SequenceNumber, Intent>,
    /// Names touched by a row whose refusal in this run proved nothing: they decide whether a later
    /// row finds its customer. Until a row of the name is accepted.
    ambiguous: HashSet<HashedName>,
    /// Fields that an earlier run has seen kept.
    verified: Vec<FieldTag>,
}

impl Rules {
    /// Takes over an account from its last run. Requests that were in flight then get the outcome "no
    /// definite answer". The changes are the first to be made durable.
    pub fn open(
        keys: AccountKey,
        policy: Policy,
        saved: SavedAccount,
        tables: AccountTables,
        now: u32,
    ) -> Result<(Self, Changes), LedgerError> {
        let mut rules = Self {
            keys,
            policy,
            records: PendingRecords::new(tables),
            accepted: AcceptedState::new(&saved),
            next_sequence: saved.next_sequence.max(1),
            in_flight: HashMap::new(),
            open_renames: BTreeMap::new(),
            ambiguous: HashSet::new(),
            verified: saved.verified,
        };
        for intent in saved.intents {
            if intent.resolved {
                rules.keep_open(intent);
            } else {
                // Its attempts may have gone on until the process ended, which nobody noted.
                rules.mark_unknown(intent, now)?;
            }
        }
        let changed = rules.next_sequence != saved.next_sequence;
        let changes = if changed { rules.take_changes(now) } else { rules.records.take_batch() };
        Ok((rules, changes))
    }

    /// Why this row need not be sent: the API accepted its values, or held them when a snapshot was
    /// read. What a snapshot showed is recorded where it was not known, and what it contradicts is
    /// forgotten; the changes say so.
    pub fn check(
        &mut self,
        update: &Update,
        held: Option<&HeldRow>,
        now: u32,
    ) -> Result<(Option<Unchanged>, Option<Changes>), LedgerError> {
        let row = RowKeys::new(&self.keys, update);
        // The rules do not rely on the scheduler sending rows that give one alias one at a time.
        let contested = row.alias.is_some()
            && self.in_flight.values().any(|OpenRequest { intent, .. }| {
                (intent.ctype, intent.alias) == (row.ctype, row.alias)
            });
        if contested {
            return Ok((None, None));
        }
        let unchanged = self.accepted.check(&row, held, &self.records, &self.policy, now)?;
        let Some(held) = held else { return Ok((unchanged, None)) };
        let contradicted = self.accepted.contradicted(&row, held, &self.records)?;
        let news = match unchanged {
            Some(Unchanged::Held { .. }) => self.accepted.news(&row, held, &self.records)?,
            _ => Vec::new(),
        };
        if news.is_empty() && contradicted.is_none() {
            return Ok((unchanged, None));
        }
        if let Some((name, known)) = contradicted {
            self.records.change(name, |record| record.known = KnownState::Values(known))?;
        }
        if !news.is_empty() {
            let sequence = SequenceNumber(self.next_sequence);
            self.next_sequence += 1;
            let update = AcceptedUpdate { sequence, at: held.record.read_at, values: Vec::new() };
            record_held(&mut self.records, &self.accepted, &row, &news, update)?;
        }
        Ok((unchanged, Some(self.take_changes(now))))
    }

    /// Whether an earlier run wrote to the row's customer since the snapshot was read.
    pub fn was_written_since(&self, update: &Update, held: &HeldRow) -> Result<bool, LedgerError> {
        let row = RowKeys::new(&self.keys, update);
        let last_write = self.accepted.last_write(&row, held, &self.records)?;
        // What this run sends silences the snapshot.
        Ok(!held.is_silent && last_write == LastWrite::After)
    }

    /// Records that this row is about to be sent, and marks its names as unknown until its outcome
    /// is recorded. `id` is the caller's number for it.
    pub fn record_intent(
        &mut self,
        id: u64,
        update: &Update,
        now: u32,
    ) -> Result<Changes, LedgerError> {
        let row = RowKeys::new(&self.keys, update);
        let changes_alias = !self.accepted.keeps_alias(&row, &self.records)?;
        let intent = Intent {
            sequence: SequenceNumber(self.next_sequence),
            at: now,
            fingerprint: self.keys.fingerprint(update),
            ctype: row.ctype,
            primary_name: row.primary_name.key,
            renamed_to: row.renamed_to.map(|name| name.key),
            alias: row.alias,
            changes_alias,
            changed: row.changed(),
            resolved: false,
        };
        self.next_sequence += 1;
        self.records.changes.intents.insert(intent.sequence, Some(intent.clone()));
        self.accepted.block(&intent);
        let mut overlapped = false;
        for other in self.in_flight.values_mut() {
            let mut theirs = other.intent.concerned();
            if theirs.any(|name| intent.concerned().any(|own| own == name)) {
                other.overlapped = true;
                overlapped = true;
            }
        }
        self.in_flight.insert(id, OpenRequest { intent, overlapped });
        Ok(self.take_changes(now))
    }

    /// Why a refusal may say nothing about a row whose intent was recorded: a rename that touches the
    /// same names is still without a definite reply, or got one in this run that proves nothing; or the
    /// row's own rename was done before.
    pub fn refusal_doubt(&self, id: u64) -> Result<RefusalDoubt, LedgerError> {
        let Some(OpenRequest { intent, .. }) = self.in_flight.get(&id) else {
            return Ok(RefusalDoubt::None);
        };
        if intent.touched().any(|name| self.is_ambiguous(name)) {
            return Ok(RefusalDoubt::RenameOpen);
        }
        Ok(match self.records.record(intent.primary_name)?.known {
            KnownState::Renamed(pointer) if Some(pointer.to) == intent.renamed_to => {
                RefusalDoubt::RenameDone
            }
            _ => RefusalDoubt::None,
        })
    }

    /// Whether an earlier run has seen that the API keeps this field.
    pub fn is_verified(&self, field: &FieldName) -> bool {
        self.verified.contains(&self.keys.field(field).tag())
    }

    /// Records that the API keeps these fields.
    pub fn record_verified(&mut self, fields: &[FieldName]) -> Changes {
        let tags = fields.iter().map(|field| self.keys.field(field).tag());
        self.records.changes.verified.extend(tags);
        self.records.take_batch()
    }

    /// Draws the consequences of the outcome of a row whose intent was recorded.
    ///
    /// [`RequestOutcome::Refused`] means that no attempt of the row may have been executed.
    pub fn record_outcome(
        &mut self,
        id: u64,
        update: &Update,
        outcome: RequestOutcome,
        now: u32,
    ) -> Result<Changes, LedgerError> {
        let Some(OpenRequest { intent, overlapped }) = self.in_flight.remove(&id) else {
            return Ok(self.records.take_batch());
        };
        self.accepted.unblock(&intent);
        match outcome {
            RequestOutcome::NotSent => self.remove_intent(intent.sequence),
            RequestOutcome::Unknown => self.mark_unknown(intent, now)?,
            RequestOutcome::Renamed => {
                self.forget_names(&intent)?;
                leave_pointer(&mut self.records, &RowKeys::new(&self.keys, update), &intent);
                self.note_write(&intent, now, true)?;
                self.invalidate_other_type(&intent);
                self.close_renames(&intent, true, now);
                self.remove_intent(intent.sequence);
            }
            RequestOutcome::Refused => {
                for name in intent.touched() {
                    self.records.change(name, |record| record.known = KnownState::Unknown)?;
                }
                if self.is_ambiguous(intent.primary_name) {
                    self.ambiguous.extend(intent.touched());
                }
                self.close_renames(&intent, false, now);
                self.remove_intent(intent.sequence);
            }
            RequestOutcome::Accepted { first_attempt } => {
                let row = RowKeys::new(&self.keys, update);
                if first_attempt && !overlapped && !row.removes_own_name {
                    accept(&mut self.records, &self.accepted, &row, &intent, now)?;
                } else {
                    self.forget_names(&intent)?;
                }
                self.note_write(&intent, now, !first_attempt)?;
                intent.touched().for_each(|name| {
                    self.ambiguous.remove(&name);
                });
                self.invalidate_other_type(&intent);
                self.close_renames(&intent, true, now);
                self.remove_intent(intent.sequence);
            }
        }
        Ok(self.take_changes(now))
    }

    fn take_changes(&mut self, now: u32) -> Changes {
        self.records.changes.next = Some((self.next_sequence, now));
        self.records.take_batch()
    }

    fn remove_intent(&mut self, sequence: SequenceNumber) {
        self.records.changes.intents.insert(sequence, None);
    }

    /// A request without a known outcome: nothing is known of its names, and everything that it may
    /// have changed elsewhere is invalidated. A rename stays open.
    /// `at` is when its last attempt may have left, at the latest.
    fn mark_unknown(&mut self, mut intent: Intent, at: u32) -> Result<(), LedgerError> {
        self.forget_names(&intent)?;
        self.note_write(&intent, at, true)?;
        self.invalidate_other_type(&intent);
        if intent.renamed_to.is_none() {
            self.remove_intent(intent.sequence);
            return Ok(());
        }
        (intent.resolved, intent.at) = (true, at);
        self.records.changes.intents.insert(intent.sequence, Some(intent.clone()));
        self.keep_open(intent);
        Ok(())
    }

    /// Adds a rename to the open ones, in place of an older one between the same names.
    fn keep_open(&mut self, intent: Intent) {
        let same = (intent.primary_name, intent.renamed_to);
        self.drop_renames(|other| (other.primary_name, other.renamed_to) == same);
        self.accepted.block(&intent);
        self.open_renames.insert(intent.sequence, intent);
    }

    /// A definite reply to a rename closes earlier ones between the same names. And a name that is
    /// still answered to after [`LATEST_EFFECT`] was not renamed away.
    fn close_renames(&mut self, replied: &Intent, accepted: bool, now: u32) {
        let (name, renamed_to) = (replied.primary_name, replied.renamed_to);
        self.drop_renames(|open| {
            let answered = renamed_to.is_some() && open.renamed_to == renamed_to;
            let refuted = accepted && now.saturating_sub(open.at) >= LATEST_EFFECT;
            open.primary_name == name && (answered || refuted)
        });
    }

    fn drop_renames(&mut self, closed: impl Fn(&Intent) -> bool) {
        for (sequence, intent) in self.open_renames.extract_if(.., |_, intent| closed(intent)) {
            self.accepted.unblock(&intent);
            self.records.changes.intents.insert(sequence, None);
        }
    }

    /// Whether it is not known which customer answers to this name.
    fn is_ambiguous(&self, name: HashedName) -> bool {
        self.ambiguous.contains(&name)
            || self.open_renames.values().any(|open| open.touched().any(|touched| touched == name))
    }

    /// Makes unknown what the request may have changed: the values of the names it touches, and who
    /// owns the names that it gives.
    fn forget_names(&mut self, intent: &Intent) -> Result<(), LedgerError> {
        for name in intent.touched() {
            self.records.change(name, |record| record.known = KnownState::Unknown)?;
        }
        let old_name = intent.renamed_to.map(|_| intent.primary_name);
        for name in [old_name, intent.renamed_to, intent.alias].into_iter().flatten() {
            self.records.change(name, |record| record.alias_owner = None)?;
        }
        Ok(())
    }

    /// Notes that a request was executed, or may have been, for what later snapshots show.
    fn note_write(
        &mut self,
        intent: &Intent,
        at: u32,
        is_unanswered: bool,
    ) -> Result<(), LedgerError> {
        for name in intent.concerned() {
            self.records.change(name, |record| {
                record.written_at = record.written_at.max(at);
                if is_unanswered {
                    record.unanswered_at = record.unanswered_at.max(at);
                }
            })?;
        }
        Ok(())
    }

    fn invalidate_other_type(&mut self, intent: &Intent) {
        let upto = SequenceNumber(self.next_sequence);
        self.next_sequence += 1;
        for key in intent.invalidations() {
            self.accepted.invalidate(key, upto);
            self.records.changes.invalidations.insert(key, upto);
        }
    }
}
