//! The account's limit and the delays, as a client meets them. The window itself is tested where it
//! stands, with simulated instants.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tomticket_sync::sandbox::{DelayRange, SandboxConfig};
use tomticket_sync::scheduler::Rate;

use super::raw::{Raw, once, start, unlimited, until, update};

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn beyond_the_limit_there_is_a_429_that_changes_nothing() {
    let hourly = Rate::PerSecond(1.0 / 3600.0);
    let sandbox = start(SandboxConfig { rate: hourly, ..SandboxConfig::default() }).await;
    let mut raw = Raw::connect(&sandbox).await;
    assert_eq!(raw.exchange(&update("a%40x")).await.reply().0, 200);
    for _ in 0..5 {
        let response = raw.exchange(&update("b%40x")).await;
        assert!(!response.headers.contains_key("retry-after"));
        let (status, erro, mensagem) = response.reply();
        assert_eq!((status, erro), (429, true));
        assert!(mensagem.contains("Limite"), "{mensagem}");
    }
    let counters = raw.get("/_sandbox/contagem").await.json();
    assert_eq!(counters["requisicoes"], 6);
    assert_eq!(counters["executadas"], 1);
    assert_eq!(counters["limitadas_429"], 5);
    assert_eq!(raw.get("/_sandbox/clientes/E/b%40x").await.status, 404);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_crowd_gets_no_more_than_the_limit() {
    let sandbox = start(SandboxConfig::default()).await;
    let begun = Instant::now();
    let mut crowd = JoinSet::new();
    for n in 0..60 {
        let mut raw = Raw::connect(&sandbox).await;
        crowd.spawn(async move { raw.exchange(&update(&format!("{n}%40x"))).await.status });
    }
    let statuses = crowd.join_all().await;
    let windows = begun.elapsed().as_secs() + 1;
    let executed = statuses.iter().filter(|&&status| status == 200).count() as u64;
    assert!((3..=3 * windows).contains(&executed), "{executed} in {windows} windows");
    let counters = sandbox.counters();
    assert_eq!((counters.executed, counters.limited), (executed, 60 - executed));
    sandbox.stop().await;
}

#[tokio::test]
async fn latency_is_spent_after_counting() {
    let sandbox = start(SandboxConfig { latency: DelayRange::fixed(LONG), ..unlimited() }).await;
    let mut raw = Raw::connect(&sandbox).await;
    raw.send(&update("a%40x")).await;
    until(&sandbox, |counters| counters["executadas"] == 1).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn jitter_is_spent_before_counting() {
    let sandbox = start(SandboxConfig { jitter: DelayRange::fixed(LONG), ..unlimited() }).await;
    let mut raw = Raw::connect(&sandbox).await;
    raw.send(&update("a%40x")).await;
    let counters = until(&sandbox, |counters| counters["requisicoes"] == 1).await;
    assert_eq!(counters["executadas"], 0);
    sandbox.stop().await;
}

#[tokio::test]
async fn an_update_that_arrived_is_executed_though_its_client_has_left() {
    let jitter = DelayRange::fixed(Duration::from_millis(50));
    let sandbox = start(SandboxConfig { jitter, ..unlimited() }).await;
    let mut raw = Raw::connect(&sandbox).await;
    raw.send(&update("a%40x")).await;
    drop(raw);
    until(&sandbox, |counters| counters["executadas"] == 1).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn its_own_addresses_are_neither_limited_nor_delayed() {
    let config = SandboxConfig {
        rate: Rate::PerSecond(1.0 / 3600.0),
        jitter: DelayRange::fixed(LONG),
        latency: DelayRange::fixed(LONG),
        ..SandboxConfig::default()
    };
    let sandbox = start(config).await;
    for _ in 0..10 {
        let get = b"GET /_sandbox/contagem HTTP/1.1\r\nHost: x\r\n\r\n";
        assert_eq!(once(&sandbox, get).await.status, 200);
    }
    sandbox.stop().await;
}
