//! The summary: it agrees with results and rejects, and tells the outcome when an output fails.

use crate::support::result_row::RESULT_COLUMNS;
use crate::support::{Reply, Run, Server, table};
use serde_json::Value;

use super::output::{MIXED, mixed_server};

#[test]
fn results_rejects_and_summary_agree() {
    let server = mixed_server();
    let finished = Run::new(&server).csv(MIXED).go();
    let rows = finished.exits(1).accounted_rows(4);
    let ends: Vec<_> = rows.iter().map(|row| &*row.situacao).collect();
    assert_eq!(ends, ["atualizado", "recusado", "invalido", "atualizado"]);
    assert_eq!((&*rows[1].identificador, &*rows[1].tipo), ("2", "I"));
    assert_eq!((&*rows[1].mensagem, rows[1].http_status), ("Cliente não encontrado.", Some(200)));
    assert_eq!(rows[0].mensagem, "ok", "the API's own text");
    assert!(finished.text("clientes.resultado.csv").starts_with(RESULT_COLUMNS));

    let rejects = finished.rejects();
    assert_eq!(
        rejects[0],
        ["identificador", "tipo_identificador", "nome", "CPF", "situacao", "erro", "mensagem"]
    );
    assert_eq!(
        rejects[1],
        ["2", "I", "Eva", "a \"b\"", "recusado", "true", "Cliente não encontrado."]
    );
    assert_eq!(rejects[2][..6], ["..", "I", "Rui", "", "invalido", "true"]);

    let summary = finished.summary();
    assert_eq!(summary["linhas"], 4);
    assert_eq!(summary["requisicoes"], 3);
    assert_eq!(summary["repeticoes"], 0);
    assert_eq!(summary["limitadas_429"], 0);
    assert_eq!(summary["motivo"], Value::Null);
    assert!(summary["entrada"].as_str().unwrap().contains("clientes.csv"));
    assert!(summary["resultados"].as_str().unwrap().contains("clientes.resultado.csv"));
    assert!(summary["rejeitados"].as_str().unwrap().contains("clientes.rejeitados.csv"));
    assert!(summary["mensagens"].to_string().contains("Cliente não encontrado."));
    finished.says(&[
        "clientes.resultado.csv",
        "clientes.rejeitados.csv",
        "Cliente não encontrado.",
    ]);
}

#[test]
fn the_summary_on_standard_output() {
    let server = mixed_server();
    let finished =
        Run::new(&server).without_summary().csv(MIXED).args(["--summary-json", "-"]).go();
    let summary: Value = serde_json::from_slice(&finished.exits(1).stdout).unwrap();
    finished.check_summary(&summary);
    assert_eq!(summary["situacoes"]["invalido"], 1);
}

#[test]
fn the_minutes_of_the_summary_add_up() {
    let server = Server::start();
    server.replies("C00002", [Reply::too_many(Some("0")), Reply::html(500)]);
    let finished = Run::new(&server).csv(&table::customers(5)).go();
    let summary = finished.exits(0).summary();
    let minutes = summary["por_minuto"].as_array().expect("a list of minutes");
    let total = |of: &str| -> u64 {
        minutes.iter().map(|minute| minute[of].as_u64().expect("a count")).sum()
    };
    let totals = ["aceitas", "limitadas_429", "repeticoes"].map(total);
    assert_eq!(totals, [5, 1, 1], "{minutes:?}");
}

#[test]
fn many_messages_are_cut_to_the_ten_most_frequent() {
    let server = Server::start();
    // Reason 1 once, reason 2 twice, … reason 12 twelve times, the rare ones first.
    let reasons: Vec<usize> = (1..=12).flat_map(|reason| vec![reason; reason]).collect();
    let rows = reasons.len();
    server.script(move |request, _| {
        let line: usize = request.identificador()[1..].parse().unwrap();
        Reply::refuse(&format!("motivo {:02}", reasons[line - 2]))
    });
    let finished = Run::new(&server).csv(&table::customers(rows)).args(["--no-breaker"]).go();
    let summary = finished.exits(1).summary();
    let messages = summary["mensagens"].as_array().expect("a list");
    let found: Vec<_> = messages
        .iter()
        .map(|message| {
            (message["mensagem"].as_str().expect("a text"), message["linhas"].as_u64().unwrap_or(0))
        })
        .collect();
    let texts: Vec<_> = (3..=12).rev().map(|n| (format!("motivo {n:02}"), n)).collect();
    let expected: Vec<_> = texts.iter().map(|(text, n)| (text.as_str(), *n)).collect();
    assert_eq!(found, expected);
}

#[cfg(target_os = "linux")]
#[test]
fn a_summary_that_cannot_be_written_does_not_hide_the_outcome() {
    let server = mixed_server();
    let run = Run::new(&server).without_summary().csv(MIXED);
    let finished = run.args(["--summary-json", "/dev/full"]).go();
    let rows = finished.exits(5).accounted_rows(4);
    assert_eq!(rows.len(), 4);
    finished.says(&[
        "Resumo em JSON: não foi possível gravar /dev/full",
        "Resultados: clientes.resultado.csv\n",
        "completos",
    ]);
    assert!(!finished.stderr.contains("não está completo"), "{}", finished.stderr);
}

#[test]
fn rows_sent_after_an_output_failed_count_in_the_summary() {
    let server = Server::start();
    let run = Run::new(&server).csv(&table::customers(400)).results("-").close_stdout();
    let finished = run.go();
    finished.says(&["não foi possível gravar a saída padrão: ninguém lê a saída."]);
    let summary = finished.exits(5).summary();
    let sent = server.count();
    assert_eq!(summary["requisicoes"], sent);
    assert_eq!(summary["situacoes"]["atualizado"], sent);
    assert_eq!(summary["situacoes"]["nao_enviado"], 400 - sent);
    assert_eq!(summary["resultados"], "-");
    assert_eq!(summary["rejeitados"], "clientes.rejeitados.csv.parcial");
}
