//! Outputs in a folder that other users and programs write to as well: whose file is taken, who may
//! read it, and what is left when another program takes it away.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::support::{Finished, Reply, Run, Server, second_user, table};

const PARTIAL: &str = "clientes.resultado.csv.parcial";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn only_an_own_file_with_one_name_may_be_the_half_written_one() {
    let server = Server::start();
    for kind in ["link", "folder", "pipe", "second name"] {
        for output in ["r.csv", "j.csv", "resumo.json", "p.html"] {
            let run = Run::new(&server).csv(&table::customers(2)).file("outro", "de outro");
            let partial = run.work().join(format!("{output}.parcial"));
            match kind {
                "link" => symlink("outro", &partial).unwrap(),
                "folder" => fs::create_dir(&partial).unwrap(),
                "pipe" => make_fifo(&partial),
                _ => fs::hard_link(run.work().join("outro"), &partial).unwrap(),
            }
            let run = run.results("r.csv").rejects("j.csv").args(["--report", "p.html"]);
            let finished = run.allow_partial().go();
            let partial = format!("{output}.parcial");
            finished.refused_before_sending(&server, &[&partial, "Mova ou apague"]);
            assert_eq!(finished.text("outro"), "de outro", "{kind} {output}");
        }
    }
}

#[test]
fn a_half_written_file_of_another_user_is_not_taken_over() {
    if !second_user::possible("a_half_written_file_of_another_user_is_not_taken_over") {
        return;
    }
    let server = Server::start();
    let run = Run::new(&server).csv(&table::customers(2)).file(PARTIAL, "de outro");
    let partial = run.work().join(PARTIAL);
    second_user::give(&partial);
    set_mode(&partial, 0o666);
    let finished = run.allow_partial().go();
    finished.refused_before_sending(&server, &[PARTIAL, "é de outro usuário", "Mova ou apague"]);
    assert_eq!(finished.text(PARTIAL), "de outro");
}

#[test]
fn a_link_or_pipe_of_another_user_is_not_written_to() {
    if !second_user::possible("a_link_or_pipe_of_another_user_is_not_written_to") {
        return;
    }
    let server = Server::start();
    for kind in ["link", "pipe"] {
        let run = Run::new(&server).csv(&table::customers(2)).file("minha", "minha");
        let planted = run.work().join("clientes.rejeitados.csv");
        match kind {
            "link" => symlink("minha", &planted).unwrap(),
            _ => make_fifo(&planted),
        }
        second_user::give(&planted);
        let finished = run.go();
        finished.exits(2).says(&["clientes.rejeitados.csv", "que outro usuário pôs ali"]);
        assert_eq!((finished.text("minha"), server.count()), ("minha".to_owned(), 0));
    }
}

/// Whoever opened the file of an earlier run must not read the next one's through it.
#[test]
fn the_half_written_file_of_an_earlier_run_is_replaced_and_not_reused() {
    let server = Server::start();
    let run = Run::new(&server).csv(&table::customers(2)).file(PARTIAL, "de antes");
    let partial = run.work().join(PARTIAL);
    set_mode(&partial, 0o666);
    set_mode(&run.work().join("clientes.csv"), 0o600);
    let before = fs::metadata(&partial).unwrap().ino();
    let finished = run.go();
    finished.exits(0).accounted_rows(2);
    let results = finished.work().join("clientes.resultado.csv");
    assert_ne!(fs::metadata(&results).unwrap().ino(), before);
    assert_eq!(mode(&results), 0o600);
}

