//! Header → plan, row → update or violations. Pure: nothing here reads, sends or prints.
//!
//! [`Plan::new`] decides once per file which column bindings which target; [`Plan::map`] then applies
//! the plan to each record. What is wrong with the file as a whole is a [`MappingError`]; what is
//! wrong with one row is text in that row's [`Job::Invalid`](crate::model::Job::Invalid).

mod advice;
mod column_bindings;
mod constant;
mod error;
mod header;
mod options;
mod plan;
mod row;
mod suggest;
mod target;
mod template;
#[cfg(test)]
mod testing;
mod values;

pub use error::MappingError;
pub use options::{Key, MappingOptions};
pub use plan::Plan;
pub use row::Mapped;
pub use target::Target;
