//! A sandbox that is dropped leaves no task running.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use super::*;
use crate::scheduler::Rate;

/// Longer than anything here can take; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

fn unlimited() -> SandboxConfig {
    SandboxConfig { rate: Rate::Unlimited, ..SandboxConfig::default() }
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

async fn connect(sandbox: &Sandbox) -> TcpStream {
    TcpStream::connect(sandbox.address).await.unwrap()
}

async fn send_update(stream: &mut TcpStream) {
    let body = "--XX\r\nContent-Disposition: form-data; name=\"nome\"\r\n\r\nAna\r\n--XX--\r\n";
    let request = format!(
        "POST /update_cliente/segredo/a%40x/E HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\
         Content-Type: multipart/form-data; boundary=XX\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
}

/// How many updates have arrived.
async fn requests(sandbox: &Sandbox) -> u64 {
    let mut stream = connect(sandbox).await;
    let get = b"GET /_sandbox/contagem HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(get).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    let body = response.split("\r\n\r\n").nth(1).unwrap();
    serde_json::from_str::<serde_json::Value>(body).unwrap()["requisicoes"].as_u64().unwrap()
}

async fn until(what: impl Fn() -> bool) {
    let waiting = async {
        while !what() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}

/// A sandbox with an idle connection, some that hang and some in the midst of their latency.
async fn busy() -> (Sandbox, Vec<TcpStream>) {
    let failures = Failures::new(vec!["hang=50".parse().unwrap()]).unwrap();
    let latency = "1h".parse().unwrap();
    let config = SandboxConfig { failures, latency, ..unlimited() };
    let sandbox = Sandbox::start(config).await.unwrap();
    let mut connections = vec![connect(&sandbox).await];
    for _ in 0..10 {
        let mut stream = connect(&sandbox).await;
        send_update(&mut stream).await;
        connections.push(stream);
    }
    while requests(&sandbox).await < 10 {
        tokio::task::yield_now().await;
    }
    (sandbox, connections)
}

async fn all_are_closed(connections: Vec<TcpStream>) {
    for mut stream in connections {
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.unwrap();
        assert_eq!(rest, b"");
    }
}

#[tokio::test]
async fn dropping_it_ends_every_task_and_every_connection() {
    let before = tasks();
    let (sandbox, connections) = busy().await;
    let address = sandbox.address;
    drop(sandbox);
    all_are_closed(connections).await;
    until(|| tasks() <= before).await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_client_that_leaves_leaves_no_task_behind() {
    let sandbox = Sandbox::start(unlimited()).await.unwrap();
    let before = tasks();
    for _ in 0..5 {
        let mut stream = connect(&sandbox).await;
        send_update(&mut stream).await;
        assert_ne!(stream.read(&mut [0; 64]).await.unwrap(), 0);
    }
    until(|| tasks() <= before).await;
}
