//! The ledger as a file: damage is never taken for a fresh start, keys and labels, and forgetting.
//! What the program shows of it is in the end-to-end tests.

use std::fs;

use super::beside::beside;
use super::testing::{TestLedger, TestRun, row};
use super::{Account, LedgerError, Policy, Reader, admin, keyfile};
use crate::model::{CustomerType, Name};
use crate::scheduler::ledger::RequestOutcome;

/// A run, a preflight and `status` all refuse this ledger as damaged.
#[track_caller]
fn assert_damaged(ledger: &TestLedger, damage: &str) {
    let errors = [
        TestRun::open(&ledger.place()).err(),
        Reader::open(&ledger.place(), Policy::default()).err(),
        admin::status(&ledger.path).err(),
    ];
    for error in errors {
        let error = error.unwrap_or_else(|| panic!("not noticed: {damage}"));
        assert!(matches!(error, LedgerError::Damaged { .. }), "{damage}: {error}");
    }
}

#[test]
fn missing_tables_and_intents_that_do_not_match_their_checksum_are_damage() {
    for damage in [
        "DROP TABLE invalidation",
        "UPDATE intent SET request = zeroblob(length(request)) WHERE sequence = 1",
        "UPDATE intent SET request = (SELECT request FROM intent WHERE sequence = 2)
         WHERE sequence = 1",
        "UPDATE intent SET sequence = 9 WHERE sequence = 1",
        "UPDATE intent SET checksum = checksum + 1 WHERE sequence = 1",
        "UPDATE invalidation SET field = x'00' WHERE field = (SELECT max(field) FROM invalidation)",
        "UPDATE invalidation SET type = 'X'",
    ] {
        let ledger = TestLedger::new();
        let mut run = ledger.run();
        let renames = [row("a@x email=b@x"), row("c@x email=d@x")];
        run.record_intents(&renames);
        run.record_outcomes(&renames, RequestOutcome::Unknown);
        run.close();
        ledger.sql(damage);
        assert_damaged(&ledger, damage);
    }
}

#[test]
fn a_record_that_does_not_match_its_checksum_is_damage_where_it_is_read() {
    let rows = [row("a@x nome=N"), row("b@x nome=N")];
    for damage in [
        "UPDATE customer SET record = zeroblob(length(record))",
        "UPDATE customer SET record = x''",
        "UPDATE customer SET (record, checksum) = (SELECT record, checksum FROM customer LIMIT 1)",
        "UPDATE customer SET checksum = checksum + 1",
    ] {
        let ledger = TestLedger::new();
        ledger.accept(&rows);
        ledger.sql(damage);
        let reader = ledger.reader();
        let damaged = rows
            .iter()
            .filter_map(|row| reader.check(&row.update(), None).err())
            .filter(|error| matches!(error, LedgerError::Damaged { .. }));
        assert!(damaged.count() > 0, "{damage}");
        assert!(admin::status(&ledger.path).is_err(), "{damage}");
    }
}

#[test]
fn a_lost_file_beside_its_log_is_damage_and_a_folder_is_not_a_ledger() {
    let ledger = TestLedger::new();
    fs::create_dir(ledger.path.parent().unwrap()).unwrap();
    fs::write(beside(&ledger.path, "-wal"), "x").unwrap();
    assert_damaged(&ledger, "the file is lost");
    assert!(!ledger.path.exists());
    fs::create_dir(&ledger.path).unwrap();
    let error = TestRun::open(&ledger.place()).err().unwrap();
    assert!(matches!(error, LedgerError::Refused(_)), "{error}");
}

#[test]
fn an_exchanged_key_is_reported_and_not_replaced() {
    let ledger = TestLedger::new();
    let labelled = |label| ledger.of(Account::Label(label));
    let open = |label| TestRun::open(&labelled(label));
    let [key, other] = ["matriz", "filial"].map(|label| keyfile::path(&ledger.path, label));
    open("matriz").unwrap().close();
    open("filial").unwrap().close();
    fs::copy(other, &key).unwrap();
    assert!(matches!(open("matriz").err(), Some(LedgerError::Refused(_))));
    assert!(Reader::open(&labelled("matriz"), Policy::default()).is_err());
}

#[test]
fn a_label_must_be_a_name() {
    let ledger = TestLedger::new();
    let open = |label| TestRun::open(&ledger.of(Account::Label(label)));
    for label in ["", "  ", "a\nb", &"x".repeat(101)] {
        assert!(matches!(open(label).err(), Some(LedgerError::Refused(_))));
    }
}

