//! The rules, case by case: what was sent, its outcome, and what is up to date then. Renames and aliases
//! are in `rules_name_tests`.

use std::time::Duration;

use super::accepted_state::{AcceptedState, Policy};
use super::row_keys::RowKeys;
use super::testing::{A_TO_B, Bench, FIRST, LATER, keys, row};
use crate::model::{HeldRecord, HeldRow, HeldValue};
use crate::scheduler::ledger::RequestOutcome::{NotSent, Refused, Unknown};

#[test]
fn the_names_of_an_open_request_are_unknown() {
    let mut bench = Bench::new();
    bench.accept("a@x nome=N");
    bench.accept("b@x nome=N");
    let sent = "a@x nome=M";
    let id = bench.record_intent(sent);
    bench.assert(false, &["a@x nome=N", "a@x nome=M", "A@X nome=N"]);
    bench.assert(true, &["b@x nome=N"]);
    bench.record_outcome(id, sent, FIRST);
    bench.assert(true, &["a@x nome=M"]);
    bench.assert(false, &["a@x nome=N"]);
}

#[test]
fn a_request_that_was_not_sent_changes_nothing() {
    let mut bench = Bench::new();
    bench.accept("a@x nome=N id_interno=7");
    bench.accept(A_TO_B);
    bench.accept("7 campo:x=1");
    let before = [A_TO_B, "b@x nome=N id_interno=7", "7 campo:x=1"];
    bench.assert(true, &before);
    for row in ["a@x nome=M id_interno=8", "b@x email=a@x", "7 email=z@x", "c@x id_interno=7"] {
        bench.send(row, NotSent);
        bench.assert(true, &before);
    }
    assert_eq!(bench.open_intents(), 0);
}

#[test]
fn max_age_excludes_what_is_old_or_from_the_future() {
    let policy = Policy { max_age: Some(Duration::from_secs(100)), full: false };
    let mut bench = Bench::with(policy);
    bench.accept("a@x nome=N");
    bench.now += 60;
    bench.accept("a@x telefone=1");
    bench.now += 40;
    bench.assert(true, &["a@x nome=N telefone=1"]);
    bench.now += 1;
    bench.assert(false, &["a@x nome=N", "a@x nome=N telefone=1"]);
    bench.assert(true, &["a@x telefone=1"]);
    bench.now -= 42;
    bench.assert(false, &["a@x telefone=1"]);
    bench.next_run();
    bench.assert(true, &["a@x nome=N telefone=1"]);
}

#[test]
fn only_a_request_that_was_surely_not_executed_invalidates_nothing() {
    for (how, spared) in [(NotSent, true), (Refused, true), (LATER, false), (Unknown, false)] {
        let mut bench = Bench::new();
        bench.accept("7 nome=N");
        bench.send("a@x nome=M", how);
        bench.assert(spared, &["7 nome=N"]);
    }
    let mut bench = Bench::new();
    bench.accept("7 nome=N");
    bench.record_intent("a@x nome=M");
    bench.next_run().assert(false, &["7 nome=N"]);
}

#[test]
fn requests_that_were_in_flight_together_leave_neither_known() {
    for (one, other) in [
        // Of both types: it may have been one customer.
        ("7 nome=N", "a@x nome=M"),
        // On one name: the circuit breaker's probe repeats a row that may be in flight itself.
        ("a@x nome=old", "a@x nome=new"),
        // To one e-mail.
        ("7 email=m@x", "8 email=m@x"),
    ] {
        for first_ends_last in [true, false] {
            let mut bench = Bench::new();
            bench.accept(one);
            let mut ending = [one, other].map(|row| (bench.record_intent(row), row));
            if first_ends_last {
                ending.reverse();
            }
            for (id, row) in ending {
                bench.record_outcome(id, row, FIRST);
            }
            bench.assert(false, &[one, other]);
            bench.next_run();
            bench.assert(false, &[one, other]);
            bench.accept(other);
            bench.assert(true, &[other]);
        }
    }
}

#[test]
fn the_last_of_three_requests_on_one_name_knows_that_the_second_is_still_open() {
    let [one, two, three] = ["a@x nome=1", "a@x nome=2", "a@x nome=3"];
    let mut bench = Bench::new();
    let ids = (bench.record_intent(one), bench.record_intent(two));
    bench.record_outcome(ids.0, one, FIRST);
    let last = bench.record_intent(three);
    bench.record_outcome(ids.1, two, FIRST);
    bench.record_outcome(last, three, FIRST);
    bench.assert(false, &[one, two, three]);
}

