//! Random weeks with snapshots against a simulated server that other people change too: whatever was
//! read when, written since, edited in the panel, unanswered, late or cut off by a crash, a row that is
//! called unchanged is one that the server holds.
//!
//! A value may be another only where nobody could know (see [`World::is_excused`]):
//! - it, or a name of the customer, was edited in the panel after the snapshot was read; or, where the
//!   snapshot does not show the value or the customer, the value was edited after it was last accepted,
//!   or a name at any time;
//! - the ledger alone speaks, and a request without an answer took effect after a later one of the same
//!   customer was accepted.
//!
//! More cases: `PROPTEST_CASES=200000 cargo test --lib snapshot_model -- --nocapture`.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::Policy;
use super::judge::{LATEST_EFFECT, Unchanged};
use super::simulated_server::{EMAIL, INTERNO, ServerKind, SimulatedServer};
use super::testing::{Bench, FIRST, LATER, TestRow, row};
use crate::model::same_name;
use crate::model::{CustomerType, FieldName, HeldRecord, HeldRow, HeldValue, Name, Update};
use crate::scheduler::ledger::RequestOutcome;

/// The fields that a snapshot has columns for, `campo:k` only where somebody has a value.
const READABLE: [&str; 5] = ["nome", EMAIL, INTERNO, "criarchamados", "campo:k"];

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
enum RequestFate {
    Answered,
    NotSent,
    /// No attempt is answered; one takes effect after this part of [`LATEST_EFFECT`], if any does.
    Lost(Option<f32>),
    /// The first attempt as above, the second one is answered.
    Repeated(Option<f32>),
}

#[derive(Debug, Clone)]
enum WeekStep {
    Row(TestRow, RequestFate),
    /// The sender learns the outcome of a request in flight.
    Settle(prop::sample::Index),
    /// Somebody changes a value of a customer in the panel.
    Edit(prop::sample::Index, &'static str, &'static str),
    /// The process is killed; TomTicket is read so many seconds later, if at all, and a run begins.
    Crash(Option<u32>),
    /// The run ends, and TomTicket is read.
    Pull,
    /// The run ends, and the next one uses the latest snapshot, the one before, or none.
    Run(Option<u8>),
    /// Seconds pass.
    Wait(u32),
}

fn values(field: &str) -> &'static [&'static str] {
    match field {
        "nome" => &["N", "M"],
        "campo:k" => &["u", "v", ""],
        "criarchamados" => &["true", "false"],
        "idioma" => &["pt_BR", "en_US"],
        EMAIL => &["a@x", "b@x", "c@x", "B@x", "d@x"],
        _ => &["1", "2", "k", "K", "3"],
    }
}

fn any_row() -> impl Strategy<Value = TestRow> {
    let home = &["a@x", "b@x", "c@x", "A@x", "1", "2", "k", "K"][..];
    let value = |field: &'static str, weight| {
        let value = prop::sample::select(values(field)).prop_map(move |value| (field, value));
        prop::option::weighted(weight, value)
    };
    let fields = (
        value("nome", 0.7),
        value("campo:k", 0.2),
        value("criarchamados", 0.2),
        value("idioma", 0.15),
        value(EMAIL, 0.15),
        value(INTERNO, 0.15),
    );
    (prop::sample::select(home), fields).prop_map(|(home, (f1, f2, f3, f4, f5, f6))| {
        let mut row = row(home);
        for (field, value) in [f1, f2, f3, f4, f5, f6].into_iter().flatten() {
            if field != INTERNO || row.ctype == CustomerType::Email {
                row = row.set(field, value);
            }
        }
        if row.values.is_empty() { row.set("nome", "N") } else { row }
    })
}

fn fate() -> impl Strategy<Value = RequestFate> {
    let late = || prop::option::of(0.0..=1f32);
    prop_oneof![
        12 => Just(RequestFate::Answered),
        1 => Just(RequestFate::NotSent),
        1 => late().prop_map(RequestFate::Lost),
        1 => late().prop_map(RequestFate::Repeated),
    ]
}

fn edit() -> impl Strategy<Value = WeekStep> {
    let fields = &["nome", "nome", "campo:k", "criarchamados", "idioma", EMAIL, INTERNO][..];
    let place = any::<prop::sample::Index>();
    (prop::sample::select(fields), place.clone(), place).prop_map(|(field, customer, value)| {
        WeekStep::Edit(customer, field, values(field)[value.index(values(field).len())])
    })
}

