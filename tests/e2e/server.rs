//! The account's limit and the server's pauses (429, `Retry-After`). Replies of other kinds are in
//! `replies.rs`, outages and stops in `stops.rs`.

use std::time::{Duration, Instant, SystemTime};

use crate::support::shortcuts::{row_of, run_customers};
use crate::support::{Reply, Run, Server, table};
use proptest::collection::vec;
use proptest::prelude::*;

#[test]
fn c23_a_429_pauses_all_requests() {
    let server = Server::start();
    server.reply("C00006", Reply::too_many(Some("2")));
    let finished = run_customers(&server, 40, &["--concurrency", "4"]);
    let rows = finished.exits(0).accounted_rows(40);
    assert_eq!(row_of(&rows, "C00006").tentativas, 1, "a 429 is no attempt");
    let summary = finished.summary();
    assert_eq!(summary["limitadas_429"], 1);
    assert_eq!(summary["requisicoes"], 41);
    let requests = server.requests();
    let limited = requests.iter().find(|r| r.identificador() == "C00006").unwrap();
    let at = limited.answered.unwrap();
    // Only requests that were in flight beside this one may still arrive.
    let during =
        requests.iter().filter(|r| r.arrived > at && r.arrived < at + Duration::from_secs(2));
    let during = during.count();
    assert!(during < 4, "{during} requests in the pause");
    assert!(requests.iter().any(|r| r.arrived >= at + Duration::from_secs(2)));
    assert_eq!(requests.len(), 41);
}

/// Three 429 with this `Retry-After`, then success: asserts that no row is lost, that a 429 is not an
/// attempt, and that the pause lasts at least `asked`: after each 429 if the header gives the time
/// (`obeyed`), else after the first.
fn storm(form: Option<String>, asked: Duration, obeyed: bool) {
    const STORM: usize = 3;
    let server = Server::start();
    let retry_after = form.clone();
    server.script(move |request, _| match request.n {
        ..STORM => Reply::too_many(retry_after.as_deref()),
        _ => Reply::ok(),
    });
    let finished = run_customers(&server, 12, &["--concurrency", "4"]);
    let rows = finished.exits(0).accounted_rows(12);
    assert!(rows.iter().all(|row| row.situacao == "atualizado" && row.tentativas == 1), "{form:?}");
    let limited = finished.summary()["limitadas_429"].as_u64();
    assert_eq!(limited, Some(STORM as u64), "{form:?}");
    let requests = server.requests();
    assert_eq!(requests.len(), 12 + STORM, "{form:?}: a request was lost or made up");
    // Requests in flight may still arrive after the 429; the next one waits.
    let in_flight = 4;
    let mut storm: Vec<_> = requests[..STORM].iter().collect();
    storm.sort_by_key(|request| request.answered);
    storm.truncate(if obeyed { STORM } else { 1 });
    for limited in storm {
        let answered = limited.answered.unwrap();
        let after: Vec<_> = requests.iter().filter(|r| r.arrived > answered + asked / 2).collect();
        let between = requests.iter().filter(|r| r.arrived > answered).count() - after.len();
        assert!(between < in_flight, "{form:?}: {between} requests in the pause");
        let next = after.iter().map(|r| r.arrived - answered).min().unwrap();
        assert!(next >= asked, "{form:?}: the next request came after {next:?}");
    }
}

#[test]
fn c24_every_form_of_retry_after_is_read() {
    let second = Duration::from_secs(1);
    let dated = |ahead: u64| {
        // A date has whole seconds, and the run takes time to start.
        Some(httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(ahead)))
    };
    let text = |text: &str| Some(text.to_owned());
    // An unreadable value means a pause of one second at first.
    let garbage = ["", "amanhã", "-5", "1.5", "1, 2", "0x10", "Wed, 99 Foo 9999 99:99:99 GMT"];
    let mut cases = vec![
        // Dates first, because they are absolute.
        (dated(4), 2 * second, true),
        (text("1"), second, true),
        (text("2"), 2 * second, true),
        (text("0"), Duration::ZERO, false),
        (text("Wed, 21 Oct 2015 07:28:00 GMT"), Duration::ZERO, false),
        (None, second, false),
    ];
    cases.extend(garbage.map(|form| (text(form), second, false)));
    std::thread::scope(|scope| {
        for (form, asked, obeyed) in cases {
            scope.spawn(move || storm(form, asked, obeyed));
        }
    });
}

