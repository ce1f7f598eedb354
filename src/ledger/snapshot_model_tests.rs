//! Random weeks with snapshots against a simulated server that other people change too: whatever was
//! read when, written since, edited in the panel, unanswered, late or cut off by a crash, a row that is
//! called unchanged is one that the server holds, so that sending it would change nothing. TomTicket is
//! read several pages at a time, answers them in any order, and may change between two answers.
//!
//! A value may be another only where nobody could know (see [`SnapshotWorld::is_excused`]):
//! - it, or a name of the customer, was edited in the panel after its page was read; or, where the
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
use super::random_weeks::{PageGap, PanelChange, WeekFate, WeekStep, customers, step};
use super::simulated_reading::{PagedReading, ReadingCounts};
use super::simulated_server::{EMAIL, INTERNO, ServerKind, SimulatedServer};
use super::simulated_snapshot::Pulled;
use super::testing::{Bench, FIRST, LATER, TestRow};
use crate::model::{HeldRow, HeldValue, Name, Update};
use crate::scheduler::ledger::RequestOutcome;

struct FlyingRow {
    id: u64,
    row: TestRow,
    update: Update,
    fate: WeekFate,
}

struct SnapshotWorld {
    server: SimulatedServer,
    bench: Bench,
    policy: Policy,
    in_flight: Vec<FlyingRow>,
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
    readings: ReadingCounts,
}