fn step() -> impl Strategy<Value = WeekStep> {
    prop_oneof![
        20 => (any_row(), fate()).prop_map(|(row, fate)| WeekStep::Row(row, fate)),
        6 => any::<prop::sample::Index>().prop_map(WeekStep::Settle),
        3 => edit(),
        2 => prop::option::of(0..900u32).prop_map(WeekStep::Crash),
        3 => Just(WeekStep::Pull),
        3 => prop::option::weighted(0.8, 0..2u8).prop_map(WeekStep::Run),
        3 => prop_oneof![1..60u32, 60..700u32, 700..20_000u32].prop_map(WeekStep::Wait),
    ]
}

type Customers = Vec<(Option<&'static str>, Option<&'static str>)>;

fn customers() -> impl Strategy<Value = Customers> {
    let email = prop::sample::select(&[None, Some("a@x"), Some("b@x"), Some("c@x")][..]);
    let interno = prop::sample::select(&[Some("1"), Some("2"), Some("k"), Some("K"), None][..]);
    prop::collection::vec((email, interno), 2..7)
}

/// What TomTicket held at one moment.
#[derive(Debug, Clone)]
struct Pulled {
    records: Vec<HeldRecord>,
    /// The event after which it was read.
    event: u64,
}

impl Pulled {
    fn of(server: &SimulatedServer, read_at: u32, event: u64) -> Self {
        let held = |customer: &BTreeMap<String, String>, field: &str| {
            customer.get(field).map_or("", String::as_str).to_owned()
        };
        let has_campo = server.customers.iter().any(|it| !held(it, "campo:k").is_empty());
        let mut records = Vec::new();
        for customer in &server.customers {
            let names = [(CustomerType::Email, EMAIL), (CustomerType::Internal, INTERNO)];
            let names = names.map(|(ctype, field)| (ctype, held(customer, field).into()));
            let names: Vec<(CustomerType, Box<str>)> =
                names.into_iter().filter(|(_, name): &(_, Box<str>)| !name.is_empty()).collect();
            let values = READABLE.into_iter().filter(|field| match *field {
                "criarchamados" => held(customer, field) == "true",
                "campo:k" => has_campo,
                _ => true,
            });
            let values =
                values.map(|field| (field_name(field), held(customer, field).into())).collect();
            if !names.is_empty() {
                records.push(HeldRecord { read_at, names, values });
            }
        }
        Self { records, event }
    }

    fn find(&self, name: Name<'_>) -> Option<usize> {
        let mut found = self.named(name, true);
        found.next().filter(|_| found.next().is_none())
    }

    fn named(&self, name: Name<'_>, exactly: bool) -> impl Iterator<Item = usize> {
        let is_same = move |text: &str| match name.ctype {
            CustomerType::Internal if exactly => text == name.text,
            _ => same_name(text, name.text),
        };
        let has = move |record: &HeldRecord| {
            record.names.iter().any(|(ctype, text)| *ctype == name.ctype && is_same(text))
        };
        let found: Vec<usize> =
            (0..self.records.len()).filter(|number| has(&self.records[*number])).collect();
        found.into_iter()
    }

    fn touched(&self, update: &Update) -> BTreeSet<usize> {
        let names = [Some(update.primary_name()), update.rename_to(), update.alias()];
        names.into_iter().flatten().flat_map(|name| self.named(name, false)).collect()
    }

    /// As `Snapshot::compare` has it.
    fn compare(&self, update: &Update, silent: &BTreeSet<usize>) -> Option<HeldRow> {
        let own = self.find(update.primary_name());
        let is_silent = own.is_none() || !self.touched(update).is_disjoint(silent);
        let number = own.or_else(|| self.find(update.rename_to()?))?;
        let record = self.records[number].clone();
        let values = update.values().map(|(field, value)| match record.value(field) {
            Some(held) if held == value => HeldValue::Same,
            Some(_) => HeldValue::Differs,
            None => HeldValue::NotRead,
        });
        let values = values.collect();
        Some(HeldRow { record, values, assumed: [].into(), is_silent })
    }
}

