//! Which account of which ledger a run means, and opening it.

use std::collections::HashSet;
use std::path::Path;

use crate::config::{LedgerChoice, Mode, Settings};
use crate::ledger::{
    Account, Fingerprint, LedgerError, LedgerHandle, Leftover, Place, Policy, Reader, open,
};
use crate::preflight::Lookup;

/// Which account of which ledger the settings mean; `None` where the account is not known.
fn place<'s>(settings: &'s Settings, path: &'s Path) -> Option<Place<'s>> {
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
    Some(Place { path, base_url: base_url.as_str(), account })
}

/// Opens the ledger where there is to be one: for writing if the run sends, and for preflight's
/// questions. `check` takes no lock.
pub fn open_for(
    settings: &Settings,
) -> Result<(Option<LedgerHandle>, Option<Lookup>), LedgerError> {
    let LedgerChoice::At { path, policy } = &settings.ledger else { return Ok((None, None)) };
    let Some(place) = place(settings, path) else { return Ok((None, None)) };
    if matches!(settings.mode, Mode::Check { .. }) {
        let reader = Reader::open(&place, *policy)?;
        let leftovers = fingerprints(reader.leftovers());
        return Ok((None, Some(Lookup { reader, leftovers })));
    }
    let opened = open(&place, *policy)?;
    let reader = Reader::open(&place, *policy)?;
    Ok((Some(opened.handle), Some(Lookup { reader, leftovers: fingerprints(&opened.leftovers) })))
}

fn fingerprints(leftovers: &[Leftover]) -> HashSet<Fingerprint> {
    leftovers.iter().map(|leftover| leftover.fingerprint).collect()
}

/// Whether a run without a ledger leaves one behind that knows this account and will be wrong.
pub fn left_out(settings: &Settings) -> bool {
    let LedgerChoice::Declined { path: Some(path) } = &settings.ledger else { return false };
    place(settings, path)
        .and_then(|place| Reader::open(&place, Policy::default()).ok())
        .is_some_and(|reader| reader.knows_account())
}
