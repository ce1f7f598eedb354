//! A proxy that the environment names is used: as a tunnel, so that it sees neither token nor
//! customer, and with the credentials of its own address.
#![cfg(test)]

pub mod support;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;

use support::{CANARY, Certificate, Run, Server, table};

/// Takes one tunnel, reads its head and leads it to `port` on this machine; gives the head back.
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
    // "ana:segredo"
    assert!(head.to_lowercase().contains("proxy-authorization: basic yw5honnlz3jlzg8="), "{head}");
    assert!(!head.contains(CANARY));
}

#[test]
fn a_proxy_that_refuses_means_not_sent() {
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
