//! Whether what was accepted is kept, column by column (`--verify`): which rows are read, what they
//! show of the columns, and what follows. Pure. How rows are held back and let go is in
//! [`super::verify`].

use super::compare::{ReadValue, is_readable};
use crate::model::{FieldName, Update};

/// Rows that must have lost a column before the run is stopped for it.
const LOST_MIN: u64 = 2;

/// The verification of a run.
#[derive(Debug)]
pub struct Verification {
    /// Rows to read.
    rows: usize,
    /// Rows whose customer was found.
    read: usize,
    /// Rows that are being read.
    pub reading: usize,
    /// Whether accepted rows wait for the first rows to be read.
    is_holding: bool,
    columns: Vec<VerifiedColumn>,
}

/// A column of the input, and what the rows that were read show of it.
#[derive(Debug)]
struct VerifiedColumn {
    field: FieldName,
    /// Rows in which it is there, in whatever form.
    kept: u64,
    /// Rows in which it is not.
    lost: u64,
    /// Whether another form of it was told.
    is_told: bool,
    /// What was sent where it was lost.
    sent: String,
}

impl VerifiedColumn {
    const fn is_suspicious(&self) -> bool {
        self.lost > 0 && self.kept == 0
    }
}

/// A column that TomTicket accepts and does not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostColumn {
    pub field: FieldName,
    /// A value that was sent.
    pub sent: String,
}

/// Which rows may still be sent while accepted rows wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsLeft {
    /// Some are on their way, or may leave at once.
    Sending,
    /// Only later rows of the customers that wait.
    Behind,
    /// None.
    None,
}

/// What the verification needs next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextStep {
    /// What is on its way.
    Wait,
    /// To read accepted rows that wait, because those that were read have proved too little.
    Read,
    /// To stop the run: this column is accepted and not kept.
    Stop(LostColumn),
    /// To ask again: rows that were bounded out may be sent now.
    AskAgain,
    /// To let accepted rows go that send no column under suspicion.
    LetOthersGo,
    /// To let all of them go; those that send a column under suspicion were not kept.
    LetAllGo,
    /// Nothing more; all of them go.
    End,
}

impl Verification {
    /// Of the first `rows` accepted rows, for those of these columns that can be read; `None` where
    /// there is nothing to verify.
    pub fn new(rows: usize, columns: impl IntoIterator<Item = FieldName>) -> Option<Self> {
        let columns: Vec<_> = columns
            .into_iter()
            .filter(is_readable)
            .map(|field| VerifiedColumn {
                field,
                kept: 0,
                lost: 0,
                is_told: false,
                sent: String::new(),
            })
            .collect();
        (rows > 0 && !columns.is_empty()).then_some(Self {
            rows,
            read: 0,
            reading: 0,
            is_holding: true,
            columns,
        })
    }

    /// How many rows may be out while accepted rows wait.
    pub fn most_out(&self, concurrency: usize) -> Option<u64> {
        self.is_holding.then_some(self.rows.saturating_add(concurrency) as u64)
    }

    /// Whether accepted rows wait.
    pub const fn is_holding(&self) -> bool {
        self.is_holding
    }

    /// What comes next. `has_unread` says that an accepted row waits which is wanted and was not read.
    pub fn next_step(&mut self, rows_left: RowsLeft, has_unread: bool) -> NextStep {
        // Once others go on, every row that sends a column under suspicion is read, so that one may
        // always be on its way.
        if self.reading > 0 && self.is_holding {
            return NextStep::Wait;
        }
        if let Some(lost) = self.lost(LOST_MIN) {
            return NextStep::Stop(lost);
        }
        if self.reading > 0 {
            return NextStep::Wait;
        }
        if has_unread {
            return NextStep::Read;
        }
        let is_short = self.is_holding && self.read < self.rows;
        if is_short && rows_left == RowsLeft::Sending {
            return NextStep::Wait;
        }
        let was_holding = std::mem::replace(&mut self.is_holding, false);
        match (self.lost(1), rows_left) {
            (None, _) => NextStep::End,
            (Some(_), _) if was_holding => NextStep::AskAgain,
            (Some(_), RowsLeft::Sending) => NextStep::LetOthersGo,
            (Some(_), RowsLeft::Behind) => NextStep::LetAllGo,
            // No further row can be read: one that lost the column is then enough.
            (Some(lost), RowsLeft::None) => NextStep::Stop(lost),
        }
    }

