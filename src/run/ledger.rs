//! Which account of which ledger a run means, and opening it.

use std::path::Path;

use crate::config::{LedgerChoice, Mode, Settings};
use crate::ledger::{
    Account, AccountLocation, Claimed, FileLock, LedgerError, Policy, Reader, claim, holder,
    lock_alone,
};
use crate::preflight::Lookup;

/// Which account of which ledger the settings mean; `None` where the account is not known.
fn place<'s>(settings: &'s Settings, path: &'s Path) -> Option<AccountLocation<'s>> {
    let (base_url, token) = match &settings.mode {
        Mode::Sandbox => return None,
        Mode::Check { base_url, token } => (base_url, token.as_ref()),
        Mode::Real { base_url, token } => (base_url, Some(token)),
    };
    let account = match (&settings.account, token) {
        (Some(label), _) => Account::Label(label),
        (None, Some(token)) => Account::Token(token.expose_for_key()),
        (None, None) => return None,
    };
    Some(AccountLocation { path, base_url: base_url.as_str(), account })
}

/// The account's lock for a run that sends without the ledger (`--no-ledger`): it would come between
/// the requests of one that has it.
pub fn lock_without(settings: &Settings) -> Result<Option<FileLock>, LedgerError> {
    match (&settings.ledger, &settings.mode) {
        (LedgerChoice::Declined { path: Some(path) }, Mode::Real { .. }) => {
            place(settings, path).map_or(Ok(None), |place| lock_alone(&place))
        }
        _ => Ok(None),
    }
}

/// Opens the ledger where there is to be one: locked if the run sends, and for preflight's
/// questions. `check` takes no lock.
pub fn open_for(settings: &Settings) -> Result<(Option<Claimed>, Option<Lookup>), LedgerError> {
    let LedgerChoice::At { path, policy } = &settings.ledger else { return Ok((None, None)) };
    let Some(place) = place(settings, path) else { return Ok((None, None)) };
    let (claimed, busy) = match settings.mode {
        Mode::Check { .. } => (None, holder(&place)),
        Mode::Sandbox | Mode::Real { .. } => (Some(claim(&place)?), None),
    };
    let reader = Reader::open(&place, *policy)?;
    // A rename that was sent again without an answer has two intents, and is one request of one row.
    let leftovers = reader.leftovers().iter().map(|leftover| leftover.fingerprint).collect();
    Ok((claimed, Some(Lookup { reader, leftovers, busy })))
}

/// Whether a run without a ledger leaves one behind that knows this account and will be wrong.
pub fn left_out(settings: &Settings) -> bool {
    let LedgerChoice::Declined { path: Some(path) } = &settings.ledger else { return false };
    place(settings, path)
        .and_then(|place| Reader::open(&place, Policy::default()).ok())
        .is_some_and(|reader| reader.knows_account())
}
