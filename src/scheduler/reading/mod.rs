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

/// Readings in a row without an answer after which none is begun for [`READ_PAUSE`]. Those that fail
/// within [`READ_LAG`] of one another are one event.
const UNANSWERED_IN_A_ROW: u32 = 5;
/// How long no reading begins then.
const READ_PAUSE: Duration = Duration::from_secs(300);

/// Why a row's customer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Verify,
    Settle,
    /// The closing look, after this effect.
    Look(LateEffect),
}

/// A row's verdict as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// What its last attempt makes of it.
    pub plain: AttemptVerdict,
    /// What readings make of it.
    pub settled: Option<Settled>,
    /// Whether the closing look was made.
    pub is_looked_at: bool,
    /// Whether a late attempt has undone it.
    pub is_undone: bool,
    /// Whether a late attempt may undo it yet, since nobody has looked.
    pub may_be_undone: bool,
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
    /// Requests made for its details, whatever they showed.
    pub reads: usize,
    /// When the last of them left.
    read_at: Option<Instant>,
    /// What they showed, while the row is being settled.
    sights: Vec<Sight>,
    /// The name to read next.
    name: ReadName,
    /// A reply that waits for the ids of custom fields, which this row reads or another one.
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

/// What a run knows about reading.
#[derive(Debug)]
pub struct Readings {
    access: Access,
    /// Readings on their way.
    in_flight: usize,
    /// Set by a 429, until an update has left: readings alone never pause the updates.
    gives_way: bool,
    unanswered_in_a_row: u32,
    last_unanswered: Option<Instant>,
    off_until: Option<Instant>,
    /// The ids of custom fields, which are read once, and once more without an answer.
    ids: Option<FieldIds>,
    /// Whether a reading of them gave no answer.
    is_list_unanswered: bool,
    /// How long an attempt without a definite answer may still take effect (`--settle-wait`).
    settle_wait: Duration,
    /// Late effects by the names that they concern.
    late: HashMap<u64, LateEffect>,
    pub verification: Option<Verification>,
}

impl Readings {
    pub fn new(settle_wait: Duration, verification: Option<Verification>) -> Self {
        Self {
            access: Access::Unknown,
            in_flight: 0,
            gives_way: false,
            unanswered_in_a_row: 0,
            last_unanswered: None,
            off_until: None,
            ids: None,
            is_list_unanswered: false,
            settle_wait,
            late: HashMap::new(),
            verification,
        }
    }

    /// Whether a reading may leave: one at a time until it is known that the account can be read.
    pub fn may_read(&self) -> bool {
        self.access == Access::Granted || self.in_flight == 0
    }

    /// Whether the account was not seen to refuse readings.
    pub fn may_be_allowed(&self) -> bool {
        self.access != Access::Refused
    }

    /// Whether an update goes before a reading.
    pub const fn gives_way(&self) -> bool {
        self.gives_way
    }

    /// An update has left.
    pub const fn on_update_sent(&mut self) {
        self.gives_way = false;
    }

    /// Whether no reading may begin: none is allowed, or none was answered lately.
    fn is_off(&self, now: Instant) -> bool {
        self.access == Access::Refused || self.off_until.is_some_and(|until| now < until)
    }

    /// Takes into account that a reading ended at `now` without an answer.
    fn note_no_answer(&mut self, now: Instant) {
        if self.last_unanswered.is_some_and(|last| now < last + READ_LAG) {
            return;
        }
        self.last_unanswered = Some(now);
        self.unanswered_in_a_row += 1;
        if self.unanswered_in_a_row >= UNANSWERED_IN_A_ROW {
            self.off_until = Some(now + READ_PAUSE);
        }
    }

    /// The list was read for the ids of custom fields and gave no answer: after the second time, there
    /// are none in this run.
    fn note_unanswered_list(&mut self) {
        if std::mem::replace(&mut self.is_list_unanswered, true) {
            self.ids = Some(FieldIds::default());
        }
    }

    const fn note_answer(&mut self) {
        self.unanswered_in_a_row = 0;
    }

    /// Notes an attempt that ended at `now` without a definite answer. `keys` are the names that its
    /// row touches, its own first. Late effects that were over at `oldest_sent`, when the oldest
    /// request left that is on its way or whose row is unfinished, are forgotten.
    pub fn note_unanswered(
        &mut self,
        keys: &[u64],
        is_rename: bool,
        oldest_sent: Instant,
        now: Instant,
    ) {
        if self.settle_wait.is_zero() {
            return;
        }
        self.late.retain(|_, effect| effect.until > oldest_sent);
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
        readings.note_unanswered(&[1, 2], true, start, start);
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
        readings.note_unanswered(&[3], false, start, until);
        assert_eq!(readings.late.len(), 3, "a request that left before may still be undone");
        readings.note_unanswered(&[3], false, until, until);
        assert_eq!(readings.late.len(), 1, "what is over is forgotten");
        let mut off = Readings::new(Duration::ZERO, None);
        off.note_unanswered(&[1], false, start, start);
        assert!(off.late.is_empty());
    }

    /// Readings that get no answer, by their second, and one that gets one.
    #[test]
    fn readings_without_an_answer_in_a_row_end_all_reading_for_a_while() {
        let start = Instant::now();
        let at = |second: u64| start + Duration::from_secs(second);
        for (unanswered, answered, off_at) in [
            (vec![0, 3, 6, 9], None, None),
            (vec![0, 3, 6, 9, 12], None, Some(12)),
            (vec![0, 60, 120, 180, 240], None, Some(240)),
            // What fails together is one event.
            (vec![0, 0, 1, 2, 3, 4, 5], None, None),
            (vec![0, 3, 6, 9, 12], Some(10), None),
            // After the pause one is enough.
            (vec![0, 3, 6, 9, 12, 312], None, Some(312)),
        ] {
            let mut readings = Readings::new(Duration::ZERO, None);
            for second in &unanswered {
                if answered.is_some_and(|answered| answered < *second) {
                    readings.note_answer();
                }
                readings.note_no_answer(at(*second));
            }
            let last = unanswered[unanswered.len() - 1];
            assert_eq!(readings.is_off(at(last)), off_at.is_some(), "{unanswered:?}");
            if let Some(off_at) = off_at {
                assert!(readings.is_off(at(off_at + 299)), "{unanswered:?}");
                assert!(!readings.is_off(at(off_at + 300)), "{unanswered:?}");
            }
        }
    }
}