    /// Whether this accepted row is to be read.
    pub fn wants(&self, update: &Update) -> bool {
        let is_first = self.is_holding && self.read + self.reading < self.rows;
        self.is_suspicious(update)
            || is_first && self.columns.iter().any(|it| sends(update, &it.field))
    }

    /// Whether the row sends a column that was lost wherever it was read.
    pub fn is_suspicious(&self, update: &Update) -> bool {
        self.suspicious(update).next().is_some()
    }

    /// The columns of the row that were lost wherever they were read.
    pub fn suspicious<'s>(&'s self, update: &'s Update) -> impl Iterator<Item = &'s FieldName> {
        let suspicious = self.columns.iter().filter(|column| column.is_suspicious());
        suspicious.map(|column| &column.field).filter(|field| sends(update, field))
    }

    /// Adds a row whose customer was found, with its comparison. Gives the columns that are kept in
    /// another form and were not told of before.
    pub fn add(&mut self, update: &Update, values: &[ReadValue]) -> Vec<FieldName> {
        self.read += 1;
        let mut told = Vec::new();
        for ((field, sent), value) in
            update.values().zip(values).filter(|((_, v), _)| !v.is_empty())
        {
            let Some(column) = self.columns.iter_mut().find(|column| column.field == *field) else {
                continue;
            };
            match value {
                ReadValue::Held => column.kept += 1,
                // A reply that does not show the column proves nothing.
                ReadValue::Unreadable => {}
                ReadValue::NotThere => {
                    column.lost += 1;
                    sent.clone_into(&mut column.sent);
                }
                ReadValue::OtherForm | ReadValue::Different => {
                    column.kept += 1;
                    if !std::mem::replace(&mut column.is_told, true) {
                        told.push(field.clone());
                    }
                }
            }
        }
        told
    }

    /// A column that so many rows have lost, and none has kept.
    fn lost(&self, rows: u64) -> Option<LostColumn> {
        let lost = self.columns.iter().find(|it| it.is_suspicious() && it.lost >= rows)?;
        Some(LostColumn { field: lost.field.clone(), sent: lost.sent.clone() })
    }

    /// The columns that were seen to be kept.
    pub fn verified(&self) -> Vec<FieldName> {
        let kept = self.columns.iter().filter(|column| column.kept > 0);
        kept.map(|column| column.field.clone()).collect()
    }
}

