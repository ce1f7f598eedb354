//! Where the input comes from: files that change during the run, standard input, pipes, missing files.

use std::io::Write as _;

use crate::support::{Finished, Run, Server, text};

use super::input::{PLAIN, plain};

/// Starts a long run, calls `change` on the input after the first requests, and waits for the end.
fn change_during_run(change: impl FnOnce(&std::path::Path)) -> (Server, Finished) {
    let server = Server::start();
    let latch = server.hold_replies();
    let mut text = String::from("identificador,tipo_identificador,nome\n");
    for row in 0..30_000 {
        text.push_str(&format!("C{row:05},I,Nome antigo {row:05}\n"));
    }
    let running = Run::new(&server).csv(&text).spawn();
    server.wait_for_requests(8);
    change(&running.work().join("clientes.csv"));
    latch.release();
    (server, running.wait())
}

fn assert_failed_by_change(server: &Server, finished: &Finished) {
    finished.exits(5).says(&["clientes.csv"]);
    assert!(finished.exists("clientes.resultado.csv.parcial"), "replies that arrived can be read");
    assert!(!finished.exists("clientes.resultado.csv"));
    let changed = server
        .raw_requests()
        .iter()
        .any(|request| request.field("nome").is_none_or(|nome| !nome.starts_with("Nome antigo")));
    assert!(!changed, "a row was sent that was not checked");
}

#[test]
fn c09_a_file_that_grows_during_the_run_stops_it() {
    let (server, finished) = change_during_run(|path| {
        let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"Z1,I,Nome novo\n").unwrap();
    });
    assert_failed_by_change(&server, &finished);
    assert!(server.count() < 30_000);
}

#[test]
fn c09_a_file_that_is_rewritten_in_place_stops_the_run() {
    let (server, finished) = change_during_run(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        std::fs::write(path, text.replace("Nome antigo 29", "Nome trocad 29")).unwrap();
    });
    assert_failed_by_change(&server, &finished);
    assert!(server.count() < 30_000);
}

#[test]
fn c09_a_file_that_is_replaced_by_another_fails_the_run() {
    let (server, finished) = change_during_run(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        let other = path.with_extension("novo");
        std::fs::write(&other, text.replace("Nome antigo", "Nome trocad")).unwrap();
        std::fs::rename(&other, path).unwrap();
    });
    assert_failed_by_change(&server, &finished);
    assert_eq!(server.count(), 30_000, "the file that was checked is sent to its end");
    // The message says what to do about exports that are renamed into place.
    assert!(finished.stderr.contains("trocado") && finished.stderr.contains("cópia"));
}

#[test]
fn c09_standard_input_is_read_to_its_end_before_anything_is_sent() {
    let server = Server::start();
    let finished = Run::new(&server).stdin(PLAIN).go();
    finished.exits(0).accounted([2, 3, 4]);
    assert!(finished.exists("entrada.resultado.csv") && finished.exists("entrada.rejeitados.csv"));
    assert!(finished.stderr.contains("Execução de entrada padrão: 3 linhas"));
    assert_eq!(server.sent(), plain());
    let broken = PLAIN.replace("22\n", "\"22\n");
    let server = Server::start();
    Run::new(&server).stdin(broken).go().refused_before_sending(&server, &["linha 4"]);
}

#[test]
fn c09_compressed_standard_input() {
    let server = Server::start();
    Run::new(&server).stdin(text::gzip(PLAIN.as_bytes())).go().exits(0).accounted([2, 3, 4]);
    assert_eq!(server.sent(), plain());
    let mut torn = text::gzip(PLAIN.as_bytes());
    torn.truncate(torn.len() - 9);
    let server = Server::start();
    Run::new(&server).stdin(torn).go().refused_before_sending(&server, &[]);
}

#[cfg(unix)]
#[test]
fn c09_a_named_pipe_is_spooled() {
    let server = Server::start();
    let run = Run::new(&server);
    let pipe = run.work().join("fila.csv");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let writer = std::thread::spawn(move || std::fs::write(pipe, PLAIN).unwrap());
    run.on("fila.csv").go().exits(0).accounted([2, 3, 4]);
    writer.join().unwrap();
    assert_eq!(server.sent(), plain());
}

#[test]
fn a_missing_file_is_named() {
    let server = Server::start();
    let finished = Run::new(&server).on("naohá.csv").go();
    finished.refused_before_sending(&server, &["naohá.csv"]);
    let server = Server::start();
    let run = Run::new(&server);
    std::fs::create_dir(run.work().join("pasta.csv")).unwrap();
    run.on("pasta.csv").go().refused_before_sending(&server, &["pasta.csv"]);
}

#[cfg(unix)]
#[test]
fn f172_no_suggested_command_reads_what_a_shell_opened() {
    let server = Server::start();
    let run = Run::new(&server).file("a.csv", PLAIN).on("/dev/fd/7").args(["--limit", "1"]);
    let finished = run.through_shell(r#"exec "$0" "$@" 7< a.csv"#).go();
    finished.exits(0).says(&["rode sem --limit."]);
    assert!(!finished.stderr.contains("run /dev/fd"), "{}", finished.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn f173_inputs_whose_names_are_no_utf8_share_no_results() {
    use std::os::unix::ffi::OsStringExt;
    let script = r#"shift 2
        for byte in 351 350; do
            name=$(printf "jos\\$byte.csv") && cp a.csv "$name" && "$0" run "$name" "$@" || exit
        done"#;
    let server = Server::start();
    let run = Run::new(&server).file("a.csv", PLAIN).on("a.csv").through_shell(script);
    let finished = run.without_summary().go();
    finished.exits(0);
    let files = std::fs::read_dir(finished.work()).unwrap();
    let names: Vec<_> = files.map(|file| file.unwrap().file_name().into_vec()).collect();
    for name in [b"jos\xe9.resultado.csv", b"jos\xe8.resultado.csv"] {
        assert!(names.iter().any(|found| found == name), "{names:?}");
    }
}
