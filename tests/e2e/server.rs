//! The account's limit and the server's pauses (429, `Retry-After`). Replies of other kinds are in
//! `replies.rs`, outages and stops in `stops.rs`.

use std::time::{Duration, Instant, SystemTime};

use crate::support::shortcuts::{row_of, run_customers};
use crate::support::{Reply, Run, Server, table};

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
