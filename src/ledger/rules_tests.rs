//! The rules, case by case: what was sent, its outcome, and what is up to date then.

use std::borrow::Borrow;
use std::time::Duration;

use super::accepted_state::{AcceptedState, Policy};
use super::changes::Changes;
use super::keys::Keys;
use super::row_keys::{FieldKeyCache, RowKeys};
use super::rules::{Leftover, Rules};
use super::testing::{MemoryTables, TestRow, e, i};
use crate::scheduler::ledger::RequestOutcome::{self, Accepted, NotSent, Refused, Unknown};

const FIRST: RequestOutcome = Accepted { first_attempt: true };
const LATER: RequestOutcome = Accepted { first_attempt: false };

fn keys() -> Keys {
    Keys::from_token("https://api.example", b"token")
}

/// An account under the rules, one row at a time; every change is durable at once.
struct Bench {
    rules: Rules<MemoryTables>,
    now: u32,
    ids: u64,
}

impl Bench {
    fn new() -> Self {
        Self::with(Policy::default())
    }

    fn with(policy: Policy) -> Self {
        let (bench, leftovers) = Self::open(MemoryTables::default(), policy, 1_000_000);
        assert!(leftovers.is_empty());
        bench
    }

    fn open(tables: MemoryTables, policy: Policy, now: u32) -> (Self, Vec<Leftover>) {
        let saved = tables.load();
        let (rules, leftovers, changes) = Rules::open(keys(), policy, saved, tables, now).unwrap();
        let mut bench = Self { rules, now, ids: 0 };
        bench.apply(&changes);
        (bench, leftovers)
    }

    fn apply(&mut self, changes: &Changes) {
        self.rules.durable().apply(changes);
        self.rules.acknowledge(1);
    }

    fn record_intent_as(&mut self, id: u64, row: &TestRow) {
        let changes = self.rules.record_intent(id, &row.update(), self.now).unwrap();
        self.apply(&changes);
    }

    fn record_intent(&mut self, row: &TestRow) -> u64 {
        self.ids += 1;
        self.record_intent_as(self.ids, row);
        self.ids
    }

    fn record_outcome(&mut self, id: u64, row: &TestRow, outcome: RequestOutcome) -> bool {
        let (changes, uncertain) =
            self.rules.record_outcome(id, &row.update(), outcome, self.now).unwrap();
        self.apply(&changes);
        uncertain
    }

    /// Sends a row; returns whether a refusal would prove nothing.
    fn send(&mut self, row: &TestRow, outcome: RequestOutcome) -> bool {
        let id = self.record_intent(row);
        self.record_outcome(id, row, outcome)
    }

    fn accept(&mut self, row: &TestRow) {
        self.send(row, FIRST);
    }

    #[track_caller]
    fn assert<R: Borrow<TestRow>>(&mut self, up_to_date: bool, rows: &[R]) {
        for row in rows {
            let row = row.borrow();
            let found = self.rules.check(&row.update(), self.now).unwrap();
            assert_eq!(found, up_to_date, "{row:?}");
        }
    }

    /// Ends this process, in good order or by a crash, and starts the next.
    fn restart(self, policy: Policy) -> (Self, Vec<Leftover>) {
        let Self { rules, now, ids } = self;
        let (bench, leftovers) = Self::open(rules.into_durable(), policy, now);
        (Self { ids, ..bench }, leftovers)
    }

    fn next_run(self) -> Self {
        self.restart(Policy::default()).0
    }

    fn open_intents(&mut self) -> usize {
        self.rules.durable().open_intents()
    }
}

fn a() -> TestRow {
    e("a@x")
}

fn b() -> TestRow {
    e("b@x")
}

fn a_to_b() -> TestRow {
    a().set("email", "b@x").set("nome", "N")
}

