//! Injected failures as they look on the wire, and their replay.

use std::io::{ErrorKind, Read as _};
use std::net::Shutdown;
use std::time::Duration;

use super::raw::{Raw, Sandbox, once, update};

fn failing(shares: &[&str], seed: u64) -> Sandbox {
    let seed = seed.to_string();
    let mut args = vec!["--rate", "unlimited", "--seed", &seed];
    args.extend(shares.iter().flat_map(|share| ["--fail", share]));
    Sandbox::start(&args)
}

#[test]
fn statuses_and_pages() {
    for (share, kind, status, content_type) in [
        ("429=100", "429", 429, "application/json"),
        ("500=100", "500", 500, "application/json"),
        ("502=100", "502", 502, "text/html; charset=utf-8"),
        ("html=100", "html", 200, "text/html; charset=utf-8"),
    ] {
        let sandbox = failing(&[share], 1);
        let mut raw = Raw::connect(&sandbox);
        for _ in 0..3 {
            let response = raw.exchange(&update("a%40x"));
            assert_eq!(response.status, status, "{share}");
            assert_eq!(response.headers["content-type"], content_type, "{share}");
        }
        assert_eq!(sandbox.counters()["falhas_injetadas"][kind], 3);
    }
}

#[test]
fn close_ends_the_connection_without_a_byte() {
    let sandbox = failing(&["close=100"], 1);
    let mut raw = Raw::connect(&sandbox);
    raw.send(&update("a%40x"));
    let (bytes, end) = raw.rest();
    assert_eq!(bytes, b"");
    end.unwrap();
}

#[test]
fn reset_is_a_reset() {
    let sandbox = failing(&["reset=100"], 1);
    let mut raw = Raw::connect(&sandbox);
    raw.send(&update("a%40x"));
    let (bytes, end) = raw.rest();
    assert_eq!(bytes, b"");
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn truncated_promises_more_than_it_sends() {
    let sandbox = failing(&["truncated=100"], 1);
    let mut raw = Raw::connect(&sandbox);
    raw.send(&update("a%40x"));
    let (bytes, end) = raw.rest();
    end.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let length: usize = head.split_once("content-length: ").unwrap().1.parse().unwrap();
    assert!(!body.is_empty() && body.len() < length, "{body}");
}

#[test]
fn hang_says_nothing_until_the_client_leaves() {
    let sandbox = failing(&["hang=100"], 1);
    let mut raw = Raw::connect(&sandbox);
    raw.send(&update("a%40x"));
    raw.stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let silence = raw.stream.read(&mut [0]);
    assert!(silence.is_err(), "{silence:?}");
    raw.stream.shutdown(Shutdown::Write).unwrap();
    let (bytes, end) = raw.rest();
    assert_eq!(bytes, b"");
    end.unwrap();
}

/// What a client saw and what the account holds after 100 updates, one after another.
fn history(seed: u64) -> (Vec<u16>, serde_json::Value, serde_json::Value) {
    let sandbox = failing(&["429=10", "500=20", "502=10", "html=10"], seed);
    let mut raw = Raw::connect(&sandbox);
    let mut statuses = Vec::new();
    for n in 0..100 {
        statuses.push(raw.exchange(&update(&format!("{n}%40x"))).status);
    }
    let counters = raw.get("/_sandbox/contagem").json();
    let customers = raw.get("/_sandbox/clientes").json();
    (statuses, counters, customers)
}

#[test]
fn a_seed_replays_every_failure_and_its_effect() {
    let first = history(7);
    assert_eq!(first, history(7));
    assert_ne!(first.0, history(8).0);
}

#[test]
fn a_failed_update_was_executed_or_not_and_the_counters_add_up() {
    let sandbox = failing(&["500=60", "429=20"], 3);
    let mut raw = Raw::connect(&sandbox);
    for n in 0..200 {
        raw.exchange(&update(&format!("{n}%40x")));
    }
    let counters = sandbox.counters();
    let count = |key: &str| counters[key].as_u64().unwrap();
    assert_eq!(count("requisicoes"), 200);
    let decided = ["executadas", "recusadas", "limitadas_429", "perdidas"];
    assert_eq!(decided.map(count).iter().sum::<u64>(), 200);
    assert_eq!(count("clientes"), count("executadas"));
    let failed = counters["falhas_injetadas"]["500"].as_u64().unwrap();
    assert!((100..140).contains(&failed), "{counters}");
    assert!((failed / 3..failed * 2 / 3).contains(&count("perdidas")), "{counters}");
    assert!((25..55).contains(&count("limitadas_429")), "{counters}");
    assert_eq!(counters["limitadas_429"], counters["falhas_injetadas"]["429"]);
}

#[test]
fn one_failing_connection_leaves_the_others_alone() {
    let sandbox = failing(&["reset=50"], 1);
    let mut idle = Raw::connect(&sandbox);
    for n in 0..20 {
        let mut raw = Raw::connect(&sandbox);
        raw.send(&update(&format!("{n}%40x")));
        let mut byte = [0];
        // Answered or reset, as it was drawn.
        let _ = raw.stream.read(&mut byte);
    }
    let counters = idle.get("/_sandbox/contagem").json();
    assert_eq!(counters["requisicoes"], 20);
    let reset = counters["falhas_injetadas"]["reset"].as_u64().unwrap();
    assert!((1..20).contains(&reset), "{reset}");
    let get = b"GET /_sandbox/clientes HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(once(&sandbox, get).status, 200);
}
