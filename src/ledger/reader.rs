//! Reads what is known of one account, for a preflight: changes nothing, takes no lock, and delays no
//! run that writes meanwhile.

use super::accepted_state::{AcceptedState, Policy};
use super::accounts;
use super::keys::{AccountKey, Fingerprint};
use super::row_keys::{FieldKeyCache, RowKeys};
use super::rules::Leftover;
use super::tables::AccountTables;
use super::{AccountLocation, LedgerError, schema};
use crate::model::Update;

/// What was known of an account at the moment this was opened. Drop it as soon as it has served:
/// while it lives, SQLite's log cannot be copied into the file, and grows.
#[derive(Debug)]
pub struct Reader {
    /// `None` where nothing is known of the account.
    view: Option<AccountView>,
}

#[derive(Debug)]
struct AccountView {
    keys: AccountKey,
    fields: FieldKeyCache,
    policy: Policy,
    accepted: AcceptedState,
    leftovers: Vec<Leftover>,
    tables: AccountTables,
    now: u32,
}

impl Reader {
    /// Opens the ledger for reading. Where there is none, or it does not know the account, nothing
    /// is known.
    ///
    /// # Errors
    /// As for a run: a ledger that a run would refuse is refused here too.
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
            leftovers: saved.intents.iter().map(Leftover::from).collect(),
            keys,
            fields: FieldKeyCache::default(),
            policy,
            tables,
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
    ///
    /// # Errors
    /// The ledger cannot be read, or is damaged.
    pub fn is_up_to_date(&mut self, update: &Update) -> Result<bool, LedgerError> {
        let Some(view) = &mut self.view else { return Ok(false) };
        let row = RowKeys::new(&view.keys, &mut view.fields, update);
        view.accepted.is_up_to_date(&row, &mut view.tables, &view.policy, view.now)
    }

    /// The requests without a known outcome: left by a run that died, or in flight in one that runs.
    pub fn leftovers(&self) -> &[Leftover] {
        self.view.as_ref().map_or(&[], |view| &view.leftovers)
    }

    /// A row as [`Leftover::fingerprint`] knows it; `None` where the account is unknown, and so has
    /// no leftovers.
    pub fn fingerprint(&self, update: &Update) -> Option<Fingerprint> {
        self.view.as_ref().map(|view| view.keys.fingerprint(update))
    }
}
