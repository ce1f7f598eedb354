//! What a run changed and the tables do not have yet: it counts for everybody who opens the ledger,
//! it is damage when it does not read back, and ledgers of before it existed go on.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use crate::support::{Home, Run, e, place};
use tomticket_sync::ledger::{Account, LedgerError, Policy, Reader, admin};
use tomticket_sync::model::{CustomerType, Name};
use tomticket_sync::scheduler::ledger::RequestOutcome;

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
    // Rows of before the last folding, with the numbers of then.
    home.accept(&rows);
    let mut run = home.run();
    rows[..2].iter().for_each(|row| run.accept(std::slice::from_ref(row)));
    let old = killed(&home);
    run.close();
    let mut run = home.run();
    rows.iter().for_each(|row| run.accept(std::slice::from_ref(row)));
    let of_old = format!("ATTACH '{}' AS old;", old.ledger.display());
    let damages = [
        "DELETE FROM recent",
        "DELETE FROM recent WHERE id = (SELECT max(id) FROM recent)",
        "DELETE FROM recent WHERE id = 1",
        &format!("{of_old} DELETE FROM recent; INSERT INTO recent SELECT * FROM old.recent"),
        &format!(
            "{of_old} UPDATE recent SET body = (SELECT body FROM old.recent WHERE id = 2) WHERE id = 2"
        ),
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

/// A ledger may be damaged where a run does not look, but brings its tables up to date.
#[test]
fn damage_that_only_the_end_of_a_run_meets_is_told() {
    let home = Home::new();
    let row = |n: u32| e(&format!("cliente{n}@x"), &[("nome", "N")]);
    let rows: Vec<_> = (0..500).map(row).collect();
    home.accept(&rows);
    let mut run = home.run();
    run.accept(std::slice::from_ref(&rows[0]));
    let left = killed(&home);
    run.close();
    // All of the log into the file, as a checkpoint would.
    sql(&left, "PRAGMA wal_checkpoint(TRUNCATE)");
    let root: u32 = {
        let connection = rusqlite::Connection::open(&left.ledger).unwrap();
        let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'name'";
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let mut bytes = fs::read(&left.ledger).unwrap();
    let root = root as usize;
    bytes[(root - 1) * 4096..root * 4096].fill(0);
    fs::write(&left.ledger, bytes).unwrap();
    let Run { runtime, handle, .. } = left.run();
    let error = runtime.block_on(handle.close()).unwrap_err();
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
}

#[test]
fn a_run_whose_end_cannot_tidy_up_has_lost_nothing() {
    let home = Home::new();
    let rows: Vec<_> = (0..20).map(|n| e(&format!("cliente{n}@x"), &[("nome", "N")])).collect();
    let mut run = home.run();
    run.accept(&rows);
    sql(&home, "CREATE TRIGGER t BEFORE INSERT ON name BEGIN SELECT RAISE(ABORT, 'no'); END");
    run.close();
    assert_eq!(count(&home, "name"), 0);
    let mut reader = home.reader();
    assert!(rows.iter().all(|row| reader.believed(row).unwrap()));
    drop(reader);
    sql(&home, "DROP TRIGGER t");
    let mut run = home.run();
    assert!(rows.iter().all(|row| run.believes(row)));
    run.close();
    assert_eq!((count(&home, "recent"), count(&home, "name")), (0, 20));
}

/// Neither a run that lasts nor one that is killed night after night makes it grow without end.
#[test]
fn recent_changes_are_bounded_even_where_few_names_change() {
    let home = Home::new();
    let values: Vec<_> = (0..10).map(|n| (format!("campo:c{n}"), "valor")).collect();
    let values: Vec<_> = values.iter().map(|(name, value)| (&**name, *value)).collect();
    let rows: Vec<_> = (0..500).map(|n| e(&format!("cliente{n}@x"), &values)).collect();
    let mut run = home.run();
    let size = || -> i64 {
        let connection = rusqlite::Connection::open(&home.ledger).unwrap();
        let sql = "SELECT coalesce(sum(length(body)), 0) FROM recent";
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let (mut folded, mut last) = (false, 0);
    for _ in 0..50 {
        run.accept(&rows);
        run.intend(&rows);
        run.settle(&rows, RequestOutcome::Refused);
        let now = size();
        assert!(now < 5 << 20, "{now}");
        folded |= now < last;
        last = now;
    }
    assert!(folded, "{last}");
    run.close();
}

#[test]
fn what_is_forgotten_leaves_no_trace_in_the_file() {
    let home = Home::new();
    let row = |n: u32, nome: &str| e(&format!("cliente{n}@x"), &[("nome", nome)]);
    for night in ["antes", "agora"] {
        home.accept(&(0..1000).map(|n| row(n, night)).collect::<Vec<_>>());
    }
    let names = |home: &Home| -> HashMap<i64, Vec<u8>> {
        let connection = rusqlite::Connection::open(&home.ledger).unwrap();
        let mut statement = connection.prepare("SELECT id, record FROM name").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let before = names(&home);
    for n in 0..10 {
        let text = format!("cliente{n}@x");
        let name = Name { ctype: CustomerType::Email, text: &text };
        assert!(admin::forget_customer(&home.place(), name).unwrap());
    }
    let after = names(&home);
    let forgotten: Vec<_> = before.iter().filter(|(id, _)| !after.contains_key(id)).collect();
    assert_eq!(forgotten.len(), 10);
    let traces = |(id, record): (&i64, &Vec<u8>)| {
        let key = [&id.to_le_bytes()[..], &record[..8]].concat();
        let file = fs::read(&home.ledger).unwrap();
        [&key, &record[8..]].map(|part| memchr::memmem::find(&file, part).is_some())
    };
    for forgotten in forgotten {
        assert_eq!(traces(forgotten), [false, false]);
    }
    assert!(traces(after.iter().next().unwrap())[1], "what is known is found");
    let account = admin::find_account(&home.place()).unwrap().unwrap();
    assert!(admin::forget_account(&home.ledger, account).unwrap());
    for all in before.iter().step_by(20) {
        assert_eq!(traces(all), [false, false]);
    }
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
    sql(
        &home,
        "DROP TABLE recent; ALTER TABLE account DROP COLUMN last_recent;
         ALTER TABLE account DROP COLUMN last_folded; PRAGMA user_version = 1",
    );
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

    // Nor does a run that has not begun.
    drop(tomticket_sync::ledger::claim(&home.place()).unwrap());
    assert_eq!(before[&home.ledger], contents(&home)[&home.ledger]);

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