fn field_name(field: &str) -> FieldName {
    let row = TestRow::new(CustomerType::Email, "a@x").set(field, "true").update();
    row.values().next().unwrap().0.clone()
}

struct SentRow {
    id: u64,
    row: TestRow,
    update: Update,
    fate: RequestFate,
}

struct World {
    server: SimulatedServer,
    bench: Bench,
    policy: Policy,
    in_flight: Vec<SentRow>,
    /// Attempts that will take effect, and when.
    late: Vec<(u32, TestRow)>,
    pulled: Vec<Pulled>,
    /// The snapshot of this run.
    snapshot: Option<Pulled>,
    silent: BTreeSet<usize>,
    /// Counts what happens.
    event: u64,
    /// When a value of a customer last changed in the panel, by an accepted request, and by a late one.
    edited: BTreeMap<(usize, String), u64>,
    accepted: BTreeMap<(usize, String), u64>,
    belated: BTreeMap<(usize, String), u64>,
    /// How many rows were unchanged by a snapshot's word, and by the ledger's.
    held: u64,
    known: u64,
}

impl World {
    fn new(kind: ServerKind, customers: &[(Option<&str>, Option<&str>)], policy: Policy) -> Self {
        let mut server = SimulatedServer::new(kind, customers);
        for id in 0..server.customers.len() {
            server.set(id, "nome", "N");
            server.set(id, "criarchamados", "true");
        }
        Self {
            server,
            bench: Bench::with(policy),
            policy,
            in_flight: Vec::new(),
            late: Vec::new(),
            pulled: Vec::new(),
            snapshot: None,
            silent: BTreeSet::new(),
            event: 0,
            edited: BTreeMap::new(),
            accepted: BTreeMap::new(),
            belated: BTreeMap::new(),
            held: 0,
            known: 0,
        }
    }

    /// Which values of which customers a change of the server touched.
    fn changes(&self, before: &SimulatedServer) -> Vec<(usize, String)> {
        let mut changed = Vec::new();
        for (id, customer) in self.server.customers.iter().enumerate() {
            let empty = BTreeMap::new();
            let old = before.customers.get(id).unwrap_or(&empty);
            let fields: BTreeSet<&String> = customer.keys().chain(old.keys()).collect();
            let differs = |field: &&&String| customer.get(**field) != old.get(**field);
            changed.extend(fields.iter().filter(differs).map(|field| (id, (*field).clone())));
        }
        changed
    }

    fn execute(&mut self, row: &TestRow, is_late: bool) -> bool {
        self.event += 1;
        let before = self.server.clone();
        let found = self.server.find(row.ctype, &row.identifier);
        let done = self.server.execute(row);
        let changed = self.changes(&before);
        let map = if is_late { &mut self.belated } else { &mut self.accepted };
        map.extend(changed.into_iter().map(|key| (key, self.event)));
        if let Some(id) = found.filter(|_| done) {
            let sent = row.values.iter().map(|(field, _)| ((id, field.clone()), self.event));
            map.extend(sent);
        }
        done
    }

    fn edit(&mut self, customer: prop::sample::Index, field: &str, value: &str) {
        self.event += 1;
        let before = self.server.clone();
        self.server.set(customer.index(self.server.customers.len()), field, value);
        for key in self.changes(&before) {
            self.edited.insert(key, self.event);
        }
    }

    /// Lets time pass, and what is late take effect.
    fn wait(&mut self, seconds: u32) {
        self.bench.now += seconds;
        let now = self.bench.now;
        self.late.sort_by_key(|(at, _)| *at);
        while self.late.first().is_some_and(|(at, _)| *at <= now) {
            let (_, row) = self.late.remove(0);
            self.execute(&row, true);
        }
    }

