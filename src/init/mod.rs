//! A first mapping for an export: header and values → proposal → configuration file.
//!
//! [`Proposal::of`] is pure: it knows what columns are called elsewhere (`known_names`), looks at the
//! first rows (`sample`), and goes step by step (`matcher`). Asking a person (`dialogue`) and the text
//! of the file (`config_text`) are separate; reading and writing are the command's.

mod config_text;
mod dialogue;
mod known_names;
mod matcher;
mod proposal;
mod sample;

pub use self::config_text::{LikelyColumns, config_text, table};
pub use self::dialogue::Dialogue;
pub use self::known_names::KnownNames;
pub use self::proposal::{CustomerSource, Proposal};
pub use self::sample::Sample;
