//! The rules about names, case by case: renames with and without an answer, and aliases.

use std::time::Duration;

use super::accepted_state::Policy;
use super::testing::{A_TO_B, Bench, FIRST, LATER};
use crate::scheduler::ledger::RequestOutcome::{NotSent, Refused, Unknown};

#[test]
fn a_rename_moves_the_values_and_leaves_a_pointer() {
    let mut bench = Bench::new();
    bench.accept("a@x telefone=1 idioma=en_US nome=O");
    bench.accept("b@x campo:x=theirs telefone=9");
    bench.accept(A_TO_B);
    bench.assert(
        true,
        &[A_TO_B, "a@x email=b@x nome=N telefone=1", "b@x nome=N telefone=1 email=b@x"],
    );
    bench.assert(
        false,
        &[
            "a@x nome=N",
            "a@x nome=N email=a@x",
            "a@x email=c@x nome=N",
            "a@x email=b@x nome=N idioma=en_US",
            "b@x campo:x=theirs",
            "A@x email=b@x nome=N",
            "a@x email=B@x nome=N",
        ],
    );
    bench.accept("c@x email=c@x nome=N");
    bench.assert(false, &["a@x email=c@x nome=N"]);
    // The values can be kept up to date under the new name, and moved on.
    bench.accept("b@x telefone=2");
    bench.assert(true, &[A_TO_B, "a@x email=b@x nome=N telefone=2"]);
    bench.accept("b@x email=c@x");
    bench.assert(true, &["c@x nome=N telefone=2", "b@x email=c@x"]);
    // In the chain a→b→c no customer is found at b any more.
    bench.assert(false, &[A_TO_B, "b@x nome=N"]);
    bench.next_run().assert(true, &["c@x nome=N telefone=2"]);
}

#[test]
fn the_pointer_ends_when_the_old_name_is_written_to() {
    for (row, how) in [
        ("a@x nome=Z", FIRST),
        ("a@x nome=Z", Refused),
        ("a@x nome=Z", Unknown),
        ("c@x email=a@x", FIRST),
        ("c@x email=a@x", Unknown),
        ("a@x email=c@x", Refused),
    ] {
        let mut bench = Bench::new();
        bench.accept(A_TO_B);
        bench.assert(true, &[A_TO_B]);
        bench.send(row, how);
        bench.assert(false, &[A_TO_B]);
        bench.assert(true, &["b@x nome=N"]);
    }
}

#[test]
fn a_rename_without_an_answer_stays_open_until_there_is_one() {
    for crash in [true, false] {
        let mut bench = Bench::new();
        bench.accept("a@x nome=N");
        bench.accept("b@x nome=N");
        match crash {
            true => drop(bench.record_intent(A_TO_B)),
            false => assert!(!bench.send(A_TO_B, Unknown)),
        }
        for _ in 0..3 {
            bench.next_run();
            assert_eq!(bench.open_intents(), 1);
            bench.assert(false, &[A_TO_B, "a@x nome=N", "b@x nome=N"]);
        }
        // A refusal of a row that depends on it proves nothing.
        assert!(bench.send("b@x nome=N", Refused));
        assert!(bench.send("c@x email=a@x", Refused));
        assert!(!bench.send("c@x nome=N", Refused));
        // What is accepted while the rename is open is not known.
        bench.accept("b@x telefone=1");
        bench.assert(false, &["b@x telefone=1"]);
        bench.accept(A_TO_B);
        assert_eq!(bench.open_intents(), 0);
        bench.assert(true, &[A_TO_B, "b@x nome=N"]);
        bench.assert(false, &["b@x telefone=1"]);
    }
}

#[test]
fn a_refused_repeat_of_an_open_rename_is_uncertain_and_closes_it() {
    let mut bench = Bench::new();
    bench.send(A_TO_B, Unknown);
    bench.next_run();
    assert!(bench.send("a@x email=b@x nome=N telefone=1", Refused));
    assert_eq!(bench.open_intents(), 0);
    // What depends on it in the same run is uncertain too, at any distance.
    let (b_to_c, c) = ("b@x email=c@x", "c@x nome=N");
    assert!(!bench.send("d@x email=c@x", Refused));
    assert!(!bench.send(c, Refused));
    for row in [A_TO_B, "b@x nome=N", b_to_c, c] {
        assert!(bench.send(row, Refused), "{row:?}");
    }
    bench.accept("b@x nome=N");
    assert!(!bench.send("b@x nome=O", Refused), "it has answered");
    bench.next_run();
    assert!(!bench.send(A_TO_B, Refused), "the next run's refusal is a plain one");
}

#[test]
fn an_open_rename_stays_open_without_a_definite_answer() {
    let mut bench = Bench::new();
    bench.send(A_TO_B, Unknown);
    bench.send(A_TO_B, NotSent);
    assert_eq!(bench.open_intents(), 1);
    bench.send(A_TO_B, Unknown);
    assert_eq!(bench.open_intents(), 1, "one rename is open once");
    bench.next_run();
    bench.send("b@x nome=N", FIRST);
    assert_eq!(bench.open_intents(), 1);
    bench.send("a@x nome=N", Refused);
    bench.send("a@x email=c@x", Refused);
    assert_eq!(bench.open_intents(), 1);
}

