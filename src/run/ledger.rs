//! The ledger of a run: which account of which file the settings mean, locking and opening it. What
//! a ledger knows is [`crate::ledger`]'s.

use std::path::Path;

use crate::config::{LedgerChoice, Remote, Settings};
use crate::ledger::{
    Account, AccountLocation, Claimed, FileLock, LedgerError, Policy, Reader, claim, holder,
    lock_alone,
};
use crate::preflight::Lookup;

/// The account in this ledger file; `None` where the account is not known.
fn location<'s>(settings: &'s Settings, path: &'s Path) -> Option<AccountLocation<'s>> {
    let Remote::Server { base_url, token } = &settings.remote else { return None };
    let account = match (&settings.account, token) {
        (Some(label), _) => Account::Label(label),
        (None, Some(token)) => Account::Token(token.expose_for_key()),
        (None, None) => return None,
    };
    Some(AccountLocation { path, base_url: base_url.as_str(), account })
}

/// The account in the ledger that `--no-ledger` leaves out.
fn declined(settings: &Settings) -> Option<AccountLocation<'_>> {
    let LedgerChoice::Declined = settings.ledger else { return None };
    location(settings, settings.files.ledger.as_deref()?)
}

/// Locks the account of a run that sends with `--no-ledger`: its requests would come between those
/// of a run that has the ledger.
pub(super) fn lock_without(settings: &Settings) -> Result<Option<FileLock>, LedgerError> {
    match declined(settings) {
        Some(location) if !settings.check => lock_alone(&location),
        _ => Ok(None),
    }
}

/// Opens the ledger, if there is to be one: for sending, with its lock, and for preflight's
/// questions. `check` takes no lock.
pub(super) fn open(settings: &Settings) -> Result<(Option<Claimed>, Option<Lookup>), LedgerError> {
    let LedgerChoice::At(path) = &settings.ledger else { return Ok((None, None)) };
    let Some(location) = location(settings, path) else { return Ok((None, None)) };
    let (claimed, busy) = match settings.check {
        true => (None, holder(&location)),
        false => (Some(claim(&location)?), None),
    };
    let reader = Reader::open(&location, settings.policy)?;
    // A rename that was repeated without a reply has two intents for one request of one row.
    let leftovers = reader.iter().flat_map(|reader| reader.leftovers.iter().copied()).collect();
    Ok((claimed, Some(Lookup { reader, leftovers, busy })))
}

/// Whether `--no-ledger` leaves out a ledger that knows this account, and will miss this run.
pub(super) fn misses_this_run(settings: &Settings) -> bool {
    declined(settings)
        .and_then(|location| Reader::open(&location, Policy::default()).ok().flatten())
        .is_some()
}
