//! `pull` and `ids`: what TomTicket holds becomes a file.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::support::canary::CANARY;
use crate::support::held_list::{customer, customers, page, page_number};
use crate::support::program::program;
use crate::support::{Finished, Reply, Run, Server};

/// A server that lists these customers.
pub fn listing(all: Vec<Value>) -> Server {
    let server = Server::start();
    server.script(move |request, _| page(&all, page_number(request)));
    server
}

/// `pull` into `antes.csv` at an unlimited rate.
pub fn pull(server: &Server) -> Run {
    let url = server.url();
    Run::bare(&["pull"]).env("TOMTICKET_TOKEN", CANARY).args([
        "--base-url",
        &url,
        "--rate",
        "unlimited",
        "-o",
        "antes.csv",
    ])
}

/// The lines of a snapshot as cells by column name.
fn lines(text: &str) -> Vec<std::collections::HashMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|line| line.expect("a CSV line")).collect()
}

#[test]
fn every_customer_is_written_with_all_that_can_be_read() {
    let mut all = customers(120);
    all[7] = json!({
        "id": "00012", "name": " José \"Zé\" ", "email": "Ze@x.com", "phone": 5511999999999_u64,
        "allowed_create_tickets": false, "organization": {"id": "0af1", "name": "Órgão"},
        "custom_fields": [{"id": "abc01", "name": "Plano", "value": "Ouro\nPrata"}]
    });
    all[119]["custom_fields"] = json!([{"id": "xyz", "name": "Nota", "value": "9"}]);
    all[118]["id"] = json!(77);
    let server = listing(all);
    let finished = pull(&server).go();
    finished.exits(0).says(&["120 clientes", "campo:abc01 é \"Plano\"", "check ARQUIVO"]);
    let text = finished.text("antes.csv");
    assert_eq!(
        text.lines().next().unwrap(),
        "identificador,tipo_identificador,nome,email,telefone,criarchamados,id_organizacao,id_interno,campo:abc01,campo:xyz,lido_em,conta"
    );
    let lines = lines(&text);
    assert_eq!(lines.len(), 120);
    let ze = &lines[7];
    for (column, cell) in [
        ("identificador", "00012"),
        ("tipo_identificador", "I"),
        ("nome", " José \"Zé\" "),
        ("email", "Ze@x.com"),
        ("telefone", "5511999999999"),
        ("criarchamados", ""),
        ("id_organizacao", "0af1"),
        ("id_interno", ""),
        ("campo:abc01", "Ouro\nPrata"),
        ("campo:xyz", ""),
    ] {
        assert_eq!(ze[column], cell, "{column}");
    }
    assert!(ze["lido_em"].ends_with('Z'), "{}", ze["lido_em"]);
    assert_eq!(ze["conta"].len(), 12);
    assert_eq!(
        (&*lines[0]["identificador"], &*lines[0]["tipo_identificador"]),
        ("c00000@x.com", "E")
    );
    assert_eq!(lines[0]["criarchamados"], "true");
    assert_eq!(lines[119]["campo:xyz"], "9");
    let mode = finished.work().join("antes.csv").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for request in server.raw_requests() {
        assert_eq!(request.method, "GET");
        assert!(request.target.starts_with("/v2.0/customer/list?page="), "{}", request.target);
        assert!(request.target.ends_with("&show_custom_fields=1"), "{}", request.target);
        assert_eq!(request.header("authorization"), Some(&*format!("Bearer {CANARY}")));
        assert_eq!(request.header("cache-control"), Some("no-cache"));
    }
    assert_eq!(server.count(), 3, "one request a page, none past the end");
}

/// What a snapshot proves, it proves from the moment at which its page was asked for.
#[test]
fn a_page_that_others_overtake_keeps_the_time_of_its_own_request() {
    let (server, all) = (Server::start(), customers(350));
    server.script(move |request, _| match page_number(request) {
        2 => page(&all, 2).after(Duration::from_secs(2)),
        number => page(&all, number),
    });
    let url = server.url();
    let pull = Run::bare(&["pull", "--base-url", &url, "-o", "antes.csv"]);
    let finished = pull.env("TOMTICKET_TOKEN", CANARY).go();
    let lines = lines(&finished.exits(0).text("antes.csv"));
    // Page 7 is asked for while page 2 is waited for: five requests later, at three a second.
    assert!(lines[60]["lido_em"] < lines[310]["lido_em"], "{:?} {:?}", lines[60], lines[310]);
    assert_eq!(lines[60]["lido_em"], lines[90]["lido_em"]);
}