#[test]
fn an_old_name_that_answers_much_later_was_not_renamed() {
    let mut bench = Bench::new();
    bench.send(A_TO_B, Unknown);
    bench.now += 599;
    bench.accept("a@x nome=N");
    assert_eq!(bench.open_intents(), 1, "the rename may still be executed");
    bench.now += 1;
    bench.next_run();
    bench.accept("a@x nome=N");
    assert_eq!(bench.open_intents(), 0);
    bench.assert(true, &["a@x nome=N"]);
}

#[test]
fn an_open_rename_invalidates_the_other_type_only_once() {
    let mut bench = Bench::new();
    bench.accept("7 nome=N");
    bench.send(A_TO_B, Unknown);
    bench.assert(false, &["7 nome=N"]);
    bench.accept("7 nome=N");
    bench.next_run();
    bench.assert(true, &["7 nome=N"]);
}

#[test]
fn an_internal_id_that_is_given_again_changes_its_owner() {
    let (a7, c7) = ("a@x id_interno=7", "c@x id_interno=7");
    let mut bench = Bench::new();
    bench.accept("7 campo:x=1");
    bench.accept("8 campo:x=1");
    bench.accept("a@x id_interno=7 nome=N");
    // It is not known which internal id the customer had before.
    bench.assert(false, &["7 campo:x=1", "8 campo:x=1"]);
    bench.assert(true, &[a7]);
    bench.accept(c7);
    bench.assert(true, &[c7, "a@x nome=N"]);
    bench.assert(false, &[a7]);
    bench.next_run().assert(false, &[a7]);
}

#[test]
fn a_repeated_internal_id_costs_nothing_more() {
    let a7 = "a@x id_interno=7";
    let mut bench = Bench::new();
    bench.accept(a7);
    bench.accept("7 campo:x=1");
    bench.accept("8 campo:x=1");
    bench.accept("a@x id_interno=7 nome=M");
    bench.assert(true, &[a7, "7 campo:x=1", "8 campo:x=1"]);
    // However old the value is, and even if everything is to be sent.
    for policy in [
        Policy { max_age: Some(Duration::ZERO), full: false },
        Policy { max_age: None, full: true },
    ] {
        bench.restart(policy);
        bench.now += 50;
        bench.accept(a7);
        bench.next_run();
        bench.assert(true, &[a7, "7 campo:x=1"]);
    }
    bench.accept("a@x id_interno=9");
    bench.assert(false, &[a7, "7 campo:x=1", "8 campo:x=1"]);
}

#[test]
fn an_internal_id_moves_with_its_customer() {
    let mut bench = Bench::new();
    bench.accept("a@x id_interno=7");
    bench.accept(A_TO_B);
    bench.assert(true, &["b@x id_interno=7", "a@x email=b@x nome=N id_interno=7"]);
    bench.accept("c@x id_interno=7");
    bench.assert(false, &["b@x id_interno=7", "a@x email=b@x nome=N id_interno=7"]);
    bench.assert(true, &[A_TO_B]);
}

#[test]
fn an_internal_id_that_may_have_been_given_away_is_unknown() {
    for (how, kept) in [(Unknown, false), (LATER, false), (Refused, true)] {
        let mut bench = Bench::new();
        bench.accept("a@x id_interno=7");
        bench.send("c@x id_interno=7", how);
        bench.assert(kept, &["a@x id_interno=7"]);
    }
    // But its owner does not depend on the outcome of updates under it.
    for how in [FIRST, LATER, Unknown, Refused] {
        let mut bench = Bench::new();
        bench.accept("a@x id_interno=7");
        bench.send("7 campo:x=1", how);
        bench.assert(true, &["a@x id_interno=7"]);
    }
}

#[test]
fn a_cleared_internal_id_takes_a_name_away() {
    let mut bench = Bench::new();
    bench.accept("7 campo:x=1");
    bench.accept("a@x id_interno=");
    bench.assert(false, &["7 campo:x=1"]);
    bench.assert(true, &["a@x id_interno="]);
    bench.accept("7 campo:x=1");
    bench.accept("a@x id_interno=");
    bench.assert(true, &["7 campo:x=1"]);
}

#[test]
fn a_new_email_under_an_internal_id_may_rename_any_customer() {
    let seven = "7 email=m@x";
    let mut bench = Bench::new();
    bench.accept("a@x campo:x=1");
    bench.accept("m@x campo:x=1");
    bench.accept(A_TO_B);
    bench.accept(seven);
    bench.assert(false, &["a@x campo:x=1", "m@x campo:x=1", "b@x nome=N", A_TO_B]);
    bench.assert(true, &[seven]);
    // The pointer is as old as the rename, even if the new name was written to since.
    bench.accept("b@x nome=N email=b@x");
    bench.assert(false, &[A_TO_B]);
    // The same e-mail once more renames no customer.
    bench.accept(seven);
    bench.accept("a@x campo:x=1");
    bench.accept("7 email=m@x nome=Z");
    bench.assert(true, &["a@x campo:x=1", seven]);
}

#[test]
fn an_email_that_two_internal_ids_were_given_belongs_to_the_last() {
    let (seven, eight) = ("7 email=m@x", "8 email=m@x");
    let mut bench = Bench::new();
    bench.accept(seven);
    bench.accept(eight);
    bench.assert(false, &[seven]);
    bench.assert(true, &[eight]);
    // While one of them is given the e-mail, the other cannot be said to have it.
    let id = bench.record_intent(seven);
    bench.assert(false, &[eight]);
    bench.record_outcome(id, seven, NotSent);
    bench.assert(true, &[eight]);
}