#[test]
fn an_accepted_value_is_up_to_date_and_no_other() {
    let mut bench = Bench::new();
    bench.assert(false, &[a().set("nome", "N")]);
    bench.accept(&a().set("nome", "N").set("telefone", "1"));
    bench.assert(
        true,
        &[
            a().set("nome", "N"),
            a().set("telefone", "1"),
            a().set("telefone", "1").set("nome", "N"),
        ],
    );
    bench.assert(
        false,
        &[
            a().set("nome", "M"),
            a().set("nome", ""),
            a().set("nome", "N").set("telefone", "2"),
            a().set("nome", "N").set("campo:c", "1"),
            b().set("nome", "N"),
            i("a@x").set("nome", "N"),
        ],
    );
    let mut bench = bench.next_run();
    bench.assert(true, &[a().set("nome", "N").set("telefone", "1")]);
}

#[test]
fn jobs_on_other_columns_do_not_make_each_other_forget() {
    let mut bench = Bench::new();
    bench.accept(&a().set("nome", "N"));
    bench.accept(&a().set("campo:x", "1"));
    bench.accept(&a().set("campo:x", "2"));
    bench.assert(true, &[a().set("nome", "N").set("campo:x", "2")]);
    bench.assert(false, &[a().set("campo:x", "1")]);
}

#[test]
fn an_emptied_value_is_a_value() {
    let mut bench = Bench::new();
    bench.accept(&a().set("portfolio_id", ""));
    bench.assert(true, &[a().set("portfolio_id", "")]);
    bench.assert(false, &[a().set("portfolio_id", "7")]);
}

#[test]
fn the_names_of_an_open_request_are_unknown() {
    let mut bench = Bench::new();
    bench.accept(&a().set("nome", "N"));
    bench.accept(&b().set("nome", "N"));
    let sent = a().set("nome", "M");
    let id = bench.record_intent(&sent);
    bench.assert(false, &[a().set("nome", "N"), a().set("nome", "M"), e("A@X").set("nome", "N")]);
    bench.assert(true, &[b().set("nome", "N")]);
    bench.record_outcome(id, &sent, FIRST);
    bench.assert(true, &[a().set("nome", "M")]);
    bench.assert(false, &[a().set("nome", "N")]);
}

#[test]
fn a_request_that_was_not_sent_changes_nothing() {
    let mut bench = Bench::new();
    bench.accept(&a().set("nome", "N").set("id_interno", "7"));
    bench.accept(&a_to_b());
    bench.accept(&i("7").set("campo:x", "1"));
    let before =
        [a_to_b(), b().set("nome", "N").set("id_interno", "7"), i("7").set("campo:x", "1")];
    bench.assert(true, &before);
    for row in [
        a().set("nome", "M").set("id_interno", "8"),
        b().set("email", "a@x"),
        i("7").set("email", "z@x"),
        e("c@x").set("id_interno", "7"),
    ] {
        bench.send(&row, NotSent);
        bench.assert(true, &before);
    }
    assert_eq!(bench.open_intents(), 0);
}

#[test]
fn anything_but_a_first_success_leaves_nothing_known() {
    for how in [LATER, Refused, Unknown] {
        let mut bench = Bench::new();
        bench.accept(&a().set("nome", "N").set("telefone", "1"));
        bench.accept(&b().set("nome", "N"));
        bench.send(&a().set("nome", "N"), how);
        bench.assert(false, &[a().set("nome", "N"), a().set("telefone", "1")]);
        bench.assert(true, &[b().set("nome", "N")]);
        assert_eq!(bench.open_intents(), 0, "{how:?}");
    }
}

#[test]
fn a_crash_in_flight_is_no_definite_answer() {
    let mut bench = Bench::new();
    bench.accept(&a().set("nome", "v1"));
    bench.accept(&b().set("nome", "v1"));
    bench.record_intent(&a().set("nome", "v2"));
    let (mut bench, leftovers) = bench.restart(Policy::default());
    let print = keys().fingerprint(&a().set("nome", "v2").update());
    assert_eq!(leftovers, [Leftover { fingerprint: print, at: 1_000_000, rename: false }]);
    bench.assert(false, &[a().set("nome", "v1"), a().set("nome", "v2")]);
    bench.assert(true, &[b().set("nome", "v1")]);
    bench.accept(&a().set("nome", "v1"));
    bench.assert(true, &[a().set("nome", "v1")]);
    let (_, leftovers) = bench.restart(Policy::default());
    assert!(leftovers.is_empty());
}

