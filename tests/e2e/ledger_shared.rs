//! A ledger with other names, and one in a folder where others write: whose files are taken for its
//! lock, its key and its log.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::support::nights::LEDGER;
use crate::support::{Nights, Reply, Run, second_user, table};

use super::ledger_crash::kill_in_flight;

const VICTIM: &str = "de outro";

/// The file beside the ledger whose name ends so.
fn beside(nights: &Nights, end: &str) -> PathBuf {
    let files = nights.ledger_files();
    let found = files.iter().find(|path| path.to_string_lossy().ends_with(end));
    found.unwrap_or_else(|| panic!("no {end} in {files:?}")).clone()
}

/// Every command that uses the ledger.
fn commands(nights: &Nights) -> [Run; 4] {
    let csv = table::customers(3);
    [nights.run(&csv), nights.check(&csv), nights.ledger("status"), nights.forget()]
}

/// Asserts that all of `commands` are refused in these words, and that nothing is sent.
#[track_caller]
fn assert_refused(nights: &Nights, commands: impl IntoIterator<Item = Run>, says: &[&str]) {
    let before = nights.server.count();
    for command in commands {
        let finished = command.allow_partial().go();
        finished.exits(2).says(says);
        assert!(!finished.stderr.contains("apague"), "{}", finished.stderr);
    }
    assert_eq!(nights.server.count(), before, "something was sent");
}

