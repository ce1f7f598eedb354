//! The types that every stage shares: a customer, what a row asks for, and how a row ends.
//!
//! Nothing here reads, sends or writes. How TomTicket spells an update on the wire is decided in
//! [`crate::api`]. A value of these types is valid: an [`Identifier`] can be addressed, a [`CampoId`]
//! can stand inside `campos[…]`, an [`Update`] has at least one value.

mod customer;
mod field;
mod held;
mod outcome;
mod row;
mod update;

pub use customer::{
    Customer, CustomerType, Identifier, IdentifierError, Name, looks_like_spreadsheet_number,
    same_name,
};
pub use field::{CampoId, FieldName, MAX_TELEFONE, MAX_TEXT, Param};
pub use held::{HeldRecord, HeldRow, HeldValue, ORIGIN_COLUMNS, ValueChange, differ_in_form};
pub use outcome::{ACCEPTED_SINCE, Outcome, Situacao};
pub use row::{InvalidRow, LeftOut, Row, UpdateResult};
pub use update::{FieldValues, Update};