#[test]
fn fields_with_a_documented_default_are_unknown_once_left_out() {
    let mut bench = Bench::new();
    bench.accept(&a().set("criarchamados", "false").set("idioma", "en_US").set("nome", "N"));
    bench.assert(true, &[a().set("criarchamados", "false").set("idioma", "en_US")]);
    bench.accept(&a().set("campo:x", "1").set("idioma", "en_US"));
    bench.assert(true, &[a().set("idioma", "en_US").set("nome", "N")]);
    bench.assert(false, &[a().set("criarchamados", "false")]);
    bench.accept(&a().set("campo:x", "2"));
    bench.assert(false, &[a().set("idioma", "en_US")]);
}

#[test]
fn nothing_is_known_under_another_spelling_of_the_identifier() {
    let mut bench = Bench::new();
    bench.accept(&e("Ana@x").set("nome", "N").set("telefone", "1"));
    bench.assert(false, &[e("ana@x").set("nome", "N")]);
    bench.accept(&e("ana@x").set("nome", "N"));
    bench.assert(true, &[e("ana@x").set("nome", "N")]);
    // A server that minds letter case would have two customers now.
    bench.assert(false, &[e("Ana@x").set("nome", "N"), e("ana@x").set("telefone", "1")]);
}

#[test]
fn max_age_excludes_what_is_old_or_from_the_future() {
    let policy = Policy { max_age: Some(Duration::from_secs(100)), full: false };
    let mut bench = Bench::with(policy);
    bench.accept(&a().set("nome", "N"));
    bench.now += 60;
    bench.accept(&a().set("telefone", "1"));
    bench.now += 40;
    bench.assert(true, &[a().set("nome", "N").set("telefone", "1")]);
    bench.now += 1;
    bench.assert(false, &[a().set("nome", "N"), a().set("nome", "N").set("telefone", "1")]);
    bench.assert(true, &[a().set("telefone", "1")]);
    bench.now -= 42;
    bench.assert(false, &[a().set("telefone", "1")]);
    let mut bench = bench.next_run();
    bench.assert(true, &[a().set("nome", "N").set("telefone", "1")]);
}

#[test]
fn a_full_run_sends_everything_and_records_everything() {
    let mut bench = Bench::with(Policy { max_age: None, full: true });
    bench.accept(&a().set("nome", "N"));
    bench.assert(false, &[a().set("nome", "N")]);
    bench.next_run().assert(true, &[a().set("nome", "N")]);
}

#[test]
fn a_field_accepted_under_one_type_is_invalidated_under_the_other() {
    let mut bench = Bench::new();
    bench.accept(&i("7").set("nome", "N").set("telefone", "1").set("idioma", "en_US"));
    bench.accept(&a().set("nome", "M"));
    bench.assert(false, &[i("7").set("nome", "N"), i("7").set("idioma", "en_US")]);
    bench.assert(true, &[i("7").set("telefone", "1"), a().set("nome", "M")]);
    bench.accept(&i("7").set("nome", "N"));
    bench.assert(false, &[a().set("nome", "M")]);
    let mut bench = bench.next_run();
    bench.assert(false, &[a().set("nome", "M"), i("7").set("idioma", "en_US")]);
    bench.assert(true, &[i("7").set("nome", "N").set("telefone", "1")]);
}

#[test]
fn only_a_request_that_was_surely_not_executed_invalidates_nothing() {
    for (how, spared) in [(NotSent, true), (Refused, true), (LATER, false), (Unknown, false)] {
        let mut bench = Bench::new();
        bench.accept(&i("7").set("nome", "N"));
        bench.send(&a().set("nome", "M"), how);
        bench.assert(spared, &[i("7").set("nome", "N")]);
    }
    let mut bench = Bench::new();
    bench.accept(&i("7").set("nome", "N"));
    bench.record_intent(&a().set("nome", "M"));
    bench.next_run().assert(false, &[i("7").set("nome", "N")]);
}

