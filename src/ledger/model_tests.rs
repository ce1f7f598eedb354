//! Random nights against a simulated server: whatever is sent, executed, refused, lost or cut off by
//! a crash, a row that is called up to date must be one that the server already holds.

use proptest::prelude::*;

use super::changes::Changes;
use super::simulated_server::{EMAIL, INTERNO, ServerKind, SimulatedServer};
use super::testing::{Bench, TestRow, row};
use crate::model::{CustomerType, Name, Param, Update, same_name};
use crate::scheduler::ledger::RequestOutcome;

/// What happens to a request, and what the sender learns of it.
#[derive(Debug, Clone, Copy)]
enum RequestFate {
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
enum NightStep {
    /// The scheduler comes to a row.
    Row(TestRow, RequestFate),
    /// A request in flight reaches the server.
    Execute(prop::sample::Index),
    /// The sender learns the outcome of one.
    Settle(prop::sample::Index),
    /// The process is killed; `unwritten`: before outcomes that were handed over are durable.
    Crash { unwritten: bool },
    /// Everything in flight ends, and a new night begins.
    Night,
    /// Time passes.
    Wait,
}

fn any_row() -> impl Strategy<Value = TestRow> {
    let value = |field: &'static str, values: &'static [&'static str]| {
        prop::option::weighted(
            0.4,
            prop::sample::select(values).prop_map(move |value| (field, value)),
        )
    };
    let home = prop::sample::select(&["a@x", "b@x", "c@x", "A@x", "1", "2", "3"][..]);
    let fields = (
        value("nome", &["N", "M"]),
        value("campo:k", &["u", "v"]),
        value("criarchamados", &["true", "false"]),
        value(EMAIL, &["a@x", "b@x", "c@x", "B@x", ""]),
        value(INTERNO, &["1", "2", ""]),
    );
    (home, fields).prop_map(|(home, (f1, f2, f3, f4, f5))| {
        let mut row = row(home);
        for (field, value) in [f1, f2, f3, f4, f5].into_iter().flatten() {
            if field != INTERNO || row.ctype == CustomerType::Email {
                row = row.set(field, value);
            }
        }
        if row.values.is_empty() { row.set("nome", "N") } else { row }
    })
}

fn fate() -> impl Strategy<Value = RequestFate> {
    prop_oneof![
        8 => Just(RequestFate::Answered),
        1 => Just(RequestFate::Refused),
        1 => Just(RequestFate::NotSent),
        1 => any::<bool>().prop_map(|executed| RequestFate::Lost { executed }),
        1 => any::<bool>().prop_map(|executed| RequestFate::Repeated { executed }),
    ]
}

fn step() -> impl Strategy<Value = NightStep> {
    prop_oneof![
        10 => (any_row(), fate()).prop_map(|(row, fate)| NightStep::Row(row, fate)),
        5 => any::<prop::sample::Index>().prop_map(NightStep::Execute),
        8 => any::<prop::sample::Index>().prop_map(NightStep::Settle),
        1 => any::<bool>().prop_map(|unwritten| NightStep::Crash { unwritten }),
        1 => Just(NightStep::Night),
        1 => Just(NightStep::Wait),
    ]
}

fn kind() -> impl Strategy<Value = ServerKind> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(customers_always_exist, resets_defaults, minds_case)| ServerKind {
            customers_always_exist,
            resets_defaults,
            minds_case,
        },
    )
}

/// Which customers exist before the ledger knows of any.
fn customers() -> impl Strategy<Value = Vec<(Option<&'static str>, Option<&'static str>)>> {
    let email = prop::sample::select(&[None, Some("a@x"), Some("b@x"), Some("c@x")][..]);
    let interno = prop::sample::select(&[None, Some("1"), Some("2"), Some("3")][..]);
    prop::collection::vec((email, interno), 0..4)
}

struct SentRow {
    id: u64,
    row: TestRow,
    update: Update,
    fate: RequestFate,
    /// What the server said, once it was reached.
    reply: Option<bool>,
}

struct World {
    server: SimulatedServer,
    bench: Bench,
    /// Changes that were handed over and are not durable yet.
    unwritten: Vec<Changes>,
    in_flight: Vec<SentRow>,
    up_to_date: u64,
}

impl World {
    fn new(kind: ServerKind, customers: &[(Option<&'static str>, Option<&'static str>)]) -> Self {
        Self {
            server: SimulatedServer::new(kind, customers),
            bench: Bench::new(),
            unwritten: Vec::new(),
            in_flight: Vec::new(),
            up_to_date: 0,
        }
    }

    /// Makes durable what was handed over, in one commit.
    fn write(&mut self) {
        let unwritten = std::mem::take(&mut self.unwritten);
        let count = unwritten.len();
        let mut group = Changes::default();
        unwritten.into_iter().for_each(|changes| group.merge(changes));
        self.bench.rules.records.durable.apply(&group).unwrap();
        self.bench.rules.records.acknowledge(count);
    }