fn forget(ledger: &TestLedger, text: &str) -> bool {
    let name = Name { ctype: CustomerType::Email, text };
    admin::forget_customer(&ledger.place(), name).unwrap()
}

#[test]
fn an_open_rename_is_in_flight_and_is_forgotten_under_either_name() {
    let ledger = TestLedger::new();
    assert!(!forget(&ledger, "a@x"), "there is no ledger");
    let rows = [row("a@x nome=N"), row("c@x nome=N")];
    let rename = row("c@x email=d@x");
    let lost = row("g@x email=h@x");
    let mut run = ledger.run();
    run.accept(&rows);
    run.accept(std::slice::from_ref(&rename));
    run.record_intents(std::slice::from_ref(&lost));
    run.record_outcomes(std::slice::from_ref(&lost), RequestOutcome::Unknown);
    run.close();
    let [status] = &admin::status(&ledger.path).unwrap()[..] else { panic!() };
    assert_eq!((status.customers, status.in_flight), (2, 1), "a pointer is no customer");
    assert!(forget(&ledger, "A@X"));
    assert!(!forget(&ledger, "a@x"));
    assert!(forget(&ledger, "h@x"));
    assert!(!ledger.is_up_to_date(&rows[0]));
    assert!(ledger.is_up_to_date(&rename));
    assert!(ledger.reader().leftovers.is_empty());
}

#[test]
fn a_request_left_in_flight_has_its_consequences_whatever_comes_first() {
    let other = row("7 nome=N");
    for forgotten in [false, true] {
        let ledger = TestLedger::new();
        let mut run = ledger.run();
        run.accept(std::slice::from_ref(&other));
        run.record_intents(&[row("a@x nome=M")]);
        run.close();
        if forgotten {
            forget(&ledger, "a@x");
        }
        let run = ledger.run();
        assert_eq!(run.leftovers.len(), 1);
        run.close();
        let mut run = ledger.run();
        assert!(run.leftovers.is_empty());
        assert!(!run.is_up_to_date(&other), "it may have been the same customer");
        run.close();
    }
}

#[test]
fn what_is_forgotten_leaves_no_row_and_no_trace_in_the_file() {
    let ledger = TestLedger::new();
    for night in ["antes", "agora"] {
        ledger.accept(
            &(0..1000).map(|n| row(&format!("cliente{n}@x nome={night}"))).collect::<Vec<_>>(),
        );
    }
    let stored = || -> Vec<(Vec<u8>, Vec<u8>)> {
        let connection = rusqlite::Connection::open(&ledger.path).unwrap();
        let mut statement = connection.prepare("SELECT name, record FROM customer").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let traces = |(name, record): &(Vec<u8>, Vec<u8>)| {
        let file = fs::read(&ledger.path).unwrap();
        [name, record].map(|part| memchr::memmem::find(&file, part).is_some())
    };
    let before = stored();
    (0..10).for_each(|n| assert!(forget(&ledger, &format!("cliente{n}@x"))));
    let after = stored();
    let forgotten: Vec<_> = before.iter().filter(|stored| !after.contains(stored)).collect();
    assert_eq!(forgotten.len(), 10);
    forgotten.into_iter().for_each(|forgotten| assert_eq!(traces(forgotten), [false, false]));
    assert_eq!(traces(&after[0]), [true, true], "what is known is found");
    let mut run = ledger.run();
    run.record_intents(&[row("g@x email=h@x")]);
    run.close();
    ledger.run().close();
    let account = admin::find_account(&ledger.place()).unwrap().unwrap();
    let forget_account = || admin::forget_account(&ledger.path, account).unwrap();
    let rows = || {
        let connection = rusqlite::Connection::open(&ledger.path).unwrap();
        ["account", "customer", "intent", "invalidation"].map(|table| {
            let sql = format!("SELECT count(*) > 0 FROM {table}");
            connection.query_row(&sql, [], |row| row.get::<_, bool>(0)).unwrap()
        })
    };
    assert_eq!((rows(), forget_account(), forget_account()), ([true; 4], true, false));
    assert_eq!(rows(), [false; 4]);
    before.iter().step_by(20).for_each(|all| assert_eq!(traces(all), [false, false]));
}
