//! Proxies from the environment: requests go through a tunnel, so that the proxy sees neither token
//! nor customer, with the credentials of the proxy's address.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;

use crate::support::{CANARY, Certificate, Run, Server, program, table};

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

/// One customer, without a ledger, to an address that asks for a proxy.
fn beyond_this_machine(url: &str) -> Run {
    Run::bare(&["run"]).csv(&table::customers(1)).env("TOMTICKET_TOKEN", CANARY).args([
        "--base-url",
        url,
        "--no-ledger",
        "--rate",
        "unlimited",
        "--give-up-after",
        "1s",
    ])
}

const ELSEWHERE: &str = "https://api.exemplo.invalid";

#[test]
fn an_unusable_proxy_is_refused_before_sending() {
    const MALFORMED: &str = "não é um endereço como";
    for (value, expected) in [
        ("socks5://ana:segredo@127.0.0.1:9", "é do tipo socks5"),
        ("socks5h://p:1", "é do tipo socks5h"),
        ("ftp://127.0.0.1:9", "é do tipo ftp"),
        ("http://ana:segredo@127.0.0.1:99999", MALFORMED),
        ("lixo:::8080", MALFORMED),
        ("http://p:0", MALFORMED),
        ("p:99999", MALFORMED),
        ("http://", MALFORMED),
        ("http://:80", MALFORMED),
        (":80", MALFORMED),
        ("http://ana:segredo@:80", MALFORMED),
        ("http://ana:se/segredo@p:80", MALFORMED),
        ("http://a b", MALFORMED),
        ("1 2://x", MALFORMED),
        ("://p:1", MALFORMED),
        ("segredosegredo://x", MALFORMED),
        ("http://${PROXY}:8080", MALFORMED),
        ("http://{{proxy}}:8080", MALFORMED),
        ("http://\"p\":8080", MALFORMED),
        ("http:/p:8080", MALFORMED),
        ("http://ana:2024#segredo@p:80", MALFORMED),
        ("http://ana:2024?segredo@p:80", MALFORMED),
    ] {
        let run = beyond_this_machine(ELSEWHERE).env("HTTPS_PROXY", value);
        // A valid value in another variable does not hide the error.
        let finished = run.env("all_proxy", "http://127.0.0.1:9").go();
        let named = "o proxy da variável HTTPS_PROXY não serve: ";
        finished.exits(2).says(&[named, expected, "NO_PROXY"]);
        assert!(!finished.stderr.contains("segredo"), "{}", finished.stderr);
    }
    for variable in ["ALL_PROXY", "https_proxy"] {
        let run = |url: &str| beyond_this_machine(url).env(variable, "socks5://127.0.0.1:9");
        // On Windows both spellings name one variable.
        let told = if program::is_for_windows() { "_PROXY" } else { variable };
        run(ELSEWHERE).go().exits(2).says(&[told]);
        // Loopback and hosts in NO_PROXY do not use the proxy, so its value is not checked.
        run(&Server::start().url()).go().exits(0);
        let left_out = run(ELSEWHERE).env("NO_PROXY", "exemplo.invalid");
        left_out.go().exits(4).says(&["o nome do servidor não foi encontrado (DNS)"]);
    }
}

#[cfg(unix)]
#[test]
fn a_proxy_that_is_not_text_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let value = std::ffi::OsString::from_vec(b"http://p\xff:1".to_vec());
    beyond_this_machine(ELSEWHERE).env("https_proxy", value).go().exits(2).says(&["https_proxy"]);
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
