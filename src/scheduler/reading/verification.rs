//! Whether what was accepted is kept, column by column (`--verify`): which rows are read, and what they
//! show of the columns. Pure. When rows are read and released is decided in [`super::verify`].

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
    /// Rows in which it cannot be seen.
    unreadable: u64,
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
                unreadable: 0,
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

    /// Whether the first rows have been read.
    pub const fn has_read_enough(&self) -> bool {
        self.read >= self.rows
    }

    /// Accepted rows wait no longer, but for those that send a column under suspicion.
    pub const fn release(&mut self) {
        self.is_holding = false;
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

    /// Whether any column was lost wherever it was read.
    pub fn has_suspicion(&self) -> bool {
        self.columns.iter().any(VerifiedColumn::is_suspicious)
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
                ReadValue::Unreadable => column.unreadable += 1,
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

    /// A column for which the run must stop. `is_all` says that no further row can be read: one that
    /// lost it is then enough.
    pub fn lost(&self, is_all: bool) -> Option<LostColumn> {
        let least = if is_all { 1 } else { LOST_MIN };
        let lost = self.columns.iter().find(|it| it.is_suspicious() && it.lost >= least)?;
        Some(LostColumn { field: lost.field.clone(), sent: lost.sent.clone() })
    }

    /// The columns that were seen, and not lost.
    pub fn verified(&self) -> Vec<FieldName> {
        let seen =
            self.columns.iter().filter(|it| it.kept > 0 || it.lost == 0 && it.unreadable > 0);
        seen.map(|column| column.field.clone()).collect()
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

    /// What rows show of the column, and whether it is lost after them, at once and at the end.
    #[test]
    fn a_column_is_lost_where_every_row_lost_it_and_two_did_if_there_are_two() {
        for (shown, lost, lost_at_the_end, verified) in [
            (vec![Held], false, false, true),
            (vec![OtherForm], false, false, true),
            (vec![Different], false, false, true),
            (vec![Unreadable], false, false, true),
            (vec![NotThere], false, true, false),
            (vec![NotThere, Unreadable], false, true, false),
            (vec![NotThere, NotThere], true, true, false),
            (vec![NotThere, NotThere, Held], false, false, true),
            (vec![Different, NotThere, NotThere], false, false, true),
        ] {
            let mut verification = verification(5);
            for value in &shown {
                verification.add(&row("x"), &[Held, *value]);
            }
            assert_eq!(verification.lost(false).is_some(), lost, "{shown:?}");
            let found = verification.lost(true);
            assert_eq!(found.is_some(), lost_at_the_end, "{shown:?}");
            let column = LostColumn { field: campo(), sent: "x".to_owned() };
            assert!(found.is_none_or(|found| found == column));
            assert_eq!(verification.is_suspicious(&row("y")), lost_at_the_end, "{shown:?}");
            assert!(!verification.is_suspicious(&row("")));
            assert_eq!(verification.verified().contains(&campo()), verified, "{shown:?}");
            assert!(verification.verified().contains(&nome()));
        }
    }

    #[test]
    fn another_form_is_told_once() {
        let mut verification = verification(5);
        assert_eq!(verification.add(&row("x"), &[OtherForm, Different]), [nome(), campo()]);
        assert_eq!(verification.add(&row("x"), &[Different, OtherForm]), []);
        // An empty value is neither kept nor lost.
        assert_eq!(verification.add(&row(""), &[Held, NotThere]), []);
        assert!(!verification.has_suspicion());
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
        assert!(verification.has_read_enough());
        verification.release();
        assert_eq!((verification.most_out(8), verification.is_holding()), (None, false));
        assert!(verification.wants(&row("x")));
        assert!(!verification.wants(&row("")));
    }
}