#[test]
fn a_ledger_with_a_second_link_is_refused() {
    let nights = Nights::begin();
    let csv = table::customers(3);
    nights.night(&csv).ends(0, &["atualizado"; 3]);
    fs::remove_file(nights.path("clientes.resultado.csv")).unwrap();
    fs::hard_link(nights.path(LEDGER), nights.path("outro.db")).unwrap();
    assert_refused(&nights, commands(&nights), &[LEDGER, "mais de um nome", "monte a pasta"]);
    fs::remove_file(nights.path("outro.db")).unwrap();
    nights.night(&csv).ends(0, &["inalterado"; 3]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_ledger_that_is_a_mount_point_is_refused() {
    if !crate::support::small_disk::possible("a_ledger_that_is_a_mount_point_is_refused") {
        return;
    }
    let nights = Nights::begin();
    nights.night(&table::customers(3)).ends(0, &["atualizado"; 3]);
    fs::remove_file(nights.path("clientes.resultado.csv")).unwrap();
    // The list of mounts escapes spaces.
    let [ledger, other] = ["o ledger.db", "outro.db"].map(|name| nights.path(name));
    fs::rename(nights.path(LEDGER), &other).unwrap();
    fs::write(&ledger, "").unwrap();
    let bound = r#"exec unshare --user --map-root-user --mount sh -c 'mount --bind outro.db "o ledger.db" && exec "$0" "$@"' "$0" "$@""#;
    symlink("o ledger.db", nights.path(LEDGER)).unwrap();
    let commands = commands(&nights).map(|run| run.through_shell(bound));
    assert_refused(&nights, commands, &["o ledger.db", "ponto de montagem", "Monte a pasta"]);
}

/// What a link or a second name leads to is neither read nor emptied.
#[test]
fn a_lock_that_leads_elsewhere_is_refused() {
    let nights = Nights::begin();
    kill_in_flight(&nights, &table::customers(3), 3);
    let lock = beside(&nights, ".lock");
    let (victim, new) = (nights.path("vitima"), nights.path("novo"));
    fs::write(&victim, VICTIM).unwrap();
    for kind in ["link", "dangling link", "second name", "pipe"] {
        fs::remove_file(&lock).unwrap();
        match kind {
            "link" => symlink(&victim, &lock).unwrap(),
            "dangling link" => symlink(&new, &lock).unwrap(),
            "second name" => fs::hard_link(&victim, &lock).unwrap(),
            _ => make_fifo(&lock),
        }
        let csv = table::customers(3);
        let without = Run::new(&nights.server).sharing(&nights.night_folder()).csv(&csv);
        let without = without.env("TOMTICKET_SYNC_LEDGER", LEDGER).arg("--no-ledger");
        let commands = [nights.run(&csv), nights.forget(), without];
        assert_refused(&nights, commands, &[".lock", "um link", "só você grava"]);
        assert_eq!((fs::read_to_string(&victim).unwrap(), new.exists()), (VICTIM.into(), false));
    }
    // It is not a lock, and what only reads goes on.
    nights.check(&table::customers(3)).allow_partial().go().exits(0);
}

fn make_fifo(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_log_or_key_that_leads_elsewhere_is_refused() {
    let nights = Nights::begin();
    let csv = table::customers(3);
    let labelled = |run: Run| run.args(["--account", "filial"]);
    nights.go(labelled(nights.run(&csv))).ends(0, &["atualizado"; 3]);
    let victim = nights.path("vitima");
    for log in ["-wal", "-shm", "-journal"] {
        fs::write(&victim, VICTIM).unwrap();
        let log = nights.path(&format!("{LEDGER}{log}"));
        symlink(&victim, &log).unwrap();
        assert_refused(&nights, commands(&nights), &["um link", "só você grava"]);
        assert_eq!(fs::read_to_string(&victim).unwrap(), VICTIM);
        fs::remove_file(&log).unwrap();
    }
    // Nor does a new ledger get such a log.
    let new = nights.path("novo.db-wal");
    for kind in ["link", "pipe"] {
        match kind {
            "link" => symlink(&victim, &new).unwrap(),
            _ => make_fifo(&new),
        }
        let run = Run::new(&nights.server).sharing(&nights.night_folder()).csv(&csv);
        let run = run.args(["--ledger", "novo.db"]);
        assert_refused(&nights, [run], &["novo.db-wal", "um link", "só você grava"]);
        fs::remove_file(&new).unwrap();
    }
    let key = beside(&nights, ".key");
    for kind in ["link", "second name"] {
        fs::rename(&key, &victim).unwrap();
        match kind {
            "link" => symlink(&victim, &key).unwrap(),
            _ => fs::hard_link(&victim, &key).unwrap(),
        }
        let commands = [nights.run(&csv), nights.check(&csv)].map(labelled);
        assert_refused(&nights, commands, &[".key", "um link", "só você grava"]);
        fs::remove_file(&key).unwrap();
        fs::rename(&victim, &key).unwrap();
    }
    nights.go(labelled(nights.run(&csv))).ends(0, &["inalterado"; 3]);
}

#[test]
fn files_of_another_user_beside_the_ledger_are_refused_with_what_to_do() {
    if !second_user::possible("files_of_another_user_beside_the_ledger_are_refused") {
        return;
    }
    let nights = Nights::begin();
    let csv = table::customers(3);
    kill_in_flight(&nights, &csv, 3);
    for end in ["-wal", ".lock"] {
        let path = beside(&nights, end);
        let before = fs::read(&path).unwrap();
        second_user::give(&path);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let chown = format!("sudo chown 0 {name}");
        let says = [&*name, "de outro usuário", &chown];
        assert_refused(&nights, [nights.run(&csv), nights.forget()], &says);
        assert_eq!(fs::read(&path).unwrap(), before);
        std::os::unix::fs::chown(&path, Some(0), Some(0)).unwrap();
    }
    nights.night(&csv).ends(0, &["atualizado"; 3]);
}

/// The lock of a run that is not the owner's would shut the owner out.
#[test]
fn a_ledger_of_another_user_is_refused_even_if_it_can_be_written() {
    if !second_user::possible("a_ledger_of_another_user_is_refused_even_if_it_can_be_written") {
        return;
    }
    let nights = Nights::begin();
    let csv = table::customers(3);
    nights.night(&csv).ends(0, &["atualizado"; 3]);
    fs::set_permissions(nights.path(LEDGER), PermissionsExt::from_mode(0o666)).unwrap();
    let run = nights.run(&csv).results("u.csv").rejects("u.rejeitados.csv").without_summary();
    let commands = [second_user::run_as_other(run)];
    assert_refused(&nights, commands, &[LEDGER, "é de outro usuário", "Rode como o dono"]);
    assert_eq!(nights.ledger_files().len(), 1, "a lock is left");
    nights.night(&csv).ends(0, &["inalterado"; 3]);
}

/// A run as root on a user's ledger leaves nothing that shuts the user out, even if it is killed.
#[test]
fn what_root_leaves_belongs_to_the_ledgers_owner() {
    if !second_user::possible("what_root_leaves_belongs_to_the_ledgers_owner") {
        return;
    }
    let nights = Nights::begin();
    let csv = table::customers(3);
    let as_user = || {
        let run = nights.run(&csv).results("u.csv").rejects("u.rejeitados.csv").without_summary();
        second_user::run_as_other(run.allow_partial())
    };
    nights.go(as_user()).ends(0, &["atualizado"; 3]);
    let user = fs::metadata(nights.path(LEDGER)).unwrap().uid();
    assert_ne!(user, 0);

    nights.server.script(|_, _| Reply::hang());
    let run = nights.run(&csv).args(["--account", "matriz", "--concurrency", "3"]);
    let mut running = run.without_summary().spawn();
    nights.server.wait_for_requests(6);
    running.signal("KILL");
    running.wait();
    nights.server.script(|_, _| Reply::ok());
    for end in [".lock", ".key", "-wal"] {
        assert_eq!(fs::metadata(beside(&nights, end)).unwrap().uid(), user, "{end}");
    }
    nights.go(as_user().args(["--account", "matriz"])).ends(0, &["atualizado"; 3]);
}
