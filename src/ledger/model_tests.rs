//! Random nights against a simulated server: whatever is sent, executed, refused, lost or cut off by
//! a crash, a row that is believed must be one that the server already holds. And the SQLite store
//! must answer exactly as the one in memory.

use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::prelude::*;

use super::accepted_state::{Names, Policy};
use super::accounts;
use super::keys::Keys;
use super::rules::{Rules, Store};
use super::store::SqliteStore;
use super::testing::{MemStore, Row, e, i};
use super::{LedgerError, schema};
use crate::model::{CustomerType, Update, same_name};
use crate::scheduler::ledger::RequestOutcome;

/// What the server may be like; all of it is unknown to the ledger.
#[derive(Debug, Clone, Copy)]
struct Nature {
    /// Customers come to exist by being addressed.
    everybody_exists: bool,
    /// Left-out fields with a documented default fall back to it.
    resets_defaults: bool,
    /// E-mails that differ in letter case are different customers.
    minds_case: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Server {
    customers: Vec<BTreeMap<String, String>>,
    /// `None` where nobody has the name any more.
    names: BTreeMap<(CustomerType, String), Option<usize>>,
}

const EMAIL: &str = "email";
const INTERNO: &str = "id_interno";

impl Server {
    fn key(nature: Nature, ctype: CustomerType, name: &str) -> (CustomerType, String) {
        let fold = ctype == CustomerType::Email && !nature.minds_case;
        (ctype, if fold { name.to_lowercase() } else { name.into() })
    }

    fn find(&self, nature: Nature, ctype: CustomerType, name: &str) -> Option<usize> {
        self.names.get(&Self::key(nature, ctype, name)).copied().flatten()
    }

    fn execute(&mut self, nature: Nature, row: &Row) -> bool {
        let key = Self::key(nature, row.ctype, &row.identifier);
        let id = match self.names.get(&key) {
            Some(Some(id)) => *id,
            None if nature.everybody_exists => {
                self.customers.push(BTreeMap::new());
                let id = self.customers.len() - 1;
                let name = if row.ctype == CustomerType::Email { EMAIL } else { INTERNO };
                self.set(nature, id, name, &row.identifier);
                id
            }
            _ => return false,
        };
        for (field, value) in &row.values {
            self.set(nature, id, field, value);
        }
        if nature.resets_defaults {
            for (field, default) in [("criarchamados", "true"), ("idioma", "pt_BR")] {
                if row.values.iter().all(|(sent, _)| sent != field) {
                    self.set(nature, id, field, default);
                }
            }
        }
        true
    }

    fn set(&mut self, nature: Nature, id: usize, field: &str, value: &str) {
        let ctype = match field {
            EMAIL => Some(CustomerType::Email),
            INTERNO => Some(CustomerType::Internal),
            _ => None,
        };
        if let Some(ctype) = ctype {
            let old = self.customers[id].get(field).filter(|old| !old.is_empty());
            if let Some(old) = old {
                self.names.insert(Self::key(nature, ctype, old), None);
            }
            if !value.is_empty() {
                let loser = self.names.insert(Self::key(nature, ctype, value), Some(id)).flatten();
                if let Some(loser) = loser.filter(|loser| *loser != id) {
                    self.customers[loser].insert(field.into(), String::new());
                }
            }
        }
        self.customers[id].insert(field.into(), value.into());
    }

