//! Rows of one customer are sent one at a time and in file order, also with renames and unanswered
//! requests, while rows of other customers continue.

use std::time::Duration;

use crate::support::{Reply, Run, Server};

#[test]
fn c08_one_customer_is_served_in_file_order_while_others_go_on() {
    // One customer on eight rows, renamed twice, among 32 others.
    let mut text = String::from("identificador,tipo_identificador,nome,email\n");
    let mut expected = Vec::new();
    let mut name = "a@x.com";
    for step in 0..8 {
        let email = match step {
            3 => "b@x.com",
            5 => "c@x.com",
            _ => "",
        };
        text.push_str(&format!("{name},E,Passo {step},{email}\n"));
        expected.push((name.to_owned(), format!("Passo {step}")));
        if !email.is_empty() {
            name = email;
        }
        for other in 0..4 {
            text.push_str(&format!("o{step}{other}@x.com,E,Outro,\n"));
        }
    }
    let server = Server::start();
    server.script(|request, _| {
        let spread =
            request.body.iter().map(|&byte| u64::from(byte)).sum::<u64>() * 7 + request.n as u64;
        Reply::ok().after(Duration::from_millis(5 + spread % 40))
    });
    let finished = Run::new(&server).csv(&text).args(["--concurrency", "32"]).go();
    finished.exits(0).accounted_rows(40);
    let mut chain = server.requests();
    chain.retain(|request| request.field("nome").is_some_and(|nome| nome.starts_with("Passo")));
    let order: Vec<_> = chain
        .iter()
        .map(|request| (request.identificador().to_owned(), request.field("nome").unwrap()))
        .collect();
    assert_eq!(order, expected);
    for pair in chain.windows(2) {
        assert!(pair[1].arrived >= pair[0].answered.unwrap(), "two rows of one customer at once");
    }
    assert!(server.max_in_flight() > 4, "the others did not go on: {}", server.max_in_flight());
}

/// The rows of `text`, named 1 to 3, are sent in that order, never two at once, although the first
/// is answered late.
#[track_caller]
fn assert_sent_one_by_one(text: &str) {
    let server = Server::start();
    server.script(|request, _| {
        Reply::ok().after(Duration::from_millis(if request.n == 0 { 80 } else { 5 }))
    });
    Run::new(&server).csv(text).go().exits(0).accounted_rows(3);
    let order: Vec<_> = server.requests().iter().map(|r| r.field("nome").unwrap()).collect();
    assert_eq!(order, ["1", "2", "3"]);
    assert_eq!(server.max_in_flight(), 1);
}

#[test]
fn c08_names_that_differ_in_letter_case_are_one_customer() {
    let text =
        "identificador,tipo_identificador,nome\nAna@x.com,E,1\nana@X.com,E,2\nANA@x.com,E,3\n";
    assert_sent_one_by_one(text);
}

#[test]
fn c08_a_row_holds_the_internal_identifier_it_gives() {
    let text = "identificador,tipo_identificador,nome,id_interno\n\
                ana@x.com,E,1,K9\nK9,I,2,\noutro@x.com,E,3,k9\n";
    assert_sent_one_by_one(text);
}

const RENAME: &str = "identificador,tipo_identificador,nome,email\n\
                      a@x.com,E,Ana,b@x.com\nc@x.com,E,Eva,\nd@x.com,E,Rui,D@X.com\n";

#[test]
fn c32_a_rename_without_an_answer_is_not_repeated() {
    for reply in
        [Reply::hang(), Reply::reset(), Reply::html(502), Reply::half(), Reply::json(200, "")]
    {
        let server = Server::start();
        server.reply("a@x.com", reply);
        let finished = Run::new(&server).csv(RENAME).args(["--timeout", "1s"]).go();
        let rows = finished.exits(6).accounted_rows(3);
        assert_eq!((&*rows[0].situacao, rows[0].tentativas), ("incerto", 1));
        assert_eq!((&*rows[1].situacao, &*rows[2].situacao), ("atualizado", "atualizado"));
        assert!(rows.iter().all(|row| row.identificador_atual.is_empty()), "{rows:?}");
        assert_eq!(server.requests_for("a@x.com").len(), 1);
    }
}

