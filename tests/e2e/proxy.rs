//! Proxies from the environment: requests go through a tunnel, so that the proxy sees neither token
//! nor customer, with the credentials of the proxy's address.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;

use crate::support::{CANARY, Certificate, Run, Server, table};

/// Accepts one tunnel and connects it to `port` on this machine. Returns the tunnel's request.
fn tunnel_once(listener: TcpListener, port: u16) -> String {
    let (mut client, _) = listener.accept().unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
    let (mut to_server, mut from_client) =
        (server.try_clone().unwrap(), client.try_clone().unwrap());
    let up = thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut server, &mut client);
    let _ = client.shutdown(Shutdown::Both);
    up.join().unwrap();
    String::from_utf8(head).unwrap()
}

#[test]
fn requests_go_through_a_tunnel() {
    let certificate = Certificate::for_names(&["api.exemplo.invalid"]);
    let server = Server::start_tls(&certificate);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let proxy = listener.local_addr().unwrap();
    let port = server.port();
    let tunnel = thread::spawn(move || tunnel_once(listener, port));
    let run = Run::bare(&["run"]).file("ca.pem", &certificate.pem);
    let ca = run.work().join("ca.pem");
    let finished = run
        .csv(&table::customers(3))
        .env("TOMTICKET_TOKEN", CANARY)
        .env("SSL_CERT_FILE", ca)
        .env("HTTPS_PROXY", format!("http://ana:segredo@{proxy}"))
        .args(["--base-url", "https://api.exemplo.invalid", "--no-ledger"])
        .args(["--rate", "unlimited", "--concurrency", "1", "--give-up-after", "5s"])
        .go();
    let rows = finished.exits(0).accounted_rows(3);
    assert!(rows.iter().all(|row| row.situacao == "atualizado" && row.tentativas == 1));
    assert_eq!(server.count(), 3);
    assert_eq!(server.requests()[0].header("host"), Some("api.exemplo.invalid"));
    let head = tunnel.join().unwrap();
    assert!(head.starts_with("CONNECT api.exemplo.invalid:443 HTTP/1.1\r\n"), "{head}");
    // The base64 of "ana:segredo", in lower case.
    assert!(head.to_lowercase().contains("proxy-authorization: basic yw5honnlz3jlzg8="), "{head}");
    assert!(!head.contains(CANARY));
}

#[test]
fn an_unreachable_proxy_means_not_sent() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let proxy = listener.local_addr().unwrap();
    drop(listener);
    let finished = Run::bare(&["run"])
        .csv(&table::customers(2))
        .env("TOMTICKET_TOKEN", CANARY)
        .env("HTTPS_PROXY", format!("http://{proxy}"))
        .args(["--base-url", "https://api.exemplo.invalid", "--no-ledger"])
        .args(["--rate", "unlimited", "--give-up-after", "1s"])
        .go();
    let rows = finished.exits(4).accounted_rows(2);
    assert!(rows.iter().all(|row| row.situacao == "nao_enviado" && row.tentativas == 0));
}

/// Answers every request for a tunnel with these bytes, until the test process ends.
fn answer_all(listener: TcpListener, answer: &'static str) {
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(answer.as_bytes());
        }
    });
}

#[test]
fn a_proxy_that_refuses_the_tunnel_is_named_without_its_password() {
    for (answer, expected) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "o proxy pede usuário e senha"),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "o proxy recusou levar até o servidor"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "o proxy recusou levar até o servidor"),
        ("", "o proxy fechou a conexão"),
    ] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = listener.local_addr().unwrap();
        answer_all(listener, answer);
        let finished = Run::bare(&["run"])
            .csv(&table::customers(2))
            .env("TOMTICKET_TOKEN", CANARY)
            .env("https_proxy", format!("http://ana:segredo@{proxy}"))
            .args(["--base-url", "https://api.exemplo.invalid", "--no-ledger"])
            .args(["--rate", "unlimited", "--give-up-after", "1s"])
            .go();
        let rows = finished.exits(4).accounted_rows(2);
        assert!(rows.iter().all(|row| row.situacao == "nao_enviado" && row.tentativas == 0));
        finished.says(&[&format!("sem conexão pelo proxy {proxy}: {expected}")]);
        assert!(!finished.stderr.contains("segredo"));
    }
}

#[test]
fn an_unusable_proxy_is_refused_before_sending() {
    for (variable, value, expected) in [
        ("ALL_PROXY", "socks5://ana:segredo@127.0.0.1:9", "é do tipo socks5"),
        ("https_proxy", "ftp://127.0.0.1:9", "é do tipo ftp"),
        ("HTTPS_PROXY", "http://ana:segredo@127.0.0.1:99999", "não é um endereço como"),
        ("HTTPS_PROXY", "http://:8080", "não é um endereço como"),
        ("https_proxy", "lixo:::8080", "não é um endereço como"),
    ] {
        let server = Server::start();
        let run = |url: &str| {
            Run::bare(&["run"])
                .csv(&table::customers(1))
                .env("TOMTICKET_TOKEN", CANARY)
                .env(variable, value)
                .args(["--base-url", url, "--no-ledger", "--rate", "unlimited"])
                .args(["--give-up-after", "1s"])
        };
        let finished = run("https://api.exemplo.invalid").go();
        let named = format!("o proxy da variável {variable} não serve: ");
        finished.refused_before_sending(&server, &[&named, expected, "NO_PROXY"]);
        assert!(!finished.stderr.contains("segredo"));
        // A valid value in another variable does not hide the error.
        let other = run("https://api.exemplo.invalid").env("all_proxy", "http://127.0.0.1:9");
        other.go().exits(2);
        // Loopback and hosts in NO_PROXY do not use the proxy, so its value is not checked.
        run(&server.url()).go().exits(0);
        let left_out = run("https://api.exemplo.invalid").env("NO_PROXY", "exemplo.invalid");
        left_out.go().exits(4).says(&["o nome do servidor não foi encontrado (DNS)"]);
    }
}

#[test]
fn in_a_cgi_process_upper_case_http_proxy_is_ignored() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let proxy = listener.local_addr().unwrap();
    answer_all(listener, "HTTP/1.1 403 Forbidden\r\n\r\n");
    let run = |variable: &str| {
        Run::bare(&["run"])
            .csv(&table::customers(1))
            .env("TOMTICKET_TOKEN", CANARY)
            .env("REQUEST_METHOD", "GET")
            .env(variable, format!("http://{proxy}"))
            .args(["--base-url", "https://api.exemplo.invalid", "--no-ledger"])
            .args(["--rate", "unlimited", "--give-up-after", "1s"])
            .go()
    };
    run("HTTP_PROXY").exits(4).says(&["sem conexão com o servidor"]);
    run("HTTPS_PROXY").exits(4).says(&[&format!("sem conexão pelo proxy {proxy}")]);
}