    /// Whether sending the row would be of no use: its customer is found where the row wants it, and
    /// holds every value.
    fn holds(&self, nature: Nature, row: &Row) -> Result<(), String> {
        let update = row.update();
        let place = update.rename_to().map_or(row.identifier.as_str(), |name| name.text);
        let id = self.find(nature, row.ctype, place).ok_or("nobody is there")?;
        for (field, value) in &row.values {
            let held = self.customers[id].get(field).map_or("", String::as_str);
            if held != value {
                return Err(format!("{field} is {held:?}"));
            }
        }
        if update.rename_to().is_some() && self.find(nature, row.ctype, &row.identifier).is_some() {
            return Err("somebody else has the old name".into());
        }
        let mut after = self.clone();
        let never_seen = update.rename_to().is_some()
            && !after.names.contains_key(&Self::key(nature, row.ctype, &row.identifier));
        if !nature.resets_defaults && !never_seen {
            after.execute(nature, row);
            if after != *self {
                return Err("sending it would change something".into());
            }
        }
        Ok(())
    }
}

/// What happens to a request, and what the sender hears.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// Executed if the customer exists, and answered.
    Answered,
    /// The server does not want it.
    Refused,
    /// It never leaves.
    NotSent,
    /// Executed or not, and no answer to any attempt.
    Lost { executed: bool },
    /// The first attempt as above, the second one is answered.
    Repeated { executed: bool },
}

#[derive(Debug, Clone)]
enum Step {
    /// The pool comes to a row.
    Row(Row, Fate),
    /// A request in flight reaches the server.
    Execute(prop::sample::Index),
    /// The sender hears what became of one.
    Settle(prop::sample::Index),
    /// The process is killed; `settling`: while it settles a request, before the commit.
    Crash { settling: bool },
    /// Everything in flight ends, and a new night begins.
    Night,
    /// Time passes.
    Wait,
}

fn row() -> impl Strategy<Value = Row> {
    let value = |field: &'static str, values: &'static [&'static str]| {
        prop::option::weighted(
            0.4,
            prop::sample::select(values).prop_map(move |value| (field, value)),
        )
    };
    let home = prop_oneof![
        4 => prop::sample::select(&["a@x", "b@x", "c@x", "A@x"][..]).prop_map(e),
        3 => prop::sample::select(&["1", "2", "3"][..]).prop_map(i),
    ];
    let fields = (
        value("nome", &["N", "M"]),
        value("campo:k", &["u", "v"]),
        value("criarchamados", &["true", "false"]),
        value(EMAIL, &["a@x", "b@x", "c@x", "B@x", ""]),
        value(INTERNO, &["1", "2", ""]),
    );
    (home, fields).prop_map(|(mut row, (f1, f2, f3, f4, f5))| {
        for (field, value) in [f1, f2, f3, f4, f5].into_iter().flatten() {
            if field != INTERNO || row.ctype == CustomerType::Email {
                row = row.set(field, value);
            }
        }
        if row.values.is_empty() { row.set("nome", "N") } else { row }
    })
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        8 => Just(Fate::Answered),
        1 => Just(Fate::Refused),
        1 => Just(Fate::NotSent),
        1 => any::<bool>().prop_map(|executed| Fate::Lost { executed }),
        1 => any::<bool>().prop_map(|executed| Fate::Repeated { executed }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (row(), fate()).prop_map(|(row, fate)| Step::Row(row, fate)),
        5 => any::<prop::sample::Index>().prop_map(Step::Execute),
        8 => any::<prop::sample::Index>().prop_map(Step::Settle),
        1 => any::<bool>().prop_map(|settling| Step::Crash { settling }),
        1 => Just(Step::Night),
        1 => Just(Step::Wait),
    ]
}

fn nature() -> impl Strategy<Value = Nature> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(everybody_exists, resets_defaults, minds_case)| Nature {
            everybody_exists,
            resets_defaults,
            minds_case,
        },
    )
}

/// Who is there before the ledger hears of anybody.
fn customers() -> impl Strategy<Value = Vec<(Option<&'static str>, Option<&'static str>)>> {
    let email = prop::sample::select(&[None, Some("a@x"), Some("b@x"), Some("c@x")][..]);
    let interno = prop::sample::select(&[None, Some("1"), Some("2"), Some("3")][..]);
    prop::collection::vec((email, interno), 0..4)
}

