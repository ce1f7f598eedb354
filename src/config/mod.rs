//! What was resolved: the command line over variables over the configuration file over defaults,
//! checked as far as that is possible without opening the input.

mod account;
mod command_line;
mod effective_settings;
mod error;
mod file;
mod paths;
#[cfg(test)]
mod properties;
mod read_account;
mod resolve;
mod settings;
mod small_file;

pub use account::{base_url, exposed_token_file, token};
pub use command_line::read;
pub use effective_settings::effective_settings;
pub use error::{CommandLineError, SettingsError};
pub use paths::{can_be_read_again, is_special, ledger_path, proposed_config, report_page};
pub use read_account::ReadAccount;
pub use settings::{LedgerChoice, ProgramFiles, Remote, Settings};
