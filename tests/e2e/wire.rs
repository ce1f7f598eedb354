//! Requests on the wire, byte by byte: path, form, headers, connections, allowed hosts. TLS is in
//! `tls.rs`, proxies in `proxy.rs`.

use std::time::Duration;

use crate::support::reply::Framing;
use crate::support::{CANARY, Reply, ReservedPort, Run, Server, table, text};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

#[test]
fn a_request_matches_the_documentation() {
    let server = Server::start();
    let text = "identificador,tipo_identificador,nome,criarchamados,campo:abc01\n\
                12.345.678/0001-90,I,Ação & Cia,sim,a=b\n";
    Run::new(&server).csv(text).go().exits(0);
    let request = &server.requests()[0];
    assert_eq!(request.target, format!("/update_cliente/{CANARY}/12.345.678%2F0001-90/I"));
    assert_eq!(request.header("host"), Some(&*format!("127.0.0.1:{}", server.port())));
    let parts = request.parts().unwrap();
    let seen: Vec<_> =
        parts.iter().map(|part| (&*part.name, &*part.value, part.other_headers.len())).collect();
    let expected: [(&[u8], &[u8], usize); 3] = [
        (b"nome", "Ação & Cia".as_bytes(), 0),
        (b"criarchamados", b"true", 0),
        (b"campos[abc01]", b"a=b", 0),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn c15_names_of_custom_fields_are_raw() {
    let ids = ["a b", "ação", "a/b", "100%", "d'água", "a;b", "a=b&c", "日本", "a%5Db", "x.y-z_"];
    let mut header = vec!["identificador".to_owned(), "tipo_identificador".to_owned()];
    header.extend(ids.iter().map(|id| format!("campo:{id}")));
    let mut row = vec!["1".to_owned(), "I".to_owned()];
    row.extend(ids.iter().map(|id| format!("valor de {id}")));
    let server = Server::start();
    Run::new(&server).csv(&(table::line(header, ',') + &table::line(row, ','))).go().exits(0);
    let request = &server.requests()[0];
    for id in ids {
        let line = format!("Content-Disposition: form-data; name=\"campos[{id}]\"\r\n\r\n");
        assert!(text::find(&request.body, line.as_bytes(), 0).is_some(), "{id}");
        assert_eq!(request.field(&format!("campos[{id}]")), Some(format!("valor de {id}")));
    }
    assert_eq!(request.form().len(), ids.len());
}

#[test]
fn c16_a_name_cannot_inject_headers_or_parts() {
    for id in ["a\r\nX: y", "a\"; x=\"", "a\"\r\n\r\nv\r\n--", "a\nb", "a\rb"] {
        let header = ["identificador", "tipo_identificador", &format!("campo:{id}")];
        let server = Server::start();
        let text = table::line(header, ',') + "1,I,v\n";
        Run::new(&server).csv(&text).go().refused_before_sending(&server, &["campo:"]);
    }
}

#[test]
fn c16_a_value_cannot_end_its_part() {
    // Values that look like a boundary are sent unchanged.
    let values = [
        "--",
        "\r\n--\r\n",
        "\r\n--x--\r\n",
        "\r\n\r\nname=\"y\"",
        "--lim\r\nContent-Disposition: form-data",
    ];
    let server = Server::start();
    let mut input = String::from("identificador,tipo_identificador,campo:x\n");
    for (index, value) in values.iter().enumerate() {
        input.push_str(&table::line([&index.to_string(), "I", value], ','));
    }
    Run::new(&server).csv(&input).arg("--no-trim").go().exits(0);
    let sent = server.sent();
    assert_eq!(sent.len(), values.len());
    for (sent, value) in sent.iter().zip(values) {
        assert_eq!(sent.2, [("campos[x]".to_owned(), value.to_owned())]);
    }
}

#[test]
fn c17_slash_in_identifier_is_one_segment() {
    let ids = [
        "12.345.678/0001-90",
        "a/../b",
        "/1",
        "//1",
        "a?b=c",
        "a#b",
        "a%2Fb",
        "a b",
        "a+b",
        "ção",
        "a\\b",
        "a;b",
        "*1",
    ];
    let server = Server::start();
    let mut input = String::from("identificador,tipo_identificador,nome\n");
    for id in ids {
        input.push_str(&table::line([id, "I", "Ana"], ','));
    }
    Run::new(&server).csv(&input).go().exits(0);
    let mut expected: Vec<_> = ids.iter().map(|&id| id.to_owned()).collect();
    expected.sort();
    let arrived: Vec<_> = server.sent().into_iter().map(|sent| sent.0).collect();
    assert_eq!(arrived, expected);
    for request in server.requests() {
        let raw = request.target.split('/').nth(3).unwrap();
        assert_eq!(raw, text::percent_encode(request.identificador()));
    }
}

#[test]
fn c18_identifiers_that_would_address_another_customer_are_never_sent() {
    let ids = [".", "..", "a\tb", "a\nb", "a\u{7f}b", "\u{a0}", "", "a\u{85}b"];
    let server = Server::start();
    let mut input = String::from("identificador,tipo_identificador,nome\n");
    for id in ids {
        input.push_str(&table::line([id, "I", "Ana"], ','));
    }
    input.push_str("...1,I,Bia\n");
    let finished = Run::new(&server).csv(&input).go();
    // The fourth identifier holds a line break, so the rows after it start one line later.
    let rows = finished.exits(1).accounted([2, 3, 4, 5, 7, 8, 9, 10, 11]);
    for row in &rows[..8] {
        assert_eq!(row.situacao, "invalido", "{row:?}");
        assert!(row.mensagem.contains("identificador"), "{row:?}");
    }
    let arrived: Vec<_> = server.sent().into_iter().map(|sent| sent.0).collect();
    assert_eq!(arrived, ["...1"]);
}

#[test]
fn c21_every_attempt_is_counted_and_takes_a_permit() {
    let server = Server::start();
    server.script(|_, times| if times < 3 { Reply::html(502) } else { Reply::ok() });
    let finished = Run::new(&server).csv(&table::customers(3)).rate("4").go();
    let rows = finished.exits(0).accounted_rows(3);
    assert!(rows.iter().all(|row| row.tentativas == 3 && row.situacao == "atualizado"));
    let requests = server.requests();
    assert_eq!(requests.len(), 9);
    let summary = finished.summary();
    assert_eq!(
        (summary["requisicoes"].as_u64(), summary["repeticoes"].as_u64()),
        (Some(9), Some(6))
    );
    // At four a second the ninth permit comes two seconds after the first. A request may arrive
    // late but not early, so only the delay of the first one shortens the span.
    let span = requests[8].arrived - requests[0].arrived;
    assert!(span > Duration::from_millis(1500), "{span:?}");
}

#[test]
fn c22_a_refused_connection_was_not_sent() {
    let port = ReservedPort::new();
    let finished = Run::bare(&["run"])
        .csv(&table::customers(5))
        .env("TOMTICKET_TOKEN", CANARY)
        .args(["--base-url", &port.url(), "--rate", "unlimited", "--give-up-after", "2s"])
        .go();
    let rows = finished.exits(4).accounted_rows(5);
    assert!(rows.iter().all(|row| row.situacao == "nao_enviado" && row.tentativas == 0));
    finished.says(&["sem conexão com o servidor: conexão recusada"]);
    assert!(finished.took >= Duration::from_secs(2), "{:?}", finished.took);
}

#[test]
fn c22_a_server_that_comes_back_gets_everything() {
    let port = ReservedPort::new();
    let running = Run::bare(&["run"])
        .csv(&table::customers(5))
        .env("TOMTICKET_TOKEN", CANARY)
        .args(["--base-url", &port.url(), "--rate", "unlimited", "--give-up-after", "60s"])
        .spawn();
    running.wait_for_stderr(|text| text.contains("o TomTicket não responde"));
    let server = Server::listen(port.listen(), None);
    let rows = running.wait().exits(0).accounted_rows(5);
    assert!(rows.iter().all(|row| row.situacao == "atualizado" && row.tentativas == 1));
    assert_eq!(server.count(), 5);
}

#[test]
fn c22_a_name_that_does_not_resolve_was_not_sent() {
    // A label of 64 letters is not a valid name (RFC 1035), so no resolver is asked; some resolvers
    // answer every name.
    let url = format!("https://{}.exemplo.com.br", "a".repeat(64));
    let finished = Run::bare(&["run"])
        .csv(&table::customers(2))
        .env("TOMTICKET_TOKEN", CANARY)
        .args(["--base-url", &url, "--no-ledger"])
        .args(["--rate", "unlimited", "--give-up-after", "1s"])
        .go();
    let rows = finished.exits(4).accounted_rows(2);
    assert!(rows.iter().all(|row| row.situacao == "nao_enviado" && row.tentativas == 0));
}

#[test]
fn plain_http_is_for_loopback_only() {
    for url in [
        "http://api.tomticket.com",
        "http://192.0.2.1:8080",
        "http://localhost.exemplo.com",
        "http://127.0.0.1.exemplo.invalid",
        "https://exemplo.invalid//api",
        "ftp://127.0.0.1",
        "127.0.0.1",
        "https://u:p@127.0.0.1",
    ] {
        let finished = Run::bare(&["run"])
            .csv(&table::customers(1))
            .env("TOMTICKET_TOKEN", CANARY)
            .args(["--base-url", url, "--give-up-after", "1s"])
            .go();
        finished.exits(2).says(&["base-url"]);
        assert!(!finished.exists("clientes.resultado.csv"), "{url}");
    }
}

#[test]
fn a_proxy_is_never_asked_for_loopback() {
    let server = Server::start();
    let proxy = Server::start();
    let mut run = Run::new(&server).csv(&table::customers(3));
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    {
        run = run.env(name, proxy.url());
    }
    run.go().exits(0);
    assert_eq!((server.count(), proxy.connections()), (3, 0));
}

#[test]
fn odd_but_valid_responses_are_understood() {
    let server = Server::start();
    server.reply("C00002", Reply::ok().framed(Framing::Chunked));
    server.reply("C00003", Reply::ok().with_interim());
    server.reply("C00004", Reply::ok().framed(Framing::UntilClose));
    server.reply("C00005", Reply::ok().with_header("Set-Cookie", "a=b; Path=/"));
    server.reply("C00006", Reply::ok().framed(Framing::Chunked).with_interim().then_close());
    server.reply("C00007", Reply::json(201, r#" {"mensagem":"criado","outra":[1],"erro":false} "#));
    server.reply("C00008", Reply::response(200, "text/html", r#"{"erro":false,"mensagem":"ok"}"#));
    server.reply("C00009", Reply::json(200, r#"{"erro":false}"#));
    let finished = Run::new(&server).csv(&table::customers(12)).args(["--concurrency", "1"]).go();
    let rows = finished.exits(0).accounted_rows(12);
    // C00007 may use the connection that is closed after C00006 (entry 19).
    let attempts =
        |row: &crate::support::ResultRow| 1..=if row.identificador == "C00007" { 2 } else { 1 };
    assert!(rows.iter().all(|row| row.situacao == "atualizado"));
    assert!(rows.iter().all(|row| attempts(row).contains(&row.tentativas)));
    // `requests` panics if a cookie is sent back.
    assert!((12..=13).contains(&server.requests().len()));
}

#[test]
fn concurrency_is_kept() {
    for (flag, expected) in [(Some("1"), 1), (Some("5"), 5), (None, 8)] {
        let server = Server::start();
        let latch = server.hold_replies();
        let mut run = Run::new(&server).csv(&table::customers(40));
        if let Some(flag) = flag {
            run = run.args(["--concurrency", flag]);
        }
        let running = run.spawn();
        server.wait_for_requests(expected);
        latch.release();
        running.wait().exits(0).accounted_rows(40);
        assert_eq!(server.max_in_flight(), expected);
    }
}

/// A valid identifier, by rules written independently of the product's.
fn identifier() -> impl Strategy<Value = String> {
    // What quotes and signs alone would mean is another chapter's.
    let odd = "[á日🙂][-A-Za-z0-9 ./?#%&=+:;,@!$'()*\\[\\]{}|\\\\\"<>^`~_áÇ日\u{301}🙂]{1,38}[7Ç]";
    odd.prop_filter("would be trimmed, refused or taken for a damaged number", |text| {
        text.trim() == text
            && !text.is_empty()
            && text != "."
            && text != ".."
            && !text.to_ascii_lowercase().contains("e+")
            && !text.to_ascii_lowercase().contains("e-")
    })
}

/// A valid id of a custom field.
fn campo_id() -> impl Strategy<Value = String> {
    "[-A-Za-z0-9 ./?#%&=+:;,@!$()*{}|<>^~_áÇ日🙂]{1,20}"
        .prop_filter("the header is trimmed", |text| text.trim() == text)
}

/// Any text of a cell without white space at its ends.
fn value() -> impl Strategy<Value = String> {
    "([ -~áÇ日🙂\t\n]|\r\n){1,60}".prop_filter("would be trimmed to nothing or changed", |text| {
        !text.trim().is_empty() && text.trim() == text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// Entries 17 and 18: a valid identifier arrives as exactly that path segment.
    #[test]
    fn any_accepted_identifier_arrives_unchanged(ids in btree_set(identifier(), 1..80)) {
        let server = Server::start();
        let mut input = String::from("identificador,tipo_identificador,nome\n");
        for id in &ids {
            input.push_str(&table::line([id.as_str(), "I", "Ana"], ','));
        }
        let finished = Run::new(&server).csv(&input).go();
        finished.exits(0).accounted_rows(ids.len());
        let arrived: Vec<_> = server.sent().into_iter().map(|sent| sent.0).collect();
        prop_assert_eq!(arrived, ids.into_iter().collect::<Vec<_>>());
    }

    /// Entries 15 and 16: names and values of custom fields arrive unchanged, by a reader that is
    /// independent of the writer.
    #[test]
    fn any_accepted_field_and_value_arrives_unchanged(
        ids in btree_set(campo_id(), 1..12),
        values in vec(vec(value(), 12), 1..20),
    ) {
        let server = Server::start();
        let mut header = vec!["identificador".to_owned(), "tipo_identificador".to_owned()];
        header.extend(ids.iter().map(|id| format!("campo:{id}")));
        let mut input = table::line(header, ',');
        for (index, values) in values.iter().enumerate() {
            let mut row = vec![format!("{index:03}"), "I".to_owned()];
            row.extend(values.iter().take(ids.len()).cloned());
            input.push_str(&table::line(row, ','));
        }
        let finished = Run::new(&server).csv(&input).go();
        finished.exits(0);
        let sent = server.sent();
        prop_assert_eq!(sent.len(), values.len());
        for (sent, values) in sent.iter().zip(&values) {
            let expected: Vec<_> = ids
                .iter()
                .zip(values)
                .map(|(id, value)| (format!("campos[{id}]"), value.clone()))
                .collect();
            prop_assert_eq!(&sent.2, &expected);
        }
    }
}
