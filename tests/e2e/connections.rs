//! Connections over time: reuse, closing, silence, and what arrives unasked or late. The bytes of a
//! request are in `wire.rs`, broken responses in `hostile.rs`.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc;
use std::time::Duration;

use crate::support::{CANARY, Reply, Run, Server, table};

#[test]
fn c19_connections_that_close_right_after_an_answer_lose_nothing() {
    let server = Server::start();
    server.script(|_, _| Reply::ok().then_close());
    let finished = Run::new(&server).csv(&table::customers(60)).args(["--concurrency", "2"]).go();
    let rows = finished.exits(0).accounted_rows(60);
    assert!(rows.iter().all(|row| row.situacao == "atualizado"));
    let arrived: Vec<_> = server.sent().into_iter().map(|sent| sent.0).collect();
    for row in &rows {
        assert!(arrived.contains(&row.identificador));
    }
}

#[test]
fn c19_a_connection_that_fails_on_reuse_loses_no_row() {
    let server = Server::start();
    // The second request on any connection gets a reset, as on a kept connection that was closed.
    let seen = std::sync::Mutex::new(std::collections::HashSet::new());
    server.script(move |request, times| {
        let fresh = seen.lock().unwrap().insert(request.connection);
        if fresh || times > 1 { Reply::ok() } else { Reply::reset() }
    });
    let finished = Run::new(&server).csv(&table::customers(12)).args(["--concurrency", "2"]).go();
    let rows = finished.exits(0).accounted_rows(12);
    assert!(rows.iter().all(|row| row.situacao == "atualizado"));
    assert!(rows.iter().any(|row| row.tentativas == 2));
}

#[test]
fn c19_a_connection_that_was_idle_for_long_is_not_used_again() {
    for (rate, connections) in [("unlimited", 1), ("0.2", 2)] {
        let server = Server::start();
        let run = Run::new(&server).csv(&table::customers(2)).rate(rate);
        // A reading is a request too.
        let finished = run.args(["--concurrency", "1", "--verify", "0"]).go();
        let rows = finished.exits(0).accounted_rows(2);
        assert!(rows.iter().all(|row| row.tentativas == 1));
        assert_eq!(server.connections(), connections, "at {rate} a second");
    }
}

#[test]
fn c20_silence_ends_with_the_timeout() {
    let server = Server::start();
    server.script(|request, _| match request.identificador() {
        "C00002" => Reply::hang(),
        _ => Reply::ok(),
    });
    let finished = Run::new(&server).csv(&table::customers(3)).args(["--timeout", "1s"]).go();
    let rows = finished.exits(4).accounted_rows(3);
    assert_eq!((&*rows[0].situacao, rows[0].tentativas), ("falhou", 3));
    assert!(rows[0].mensagem.contains("sem resposta em 1 s"), "{}", rows[0].mensagem);
    assert_eq!(rows[0].http_status, None);
    assert_eq!((&*rows[1].situacao, &*rows[2].situacao), ("atualizado", "atualizado"));
    assert_eq!(server.requests_for("C00002").len(), 3);
    assert!(finished.took > Duration::from_secs(3) && finished.took < Duration::from_secs(30));
}

#[test]
fn the_words_for_an_attempt_without_a_whole_reply() {
    let server = Server::start();
    let cases = [
        (Reply::closed(), "sem resposta completa: o servidor fechou a conexão sem responder"),
        (
            Reply::bytes("HTTP/1.1 20"),
            "sem resposta completa: o servidor fechou a conexão sem responder",
        ),
        (Reply::bytes("SSH-2.0-x\r\n\r\n"), "sem resposta completa: a resposta não é HTTP válido"),
        (Reply::half(), "HTTP 200, mas a resposta veio incompleta"),
    ];
    for (index, (reply, _)) in cases.iter().enumerate() {
        server.replies(&format!("C{:05}", index + 2), std::iter::repeat_n(reply.clone(), 3));
    }
    let finished = Run::new(&server).csv(&table::customers(9)).go();
    let rows = finished.exits(4).accounted_rows(9);
    for (row, (_, words)) in rows.iter().zip(cases) {
        assert!(row.situacao == "falhou" && row.mensagem.contains(words), "{row:?}");
    }
}