#[test]
fn the_key_and_the_account_can_be_chosen() {
    let mut all = customers(1);
    all[0]["id"] = json!("7");
    let server = listing(all);
    let finished = pull(&server).args(["--key", "email", "--account", "matriz"]).go();
    let line = lines(&finished.exits(0).text("antes.csv")).remove(0);
    let cells = ["identificador", "tipo_identificador", "id_interno", "conta"].map(|c| &*line[c]);
    assert_eq!(cells, ["c00000@x.com", "E", "7", "matriz"]);
}

#[test]
fn f181_the_commands_after_a_snapshot_can_be_typed_as_they_are() {
    let server = listing(customers(3));
    let (url, program) = (server.url(), program());
    let program = program.to_str().unwrap();
    let reading = |output: &str| {
        Run::bare(&["pull", "--base-url", &url, "--rate", "unlimited", "--account", "matriz"])
            .env("TOMTICKET_TOKEN", CANARY)
            .args(["--key", "email", "-o", output])
    };
    let account = format!("--base-url {url} --rate unlimited --account matriz");
    let export = "identificador,tipo_identificador,nome\nc00000@x.com,E,Novo\n";
    let check = |finished: &Finished, input: &str, snapshot: &str| {
        let line = format!("\n  {program} check {input} {account} --snapshot {snapshot}\n");
        assert!(finished.stderr.contains(&line), "{line}{}", finished.stderr);
        let words: Vec<_> = line.split_whitespace().skip(1).map(ToOwned::to_owned).collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        Run::bare(&words).env("TOMTICKET_TOKEN", CANARY).in_folder_of(finished).go()
    };
    let beside = reading("antes.csv").file("clientes.csv", export).go();
    check(&beside, "clientes.csv", "antes.csv").exits(0).says(&["1 a enviar"]);
    // There is none, or it is the snapshot itself.
    for output in ["antes.csv", "clientes.csv"] {
        let alone = reading(output).file("outro.csv", export).go();
        alone.says(&["no lugar de ARQUIVO", &format!("check ARQUIVO {account}")]);
    }
    let sheet = reading("todos.xlsx").go();
    let again = format!("{program} pull {account} --key email --output todos.antes.csv");
    sheet.exits(0).says(&[&again, "depois corrija todos.xlsx"]);
    let unedited = reading("todos.antes.csv").in_folder_of(&sheet).go();
    unedited.exits(0);
    check(&sheet, "todos.xlsx", "todos.antes.csv").exits(0).says(&["3 sem mudança"]);
    let printed = reading("-").go();
    assert!(!printed.exits(0).stderr.contains("Próximo passo"), "{}", printed.stderr);
}

#[test]
fn a_snapshot_goes_to_standard_output_or_is_packed() {
    let server = listing(customers(51));
    let url = server.url();
    let finished = Run::bare(&["pull", "--base-url", &url, "--rate", "unlimited"])
        .env("TOMTICKET_TOKEN", CANARY)
        .go();
    assert_eq!(lines(&finished.exits(0).stdout_text()).len(), 51);
    let packed = Run::bare(&["pull", "--base-url", &url, "--rate", "unlimited", "-o", "a.csv.gz"])
        .env("TOMTICKET_TOKEN", CANARY)
        .go();
    let mut text = String::new();
    GzDecoder::new(&packed.exits(0).read("a.csv.gz")[..]).read_to_string(&mut text).unwrap();
    assert_eq!(lines(&text).len(), 51);
}

