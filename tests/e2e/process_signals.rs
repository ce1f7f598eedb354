//! Signals: a stop waits for requests in flight and writes all outputs; a second signal exits at once.

use std::time::{Duration, Instant};

use crate::support::{Finished, Latch, Reply, Run, Running, Server, table};

/// A run of 2000 rows whose requests get no reply until the latch is released. The log is text.
fn held() -> (Server, Latch, Running) {
    let server = Server::start();
    let latch = server.hold_replies();
    let running = Run::new(&server).csv(&table::customers(2000)).rate("100").arg("-vv").spawn();
    server.wait_for_requests(8);
    (server, latch, running)
}

fn assert_drained(server: &Server, finished: &Finished, code: i32) {
    let rows = finished.exits(code).accounted_rows(2000);
    let sent: Vec<_> = server.sent().into_iter().map(|sent| sent.0).collect();
    for row in &rows {
        let was_sent = sent.contains(&row.identificador);
        let expected = if was_sent { "atualizado" } else { "nao_enviado" };
        assert_eq!(row.situacao, expected, "{row:?}");
    }
    assert!(sent.len() < 1000, "admission went on: {}", sent.len());
    assert!(finished.summary()["motivo"].is_string());
}

#[test]
fn c39_an_interrupt_waits_for_what_is_in_flight_and_writes_everything() {
    let (server, latch, mut running) = held();
    running.signal_and_wait("INT");
    latch.release();
    let finished = running.wait();
    finished.says(&[" aviso: parando: as requisições", "(um segundo sinal sai já)"]);
    assert!(!finished.stderr.contains("WARN"), "{}", finished.stderr);
    assert_drained(&server, &finished, 130);
    assert!(server.count() <= 16, "{} requests after the interrupt", server.count());
}

#[test]
fn c39_rows_left_open_by_a_signal_do_not_count_for_max_errors() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let server = Server::start();
        let latch = Latch::new();
        server.script({
            let latch = latch.clone();
            move |_, _| Reply::html(500).held_by(&latch)
        });
        let mut running =
            Run::new(&server).csv(&table::customers(100)).args(["--max-errors", "5%"]).spawn();
        server.wait_for_requests(8);
        running.signal_and_wait(signal);
        latch.release();
        let finished = running.wait();
        let rows = finished.exits(code).accounted_rows(100);
        assert_eq!(rows.iter().filter(|row| row.situacao == "falhou").count(), 8);
        assert!(finished.summary()["motivo"].to_string().contains(&format!("SIG{signal}")));
    }
}

#[test]
fn c39_sigterm_stops_like_an_interrupt_with_exit_143() {
    let (server, latch, mut running) = held();
    running.signal_and_wait("TERM");
    latch.release();
    assert_drained(&server, &running.wait(), 143);
}

#[test]
fn c43a_sighup_stops_like_an_interrupt_with_exit_129() {
    let (server, latch, mut running) = held();
    running.signal_and_wait("HUP");
    latch.release();
    assert_drained(&server, &running.wait(), 129);
}

#[test]
fn c39_a_second_signal_exits_at_once() {
    let server = Server::start();
    server.script(|_, _| Reply::hang());
    let mut running =
        Run::new(&server).csv(&table::customers(50)).allow_partial().without_summary().spawn();
    server.wait_for_requests(8);
    running.signal_and_wait("INT");
    let since = Instant::now();
    running.signal("INT");
    let finished = running.wait();
    finished.exits(130);
    // Waiting for the requests would take ten seconds.
    assert!(since.elapsed() < Duration::from_secs(9), "{:?}", since.elapsed());
    assert_eq!(server.count(), 8);
    // The results are incomplete: the process ended without waiting.
    assert!(!finished.exists("clientes.resultado.csv"));
    assert!(finished.exists("clientes.resultado.csv.parcial"));
}

#[test]
fn c39_requests_without_a_reply_are_waited_for_ten_seconds() {
    let server = Server::start();
    server.script(|_, _| Reply::hang());
    let mut running = Run::new(&server).csv(&table::customers(50)).spawn();
    server.wait_for_requests(8);
    running.signal_and_wait("INT");
    let since = Instant::now();
    let finished = running.wait();
    let rows = finished.exits(130).accounted_rows(50);
    assert!(since.elapsed() < Duration::from_secs(40), "{:?}", since.elapsed());
    // An attempt without an answer may have been executed: it is not `nao_enviado`.
    assert!(rows[..8].iter().all(|row| row.situacao == "falhou" && row.tentativas == 1));
    assert!(rows[8..].iter().all(|row| row.situacao == "nao_enviado"));
    assert_eq!(server.count(), 8);
}

#[test]
fn c39_an_unanswered_rename_is_uncertain() {
    let server = Server::start();
    server.script(|_, _| Reply::hang());
    let mut running = Run::new(&server)
        .csv("identificador,tipo_identificador,email\na@x.com,E,b@x.com\nb@x.com,E,b@x.com\n")
        .spawn();
    server.wait_for_requests(1);
    running.signal_and_wait("INT");
    let rows = running.wait().exits(130).accounted_rows(2);
    assert_eq!((&*rows[0].situacao, &*rows[1].situacao), ("incerto", "nao_enviado"));
}

#[test]
fn c39_an_interrupt_during_a_backoff_does_not_wait_for_it() {
    let server = Server::start();
    server.script(|_, _| Reply::too_many(Some("250")));
    let mut running = Run::new(&server).csv(&table::customers(5)).spawn();
    server.wait_for_requests(1);
    let since = Instant::now();
    running.signal("INT");
    let rows = running.wait().exits(130).accounted_rows(5);
    assert!(rows.iter().all(|row| row.situacao == "nao_enviado"));
    assert!(since.elapsed() < Duration::from_secs(60));
}
