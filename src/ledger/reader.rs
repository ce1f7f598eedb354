//! Reads what is known of one account, for a preflight: changes nothing, takes no lock, and delays no
//! run that writes meanwhile.

use super::accepted_state::{AcceptedState, Policy};
use super::accounts;
use super::changes::PendingRecords;
use super::judge::Unchanged;
use super::keys::{AccountKey, Fingerprint};
use super::row_keys::RowKeys;
use super::tables::AccountTables;
use super::{AccountLocation, LedgerError, schema};
use crate::model::{HeldRow, Update};

/// What was known of an account at the moment this was opened. Drop it as soon as it has served:
/// while it lives, SQLite's log cannot be copied into the file, and grows.
pub struct Reader {
    keys: AccountKey,
    policy: Policy,
    accepted: AcceptedState,
    /// The rows whose requests have no known outcome: left by a run that died, or in flight in one
    /// that runs.
    pub leftovers: Vec<Fingerprint>,
    records: PendingRecords,
    now: u32,
}

impl Reader {
    /// Opens the ledger for reading; `None` where there is none or it does not know the account. One
    /// that a run would refuse is refused here too.
    pub fn open(place: &AccountLocation<'_>, policy: Policy) -> Result<Option<Self>, LedgerError> {
        let connection = schema::open_for_reading(place.path)?;
        let keys = place.find_keys(connection.as_ref())?;
        let (Some(connection), Some(keys)) = (connection, keys) else { return Ok(None) };
        let Some(account) = accounts::find_account(&connection, place.path, keys.account)? else {
            return Ok(None);
        };
        // One transaction for everything: all answers belong to one moment, and none has to ask
        // whether the file changed. It lasts as long as the preflight.
        let failed = |source| schema::error(place.path, source);
        connection.execute_batch("BEGIN").map_err(failed)?;
        let tables = AccountTables::new(connection, place.path, account.id);
        let saved = tables.load()?;
        Ok(Some(Self {
            accepted: AcceptedState::cautious(&saved),
            leftovers: saved.intents.iter().map(|intent| intent.fingerprint).collect(),
            keys,
            policy,
            records: PendingRecords::new(tables),
            now: super::now(),
        }))
    }

    /// Why this row need not be sent. A run may find otherwise by the time it checks the row.
    pub fn check(
        &self,
        update: &Update,
        held: Option<&HeldRow>,
    ) -> Result<Option<Unchanged>, LedgerError> {
        let row = RowKeys::new(&self.keys, update);
        self.accepted.check(&row, held, &self.records, &self.policy, self.now)
    }

    /// A row as [`leftovers`](Self::leftovers) has it.
    pub fn fingerprint(&self, update: &Update) -> Fingerprint {
        self.keys.fingerprint(update)
    }
}
