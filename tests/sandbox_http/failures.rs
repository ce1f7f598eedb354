//! Injected failures as they look on the wire, and their replay.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tomticket_sync::sandbox::{FailureKind, Failures, Sandbox, SandboxConfig};

use super::raw::{Raw, once, start, unlimited, update};

async fn failing(shares: &[&str], seed: u64) -> Sandbox {
    let shares = shares.iter().map(|share| share.parse().unwrap());
    let failures = Failures::new(shares).unwrap();
    start(SandboxConfig { failures, seed, ..unlimited() }).await
}

#[tokio::test]
async fn statuses_and_pages() {
    for (share, kind, status, content_type) in [
        ("429=100", FailureKind::Limited, 429, "application/json"),
        ("500=100", FailureKind::Status500, 500, "application/json"),
        ("502=100", FailureKind::Status502, 502, "text/html; charset=utf-8"),
        ("html=100", FailureKind::Html, 200, "text/html; charset=utf-8"),
    ] {
        let sandbox = failing(&[share], 1).await;
        let mut raw = Raw::connect(&sandbox).await;
        for _ in 0..3 {
            let response = raw.exchange(&update("a%40x")).await;
            assert_eq!(response.status, status, "{share}");
            assert_eq!(response.headers["content-type"], content_type, "{share}");
        }
        assert_eq!(sandbox.counters().injected.of(kind), 3);
        let json = raw.get("/_sandbox/contagem").await.json();
        assert_eq!(json["falhas_injetadas"][kind.as_str()], 3);
        sandbox.stop().await;
    }
}

#[tokio::test]
async fn close_ends_the_connection_without_a_byte() {
    let sandbox = failing(&["close=100"], 1).await;
    let mut raw = Raw::connect(&sandbox).await;
    raw.send(&update("a%40x")).await;
    let (bytes, end) = raw.rest().await;
    assert_eq!(bytes, b"");
    end.unwrap();
    sandbox.stop().await;
}

#[tokio::test]
async fn reset_is_a_reset() {
    let sandbox = failing(&["reset=100"], 1).await;
    let mut raw = Raw::connect(&sandbox).await;
    raw.send(&update("a%40x")).await;
    let (bytes, end) = raw.rest().await;
    assert_eq!(bytes, b"");
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    sandbox.stop().await;
}

#[tokio::test]
async fn truncated_promises_more_than_it_sends() {
    let sandbox = failing(&["truncated=100"], 1).await;
    let mut raw = Raw::connect(&sandbox).await;
    raw.send(&update("a%40x")).await;
    let (bytes, end) = raw.rest().await;
    end.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let length: usize = head.split_once("content-length: ").unwrap().1.parse().unwrap();
    assert!(!body.is_empty() && body.len() < length, "{body}");
    sandbox.stop().await;
}

#[tokio::test]
async fn hang_says_nothing_until_the_client_leaves() {
    let sandbox = failing(&["hang=100"], 1).await;
    let mut raw = Raw::connect(&sandbox).await;
    raw.send(&update("a%40x")).await;
    let silence = tokio::time::timeout(Duration::from_millis(200), raw.stream.read_u8()).await;
    assert!(silence.is_err(), "{silence:?}");
    tokio::io::AsyncWriteExt::shutdown(&mut raw.stream).await.unwrap();
    let (bytes, end) = raw.rest().await;
    assert_eq!(bytes, b"");
    end.unwrap();
    sandbox.stop().await;
}

/// What a client saw and what the account holds after 100 updates, one after another.
async fn history(seed: u64) -> (Vec<u16>, serde_json::Value, serde_json::Value) {
    let sandbox = failing(&["429=10", "500=20", "502=10", "html=10"], seed).await;
    let mut raw = Raw::connect(&sandbox).await;
    let mut statuses = Vec::new();
    for n in 0..100 {
        statuses.push(raw.exchange(&update(&format!("{n}%40x"))).await.status);
    }
    let counters = raw.get("/_sandbox/contagem").await.json();
    let customers = raw.get("/_sandbox/clientes").await.json();
    sandbox.stop().await;
    (statuses, counters, customers)
}

#[tokio::test]
async fn a_seed_replays_every_failure_and_its_effect() {
    let first = history(7).await;
    assert_eq!(first, history(7).await);
    assert_ne!(first.0, history(8).await.0);
}

#[tokio::test]
async fn a_failed_update_was_executed_or_not_and_the_counters_add_up() {
    let sandbox = failing(&["500=60", "429=20"], 3).await;
    let mut raw = Raw::connect(&sandbox).await;
    for n in 0..200 {
        raw.exchange(&update(&format!("{n}%40x"))).await;
    }
    let counters = sandbox.counters();
    assert_eq!(counters.requests, 200);
    assert_eq!(counters.executed + counters.refused + counters.limited + counters.lost, 200);
    assert_eq!(counters.customers, counters.executed);
    let failed = counters.injected.of(FailureKind::Status500);
    assert!((1..failed).contains(&counters.lost), "{counters:?}");
    assert_eq!(counters.limited, counters.injected.of(FailureKind::Limited));
    sandbox.stop().await;
}

#[tokio::test]
async fn one_failing_connection_leaves_the_others_alone() {
    let sandbox = failing(&["reset=50"], 1).await;
    let mut idle = Raw::connect(&sandbox).await;
    for n in 0..20 {
        let mut raw = Raw::connect(&sandbox).await;
        raw.send(&update(&format!("{n}%40x"))).await;
        let mut byte = [0];
        // Answered or reset, as it was drawn.
        let _ = raw.stream.read(&mut byte).await;
    }
    let counters = idle.get("/_sandbox/contagem").await.json();
    assert_eq!(counters["requisicoes"], 20);
    let reset = counters["falhas_injetadas"]["reset"].as_u64().unwrap();
    assert!((1..20).contains(&reset), "{reset}");
    let get = b"GET /_sandbox/clientes HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(once(&sandbox, get).await.status, 200);
    sandbox.stop().await;
}
