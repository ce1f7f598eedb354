//! A sandbox that is stopped or dropped leaves nothing running.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tomticket_sync::sandbox::{DelayRange, Failures, Sandbox, SandboxConfig};

use super::raw::{PATIENCE, Raw, start, unlimited, until, update};

/// A sandbox with an idle connection, one that hangs and one in the midst of its latency.
async fn busy() -> (Sandbox, Vec<Raw>) {
    let failures = Failures::new(["hang=50".parse().unwrap()]).unwrap();
    let latency = DelayRange::fixed(Duration::from_secs(3600));
    let sandbox = start(SandboxConfig { failures, latency, ..unlimited() }).await;
    let mut connections = vec![Raw::connect(&sandbox).await];
    for n in 0..10 {
        let mut raw = Raw::connect(&sandbox).await;
        raw.send(&update(&format!("{n}%40x"))).await;
        connections.push(raw);
    }
    until(&sandbox, |counters| counters["requisicoes"] == 10).await;
    (sandbox, connections)
}

#[tokio::test]
async fn stop_ends_every_task_and_every_connection() {
    let before = Handle::current().metrics().num_alive_tasks();
    let (sandbox, connections) = busy().await;
    let address = sandbox.base_url().replace("http://", "");
    assert!(Handle::current().metrics().num_alive_tasks() > before);
    tokio::time::timeout(PATIENCE, sandbox.stop()).await.unwrap();
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
    for mut raw in connections {
        assert_eq!(raw.rest().await.0, b"");
    }
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn dropping_it_does_the_same_a_moment_later() {
    let before = Handle::current().metrics().num_alive_tasks();
    let (sandbox, connections) = busy().await;
    drop(sandbox);
    for mut raw in connections {
        assert_eq!(raw.rest().await.0, b"");
    }
    until_tasks_are(before).await;
}

async fn until_tasks_are(wanted: usize) {
    let gone = async {
        while Handle::current().metrics().num_alive_tasks() > wanted {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
}

#[tokio::test]
async fn a_client_that_leaves_leaves_no_task_behind() {
    let sandbox = start(unlimited()).await;
    let before = Handle::current().metrics().num_alive_tasks();
    for n in 0..5 {
        let mut raw = Raw::connect(&sandbox).await;
        raw.exchange(&update(&format!("{n}%40x"))).await;
    }
    until_tasks_are(before).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_port_can_be_chosen_and_is_refused_when_taken() {
    let first = start(unlimited()).await;
    let port = first.base_url().rsplit_once(':').unwrap().1.parse().unwrap();
    assert!(Sandbox::start(SandboxConfig { port, ..unlimited() }).await.is_err());
    first.stop().await;
    let second = start(SandboxConfig { port, ..unlimited() }).await;
    assert!(second.base_url().ends_with(&format!(":{port}")));
    second.stop().await;
}
