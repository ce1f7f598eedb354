//! The account's limit and the delays, as a client meets them. The window itself is tested
//! beside its code, with simulated instants.

use std::time::Instant;

use super::raw::{Raw, Sandbox, form, once, post, until, update};

/// One request in 1 000 s.
const SLOWEST: &str = "0.001";

#[test]
fn beyond_the_limit_there_is_a_429_that_changes_nothing() {
    let sandbox = Sandbox::start(&["--rate", SLOWEST]);
    let mut raw = Raw::connect(&sandbox);
    assert_eq!(raw.exchange(&update("a%40x")).reply().0, 200);
    for _ in 0..5 {
        let response = raw.exchange(&update("b%40x"));
        assert!(!response.headers.contains_key("retry-after"));
        let (status, erro, mensagem) = response.reply();
        assert_eq!((status, erro), (429, true));
        assert!(mensagem.contains("Limite"), "{mensagem}");
    }
    let counters = raw.get("/_sandbox/contagem").json();
    assert_eq!(counters["requisicoes"], 6);
    assert_eq!(counters["executadas"], 1);
    assert_eq!(counters["limitadas_429"], 5);
    assert_eq!(raw.get("/_sandbox/clientes/E/b%40x").status, 404);
}

#[test]
fn what_was_refused_or_failed_counts_and_an_injected_429_does_not() {
    let statuses = |args: &[&str], first: &[u8]| -> Vec<u16> {
        let sandbox = Sandbox::start(&[&["--rate", SLOWEST], args].concat());
        let mut raw = Raw::connect(&sandbox);
        let mut statuses = vec![raw.exchange(first).status];
        statuses.extend((0..9).map(|_| raw.exchange(&update("a%40x")).status));
        statuses
    };
    let refused = post("/update_cliente/t/a/X", &form(&[("nome", "A")]));
    let rest = [429; 9];
    assert_eq!(statuses(&[], &refused), [&[200][..], &rest].concat());
    assert_eq!(statuses(&["--fail", "500=100"], &update("a%40x")), [&[500][..], &rest].concat());
    // The first of these requests meets an injected 429.
    let injected = statuses(&["--fail", "429=50", "--seed", "2"], &update("a%40x"));
    assert_eq!((injected[0], injected.iter().filter(|s| **s == 200).count()), (429, 1));
}

#[test]
fn a_crowd_gets_no_more_than_the_limit() {
    let sandbox = Sandbox::start(&[]);
    let begun = Instant::now();
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let one = |n| once(&sandbox, &update(&format!("{n}%40x"))).status;
        let crowd: Vec<_> = (0..60).map(|n| scope.spawn(move || one(n))).collect();
        crowd.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let windows = begun.elapsed().as_secs() + 1;
    let executed = statuses.iter().filter(|&&status| status == 200).count() as u64;
    assert!((3..=3 * windows).contains(&executed), "{executed} in {windows} windows");
    let counters = sandbox.counters();
    assert_eq!(counters["executadas"], executed);
    assert_eq!(counters["limitadas_429"], 60 - executed);
}

#[test]
fn latency_is_spent_after_counting() {
    let sandbox = Sandbox::start(&["--rate", "unlimited", "--latency", "1h"]);
    let mut raw = Raw::connect(&sandbox);
    raw.send(&update("a%40x"));
    until(&sandbox, |counters| counters["executadas"] == 1);
}

#[test]
fn jitter_is_spent_before_counting() {
    let sandbox = Sandbox::start(&["--rate", "unlimited", "--jitter", "1h"]);
    let mut raw = Raw::connect(&sandbox);
    raw.send(&update("a%40x"));
    let counters = until(&sandbox, |counters| counters["requisicoes"] == 1);
    assert_eq!(counters["executadas"], 0);
}

#[test]
fn an_update_that_arrived_is_executed_though_its_client_has_left() {
    let sandbox = Sandbox::start(&["--rate", "unlimited", "--jitter", "50ms"]);
    let mut raw = Raw::connect(&sandbox);
    raw.send(&update("a%40x"));
    drop(raw);
    until(&sandbox, |counters| counters["executadas"] == 1);
}

#[test]
fn its_own_addresses_are_neither_limited_nor_delayed() {
    let sandbox = Sandbox::start(&["--rate", SLOWEST, "--jitter", "1h", "--latency", "1h"]);
    for _ in 0..10 {
        let get = b"GET /_sandbox/contagem HTTP/1.1\r\nHost: localhost\r\n\r\n";
        assert_eq!(once(&sandbox, get).status, 200);
    }
}
