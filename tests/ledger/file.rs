//! The ledger as a file: what is in it, who may read it, and that damage is never taken for a fresh
//! start.

use std::collections::BTreeSet;
use std::fs;

use crate::support::{FIRST, Home, Run, e, place, update};
use tomticket_sync::ledger::{Account, LedgerError, Place, Policy, Reader, admin};
use tomticket_sync::model::{CustomerType, Name};
use tomticket_sync::scheduler::ledger::RequestOutcome;

/// Enough customers for several levels of pages.
fn fill(home: &Home) -> Vec<std::sync::Arc<tomticket_sync::model::Update>> {
    let rows: Vec<_> = (0..4000)
        .map(|n| e(&format!("cliente{n}@x"), &[("nome", "Fulano"), ("campo:c", &n.to_string())]))
        .collect();
    home.accept(&rows);
    rows
}

#[test]
fn a_second_run_believes_what_the_first_had_accepted() {
    let home = Home::new();
    let (one, two) = (e("a@x", &[("nome", "N")]), e("b@x", &[("nome", "N")]));
    let mut run = home.run();
    run.accept(std::slice::from_ref(&one));
    run.intend(std::slice::from_ref(&two));
    run.close();
    let mut reader = home.reader();
    assert!(reader.believed(&one).unwrap());
    assert!(!reader.believed(&two).unwrap());
    assert_eq!(reader.leftovers().len(), 1);
    assert_eq!(reader.fingerprint(&two), Some(reader.leftovers()[0].fingerprint));
    drop(reader);
    let mut run = home.run();
    assert_eq!(run.leftovers.len(), 1);
    assert!(run.believes(&one));
    assert!(!run.believes(&two));
    run.close();
    assert!(home.run().leftovers.is_empty());
}

#[test]
fn no_ledger_believes_nothing_and_reading_creates_none() {
    let home = Home::new();
    let mut reader = home.reader();
    assert!(!reader.knows_account());
    assert!(!reader.believed(&e("a@x", &[("nome", "N")])).unwrap());
    assert!(Reader::open(&home.labelled("matriz"), Policy::default()).is_ok());
    assert_eq!(admin::status(&home.ledger).unwrap(), []);
    assert!(!admin::forget_customer(&home.place(), NAME).unwrap());
    assert_eq!(fs::read_dir(home.dir.path()).unwrap().count(), 0);
}

const NAME: Name<'_> = Name { ctype: CustomerType::Email, text: "a@x" };

#[test]
fn a_full_run_writes_but_a_reader_with_full_believes_nothing() {
    let home = Home::new();
    let row = e("a@x", &[("nome", "N")]);
    home.accept(std::slice::from_ref(&row));
    let full = Policy { full: true, max_age: None };
    assert!(!Reader::open(&home.place(), full).unwrap().believed(&row).unwrap());
    assert!(home.reader().believed(&row).unwrap());
}

#[test]
fn the_file_holds_neither_customers_nor_tokens() {
    let home = Home::new();
    let values =
        [("nome", "Fulana de Tal"), ("telefone", "11987654321"), ("email", "fulana@nova.example")];
    let mut run = home.run();
    run.accept(&[e("fulana@velha.example", &values)]);
    run.intend(&[update(CustomerType::Internal, "codigo-interno-77", &values)]);
    let mut run2 = Run::open(&home.labelled("matriz")).unwrap();
    run2.accept(&[e("fulana@velha.example", &values)]);
    let names: BTreeSet<_> =
        fs::read_dir(home.ledger.parent().unwrap()).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(names.len() >= 6, "database, log, shared memory, two locks, a key: {names:?}");
    let secrets = ["ulana", "11987654321", "velha", "nova", "interno-77", "s3gr3d0", "telefone"];
    for path in names {
        let bytes = fs::read(&path).unwrap();
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} in {}", path.display());
        }
    }
    run.close();
    run2.close();
}

#[cfg(unix)]
#[test]
fn every_file_is_for_its_owner_alone() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let home = Home::new();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().mode() & 0o777;
    let mut run = Run::open(&home.labelled("matriz")).unwrap();
    run.accept(&[e("a@x", &[("nome", "N")])]);
    let state = home.ledger.parent().unwrap();
    assert_eq!(mode(state), 0o700);
    for entry in fs::read_dir(state).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert!(home.beside("-wal").exists());
    run.close();
    // A copy that was put in place with other rights.
    fs::set_permissions(&home.ledger, fs::Permissions::from_mode(0o644)).unwrap();
    home.run().close();
    assert_eq!(mode(&home.ledger), 0o600);
}