#[test]
fn overlapping_requests_of_both_types_leave_neither_known() {
    let (old, new) = (i("7").set("nome", "N"), a().set("nome", "M"));
    for old_ends_last in [true, false] {
        let mut bench = Bench::new();
        let (first, second) = (bench.record_intent(&old), bench.record_intent(&new));
        if old_ends_last {
            bench.record_outcome(second, &new, FIRST);
            bench.record_outcome(first, &old, FIRST);
        } else {
            bench.record_outcome(first, &old, FIRST);
            bench.record_outcome(second, &new, FIRST);
        }
        bench.assert(false, &[old.clone(), new.clone()]);
        bench.next_run().assert(false, &[old.clone(), new.clone()]);
    }
}

#[test]
fn a_rename_moves_the_values_and_leaves_a_pointer() {
    let mut bench = Bench::new();
    bench.accept(&a().set("telefone", "1").set("idioma", "en_US").set("nome", "O"));
    bench.accept(&b().set("campo:x", "theirs").set("telefone", "9"));
    bench.accept(&a_to_b());
    bench.assert(
        true,
        &[
            a_to_b(),
            a_to_b().set("telefone", "1"),
            b().set("nome", "N").set("telefone", "1").set("email", "b@x"),
        ],
    );
    bench.assert(
        false,
        &[
            a().set("nome", "N"),
            a().set("telefone", "1"),
            a().set("nome", "N").set("email", "a@x"),
            a().set("email", "c@x").set("nome", "N"),
            a_to_b().set("idioma", "en_US"),
            b().set("campo:x", "theirs"),
            b().set("telefone", "9"),
            e("A@x").set("email", "b@x").set("nome", "N"),
            a().set("email", "B@x").set("nome", "N"),
        ],
    );
    bench.accept(&e("c@x").set("email", "c@x").set("nome", "N"));
    bench.assert(false, &[a().set("email", "c@x").set("nome", "N")]);
    // The values can be kept up to date under the new name, and moved on.
    bench.accept(&b().set("telefone", "2"));
    bench.assert(true, &[a_to_b(), a_to_b().set("telefone", "2")]);
    bench.accept(&b().set("email", "c@x"));
    let c = e("c@x");
    bench.assert(true, &[c.clone().set("nome", "N").set("telefone", "2"), b().set("email", "c@x")]);
    // In the chain a→b→c no customer is found at b any more.
    bench.assert(false, &[a_to_b(), b().set("nome", "N")]);
    bench.next_run().assert(true, &[c.set("nome", "N").set("telefone", "2")]);
}

#[test]
fn a_rename_from_another_spelling_moves_no_values() {
    let mut bench = Bench::new();
    bench.accept(&e("A@x").set("telefone", "1"));
    bench.accept(&a_to_b());
    bench.assert(false, &[b().set("telefone", "1")]);
    bench.assert(true, &[b().set("nome", "N")]);
}

#[test]
fn the_pointer_ends_when_the_old_name_is_written_to() {
    for (row, how) in [
        (a().set("nome", "Z"), FIRST),
        (a().set("nome", "Z"), Refused),
        (a().set("nome", "Z"), Unknown),
        (e("c@x").set("email", "a@x"), FIRST),
        (e("c@x").set("email", "a@x"), Unknown),
        (a().set("email", "c@x"), Refused),
    ] {
        let mut bench = Bench::new();
        bench.accept(&a_to_b());
        bench.assert(true, &[a_to_b()]);
        bench.send(&row, how);
        bench.assert(false, &[a_to_b()]);
        bench.assert(true, &[b().set("nome", "N")]);
    }
}

#[test]
fn a_rename_without_an_answer_stays_open_until_there_is_one() {
    for crash in [true, false] {
        let mut bench = Bench::new();
        bench.accept(&a().set("nome", "N"));
        bench.accept(&b().set("nome", "N"));
        match crash {
            true => drop(bench.record_intent(&a_to_b())),
            false => assert!(!bench.send(&a_to_b(), Unknown)),
        }
        for _ in 0..3 {
            let (next, leftovers) = bench.restart(Policy::default());
            bench = next;
            assert!(matches!(leftovers[..], [Leftover { rename: true, .. }]));
            bench.assert(false, &[a_to_b(), a().set("nome", "N"), b().set("nome", "N")]);
        }
        // A refusal of a row that depends on it proves nothing.
        assert!(bench.send(&b().set("nome", "N"), Refused));
        assert!(bench.send(&e("c@x").set("email", "a@x"), Refused));
        assert!(!bench.send(&e("c@x").set("nome", "N"), Refused));
        // What is accepted while the rename is open is not known.
        bench.accept(&b().set("telefone", "1"));
        bench.assert(false, &[b().set("telefone", "1")]);
        bench.accept(&a_to_b());
        assert_eq!(bench.open_intents(), 0);
        bench.assert(true, &[a_to_b(), b().set("nome", "N")]);
        bench.assert(false, &[b().set("telefone", "1")]);
        let (_, leftovers) = bench.restart(Policy::default());
        assert!(leftovers.is_empty());
    }
}