    fn take(&mut self, row: TestRow, fate: RequestFate) -> Result<(), TestCaseError> {
        let update = row.update();
        // The scheduler's part: rows that touch one name or one customer of the snapshot take turns.
        while let Some(at) = self.in_flight.iter().position(|it| self.meets(&it.update, &update)) {
            self.end(at);
        }
        let (mut unchanged, mut held) = self.check(&update);
        let other = update.customer().ctype.other();
        let others = |it: &SentRow| it.row.ctype == other;
        if unchanged.is_some() && self.in_flight.iter().any(others) {
            while let Some(at) = self.in_flight.iter().position(others) {
                self.end(at);
            }
            (unchanged, held) = self.check(&update);
        }
        if let Some(unchanged) = unchanged {
            match unchanged {
                Unchanged::Held { .. } => self.held += 1,
                Unchanged::Accepted => self.known += 1,
            }
            return self.expect_held(&row, unchanged, held.as_ref());
        }
        if let Some(snapshot) = &self.snapshot {
            self.silent.extend(snapshot.touched(&update));
        }
        self.bench.ids += 1;
        let id = self.bench.ids;
        let changes = self.bench.rules.record_intent(id, &update, self.bench.now).unwrap();
        self.bench.apply(&changes);
        self.in_flight.push(SentRow { id, row, update, fate });
        if self.in_flight.len() > 3 {
            self.end(0);
        }
        Ok(())
    }

    fn check(&mut self, update: &Update) -> (Option<Unchanged>, Option<HeldRow>) {
        let snapshot = self.snapshot.as_ref();
        let held = snapshot.and_then(|snapshot| snapshot.compare(update, &self.silent));
        let checked = self.bench.rules.check(update, held.as_ref(), self.bench.now).unwrap();
        if let Some(changes) = &checked.1 {
            self.bench.apply(changes);
        }
        (checked.0, held)
    }

    fn meets(&self, one: &Update, other: &Update) -> bool {
        let names = |update: &Update| {
            let names = [Some(update.primary_name()), update.rename_to(), update.alias()];
            let owned = |name: Name<'_>| (name.ctype, name.text.to_lowercase());
            names.into_iter().flatten().map(owned).collect::<BTreeSet<_>>()
        };
        let snapshot = self.snapshot.as_ref();
        !names(one).is_disjoint(&names(other))
            || snapshot.is_some_and(|it| !it.touched(one).is_disjoint(&it.touched(other)))
    }

    fn expect_held(
        &self,
        row: &TestRow,
        unchanged: Unchanged,
        held: Option<&HeldRow>,
    ) -> Result<(), TestCaseError> {
        let update = row.update();
        let place = update.rename_to().unwrap_or(update.primary_name());
        let id = self.server.find(place.ctype, place.text);
        for (index, (field, value)) in row.values.iter().enumerate() {
            let found =
                id.map(|id| self.server.customers[id].get(field).map_or("", String::as_str));
            if found == Some(value) {
                continue;
            }
            let is_shown = held.is_some_and(|held| held.values[index] != HeldValue::NotRead);
            prop_assert!(
                self.is_excused(id, field, unchanged, is_shown),
                "{row:?} is {unchanged:?} at {}, but {field} is {found:?}; the snapshot {held:?}",
                self.bench.now,
            );
        }
        Ok(())
    }

    /// Whether nobody could know that the customer of this name has another value.
    fn is_excused(
        &self,
        id: Option<usize>,
        field: &str,
        unchanged: Unchanged,
        is_shown: bool,
    ) -> bool {
        // Where nobody has the name, any customer may have lost it.
        let mut ids = id.map_or(0..self.server.customers.len(), |id| id..id + 1);
        ids.any(|id| {
            let keys = [field, EMAIL, INTERNO].map(|field| (id, field.to_owned()));
            let last = |map: &BTreeMap<(usize, String), u64>, keys: &[(usize, String)]| {
                keys.iter().filter_map(|key| map.get(key)).max().copied().unwrap_or(0)
            };
            let (names, belief) = (&keys[1..], last(&self.accepted, &keys[..1]));
            let edited = match (&self.snapshot, is_shown) {
                (Some(snapshot), true) => last(&self.edited, &keys) > snapshot.event,
                _ => last(&self.edited, &keys[..1]) > belief || last(&self.edited, names) > 0,
            };
            let belated = last(&self.belated, &keys) > last(&self.accepted, &keys[..1]);
            edited || (unchanged == Unchanged::Accepted && belated)
        })
    }

