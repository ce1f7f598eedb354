//! The rules about names, case by case: renames with and without an answer, and aliases.

use std::time::Duration;

use super::accepted_state::Policy;
use super::testing::{Bench, FIRST, LATER, a, a_to_b, b, e, i};
use crate::scheduler::ledger::RequestOutcome::{NotSent, Refused, Unknown};

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
            bench = bench.next_run();
            assert_eq!(bench.open_intents(), 1);
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
        let mut next = Bench { rules: bench.rules, ..bench }.restart(policy);
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
