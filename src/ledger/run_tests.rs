//! The ledger of a run: what a check sees, group commit, readers beside the writer, and what happens
//! when the file can no longer be written.

use std::sync::Arc;

use super::LedgerError;
use super::testing::{FIRST, TestLedger, TestRow, TestRun, row};
use crate::scheduler::ledger::{Ledger, Recorded, RequestOutcome};

fn rows(count: usize) -> Vec<TestRow> {
    (0..count).map(|n| row(&format!("{n}@x nome=N"))).collect()
}

/// Holds the file's write lock, so that nothing can be committed.
fn hold_commits(ledger: &TestLedger) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(&ledger.path).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[test]
fn a_check_sees_what_was_recorded_before_it_is_durable() {
    let ledger = TestLedger::new();
    let [one, two] = ["a@x nome=1", "a@x nome=2"].map(row);
    ledger.accept(std::slice::from_ref(&one));
    let mut run = ledger.run();
    assert!(run.is_up_to_date(&one));
    let lock = hold_commits(&ledger);
    run.hand_over_intents(std::slice::from_ref(&two));
    assert!(!run.is_up_to_date(&one) && !run.is_up_to_date(&two));
    run.hand_over_outcomes(std::slice::from_ref(&two), FIRST);
    assert!(!run.is_up_to_date(&one) && run.is_up_to_date(&two));
    assert!(!ledger.is_up_to_date(&two), "not durable");
    drop(lock);
    let recorded = run.recorded(2);
    let outcome = Recorded::Outcome { sequence: 0, uncertain: false };
    assert_eq!(recorded, [Recorded::Intent { sequence: 0 }, outcome]);
    assert!(run.is_up_to_date(&two) && ledger.is_up_to_date(&two));
    run.close();
}

#[test]
fn a_thousand_intents_share_a_few_commits_and_become_durable_in_order() {
    let ledger = TestLedger::new();
    let mut run = ledger.run();
    // The first commit waits for the lock, and everything else queues up behind it.
    let lock = hold_commits(&ledger);
    run.hand_over_intents(&rows(1000));
    drop(lock);
    let (mut recorded, mut commits) = (Vec::new(), 0);
    while recorded.len() < 1000 {
        recorded.extend(run.runtime.block_on(run.handle.recorded()).unwrap());
        commits += 1;
    }
    let expected: Vec<_> = (0..1000).map(|sequence| Recorded::Intent { sequence }).collect();
    assert_eq!(recorded, expected);
    assert!(commits <= 2, "{commits} commits");
    run.close();
    assert_eq!(ledger.run().leftovers.len(), 1000);
}

#[test]
fn what_was_handed_over_is_written_by_closing_or_dropping_the_handle() {
    let ledger = TestLedger::new();
    let mut run = ledger.run();
    run.hand_over_intents(&rows(100));
    run.close();
    let mut run = ledger.run();
    assert_eq!(run.leftovers.len(), 100);
    run.hand_over_intents(&rows(1));
    drop(run);
    let run = ledger.run();
    assert_eq!(run.leftovers.len(), 1);
    run.close();
}

/// A run whose next commit fails.
fn failing(ledger: &TestLedger) -> TestRun {
    let mut run = ledger.run();
    run.record_intents(&rows(1));
    ledger.sql("DROP TABLE intent");
    run
}

#[test]
fn a_failed_commit_is_returned_once_and_ends_the_ledger() {
    let ledger = TestLedger::new();
    let TestRun { runtime, mut handle, .. } = failing(&ledger);
    let sent = Arc::new(row("b@x nome=N").update());
    handle.record_intent(1, Arc::clone(&sent)).unwrap();
    let text = |error: LedgerError| error.to_string();
    let why = runtime.block_on(handle.recorded()).map_err(text).unwrap_err();
    assert!(why.contains("ledger.db") && !why.contains("parou"), "{why}");
    handle.record_outcome(1, sent, RequestOutcome::Refused).unwrap();
    let why = runtime.block_on(handle.recorded()).map_err(text).unwrap_err();
    assert_eq!(why, LedgerError::Stopped.to_string());
    runtime.block_on(handle.close()).unwrap();
}

#[test]
fn a_failed_commit_that_was_not_read_is_returned_by_close() {
    let ledger = TestLedger::new();
    let mut run = failing(&ledger);
    run.handle.record_intent(1, Arc::new(row("b@x nome=N").update())).unwrap();
    let TestRun { runtime, handle, .. } = run;
    assert!(matches!(runtime.block_on(handle.close()), Err(LedgerError::Storage { .. })));
}

#[test]
fn a_reader_sees_one_moment_while_a_run_writes() {
    let ledger = TestLedger::new();
    let rows = rows(50);
    let mut run = ledger.run();
    run.accept(&rows[..25]);
    let reader = ledger.reader();
    run.accept(&rows[25..]);
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(reader.is_up_to_date(&row.update()).unwrap(), at < 25, "{at}");
    }
    assert!(ledger.is_up_to_date(&rows[49]));
    run.close();
    assert!(reader.is_up_to_date(&rows[0].update()).unwrap());
    drop(reader);
    ledger.run().close();
}
