//! Customers that are read back: columns that are not kept, rows without an answer, late attempts.

use std::sync::Mutex;

use serde_json::json;

use crate::support::canary::CANARY;
use crate::support::{Reply, Run, Server, Simulator, table};

/// A customer as its details show it.
fn details(name: &str, email: &str) -> Reply {
    let record = json!({"name": name, "email": email, "phone": "", "custom_fields": []});
    Reply::json(200, &json!({"error": false, "success": true, "data": [record]}).to_string())
}

/// A run against the simulator.
fn against(simulator: &Simulator) -> Run {
    Run::bare(&["run"])
        .args(["--base-url", simulator.url(), "--rate", "unlimited"])
        .env("TOMTICKET_TOKEN", CANARY)
        .with_summary()
}

fn nobody() -> Reply {
    Reply::json(404, r#"{"error":true,"message":"not found","errorcode":404}"#)
}

#[test]
fn f160_a_column_that_is_not_kept_stops_the_run() {
    let mut csv = String::from("identificador,tipo_identificador,nome,campo:plano,campo:errado\n");
    for row in 0..60 {
        csv.push_str(&format!("c{row}@x.com,E,Cliente {row},Ouro,valor {row}\n"));
    }
    let simulator = Simulator::start(&["--custom-fields", "plano"]);
    let run = |args: &[&str]| against(&simulator).csv(&csv).args(args.iter().copied()).go();
    let finished = run(&["--concurrency", "4"]);
    finished.exits(3).says(&["campo:errado", "\"valor ", "encontrado nada", "tomticket-sync ids"]);
    // Its rows had an answer, and it was no reading that resolved them. The reason is said once.
    for wrong in ["sem resposta", "por leitura", "× Não enviado"] {
        assert!(!finished.stderr.contains(wrong), "{}", finished.stderr);
    }
    let rows = finished.accounted_rows(60);
    let count = |situacao: &str| rows.iter().filter(|row| row.situacao == situacao).count();
    let sent = count("falhou");
    assert!((2..=9).contains(&sent), "{sent} rows were sent");
    assert_eq!(count("nao_enviado"), 60 - sent);
    let row = rows.iter().find(|row| row.situacao == "falhou").unwrap();
    assert!(row.mensagem.contains("não guardou campo:errado"), "{}", row.mensagem);
    // Without the column, or without looking, all rows are sent.
    for args in [["--ignore", "campo:errado"], ["--verify", "0"]] {
        let rows = run(&args).exits(0).accounted_rows(60);
        assert!(rows.iter().all(|row| row.situacao == "atualizado"));
    }
}

/// Columns that were kept once are noted in the ledger.
#[test]
fn f160_columns_are_verified_once() {
    let simulator = Simulator::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger.db").to_str().unwrap().to_owned();
    let run = |nome: &str| {
        let csv = table::customers(20).replace("Cliente", nome);
        let finished = against(&simulator).csv(&csv).args(["--ledger", &ledger]).go();
        finished.exits(0).summary()["leituras"].as_u64().unwrap()
    };
    assert_eq!((run("Nome"), run("Outro")), (5, 0));
}

#[test]
fn f161_a_rename_without_an_answer_is_settled_by_reading() {
    let csv = "identificador,tipo_identificador,nome,email\na@x.com,E,Ana,b@x.com\n";
    for (known, situacao, mensagem, code) in [
        ("b@x.com", "atualizado", "Confirmado por leitura.", 0),
        ("a@x.com", "falhou", "Pela leitura, a troca de e-mail não foi feita até agora", 4),
    ] {
        let server = Server::start();
        server.script(|_, _| Reply::reset());
        server.reads(move |request, _| match request.query("customer_id") == known {
            true => details("Ana", known),
            false => nobody(),
        });
        let finished = Run::new(&server).csv(csv).args(["--settle-wait", "0"]).go();
        let rows = finished.exits(code).accounted_rows(1);
        assert_eq!(rows[0].situacao, situacao);
        assert!(rows[0].mensagem.starts_with(mensagem), "{}", rows[0].mensagem);
        assert_eq!((rows[0].tentativas, server.count()), (1, 1));
        let summary = finished.summary();
        assert_eq!(summary["resolvidas_por_leitura"], 1);
        assert_eq!(summary["leituras"], server.read_customers().len());
        assert_eq!(summary["requisicoes"], 1);
    }
}

#[test]
fn f162_a_row_without_an_answer_is_settled_by_reading() {
    let server = Server::start();
    server.script(|_, _| Reply::html(502));
    server.reads(|request, _| details("Cliente 2", &request.query("customer_id")));
    let run = Run::new(&server).csv(&table::customers(1)).args(["--settle-wait", "0"]);
    let finished = run.go();
    let rows = finished.exits(0).accounted_rows(1);
    assert_eq!((&*rows[0].situacao, rows[0].tentativas), ("atualizado", 3));
    assert_eq!(rows[0].mensagem, "Confirmado por leitura.");
    finished.says(&["1 leitura, 1 linha resolvida por leitura"]);
}

/// The first attempt of the row gets no answer and takes effect after the second was accepted.
#[test]
fn f163_a_late_attempt_is_seen() {
    let server = Server::start();
    server.script(|_, times| if times == 1 { Reply::closed() } else { Reply::ok() });
    let shown = Mutex::new(0);
    server.reads(move |request, _| {
        let mut shown = shown.lock().unwrap();
        *shown += 1;
        let name = if *shown == 1 { "Cliente 2" } else { "Outro" };
        details(name, &request.query("customer_id"))
    });
    let run = Run::new(&server).csv(&table::customers(1)).args(["--settle-wait", "1s"]);
    let finished = run.args(["--verify", "0"]).go();
    let rows = finished.exits(4).accounted_rows(1);
    assert_eq!(rows[0].situacao, "falhou");
    assert_eq!(rows[0].mensagem, "Uma tentativa atrasada desfez esta linha; rode de novo.");
    assert_eq!(server.read_customers().len(), 3);
}

#[test]
fn f167_another_form_is_told_once() {
    let server = Server::start();
    server.reads(|request, _| details("CLIENTE", &request.query("customer_id")));
    let csv = table::customers(12);
    let finished = Run::new(&server).csv(&csv).args(["--verify", "2"]).go();
    finished.exits(0).accounted_rows(12);
    let told = "guarda a coluna nome em outra forma";
    assert_eq!(finished.stderr.matches(told).count(), 1, "{}", finished.stderr);
    assert_eq!(server.read_customers().len(), 4);
}