/// A run, a preflight and `status` all refuse this ledger as damaged.
#[track_caller]
fn assert_damaged(home: &Home) {
    let damaged = |error: &LedgerError| matches!(error, LedgerError::Damaged { .. });
    let error = Run::open(&home.place()).err().expect("a run must not start");
    assert!(damaged(&error), "{error}");
    assert!(!error.is_refusal());
    assert!(error.to_string().contains("--full"), "it says what to do: {error}");
    let error = Reader::open(&home.place(), Policy::default()).unwrap_err();
    assert!(damaged(&error), "{error}");
    assert!(damaged(&admin::status(&home.ledger).unwrap_err()));
}

#[test]
fn what_is_no_database_is_damage() {
    let garbage = vec![b'x'; 10_000];
    for contents in [&b""[..], b"SQLite", &garbage] {
        let home = Home::new();
        fs::create_dir(home.ledger.parent().unwrap()).unwrap();
        fs::write(&home.ledger, contents).unwrap();
        assert_damaged(&home);
        assert_eq!(fs::read(&home.ledger).unwrap(), contents, "nothing was changed");
    }
    let home = Home::new();
    fs::create_dir_all(&home.ledger).unwrap();
    let error = Run::open(&home.place()).err().unwrap();
    assert!(matches!(error, LedgerError::Foreign { .. }), "nobody should delete a folder: {error}");
}

#[test]
fn a_good_header_over_nothing_is_damage() {
    let home = Home::new();
    fill(&home);
    let whole = fs::read(&home.ledger).unwrap();
    for keep in [100, 4096, whole.len() / 2, whole.len() - 4096, whole.len() - 100] {
        fs::write(&home.ledger, &whole[..keep]).unwrap();
        assert_damaged(&home);
    }
}

#[test]
fn tables_that_are_missing_or_do_not_fit_together_are_damage() {
    let damaged = |damage: &str| {
        let home = Home::new();
        home.accept(&[e("a@x", &[("nome", "N"), ("campo:c", "1"), ("telefone", "1")])]);
        rusqlite::Connection::open(&home.ledger).unwrap().execute_batch(damage).unwrap();
        home
    };
    assert_damaged(&damaged("DROP TABLE cut"));
    assert_damaged(&damaged("DROP TABLE recent"));
    // The numbers inside the records would stand for other fields.
    let home = damaged("DELETE FROM field WHERE number = 0");
    let error = home.run_error();
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
    let error = Reader::open(&home.place(), Policy::default()).unwrap_err();
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
}

#[test]
fn a_lost_file_beside_its_log_is_damage() {
    let home = Home::new();
    fs::create_dir(home.ledger.parent().unwrap()).unwrap();
    fs::write(home.beside("-wal"), "x").unwrap();
    assert_damaged(&home);
    assert!(!home.ledger.exists());
}

