//! What a nightly job asks for: rows to repair that are tolerated, and files that a repeat does not
//! overwrite.

use crate::support::{Finished, Reply, Run, Server, table};
use jiff::civil::DateTime;
use jiff::{Timestamp, ToSpan};
use serde_json::json;

/// Twenty rows: two are refused, one cannot be sent.
fn three_to_repair() -> (Server, Run) {
    let server = Server::start();
    for id in ["C00002", "C00003"] {
        server.reply(id, Reply::refuse("Não."));
    }
    let run = Run::new(&server).csv(&(table::customers(19) + "..,I,Rui\n"));
    (server, run)
}

#[test]
fn rows_to_repair_are_tolerated_up_to_a_number_or_a_part_of_the_rows() {
    for (ok_with, code) in [("3", 0), ("2", 1), ("0", 1), ("15%", 0), ("14,9%", 1), ("100%", 0)] {
        let (_server, run) = three_to_repair();
        let finished = run.args(["--ok-with", ok_with]).go();
        finished.exits(code).accounted_rows(20);
        assert_eq!(finished.rejects().len(), 4, "{ok_with}");
        assert_eq!(finished.summary()["situacoes"]["recusado"], 2, "{ok_with}");
        let told = finished.stderr.contains("Toleradas por --ok-with: 3 linhas a corrigir");
        assert_eq!(told, code == 0, "{ok_with}: {}", finished.stderr);
        assert!(!finished.stderr.contains("tudo em dia"), "{}", finished.stderr);
    }
    let (_server, run) = three_to_repair();
    let finished = run.file("tomticket-sync.toml", "ok-with = \"15%\"\n").go();
    assert_eq!(finished.exits(0).summary()["configuracao"]["ok-with"], "15%");
    let (_server, run) = three_to_repair();
    let finished = run.env("TOMTICKET_SYNC_OK_WITH", "3").go();
    assert_eq!(finished.exits(0).summary()["configuracao"]["ok-with"], json!(3));
    // A night without news does not mail its crontab's owner.
    let (_server, run) = three_to_repair();
    let finished = run.args(["--ok-with", "3", "--quiet"]).go();
    assert_eq!(finished.exits(0).stderr, "");

    for (ok_with, code) in [("1", 0), ("0", 1)] {
        let (server, _) = three_to_repair();
        let run = Run::bare(&["check"]).csv(&(table::customers(19) + "..,I,Rui\n"));
        let finished = run.args(["--ok-with", ok_with, "--base-url", &server.url()]).go();
        finished.exits(code);
        assert_eq!(finished.stderr.contains("Tolerada por --ok-with: 1 linha"), code == 0);
    }
}

#[test]
fn only_rows_to_repair_are_tolerated() {
    let server = Server::start();
    server.reply("C00002", Reply::refuse("Não."));
    server.script(|request, _| match request.identificador() {
        "C00003" => Reply::html(500),
        _ => Reply::ok(),
    });
    let run = Run::new(&server).csv(&table::customers(4)).args(["--ok-with", "100%"]);
    run.go().exits(4);
    let server = Server::start();
    server.script(|_, _| Reply::refuse("Token inválido."));
    let run = Run::new(&server).csv(&table::customers(30)).args(["--ok-with", "100%"]);
    run.go().exits(3);
}

/// The start that stands in the names of the files that begin with `prefix`.
fn starts(finished: &Finished, prefix: &str) -> Vec<String> {
    let entries = std::fs::read_dir(finished.work()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let rests = names.filter_map(|name| Some(name.strip_prefix(prefix)?.to_owned()));
    rests.map(|rest| rest.split('.').next().unwrap().to_owned()).collect()
}

#[test]
fn the_start_of_the_run_stands_in_the_names_of_outputs() {
    let server = Server::start();
    server.reply("C00002", Reply::refuse("Não."));
    let finished = Run::new(&server)
        .without_summary()
        .csv(&table::customers(3))
        .file("r.2026-11-26T02-00-00.csv", "a noite de ontem")
        .file("tomticket.toml", "report = \"p.{inicio}.html\"\n")
        .env("TZ", "America/Sao_Paulo")
        .env("TOMTICKET_SYNC_REJECTS", "j.{inicio}.csv")
        .args(["--config", "tomticket.toml", "--results", "r.{inicio}.csv"])
        .args(["--summary-json", "resumo.{inicio}.{outro}.json"])
        .go();
    finished.exits(1);
    let [start] = &starts(&finished, "j.")[..] else { panic!("{}", finished.describe()) };
    assert_eq!(starts(&finished, "p."), [start.as_str()]);
    assert_eq!(starts(&finished, "r.").len(), 2);
    assert_eq!(finished.text("r.2026-11-26T02-00-00.csv"), "a noite de ontem");
    // Other braces are part of the name.
    let summary = finished.text(&format!("resumo.{start}.{{outro}}.json"));
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    let results = format!("r.{start}.csv");
    assert_eq!(summary["resultados"], results);
    assert_eq!(finished.parse_results(&finished.text(&results)).len(), 3);
    finished.says(&[&format!("run j.{start}.csv")]);

    let local = DateTime::strptime("%Y-%m-%dT%H-%M-%S", start).unwrap();
    let named = local.in_tz("America/Sao_Paulo").unwrap().timestamp();
    let began: Timestamp = summary["inicio"].as_str().unwrap().parse().unwrap();
    assert!(named <= began && began < named + 120.seconds(), "{named} {began}");
}
