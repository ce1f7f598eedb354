//! One run per account, whatever happens to the lock: it is deleted, or was left by root.

use std::path::PathBuf;
use std::time::Instant;

use crate::support::nights::LEDGER;
use crate::support::{Latch, Nights, PATIENCE, Reply, Run, table};

use super::ledger_file::OTHER_TOKEN;

/// The lock files beside the ledger.
fn locks(nights: &Nights) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(nights.path("")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension() == Some("lock".as_ref()));
    files
}

/// A run on the same ledger with outputs of its own.
fn beside(nights: &Nights, csv: &str, name: &str) -> Run {
    nights
        .run(csv)
        .results(&format!("{name}.csv"))
        .rejects(&format!("{name}.rejeitados.csv"))
        .without_summary()
        .allow_partial()
}

/// The older run is cut off at its next commit, the younger one goes on, and the ledger believes what
/// the younger one sent last.
#[test]
fn a_run_whose_lock_was_deleted_stops_when_another_takes_over() {
    let nights = Nights::begin();
    let [old, new] = ["Velho", "Novo"].map(|nome| table::customers(20).replace("Cliente", nome));
    let (first, second) = (Latch::new(), Latch::new());
    let held = [first.clone(), second.clone()];
    let end = Instant::now() + PATIENCE;
    nights.server.script(move |request, _| {
        let is_new = request.form().iter().any(|(_, value)| value.starts_with("Novo"));
        held[usize::from(is_new)].wait_unless(|| Instant::now() > end);
        Reply::ok()
    });
    let older = nights.run(&old).spawn();
    nights.server.wait_for_requests(8);
    std::fs::remove_file(&locks(&nights)[0]).unwrap();
    let younger = beside(&nights, &new, "segundo").spawn();
    nights.server.wait_for_requests(16);
    first.release();
    let older = older.wait();
    older.exits(5).says(&["outra execução assumiu esta conta", LEDGER, "de novo"]);
    assert!(older.exists("clientes.resultado.csv.parcial"));
    assert!(!older.exists("clientes.resultado.csv"));
    assert_eq!(nights.server.count(), 16, "the older run sent on");
    // The younger run's lock is still there.
    assert_eq!(locks(&nights).len(), 1);
    let pid = format!("processo {}", younger.pid_in_messages());
    beside(&nights, &new, "terceiro").go().exits(2).says(&[&pid]);
    second.release();
    let rows = younger.wait().exits(0).accounted_rows(20);
    assert!(rows.iter().all(|row| row.situacao == "atualizado"));
    // What the server holds now is what the younger run sent.
    let night = nights.go(beside(&nights, &new, "quarto"));
    night.sends::<&str>(&[]).ends(0, &["inalterado"; 20]);
    let night = nights.go(beside(&nights, &old, "quinto"));
    night.ends(0, &["atualizado"; 20]);
    assert_eq!(night.sent.len(), 20);
}

/// A repeat needs no commit, and the younger run has sent its own value since.
#[test]
fn a_run_that_lost_its_account_repeats_nothing() {
    let nights = Nights::begin();
    let csv = |nome: &str| format!("identificador,tipo_identificador,nome\n1,I,{nome}\n");
    nights.server.reply("1", Reply::html(500));
    let mut older = nights.run(&csv("Velho")).spawn();
    nights.server.wait_for_requests(1);
    older.signal("STOP");
    std::fs::remove_file(&locks(&nights)[0]).unwrap();
    let younger = nights.go(beside(&nights, &csv("Novo"), "segundo"));
    younger.sends(&["1/I nome=Novo"]).ends(0, &["atualizado"]);
    older.signal("CONT");
    older.wait().exits(5).says(&["outra execução assumiu esta conta"]);
    let night = nights.go(beside(&nights, &csv("Novo"), "terceiro"));
    night.sends::<&str>(&[]).ends(0, &["inalterado"]);
    assert_eq!(nights.server.count(), 2);
}

#[test]
fn a_run_whose_account_is_forgotten_stops() {
    let nights = Nights::begin();
    let csv = table::customers(20);
    let latch = nights.server.hold_replies();
    let running = nights.run(&csv).spawn();
    nights.server.wait_for_requests(8);
    std::fs::remove_file(&locks(&nights)[0]).unwrap();
    nights.forget().allow_partial().go().exits(0);
    // Another account may not inherit the forgotten one's number.
    let other = beside(&nights, &csv, "outra").token(OTHER_TOKEN).spawn();
    nights.server.wait_for_requests(16);
    latch.release();
    running.wait().exits(5).says(&["outra execução assumiu esta conta"]);
    other.wait().exits(0).accounted_rows(20);
    nights.night(&csv).ends(0, &["atualizado"; 20]);
}