#[test]
fn odd_customers_are_told() {
    let mut all = customers(60);
    all.extend((0..300).map(|n| customer("", &format!("Sem e-mail {n}"))));
    all[3]["id"] = json!("X1");
    all[9]["id"] = json!("X1");
    // A customer that moved to a later page is written once, as last read.
    let mut moved = all[0].clone();
    moved["phone"] = json!("999");
    all.push(moved);
    let server = listing(all);
    let finished = pull(&server).go();
    finished.exits(0).says(&[
        "300 clientes sem e-mail nem identificador interno",
        "1 cliente com o identificador de outro",
        "anunciou 361 no começo e 361 no fim, e a leitura encontrou 360",
    ]);
    let lines = lines(&finished.text("antes.csv"));
    assert_eq!(lines.len(), 360);
    let first: Vec<_> =
        lines.iter().filter(|line| line["identificador"] == "c00000@x.com").collect();
    assert_eq!((first.len(), &*first[0]["telefone"]), (1, "999"));
}

#[test]
fn the_ids_of_fields_and_organizations_are_listed() {
    let mut all = customers(400);
    all[0]["custom_fields"] = json!([{"id": "abc01", "name": "Plano, atual", "value": null}]);
    all[399]["custom_fields"] = json!([{"id": "late", "name": "Tarde demais", "value": "x"}]);
    let server = Server::start();
    server.script(move |request, _| {
        if request.target.starts_with("/v2.0/organization/list?page=") {
            let body =
                json!({"error": false, "data": [{"id": "0af1", "name": "Matriz"}], "pages": 1});
            return Reply::json(200, &body.to_string());
        }
        page(&all, page_number(request))
    });
    let url = server.url();
    let finished = Run::bare(&["ids", "--base-url", &url, "--rate", "unlimited"])
        .env("TOMTICKET_TOKEN", CANARY)
        .go();
    assert_eq!(
        finished.exits(0).stdout_text(),
        "tipo,id,nome\ncampo,abc01,\"Plano, atual\"\norganizacao,0af1,Matriz\n"
    );
    assert_eq!(server.count(), 5, "three pages without a new field are enough");
}

#[test]
fn fields_are_listed_where_organizations_may_not_be_read() {
    let mut all = customers(2);
    all[0]["custom_fields"] = json!([{"id": "abc01", "name": "Plano", "value": null}]);
    let server = Server::start();
    server.script(move |request, _| match request.target.starts_with("/v2.0/organization/") {
        true => Reply::json(403, "{}"),
        false => page(&all, page_number(request)),
    });
    let finished =
        Run::bare(&["ids", "--base-url", &server.url()]).env("TOMTICKET_TOKEN", CANARY).go();
    finished.exits(3).says(&["não deixa ler organizações"]);
    assert_eq!(finished.stdout_text(), "tipo,id,nome\ncampo,abc01,Plano\n");
}

#[test]
fn a_field_with_a_list_for_a_value_counts_as_not_read() {
    let mut all = customers(2);
    let field = |id: &str, value: Value| json!({"id": id, "name": id, "value": value});
    all[0]["custom_fields"] = json!([field("a", json!("x")), field("b", json!("y"))]);
    all[1]["custom_fields"] = json!([field("a", json!(["u", "v"])), field("b", json!(null))]);
    let server = listing(all);
    let finished = pull(&server).go();
    finished.exits(0).says(&["campo:a tem listas em vez de textos", "conta como não lido"]);
    let text = finished.text("antes.csv");
    assert!(text.lines().next().unwrap().contains(",id_interno,campo:b,lido_em,"), "{text}");
    assert_eq!(lines(&text)[0]["campo:b"], "y");
}

#[test]
fn the_account_comes_from_variables_and_the_configuration_of_run() {
    let server = listing(customers(3));
    let config = format!(
        "base-url = \"{}\"\naccount = \"matriz\"\nrate = \"unlimited\"\nkey = \"email\"\nmax-errors = 5\n",
        server.url()
    );
    let finished = Run::bare(&["pull"])
        .env("TOMTICKET_TOKEN", CANARY)
        .env("TOMTICKET_SYNC_OUTPUT", "antes.csv")
        .file("conta.toml", &config)
        .args(["--config", "conta.toml"])
        .go();
    let text = finished.exits(0).text("antes.csv");
    assert!(text.lines().nth(1).unwrap().ends_with(",matriz"), "{text}");
    let wrong =
        Run::bare(&["ids"]).file("conta.toml", "rat = 1\n").args(["--config", "conta.toml"]);
    wrong.go().exits(2).says(&["conta.toml, linha 1", "rate"]);
}