#[test]
fn a_reader_takes_what_an_open_request_may_change_as_unknown() {
    let mut bench = Bench::new();
    for row in ["a@x nome=N", "c@x nome=N", "7 campo:x=1", "8 campo:y=1"] {
        bench.accept(row);
    }
    bench.record_intent("a@x nome=N campo:x=2");
    let (accepted, keys) = (AcceptedState::cautious(&bench.saved()), keys());
    let up_to_date = |text: &str| {
        let (update, records) = (row(text).update(), &bench.rules.records);
        let row = RowKeys::new(&keys, &update);
        accepted.is_up_to_date(&row, None, records, &Policy::default(), bench.now).unwrap()
    };
    assert!(!up_to_date("a@x nome=N"));
    assert!(!up_to_date("7 campo:x=1"));
    assert!(up_to_date("c@x nome=N"));
    assert!(up_to_date("8 campo:y=1"));
}

/// `text` beside a snapshot that shows these values of its customer.
fn held(text: &str, read_at: u32, shown: &str) -> HeldRow {
    let (update, record) = (row(text).update(), row(shown).update());
    let name = record.primary_name();
    let values: Vec<_> =
        record.values().map(|(field, value)| (field.clone(), value.into())).collect();
    let names = vec![(name.ctype, name.text.into())];
    let record = HeldRecord { read_at, names, values };
    let compared = update.values().map(|(field, value)| match record.value(field) {
        Some(held) if held == value => HeldValue::Same,
        Some(_) => HeldValue::Differs,
        None => HeldValue::NotRead,
    });
    let values = compared.collect();
    HeldRow { record, values, assumed: [].into(), is_silent: false }
}

#[test]
fn what_a_snapshot_contradicts_is_forgotten_for_good() {
    let mut bench = Bench::new();
    bench.accept("a@x nome=N idioma=pt_BR");
    bench.now += 1000;
    let read_at = bench.now;
    // Somebody changed the name in the panel; then another column is sent.
    bench.now += 10;
    bench.accept("a@x telefone=1");
    for text in ["a@x nome=N", "a@x idioma=pt_BR", "a@x telefone=1"] {
        let held = held(text, read_at, "a@x nome=P telefone=0");
        let found = bench.rules.check(&row(text).update(), Some(&held), bench.now).unwrap();
        assert_eq!(found.0.is_some(), text.contains("telefone"), "{text}");
        if let Some(changes) = &found.1 {
            bench.apply(changes);
        }
    }
    // And without the snapshot.
    bench.assert(false, &["a@x nome=N", "a@x idioma=pt_BR"]);
    bench.assert(true, &["a@x telefone=1"]);
}

#[test]
fn a_value_that_a_snapshot_confirms_counts_from_its_reading() {
    let max_age = Some(Duration::from_secs(2000));
    let mut bench = Bench::with(Policy { max_age, full: false });
    bench.accept("a@x nome=N telefone=1");
    bench.now += 1500;
    let (text, read_at) = ("a@x nome=N", bench.now);
    let mut check = |read_at| {
        let held = held(text, read_at, "a@x nome=N telefone=1");
        let found = bench.rules.check(&row(text).update(), Some(&held), bench.now).unwrap();
        assert!(found.0.is_some());
        if let Some(changes) = &found.1 {
            bench.apply(changes);
        }
        found.1.is_some()
    };
    assert!(check(read_at));
    assert!(!check(read_at), "nothing new is not written");
    assert!(!check(read_at - 1), "nor what is known from a later time");
    bench.now += 1000;
    bench.assert(true, &[text]);
    bench.assert(false, &["a@x telefone=1"]);
}

#[test]
fn a_request_that_died_with_its_process_may_have_left_at_its_end() {
    let mut bench = Bench::new();
    bench.record_intent("a@x nome=M");
    bench.now += 500;
    bench.next_run();
    bench.now += 200;
    let text = "a@x nome=N";
    let held = held(text, bench.now, text);
    let found = bench.rules.check(&row(text).update(), Some(&held), bench.now + 400).unwrap();
    assert_eq!(found.0, None);
}
