//! The ledger as a file: locks, permissions, content, damage, other versions. Commands that read it
//! are in `ledger_admin.rs`.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::nights::LEDGER;
use crate::support::text::find;
use crate::support::{Nights, Reply, Run, Server, table};

pub(super) const OTHER_TOKEN: &str = "outro-S3GR3D0-0001";

#[test]
fn c38_the_second_process_on_an_account_names_the_first() {
    let nights = Nights::begin();
    let latch = nights.server.hold_replies();
    let running = nights.run(&table::customers(20)).spawn();
    nights.server.wait_for_requests(8);
    let other = |name: &str| {
        nights
            .run(&table::customers(20))
            .results(&format!("{name}.csv"))
            .rejects(&format!("{name}.rejeitados.csv"))
            .without_summary()
            // The first run's files exist.
            .allow_partial()
    };
    let second = other("segundo").go();
    let pid = running.pid_in_messages();
    second.exits(2).says(&[&format!("processo {pid}"), "desde 20"]);
    assert!(!second.exists("segundo.csv"));
    // `ledger forget` is refused meanwhile.
    nights.forget().allow_partial().go().exits(2).says(&[&pid]);
    // `check` and `ledger status` read beside the run.
    let check = nights.check(&table::customers(20)).allow_partial().go();
    check.exits(0).says(&["está em andamento", &format!("processo {pid}")]);
    let status = nights.ledger("status").allow_partial().go();
    assert!(status.exits(0).stdout_text().contains("em andamento:   8"));

    // A run on another account may use the same file at the same time.
    let third = other("terceiro").token(OTHER_TOKEN).spawn();
    nights.server.wait_for_requests(16);
    latch.release();
    third.wait().exits(0).accounted_rows(20);
    running.wait().exits(0).accounted_rows(20);
    assert_eq!(nights.server.count(), 40);
    nights.night(&table::customers(20)).ends(0, &["inalterado"; 20]);
    let night = nights.go(nights.run(&table::customers(20)).token(OTHER_TOKEN));
    night.ends(0, &["inalterado"; 20]);
}

#[test]
fn c38_one_lock_for_all_paths_of_a_ledger_and_for_runs_without_it() {
    let nights = Nights::begin();
    let csv = table::customers(20);
    nights.night(&csv).finished.exits(0);
    let work = nights.path("");
    std::fs::create_dir(work.join("dir")).unwrap();
    std::os::unix::fs::symlink("../ledger.db", work.join("dir/link.db")).unwrap();
    std::os::unix::fs::symlink("dir/link.db", work.join("link.db")).unwrap();
    let latch = nights.server.hold_replies();
    let before = nights.server.count();
    let running = nights.run(&csv).arg("--full").spawn();
    nights.server.wait_for_requests(before + 8);
    let pid = format!("processo {}", running.pid());
    for declined in [false, true] {
        let other = Run::new(&nights.server)
            .sharing(&nights.night_folder())
            .csv(&csv)
            .results("segundo.csv")
            .rejects("segundo.rejeitados.csv")
            .without_summary()
            .allow_partial();
        let other = match declined {
            false => other.args(["--ledger", "link.db"]),
            // The variable names the ledger that does not record this run.
            true => other.env("TOMTICKET_SYNC_LEDGER", LEDGER).arg("--no-ledger"),
        };
        other.go().exits(2).says(&[&pid]);
    }
    latch.release();
    running.wait().exits(0);
    // A link leads to the same ledger; a dangling link creates it at its target.
    let linked = |name: &str| {
        let run = Run::new(&nights.server).sharing(&nights.night_folder()).csv(&csv);
        nights.go(run.args(["--ledger", name]))
    };
    linked("link.db").ends(0, &["inalterado"; 20]);
    std::os::unix::fs::symlink("dir/novo.db", work.join("solto.db")).unwrap();
    linked("solto.db").ends(0, &["atualizado"; 20]);
    assert!(work.join("dir/novo.db").is_file());
    linked("dir/novo.db").ends(0, &["inalterado"; 20]);
}

#[test]
fn a_ledger_removed_after_the_preflight_is_created_again() {
    let nights = Nights::begin();
    let csv = table::customers(3);
    nights.night(&csv).finished.exits(0);
    nights.check(&csv).go().exits(0);
    std::fs::remove_file(nights.path(LEDGER)).unwrap();
    std::fs::write(nights.path("ledger.db-wal"), "").unwrap();
    nights.night(&csv).ends(0, &["atualizado"; 3]);
}

