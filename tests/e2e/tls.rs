//! TLS: certificates that are refused, handshakes that fail, streams that are cut.

use std::net::{Ipv4Addr, TcpListener};

use crate::support::reply::Framing;
use crate::support::shortcuts::row_of;
use crate::support::{CANARY, Certificate, Reply, Run, Server, table};

/// If a body ends with its connection, an attacker may have cut it off, unless TLS was closed
/// properly.
#[test]
fn f54_a_truncated_tls_stream_is_not_a_whole_answer() {
    let certificate = Certificate::for_names(&["127.0.0.1"]);
    let server = Server::start_tls(&certificate);
    server.reply("C00003", Reply::ok().framed(Framing::UntilClose));
    server.reply("C00004", Reply::half());
    let run = Run::new(&server).file("ca.pem", &certificate.pem);
    let ca = run.work().join("ca.pem");
    let finished = run.csv(&table::customers(6)).env("SSL_CERT_FILE", ca).go();
    let rows = finished.exits(0).accounted_rows(6);
    assert_eq!((row_of(&rows, "C00003").tentativas, row_of(&rows, "C00004").tentativas), (2, 2));
}

#[test]
fn f55_tls_to_a_plain_server_and_plain_http_to_a_tls_server() {
    // The server answers the TLS handshake with plain HTTP: the request was not sent.
    let plain = Server::start();
    let url = plain.url().replace("http://", "https://");
    let finished = Run::bare(&["run"])
        .csv(&table::customers(3))
        .env("TOMTICKET_TOKEN", CANARY)
        .args(["--base-url", &url, "--rate", "unlimited", "--give-up-after", "1s"])
        .args(["--timeout", "1s"])
        .go();
    let rows = finished.exits(4).accounted_rows(3);
    assert!(rows.iter().all(|row| row.situacao == "nao_enviado"));
    // In the opposite case, the request was sent.
    let secure = Server::start_tls(&Certificate::for_names(&["127.0.0.1"]));
    let finished = Run::bare(&["run"])
        .csv(&table::customers(3))
        .env("TOMTICKET_TOKEN", CANARY)
        .args(["--base-url", &secure.url().replace("https://", "http://")])
        .args(["--rate", "unlimited", "--give-up-after", "5s"])
        .go();
    let rows = finished.exits(4).accounted_rows(3);
    assert!(rows.iter().all(|row| row.situacao == "falhou" && row.tentativas == 3), "{rows:?}");
}

#[test]
fn f56_an_expired_or_future_certificate_stops_the_run() {
    for (from, to, word) in [(2001, 2002, "venceu"), (2901, 2902, "ainda não vale")] {
        let certificate = Certificate::between(&["127.0.0.1"], from, to);
        let server = Server::start_tls(&certificate);
        let run = Run::new(&server).file("ca.pem", &certificate.pem);
        let ca = run.work().join("ca.pem");
        let finished = run.csv(&table::customers(3)).env("SSL_CERT_FILE", ca).go();
        let rows = finished.exits(3).says(&[word]).accounted_rows(3);
        assert!(rows.iter().all(|row| row.situacao == "nao_enviado" && row.tentativas == 0));
        assert_eq!(server.count(), 0);
    }
}

#[test]
fn c22_a_handshake_that_is_broken_off_was_not_sent() {
    let certificate = Certificate::for_names(&["127.0.0.1"]);
    let server = Server::start_tls(&certificate);
    server.drop_connections(4);
    let run = Run::new(&server).file("ca.pem", &certificate.pem);
    let ca = run.work().join("ca.pem");
    let finished = run
        .csv(&table::customers(6))
        .env("SSL_CERT_FILE", ca)
        .args(["--give-up-after", "60s"])
        .go();
    let rows = finished.exits(0).accounted_rows(6);
    assert!(rows.iter().all(|row| row.situacao == "atualizado" && row.tentativas == 1));
    assert_eq!(server.requests().len(), 6);
    assert!(server.connections() > 4);
}

#[test]
fn c22_a_handshake_without_an_answer_was_not_sent() {
    // The kernel accepts for it.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let finished = Run::bare(&["run"])
        .csv(&table::customers(2))
        .env("TOMTICKET_TOKEN", CANARY)
        .args(["--base-url", &format!("https://{}", listener.local_addr().unwrap())])
        .args(["--no-ledger", "--rate", "unlimited", "--timeout", "1s", "--give-up-after", "1s"])
        .go();
    let rows = finished.exits(4).accounted_rows(2);
    assert!(rows.iter().all(|row| row.situacao == "nao_enviado" && row.tentativas == 0));
    finished.says(&["sem conexão com o servidor: tempo esgotado"]);
}

#[test]
fn an_untrusted_certificate_stops_the_run() {
    let certificate = Certificate::for_names(&["127.0.0.1"]);
    let server = Server::start_tls(&certificate);
    let finished = Run::new(&server).csv(&table::customers(20)).go();
    let rows = finished.exits(3).accounted_rows(20);
    assert!(rows.iter().all(|row| row.situacao == "nao_enviado" && row.tentativas == 0));
    assert!(finished.stderr.contains("certificado"));
    assert_eq!(server.count(), 0);
    assert!(finished.summary()["motivo"].is_string());
}

#[test]
fn a_certificate_for_another_name_stops_the_run() {
    let certificate = Certificate::for_names(&["outro.exemplo.com.br"]);
    let server = Server::start_tls(&certificate);
    let run = Run::new(&server).file("ca.pem", &certificate.pem);
    let ca = run.work().join("ca.pem");
    let finished = run.csv(&table::customers(3)).env("SSL_CERT_FILE", ca).go();
    finished.exits(3).accounted_rows(3);
    assert_eq!(server.count(), 0);
}

/// As in a root that holds nothing but the program.
#[test]
fn f190_without_root_certificates_only_https_is_refused() {
    let run = |args: &[&str]| {
        Run::bare(&["run"])
            .csv(&table::customers(3))
            .env("TOMTICKET_TOKEN", CANARY)
            .env("SSL_CERT_FILE", "/nenhum")
            .env("SSL_CERT_DIR", "/nenhuma")
            .args(args.iter().copied())
            .go()
    };
    run(&["--base-url", "https://127.0.0.1:9", "--no-ledger"]).exits(2).says(&["ca-certificates"]);
    run(&["--sandbox", "--rate", "unlimited"]).exits(0);
}
