//! Reading back what a row's customer holds, as one more request of the same row: it waits, takes a
//! permit and a place of `--concurrency` like an update, and comes back. Three purposes, in this order:
//! [`Purpose::Verify`] (is what was accepted kept?), [`Purpose::Settle`] (was a row without a definite
//! answer executed?), [`Purpose::Look`] (has a late attempt undone an accepted row?).
//!
//! [`compare`], [`settlement`] and [`verification`] are pure; [`plan`] decides when a row is read,
//! [`request`] sends and evaluates, [`verify`] holds accepted rows back. A reading is no attempt of its
//! row, no success of the run, and never a reason to repeat.

mod compare;
mod plan;
mod request;
pub mod settlement;
pub mod verification;
mod verify;

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::HeldDetails;
use crate::model::{FieldName, Situacao};
use compare::FieldIds;
use settlement::{ReadName, RefusalDoubt, Settled, Sight};
use verification::Verification;

/// How long after an update its customer is read at the earliest, and how long after a reading that
/// differs it is read again: readings may lag behind.
pub const READ_LAG: Duration = Duration::from_secs(3);

/// Why a row's customer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Verify,
    Settle,
    Look,
}

/// A row's verdict as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// What its last attempt makes of it.
    pub plain: AttemptVerdict,
    /// What readings make of it.
    pub settled: Option<Settled>,
    /// Whether a late attempt has undone it.
    pub is_undone: bool,
    /// Columns that were accepted and not kept.
    pub not_kept: Vec<FieldName>,
}

/// What a row's last attempt makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptVerdict {
    pub situacao: Situacao,
    /// Why it may say nothing, where it is a refusal.
    pub doubt: RefusalDoubt,
}

impl Default for AttemptVerdict {
    fn default() -> Self {
        Self { situacao: Situacao::Falhou, doubt: RefusalDoubt::None }
    }
}

/// A row whose customer is read, or that waits for the verification of other rows.
#[derive(Debug)]
pub struct RowReading {
    pub decision: Decision,
    pub purpose: Purpose,
    /// Requests made, whatever they showed.
    pub reads: usize,
    /// What they showed, while the row is being settled.
    sights: Vec<Sight>,
    /// The name to read next.
    name: ReadName,
    /// The closing look, where one is due.
    look: Option<LateEffect>,
    /// A reply that waits for the ids of custom fields.
    details: Option<HeldDetails>,
}

/// What a late attempt may do to a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LateEffect {
    /// Until when it may happen.
    pub until: Instant,
    /// Whether it may rename the customer.
    pub renames: bool,
}

/// Whether this account may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Unknown,
    Granted,
    /// For the rest of the run.
    Refused,
}

/// The ids of custom fields, which are read at most once.
#[derive(Debug)]
enum KnownIds {
    Unread,
    BeingRead,
    Read(FieldIds),
}

/// What a run knows about reading.
#[derive(Debug)]
pub struct Readings {
    access: Access,
    /// Readings on their way.
    in_flight: usize,
    ids: KnownIds,
    /// How long an attempt without a definite answer may still take effect (`--settle-wait`).
    settle_wait: Duration,
    /// Late effects by the names that they concern.
    late: HashMap<u64, LateEffect>,
    pub verification: Option<Verification>,
}

impl Readings {
    pub fn new(settle_wait: Duration, verification: Option<Verification>) -> Self {
        let (access, ids) = (Access::Unknown, KnownIds::Unread);
        Self { access, in_flight: 0, ids, settle_wait, late: HashMap::new(), verification }
    }

    /// Whether a reading may leave: one at a time until it is known that the account can be read.
    pub fn may_read(&self) -> bool {
        self.access == Access::Granted || self.in_flight == 0
    }

    /// Notes an attempt that ended at `now` without a definite answer. `keys` are the names that its
    /// row touches, its own first.
    pub fn note_unanswered(&mut self, keys: &[u64], is_rename: bool, now: Instant) {
        if self.settle_wait.is_zero() {
            return;
        }
        self.late.retain(|_, effect| effect.until > now);
        let until = now + self.settle_wait;
        for (index, key) in keys.iter().enumerate() {
            let renames = is_rename && index == 0;
            let effect = self.late.entry(*key).or_insert(LateEffect { until, renames });
            effect.until = until;
            effect.renames |= renames;
        }
    }

    /// What may still happen after `sent` to a customer of these names.
    fn late_effect(&self, keys: &[u64], sent: Instant) -> Option<LateEffect> {
        let effects = keys.iter().filter_map(|key| self.late.get(key));
        effects.filter(|effect| effect.until > sent).copied().reduce(|one, other| LateEffect {
            until: one.until.max(other.until),
            renames: one.renames || other.renames,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_effect_is_remembered_for_every_name_until_it_is_over() {
        let start = Instant::now();
        let wait = Duration::from_secs(30);
        let mut readings = Readings::new(wait, None);
        readings.note_unanswered(&[1, 2], true, start);
        let until = start + wait;
        for (keys, sent, effect) in [
            (vec![1], start, Some((until, true))),
            (vec![2, 3], start, Some((until, false))),
            (vec![2, 1], start, Some((until, true))),
            (vec![3], start, None),
            (vec![1], until, None),
        ] {
            let found = readings.late_effect(&keys, sent).map(|found| (found.until, found.renames));
            assert_eq!(found, effect, "{keys:?}");
        }
        readings.note_unanswered(&[3], false, until);
        assert_eq!(readings.late.len(), 1, "what is over is forgotten");
        let mut off = Readings::new(Duration::ZERO, None);
        off.note_unanswered(&[1], false, start);
        assert!(off.late.is_empty());
    }
}