/// A store that can be killed.
trait Mortal: Store + Sized {
    fn begin(&mut self);
    fn commit(&mut self);
    /// Loses what was not committed, and opens again.
    fn crash(self) -> Self;
}

impl Mortal for MemStore {
    fn begin(&mut self) {}

    fn commit(&mut self) {
        Self::commit(self);
    }

    fn crash(self) -> Self {
        Self::crash(self)
    }
}

/// Both stores at once; they must never differ.
struct Both {
    memory: MemStore,
    sqlite: Option<SqliteStore>,
    path: PathBuf,
    /// So many bytes of recent changes are folded into the tables.
    fold_at: usize,
}

impl Both {
    fn new(path: PathBuf, fold_at: usize) -> Self {
        let mut both = Self { memory: MemStore::default(), sqlite: None, path, fold_at };
        both.open();
        both
    }

    fn open(&mut self) {
        self.sqlite = None;
        let connection = schema::open_for_writing(&self.path).unwrap();
        connection.pragma_update(None, "synchronous", "OFF").unwrap();
        let hash = keys().account();
        let id = accounts::add_account(&connection, &self.path, hash, "u", None).unwrap();
        let mut store = SqliteStore::alone(connection, &self.path, id).unwrap();
        store.fold_at(self.fold_at);
        self.sqlite = Some(store);
    }

    fn sqlite(&mut self) -> &mut SqliteStore {
        self.sqlite.as_mut().unwrap()
    }
}

impl Names for Both {
    fn name(&mut self, name: super::keys::NameKey) -> Result<super::record::Record, LedgerError> {
        let found = self.sqlite().name(name)?;
        assert_eq!(found, self.memory.name(name)?);
        Ok(found)
    }
}

impl Store for Both {
    fn load(&mut self) -> Result<super::record::Saved, LedgerError> {
        let (mut one, mut other) = (self.sqlite().load()?, self.memory.load()?);
        one.next = one.next.max(1);
        other.next = other.next.max(1);
        one.cuts.sort_by_key(|cut| format!("{cut:?}"));
        other.cuts.sort_by_key(|cut| format!("{cut:?}"));
        assert_eq!(one, other);
        Ok(one)
    }

    fn put_name(
        &mut self,
        name: super::keys::NameKey,
        record: &super::record::Record,
    ) -> Result<(), LedgerError> {
        self.memory.put_name(name, record)?;
        self.sqlite().put_name(name, record)
    }

    fn put_intent(&mut self, intent: &super::record::Intent) -> Result<(), LedgerError> {
        self.memory.put_intent(intent)?;
        self.sqlite().put_intent(intent)
    }

    fn remove_intent(&mut self, stamp: super::record::Stamp) -> Result<(), LedgerError> {
        self.memory.remove_intent(stamp)?;
        self.sqlite().remove_intent(stamp)
    }

    fn put_cut(
        &mut self,
        key: super::record::CutKey,
        stamp: super::record::Stamp,
    ) -> Result<(), LedgerError> {
        self.memory.put_cut(key, stamp)?;
        self.sqlite().put_cut(key, stamp)
    }

    fn put_next(&mut self, next: u64, now: u32) -> Result<(), LedgerError> {
        self.memory.put_next(next, now)?;
        self.sqlite().put_next(next, now)
    }
}

impl Mortal for Both {
    fn begin(&mut self) {
        self.sqlite().begin(true).unwrap();
    }

    fn commit(&mut self) {
        self.memory.commit();
        self.sqlite().commit().unwrap();
    }

    fn crash(mut self) -> Self {
        self.memory = self.memory.crash();
        self.open();
        self
    }
}

fn keys() -> Keys {
    Keys::from_token("https://api.example", b"token")
}

struct Flight {
    id: u64,
    row: Row,
    update: Update,
    fate: Fate,
    /// What the server said, once it was reached.
    reply: Option<bool>,
}