#[test]
fn a_refused_repeat_of_an_open_rename_is_uncertain_and_closes_it() {
    let mut bench = Bench::new();
    bench.send(&a_to_b(), Unknown);
    let mut bench = bench.next_run();
    assert!(bench.send(&a_to_b().set("telefone", "1"), Refused));
    assert_eq!(bench.open_intents(), 0);
    // What depends on it in the same run is uncertain too, at any distance.
    let (b_to_c, c) = (b().set("email", "c@x"), e("c@x").set("nome", "N"));
    assert!(!bench.send(&e("d@x").set("email", "c@x"), Refused));
    assert!(!bench.send(&c, Refused));
    for row in [a_to_b(), b().set("nome", "N"), b_to_c, c] {
        assert!(bench.send(&row, Refused), "{row:?}");
    }
    bench.accept(&b().set("nome", "N"));
    assert!(!bench.send(&b().set("nome", "O"), Refused), "it has answered");
    let mut bench = bench.next_run();
    assert!(!bench.send(&a_to_b(), Refused), "the next run's refusal is a plain one");
}

#[test]
fn an_open_rename_stays_open_without_a_definite_answer() {
    let mut bench = Bench::new();
    bench.send(&a_to_b(), Unknown);
    bench.send(&a_to_b(), NotSent);
    assert_eq!(bench.open_intents(), 1);
    bench.send(&a_to_b(), Unknown);
    assert_eq!(bench.open_intents(), 1, "one rename is open once");
    let mut bench = bench.next_run();
    bench.send(&b().set("nome", "N"), FIRST);
    assert_eq!(bench.open_intents(), 1);
    bench.send(&a().set("nome", "N"), Refused);
    bench.send(&a().set("email", "c@x"), Refused);
    assert_eq!(bench.open_intents(), 1);
}

#[test]
fn an_old_name_that_answers_much_later_was_not_renamed() {
    let mut bench = Bench::new();
    bench.send(&a_to_b(), Unknown);
    bench.now += 599;
    bench.accept(&a().set("nome", "N"));
    assert_eq!(bench.open_intents(), 1, "the rename may still be executed");
    bench.now += 1;
    let mut bench = bench.next_run();
    bench.accept(&a().set("nome", "N"));
    assert_eq!(bench.open_intents(), 0);
    bench.assert(true, &[a().set("nome", "N")]);
}

#[test]
fn an_open_rename_invalidates_the_other_type_only_once() {
    let mut bench = Bench::new();
    bench.accept(&i("7").set("nome", "N"));
    bench.send(&a_to_b(), Unknown);
    bench.assert(false, &[i("7").set("nome", "N")]);
    bench.accept(&i("7").set("nome", "N"));
    let mut bench = bench.next_run();
    bench.assert(true, &[i("7").set("nome", "N")]);
}

#[test]
fn an_internal_id_that_is_given_again_changes_its_owner() {
    let (a7, c7) = (a().set("id_interno", "7"), e("c@x").set("id_interno", "7"));
    let mut bench = Bench::new();
    bench.accept(&i("7").set("campo:x", "1"));
    bench.accept(&i("8").set("campo:x", "1"));
    bench.accept(&a7.clone().set("nome", "N"));
    // It is not known which internal id the customer had before.
    bench.assert(false, &[i("7").set("campo:x", "1"), i("8").set("campo:x", "1")]);
    bench.assert(true, &[&a7]);
    bench.accept(&c7);
    bench.assert(true, &[c7.clone(), a().set("nome", "N")]);
    bench.assert(false, &[&a7]);
    bench.next_run().assert(false, &[a7]);
}