fn sends(update: &Update, field: &FieldName) -> bool {
    update.values().any(|(sent, value)| sent == field && !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CampoId, CustomerType, Param};
    use ReadValue::{Different, Held, NotThere, OtherForm, Unreadable};

    fn campo() -> FieldName {
        FieldName::Campo(CampoId::new("9").unwrap())
    }

    fn nome() -> FieldName {
        FieldName::Param(Param::Nome)
    }

    fn row(campo: &str) -> Update {
        Update::of(CustomerType::Email, "a@x", [("nome", "n"), ("campo:9", campo)])
    }

    fn verification(rows: usize) -> Verification {
        let idioma = FieldName::Param(Param::Idioma);
        Verification::new(rows, [nome(), campo(), idioma]).unwrap()
    }

    #[test]
    fn without_rows_or_readable_columns_there_is_nothing_to_verify() {
        assert!(Verification::new(0, [nome()]).is_none());
        let unreadable = [Param::Idioma, Param::PortfolioId, Param::CriarChamados];
        assert!(Verification::new(5, unreadable.map(FieldName::Param)).is_none());
    }

    /// What rows show of the column, how many lost it where none kept it, and whether it is verified.
    #[test]
    fn a_column_is_lost_where_every_row_lost_it() {
        for (shown, lost, verified) in [
            (vec![Held], 0, true),
            (vec![OtherForm], 0, true),
            (vec![Different], 0, true),
            // Nothing was seen of it: a later run looks again.
            (vec![Unreadable, Unreadable], 0, false),
            (vec![NotThere], 1, false),
            (vec![NotThere, Unreadable], 1, false),
            (vec![NotThere, NotThere], 2, false),
            (vec![NotThere, NotThere, Held], 0, true),
            (vec![Different, NotThere, NotThere], 0, true),
        ] {
            let mut verification = verification(5);
            for value in &shown {
                verification.add(&row("x"), &[Held, *value]);
            }
            for rows in 1..=2 {
                let column = LostColumn { field: campo(), sent: "x".to_owned() };
                let expected = (lost >= rows).then_some(column);
                assert_eq!(verification.lost(rows), expected, "{shown:?} {rows}");
            }
            assert_eq!(verification.is_suspicious(&row("y")), lost > 0, "{shown:?}");
            assert!(!verification.is_suspicious(&row("")));
            assert_eq!(verification.verified().contains(&campo()), verified, "{shown:?}");
            assert!(verification.verified().contains(&nome()));
        }
    }

    #[test]
    fn every_state_has_its_next_step() {
        use NextStep::{End, LetAllGo, LetOthersGo, Read, Wait};
        use RowsLeft::{Behind, Sending};
        let stop = || NextStep::Stop(LostColumn { field: campo(), sent: "x".to_owned() });
        // Two rows are to be read. Rows on their way, rows read with what they show; then the step for
        // each of the rows left, where an unread row waits, and where none does.
        for (reading, shown, unread, steps) in [
            (1, vec![NotThere, NotThere], true, [Wait, Wait, Wait]),
            (0, vec![], false, [Wait, End, End]),
            (0, vec![], true, [Read, Read, Read]),
            (0, vec![Held], false, [Wait, End, End]),
            (0, vec![Held, Held], false, [End, End, End]),
            (0, vec![Unreadable, Unreadable], false, [End, End, End]),
            (0, vec![NotThere], true, [Read, Read, Read]),
            (0, vec![NotThere], false, [Wait, LetAllGo, stop()]),
            (0, vec![NotThere, NotThere], true, [stop(), stop(), stop()]),
            (0, vec![NotThere, Unreadable], false, [LetOthersGo, LetAllGo, stop()]),
        ] {
            for (rows_left, expected) in [Sending, Behind, RowsLeft::None].into_iter().zip(steps) {
                let mut verification = verification(2);
                verification.reading = reading;
                for value in &shown {
                    verification.add(&row("x"), &[Held, *value]);
                }
                let mut step = verification.next_step(rows_left, unread);
                if step == NextStep::AskAgain {
                    assert_eq!(verification.most_out(8), None);
                    step = verification.next_step(rows_left, unread);
                }
                assert_eq!(step, expected, "{reading} {shown:?} {unread} {rows_left:?}");
                let goes_on = matches!(step, End | LetAllGo | LetOthersGo);
                assert!(!goes_on || !verification.is_holding(), "{shown:?} {rows_left:?}");
            }
        }
    }

    #[test]
    fn a_lost_column_stops_the_run_while_further_rows_are_read() {
        let mut verification = verification(2);
        verification.add(&row("x"), &[Held, NotThere]);
        verification.add(&row(""), &[Held, Held]);
        assert_eq!(verification.next_step(RowsLeft::Sending, false), NextStep::AskAgain);
        verification.reading = 1;
        assert_eq!(verification.next_step(RowsLeft::Sending, false), NextStep::Wait);
        verification.add(&row("x"), &[Held, NotThere]);
        assert!(matches!(verification.next_step(RowsLeft::Sending, false), NextStep::Stop(_)));
    }

    #[test]
    fn another_form_is_told_once() {
        let mut verification = verification(5);
        assert_eq!(verification.add(&row("x"), &[OtherForm, Different]), [nome(), campo()]);
        assert_eq!(verification.add(&row("x"), &[Different, OtherForm]), []);
        // An empty value is neither kept nor lost.
        assert_eq!(verification.add(&row(""), &[Held, NotThere]), []);
        assert_eq!(verification.lost(1), None);
    }

    #[test]
    fn the_first_rows_are_read_and_then_those_under_suspicion() {
        let mut verification = verification(2);
        let without_columns = Update::of(CustomerType::Email, "a@x", [("idioma", "pt_BR")]);
        assert!(!verification.wants(&without_columns));
        assert_eq!(verification.most_out(8), Some(10));
        for _ in 0..2 {
            assert!(verification.wants(&row("")));
            verification.reading += 1;
        }
        assert!(!verification.wants(&row("")), "enough are on their way");
        // One was not found: another one is read instead.
        verification.reading = 0;
        verification.add(&row("x"), &[Held, NotThere]);
        assert!(verification.wants(&row("")));
        verification.add(&row(""), &[Held, Held]);
        assert_eq!(verification.next_step(RowsLeft::Sending, false), NextStep::AskAgain);
        assert_eq!((verification.most_out(8), verification.is_holding()), (None, false));
        assert!(verification.wants(&row("x")));
        assert!(!verification.wants(&row("")));
    }
}