#[test]
fn c24_a_pause_of_a_day_is_capped_and_can_be_interrupted() {
    for form in ["86400", "99999999999999999999999999", "Fri, 31 Dec 2199 23:59:59 GMT"] {
        let server = Server::start();
        server.script(move |_, _| Reply::too_many(Some(form)));
        let mut running =
            Run::new(&server).csv(&table::customers(3)).args(["--concurrency", "1"]).spawn();
        running
            .wait_for_stderr(|text| text.contains("limite de requisições atingido (429): pausa"));
        assert_eq!(server.count(), 1, "{form}");
        let since = Instant::now();
        running.signal("INT");
        let rows = running.wait().exits(130).accounted_rows(3);
        // No request is in flight, so the stop is immediate.
        assert!(since.elapsed() < Duration::from_secs(8), "{form}: {:?}", since.elapsed());
        assert!(rows.iter().all(|row| row.situacao == "nao_enviado" && row.tentativas == 0));
        assert_eq!(server.count(), 1, "{form}: the pause was not kept");
    }
}

#[test]
fn c24_a_429_without_a_pause_pauses_anyway() {
    for form in ["0", "Wed, 21 Oct 2015 07:28:00 GMT"] {
        let server = Server::start();
        server.script(move |_, _| Reply::too_many(Some(form)));
        let finished = run_customers(&server, 40, &["--give-up-after", "1s"]);
        finished.exits(4).accounted_rows(40);
        // Pauses of one, two and four seconds, with a burst of eight requests after each.
        assert!(server.count() <= 4 * 8, "{} requests for {form:?}", server.count());
        assert!(finished.took >= Duration::from_secs(3), "{:?}", finished.took);
    }
}

#[test]
fn c24_give_up_after_applies_during_a_pause() {
    let server = Server::start();
    server.script(|_, _| Reply::too_many(Some("86400")));
    let finished = run_customers(&server, 4, &["--give-up-after", "1s"]);
    let rows = finished.exits(4).accounted_rows(4);
    assert!(rows.iter().all(|row| row.situacao == "nao_enviado" && row.tentativas == 0));
    assert!(finished.took < Duration::from_secs(100), "{:?}", finished.took);
    finished.says(&["há 3 s o TomTicket só responde"]);
}

#[test]
fn c24_429_between_failures_does_not_hide_an_outage() {
    let server = Server::start();
    let total = std::sync::atomic::AtomicUsize::new(0);
    server.script(move |_, _| match total.fetch_add(1, std::sync::atomic::Ordering::SeqCst) % 4 {
        3 => Reply::too_many(Some("1")),
        _ => Reply::html(502),
    });
    let finished = run_customers(&server, 200, &["--give-up-after", "2s", "--concurrency", "1"]);
    let rows = finished.exits(4).accounted_rows(200);
    finished.says(&["fora do ar ou inacessível há 2 s"]);
    assert!(rows.iter().filter(|row| row.situacao == "nao_enviado").count() > 150);
}

#[test]
fn c24_nothing_but_429_ends_the_run() {
    let server = Server::start();
    server.script(|_, _| Reply::too_many(None));
    let finished = run_customers(&server, 4, &["--give-up-after", "1s"]);
    let rows = finished.exits(4).accounted_rows(4);
    assert!(rows.iter().all(|row| row.situacao == "nao_enviado" && row.tentativas == 0));
    assert!(
        finished.took >= Duration::from_secs(3),
        "three times the patience: {:?}",
        finished.took
    );
    assert!(finished.summary()["limitadas_429"].as_u64().unwrap() >= 1);
    assert!(finished.summary()["motivo"].is_string());
}

#[test]
fn c25_the_limit_is_used_and_kept() {
    let server = Server::start();
    // A strict limit: three requests in any sliding second, the others get 429.
    let accepted = std::sync::Mutex::new(Vec::new());
    server.script(move |request, _| {
        let mut accepted = accepted.lock().unwrap();
        accepted.retain(|&at| request.arrived.duration_since(at) < Duration::from_secs(1));
        if accepted.len() < 3 {
            accepted.push(request.arrived);
            Reply::ok()
        } else {
            Reply::too_many(None)
        }
    });
    let finished = Run::new(&server).csv(&table::customers(24)).default_rate().go();
    finished.exits(0).accounted_rows(24);
    // On a busy machine two requests may arrive together once.
    let limited = finished.summary()["limitadas_429"].as_u64().unwrap();
    assert!(limited <= 1, "{limited} rejected of 24");
    let requests = server.requests();
    let span = requests[requests.len() - 1].arrived - requests[0].arrived;
    assert!(span > Duration::from_millis(6800), "faster than the limit: {span:?}");
    assert!(span < Duration::from_secs(20), "much slower than the limit: {span:?}");
}

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