#[test]
fn a_repeated_internal_id_costs_nothing_more() {
    let a7 = a().set("id_interno", "7");
    let mut bench = Bench::new();
    bench.accept(&a7);
    bench.accept(&i("7").set("campo:x", "1"));
    bench.accept(&i("8").set("campo:x", "1"));
    bench.accept(&a7.clone().set("nome", "M"));
    bench.assert(true, &[a7.clone(), i("7").set("campo:x", "1"), i("8").set("campo:x", "1")]);
    // However old the value is, and even if everything is to be sent.
    for policy in [
        Policy { max_age: Some(Duration::ZERO), full: false },
        Policy { max_age: None, full: true },
    ] {
        let mut next = Bench { rules: bench.rules, ..bench }.restart(policy).0;
        next.now += 50;
        next.accept(&a7);
        bench = next.next_run();
        bench.assert(true, &[a7.clone(), i("7").set("campo:x", "1")]);
    }
    bench.accept(&a().set("id_interno", "9"));
    bench.assert(false, &[a7, i("7").set("campo:x", "1"), i("8").set("campo:x", "1")]);
}

#[test]
fn an_internal_id_moves_with_its_customer() {
    let mut bench = Bench::new();
    bench.accept(&a().set("id_interno", "7"));
    bench.accept(&a_to_b());
    bench.assert(true, &[b().set("id_interno", "7"), a_to_b().set("id_interno", "7")]);
    bench.accept(&e("c@x").set("id_interno", "7"));
    bench.assert(false, &[b().set("id_interno", "7"), a_to_b().set("id_interno", "7")]);
    bench.assert(true, &[a_to_b()]);
}

#[test]
fn an_internal_id_that_may_have_been_given_away_is_unknown() {
    for (how, kept) in [(Unknown, false), (LATER, false), (Refused, true)] {
        let mut bench = Bench::new();
        bench.accept(&a().set("id_interno", "7"));
        bench.send(&e("c@x").set("id_interno", "7"), how);
        bench.assert(kept, &[a().set("id_interno", "7")]);
    }
    // But its owner does not depend on the outcome of updates under it.
    for how in [FIRST, LATER, Unknown, Refused] {
        let mut bench = Bench::new();
        bench.accept(&a().set("id_interno", "7"));
        bench.send(&i("7").set("campo:x", "1"), how);
        bench.assert(true, &[a().set("id_interno", "7")]);
    }
}

#[test]
fn a_cleared_internal_id_takes_a_name_away() {
    let mut bench = Bench::new();
    bench.accept(&i("7").set("campo:x", "1"));
    bench.accept(&a().set("id_interno", ""));
    bench.assert(false, &[i("7").set("campo:x", "1")]);
    bench.assert(true, &[a().set("id_interno", "")]);
    bench.accept(&i("7").set("campo:x", "1"));
    bench.accept(&a().set("id_interno", ""));
    bench.assert(true, &[i("7").set("campo:x", "1")]);
}

#[test]
fn a_new_email_under_an_internal_id_may_rename_any_customer() {
    let seven = i("7").set("email", "m@x");
    let mut bench = Bench::new();
    bench.accept(&a().set("campo:x", "1"));
    bench.accept(&e("m@x").set("campo:x", "1"));
    bench.accept(&a_to_b());
    bench.accept(&seven);
    bench.assert(
        false,
        &[a().set("campo:x", "1"), e("m@x").set("campo:x", "1"), b().set("nome", "N"), a_to_b()],
    );
    bench.assert(true, &[&seven]);
    // The pointer is as old as the rename, even if the new name was written to since.
    bench.accept(&b().set("nome", "N").set("email", "b@x"));
    bench.assert(false, &[a_to_b()]);
    // The same e-mail once more renames no customer.
    bench.accept(&seven);
    bench.accept(&a().set("campo:x", "1"));
    bench.accept(&seven.clone().set("nome", "Z"));
    bench.assert(true, &[a().set("campo:x", "1"), seven.clone()]);
}