/// A server that answers a long form before it has read it all may close at any time.
#[test]
fn a_form_over_16_kib_asks_to_close_the_connection() {
    for (length, closes) in [(10, false), (16 * 1024, true)] {
        let server = Server::start();
        let cell = "x".repeat(length);
        let csv = format!("identificador,tipo_identificador,campo:a\n1,I,{cell}\n");
        Run::new(&server).csv(&csv).go().exits(0);
        let asked = server.requests()[0].header("connection") == Some("close");
        assert_eq!(asked, closes, "{length}");
    }
}

/// Ctrl-Z, or `docker pause`, for longer than the timeout.
#[cfg(unix)]
#[test]
fn f68_replies_that_arrived_while_the_process_was_stopped_are_read() {
    let server = Server::start();
    server.script(|_, _| Reply::ok().then_close());
    let latch = server.hold_replies();
    let mut running = Run::new(&server)
        .csv(&table::customers(5))
        .args(["--timeout", "1s", "--concurrency", "5"])
        .spawn();
    server.wait_for_requests(5);
    running.signal("STOP");
    latch.release();
    server.wait_until_disconnected();
    // Longer than the timeout: that is what is tested.
    std::thread::sleep(Duration::from_millis(1500));
    running.signal("CONT");
    let rows = running.wait().exits(0).accounted_rows(5);
    assert!(rows.iter().all(|row| row.tentativas == 1), "{rows:?}");
    assert_eq!(server.count(), 5);
}

/// The copy of a reply arrives while the connection is idle. It must not be taken for the reply to
/// the next request, which is refused.
#[test]
fn f69_unasked_bytes_on_an_idle_connection_end_it() {
    let server = Server::start();
    server.script(|request, _| match request.identificador() {
        "C00002" => Reply::ok().repeated_after(Duration::from_millis(200)),
        _ => Reply::refuse("não"),
    });
    let finished = Run::new(&server).csv(&table::customers(2)).rate("0.5").go();
    let rows = finished.exits(1).accounted_rows(2);
    let ends: Vec<_> = rows.iter().map(|row| (&*row.situacao, row.tentativas)).collect();
    assert_eq!(ends, [("atualizado", 1), ("recusado", 1)]);
    assert_eq!(server.connections(), 2);
}

/// Answers each request at its head. The body is read where it is short; else the connection stays
/// open without another byte read from it. Returns the address and the heads.
fn answers_before_it_reads() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (heads, received) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, heads) = (stream.unwrap(), heads.clone());
            std::thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while stream.read(&mut byte).unwrap_or(0) == 1 {
                    head.push(byte[0]);
                    if !head.ends_with(b"\r\n\r\n") {
                        continue;
                    }
                    let text = String::from_utf8(std::mem::take(&mut head)).unwrap();
                    let length = text.to_lowercase();
                    let length = length.split("content-length: ").nth(1).unwrap();
                    let length: u64 = length.lines().next().unwrap().parse().unwrap();
                    heads.send(text).unwrap();
                    let body = "{\"erro\":false}";
                    let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{body}");
                    stream.write_all(reply.as_bytes()).unwrap();
                    if length > 8 * 1024 {
                        std::thread::park();
                    }
                    io::copy(&mut (&stream).take(length), &mut io::sink()).unwrap();
                }
            });
        }
    });
    (format!("http://{address}"), received)
}

/// The next row would wait on such a connection for a reply to what nobody reads.
#[test]
fn f70_a_long_request_that_is_answered_before_it_is_read_delays_no_other_row() {
    for columns in [1, 16] {
        let (url, heads) = answers_before_it_reads();
        let ids: String = (0..columns).map(|n| format!(",campo:a{n}")).collect();
        let long = format!(",{}", "x".repeat(60 * 1024)).repeat(columns);
        let short = ",y".repeat(columns);
        let csv = format!(
            "identificador,tipo_identificador{ids}\n1,I{long}\n2,I{short}\n3,I{long}\n4,I{short}\n"
        );
        let finished = Run::bare(&["run"])
            .csv(&csv)
            .env("TOMTICKET_TOKEN", CANARY)
            .args(["--base-url", &url, "--rate", "unlimited", "--concurrency", "1"])
            .args(["--timeout", "5s"])
            .go();
        let rows = finished.exits(0).accounted_rows(4);
        assert!(rows.iter().all(|row| row.tentativas == 1), "{columns}: {rows:?}");
        assert_eq!(heads.try_iter().count(), 4);
        assert!(finished.took < Duration::from_secs(5), "{:?}", finished.took);
    }
}
