//! The words every stage shares: what a customer is, what a row asks for, and how it can end.
//!
//! Nothing here reads, sends or writes, and nothing here knows how TomTicket spells an update on
//! the wire (that is [`crate::api`]). A value of one of these types is already valid: an
//! [`Identifier`] can be addressed, a [`CampoId`] can stand inside `campos[…]`, an [`Update`] has at
//! least one value to send.

mod customer;
mod field;
mod outcome;
mod row;
mod update;

pub use customer::{
    Customer, CustomerType, Identifier, IdentifierError, Name, looks_like_spreadsheet_number,
    same_name,
};
pub use field::{CampoId, CampoIdError, FieldName, MAX_TELEFONE, MAX_TEXT, Param};
pub use outcome::{Outcome, Situacao};
pub use row::{Job, Row};
pub use update::Update;
