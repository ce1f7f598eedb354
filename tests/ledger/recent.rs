//! What a run changed and the tables do not have yet: it counts for everybody who opens the ledger,
//! it is damage when it does not read back, and ledgers of before it existed go on.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use crate::support::{Home, Run, e, place};
use tomticket_sync::ledger::{Account, LedgerError, Policy, Reader, admin};
use tomticket_sync::model::{CustomerType, Name};

/// What a killed run leaves: the ledger as it lies on the disk while the run lives.
fn killed(home: &Home) -> Home {
    let copy = Home::new();
    fs::create_dir(copy.ledger.parent().unwrap()).unwrap();
    fs::copy(&home.ledger, &copy.ledger).unwrap();
    fs::copy(home.beside("-wal"), copy.beside("-wal")).unwrap();
    copy
}

fn sql(home: &Home, text: &str) {
    rusqlite::Connection::open(&home.ledger).unwrap().execute_batch(text).unwrap();
}

fn count(home: &Home, table: &str) -> i64 {
    let connection = rusqlite::Connection::open(&home.ledger).unwrap();
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn what_a_killed_run_changed_counts_for_whoever_comes_next() {
    let home = Home::new();
    let row = |n: u32, value: &str| e(&format!("cliente{n}@x"), &[("nome", value)]);
    let old: Vec<_> = (0..50).map(|n| row(n, "antes")).collect();
    home.accept(&old);
    assert_eq!(
        (count(&home, "recent"), count(&home, "name")),
        (0, 50),
        "a run that ends tidies up"
    );

    let new: Vec<_> = (25..75).map(|n| row(n, "agora")).collect();
    let rename = e("cliente0@x", &[("email", "outro@x")]);
    let lost = row(1, "perdido");
    let mut run = home.run();
    run.accept(&new);
    run.accept(std::slice::from_ref(&rename));
    run.intend(std::slice::from_ref(&lost));
    let left = killed(&home);
    run.close();
    assert!(count(&left, "recent") > 0, "and one that was killed could not");

    let check = |home: &Home, leftovers| {
        let [status] = &admin::status(&home.ledger).unwrap()[..] else { panic!() };
        assert_eq!((status.customers, status.in_flight), (75, leftovers));
        let mut reader = home.reader();
        assert_eq!(reader.leftovers().len() as u64, leftovers);
        assert!(!reader.believed(&lost).unwrap());
        assert!(!reader.believed(&old[0]).unwrap(), "was renamed");
        assert!(reader.believed(&rename).unwrap());
        for (n, old) in (2..).zip(&old[2..]) {
            assert_eq!(reader.believed(old).unwrap(), n < 25, "{n}");
        }
        assert!(new.iter().all(|new| reader.believed(new).unwrap()));
    };
    check(&left, 1);
    let mut run = left.run();
    assert_eq!(run.leftovers.len(), 1);
    for (n, old) in (2..).zip(&old[2..]) {
        assert_eq!(run.believes(old), n < 25, "{n}");
    }
    assert!(new.iter().all(|new| run.believes(new)));
    run.close();
    assert_eq!(count(&left, "recent"), 0);
    // What was lost is no longer open, and its customer has nothing that is believed.
    let [status] = &admin::status(&left.ledger).unwrap()[..] else { panic!() };
    assert_eq!((status.customers, status.in_flight), (74, 0));
}

#[test]
fn two_accounts_that_were_killed_keep_apart() {
    let home = Home::new();
    let rows: Vec<_> = (0..30).map(|n| e(&format!("cliente{n}@x"), &[("nome", "N")])).collect();
    let other = place(&home.ledger, Account::Token(b"another"));
    let (mut one, mut two) = (home.run(), Run::open(&other).unwrap());
    for (n, row) in rows.iter().enumerate() {
        let run = if n % 3 == 0 { &mut one } else { &mut two };
        run.accept(std::slice::from_ref(row));
    }
    let left = killed(&home);
    one.close();
    two.close();
    let believed = |place| {
        let mut reader = Reader::open(&place, Policy::default()).unwrap();
        rows.iter().filter(|row| reader.believed(row).unwrap()).count()
    };
    let other = || place(&left.ledger, Account::Token(b"another"));
    assert_eq!((believed(left.place()), believed(other())), (10, 20));
    left.run().close();
    assert!(count(&left, "recent") > 0, "the other one's changes are not ours to file");
    assert_eq!((believed(left.place()), believed(other())), (10, 20));
    let account = admin::find_account(&other()).unwrap().unwrap();
    assert!(admin::forget_account(&left.ledger, account).unwrap());
    assert_eq!((count(&left, "recent"), believed(left.place())), (0, 10));
}

#[test]
fn recent_changes_that_do_not_read_back_are_damage() {
    let home = Home::new();
    let rows: Vec<_> = (0..8).map(|n| e(&format!("cliente{n}@x"), &[("nome", "N")])).collect();
    let mut run = home.run();
    rows.iter().for_each(|row| run.accept(std::slice::from_ref(row)));
    let damages = [
        "DELETE FROM recent WHERE id = 3",
        "UPDATE recent SET body = zeroblob(length(body)) WHERE id = 5",
        "UPDATE recent SET body = substr(body, 1, length(body) - 1) WHERE id = 5",
        "UPDATE recent SET body = (SELECT body FROM recent WHERE id = 4) WHERE id = 6",
        "INSERT INTO recent SELECT 1000, account, body FROM recent WHERE id = 1",
        "UPDATE recent SET body = x'' WHERE id = 1",
    ];
    for damage in damages {
        let left = killed(&home);
        sql(&left, damage);
        let damaged = |error: &LedgerError| matches!(error, LedgerError::Damaged { .. });
        let error = left.run_error();
        assert!(damaged(&error), "{damage}: {error}");
        assert!(damaged(&Reader::open(&left.place(), Policy::default()).unwrap_err()), "{damage}");
        assert!(damaged(&admin::status(&left.ledger).unwrap_err()), "{damage}");
    }
    run.close();
}

#[test]
fn what_is_forgotten_is_not_among_the_recent_changes() {
    let home = Home::new();
    let rows = [e("a@x", &[("nome", "N")]), e("b@x", &[("nome", "N")])];
    let mut run = home.run();
    run.accept(&rows);
    let left = killed(&home);
    run.close();
    let name = Name { ctype: CustomerType::Email, text: "a@x" };
    assert!(admin::forget_customer(&left.place(), name).unwrap());
    assert_eq!((count(&left, "recent"), count(&left, "name")), (0, 1));
    let mut reader = left.reader();
    assert!(!reader.believed(&rows[0]).unwrap());
    assert!(reader.believed(&rows[1]).unwrap());
}

/// A ledger as the version before wrote it.
fn of_version_1(rows: &[std::sync::Arc<tomticket_sync::model::Update>]) -> Home {
    let home = Home::new();
    home.accept(rows);
    sql(&home, "DROP TABLE recent; PRAGMA user_version = 1");
    home
}

#[test]
fn a_ledger_of_the_version_before_goes_on() {
    let rows = [e("a@x", &[("nome", "N")]), e("b@x", &[("nome", "N")])];
    let contents = |home: &Home| -> HashMap<PathBuf, Vec<u8>> {
        let folder = fs::read_dir(home.ledger.parent().unwrap()).unwrap();
        let paths = folder.map(|entry| entry.unwrap().path());
        paths.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    };
    let home = of_version_1(&rows[..1]);
    let before = contents(&home);
    // To look changes nothing.
    assert!(home.reader().believed(&rows[0]).unwrap());
    assert_eq!(admin::status(&home.ledger).unwrap()[0].customers, 1);
    let after = contents(&home);
    assert_eq!(before[&home.ledger], after[&home.ledger]);

    let mut run = home.run();
    assert!(run.believes(&rows[0]));
    run.accept(&rows[1..]);
    run.close();
    let mut reader = home.reader();
    assert!(rows.iter().all(|row| reader.believed(row).unwrap()));
    let version: i64 = rusqlite::Connection::open(&home.ledger)
        .unwrap()
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, 2);

    let home = of_version_1(&rows[..1]);
    let name = Name { ctype: CustomerType::Email, text: "a@x" };
    assert!(admin::forget_customer(&home.place(), name).unwrap());
    assert!(!home.reader().believed(&rows[0]).unwrap());
}