#[test]
fn c32_a_rename_that_was_not_executed_is_repeated() {
    let server = Server::start();
    server.replies("a@x.com", [Reply::too_many(Some("0")), Reply::too_many(Some("1"))]);
    let finished = Run::new(&server).csv(RENAME).go();
    let rows = finished.exits(0).accounted_rows(3);
    let current: Vec<&str> = rows.iter().map(|row| &*row.identificador_atual).collect();
    assert_eq!(current, ["b@x.com", "", ""]);
    assert_eq!(server.requests_for("a@x.com").len(), 3);
}

#[test]
fn c32_a_change_of_letter_case_is_no_rename() {
    let server = Server::start();
    server.replies("d@x.com", [Reply::html(502)]);
    let finished = Run::new(&server).csv(RENAME).go();
    let rows = finished.exits(0).accounted_rows(3);
    assert_eq!((&*rows[2].situacao, rows[2].tentativas), ("atualizado", 2));
}

#[test]
fn c33_later_rows_of_a_customer_wait_until_an_ambiguous_one_is_settled() {
    let mut input = String::from("identificador,tipo_identificador,nome\nA,I,v1\nA,I,v2\n");
    for other in 0..20 {
        input.push_str(&format!("O{other:02},I,Outro\n"));
    }
    input.push_str("a,I,v3\n");
    let server = Server::start();
    server.replies("A", [Reply::html(500), Reply::reset()]);
    let finished = Run::new(&server).csv(&input).go();
    let rows = finished.exits(0).accounted_rows(23);
    assert_eq!(rows[0].tentativas, 3);
    let requests = server.requests();
    let mut chain: Vec<_> = requests
        .iter()
        .filter(|request| request.identificador().eq_ignore_ascii_case("a"))
        .collect();
    chain.sort_by_key(|request| request.arrived);
    let order: Vec<_> = chain.iter().map(|request| request.field("nome").unwrap()).collect();
    assert_eq!(order, ["v1", "v1", "v1", "v2", "v3"]);
    // The others did not wait for the backoff of the first.
    let settled = chain[2].arrived;
    let before = requests.iter().filter(|r| r.arrived < settled).count();
    assert!(before >= 20, "{before} requests before the ambiguous row was settled");
}

#[test]
fn c33_rows_after_a_failed_one_go_on_in_order() {
    let input = "identificador,tipo_identificador,nome\nA,I,v1\nA,I,v2\nB,I,x\n";
    let server = Server::start();
    server.replies("A", std::iter::repeat_n(Reply::html(500), 3));
    let finished = Run::new(&server).csv(input).go();
    let rows = finished.exits(4).accounted_rows(3);
    assert_eq!((&*rows[0].situacao, &*rows[1].situacao), ("falhou", "atualizado"));
    let order: Vec<_> =
        server.requests_for("A").iter().map(|request| request.field("nome").unwrap()).collect();
    assert_eq!(order, ["v1", "v1", "v1", "v2"]);
}

#[test]
fn order_holds_and_customers_run_in_parallel_under_random_latency() {
    let mut input = String::from("identificador,tipo_identificador,nome\n");
    let mut seed = fastrand::Rng::with_seed(7);
    let mut expected: Vec<Vec<String>> = vec![Vec::new(); 40];
    for row in 0..600 {
        let who = seed.usize(..40);
        input.push_str(&format!("P{who:02},I,v{row}\n"));
        expected[who].push(format!("v{row}"));
    }
    let server = Server::start();
    server.script(|request, _| {
        let delay = fastrand::Rng::with_seed(request.n as u64).u64(0..60);
        Reply::ok().after(Duration::from_millis(delay))
    });
    let finished = Run::new(&server).csv(&input).args(["--concurrency", "32"]).go();
    finished.exits(0).accounted_rows(600);
    for (who, expected) in expected.iter().enumerate() {
        let requests = server.requests_for(&format!("P{who:02}"));
        let order: Vec<_> = requests.iter().map(|r| r.field("nome").unwrap()).collect();
        assert_eq!(&order, expected);
        for pair in requests.windows(2) {
            assert!(pair[1].arrived >= pair[0].answered.unwrap(), "P{who:02} twice at once");
        }
    }
    assert!(server.max_in_flight() >= 16, "{}", server.max_in_flight());
}

