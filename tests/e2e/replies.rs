//! What a reply means for its row: success, refusal, or ambiguous and repeated. Responses that are no
//! valid HTTP are in `hostile.rs`.

use std::time::Duration;

use crate::support::shortcuts::run_customers;
use crate::support::{Reply, Server};
use proptest::collection::vec;
use proptest::prelude::*;

#[test]
fn c26_a_200_without_a_readable_reply_is_not_success() {
    let nonsense = [
        Reply::html(200),
        Reply::json(200, ""),
        Reply::json(200, r#"{"erro":false,"mensagem":"o"#),
        Reply::response(
            200,
            "text/html",
            "<br />\n<b>Warning</b>: Undefined\u{1b}[31m index\u{0}\n{\"erro\":false,\"mensagem\":\"ok\"}",
        ),
        Reply::json(200, "null"),
        Reply::json(200, "\"ok\""),
        Reply::json(200, "[false, \"ok\"]"),
        Reply::half(),
        Reply::closed(),
        Reply::json(204, ""),
    ];
    // Three at a time, because ten ambiguous attempts in a row count as an outage.
    for group in nonsense.chunks(3) {
        let server = Server::start();
        for (index, reply) in group.iter().enumerate() {
            let name = format!("C{:05}", index + 2);
            server.replies(&name, std::iter::repeat_n(reply.clone(), 3));
        }
        let finished = run_customers(&server, 6, &[]);
        let rows = finished.exits(4).accounted_rows(6);
        for (index, row) in rows.iter().enumerate() {
            let bad = index < group.len();
            let expected = if bad { ("falhou", 3) } else { ("atualizado", 1) };
            assert_eq!((&*row.situacao, row.tentativas), expected, "{row:?}");
            assert!(!row.mensagem.chars().any(char::is_control), "{:?}", row.mensagem);
            assert!(row.mensagem.chars().count() < 500, "a snippet, not a page");
        }
        assert!(!finished.stderr.contains('\u{1b}'));
    }
}

#[test]
fn c27_the_spellings_of_erro() {
    let clear = [
        (r#"{"erro":false,"mensagem":"m"}"#, "atualizado"),
        (r#"{"erro":0,"mensagem":"m"}"#, "atualizado"),
        (r#"{"erro":"false","mensagem":"m"}"#, "atualizado"),
        (r#"{"erro":true,"mensagem":"m1"}"#, "recusado"),
        (r#"{"erro":1,"mensagem":"m2"}"#, "recusado"),
        (r#"{"erro":"true","mensagem":"m3"}"#, "recusado"),
        (r#"{"erro":true}"#, "recusado"),
        (r#"{"erro":true,"mensagem":["a"]}"#, "recusado"),
        (r#"{"erro":false,"mensagem":null}"#, "atualizado"),
    ];
    let server = Server::start();
    for (index, (body, _)) in clear.iter().enumerate() {
        server.reply(&format!("C{:05}", index + 2), Reply::json(200, body));
    }
    let finished = run_customers(&server, clear.len(), &[]);
    let rows = finished.exits(1).accounted_rows(clear.len());
    for (row, (body, expected)) in rows.iter().zip(clear) {
        assert_eq!((&*row.situacao, row.tentativas), (expected, 1), "{body}");
    }
    assert_eq!((&*rows[3].mensagem, &*rows[4].mensagem), ("m1", "m2"));
    assert_eq!(server.count(), clear.len());

    let unreadable = [
        r#"{"erro":null,"mensagem":"m"}"#,
        r#"{"mensagem":"m"}"#,
        r#"{"erro":"sim","mensagem":"m"}"#,
        r#"{"erro":2,"mensagem":"m"}"#,
        r#"{"erro":[],"mensagem":"m"}"#,
        r#"{"erro":"","mensagem":"m"}"#,
        r#"{"Erro":false,"mensagem":"m"}"#,
        r#"{"erro":-1}"#,
        r#"{"erro":{},"mensagem":"m"}"#,
    ];
    for group in unreadable.chunks(3) {
        let server = Server::start();
        for (index, body) in group.iter().enumerate() {
            let name = format!("C{:05}", index + 2);
            server.replies(&name, std::iter::repeat_n(Reply::json(200, body), 3));
        }
        let finished = run_customers(&server, 3, &[]);
        let rows = finished.exits(4).accounted_rows(3);
        for (row, body) in rows.iter().zip(group) {
            assert_eq!((&*row.situacao, row.tentativas), ("falhou", 3), "{body}");
        }
    }
}

#[test]
fn other_4xx_are_final() {
    let server = Server::start();
    server
        .reply("C00002", Reply::json(404, r#"{"erro":true,"mensagem":"Cliente não encontrado."}"#));
    server.reply("C00003", Reply::html(400));
    server.reply("C00004", Reply::json(422, "{}"));
    server.reply("C00005", Reply::json(404, r#"{"erro":false,"mensagem":"ok"}"#));
    let finished = run_customers(&server, 6, &[]);
    let rows = finished.exits(1).accounted_rows(6);
    for (row, status) in rows.iter().zip([404, 400, 422, 404]) {
        assert_eq!(
            (&*row.situacao, row.http_status, row.tentativas),
            ("recusado", Some(status), 1)
        );
    }
    assert_eq!(rows[0].mensagem, "Cliente não encontrado.");
    assert_eq!(server.count(), 6);
}

#[test]
fn c29_the_status_decides_before_the_body() {
    let server = Server::start();
    for (index, status) in [500, 503, 408].into_iter().enumerate() {
        let reply = Reply::json(status, r#"{"erro":false,"mensagem":"ok"}"#);
        server.replies(&format!("C{:05}", index + 2), std::iter::repeat_n(reply, 3));
    }
    let finished = run_customers(&server, 5, &[]);
    let rows = finished.exits(4).accounted_rows(5);
    for (row, status) in rows.iter().zip([500, 503, 408]) {
        assert_eq!((&*row.situacao, row.http_status, row.tentativas), ("falhou", Some(status), 3));
    }
    assert_eq!(server.count(), 11);
    assert_eq!(finished.summary()["repeticoes"], 6);
}

#[test]
fn c29_an_ambiguous_attempt_may_succeed_when_repeated() {
    let server = Server::start();
    server.replies("C00002", [Reply::html(502), Reply::reset()]);
    server.replies("C00003", [Reply::reset_before_body()]);
    server.replies("C00004", [Reply::closed(), Reply::refuse("Não.")]);
    server.replies(
        "C00005",
        [Reply::too_many(Some("0")), Reply::html(500), Reply::too_many(Some("0"))],
    );
    let finished = run_customers(&server, 8, &[]);
    let rows = finished.exits(1).accounted_rows(8);
    let ends: Vec<_> = rows.iter().map(|row| (&*row.situacao, row.tentativas)).collect();
    assert_eq!(
        ends[..4],
        [("atualizado", 3), ("atualizado", 2), ("recusado", 2), ("atualizado", 2)]
    );
}

#[test]
fn c30_slow_endless_and_compressed_bodies_have_a_limit() {
    let server = Server::start();
    server.replies("C00002", std::iter::repeat_n(Reply::drip(Duration::from_millis(200)), 3));
    server.replies("C00003", std::iter::repeat_n(Reply::endless(), 3));
    server.replies("C00004", std::iter::repeat_n(Reply::gzip_bomb(), 3));
    let finished = run_customers(&server, 6, &["--timeout", "2s"]);
    let rows = finished.exits(4).accounted_rows(6);
    for row in &rows[..3] {
        assert_eq!((&*row.situacao, row.tentativas), ("falhou", 3), "{row:?}");
    }
    assert!(rows[3..].iter().all(|row| row.situacao == "atualizado"));
    finished.peak_memory_below(64 * 1024);
    assert!(finished.took < Duration::from_secs(40), "{:?}", finished.took);
    // The kernel's buffers count as well. Three endless bodies of which 64 KiB are read stay far
    // below this limit; three that are read for two seconds exceed it.
    assert!(server.written() < 64 << 20, "{} bytes were taken", server.written());
}

#[test]
fn c30_a_long_but_finite_page_is_cut() {
    let server = Server::start();
    let mut body = String::from(r#"{"erro":true,"mensagem":""#);
    body.push_str(&"x".repeat(200 * 1024));
    body.push_str("\"}");
    server.replies("C00002", std::iter::repeat_n(Reply::json(200, &body), 3));
    let finished = run_customers(&server, 2, &[]);
    let rows = finished.exits(4).accounted_rows(2);
    assert_eq!((&*rows[0].situacao, rows[0].tentativas), ("falhou", 3));
    assert!(finished.read("clientes.resultado.csv").len() < 10_000);
}

/// What the server does with one attempt.
#[derive(Debug, Clone, Copy)]
enum Behaviour {
    Good,
    Refuse,
    NotFound,
    Html,
    Broken,
    Reset,
    Close,
    Half,
    Limit,
}

impl Behaviour {
    fn reply(self) -> Reply {
        match self {
            Self::Good => Reply::ok(),
            Self::Refuse => Reply::refuse("=não"),
            Self::NotFound => Reply::json(404, r#"{"erro":true,"mensagem":"Não há."}"#),
            Self::Html => Reply::html(200),
            Self::Broken => Reply::html(502),
            Self::Reset => Reply::reset(),
            Self::Close => Reply::closed(),
            Self::Half => Reply::half(),
            Self::Limit => Reply::too_many(Some("0")),
        }
    }

    /// The outcome of the row, if this attempt decides it.
    fn outcome(self) -> Option<&'static str> {
        match self {
            Self::Good => Some("atualizado"),
            Self::Refuse | Self::NotFound => Some("recusado"),
            _ => None,
        }
    }
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    prop_oneof![
        12 => Just(Behaviour::Good),
        3 => Just(Behaviour::Refuse),
        1 => Just(Behaviour::NotFound),
        1 => Just(Behaviour::Html),
        1 => Just(Behaviour::Broken),
        1 => Just(Behaviour::Reset),
        1 => Just(Behaviour::Close),
        1 => Just(Behaviour::Half),
        1 => Just(Behaviour::Limit),
    ]
}

/// The outcome of a row whose attempts meet these behaviours, and its number of attempts.
fn expected(behaviours: &[Behaviour]) -> (&'static str, u32) {
    let mut attempts = 0;
    for behaviour in behaviours.iter().copied().chain(std::iter::repeat(Behaviour::Good)) {
        if matches!(behaviour, Behaviour::Limit) {
            continue;
        }
        attempts += 1;
        if let Some(outcome) = behaviour.outcome() {
            return (outcome, attempts);
        }
        if attempts == 3 {
            return ("falhou", 3);
        }
    }
    panic!("the iterator has no end")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the server does, each row has one line in input order with the outcome that
    /// [`expected`] derives from the server's behaviour.
    #[test]
    fn results_are_complete_and_right_whatever_the_server_does(
        script in vec(vec(behaviour(), 0..4), 20..60),
    ) {
        let server = Server::start();
        for (index, behaviours) in script.iter().enumerate() {
            server.replies(&format!("C{:05}", index + 2), behaviours.iter().map(|behaviour| behaviour.reply()));
        }
        let finished = run_customers(&server, script.len(), &["--no-breaker", "--give-up-after", "60s"]);
        let rows = finished.accounted_rows(script.len());
        for (row, behaviours) in rows.iter().zip(&script) {
            let (situacao, attempts) = expected(behaviours);
            prop_assert_eq!((&*row.situacao, row.tentativas), (situacao, attempts), "{:?}", behaviours);
        }
        let code = finished.code;
        let has = |situacao: &str| rows.iter().any(|row| row.situacao == situacao);
        let expected = if has("falhou") { 4 } else if has("recusado") { 1 } else { 0 };
        prop_assert_eq!(code, Some(expected));
        prop_assert_eq!(finished.summary()["requisicoes"].as_u64(), Some(server.count() as u64));
    }
}