    fn take(&mut self, row: TestRow, fate: RequestFate) -> Result<(), TestCaseError> {
        let update = row.update();
        // The e-mail that a type-I row gives is left out: the scheduler takes such rows one at
        // a time too, but nothing wrong may be called up to date even if it did not.
        let names = |update: &Update| {
            let other = update.alias().filter(|name| name.ctype == CustomerType::Internal);
            let names = [Some(update.primary_name()), update.rename_to(), other];
            let owned = |name: Name<'_>| (name.ctype, name.text.to_lowercase());
            names.into_iter().flatten().map(owned).collect::<Vec<_>>()
        };
        let own = names(&update);
        // The scheduler's part: one at a time where names meet, and no row is called unchanged while one
        // of the other type may be about the same customer.
        let meets = |other: &SentRow| names(&other.update).iter().any(|name| own.contains(name));
        while let Some(at) = self.in_flight.iter().position(meets) {
            self.end(at);
        }
        if self.server.kind.minds_case
            && update
                .param(Param::Email)
                .is_some_and(|email| email != row.identifier && same_name(email, &row.identifier))
        {
            // Taken for one customer by decision: mail systems ignore case.
            return Ok(());
        }
        let now = self.bench.now;
        let mut up_to_date = self.bench.rules.check(&update, None, now).unwrap().0.is_some();
        if up_to_date {
            while let Some(at) = self.in_flight.iter().position(|f| f.row.ctype != row.ctype) {
                self.end(at);
            }
            up_to_date = self.bench.rules.check(&update, None, now).unwrap().0.is_some();
        }
        if up_to_date {
            self.up_to_date += 1;
            let held = self.server.holds(&row);
            prop_assert!(held.is_ok(), "{row:?} is called up to date, but {held:?}");
            return Ok(());
        }
        self.bench.ids += 1;
        let id = self.bench.ids;
        let changes = self.bench.rules.record_intent(id, &update, now).unwrap();
        self.unwritten.push(changes);
        self.write();
        self.in_flight.push(SentRow { id, row, update, fate, reply: None });
        if self.in_flight.len() > 3 {
            self.end(0);
        }
        Ok(())
    }

    fn execute(&mut self, at: usize) {
        let sent_row = &mut self.in_flight[at];
        let executes = matches!(
            sent_row.fate,
            RequestFate::Answered
                | RequestFate::Lost { executed: true }
                | RequestFate::Repeated { executed: true }
        );
        if sent_row.reply.is_none() && executes {
            sent_row.reply = Some(self.server.execute(&sent_row.row));
        }
    }

    /// The request reaches the server if it ever does; then its outcome is handed over, which need not
    /// be durable before the next intent is.
    fn end(&mut self, at: usize) {
        self.execute(at);
        let sent_row = self.in_flight.remove(at);
        let mut answer = |first_attempt| match sent_row.reply.filter(|_| first_attempt) {
            Some(reply) => reply,
            None => self.server.execute(&sent_row.row),
        };
        let outcome = match sent_row.fate {
            RequestFate::Answered if answer(true) => {
                RequestOutcome::Accepted { first_attempt: true }
            }
            RequestFate::Answered | RequestFate::Refused => RequestOutcome::Refused,
            RequestFate::NotSent => RequestOutcome::NotSent,
            // A rename is not repeated.
            RequestFate::Repeated { .. }
                if sent_row.update.rename_to().is_none() && answer(false) =>
            {
                RequestOutcome::Accepted { first_attempt: false }
            }
            RequestFate::Lost { .. } | RequestFate::Repeated { .. } => RequestOutcome::Unknown,
        };
        let (rules, now) = (&mut self.bench.rules, self.bench.now);
        let changes = rules.record_outcome(sent_row.id, &sent_row.update, outcome, now).unwrap();
        self.unwritten.push(changes);
    }

    fn crash(&mut self, unwritten: bool) {
        for at in 0..self.in_flight.len() {
            self.execute(at);
        }
        if !unwritten {
            self.write();
        }
        self.unwritten.clear();
        self.in_flight.clear();
        self.bench.next_run();
    }

    fn step(&mut self, step: NightStep) -> Result<(), TestCaseError> {
        match step {
            NightStep::Row(row, fate) => self.take(row, fate)?,
            NightStep::Execute(at) if !self.in_flight.is_empty() => {
                self.execute(at.index(self.in_flight.len()));
            }
            NightStep::Settle(at) if !self.in_flight.is_empty() => {
                self.end(at.index(self.in_flight.len()));
            }
            NightStep::Execute(_) | NightStep::Settle(_) => {}
            NightStep::Crash { unwritten } => self.crash(unwritten),
            NightStep::Night => {
                while !self.in_flight.is_empty() {
                    self.end(0);
                }
                self.crash(false);
            }
            NightStep::Wait => self.bench.now += 400,
        }
        Ok(())
    }
}

proptest! {
    // Some seconds in a debug build.
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn a_row_that_is_up_to_date_is_one_that_the_server_holds(
        kind in kind(),
        customers in customers(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new(kind, &customers);
        steps.into_iter().try_for_each(|step| world.step(step))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// The other side: what was accepted in a quiet night is not sent again.
    #[test]
    fn a_second_quiet_night_sends_nothing(
        kind in kind(),
        rows in prop::collection::btree_map("[a-z]{1,3}", ("[a-z]{0,3}", "[a-z]{0,3}"), 1..20),
        internal: bool,
        fresh_ids: bool,
    ) {
        let kind = ServerKind { customers_always_exist: true, ..kind };
        let mut world = World::new(kind, &[]);
        let rows: Vec<_> = rows
            .iter()
            .map(|(name, (nome, campo))| {
                let (ctype, other) = match internal {
                    true => (CustomerType::Internal, EMAIL),
                    false => (CustomerType::Email, INTERNO),
                };
                let row = TestRow::new(ctype, name).set("nome", nome).set("campo:c", campo);
                if fresh_ids { row.set(other, &format!("{name}!")) } else { row }
            })
            .collect();
        for row in &rows {
            world.take(row.clone(), RequestFate::Answered)?;
        }
        world.step(NightStep::Night)?;
        for row in &rows {
            world.take(row.clone(), RequestFate::Answered)?;
        }
        prop_assert_eq!(world.up_to_date, rows.len() as u64);
    }
}
