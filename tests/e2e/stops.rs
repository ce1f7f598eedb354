//! When a run ends early or waits: repeated refusals, refused access, redirects, outages, and limits
//! set by the user.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::shortcuts::{row_of, run_customers};
use crate::support::{Reply, Run, Server, table};

#[test]
fn c28_the_same_refusal_for_all_rows_stops_the_run() {
    let server = Server::start();
    server.script(|_, _| Reply::refuse("Token inválido."));
    let finished = run_customers(&server, 500, &[]);
    let rows = finished.exits(3).accounted_rows(500);
    let refused = rows.iter().filter(|row| row.situacao == "recusado").count();
    assert!((20..=28).contains(&refused), "{refused} refused");
    assert!(rows.iter().all(|row| matches!(&*row.situacao, "recusado" | "nao_enviado")));
    assert_eq!(server.count(), refused);
    finished.says(&["Token inválido."]);
    let summary = finished.summary();
    assert!(summary["motivo"].is_string());
    assert!(summary["mensagens"].to_string().contains("Token inválido."));
}

#[test]
fn c28_the_breaker_can_be_turned_off() {
    let server = Server::start();
    server.script(|_, _| Reply::refuse("Cliente não encontrado."));
    let finished = run_customers(&server, 40, &["--no-breaker"]);
    let rows = finished.exits(1).accounted_rows(40);
    assert!(rows.iter().all(|row| row.situacao == "recusado"));
}

#[test]
fn c28_different_refusals_or_one_success_do_not_stop_the_run() {
    let server = Server::start();
    server.script(|request, _| Reply::refuse(&format!("{} é ruim", request.identificador())));
    run_customers(&server, 40, &[]).exits(1).accounted_rows(40);
    let server = Server::start();
    server.script(|request, _| match request.identificador() {
        "C00012" => Reply::ok(),
        _ => Reply::refuse("Cliente não encontrado."),
    });
    run_customers(&server, 60, &["--concurrency", "1"]).exits(1).accounted_rows(60);
}

