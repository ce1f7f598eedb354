//! Cases found in reviews: outputs that are the input under another name, links, descriptors of the
//! shell, and the order of reasons to stop.

use crate::support::reply::Reply;
use crate::support::run::Run;
use crate::support::server::Server;
use crate::support::table;

const SMALL: &str = "identificador,tipo_identificador,nome\n1,I,Ana\n2,I,Bia\n";

#[test]
fn standard_input_that_is_the_results_file_is_not_destroyed() {
    let server = Server::start();
    let run = Run::new(&server).file("a.csv", SMALL);
    let path = run.work().join("a.csv");
    // The shell opens the file as standard input; the program gets only a descriptor.
    let finished = run.on("-").results("a.csv").through_shell(r#"exec "$0" "$@" < a.csv"#).go();
    finished.exits(2);
    assert_eq!(std::fs::read_to_string(path).unwrap(), SMALL);
    assert_eq!(server.count(), 0);
}

#[test]
fn standard_output_under_another_name_is_still_standard_output() {
    let server = Server::start();
    let run = Run::new(&server).csv(SMALL).results("-").rejects("/dev/stdout").without_summary();
    run.go().refused_before_sending(&server, &["/dev/stdout"]);
}

#[test]
fn an_ignored_hangup_stays_ignored() {
    let server = Server::start();
    let latch = server.hold_replies();
    let mut running =
        Run::new(&server).csv(SMALL).through_shell(r#"trap "" HUP; exec "$0" "$@""#).spawn();
    server.wait_for_requests(1);
    running.signal("HUP");
    latch.release();
    running.wait().exits(0).accounted_rows(2);
}

#[test]
fn requests_abandoned_at_the_end_are_counted() {
    let server = Server::start();
    server.script(|_, _| Reply::hang());
    let finished = Run::new(&server).csv(SMALL).args(["--max-duration", "1s"]).go();
    let rows = finished.exits(4).accounted_rows(2);
    assert!(rows.iter().all(|row| row.situacao == "falhou"));
    assert_eq!(finished.summary()["requisicoes"], 2);
}

#[test]
fn a_signal_outranks_max_duration() {
    let server = Server::start();
    server.script(|_, _| Reply::hang());
    // On a busy machine a request may leave too late, or the signal arrive when the run has ended.
    for limit in ["1s", "5s", "5s", "25s"] {
        let mut running = Run::new(&server).csv(SMALL).args(["--max-duration", limit]).spawn();
        running.wait_for_stderr(|text| {
            text.contains("parando") || text.contains("Terminou antes do fim")
        });
        running.signal("INT");
        let finished = running.wait();
        finished.accounted_rows(2);
        if finished.code == Some(130) {
            return;
        }
        finished.exits(4);
    }
    panic!("no signal outranked the end of the window");
}

#[test]
fn a_header_with_a_line_break_can_be_mapped() {
    let server = Server::start();
    let input = "identificador,tipo_identificador,\"Nome\ncompleto\"\n1,I,Ana\n";
    let run = Run::new(&server).input("clientes.csv", input);
    let finished = run.args(["--map", "Nome\ncompleto=nome"]).go();
    finished.exits(0);
    assert_eq!(server.requests()[0].field("nome").as_deref(), Some("Ana"));
    // A variable contains one value per line.
    let run = Run::new(&server).csv("id,n,x,y\n1,Ana,p,q\n");
    let listed = "id=identificador\nn=nome";
    let finished = run
        .env("TOMTICKET_SYNC_MAP", listed)
        .env("TOMTICKET_SYNC_IGNORE", "x\ny")
        .args(["--strict", "--id-type", "I"])
        .go();
    finished.exits(0);
}

#[test]
fn a_rehearsal_under_the_real_configuration_stays_a_rehearsal() {
    let server = Server::start();
    let config = format!("base-url = \"{}\"\ntoken-file = \"nao-existe\"\n", server.url());
    let finished = Run::bare(&["run"])
        .csv(SMALL)
        .file("real.toml", config)
        .results("clientes.simulado.resultado.csv")
        .args(["--config", "real.toml", "--sandbox", "--rate", "unlimited"])
        .go();
    finished.exits(0);
    assert_eq!(server.count(), 0);
}

#[cfg(unix)]
#[test]
fn results_keep_an_owner_only_mode() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start();
    let run = Run::new(&server).csv(&table::customers(3)).file("clientes.resultado.csv", "velho");
    let path = run.work().join("clientes.resultado.csv");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let finished = run.go();
    finished.exits(0).accounted_rows(3);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

/// Runs with descriptors that the shell opened; asserts that the run is refused and the file is
/// unchanged.
#[track_caller]
fn assert_input_is_kept(input: &str, args: &[&str], redirection: &str) {
    let server = Server::start();
    let run = Run::new(&server).file("a.csv", SMALL).on(input).args(args.iter().copied());
    let finished = run.through_shell(&format!(r#"exec "$0" "$@" {redirection}"#)).go();
    finished.exits(2).says(&["é a própria entrada"]);
    assert_eq!(finished.text("a.csv"), SMALL, "{args:?} {redirection}");
    assert_eq!(server.count(), 0);
}

#[cfg(unix)]
#[test]
fn standard_output_that_is_the_input_is_refused() {
    assert_input_is_kept("a.csv", &["--results", "-"], ">> a.csv");
    assert_input_is_kept("a.csv", &["--rejects", "-"], "1<> a.csv");
    assert_input_is_kept("-", &["--results", "-"], "< a.csv >> a.csv");
    assert_input_is_kept("a.csv", &["--results", "/dev/stdout"], ">> a.csv");
    assert_input_is_kept("a.csv", &["--results", "/dev/fd/7"], "7>> a.csv");
}

#[cfg(unix)]
#[test]
fn the_partial_file_behind_a_link_is_not_the_input() {
    let server = Server::start();
    let run = Run::new(&server);
    std::fs::create_dir(run.work().join("d")).unwrap();
    std::os::unix::fs::symlink("d/real", run.work().join("lnk")).unwrap();
    let finished = run.input("d/real.parcial", SMALL).results("lnk").allow_partial().go();
    finished.refused_before_sending(&server, &["lnk", "é a própria entrada"]);
    assert_eq!(finished.text("d/real.parcial"), SMALL);
}

#[cfg(unix)]
#[test]
fn outputs_opened_by_the_shell_are_appended_to() {
    let server = Server::start();
    for (name, redirection) in [
        ("-", ">> s.txt"),
        ("/dev/stdout", ">> s.txt"),
        ("/dev/stderr", "2>> s.txt"),
        ("/dev/fd/7", "7>> s.txt"),
    ] {
        let run = Run::new(&server).csv(SMALL).file("s.txt", "antes\n").results(name);
        let script =
            format!(r#""$0" "$@" {redirection}; code=$?; echo depois >> s.txt; exit $code"#);
        let finished = run.through_shell(&script).go();
        let text = finished.exits(0).text("s.txt");
        assert!(text.starts_with("antes\n") && text.ends_with("depois\n"), "{name}: {text}");
        assert!(
            text.contains("linha,identificador,") && text.contains("\n3,2,I,"),
            "{name}: {text}"
        );
        assert!(!finished.exists("s.txt.parcial"), "{name}");
    }
}

#[test]
fn no_output_overwrites_another_file_of_the_program() {
    let server = Server::start();
    for (flag, name) in [
        ("--results", "l.db"),
        ("--rejects", "./l.db-wal"),
        ("--summary-json", "l.db-shm"),
        ("--report", "l.db.x.00000000.key"),
        ("--results", "l.db-journal"),
        ("--rejects", "l.db.00ff.lock"),
        ("--results", "senha.txt"),
        ("--report", "meu.toml"),
        ("--summary-json", "../trabalho/senha.txt"),
    ] {
        let finished = Run::new(&server)
            .without_summary()
            .without_token()
            .csv(SMALL)
            .secret_file("senha.txt", crate::support::CANARY)
            .file("meu.toml", "id-type = \"I\"\n")
            .args(["--ledger", "l.db", "--token-file", "senha.txt", "--config", "meu.toml"])
            .args([flag, name])
            .go();
        finished.refused_before_sending(&server, &[name, "escolha outro nome"]);
        assert!(!finished.exists("l.db"), "refused before the ledger was made");
        assert_eq!(finished.text("senha.txt"), crate::support::CANARY);
    }
    // A ledger that this run does not use is protected as well.
    let finished = Run::bare(&["run"])
        .csv(SMALL)
        .file("l.db", "registro")
        .args(["--sandbox", "--ledger", "l.db", "--results", "l.db"])
        .go();
    finished.exits(2).says(&["l.db", "registro"]);
    assert_eq!(finished.text("l.db"), "registro");
}

#[test]
fn a_refused_run_keeps_the_partial_results_of_an_earlier_run() {
    let server = Server::start();
    let finished = Run::new(&server)
        .csv(SMALL)
        .file("clientes.resultado.csv.parcial", "de antes")
        .rejects("não/há.csv")
        .allow_partial()
        .go();
    finished.refused_before_sending(&server, &["não/há.csv"]);
    assert_eq!(finished.text("clientes.resultado.csv.parcial"), "de antes");
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_the_partial_file_is_not_followed() {
    let server = Server::start();
    let run = Run::new(&server).csv(SMALL).file("outro", "de outro");
    let link = run.work().join("clientes.resultado.csv.parcial");
    std::os::unix::fs::symlink("outro", link).unwrap();
    let finished = run.go();
    finished.refused_before_sending(&server, &["clientes.resultado.csv.parcial", "link"]);
    assert_eq!(finished.text("outro"), "de outro");

    let run = Run::new(&server).csv(SMALL).allow_partial();
    std::fs::create_dir(run.work().join("clientes.resultado.csv.parcial")).unwrap();
    run.go().refused_before_sending(&server, &["clientes.resultado.csv.parcial", "é uma pasta"]);
}

#[test]
fn an_input_that_grows_while_the_last_rows_are_in_flight_fails_the_run() {
    use std::io::Write as _;
    let server = Server::start();
    let latch = server.hold_replies();
    let run = Run::new(&server).csv(SMALL).file("clientes.resultado.csv", "antes\n");
    let running = run.spawn();
    server.wait_for_requests(2);
    let input = running.work().join("clientes.csv");
    std::fs::File::options().append(true).open(input).unwrap().write_all(b"3,I,Zoe\n").unwrap();
    // All rows have been read: only the comparison at the end of the run detects the change.
    latch.release();
    let finished = running.wait();
    let summary = finished.exits(5).says(&["clientes.csv", "mudou"]).summary();
    assert_eq!(summary["situacoes"]["atualizado"], 2, "replies that arrived still count");
    assert_eq!(finished.text("clientes.resultado.csv"), "antes\n");
}

#[test]
fn an_input_that_is_removed_before_the_end_fails_the_run() {
    let server = Server::start();
    let latch = server.hold_replies();
    let running = Run::new(&server).csv(SMALL).spawn();
    server.wait_for_requests(2);
    std::fs::remove_file(running.work().join("clientes.csv")).unwrap();
    latch.release();
    running.wait().exits(5);
}
