//! The rules, case by case: what was sent, its outcome, and what is up to date then. Renames and aliases
//! are in `rules_name_tests`.

use std::time::Duration;

use super::accepted_state::{AcceptedState, Policy};
use super::row_keys::RowKeys;
use super::testing::{Bench, FIRST, LATER, TestRow, a, a_to_b, b, e, i, keys};
use crate::scheduler::ledger::RequestOutcome::{NotSent, Refused, Unknown};

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
    let print = keys().fingerprint(&a().set("nome", "v2").update());
    assert_eq!(bench.saved().intents[0].fingerprint, print);
    let mut bench = bench.next_run();
    assert_eq!(bench.open_intents(), 0);
    bench.assert(false, &[a().set("nome", "v1"), a().set("nome", "v2")]);
    bench.assert(true, &[b().set("nome", "v1")]);
    bench.accept(&a().set("nome", "v1"));
    bench.assert(true, &[a().set("nome", "v1")]);
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
    let (accepted, keys) = (AcceptedState::cautious(&bench.saved()), keys());
    let up_to_date = |row: TestRow| {
        let (update, records) = (row.update(), &bench.rules.records);
        let row = RowKeys::new(&keys, &update);
        accepted.is_up_to_date(&row, records, &Policy::default(), bench.now).unwrap()
    };
    assert!(!up_to_date(a().set("nome", "N")));
    assert!(!up_to_date(i("7").set("campo:x", "1")));
    assert!(up_to_date(e("c@x").set("nome", "N")));
    assert!(up_to_date(i("8").set("campo:y", "1")));
}