#[test]
fn refused_access_before_any_success_stops_at_once() {
    for status in [401, 403] {
        let server = Server::start();
        server.script(move |_, _| Reply::json(status, r#"{"erro":true,"mensagem":"Negado."}"#));
        let finished = run_customers(&server, 100, &["--concurrency", "2"]);
        let rows = finished.exits(3).accounted_rows(100);
        assert!(server.count() <= 2, "{} requests", server.count());
        assert!(rows.iter().filter(|row| row.situacao == "nao_enviado").count() >= 98);
        assert!(finished.summary()["motivo"].is_string());
    }
}

#[test]
fn refused_access_without_a_message_names_the_status_once() {
    let server = Server::start();
    server.script(|_, _| Reply::html(401));
    let finished = run_customers(&server, 3, &["--concurrency", "1"]);
    finished.exits(3).says(&["o TomTicket recusou o acesso (HTTP 401: acesso negado)"]);
}

#[test]
fn a_quoted_api_message_does_not_end_the_sentence() {
    let server = Server::start();
    server.script(|_, _| Reply::json(401, r#"{"erro":true,"mensagem":"Token inválido."}"#));
    let finished = run_customers(&server, 3, &["--concurrency", "1"]);
    finished.exits(3).says(&["(HTTP 401: Token inválido); confira o token"]);
    // The row's message is quoted unchanged.
    assert_eq!(finished.accounted_rows(3)[0].mensagem, "Token inválido.");

    let server = Server::start();
    server.script(|_, _| Reply::json(500, r#"{"erro":true,"mensagem":"Erro interno."}"#));
    let finished = run_customers(&server, 40, &["--give-up-after", "1s"]);
    let rows = finished.exits(4).accounted_rows(40);
    finished.says(&["última resposta: Erro interno.\n"]);
    for row in rows {
        assert!(!row.mensagem.contains(".."), "{row:?}");
    }
}

#[test]
fn refused_access_later_stops_the_run_at_five_in_a_row() {
    let server = Server::start();
    server.script(|request, _| match request.identificador() {
        "C00010" | "C00020" => Reply::json(403, r#"{"erro":true,"mensagem":"Negado."}"#),
        _ => Reply::ok(),
    });
    let finished = run_customers(&server, 30, &["--concurrency", "1"]);
    let rows = finished.exits(1).accounted_rows(30);
    assert_eq!(rows.iter().filter(|row| row.situacao == "recusado").count(), 2);
    assert_eq!(
        (row_of(&rows, "C00010").http_status, &*row_of(&rows, "C00010").mensagem),
        (Some(403), "Negado.")
    );

    let server = Server::start();
    server.script(|request, _| {
        if request.identificador() < "C00010" { Reply::ok() } else { Reply::json(401, "{}") }
    });
    let finished = run_customers(&server, 60, &["--concurrency", "1"]);
    let rows = finished.exits(3).accounted_rows(60);
    assert_eq!(rows.iter().filter(|row| row.situacao == "atualizado").count(), 8);
    assert_eq!(server.count(), 8 + 5);
}

#[test]
fn c31_redirects_are_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let server = Server::start();
        let elsewhere = Server::start();
        let target = format!("{}/update_cliente/x/y/I", elsewhere.url());
        server.script(move |_, _| Reply::redirect(status, &target));
        let finished = run_customers(&server, 50, &["--concurrency", "1"]);
        let rows = finished.exits(3).accounted_rows(50);
        assert_eq!((server.count(), elsewhere.connections()), (1, 0), "{status}");
        assert!(rows.iter().all(|row| row.situacao != "atualizado"));
    }
}

#[test]
fn c31_a_single_redirect_later_concerns_only_its_row() {
    let server = Server::start();
    server.script(|request, _| match request.identificador() {
        "C00010" => Reply::redirect(302, "https://exemplo.com.br/"),
        _ => Reply::ok(),
    });
    let finished = run_customers(&server, 20, &["--concurrency", "1"]);
    let rows = finished.exits(1).accounted_rows(20);
    assert_eq!(row_of(&rows, "C00010").situacao, "recusado");
    assert_eq!(server.count(), 20);
}

#[test]
fn an_outage_is_probed_by_one_row_at_a_time() {
    let server = Server::start();
    let total = AtomicUsize::new(0);
    server.script(move |_, _| {
        if total.fetch_add(1, Ordering::SeqCst) < 21 {
            Reply::html(503).after(Duration::from_millis(20))
        } else {
            Reply::ok()
        }
    });
    // A verification would let fewer rows out, and so fewer requests overlap.
    let finished = run_customers(&server, 60, &["--give-up-after", "60s", "--verify", "0"]);
    let rows = finished.accounted_rows(60);
    assert!(matches!(finished.code, Some(0 | 4)), "{:?}", finished.code);
    assert!(rows.iter().all(|row| matches!(&*row.situacao, "atualizado" | "falhou")));
    // Requests may overlap until the tenth failure is known; after that there is one at a time.
    let requests = server.requests();
    let probes = &requests[17..21];
    for pair in probes.windows(2) {
        assert!(pair[1].arrived >= pair[0].answered.unwrap(), "two probes at once");
    }
}

#[test]
fn an_outage_that_does_not_end_ends_the_run() {
    let server = Server::start();
    server.script(|_, _| Reply::html(503));
    let finished = run_customers(&server, 300, &["--give-up-after", "2s"]);
    let rows = finished.exits(4).accounted_rows(300);
    assert!(rows.iter().all(|row| matches!(&*row.situacao, "falhou" | "nao_enviado")));
    assert!(server.count() < 60, "{} requests into an outage", server.count());
    for row in &rows {
        let sent = server.requests_for(&row.identificador).len();
        assert_eq!(row.tentativas as usize, sent, "{row:?}");
        assert_eq!(row.situacao == "nao_enviado", sent == 0, "{row:?}");
    }
}

#[test]
fn too_many_errors_stop_the_run() {
    let server = Server::start();
    server.script(|request, _| Reply::refuse(request.identificador()));
    let finished = run_customers(&server, 200, &["--max-errors", "5", "--concurrency", "2"]);
    let rows = finished.exits(3).accounted_rows(200);
    let refused = rows.iter().filter(|row| row.situacao == "recusado").count();
    assert!((5..=8).contains(&refused), "{refused}");
    assert!(finished.summary()["motivo"].is_string());

    let server = Server::start();
    server.script(|request, _| Reply::refuse(request.identificador()));
    let finished = run_customers(&server, 100, &["--max-errors", "10%", "--concurrency", "1"]);
    finished.exits(3).accounted_rows(100);
    assert!(server.count() < 60, "{}", server.count());

    // Invalid rows are counted before the first request.
    let csv = "identificador,tipo_identificador,nome\n1,I,Ana\n,I,Eva\n2,X,Rui\n";
    for (most, code, sent) in [("2", 1, 1), ("1", 3, 0)] {
        let server = Server::start();
        let finished = Run::new(&server).csv(csv).args(["--max-errors", most]).go();
        finished.exits(code).accounted_rows(3);
        assert_eq!(server.count(), sent, "{most}");
    }
}

#[test]
fn too_many_invalid_rows_stop_the_run_and_the_message_says_what_to_do() {
    let server = Server::start();
    let bad: String = (0..6).map(|n| format!(",I,Bia {n}\n")).collect();
    let csv = format!("{}{bad}", table::customers(55));
    let finished = Run::new(&server).csv(&csv).args(["--max-errors", "5%"]).go();
    finished.exits(3).accounted_rows(61);
    assert_eq!(server.count(), 0);
    assert!(!finished.stderr.contains("parando"), "there was no wait: {}", finished.stderr);
    finished.says(&[
        "linhas inválidas: 6 de 61, o limite é 3; nada foi enviado; corrija-as ou aumente --max-errors",
    ]);
}

#[test]
fn rejects_run_again_under_the_same_max_errors() {
    let server = Server::start();
    server.script(|request, _| match request.identificador() {
        "C00030" => Reply::refuse("Cliente não encontrado."),
        _ => Reply::ok(),
    });
    let csv = format!("{},I,Bia\n", table::customers(59));
    let args = ["--max-errors", "5%"];
    let first = Run::new(&server).csv(&csv).rejects("j.csv").args(args).go();
    first.exits(1).accounted_rows(60);
    let rejects = String::from_utf8(first.read("j.csv")).unwrap();
    let again = Run::new(&server).csv(&rejects).args(args).go();
    let ends: Vec<_> =
        again.exits(1).accounted_rows(2).into_iter().map(|row| row.situacao).collect();
    assert_eq!(ends, ["recusado", "invalido"]);
    again.says(&["a porcentagem de --max-errors não vale para ela"]);
    // An absolute number applies to rejects too.
    let again = Run::new(&server).csv(&rejects).args(["--max-errors", "0"]).go();
    again.exits(3).accounted_rows(2);
}

#[test]
fn rows_left_open_by_an_outage_do_not_count_for_max_errors() {
    let server = Server::start();
    server.script(|_, _| Reply::html(503));
    let finished = run_customers(&server, 100, &["--give-up-after", "2s", "--max-errors", "5%"]);
    let rows = finished.exits(4).accounted_rows(100);
    assert!(rows.iter().filter(|row| row.situacao == "falhou").count() > 5);
    let reason = finished.summary()["motivo"].to_string();
    assert!(reason.contains("fora do ar"), "{reason}");
    // The same for --max-duration, with replies that arrive after the stop.
    let server = Server::start();
    server.script(|_, _| Reply::html(503).after(Duration::from_secs(2)));
    let finished = run_customers(&server, 100, &["--max-duration", "1s", "--max-errors", "1"]);
    let rows = finished.exits(4).accounted_rows(100);
    assert!(rows.iter().filter(|row| row.situacao == "falhou").count() > 1);
    finished.says(&["parando: as requisições em andamento são esperadas por até 10 s"]);
    assert!(!finished.stderr.contains("segundo sinal"), "no signal came: {}", finished.stderr);
    let reason = finished.summary()["motivo"].to_string();
    assert!(reason.contains("--max-duration"), "{reason}");
}

#[test]
fn max_duration_ends_the_run() {
    let server = Server::start();
    let finished = Run::new(&server)
        .csv(&table::customers(400))
        .rate("20")
        .args(["--max-duration", "2s"])
        .go();
    let rows = finished.exits(4).accounted_rows(400);
    let sent = rows.iter().filter(|row| row.situacao == "atualizado").count();
    assert_eq!(sent, server.count());
    assert!(sent > 0 && sent < 200, "{sent}");
    assert!(rows[sent..].iter().all(|row| row.situacao == "nao_enviado"));
    assert!(finished.summary()["motivo"].is_string());
}

#[test]
fn limit_sends_that_many_rows() {
    let server = Server::start();
    let finished = run_customers(&server, 50, &["--limit", "7"]);
    let rows = finished.exits(0).accounted_rows(50);
    let ends: Vec<_> = rows.iter().map(|row| &*row.situacao).collect();
    assert_eq!(ends[..7], ["atualizado"; 7]);
    assert_eq!(ends[7..], ["nao_enviado"; 43]);
    assert_eq!(server.count(), 7);
    assert_eq!(finished.summary()["codigo_saida"], 0);
}