struct World<S> {
    nature: Nature,
    server: Server,
    /// `None` only while a process is replaced by the next.
    rules: Option<Rules<S>>,
    flights: Vec<Flight>,
    ids: u64,
    now: u32,
    believed: u64,
}

impl<S: Mortal> World<S> {
    fn new(
        nature: Nature,
        customers: &[(Option<&'static str>, Option<&'static str>)],
        store: S,
    ) -> Self {
        let mut server = Server { customers: Vec::new(), names: BTreeMap::new() };
        for (email, interno) in customers {
            server.customers.push(BTreeMap::new());
            let id = server.customers.len() - 1;
            for (field, name) in [(EMAIL, email), (INTERNO, interno)] {
                if let Some(name) = name {
                    server.set(nature, id, field, name);
                }
            }
        }
        let mut world = Self {
            nature,
            server,
            rules: None,
            flights: Vec::new(),
            ids: 0,
            now: 1_000,
            believed: 0,
        };
        world.start(store);
        world
    }

    fn start(&mut self, mut store: S) {
        store.begin();
        let (rules, _) = Rules::open(keys(), Policy::default(), store).unwrap();
        self.rules = Some(rules);
        self.commit();
    }

    fn rules(&mut self) -> &mut Rules<S> {
        self.rules.as_mut().unwrap()
    }

    fn begin(&mut self) {
        self.rules().store().begin();
    }

    fn commit(&mut self) {
        let now = self.now;
        self.rules().flush(now).unwrap();
        self.rules().store().commit();
    }

    fn take(&mut self, row: Row, fate: Fate) -> Result<(), TestCaseError> {
        let update = row.update();
        // The e-mail that a type-I row gives is left out: the pool takes such rows one at a time too,
        // but nothing wrong may be believed even if it did not.
        let names = |update: &Update| {
            let other = update.other_name().filter(|name| name.ctype == CustomerType::Internal);
            let names = [Some(update.home()), update.rename_to(), other];
            let owned = |name: crate::model::Name<'_>| (name.ctype, name.text.to_lowercase());
            names.into_iter().flatten().map(owned).collect::<Vec<_>>()
        };
        let own = names(&update);
        // The pool's part: one at a time where names meet, and no row is called unchanged while one
        // of the other type may be about the same customer.
        let meets = |other: &Flight| names(&other.update).iter().any(|name| own.contains(name));
        while let Some(at) = self.flights.iter().position(meets) {
            self.end(at);
        }
        if self.nature.minds_case
            && update
                .param(crate::model::Param::Email)
                .is_some_and(|email| email != row.identifier && same_name(email, &row.identifier))
        {
            // Taken for one customer by decision: mail systems ignore case.
            return Ok(());
        }
        let now = self.now;
        let mut believed = self.rules().judge(&update, now).unwrap();
        if believed {
            while let Some(at) = self.flights.iter().position(|f| f.row.ctype != row.ctype) {
                self.end(at);
            }
            believed = self.rules().judge(&update, now).unwrap();
        }
        if believed {
            self.believed += 1;
            let held = self.server.holds(self.nature, &row);
            prop_assert!(held.is_ok(), "{row:?} is believed, but {held:?}");
            return Ok(());
        }
        self.ids += 1;
        let id = self.ids;
        self.begin();
        self.rules().intend(id, &update, now).unwrap();
        self.commit();
        self.flights.push(Flight { id, row, update, fate, reply: None });
        if self.flights.len() > 3 {
            self.end(0);
        }
        Ok(())
    }

    fn execute(&mut self, at: usize) {
        let flight = &mut self.flights[at];
        let executes = matches!(
            flight.fate,
            Fate::Answered | Fate::Lost { executed: true } | Fate::Repeated { executed: true }
        );
        if flight.reply.is_none() && executes {
            flight.reply = Some(self.server.execute(self.nature, &flight.row));
        }
    }

    /// The request reaches the server if it ever does; then the sender hears of it.
    fn end(&mut self, at: usize) {
        self.begin();
        self.end_uncommitted(at);
        self.commit();
    }

