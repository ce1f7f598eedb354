//! The account of a command that only reads: `pull` and `ids`.

use std::path::PathBuf;

use super::account::{base_url, token};
use super::error::SettingsError;
use super::paths::ledger_path;
use crate::api::{BaseUrl, Token};
use crate::cli::ReadingArgs;
use crate::ledger::{Account, AccountLocation, AccountMark};

/// An account that is read.
#[derive(Debug)]
pub struct ReadAccount {
    pub base_url: BaseUrl,
    pub token: Token,
    pub label: Option<String>,
    /// Beside which ledger its lock lies; `None` for a server on this machine, which has none.
    pub ledger: Option<PathBuf>,
}

impl ReadAccount {
    pub fn resolve(args: &ReadingArgs) -> Result<Self, SettingsError> {
        let base_url = base_url(args.account.base_url.as_ref())?;
        let ledger = match &args.ledger {
            None if base_url.is_loopback() => None,
            named => Some(ledger_path(named.as_deref())?),
        };
        let token = token(args.account.token_file.as_deref())?;
        Ok(Self { base_url, token, label: args.account.label.clone(), ledger })
    }

    /// Where its lock lies, if it has one.
    pub fn location(&self) -> Option<AccountLocation<'_>> {
        let account = match &self.label {
            Some(label) => Account::Label(label),
            None => Account::Token(self.token.expose_for_key()),
        };
        let path = self.ledger.as_deref()?;
        Some(AccountLocation { path, base_url: self.base_url.as_str(), account })
    }

    /// What a snapshot says of the account it was read from (`conta`).
    pub fn mark(&self) -> AccountMark {
        match &self.label {
            Some(label) => AccountMark::Label(label.clone()),
            None => AccountMark::of_token(self.base_url.as_str(), self.token.expose_for_key()),
        }
    }
}
