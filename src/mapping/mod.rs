//! Header → plan, row → update or violations. Pure: nothing here reads, sends or prints.
//!
//! [`MappingPlan::new`] decides once per file which column gives which target its value;
//! [`MappingPlan::map`] then applies the plan to each record. What is wrong with the file as a whole is
//! a [`MappingError`]; what is wrong with one row is text in that row's result.

mod as_read;
mod column_bindings;
mod error;
mod flaws;
mod header;
mod options;
mod plan;
#[cfg(test)]
mod properties;
mod row;
mod suggest;
mod target;
mod template;
#[cfg(test)]
mod testing;
mod values;
mod warnings;

pub use error::MappingError;
pub use flaws::ExaminedColumn;
pub use header::{
    Columns, is_own_column, looks_like_header, looks_like_values, no_header, shortened,
};
pub use options::{Key, MappingOptions};
pub use plan::MappingPlan;
pub use suggest::suggestion;
pub use target::Target;
pub use values::normalise;
