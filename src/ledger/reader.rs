//! A look at one account's beliefs, for a preflight: changes nothing, takes no lock, and disturbs
//! nobody who writes meanwhile.

use super::accepted_state::{Knowledge, Policy};
use super::accounts;
use super::keys::{Fingerprint, Keys, RowKeys, TagCache};
use super::rules::{Leftover, Store};
use super::store::SqliteStore;
use super::{LedgerError, Place, schema};
use crate::model::Update;

/// What was believed of an account at the moment this was opened. To be dropped once it has served:
/// while it lives, a run's log cannot be folded into the file, and grows.
#[derive(Debug)]
pub struct Reader {
    /// `None` where nothing is known of the account.
    view: Option<View>,
}

#[derive(Debug)]
struct View {
    keys: Keys,
    tags: TagCache,
    policy: Policy,
    knowledge: Knowledge,
    leftovers: Vec<Leftover>,
    store: SqliteStore,
    now: u32,
}

impl Reader {
    /// Opens the ledger for reading. Where there is none, or it does not know the account, nothing
    /// is believed.
    ///
    /// # Errors
    /// As for a run: a ledger that a run would refuse is refused here too.
    pub fn open(place: &Place<'_>, policy: Policy) -> Result<Self, LedgerError> {
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
        let mut store = SqliteStore::new(connection, place.path, id)?;
        let saved = store.load()?;
        let view = View {
            knowledge: Knowledge::cautious(&saved),
            leftovers: saved.intents.iter().map(Leftover::of).collect(),
            keys,
            tags: TagCache::default(),
            policy,
            store,
            now: super::now(),
        };
        Ok(Self { view: Some(view) })
    }

    /// Whether the ledger knows this account at all.
    pub fn knows_account(&self) -> bool {
        self.view.is_some()
    }

    /// Whether the API is believed to hold every value that this row would send. A run may judge
    /// otherwise by the time the row's turn comes.
    ///
    /// # Errors
    /// The ledger cannot be read, or is damaged.
    pub fn believed(&mut self, update: &Update) -> Result<bool, LedgerError> {
        let Some(view) = &mut self.view else { return Ok(false) };
        let row = RowKeys::new(&view.keys, &mut view.tags, update);
        view.knowledge.believes(&row, &mut view.store, &view.policy, view.now)
    }

    /// The requests whose fate is open: left by a run that died, or on their way in one that lives.
    pub fn leftovers(&self) -> &[Leftover] {
        self.view.as_ref().map_or(&[], |view| &view.leftovers)
    }

    /// A row as [`Leftover::fingerprint`] knows it; `None` where the account is unknown, and so has
    /// no leftovers.
    pub fn fingerprint(&self, update: &Update) -> Option<Fingerprint> {
        self.view.as_ref().map(|view| view.keys.fingerprint(update))
    }
}