    /// The sender learns the outcome.
    fn end(&mut self, at: usize) {
        let SentRow { id, row, update, fate } = self.in_flight.remove(at);
        let outcome = match fate {
            RequestFate::Answered => self.answer(&row, FIRST),
            RequestFate::NotSent => RequestOutcome::NotSent,
            RequestFate::Repeated(late) if update.rename_to().is_none() => {
                self.attempt(&row, late);
                match self.answer(&row, LATER) {
                    // An attempt before it may have been executed.
                    RequestOutcome::Refused => RequestOutcome::Unknown,
                    outcome => outcome,
                }
            }
            RequestFate::Lost(late) | RequestFate::Repeated(late) => {
                self.attempt(&row, late);
                RequestOutcome::Unknown
            }
        };
        let (rules, now) = (&mut self.bench.rules, self.bench.now);
        let (changes, _) = rules.record_outcome(id, &update, outcome, now).unwrap();
        self.bench.apply(&changes);
    }

    fn answer(&mut self, row: &TestRow, accepted: RequestOutcome) -> RequestOutcome {
        if self.execute(row, false) { accepted } else { RequestOutcome::Refused }
    }

    /// An attempt without an answer.
    fn attempt(&mut self, row: &TestRow, late: Option<f32>) {
        if let Some(part) = late {
            let delay = (part * (LATEST_EFFECT - 1) as f32) as u32;
            self.late.push((self.bench.now + delay, row.clone()));
            self.wait(0);
        }
    }

    fn crash(&mut self) {
        for SentRow { row, fate, .. } in std::mem::take(&mut self.in_flight) {
            match fate {
                RequestFate::NotSent => {}
                RequestFate::Answered => self.attempt(&row, Some(0.0)),
                RequestFate::Lost(late) | RequestFate::Repeated(late) => self.attempt(&row, late),
            }
        }
    }

    fn end_run(&mut self) {
        while !self.in_flight.is_empty() {
            self.end(0);
        }
    }

    fn pull(&mut self) {
        self.wait(1);
        self.event += 1;
        self.pulled.push(Pulled::of(&self.server, self.bench.now, self.event));
        self.snapshot = self.pulled.last().cloned();
    }

    fn begin_run(&mut self) {
        self.bench.restart(self.policy);
        self.silent.clear();
    }

    fn step(&mut self, step: WeekStep) -> Result<(), TestCaseError> {
        match step {
            WeekStep::Row(row, fate) => self.take(row, fate)?,
            WeekStep::Settle(at) if !self.in_flight.is_empty() => {
                self.end(at.index(self.in_flight.len()));
            }
            WeekStep::Settle(_) => {}
            WeekStep::Edit(customer, field, value) => self.edit(customer, field, value),
            WeekStep::Crash(pull_after) => {
                self.crash();
                if let Some(seconds) = pull_after {
                    self.wait(seconds);
                    self.pull();
                }
                self.begin_run();
            }
            WeekStep::Pull => {
                self.end_run();
                self.pull();
                self.begin_run();
            }
            WeekStep::Run(back) => {
                self.end_run();
                let back = back.map(usize::from);
                self.snapshot = back.and_then(|back| self.pulled.iter().rev().nth(back)).cloned();
                self.begin_run();
            }
            WeekStep::Wait(seconds) => self.wait(seconds),
        }
        Ok(())
    }
}

#[test]
fn a_row_that_is_unchanged_is_one_that_the_server_holds() {
    // Some seconds in a debug build.
    let cases = std::env::var("PROPTEST_CASES").map_or(600, |cases| cases.parse().unwrap());
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let kind = any::<(bool, bool)>();
    let world = (kind, customers(), prop::collection::vec(step(), 1..60));
    let (held, known) = (Cell::new(0), Cell::new(0));
    let checked = runner.run(&world, |((resets_defaults, ages), customers, steps)| {
        let kind = ServerKind { customers_always_exist: false, resets_defaults, minds_case: false };
        let max_age = ages.then_some(Duration::from_hours(2));
        let mut world = World::new(kind, &customers, Policy { max_age, full: false });
        steps.into_iter().try_for_each(|step| world.step(step))?;
        held.set(held.get() + world.held);
        known.set(known.get() + world.known);
        Ok(())
    });
    checked.unwrap_or_else(|failure| panic!("{failure}"));
    println!("{cases} cases: {} rows held, {} known", held.get(), known.get());
    assert!(held.get() > u64::from(cases / 10) && known.get() > u64::from(cases / 100));
}