#[test]
fn c38_the_lock_ends_with_its_process() {
    let nights = Nights::begin();
    nights.server.script(|_, _| Reply::hang());
    let mut running = nights.run(&table::customers(20)).spawn();
    nights.server.wait_for_requests(8);
    running.signal("KILL");
    running.wait();
    nights.server.script(|_, _| Reply::ok());
    nights.night(&table::customers(20)).ends(0, &["atualizado"; 20]);
}

/// Asserts that `run`, `check` and `ledger status` refuse this ledger with `code` and `parts`, send
/// nothing and leave the file unchanged.
#[track_caller]
fn assert_refused(nights: &Nights, content: &[u8], code: i32, parts: &[&str]) {
    let before = nights.server.count();
    for name in nights.ledger_files() {
        std::fs::remove_file(name).unwrap();
    }
    std::fs::write(nights.path(LEDGER), content).unwrap();
    let csv = table::customers(50);
    let commands = [nights.run(&csv), nights.check(&csv), nights.ledger("status"), nights.forget()];
    for command in commands {
        let finished = command.go();
        finished.exits(code).says(parts);
        assert!(!finished.exists("clientes.resultado.csv"));
        let found = std::fs::read(nights.path(LEDGER)).unwrap();
        assert_eq!(found.len(), content.len(), "it was touched");
        assert!(found == content, "it was touched");
    }
    assert_eq!(nights.server.count(), before, "something was sent");
}

/// The bytes of a ledger with several pages.
fn filled(nights: &Nights) -> Vec<u8> {
    let night = nights.night(&table::customers(500));
    night.finished.exits(0);
    std::fs::remove_file(nights.path("clientes.resultado.csv")).unwrap();
    assert_eq!(nights.ledger_files().len(), 1, "the log was not folded in");
    std::fs::read(nights.path(LEDGER)).unwrap()
}

#[test]
fn a_damaged_ledger_is_never_replaced() {
    let nights = Nights::begin();
    let good = filled(&nights);
    let says = ["danificado", LEDGER, "--full"];
    let garbage = vec![b'#'; good.len()];
    assert_refused(&nights, &garbage, 5, &says);
    assert_refused(&nights, b"", 5, &says);
    for length in [1, 15, 50, 100, good.len() / 2, good.len() - 1] {
        assert_refused(&nights, &good[..length], 5, &says);
    }
}

#[test]
fn damage_found_during_the_run_stops_sending() {
    let nights = Nights::begin();
    let good = filled(&nights);
    // Past the first page, everything is noise.
    let mut bad = good.clone();
    bad[4096..].fill(0xa5);
    let before = nights.server.count();
    std::fs::write(nights.path(LEDGER), &bad).unwrap();
    let finished = nights.run(&table::customers(500)).go();
    finished.exits(5).says(&["danificado", LEDGER]);
    assert!(!finished.exists("clientes.resultado.csv"));
    assert!(nights.server.count() - before <= 8, "sending went on");
}

#[test]
fn a_ledger_of_a_later_version_is_refused() {
    let nights = Nights::begin();
    filled(&nights);
    change(&nights.path(LEDGER), "PRAGMA user_version = 99");
    let later = std::fs::read(nights.path(LEDGER)).unwrap();
    assert_refused(&nights, &later, 2, &["mais nova", LEDGER]);
}

#[test]
fn a_ledger_of_an_earlier_version_is_refused_with_the_way_out() {
    let nights = Nights::begin();
    filled(&nights);
    for version in [1, 2, 3, 4] {
        change(&nights.path(LEDGER), &format!("PRAGMA user_version = {version}"));
        let earlier = std::fs::read(nights.path(LEDGER)).unwrap();
        let found = format!("formato {version}; esta versão usa o formato 5");
        assert_refused(&nights, &earlier, 2, &["mais antiga", LEDGER, &found, "apague"]);
    }
}

#[test]
fn a_database_of_another_program_is_refused() {
    let nights = Nights::begin();
    let path = nights.path("alheio.db");
    change(&path, "CREATE TABLE account(id INTEGER)");
    let foreign = std::fs::read(&path).unwrap();
    assert_refused(&nights, &foreign, 2, &["outro programa", LEDGER]);
}

/// Changes a database with SQL.
fn change(path: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch(sql).unwrap();
    connection.close().unwrap();
}