    fn end_uncommitted(&mut self, at: usize) {
        self.execute(at);
        let flight = self.flights.remove(at);
        let mut answer = |first_attempt| match flight.reply.filter(|_| first_attempt) {
            Some(reply) => reply,
            None => self.server.execute(self.nature, &flight.row),
        };
        let how = match flight.fate {
            Fate::Answered if answer(true) => RequestOutcome::Accepted { first_attempt: true },
            Fate::Answered | Fate::Refused => RequestOutcome::Refused,
            Fate::NotSent => RequestOutcome::NotSent,
            Fate::Lost { .. } => RequestOutcome::Unknown,
            // A rename is not repeated.
            Fate::Repeated { .. } if flight.update.rename_to().is_some() => RequestOutcome::Unknown,
            Fate::Repeated { .. } if answer(false) => {
                RequestOutcome::Accepted { first_attempt: false }
            }
            Fate::Repeated { .. } => RequestOutcome::Unknown,
        };
        let now = self.now;
        self.rules().settle(flight.id, &flight.update, how, now).unwrap();
    }

    fn crash(&mut self, settling: bool) {
        for at in 0..self.flights.len() {
            self.execute(at);
        }
        if settling && !self.flights.is_empty() {
            self.begin();
            self.end_uncommitted(0);
        }
        self.flights.clear();
        let store = self.rules.take().unwrap().into_store().crash();
        self.start(store);
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Row(row, fate) => self.take(row, fate)?,
            Step::Execute(at) if !self.flights.is_empty() => {
                self.execute(at.index(self.flights.len()));
            }
            Step::Settle(at) if !self.flights.is_empty() => {
                self.end(at.index(self.flights.len()));
            }
            Step::Execute(_) | Step::Settle(_) => {}
            Step::Crash { settling } => self.crash(settling),
            Step::Night => {
                while !self.flights.is_empty() {
                    self.end(0);
                }
                self.crash(false);
            }
            Step::Wait => self.now += 400,
        }
        Ok(())
    }

    fn live(&mut self, steps: Vec<Step>) -> Result<(), TestCaseError> {
        steps.into_iter().try_for_each(|step| self.step(step))
    }
}

/// Some seconds in a debug build.
const CASES: u32 = 3000;

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    #[test]
    fn a_believed_row_is_one_that_the_server_holds(
        nature in nature(),
        customers in customers(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        World::new(nature, &customers, MemStore::default()).live(steps)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_answers_as_memory_does(
        nature in nature(),
        customers in customers(),
        steps in prop::collection::vec(step(), 1..60),
        fold_at in 1..1500usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = Both::new(dir.path().join("ledger.db"), fold_at);
        World::new(nature, &customers, store).live(steps)?;
    }

    /// The other side: what was accepted in a quiet night is not sent again.
    #[test]
    fn a_second_quiet_night_sends_nothing(
        nature in nature(),
        rows in prop::collection::btree_map("[a-z]{1,3}", ("[a-z]{0,3}", "[a-z]{0,3}"), 1..20),
        internal: bool,
        fresh_ids: bool,
    ) {
        let nature = Nature { everybody_exists: true, ..nature };
        let mut world = World::new(nature, &[], MemStore::default());
        let rows: Vec<_> = rows
            .iter()
            .map(|(name, (nome, campo))| {
                let row = if internal { i(name) } else { e(name) };
                let other = if internal { EMAIL } else { INTERNO };
                let row = row.set("nome", nome).set("campo:c", campo);
                if fresh_ids { row.set(other, &format!("{name}!")) } else { row }
            })
            .collect();
        for row in &rows {
            world.take(row.clone(), Fate::Answered)?;
        }
        world.step(Step::Night)?;
        for row in &rows {
            world.take(row.clone(), Fate::Answered)?;
        }
        prop_assert_eq!(world.believed, rows.len() as u64);
    }
}
