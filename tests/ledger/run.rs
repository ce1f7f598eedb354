//! The ledger in a run: group commit, order, other processes, and what happens when it fails.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::support::{FIRST, Home, Run, e, place};
use tomticket_sync::ledger::{Account, FileLock, LedgerError, admin};
use tomticket_sync::ledger::{Answer, Ask};
use tomticket_sync::scheduler::ledger::Recorded;

fn rows(count: usize) -> Vec<Arc<tomticket_sync::model::Update>> {
    (0..count).map(|n| e(&format!("{n}@x"), &[("nome", "N")])).collect()
}

#[test]
fn a_thousand_intents_share_a_few_syncs() {
    let home = Home::new();
    let rows = rows(1000);
    let Run { runtime, mut handle, .. } = home.run();
    runtime.block_on(async {
        // One by one, as from a pool that is in no hurry to batch.
        for (seq, row) in (0..).zip(&rows) {
            handle.ask(vec![Ask::Intend { seq, update: Arc::clone(row) }]).await.unwrap();
        }
        let mut answers = Vec::new();
        while answers.len() < rows.len() {
            answers.extend(handle.answers().await.unwrap());
        }
        let expected: Vec<_> =
            (0..1000).map(|seq| Answer::Recorded(Recorded::Intent { sequence: seq })).collect();
        assert_eq!(answers, expected, "in order");
        assert!(handle.commits() <= 250, "{} commits", handle.commits());
        handle.close().await.unwrap();
    });
    assert_eq!(home.run().leftovers.len(), 1000);
}

#[test]
fn judging_alone_writes_nothing() {
    let home = Home::new();
    let rows = rows(10);
    home.accept(&rows);
    let mut run = home.run();
    let before = run.handle.commits();
    assert!(rows.iter().all(|row| run.believes(row)));
    assert_eq!(run.handle.commits(), before);
    run.close();
}

#[test]
fn a_batch_is_worked_through_in_order() {
    let home = Home::new();
    let row = e("a@x", &[("nome", "N")]);
    let judge = |seq| Ask::Judge { seq, update: Arc::clone(&row) };
    let mut run = home.run();
    let answers = run
        .ask(vec![
            judge(0),
            Ask::Intend { seq: 1, update: Arc::clone(&row) },
            judge(2),
            Ask::Settle { seq: 1, update: Arc::clone(&row), how: FIRST },
            judge(3),
        ])
        .unwrap();
    let judged = |seq, believed| Answer::Judged { seq, believed };
    assert_eq!(
        answers,
        [
            judged(0, false),
            Answer::Recorded(Recorded::Intent { sequence: 1 }),
            judged(2, false),
            Answer::Recorded(Recorded::Outcome { sequence: 1, uncertain: false }),
            judged(3, true),
        ]
    );
    run.close();
}

#[test]
fn asking_without_listening_never_blocks_for_ever() {
    let home = Home::new();
    let row = e("a@x", &[("nome", "N")]);
    let Run { runtime, mut handle, .. } = home.run();
    runtime.block_on(async {
        for seq in 0..3000 {
            handle.ask(vec![Ask::Judge { seq, update: Arc::clone(&row) }]).await.unwrap();
        }
        let mut next = 0;
        while next < 3000 {
            for answer in handle.answers().await.unwrap() {
                assert_eq!(answer, Answer::Judged { seq: next, believed: false });
                next += 1;
            }
        }
        handle.close().await.unwrap();
    });
}

#[test]
fn what_was_asked_is_done_even_if_nobody_listens() {
    let home = Home::new();
    let rows = rows(100);
    let Run { runtime, mut handle, .. } = home.run();
    let asks = (0..).zip(&rows).map(|(seq, row)| Ask::Intend { seq, update: Arc::clone(row) });
    runtime.block_on(handle.ask(asks.collect())).unwrap();
    runtime.block_on(handle.close()).unwrap();
    let Run { runtime, mut handle, leftovers } = home.run();
    assert_eq!(leftovers.len(), 100);
    // Dropped without a word, the writer still finishes and lets go of the account.
    runtime
        .block_on(handle.ask(vec![Ask::Intend { seq: 0, update: Arc::clone(&rows[0]) }]))
        .unwrap();
    drop(handle);
    let run = home.run();
    assert_eq!(run.leftovers.len(), 1);
    run.close();
}

#[test]
fn a_failing_ledger_says_so_once_and_then_refuses() {
    for asked_first in [false, true] {
        let home = Home::new();
        let rows = rows(3);
        let mut run = home.run();
        run.intend(&rows[..1]);
        rusqlite::Connection::open(&home.ledger)
            .unwrap()
            .execute_batch("DROP TABLE recent")
            .unwrap();
        let intend =
            |seq: usize| vec![Ask::Intend { seq: seq as u64, update: Arc::clone(&rows[seq]) }];
        let Run { runtime, mut handle, .. } = run;
        runtime.block_on(async {
            handle.ask(intend(1)).await.unwrap();
            let error = if asked_first {
                loop {
                    if let Err(error) = handle.ask(intend(2)).await {
                        break error;
                    }
                }
            } else {
                handle.answers().await.unwrap_err()
            };
            assert!(matches!(error, LedgerError::Storage { .. }), "{error}");
            assert!(!error.is_refusal());
            assert!(matches!(handle.answers().await, Err(LedgerError::Stopped)));
            assert!(handle.ask(intend(2)).await.is_err());
            handle.close().await.unwrap();
        });
    }
}

