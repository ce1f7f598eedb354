//! `pull` against a list that misbehaves: every fault is repeated or told, and a half snapshot never
//! looks whole.

use std::time::Duration;

use serde_json::json;

use super::pull::{listing, pull};
use crate::support::held_list::{customers, page, page_number};
use crate::support::{Latch, Reply, Server};

#[test]
fn pages_that_fail_are_read_again() {
    let all = customers(501);
    let server = Server::start();
    let tries = std::sync::Mutex::new(std::collections::HashMap::<usize, usize>::new());
    server.script(move |request, _| {
        let number = page_number(request);
        let mut tries = tries.lock().unwrap();
        let times = tries.entry(number).or_default();
        *times += 1;
        match (*times, number) {
            (1, 1) => Reply::html(429),
            (1, 2) => Reply::html(503),
            (1, 3) => Reply::half(),
            (1, 4) => Reply::json(200, r#"{"error":true,"message":"try again","data":[]}"#),
            (1, 5) => Reply::json(200, r#"{"data":"x"}"#),
            (1, 6) => Reply::json(404, r#"{"errorcode":404}"#),
            (1, 7) => Reply::json(401, "{}"),
            _ => page(&all, number),
        }
    });
    let finished = pull(&server).go();
    finished.exits(0).says(&["501 clientes em 11 páginas"]);
    assert_eq!(finished.text("antes.csv").lines().count(), 502);
}

#[test]
fn an_account_that_may_not_be_read_is_exit_3() {
    for (reply, says) in [
        (Reply::json(401, "{}"), "token pode ler"),
        (Reply::json(403, "{}"), "Premium"),
        (Reply::html(404), "--base-url"),
        (Reply::html(302), "--base-url"),
    ] {
        let server = Server::start();
        server.script(move |_, _| reply.clone());
        let finished = pull(&server).go();
        finished.exits(3).says(&["não deixa ler clientes", says]);
        assert_eq!(server.count(), 1);
        assert!(!finished.exists("antes.csv"));
    }
}

#[test]
fn a_server_that_ignores_the_page_is_noticed() {
    let all = customers(50);
    let server = Server::start();
    let same = all.clone();
    server.script(move |_, _| {
        Reply::json(200, &json!({"data": same, "next_page": 2, "pages": 40}).to_string())
    });
    pull(&server).go().exits(4).says(&["páginas 1 e 2 têm os mesmos clientes", "ignora"]);
    let server = Server::start();
    server.script(move |request, _| {
        let number = page_number(request);
        let mut one = all[0].clone();
        one["email"] = json!(format!("{number}@x.com"));
        Reply::json(200, &json!({"data": [one], "next_page": 9, "pages": number + 1}).to_string())
    });
    pull(&server).go().exits(4).says(&["anunciou 2 páginas e não termina na 12"]);
}

#[test]
fn a_list_that_says_nothing_about_its_pages_ends_where_nothing_comes() {
    let all = customers(120);
    for past_the_end in [json!({"data": []}), json!(null)] {
        let (all, end) = (all.clone(), past_the_end.clone());
        let server = Server::start();
        server.script(move |request, _| {
            let number = page_number(request);
            match all.chunks(50).nth(number - 1) {
                Some(items) => Reply::json(200, &json!({"data": items}).to_string()),
                None if end.is_null() => Reply::html(404),
                None => Reply::json(200, &end.to_string()),
            }
        });
        pull(&server).go().exits(0).says(&["120 clientes"]);
        assert_eq!(server.count(), 4);
    }
}

#[test]
fn what_cannot_be_read_for_too_long_is_exit_4() {
    let all = customers(101);
    let server = Server::start();
    server.script(move |request, _| match page_number(request) {
        2 => Reply::json(502, "<html>cliente@x.com</html>"),
        number => page(&all, number),
    });
    let finished = pull(&server).args(["--give-up-after", "1s"]).go();
    finished.exits(4).says(&["a página 2 de clientes", "HTTP 502"]);
    assert!(!finished.stderr.contains("cliente@x.com"), "an error never quotes a body");
    assert!(!finished.exists("antes.csv"));
}

#[test]
fn a_large_page_is_read_and_a_larger_one_is_not() {
    let mut all = customers(2);
    all[0]["custom_fields"] = json!([{"id": "a", "name": "A", "value": "x".repeat(3 << 20)}]);
    pull(&listing(all.clone())).go().exits(0).says(&["2 clientes"]);
    all[0]["custom_fields"][0]["value"] = json!("x".repeat(5 << 20));
    let finished = pull(&listing(all)).args(["--give-up-after", "1s"]).go();
    finished.exits(4).says(&["passa de 4 MiB"]);
}

#[test]
fn pages_are_in_flight_together_and_written_in_order() {
    let all = customers(400);
    let server = Server::start();
    let first = Latch::default();
    let held = first.clone();
    server.script(move |request, _| match page_number(request) {
        2 => Reply { latch: Some(held.clone()), ..page(&all, 2) },
        number => page(&all, number),
    });
    let running = pull(&server).spawn();
    // All other pages come although the second is late.
    server.wait_for_requests(8);
    first.release();
    let finished = running.wait();
    let text = finished.exits(0).text("antes.csv");
    let emails: Vec<_> = text.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert!(emails.is_sorted(), "{emails:?}");
    assert_eq!(emails.len(), 400);
}

#[test]
fn an_interrupted_snapshot_leaves_nothing() {
    let all = customers(500);
    let server = Server::start();
    server.script(move |request, _| match page_number(request) {
        5 => Reply { delay: Duration::from_secs(600), ..page(&all, 5) },
        number => page(&all, number),
    });
    let mut running = pull(&server).spawn();
    server.wait_for_requests(10);
    running.signal("INT");
    let finished = running.wait();
    finished.exits(130).says(&["nada foi gravado"]);
    assert!(!finished.exists("antes.csv") && !finished.exists("antes.csv.parcial"));
}

#[test]
fn a_list_that_becomes_shorter_while_it_is_read_ends_where_it_ends_now() {
    let old = customers(151);
    // After the third page was read; in the second case it is gone too when it is asked for again.
    for (deleted, pages) in [(1, 3), (51, 2)] {
        let (before, now) = (old.clone(), old[deleted..].to_vec());
        let server = Server::start();
        let asked = std::sync::Mutex::new(std::collections::HashSet::new());
        server.script(move |request, _| {
            let number = page_number(request);
            let is_first = asked.lock().unwrap().insert(number);
            page(if is_first && number <= 3 { &before } else { &now }, number)
        });
        let finished = pull(&server).go();
        finished.exits(0).says(&[&format!("em {pages} páginas"), "clientes mudaram de página"]);
        let text = finished.text("antes.csv");
        assert!(text.contains("c00150@x.com"), "it moved to a page that was read before: {text}");
    }
}

#[test]
fn a_page_that_is_missing_in_the_middle_is_a_fault() {
    let all = customers(251);
    let server = Server::start();
    server.script(move |request, _| match page_number(request) {
        3 => Reply::html(404),
        number => page(&all, number),
    });
    let finished = pull(&server).args(["--give-up-after", "1s"]).go();
    finished.exits(4).says(&["a página 3 de clientes", "HTTP 404"]);
    assert!(!finished.exists("antes.csv"));
}

#[test]
fn an_account_without_customers_is_told_and_an_empty_first_page_is_not_one() {
    for body in [json!({"data": null}), json!({"data": [], "size": 0, "pages": 1})] {
        let server = Server::start();
        server.script(move |_, _| Reply::json(200, &body.to_string()));
        let finished = pull(&server).go();
        finished.exits(0).says(&["0 clientes", "não listou nenhum cliente"]);
        assert_eq!(finished.text("antes.csv").lines().count(), 1);
    }
    let server = Server::start();
    server.script(|_, _| Reply::json(200, r#"{"data": [], "size": 120, "pages": 3}"#));
    let finished = pull(&server).args(["--give-up-after", "1s"]).go();
    finished.exits(4).says(&["a página 1 de clientes", "anuncia itens e a página vem vazia"]);
}

#[test]
fn a_page_of_countless_records_costs_no_memory() {
    let body = format!("{{\"data\": [{}{{}}]}}", "{},".repeat(1_300_000));
    let server = Server::start();
    server.script(move |_, _| Reply::json(200, &body));
    let finished = pull(&server).args(["--give-up-after", "1s"]).go();
    finished.exits(4).says(&["não é uma lista"]).peak_memory_below(60 * 1024);
}
