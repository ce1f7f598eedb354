//! What readings mean for a row: what to read next, and the verdict. Pure. When a row is read is
//! decided in [`super::plan`], how values compare in [`super::compare`].

use super::compare::ReadValue;
use crate::model::{FieldName, Situacao, Update};

/// Readings of one row at most.
pub const READS_MAX: usize = 3;

/// Under which name a row's customer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadName {
    /// The name that it has once the row is executed.
    Current,
    /// The name that a rename takes away.
    Old,
}

/// What one reading showed of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Every value, exactly.
    Held,
    /// Every value that the reply can show, but these in another form.
    OtherForm(Vec<FieldName>),
    /// Every value that the reply can show, exactly; these it cannot.
    Partly(Vec<FieldName>),
    /// These values are others.
    Different(Vec<FieldName>),
    /// There is no customer of that name.
    NotFound,
    /// Nothing.
    NoAnswer,
}

impl Seen {
    /// Sums up a comparison of all values of a row.
    pub fn of(update: &Update, values: &[ReadValue]) -> Self {
        let fields = |wanted: &[ReadValue]| -> Vec<FieldName> {
            let compared = update.values().zip(values);
            let found = compared.filter(|(_, value)| wanted.contains(value));
            found.map(|((field, _), _)| field.clone()).collect()
        };
        let different = fields(&[ReadValue::Different, ReadValue::NotThere]);
        let other_form = fields(&[ReadValue::OtherForm]);
        let unreadable = fields(&[ReadValue::Unreadable]);
        match () {
            () if !different.is_empty() => Self::Different(different),
            () if !other_form.is_empty() => Self::OtherForm(other_form),
            () if !unreadable.is_empty() => Self::Partly(unreadable),
            () => Self::Held,
        }
    }

    /// Whether somebody answers to the name.
    const fn is_found(&self) -> bool {
        !matches!(self, Self::NotFound | Self::NoAnswer)
    }
}

/// One reading of a row.
pub type Sight = (ReadName, Seen);

/// What settling comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// The row was executed.
    Confirmed,
    /// It was not executed so far.
    NotDone,
    /// The customer was renamed, but these values are others.
    RenamedOnly(Vec<FieldName>),
    /// The customer was renamed; these values cannot be read.
    RenamedPartly(Vec<FieldName>),
    /// Nothing that was read decides it.
    Unclear,
    /// No reading was answered.
    NoAnswer,
}

/// What comes next for a row that is being settled: another reading, or the end of it.
pub fn settle(sights: &[Sight], is_rename: bool) -> Result<Settled, ReadName> {
    use ReadName::{Current, Old};
    // The latest that says anything.
    let latest = |name| {
        let of_name = sights.iter().rev().filter(move |(read, _)| *read == name);
        of_name.map(|(_, seen)| seen).find(|seen| **seen != Seen::NoAnswer)
    };
    let most = if is_rename { READS_MAX } else { 2 };
    let is_open = sights.len() < most;
    let current = match latest(Current) {
        Some(Seen::Held) => return Ok(Settled::Confirmed),
        Some(Seen::Partly(fields)) if is_rename => {
            return Ok(Settled::RenamedPartly(fields.clone()));
        }
        Some(Seen::Partly(_)) => return Ok(Settled::Unclear),
        None if is_open => return Err(Current),
        None => return Ok(Settled::NoAnswer),
        // What differs may be late, or be shown late.
        Some(_) if is_open && !is_rename => return Err(Current),
        Some(_) if !is_rename => return Ok(Settled::NotDone),
        Some(current) => current,
    };
    let was_old_last = sights.last().is_some_and(|(read, _)| *read == Old);
    match (current, latest(Old)) {
        (_, Some(old)) if old.is_found() => Ok(Settled::NotDone),
        // The rename may have been executed between the two readings.
        (_, Some(_)) if is_open && was_old_last => Err(Current),
        (_, None) if is_open => Err(if was_old_last { Current } else { Old }),
        // Names are not found here at all, as far as this row tells.
        (Seen::NotFound, Some(_)) => Ok(Settled::Unclear),
        (Seen::NotFound, None) => Ok(Settled::NotDone),
        (Seen::Different(fields), Some(_)) => Ok(Settled::RenamedOnly(fields.clone())),
        // The old name is gone, so it is this row that was executed.
        (Seen::OtherForm(_), Some(_)) => Ok(Settled::Confirmed),
        _ => Ok(Settled::Unclear),
    }
}