#[test]
fn damage_in_the_middle_is_noticed_when_it_is_met() {
    let home = Home::new();
    let rows = fill(&home);
    let whole = fs::read(&home.ledger).unwrap();
    let page = |n: usize| n * 4096..(n + 1) * 4096;
    let pages = whole.len() / 4096;
    // Zeroed, and with one bit of every 64th byte flipped.
    for flip in [false, true] {
        let mut bytes = whole.clone();
        for n in [pages / 3, pages / 2] {
            for (at, byte) in bytes[page(n)].iter_mut().enumerate() {
                match flip {
                    false => *byte = 0,
                    true if at % 64 == 17 => *byte ^= 4,
                    true => {}
                }
            }
        }
        fs::write(&home.ledger, &bytes).unwrap();
        let mut reader = home.reader();
        let (mut believed, mut damaged) = (0, 0);
        for row in &rows {
            match reader.believed(row) {
                Ok(true) => believed += 1,
                // A name that no longer reads as itself is a stranger, and is sent: that is safe.
                Ok(false) if flip => {}
                Ok(false) => panic!("a lost row is not a new row"),
                Err(LedgerError::Damaged { .. }) => damaged += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert!(damaged > 0 && believed > 0, "{damaged} {believed}");
    }
}

#[test]
fn a_newer_format_and_a_foreign_database_are_refused() {
    let home = Home::new();
    fill(&home);
    let sql = |text: &str| {
        rusqlite::Connection::open(&home.ledger).unwrap().execute_batch(text).unwrap();
    };
    sql("PRAGMA user_version = 3");
    let error = Run::open(&home.place()).err().unwrap();
    assert!(matches!(error, LedgerError::Newer { found: 3, known: 2, .. }), "{error}");
    assert!(error.is_refusal());
    assert!(Reader::open(&home.place(), Policy::default()).is_err());
    sql("PRAGMA user_version = 2; PRAGMA application_id = 7");
    let error = Run::open(&home.place()).err().unwrap();
    assert!(matches!(error, LedgerError::Foreign { .. }), "{error}");
    assert!(error.is_refusal());
}

#[test]
fn accounts_know_nothing_of_each_other() {
    let home = Home::new();
    let row = e("a@x", &[("nome", "N")]);
    home.accept(std::slice::from_ref(&row));
    let other = place(&home.ledger, Account::Token(b"another"));
    let mut elsewhere = home.place();
    elsewhere.base_url = "https://other.example";
    for other in [other, elsewhere, home.labelled("matriz"), home.labelled("filial")] {
        assert!(!Reader::open(&other, Policy::default()).unwrap().knows_account());
        let mut run = Run::open(&other).unwrap();
        assert!(!run.believes(&row), "{other:?}");
        run.accept(std::slice::from_ref(&row));
        run.close();
        assert!(Reader::open(&other, Policy::default()).unwrap().believed(&row).unwrap());
    }
    assert_eq!(admin::status(&home.ledger).unwrap().len(), 5);
}

#[test]
fn a_lost_or_exchanged_key_is_said_and_can_be_forgotten() {
    let home = Home::new();
    let row = e("a@x", &[("nome", "N")]);
    let open = |label| Run::open(&home.labelled(label));
    let keys = || -> Vec<_> {
        fs::read_dir(home.ledger.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "key"))
            .collect()
    };
    let mut run = open("matriz").unwrap();
    run.accept(std::slice::from_ref(&row));
    run.close();
    let [key] = &keys()[..] else { panic!() };
    let secret = fs::read(key).unwrap();

    fs::remove_file(key).unwrap();
    let error = open("matriz").err().unwrap();
    assert!(matches!(error, LedgerError::KeyLost { .. }) && error.is_refusal(), "{error}");
    assert!(Reader::open(&home.labelled("matriz"), Policy::default()).is_err());
    assert!(!key.exists(), "no new key may take its place");

    open("filial").unwrap().close();
    let other = keys().pop().unwrap();
    fs::copy(&other, key).unwrap();
    assert!(matches!(open("matriz").err().unwrap(), LedgerError::KeyLost { .. }));

    fs::write(key, &secret[..30]).unwrap();
    assert!(matches!(open("matriz").err().unwrap(), LedgerError::KeyDamaged { .. }));

    fs::write(key, &secret).unwrap();
    assert!(open("matriz").unwrap().believes(&row));

    fs::remove_file(key).unwrap();
    let account = admin::find_account(&home.labelled("matriz")).unwrap().unwrap();
    assert!(admin::forget_account(&home.ledger, account).unwrap());
    assert!(!open("matriz").unwrap().believes(&row));
}

#[test]
fn a_label_must_be_a_name() {
    let home = Home::new();
    for label in ["", "  ", "a\nb", &"x".repeat(101)] {
        let error = Run::open(&home.labelled(label)).err().unwrap();
        assert!(matches!(error, LedgerError::Label(_)) && error.is_refusal());
    }
    Run::open(&home.labelled("../../São Paulo/matriz")).unwrap().close();
    assert_eq!(fs::read_dir(home.dir.path()).unwrap().count(), 1, "nothing outside");
}

#[test]
fn status_and_forget() {
    let home = Home::new();
    let before = jiff::Timestamp::now();
    let rows = [e("a@x", &[("nome", "N")]), e("c@x", &[("nome", "N")])];
    let rename = e("c@x", &[("email", "d@x")]);
    let lost = e("g@x", &[("email", "h@x")]);
    let mut run = home.run();
    run.accept(&rows);
    run.accept(std::slice::from_ref(&rename));
    run.intend(std::slice::from_ref(&lost));
    run.settle(std::slice::from_ref(&lost), RequestOutcome::Unknown);

    let busy = admin::forget_customer(&home.place(), NAME).unwrap_err();
    assert!(matches!(busy, LedgerError::Busy { .. }), "{busy}");
    let [status] = &admin::status(&home.ledger).unwrap()[..] else { panic!() };
    assert_eq!((status.customers, status.in_flight), (2, 1), "a pointer is no customer");
    assert_eq!((&*status.base_url, &status.label), ("https://api.example", &None));
    let changed = status.last_change.unwrap();
    assert!(changed.as_second() >= before.as_second());
    assert_eq!(admin::find_account(&home.place()).unwrap(), Some(status.account));
    run.close();

    let forget = |text| {
        let name = Name { ctype: CustomerType::Email, text };
        admin::forget_customer(&home.place(), name).unwrap()
    };
    assert!(forget("A@X"));
    assert!(!forget("a@x"));
    assert!(forget("h@x"), "an open rename is known under both names");
    let mut reader = home.reader();
    assert!(!reader.believed(&rows[0]).unwrap());
    assert!(reader.believed(&rename).unwrap());
    assert!(reader.leftovers().is_empty());
    drop(reader);

    let account = admin::find_account(&home.place()).unwrap().unwrap();
    assert!(admin::forget_account(&home.ledger, account).unwrap());
    assert!(!admin::forget_account(&home.ledger, account).unwrap());
    assert_eq!(admin::status(&home.ledger).unwrap(), []);
    assert!(!home.reader().knows_account());
    home.accept(&rows);
    assert!(home.reader().believed(&rows[0]).unwrap());
}

#[test]
fn forgetting_one_customer_does_not_hide_an_unfinished_request() {
    let home = Home::new();
    let other = update(CustomerType::Internal, "7", &[("nome", "N")]);
    let mut run = home.run();
    run.accept(std::slice::from_ref(&other));
    run.intend(&[e("a@x", &[("nome", "M")])]);
    run.close();
    admin::forget_customer(&home.place(), NAME).unwrap();
    let mut run = home.run();
    assert_eq!(run.leftovers.len(), 1);
    assert!(!run.believes(&other), "it may have been the same customer");
    run.settle(&[e("zz@x", &[("nome", "M")])], FIRST);
    run.close();
}

/// The number of a forgotten account may be given to the next one.
#[test]
fn a_forgotten_account_leaves_no_row() {
    let home = Home::new();
    let rename = e("g@x", &[("email", "h@x")]);
    let mut run = home.run();
    run.accept(&[e("a@x", &[("nome", "N")])]);
    run.intend(std::slice::from_ref(&rename));
    run.settle(std::slice::from_ref(&rename), RequestOutcome::Unknown);
    run.close();
    let rows = || {
        let connection = rusqlite::Connection::open(&home.ledger).unwrap();
        ["account", "name", "field", "cut", "intent", "recent"].map(|table| {
            let sql = format!("SELECT count(*) FROM {table}");
            connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap()
        })
    };
    assert!(rows()[..5].iter().all(|count| *count > 0), "{:?}", rows());
    let account = admin::find_account(&home.place()).unwrap().unwrap();
    assert!(admin::forget_account(&home.ledger, account).unwrap());
    assert_eq!(rows(), [0; 6]);
}

#[test]
fn what_an_unfinished_request_may_have_changed_is_known_though_no_other_is_made() {
    let home = Home::new();
    let other = update(CustomerType::Internal, "7", &[("nome", "N")]);
    home.accept(std::slice::from_ref(&other));
    let mut run = home.run();
    run.intend(&[e("a@x", &[("nome", "M")])]);
    run.close();
    home.run().close();
    let mut run = home.run();
    assert!(run.leftovers.is_empty());
    assert!(!run.believes(&other), "it may have been the same customer");
    run.close();
}

#[test]
fn one_label_at_two_addresses_is_two_accounts() {
    let home = Home::new();
    let there = || Place {
        path: &home.ledger,
        base_url: "https://outro.example",
        account: Account::Label("loja"),
    };
    Run::open(&home.labelled("loja")).unwrap().close();
    Run::open(&there()).unwrap().close();
    let [one, two] =
        [home.labelled("loja"), there()].map(|place| admin::find_account(&place).unwrap().unwrap());
    assert_ne!(one, two);
}