#[test]
fn an_email_that_two_internal_ids_were_given_belongs_to_the_last() {
    let (seven, eight) = (i("7").set("email", "m@x"), i("8").set("email", "m@x"));
    let mut bench = Bench::new();
    bench.accept(&seven);
    bench.accept(&eight);
    bench.assert(false, &[&seven]);
    bench.assert(true, &[&eight]);
    // Two in flight together: it is not known which came last.
    let (first, second) = (bench.record_intent(&seven), bench.record_intent(&eight));
    bench.record_outcome(second, &eight, FIRST);
    bench.record_outcome(first, &seven, FIRST);
    bench.assert(false, &[seven.clone(), eight.clone()]);
    // While one of them is given the e-mail, the other cannot be said to have it.
    bench.accept(&eight);
    let id = bench.record_intent(&seven);
    bench.assert(false, &[&eight]);
    bench.record_outcome(id, &seven, NotSent);
    bench.assert(true, &[eight]);
}

#[test]
fn two_requests_on_one_name_at_once_leave_nothing_known() {
    // The circuit breaker's probe repeats a row that may be in flight itself.
    let (probe, row) = (a().set("nome", "old"), a().set("nome", "new"));
    for probe_ends_last in [true, false] {
        let mut bench = Bench::new();
        bench.accept(&probe);
        let ids = (bench.record_intent(&probe), bench.record_intent(&row));
        if probe_ends_last {
            bench.record_outcome(ids.1, &row, FIRST);
            bench.assert(false, &[&row]);
            bench.record_outcome(ids.0, &probe, FIRST);
        } else {
            bench.record_outcome(ids.0, &probe, FIRST);
            bench.record_outcome(ids.1, &row, FIRST);
        }
        bench.assert(false, &[probe.clone(), row.clone()]);
        bench.accept(&row);
        bench.assert(true, &[&row]);
    }
}

#[test]
fn the_last_of_three_requests_on_one_name_knows_that_the_second_is_still_open() {
    let [one, two, three] = ["1", "2", "3"].map(|value| a().set("nome", value));
    let mut bench = Bench::new();
    let ids = (bench.record_intent(&one), bench.record_intent(&two));
    bench.record_outcome(ids.0, &one, FIRST);
    let last = bench.record_intent(&three);
    bench.record_outcome(ids.1, &two, FIRST);
    bench.record_outcome(last, &three, FIRST);
    bench.assert(false, &[one, two, three]);
}

#[test]
fn an_update_that_removes_its_own_name_is_never_up_to_date() {
    let mut bench = Bench::new();
    bench.accept(&a().set("nome", "N"));
    let nameless = a().set("email", "").set("nome", "N");
    bench.accept(&nameless);
    bench.assert(false, &[nameless, a().set("nome", "N")]);
}

#[test]
fn an_intent_is_recorded_once_and_an_unknown_id_is_ignored() {
    let mut bench = Bench::new();
    let row = a().set("nome", "N");
    bench.record_intent_as(7, &row);
    bench.record_intent_as(7, &row);
    assert_eq!(bench.open_intents(), 1);
    bench.record_outcome(7, &row, FIRST);
    bench.record_outcome(7, &row, Refused);
    bench.record_outcome(99, &row, Refused);
    bench.assert(true, &[row]);
}

#[test]
fn a_reader_takes_what_an_open_request_may_change_as_unknown() {
    let mut bench = Bench::new();
    for row in [a().set("nome", "N"), e("c@x").set("nome", "N")] {
        bench.accept(&row);
    }
    bench.accept(&i("7").set("campo:x", "1"));
    bench.accept(&i("8").set("campo:y", "1"));
    bench.record_intent(&a().set("nome", "N").set("campo:x", "2"));
    let mut tables = bench.rules.into_durable();
    let accepted = AcceptedState::cautious(&tables.load());
    let keys = keys();
    let mut up_to_date = |row: TestRow| {
        let (update, mut fields) = (row.update(), FieldKeyCache::default());
        let row = RowKeys::new(&keys, &mut fields, &update);
        accepted.is_up_to_date(&row, &mut tables, &Policy::default(), bench.now).unwrap()
    };
    assert!(!up_to_date(a().set("nome", "N")));
    assert!(!up_to_date(i("7").set("campo:x", "1")));
    assert!(up_to_date(e("c@x").set("nome", "N")));
    assert!(up_to_date(i("8").set("campo:y", "1")));
}
