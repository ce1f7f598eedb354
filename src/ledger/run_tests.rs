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
    run.hand_over(std::slice::from_ref(&two), None);
    assert!(!run.is_up_to_date(&one) && !run.is_up_to_date(&two));
    run.hand_over(std::slice::from_ref(&two), Some(FIRST));
    assert!(!run.is_up_to_date(&one) && run.is_up_to_date(&two));
    assert!(!ledger.is_up_to_date(&two), "not durable");
    drop(lock);
    let recorded = run.recorded(2);
    let outcome = Recorded::Outcome { sequence: 0 };
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
    run.hand_over(&rows(1000), None);
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
    run.hand_over(&rows(100), None);
    run.close();
    let mut run = ledger.run();
    assert_eq!(run.leftovers.len(), 100);
    run.hand_over(&rows(1), None);
    drop(run);
    let run = ledger.run();
    assert_eq!(run.leftovers.len(), 1);
    run.close();
}

#[test]
fn a_failed_commit_ends_the_ledger_and_is_returned_once_at_the_latest_by_close() {
    for read in [true, false] {
        let ledger = TestLedger::new();
        let mut run = ledger.run();
        ledger.sql("DROP TABLE intent");
        run.hand_over(&rows(1), None);
        let TestRun { runtime, mut handle, .. } = run;
        if read {
            let why = runtime.block_on(handle.recorded()).unwrap_err();
            assert!(matches!(why, LedgerError::Storage { .. }), "{why}");
            let sent = Arc::new(rows(1)[0].update());
            handle.record_outcome(0, sent, RequestOutcome::Refused).unwrap();
            let why = runtime.block_on(handle.recorded()).unwrap_err();
            assert!(matches!(why, LedgerError::Stopped), "{why}");
        }
        let closed = runtime.block_on(handle.close());
        assert_eq!(matches!(closed, Err(LedgerError::Storage { .. })), !read);
    }
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
        assert_eq!(reader.check(&row.update(), None).unwrap().is_some(), at < 25, "{at}");
    }
    assert!(ledger.is_up_to_date(&rows[49]));
    run.close();
    assert!(reader.check(&rows[0].update(), None).unwrap().is_some());
    drop(reader);
    ledger.run().close();
}
