//! What is otherwise on Windows: files that another program holds, names that are devices or one name
//! in several spellings, byte order marks of its editors. Where the program under test is not that for
//! Windows, only what holds everywhere is tested here.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{CANARY, Run, Server, prerequisites, program, table};

const CSV: &str = "identificador,tipo_identificador,nome\n1,I,Ana\n";

/// Whether the program under test is that for Windows; if not, the test is skipped.
fn on_windows(test: &str) -> bool {
    prerequisites::met(program::is_for_windows(), "windows", test)
}

/// A file that another program has open, until this is dropped.
struct Held(Child);

impl Held {
    /// Others may do with it what `share` names: `r`ead, `w`rite, `d`elete or rename.
    fn new(path: &Path, share: &str) -> Self {
        let mut hold = Command::new(program::windows_helper("hold"))
            .arg(path)
            .arg(share)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(hold.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "held");
        Self(hold)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn utf16(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

#[test]
fn f195_files_of_windows_editors_are_read() {
    for (token, config) in [
        (utf16(&format!("{CANARY}\r\n")), utf16("id-type = \"I\"\r\nrate = 50\r\n")),
        (format!("\u{feff}{CANARY}\r\n").into(), "\u{feff}id-type = \"I\"\r\nrate = 50\r\n".into()),
    ] {
        let server = Server::start();
        let text = "identificador\tnome\r\n1\tConceição\r\n";
        let finished = Run::new(&server)
            .without_token()
            .secret_file("token.txt", token)
            .file("tomticket-sync.toml", config)
            .default_rate()
            .input("clientes.txt", utf16(text))
            .args(["--token-file", "token.txt"])
            .go();
        finished.exits(0).accounted_rows(1);
        assert_eq!(server.sent()[0].0, "1");
        assert!(finished.text("resumo.json").contains("\"rate\": 50"));
    }
}

#[test]
fn f196_an_output_that_another_program_holds_is_told_before_sending() {
    if !on_windows("f196_an_output_that_another_program_holds_is_told_before_sending") {
        return;
    }
    let server = Server::start();
    let run = Run::new(&server).csv(CSV).file("clientes.resultado.csv", "antes\n").allow_partial();
    let held = Held::new(&run.work().join("clientes.resultado.csv"), "r");
    let finished = run.go();
    let said = ["clientes.resultado.csv", "está aberto em outro programa, como o Excel"];
    finished.exits(2).says(&said);
    assert_eq!((server.count(), finished.text("clientes.resultado.csv")), (0, "antes\n".into()));
    drop(held);
    Run::new(&server).in_folder_of(&finished).csv(CSV).go().exits(0).accounted_rows(1);
}

#[test]
fn f196_an_output_that_another_program_holds_at_the_end_stays_partial() {
    if !on_windows("f196_an_output_that_another_program_holds_at_the_end_stays_partial") {
        return;
    }
    let server = Server::start();
    let latch = server.hold_replies();
    let run = Run::new(&server).csv(&table::customers(3)).file("clientes.resultado.csv", "antes\n");
    let running = run.spawn();
    server.wait_for_requests(3);
    let held = Held::new(&running.work().join("clientes.resultado.csv"), "r");
    latch.release();
    let finished = running.wait();
    drop(held);
    finished.exits(5).says(&[
        "não foi possível dar o nome clientes.resultado.csv",
        "está aberto em outro programa, como o Excel",
        "o conteúdo, completo, está em clientes.resultado.csv.parcial",
        "Resultados: clientes.resultado.csv.parcial\n",
    ]);
    assert_eq!(finished.text("clientes.resultado.csv"), "antes\n");
    assert_eq!(finished.text("clientes.resultado.csv.parcial").lines().count(), 4);
}

#[test]
fn f197_an_input_that_another_program_holds_is_told() {
    if !on_windows("f197_an_input_that_another_program_holds_is_told") {
        return;
    }
    let server = Server::start();
    let run = Run::new(&server).csv(CSV);
    let path = run.work().join("clientes.csv");
    let held = Held::new(&path, "");
    let finished = run.go();
    let said = ["clientes.csv", "está aberto em outro programa, como o Excel"];
    finished.refused_before_sending(&server, &said);
    drop(held);
    // Excel lets others read.
    let held = Held::new(&path, "r");
    Run::new(&server).in_folder_of(&finished).csv(CSV).go().exits(0).accounted_rows(1);
    drop(held);
}

#[test]
fn f198_spellings_of_one_name_and_names_of_devices_are_refused() {
    if !on_windows("f198_spellings_of_one_name_and_names_of_devices_are_refused") {
        return;
    }
    let server = Server::start();
    let finished = Run::new(&server).csv(CSV).go();
    finished.exits(0).accounted_rows(1);
    let before = server.count();
    let again = |results: &str, rejects: &str, said: &str| {
        let run = Run::new(&server).in_folder_of(&finished).csv(CSV).arg("--full").allow_partial();
        let finished = run.results(results).rejects(rejects).go();
        finished.exits(2).says(&[said]);
        assert_eq!(server.count(), before, "{results}");
    };
    let full = finished.work().join("CLIENTES.CSV").display().to_string().replace('/', "\\");
    again("CLIENTES.csv", "r.csv", "é a própria entrada");
    again(&format!(r"\\?\Z:{full}"), "r.csv", "é a própria entrada");
    again("novo.csv", "NOVO.csv", "já recebe os resultados");
    again("novo.csv", "novo.csv.", "já recebe os resultados");
    again("aux.csv", "r.csv", "o Windows reserva esse nome");
    again(r".\Com1.csv", "r.csv", "o Windows reserva esse nome");
    // The null device is a place for what is not wanted.
    let run = Run::new(&server).in_folder_of(&finished).csv(CSV).arg("--full");
    run.results("r.csv").rejects("NUL").go().exits(0);
}

#[test]
fn f199_folders_with_spaces_and_accents_stand_quoted_in_suggested_commands() {
    if !on_windows("f199_folders_with_spaces_and_accents_stand_quoted_in_suggested_commands") {
        return;
    }
    let server = Server::start();
    let run = Run::new(&server);
    let folder = run.work().join("Usuários").join("João da Silva");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("São Paulo.csv"), format!("{CSV},I,Sem código\n")).unwrap();
    let folder = folder.display().to_string().replace('/', "\\");
    let finished = run.on(&format!("Z:{folder}\\São Paulo.csv")).go();
    finished.exits(1);
    // Letter by letter: `says` takes one kind of quote for the other.
    for part in [
        format!("Resultados: Z:{folder}\\São Paulo.resultado.csv"),
        format!(" run \"Z:{folder}\\São Paulo.rejeitados.csv\""),
    ] {
        assert!(finished.stderr.contains(&part), "{part}: {}", finished.stderr);
    }
}

#[test]
fn the_default_ledger_is_in_the_local_data_of_the_user() {
    if !on_windows("the_default_ledger_is_in_the_local_data_of_the_user") {
        return;
    }
    let status = Run::bare(&["ledger", "status"]).env("XDG_STATE_HOME", "").go();
    let said = status.exits(0).stdout_text() + &status.stderr;
    assert!(said.contains(r"\AppData\Local\tomticket-sync\ledger.db"), "{said}");
}

#[test]
fn the_proposed_configuration_has_the_line_ends_of_windows() {
    if !on_windows("the_proposed_configuration_has_the_line_ends_of_windows") {
        return;
    }
    let init = Run::bare(&["init", "clientes.csv", "--yes"]);
    std::fs::write(init.work().join("clientes.csv"), "E-mail;Nome\na@x.co;Ana\n").unwrap();
    let made = init.go();
    let text = std::fs::read_to_string(made.exits(0).work().join("clientes.toml")).unwrap();
    assert!(text.lines().count() > 5, "{text}");
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{text:?}");
}

#[test]
fn the_night_script_repeats_only_after_exit_code_4() {
    if !on_windows("the_night_script_repeats_only_after_exit_code_4") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/exemplos/windows/noite.cmd");
    std::fs::copy(script, folder.path().join("noite.cmd")).unwrap();
    std::fs::write(folder.path().join("minha lista.csv"), CSV).unwrap();
    let night = |args: &[&str]| {
        let output = Command::new(program::windows_helper("cmd"))
            .args(["noite.cmd", "minha lista.csv", "--quiet"])
            .args(args)
            .envs([("PAUSA", "1"), ("PARTIDAS", "2"), ("TOMTICKET_TOKEN", CANARY)])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said.matches("Terminou antes do fim").count())
    };
    assert_eq!(night(&["--sandbox"]), (Some(0), 0));
    assert_eq!(night(&["--sandbox", "--results", "nenhuma/r.csv"]), (Some(2), 0));
    let away = ["--base-url", "http://127.0.0.1:9", "--give-up-after", "1s"];
    assert_eq!(night(&away), (Some(4), 2));
}