#[test]
fn c33_order_holds_through_renames_and_unanswered_requests_under_random_latency() {
    let mut chance = fastrand::Rng::with_seed(23);
    let mut input = String::from("identificador,tipo_identificador,nome,email\n");
    let mut names: Vec<String> = (0..30).map(|who| format!("c{who:02}.0@x.com")).collect();
    let mut expected: Vec<Vec<(String, String)>> = vec![Vec::new(); 30];
    for row in 0..500 {
        let who = chance.usize(..30);
        let (name, nome) = (names[who].clone(), format!("v{row}"));
        let rename = chance.usize(..6) == 0;
        let email = if rename { format!("c{who:02}.{row}@x.com") } else { String::new() };
        input.push_str(&format!("{name},E,{nome},{email}\n"));
        expected[who].push((name, nome));
        if rename {
            names[who] = email;
        }
    }
    let server = Server::start();
    server.script(|request, _| {
        let mut chance = fastrand::Rng::with_seed(request.n as u64);
        let delay = Duration::from_millis(chance.u64(0..60));
        // Renames always get an answer here: an unanswered one would be `incerto` and end its chain.
        let plain = request.field("email").is_none();
        match chance.u8(..20) {
            0 if plain => Reply::html(502).after(delay),
            1 if plain => Reply::reset().after(delay),
            _ => Reply::ok().after(delay),
        }
    });
    let finished = Run::new(&server).csv(&input).args(["--concurrency", "32"]).go();
    let rows = finished.accounted_rows(500);
    assert!(rows.iter().any(|row| row.tentativas > 1), "nothing went unanswered");
    assert!(rows.iter().all(|row| matches!(&*row.situacao, "atualizado" | "falhou")));
    for (who, expected) in expected.iter().enumerate() {
        let mut chain = server.requests();
        chain.retain(|request| request.identificador().starts_with(&format!("c{who:02}.")));
        for pair in chain.windows(2) {
            let before = pair[0].answered.unwrap_or(pair[0].arrived);
            assert!(pair[1].arrived >= before, "c{who:02} twice at once");
        }
        let mut order: Vec<_> = chain
            .iter()
            .map(|request| (request.identificador().to_owned(), request.field("nome").unwrap()))
            .collect();
        // Repeats of one row follow each other without another row of the customer in between.
        order.dedup();
        assert_eq!(&order, expected);
    }
    assert!(server.max_in_flight() >= 16, "{}", server.max_in_flight());
}

/// The first customer's request hangs and the customer has a second row. The next 64 rows are read
/// meanwhile, whatever their size.
#[test]
fn a_slow_customer_delays_none_of_the_next_64_rows() {
    for letters in [1, 60_000] {
        let server = Server::start();
        let latch = crate::support::Latch::new();
        server.reply("LENTO", Reply::ok().held_by(&latch));
        let values = ["x".repeat(letters), "y".repeat(letters), "z".repeat(letters)].join(",");
        let mut csv = String::from("identificador,tipo_identificador,campo:a,campo:b,campo:c\n");
        csv.push_str(&format!("LENTO,I,{values}\nLENTO,I,,,outro\n"));
        for row in 0..63 {
            csv.push_str(&format!("C{row:02},I,{values}\n"));
        }
        let running = Run::new(&server).csv(&csv).args(["--concurrency", "2"]).spawn();
        server.wait_for_requests(64);
        assert_eq!(server.requests_for("LENTO").len(), 1);
        latch.release();
        running.wait().exits(0).accounted_rows(65);
        assert_eq!(server.requests_for("LENTO").len(), 2);
    }
}
