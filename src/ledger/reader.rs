//! Reads what is known of one account, for a preflight: changes nothing, takes no lock, and delays no
//! run that writes meanwhile.

use super::accepted_state::{AcceptedState, Policy};
use super::accounts;
use super::changes::PendingRecords;
use super::keys::{AccountKey, Fingerprint};
use super::row_keys::RowKeys;
use super::tables::AccountTables;
use super::{AccountLocation, LedgerError, schema};
use crate::model::Update;

/// What was known of an account at the moment this was opened. Drop it as soon as it has served:
/// while it lives, SQLite's log cannot be copied into the file, and grows.
pub struct Reader {
    /// `None` where nothing is known of the account.
    view: Option<AccountView>,
}

struct AccountView {
    keys: AccountKey,
    policy: Policy,
    accepted: AcceptedState,
    /// The rows whose requests have no known outcome.
    leftovers: Vec<Fingerprint>,
    records: PendingRecords,
    now: u32,
}

impl Reader {
    /// Opens the ledger for reading. Where there is none, or it does not know the account, nothing
    /// is known; one that a run would refuse is refused here too.
    pub fn open(place: &AccountLocation<'_>, policy: Policy) -> Result<Self, LedgerError> {
        let connection = schema::open_for_reading(place.path)?;
        let keys = place.find_keys(connection.as_ref())?;
        let (Some(connection), Some(keys)) = (connection, keys) else {
            return Ok(Self { view: None });
        };
        let Some(id) = accounts::find_account(&connection, place.path, keys.account())? else {
            return Ok(Self { view: None });
        };
        // One transaction for everything: all answers belong to one moment, and none has to ask
        // whether the file changed. It lasts as long as the preflight.
        let failed = |source| schema::error(place.path, source);
        connection.execute_batch("BEGIN").map_err(failed)?;
        let tables = AccountTables::new(connection, place.path, id);
        let saved = tables.load()?;
        let view = AccountView {
            accepted: AcceptedState::cautious(&saved),
            leftovers: saved.intents.iter().map(|intent| intent.fingerprint).collect(),
            keys,
            policy,
            records: PendingRecords::new(tables),
            now: super::now(),
        };
        Ok(Self { view: Some(view) })
    }

    /// Whether the ledger knows this account at all.
    pub fn knows_account(&self) -> bool {
        self.view.is_some()
    }

    /// Whether the API is known to hold every value that this row would send. A run may find
    /// otherwise by the time it checks the row.
    pub fn is_up_to_date(&self, update: &Update) -> Result<bool, LedgerError> {
        let Some(view) = &self.view else { return Ok(false) };
        let row = RowKeys::new(&view.keys, update);
        view.accepted.is_up_to_date(&row, &view.records, &view.policy, view.now)
    }

    /// The rows whose requests have no known outcome: left by a run that died, or in flight in one
    /// that runs.
    pub fn leftovers(&self) -> &[Fingerprint] {
        self.view.as_ref().map_or(&[], |view| &view.leftovers)
    }

    /// A row as [`leftovers`](Self::leftovers) has it; `None` where the account is unknown.
    pub fn fingerprint(&self, update: &Update) -> Option<Fingerprint> {
        self.view.as_ref().map(|view| view.keys.fingerprint(update))
    }
}