#[test]
fn c44_all_ledger_files_are_readable_by_the_owner_only() {
    let nights = Nights::begin();
    let latch = nights.server.hold_replies();
    let running = nights.run(&table::customers(20)).args(["--account", "matriz"]).spawn();
    nights.server.wait_for_requests(8);
    let assert_private = |at_least: usize| {
        let files = nights.ledger_files();
        assert!(files.len() >= at_least, "{files:?}");
        for file in files {
            let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", file.display());
        }
    };
    // The ledger, its log and shared memory, the key, the lock.
    assert_private(5);
    latch.release();
    running.wait().exits(0);
    assert_private(2);
    // A ledger that was copied with other modes becomes private again.
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(nights.path(LEDGER), open).unwrap();
    nights.go(nights.run(&table::customers(20)).args(["--account", "matriz"])).finished.exits(0);
    assert_private(2);
}

#[test]
fn c44_no_customer_data_is_in_the_ledger() {
    let nights = Nights::begin();
    let secrets = [
        "fulana.detal",
        "exemplo-confidencial",
        "Fulana",
        "12345678000195",
        "98765-4321",
        "INTERNO-77",
        "valor-campo",
        "org-33",
        "abc01",
    ];
    let header = "identificador,tipo_identificador,email,nome,telefone,id_organizacao,id_interno,campo:abc01\n";
    let csv = format!(
        "{header}fulana.detal@exemplo-confidencial.com.br,E,nova.fulana.detal@exemplo-confidencial.com.br,Fulana de Tal,98765-4321,org-33,INTERNO-77,valor-campo\n\
         12345678000195,I,,Fulana Filha,98765-4321,org-33,,valor-campo\n"
    );
    let search = || {
        let files = nights.ledger_files();
        assert!(!files.is_empty());
        for file in files {
            let bytes = std::fs::read(&file).unwrap().to_ascii_lowercase();
            for secret in secrets {
                let place = find(&bytes, secret.to_ascii_lowercase().as_bytes(), 0);
                assert_eq!(place, None, "{secret} is in {}", file.display());
            }
        }
    };
    // The run is killed, with intents on disk and the WAL not checkpointed.
    nights.server.script(|_, _| Reply::hang());
    let mut running = nights.run(&csv).spawn();
    nights.server.wait_for_requests(2);
    running.signal("KILL");
    running.wait();
    assert!(nights.ledger_files().len() > 1);
    search();
    nights.server.script(|_, _| Reply::ok());
    nights.night(&csv).ends(0, &["atualizado"; 2]);
    search();
}

#[test]
fn a_lost_key_is_an_error() {
    let nights = Nights::begin();
    let csv = table::customers(3);
    let labelled = || nights.run(&csv).args(["--account", "filial"]);
    nights.go(labelled()).finished.exits(0);
    let before = nights.server.count();
    let key =
        nights.ledger_files().into_iter().find(|path| path.extension() == Some("key".as_ref()));
    std::fs::remove_file(key.unwrap()).unwrap();
    let finished = labelled().go();
    finished.exits(2).says(&["filial", "ledger forget"]);
    assert_eq!(nights.server.count(), before);
    let url = nights.server.url();
    let forget = nights.ledger("forget").args(["--base-url", &url, "--account", "filial"]).go();
    forget.exits(0);
    nights.go(labelled()).ends(0, &["atualizado"; 3]);
}

#[test]
fn c34_a_ledger_that_cannot_be_created_is_a_local_failure() {
    let server = Server::start();
    // The folder's path is a file.
    let run = Run::new(&server).file("arquivo", "").csv(&table::customers(3));
    let finished = run.args(["--ledger", "arquivo/ledger.db"]).go();
    finished.exits(5).says(&["arquivo/ledger.db"]);
    assert_eq!(server.count(), 0);
}

/// Without `XDG_STATE_HOME` the ledger lies under the home folder, where `ledger status` finds it.
#[test]
fn the_default_ledger_is_in_the_home_folder() {
    let run = Run::bare(&["run"]).csv(&table::customers(2)).env("XDG_STATE_HOME", "");
    let path = run.folder().path().join("casa/.local/state/tomticket-sync/ledger.db");
    // Loopback has no ledger by default, so another address is needed. A label of 64 letters is not a
    // valid name, so no server is asked.
    let url = format!("https://{}.exemplo.com.br", "a".repeat(64));
    let finished = run
        .env("TOMTICKET_TOKEN", crate::support::CANARY)
        .args(["--base-url", &url, "--rate", "unlimited", "--give-up-after", "1s"])
        .go();
    finished.exits(4);
    assert!(path.is_file());
    let mode = std::fs::metadata(path.parent().unwrap()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "a new folder is for its owner alone");
    let status =
        Run::bare(&["ledger", "status"]).in_folder_of(&finished).env("XDG_STATE_HOME", "").go();
    let text = status.exits(0).stdout_text();
    assert!(
        text.contains(&format!("Registro: {}", path.display())) && text.contains(&url),
        "{text}"
    );
}
