//! The judge: whether a row need not be sent, from what a snapshot shows and what the ledger knows.
//! Pure; the table is in `docs/ledger.md`.

use crate::model::{HeldRow, HeldValue};

/// After this many seconds a request that was never answered was either executed or never will be,
/// and what was written shows in every reading.
pub const LATEST_EFFECT: u32 = 10 * 60;

/// When the ledger last saw a customer being written to, compared with the reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastWrite {
    /// Never, or so long before that the reading shows its effect.
    Before,
    /// Shortly before: the reading may have come too early.
    Shortly,
    /// Shortly before, or after, and without an answer: it may still take effect.
    Unanswered,
    /// After the reading.
    After,
}

impl LastWrite {
    /// `written_at` and `unanswered_at` are 0 for never; all times are in seconds since 1970.
    pub const fn of(written_at: u32, unanswered_at: u32, read_at: u32) -> Self {
        let window = read_at.saturating_sub(LATEST_EFFECT);
        if written_at >= read_at {
            Self::After
        } else if unanswered_at >= window && unanswered_at > 0 {
            Self::Unanswered
        } else if written_at >= window && written_at > 0 {
            Self::Shortly
        } else {
            Self::Before
        }
    }
}

/// What is known of one value that the row sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueEvidence {
    pub snapshot: HeldValue,
    /// Whether the ledger knows that TomTicket accepted it.
    pub ledger: bool,
}

/// What a snapshot shows of a row's customer, and what the ledger knows beside that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub last_write: LastWrite,
    /// Whether the record cannot hold the row ([`HeldRow::is_silent`]).
    pub is_silent: bool,
    pub values: Vec<ValueEvidence>,
    /// Whether the snapshot shows a value of this customer otherwise than the ledger knows it.
    pub contradicted: bool,
}

/// Why a row need not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unchanged {
    /// The API accepted every value before.
    Accepted,
    /// The same, and something was written to the customer since the snapshot was read: taking the
    /// snapshot back must include it.
    AcceptedSince,
    /// TomTicket held every value when it was read, at this second since 1970. `assumed` says that a
    /// value was taken for granted.
    Held { read_at: u32, assumed: bool },
}

/// Whose word counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// The ledger's alone.
    AsLedger,
    /// The snapshot holds the row.
    Held {
        assumed: bool,
    },
    Send,
}

/// Decides. `ledger_holds_all` is the ledger's own verdict on the whole row, without what the record
/// shows otherwise and the ledger learned before the reading.
pub fn judge(evidence: &Evidence, ledger_holds_all: bool) -> Judgement {
    let any = |value| evidence.values.iter().any(|it| it.snapshot == value);
    match evidence.last_write {
        LastWrite::After => Judgement::AsLedger,
        _ if evidence.is_silent => Judgement::AsLedger,
        LastWrite::Unanswered => Judgement::Send,
        LastWrite::Shortly if any(HeldValue::Differs) || !ledger_holds_all => Judgement::Send,
        LastWrite::Shortly => Judgement::AsLedger,
        LastWrite::Before => {
            let is_held = |value: &ValueEvidence| match value.snapshot {
                HeldValue::Same | HeldValue::Assumed => true,
                HeldValue::Differs => false,
                HeldValue::NotRead => value.ledger && !evidence.contradicted,
            };
            match evidence.values.iter().all(is_held) {
                true => Judgement::Held { assumed: any(HeldValue::Assumed) },
                false => Judgement::Send,
            }
        }
    }
}

/// The same for a run without a ledger: nothing is known but what the snapshot shows.
pub fn judge_without_ledger(held: &HeldRow) -> Option<Unchanged> {
    let values = held.values.iter();
    let values = values.map(|snapshot| ValueEvidence { snapshot: *snapshot, ledger: false });
    let evidence = Evidence {
        last_write: LastWrite::Before,
        is_silent: held.is_silent,
        values: values.collect(),
        contradicted: false,
    };
    match judge(&evidence, false) {
        Judgement::Held { assumed } => {
            Some(Unchanged::Held { read_at: held.record.read_at, assumed })
        }
        Judgement::AsLedger | Judgement::Send => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use HeldValue::{Assumed, Differs, NotRead, Same};
    use LastWrite::{After, Before, Shortly, Unanswered};

    #[test]
    fn the_last_write_is_placed_around_the_reading() {
        for (written, unanswered, place) in [
            (0, 0, Before),
            (399, 0, Before),
            (400, 0, Shortly),
            (999, 0, Shortly),
            (1000, 0, After),
            (2000, 2000, After),
            (399, 399, Before),
            (500, 400, Unanswered),
            (999, 999, Unanswered),
            (1000, 999, After),
        ] {
            assert_eq!(LastWrite::of(written, unanswered, 1000), place, "{written} {unanswered}");
        }
        // Shortly after 1970 never is still never.
        assert_eq!(LastWrite::of(0, 0, 60), Before);
    }

    #[test]
    fn the_table() {
        let held = |assumed| Judgement::Held { assumed };
        let (as_ledger, send) = (Judgement::AsLedger, Judgement::Send);
        for (name, last_write, values, contradicted, ledger_holds_all, expected) in [
            ("all held", Before, vec![(Same, false), (Same, false)], false, false, held(false)),
            ("one differs", Before, vec![(Same, true), (Differs, true)], false, true, send),
            ("older belief counts less", Before, vec![(Differs, true)], true, true, send),
            (
                "unread, known",
                Before,
                vec![(Same, false), (NotRead, true)],
                false,
                false,
                held(false),
            ),
            ("unread, unknown", Before, vec![(Same, false), (NotRead, false)], false, false, send),
            ("unread, contradicted", Before, vec![(Same, true), (NotRead, true)], true, true, send),
            ("assumed", Before, vec![(Same, false), (Assumed, false)], true, false, held(true)),
            ("written after", After, vec![(Differs, false)], true, true, as_ledger),
            ("written after, unknown", After, vec![(Same, false)], false, false, as_ledger),
            ("shortly, known and held", Shortly, vec![(Same, true)], false, true, as_ledger),
            ("shortly, shown otherwise", Shortly, vec![(Differs, true)], true, true, send),
            ("shortly, not known", Shortly, vec![(Same, false)], false, false, send),
            ("unanswered", Unanswered, vec![(Same, true)], false, true, send),
        ] {
            let values =
                values.into_iter().map(|(snapshot, ledger)| ValueEvidence { snapshot, ledger });
            let mut evidence =
                Evidence { last_write, is_silent: false, values: values.collect(), contradicted };
            assert_eq!(judge(&evidence, ledger_holds_all), expected, "{name}");
            evidence.is_silent = true;
            assert_eq!(judge(&evidence, ledger_holds_all), as_ledger, "{name}, silent");
        }
    }
}