#[test]
fn outputs_are_no_more_readable_than_the_input() {
    let server = Server::start();
    // Modes of input and of the results before; umask; modes of results and of the others.
    for (input, before, umask, results, others) in [
        (0o600, None, "022", 0o600, 0o600),
        (0o640, None, "022", 0o640, 0o640),
        (0o644, None, "022", 0o644, 0o644),
        (0o666, None, "027", 0o640, 0o640),
        (0o644, None, "077", 0o600, 0o600),
        (0o600, Some(0o666), "022", 0o600, 0o600),
        (0o644, Some(0o666), "000", 0o644, 0o644),
        (0o644, Some(0o600), "022", 0o600, 0o644),
        (0o644, Some(0o440), "022", 0o440, 0o644),
        // The owner can repair rejects.
        (0o444, None, "022", 0o644, 0o644),
    ] {
        let mut run = Run::new(&server).csv(&table::customers(2)).args(["--report", "p.html"]);
        set_mode(&run.work().join("clientes.csv"), input);
        if let Some(before) = before {
            run = run.file("clientes.resultado.csv", "antes");
            set_mode(&run.work().join("clientes.resultado.csv"), before);
        }
        let script = format!(r#"umask {umask}; exec "$0" "$@""#);
        let finished = run.through_shell(&script).go();
        finished.exits(0);
        let found = ["clientes.resultado.csv", "clientes.rejeitados.csv", "resumo.json", "p.html"]
            .map(|name| mode(&finished.work().join(name)));
        assert_eq!(found, [results, others, others, others], "{input:o} {before:?} {umask}");
    }
    // Standard input may be a file too; a later command's page is made from the results.
    let run = Run::new(&server).input("c.csv", table::customers(2)).on("-");
    set_mode(&run.work().join("c.csv"), 0o600);
    let finished = run.through_shell(r#"exec "$0" "$@" < c.csv"#).go();
    finished.exits(0);
    let results = finished.work().join("entrada.resultado.csv");
    assert_eq!(mode(&results), 0o600);
    Run::bare(&["report"]).in_folder_of(&finished).on("entrada.resultado.csv").go().exits(0);
    assert_eq!(mode(&finished.work().join("entrada.relatorio.html")), 0o600);
}

#[test]
fn results_that_could_not_be_replaced_are_refused_before_sending() {
    if !second_user::possible("results_that_could_not_be_replaced_are_refused_before_sending") {
        return;
    }
    let server = Server::start();
    let shared = |mode| {
        let run = Run::new(&server).csv(&table::customers(2)).results("d/r.csv").without_summary();
        let folder = run.work().join("d");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("r.csv"), "de root").unwrap();
        set_mode(&folder, mode);
        second_user::run_as_other(run).go()
    };
    let sticky = shared(0o1777);
    sticky.exits(2).says(&["d/r.csv", "é de outro usuário", "Escolha outro nome"]);
    assert_eq!((sticky.text("d/r.csv"), server.count()), ("de root".to_owned(), 0));
    assert!(!sticky.exists("d/r.csv.parcial"));
    let closed = shared(0o755);
    closed.exits(2).says(&["d/r.csv", "sem permissão"]);
    assert_eq!(server.count(), 0);
    // Without the sticky bit, whoever may write to the folder may replace the file.
    shared(0o777).exits(0).accounted_rows(2);
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_are_a_mount_point_are_refused_before_sending() {
    use crate::support::small_disk;
    if !small_disk::possible("results_that_are_a_mount_point_are_refused_before_sending") {
        return;
    }
    let server = Server::start();
    let run = Run::new(&server).csv(&table::customers(2)).file("clientes.resultado.csv", "antes");
    let bound = r#"exec unshare --user --map-root-user --mount sh -c 'mount --bind clientes.csv clientes.resultado.csv && exec "$0" "$@"' "$0" "$@""#;
    let run = run.file("outro.csv", "").through_shell(&bound.replace("clientes.csv", "outro.csv"));
    let finished = run.go();
    finished.exits(2).says(&["clientes.resultado.csv", "ponto de montagem", "monte a pasta"]);
    assert_eq!((finished.text("clientes.resultado.csv"), server.count()), ("antes".to_owned(), 0));
}

/// A run whose files are changed by `meddle` when three requests wait for their replies.
fn meddled(meddle: impl Fn(&Path)) -> Finished {
    let server = Server::start();
    server.reply("C00002", Reply::refuse("Não."));
    let latch = server.hold_replies();
    let run = Run::new(&server).csv(&table::customers(3)).allow_partial();
    let running = run.file("clientes.resultado.csv", "antes").file("minha", "minha").spawn();
    server.wait_for_requests(3);
    meddle(&running.work());
    latch.release();
    running.wait()
}

#[test]
fn what_another_program_took_away_is_written_anew() {
    for name in [PARTIAL, "clientes.rejeitados.csv.parcial"] {
        for kind in ["deleted", "replaced", "link", "renamed", "folder"] {
            let finished = meddled(|work| {
                let partial = work.join(name);
                match kind {
                    "renamed" => fs::rename(&partial, work.join("copia")).unwrap(),
                    _ => fs::remove_file(&partial).unwrap(),
                }
                match kind {
                    "replaced" => fs::write(&partial, "linha\nmetade").unwrap(),
                    "link" => symlink("minha", &partial).unwrap(),
                    "folder" => fs::create_dir(&partial).unwrap(),
                    _ => {}
                }
            });
            finished.exits(1).accounted_rows(3);
            assert_eq!(finished.rejects().len(), 2, "{name} {kind}");
            assert_eq!(finished.text("minha"), "minha", "{name} {kind}");
            let summary = finished.summary();
            assert_eq!(summary["resultados"], "clientes.resultado.csv");
            assert_eq!(summary["rejeitados"], "clientes.rejeitados.csv");
        }
    }
}

#[test]
fn a_name_that_cannot_be_given_leaves_the_whole_file_where_the_message_says() {
    let block = |work: &Path| {
        fs::remove_file(work.join("clientes.resultado.csv")).unwrap();
        fs::create_dir(work.join("clientes.resultado.csv")).unwrap();
    };
    let finished = meddled(block);
    finished.exits(5).says(&["clientes.resultado.csv", "completo, está em", PARTIAL]);
    assert_eq!(finished.summary()["resultados"], PARTIAL);
    assert_eq!(finished.parse_results(&finished.text(PARTIAL)).len(), 3);

    // The copy of what was taken away has a name of its own.
    let finished = meddled(|work| {
        block(work);
        fs::remove_file(work.join(PARTIAL)).unwrap();
    });
    finished.exits(5);
    let named = finished.summary()["resultados"].as_str().unwrap().to_owned();
    finished.says(&[&format!("completo, está em {named}")]);
    assert_eq!(finished.parse_results(&finished.text(&named)).len(), 3);

    // An editor that saves into the file itself takes rows away.
    let finished = meddled(|work| fs::write(work.join(PARTIAL), "linha\nmetade\n").unwrap());
    finished.exits(5).says(&["outro programa mudou o conteúdo", "o que restou está em", PARTIAL]);
    assert_eq!(finished.text("clientes.resultado.csv"), "antes");

    // Nothing is left of a folder that was deleted.
    let server = Server::start();
    let latch = server.hold_replies();
    let run = Run::new(&server).csv(&table::customers(3)).allow_partial().results("d/r.csv");
    fs::create_dir(run.work().join("d")).unwrap();
    let running = run.spawn();
    server.wait_for_requests(3);
    fs::remove_dir_all(running.work().join("d")).unwrap();
    latch.release();
    let finished = running.wait();
    finished.exits(5).says(&["d/r.csv", "não há outro arquivo com o conteúdo"]);
    assert_eq!(finished.summary()["resultados"], "");
    assert!(finished.stderr.contains("Resultados: nenhum arquivo"), "{}", finished.stderr);
}