#[test]
fn an_unread_failure_is_told_at_the_end() {
    let home = Home::new();
    let Run { runtime, mut handle, .. } = home.run();
    rusqlite::Connection::open(&home.ledger).unwrap().execute_batch("DROP TABLE recent").unwrap();
    let ask = vec![Ask::Intend { seq: 0, update: e("a@x", &[("nome", "N")]) }];
    runtime.block_on(handle.ask(ask)).unwrap();
    assert!(matches!(runtime.block_on(handle.close()), Err(LedgerError::Storage { .. })));
}

#[test]
fn a_reader_looks_on_while_a_run_writes() {
    let home = Home::new();
    let rows = rows(50);
    let mut run = home.run();
    run.accept(&rows[..25]);
    let mut reader = home.reader();
    run.accept(&rows[25..]);
    // One moment for all answers, whatever happens meanwhile.
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(reader.believed(row).unwrap(), at < 25, "{at}");
    }
    assert!(home.reader().believed(&rows[49]).unwrap());
    run.close();
    assert!(reader.believed(&rows[0]).unwrap());
    drop(reader);
    home.run().close();
}

#[test]
fn one_run_per_account_but_accounts_side_by_side() {
    let home = Home::new();
    let other = place(&home.ledger, Account::Token(b"another"));
    let rows = rows(200);
    let mut run = home.run();
    let error = Run::open(&home.place()).err().unwrap();
    let LedgerError::Busy { holder: Some(holder), .. } = &error else { panic!("{error}") };
    assert_eq!(holder.pid, std::process::id());
    assert!(error.is_refusal());
    assert!(error.to_string().contains(&format!("processo {}", std::process::id())), "{error}");

    let mut second = Run::open(&other).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| rows.chunks(10).for_each(|some| run.accept(some)));
        scope.spawn(|| rows.chunks(10).for_each(|some| second.accept(some)));
    });
    assert!(rows.iter().all(|row| run.believes(row) && second.believes(row)));
    run.close();
    second.close();
    assert_eq!(admin::status(&home.ledger).unwrap().len(), 2);
    home.run().close();
}

#[test]
fn a_lock_dies_with_its_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.lock");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "run::hold_a_lock", "--ignored", "--nocapture"])
        .env("LOCK_TO_HOLD", &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("LOCKED")), "the child holds it");
    let Err(LedgerError::Busy { holder: Some(holder), .. }) = FileLock::acquire(&path) else {
        panic!("it must be busy");
    };
    assert_eq!(holder.pid, child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(path.exists());
    FileLock::acquire(&path).unwrap();
}

/// Not a test: what the child of [`a_lock_dies_with_its_process`] does.
#[test]
#[ignore = "runs as a child process"]
fn hold_a_lock() {
    let Some(path) = std::env::var_os("LOCK_TO_HOLD") else { return };
    let _lock = FileLock::acquire(path.as_ref()).unwrap();
    println!("LOCKED");
    std::io::stdout().flush().unwrap();
    // Ends with the parent at the latest.
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// Prints what a customer costs: `CUSTOMERS=1000000 cargo test --release --test ledger -- \
/// --ignored --nocapture size_and_speed`.
#[test]
#[ignore = "takes minutes"]
fn size_and_speed() {
    let customers: usize =
        std::env::var("CUSTOMERS").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let home = Home::new();
    let row = |n: usize| {
        let values: Vec<_> =
            (0..10).map(|field| (format!("campo:{field}"), format!("{n}-{field}"))).collect();
        let values: Vec<_> = values.iter().map(|(f, v)| (f.as_str(), v.as_str())).collect();
        e(&format!("cliente.numero{n}@empresa.example"), &values)
    };
    let rows: Vec<_> = (0..customers).map(row).collect();
    let report = |what: &str, since: std::time::Instant| {
        let each = since.elapsed() / u32::try_from(customers).unwrap();
        println!("{what}: {each:?} a row");
    };
    let mut run = home.run();
    let start = std::time::Instant::now();
    rows.chunks(1000).for_each(|some| run.accept(some));
    report("intend + settle", start);
    run.close();
    let size = std::fs::metadata(&home.ledger).unwrap().len();
    println!("{customers} customers: {size} bytes, {} each", size as f64 / customers as f64);
    let mut reader = home.reader();
    for what in ["reader, first look", "reader, warm"] {
        let start = std::time::Instant::now();
        assert!(rows.iter().all(|row| reader.believed(row).unwrap()));
        report(what, start);
    }
    let mut run = home.run();
    let start = std::time::Instant::now();
    for some in rows.chunks(64) {
        let asks = (0..).zip(some).map(|(seq, row)| Ask::Judge { seq, update: Arc::clone(row) });
        run.ask(asks.collect()).unwrap();
    }
    report("judge, 64 at a time", start);
    run.close();
}
