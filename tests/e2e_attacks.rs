//! What a reviewer broke once from outside, and must not break again.

#![cfg(test)]

pub mod support;

use support::reply::Reply;
use support::run::Run;
use support::server::Server;
use support::table;

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
    let gate = server.hold();
    let mut running =
        Run::new(&server).csv(SMALL).through_shell(r#"trap "" HUP; exec "$0" "$@""#).spawn();
    server.wait_for_requests(1);
    running.signal("HUP");
    gate.open();
    running.wait().exits(0).accounted_rows(2);
}

#[test]
fn requests_given_up_at_the_end_are_counted() {
    let server = Server::start();
    server.script(|_, _| Reply::hang());
    let finished = Run::new(&server).csv(SMALL).args(["--max-duration", "1s"]).go();
    let rows = finished.exits(4).accounted_rows(2);
    assert!(rows.iter().all(|row| row.situacao == "falhou"));
    assert_eq!(finished.summary()["requisicoes"], 2);
}

#[test]
fn a_signal_outranks_the_end_of_the_window() {
    let server = Server::start();
    server.script(|_, _| Reply::hang());
    let mut running = Run::new(&server).csv(SMALL).args(["--max-duration", "1s"]).spawn();
    running.wait_for_stderr(|text| text.contains("parando"));
    running.signal("INT");
    running.wait().exits(130).accounted_rows(2);
}

#[test]
fn a_header_with_a_line_break_can_be_mapped() {
    let server = Server::start();
    let input = "identificador,tipo_identificador,\"Nome\ncompleto\"\n1,I,Ana\n";
    let run = Run::new(&server).input("clientes.csv", input);
    let finished = run.args(["--map", "Nome\ncompleto=nome"]).go();
    finished.exits(0);
    assert_eq!(server.requests()[0].field("nome").as_deref(), Some("Ana"));
    // A variable holds one value a line.
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
fn results_that_only_the_owner_could_read_stay_so() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start();
    let run = Run::new(&server).csv(&table::customers(3)).file("clientes.resultado.csv", "velho");
    let path = run.work().join("clientes.resultado.csv");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let finished = run.go();
    finished.exits(0).accounted_rows(3);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}