/// What comes next for an accepted row that is looked at once more: another reading, or whether a late
/// attempt has undone it. `renamed_away` says that such an attempt may have renamed its customer.
pub fn look(last: &Seen, reads: usize, renamed_away: bool) -> Result<bool, ReadName> {
    let is_undone = match last {
        Seen::Held | Seen::OtherForm(_) | Seen::Partly(_) => return Ok(false),
        Seen::Different(_) => true,
        Seen::NotFound => renamed_away,
        Seen::NoAnswer => false,
    };
    let is_open = is_undone || *last == Seen::NoAnswer;
    if is_open && reads < READS_MAX { Err(ReadName::Current) } else { Ok(is_undone) }
}

/// Why a refusal may say nothing about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RefusalDoubt {
    /// It says what it says.
    #[default]
    None,
    /// An earlier rename that touches the same names is still without a definite answer.
    RenameOpen,
    /// The ledger has the row's rename as done.
    RenameDone,
}

/// The verdict on a row that would have ended as `plain`: `Falhou`, `Incerto`, or a refusal in doubt.
pub const fn verdict(settled: &Settled, plain: Situacao, doubt: RefusalDoubt) -> Situacao {
    match (settled, plain, doubt) {
        (Settled::Confirmed, ..) => Situacao::Atualizado,
        // It may be the answer to a rename that was done before.
        (Settled::NoAnswer, Situacao::Recusado, RefusalDoubt::RenameDone) => Situacao::Falhou,
        // What cannot be read may be held.
        (Settled::RenamedPartly(_), Situacao::Recusado, RefusalDoubt::RenameDone) => {
            Situacao::Incerto
        }
        (_, Situacao::Recusado, RefusalDoubt::RenameDone | RefusalDoubt::None) => plain,
        (Settled::RenamedOnly(_), Situacao::Recusado, _) => plain,
        (Settled::NotDone | Settled::RenamedOnly(_), ..) => Situacao::Falhou,
        (_, Situacao::Recusado, RefusalDoubt::RenameOpen) => Situacao::Incerto,
        _ => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Param;
    use ReadName::{Current, Old};
    use RefusalDoubt::{RenameDone, RenameOpen};
    use Seen::{Held, NoAnswer, NotFound};
    use Settled::{Confirmed, NotDone, RenamedOnly, RenamedPartly, Unclear};
    use Situacao::{Atualizado, Falhou, Incerto, Recusado};

    fn fields() -> Vec<FieldName> {
        vec![FieldName::Param(Param::Idioma)]
    }

    fn different() -> Seen {
        Seen::Different(fields())
    }

    fn other_form() -> Seen {
        Seen::OtherForm(fields())
    }

    fn partly() -> Seen {
        Seen::Partly(fields())
    }

    /// The readings of one row, and what comes after each of them.
    fn check(is_rename: bool, steps: Vec<(ReadName, Seen, Result<Settled, ReadName>)>) {
        assert_eq!(settle(&[], is_rename), Err(Current), "the first reading");
        let mut sights = Vec::new();
        for (name, seen, next) in steps {
            sights.push((name, seen));
            assert!(sights.len() <= READS_MAX);
            assert_eq!(settle(&sights, is_rename), next, "{is_rename} {sights:?}");
        }
    }

    #[test]
    fn a_row_is_read_once_more_where_it_differs() {
        for first in [different(), NotFound, NoAnswer, other_form()] {
            for (second, settled) in [
                (Held, Confirmed),
                (partly(), Unclear),
                (different(), NotDone),
                (other_form(), NotDone),
                (NotFound, NotDone),
            ] {
                let steps =
                    vec![(Current, first.clone(), Err(Current)), (Current, second, Ok(settled))];
                check(false, steps);
            }
        }
        check(false, vec![(Current, Held, Ok(Confirmed))]);
        check(false, vec![(Current, partly(), Ok(Unclear))]);
        check(
            false,
            vec![(Current, NoAnswer, Err(Current)), (Current, NoAnswer, Ok(Settled::NoAnswer))],
        );
        check(false, vec![(Current, NotFound, Err(Current)), (Current, NoAnswer, Ok(NotDone))]);
    }

    #[test]
    fn a_rename_is_read_under_its_new_name_and_then_under_the_old_one() {
        let (only, partly_read) = (|| RenamedOnly(fields()), || RenamedPartly(fields()));
        check(true, vec![(Current, Held, Ok(Confirmed))]);
        check(true, vec![(Current, partly(), Ok(partly_read()))]);
        for current in [NotFound, different(), other_form()] {
            for old in [Held, other_form(), different(), partly()] {
                let steps = vec![(Current, current.clone(), Err(Old)), (Old, old, Ok(NotDone))];
                check(true, steps);
            }
        }
        for (first, old, last, settled) in [
            (NotFound, NotFound, Held, Confirmed),
            (NotFound, NotFound, NotFound, Unclear),
            (NotFound, NotFound, NoAnswer, Unclear),
            (NotFound, NotFound, different(), only()),
            (NotFound, NotFound, partly(), partly_read()),
            (different(), NotFound, different(), only()),
            (different(), NotFound, NoAnswer, only()),
            // The old name is gone, so that the form is the only difference.
            (other_form(), NotFound, other_form(), Confirmed),
            // A name that is not there can be given again.
            (NotFound, NoAnswer, NotFound, NotDone),
            (NotFound, NoAnswer, NoAnswer, NotDone),
            (NotFound, NoAnswer, Held, Confirmed),
            (different(), NoAnswer, different(), Unclear),
        ] {
            let steps = vec![
                (Current, first, Err(Old)),
                (Old, old, Err(Current)),
                (Current, last, Ok(settled)),
            ];
            check(true, steps);
        }
        for (last, settled) in [
            (Held, Confirmed),
            (NotFound, NotDone),
            (different(), Unclear),
            (NoAnswer, Settled::NoAnswer),
        ] {
            let steps = vec![
                (Current, NoAnswer, Err(Current)),
                (Current, NoAnswer, Err(Current)),
                (Current, last, Ok(settled)),
            ];
            check(true, steps);
        }
    }

    #[test]
    fn an_accepted_row_is_undone_only_where_it_really_differs() {
        for (seen, renamed_away, undone) in [
            (Held, true, false),
            (other_form(), true, false),
            (partly(), true, false),
            (different(), false, true),
            (NotFound, false, false),
            (NotFound, true, true),
            (NoAnswer, true, false),
        ] {
            let again = undone || seen == NoAnswer;
            let early = if again { Err(Current) } else { Ok(false) };
            assert_eq!(look(&seen, 1, renamed_away), early, "{seen:?}");
            assert_eq!(look(&seen, READS_MAX, renamed_away), Ok(undone), "{seen:?}");
        }
    }

    #[test]
    fn every_settled_row_has_its_verdict() {
        let (only, partly) = (RenamedOnly(fields()), RenamedPartly(fields()));
        for (plain, doubt, settled, expected) in [
            (Falhou, RefusalDoubt::None, Confirmed, Atualizado),
            (Falhou, RefusalDoubt::None, NotDone, Falhou),
            (Falhou, RefusalDoubt::None, Unclear, Falhou),
            (Incerto, RefusalDoubt::None, Confirmed, Atualizado),
            (Incerto, RefusalDoubt::None, NotDone, Falhou),
            (Incerto, RefusalDoubt::None, only.clone(), Falhou),
            (Incerto, RefusalDoubt::None, partly.clone(), Incerto),
            (Incerto, RefusalDoubt::None, Unclear, Incerto),
            (Recusado, RenameOpen, Confirmed, Atualizado),
            (Recusado, RenameOpen, NotDone, Falhou),
            (Recusado, RenameOpen, only.clone(), Recusado),
            (Recusado, RenameOpen, partly.clone(), Incerto),
            (Recusado, RenameOpen, Unclear, Incerto),
            (Recusado, RenameDone, Confirmed, Atualizado),
            (Recusado, RenameDone, NotDone, Recusado),
            (Recusado, RenameDone, only, Recusado),
            (Recusado, RenameDone, partly, Incerto),
            (Recusado, RenameDone, Unclear, Recusado),
            (Recusado, RenameDone, Settled::NoAnswer, Falhou),
            (Recusado, RenameOpen, Settled::NoAnswer, Incerto),
            (Incerto, RefusalDoubt::None, Settled::NoAnswer, Incerto),
        ] {
            assert_eq!(verdict(&settled, plain, doubt), expected, "{plain} {doubt:?} {settled:?}");
        }
    }

    #[test]
    fn a_comparison_is_summed_up_by_its_worst_value() {
        use crate::model::CustomerType;
        use ReadValue::{Different, NotThere, Unreadable};
        let row = Update::of(CustomerType::Email, "a@x", [("nome", "n"), ("idioma", "pt_BR")]);
        let nome = vec![FieldName::Param(Param::Nome)];
        for (values, seen) in [
            ([ReadValue::Held, ReadValue::Held], Held),
            ([ReadValue::Held, ReadValue::OtherForm], other_form()),
            ([ReadValue::Held, Unreadable], partly()),
            ([ReadValue::OtherForm, Unreadable], Seen::OtherForm(nome.clone())),
            ([Different, Unreadable], Seen::Different(nome.clone())),
            ([NotThere, ReadValue::OtherForm], Seen::Different(nome)),
        ] {
            assert_eq!(Seen::of(&row, &values), seen, "{values:?}");
        }
    }
}