impl SnapshotWorld {
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
            readings: ReadingCounts::default(),
        }
    }

    /// Which values of which customers a change of the server touched.
    fn changes(&self, before: &SimulatedServer) -> Vec<(usize, String)> {
        let mut changed = Vec::new();
        for (id, customer) in self.server.customers.iter().enumerate() {
            let empty = BTreeMap::new();
            let old = before.customers.get(id).unwrap_or(&empty);
            let fields: BTreeSet<&String> = customer.keys().chain(old.keys()).collect();
            let value = |customer: &BTreeMap<String, String>, field: &str| {
                customer.get(field).cloned().unwrap_or_default()
            };
            let differs = |field: &&&String| value(customer, field) != value(old, field);
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

    fn change(&mut self, change: &PanelChange) {
        self.event += 1;
        let before = self.server.clone();
        change.apply(&mut self.server);
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

    fn take(&mut self, row: TestRow, fate: WeekFate) -> Result<(), TestCaseError> {
        let update = row.update();
        // The scheduler's part: rows that touch one name or one customer of the snapshot take turns.
        while let Some(at) = self.in_flight.iter().position(|it| self.meets(&it.update, &update)) {
            self.end(at);
        }
        let (mut unchanged, mut held) = self.check(&update);
        let other = update.customer().ctype.other();
        let others = |it: &FlyingRow| it.row.ctype == other;
        if unchanged.is_some() && self.in_flight.iter().any(others) {
            while let Some(at) = self.in_flight.iter().position(others) {
                self.end(at);
            }
            (unchanged, held) = self.check(&update);
        }
        if let Some(unchanged) = unchanged {
            match unchanged {
                Unchanged::Held { .. } => self.held += 1,
                Unchanged::Accepted | Unchanged::AcceptedSince => self.known += 1,
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
        self.in_flight.push(FlyingRow { id, row, update, fate });
        if self.in_flight.len() > 3 {
            self.end(0);
        }
        Ok(())
    }

    fn check(&mut self, update: &Update) -> (Option<Unchanged>, Option<(HeldRow, u64)>) {
        let snapshot = self.snapshot.as_ref();
        let held = snapshot.and_then(|snapshot| snapshot.compare(update, &self.silent));
        let checked =
            self.bench.rules.check(update, held.as_ref().map(|it| &it.0), self.bench.now).unwrap();
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
        held: Option<&(HeldRow, u64)>,
    ) -> Result<(), TestCaseError> {
        let update = row.update();
        let place = update.rename_to().unwrap_or(update.primary_name());
        let id = self.server.find(place.ctype, place.text);
        let (now, mut is_held) = (self.bench.now, true);
        for (index, (field, value)) in row.values.iter().enumerate() {
            let found =
                id.map(|id| self.server.customers[id].get(field).map_or("", String::as_str));
            if found == Some(value) {
                continue;
            }
            is_held = false;
            let shown = held.filter(|held| held.0.values[index] != HeldValue::NotRead);
            prop_assert!(
                self.is_excused(id, field, unchanged, shown.map(|it| it.1)),
                "{row:?} is {unchanged:?} at {now}, but {field} is {found:?}; {held:?}",
            );
        }
        if is_held { self.expect_no_change(row, unchanged, held) } else { Ok(()) }
    }

    /// Sending the row would change nobody; that fields which it leaves out may fall back to a
    /// default does not count.
    fn expect_no_change(
        &self,
        row: &TestRow,
        unchanged: Unchanged,
        held: Option<&(HeldRow, u64)>,
    ) -> Result<(), TestCaseError> {
        let mut sent = self.server.clone();
        sent.kind.resets_defaults = false;
        sent.execute(row);
        let changed = self.changes(&sent);
        let is_excused = |(id, field): &(usize, String)| {
            self.is_excused(Some(*id), field, unchanged, held.map(|it| it.1))
        };
        prop_assert!(
            changed.is_empty() || changed.iter().any(is_excused),
            "{row:?} is {unchanged:?} at {}, but would change {changed:?}; {held:?}",
            self.bench.now,
        );
        Ok(())
    }

    /// Whether nobody could know that the customer of this name has another value. `shown` is the event
    /// after which the snapshot showed it.
    fn is_excused(
        &self,
        id: Option<usize>,
        field: &str,
        unchanged: Unchanged,
        shown: Option<u64>,
    ) -> bool {
        let is_ledgers_word = !matches!(unchanged, Unchanged::Held { .. });
        // Where nobody has the name, any customer may have lost it.
        let mut ids = id.map_or(0..self.server.customers.len(), |id| id..id + 1);
        ids.any(|id| {
            let keys = [field, EMAIL, INTERNO].map(|field| (id, field.to_owned()));
            let last = |map: &BTreeMap<(usize, String), u64>, keys: &[(usize, String)]| {
                keys.iter().filter_map(|key| map.get(key)).max().copied().unwrap_or(0)
            };
            let (names, belief) = (&keys[1..], last(&self.accepted, &keys[..1]));
            let edited = match shown {
                Some(event) => last(&self.edited, &keys) > event,
                None => last(&self.edited, &keys[..1]) > belief || last(&self.edited, names) > 0,
            };
            let belated = last(&self.belated, &keys) > last(&self.accepted, &keys[..1]);
            edited || (is_ledgers_word && belated)
        })
    }

    /// The sender learns the outcome.
    fn end(&mut self, at: usize) {
        let FlyingRow { id, row, update, fate } = self.in_flight.remove(at);
        let outcome = match fate {
            WeekFate::Answered => self.answer(&row, FIRST),
            WeekFate::NotSent => RequestOutcome::NotSent,
            WeekFate::Repeated(late) if update.rename_to().is_none() => {
                self.attempt(&row, late);
                match self.answer(&row, LATER) {
                    // An attempt before it may have been executed.
                    RequestOutcome::Refused => RequestOutcome::Unknown,
                    outcome => outcome,
                }
            }
            WeekFate::Lost(late) | WeekFate::Repeated(late) => {
                self.attempt(&row, late);
                RequestOutcome::Unknown
            }
        };
        let (rules, now) = (&mut self.bench.rules, self.bench.now);
        let changes = rules.record_outcome(id, &update, outcome, now).unwrap();
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
        for FlyingRow { row, fate, .. } in std::mem::take(&mut self.in_flight) {
            match fate {
                WeekFate::NotSent => {}
                WeekFate::Answered => self.attempt(&row, Some(0.0)),
                WeekFate::Lost(late) | WeekFate::Repeated(late) => self.attempt(&row, late),
            }
        }
    }

    fn end_run(&mut self) {
        while !self.in_flight.is_empty() {
            self.end(0);
        }
    }

    fn pull(&mut self, gaps: &[PageGap]) {
        self.wait(1);
        let (mut reading, mut gaps) = (PagedReading::default(), gaps.iter().cloned());
        loop {
            reading.send(self.bench.now);
            let gap = gaps.next().unwrap_or_default();
            gap.changes.iter().for_each(|change| self.change(change));
            self.wait(gap.seconds);
            self.event += 1;
            if reading.answer(gap.page, gap.fails, &self.server, self.event) {
                break;
            }
        }
        self.readings.add(reading.counts);
        self.pulled.push(Pulled::of(&reading));
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
            WeekStep::Panel(change) => self.change(&change),
            WeekStep::Crash(pull_after) => {
                self.crash();
                if let Some((seconds, gaps)) = pull_after {
                    self.wait(seconds);
                    self.pull(&gaps);
                }
                self.begin_run();
            }
            WeekStep::Pull(gaps) => {
                self.end_run();
                self.pull(&gaps);
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
    let [held, known, repeats, older, overtaking] = [const { Cell::new(0) }; 5];
    let checked = runner.run(&world, |((resets_defaults, ages), customers, steps)| {
        let kind = ServerKind { customers_always_exist: false, resets_defaults, minds_case: false };
        let max_age = ages.then_some(Duration::from_hours(2));
        let mut world = SnapshotWorld::new(kind, &customers, Policy { max_age, full: false });
        steps.into_iter().try_for_each(|step| world.step(step))?;
        for (total, count) in [
            (&held, world.held),
            (&known, world.known),
            (&repeats, world.readings.repeats),
            (&older, world.readings.older),
            (&overtaking, world.readings.overtaking),
        ] {
            total.set(total.get() + count);
        }
        Ok(())
    });
    checked.unwrap_or_else(|failure| panic!("{failure}"));
    let [held, known, repeats, older, overtaking] =
        [held, known, repeats, older, overtaking].map(Cell::into_inner);
    println!(
        "{cases} cases: {held} rows held, {known} known; {overtaking} pages overtook another, {repeats} customers met again, {older} of them older"
    );
    let cases = u64::from(cases);
    assert!(held > cases / 10 && known > cases / 100);
    // Rare, and left to chance: `older`.
    assert!(overtaking > cases && repeats > cases / 20);
}
