//! v2.0: its writing, its reading, and what both share with version 1.

use serde_json::json;

use super::raw::{Raw, Response, Sandbox, form, post, until, update};

/// An update of v2.0 with these fields.
pub fn update_v2(fields: &[(&str, &str)]) -> Vec<u8> {
    with_token(&post("/v2.0/customer/update", &form(fields)))
}

/// The same request with a token in its header.
fn with_token(request: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(request.to_vec()).unwrap();
    text.replacen("Host: localhost\r\n", "Host: localhost\r\nAuthorization: Bearer segredo\r\n", 1)
        .into_bytes()
}

impl Raw {
    /// A read of v2.0, `path` without the version.
    pub fn read(&mut self, path: &str) -> Response {
        let get = format!("GET /v2.0/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        self.exchange(&with_token(get.as_bytes()))
    }
}

/// Rows of customers as a snapshot has them.
fn many(count: usize) -> String {
    let rows = (0..count).map(|n| format!("{n},I,Cliente {n:04},c{n}@x\n"));
    format!("identificador,tipo_identificador,nome,email\n{}", rows.collect::<String>())
}

#[test]
fn an_update_has_names_of_its_own_and_the_same_effect() {
    let sandbox = Sandbox::start(&["--rate", "unlimited"]);
    let mut raw = Raw::connect(&sandbox);
    let done = raw.exchange(&update_v2(&[
        ("customer_id", "ana@x"),
        ("customer_type_id", "E"),
        ("name", "Ana"),
        ("phone", "+55 11"),
        ("create_tickets", "0"),
        ("organization_id", &"o".repeat(512)),
        ("internal_id", "7"),
        ("custom_field[abc]", "v"),
        ("language", "pt-BR"),
        ("portfolio_id", "p"),
        ("nome", "ignored"),
    ]));
    assert_eq!(
        (done.status, done.json()),
        (200, json!({"error": false, "message": null, "success": true}))
    );
    // The type is I unless it is given, and version 1 meets the same customer.
    raw.exchange(&update_v2(&[("customer_id", "7"), ("email", "eva@x")]));
    raw.exchange(&post("/update_cliente/t/7/I", &form(&[("telefone", "1")])));
    let held = raw.get("/_sandbox/clientes/E/eva%40x").json();
    let mut expected = json!({
        "email": "eva@x", "id_interno": "7", "nome": "Ana", "criarchamados": "false",
        "telefone": "1", "idioma": "pt_BR", "portfolio_id": "p", "campos": {"abc": "v"},
        "atualizacoes": 3
    });
    expected["id_organizacao"] = "o".repeat(512).into();
    assert_eq!(held, expected);
}

#[test]
fn what_v2_refuses() {
    let sandbox =
        Sandbox::start_with("email\na@x\n", &["--rate", "unlimited", "--token", "segredo"]);
    let mut raw = Raw::connect(&sandbox);
    let id = ("customer_id", "a@x");
    for (fields, status, why) in [
        (&[id, ("customer_type_id", "E"), ("create_tickets", "true")][..], 401, "deve ser 1 ou 0"),
        (&[id, ("customer_type_id", "E"), ("language", "pt_BR")], 401, "language"),
        (&[id, ("internal_id", "7")], 401, "internal_id só"),
        (&[id, ("customer_type_id", "E")], 401, "Nenhum parâmetro"),
        (&[("name", "A")], 401, "customer_id"),
        (&[id, ("name", "A")], 200, "Cliente não encontrado."),
    ] {
        let response = raw.exchange(&update_v2(fields));
        let reply = response.json();
        assert_eq!((response.status, &reply["error"]), (status, &true.into()), "{fields:?}");
        assert!(reply["message"].as_str().unwrap().contains(why), "{reply}");
    }
    let body = "{\"customer_id\":\"a@x\"}";
    let typed = with_token(&post("/v2.0/customer/update", body));
    let typed = String::from_utf8(typed).unwrap();
    let typed = typed.replace("multipart/form-data; boundary=XX", "application/json");
    assert_eq!(raw.exchange(typed.as_bytes()).status, 401);
    // No token, another one, and one in the path.
    let fields = form(&[id, ("name", "A")]);
    assert_eq!(raw.exchange(&post("/v2.0/customer/update", &fields)).status, 401);
    assert_eq!(raw.get("/v2.0/customer/list").status, 401);
    let other = String::from_utf8(update_v2(&[id])).unwrap().replace("Bearer segredo", "Bearer x");
    assert_eq!(raw.exchange(other.as_bytes()).status, 401);
    assert_eq!(raw.read("customer/update").status, 405);
    assert_eq!(raw.read("customer/new").status, 404);
}

#[test]
fn the_list_has_fifty_to_a_page_in_the_byte_order_of_names() {
    let sandbox = Sandbox::start_with(&many(101), &["--rate", "unlimited"]);
    let mut raw = Raw::connect(&sandbox);
    raw.exchange(&update_v2(&[("customer_id", "0"), ("name", "Álvaro")]));
    raw.exchange(&update_v2(&[("customer_id", "1"), ("name", "a")]));
    raw.exchange(&update_v2(&[("customer_id", "2"), ("name", "")]));
    let mut names = Vec::new();
    for (query, next, previous) in [
        ("", json!(2), json!(null)),
        ("?page=2&limit=7", json!(3), json!(1)),
        ("?page=3", json!(null), json!(2)),
    ] {
        let page = raw.read(&format!("customer/list{query}")).json();
        let (size, pages) = (&page["size"], &page["pages"]);
        assert_eq!((size, pages, &page["message"]), (&json!(101), &json!(3), &json!(null)));
        assert_eq!((&page["next_page"], &page["previous_page"]), (&next, &previous));
        let customers = page["data"].as_array().unwrap();
        names.extend(customers.iter().map(|one| one["name"].as_str().unwrap().to_owned()));
    }
    assert_eq!(names.len(), 101);
    assert!(names.is_sorted());
    assert_eq!(
        (&*names[0], &*names[1], &*names[99], &*names[100]),
        ("", "Cliente 0003", "a", "Álvaro")
    );
    let past = raw.read("customer/list?page=4");
    let reply =
        json!({"error": true, "message": "page not found", "success": false, "errorcode": 404});
    assert_eq!((past.status, past.json()), (404, reply));
}

#[test]
fn a_customer_as_the_list_and_its_details_show_it() {
    let list = "identificador,tipo_identificador,nome,email,telefone,criarchamados,id_organizacao,campo:a,campo:b\n\
                7,I,Ana,Ana@x,,false,org1,v,\nb@x,E,Bia,b@x,1,true,,,\n";
    let sandbox = Sandbox::start_with(list, &["--rate", "unlimited"]);
    let mut raw = Raw::connect(&sandbox);
    let ana = json!({
        "id": "7", "name": "Ana", "email": "Ana@x", "phone": null, "monthly_tickets_quota": null,
        "allowed_create_tickets": false, "email_validated": true, "active": true,
        "account_approved": true, "organization": {"id": "org1", "name": "Organização org1"},
        "creation_date": "2024-03-01", "custom_fields": []
    });
    let page = raw.read("customer/list").json();
    assert_eq!(page["data"][0], ana);
    assert_eq!(page["data"][1]["organization"], json!({"id": null, "name": null}));
    let page = raw.read("customer/list?page=1&show_custom_fields=1").json();
    for (at, value) in [(0, json!("v")), (1, json!(null))] {
        let fields = json!([
            {"id": "a", "name": "Campo a", "value": value},
            {"id": "b", "name": "Campo b", "value": null}
        ]);
        assert_eq!(page["data"][at]["custom_fields"], fields);
    }

    let details = raw.read("customer/details?customer_id=ana%40X&customer_type_id=E").json();
    let ana = json!([{
        "name": "Ana", "email": "Ana@x", "phone": null, "internal_id": "7", "active": true,
        "monthly_ticket_quota": null, "organization": {"id": "org1", "name": "Organização org1"},
        "custom_fields": [{"name": "Campo a", "value": "v"}, {"name": "Campo b", "value": null}]
    }]);
    assert_eq!((&details["data"], &details["success"]), (&ana, &json!(true)));
    for (query, status, exists) in [
        ("customer_id=7", 200, true),
        ("customer_id=7&customer_type_id=I", 200, true),
        ("customer_id=7&customer_type_id=E", 404, false),
        ("customer_id=8", 404, false),
        ("", 404, false),
    ] {
        assert_eq!(raw.read(&format!("customer/details?{query}")).status, status, "{query}");
        for path in ["customer/exists", "customers/exists"] {
            assert_eq!(raw.read(&format!("{path}?{query}")).json()["exists"], exists, "{query}");
        }
    }
    let organizations = raw.read("organization/list?page=1").json();
    assert_eq!(organizations["data"], json!([{"id": "org1", "name": "Organização org1"}]));
    assert_eq!(raw.read("organization/list?page=2").status, 404);
}

#[test]
fn without_a_list_reads_show_whom_something_was_given_to() {
    let sandbox = Sandbox::start(&["--rate", "unlimited"]);
    let mut raw = Raw::connect(&sandbox);
    let empty = raw.read("customer/list").json();
    assert_eq!(
        (&empty["data"], &empty["pages"], &empty["next_page"]),
        (&json!([]), &json!(1), &json!(null))
    );
    raw.exchange(&update("b%40x"));
    assert_eq!(raw.read("customer/list").json()["size"], 1);
    assert_eq!(raw.read("customer/details?customer_id=b%40x&customer_type_id=E").status, 200);
    assert_eq!(raw.read("customer/details?customer_id=c%40x&customer_type_id=E").status, 404);
}

#[test]
fn both_versions_share_the_limit_and_reads_are_counted_apart() {
    let sandbox = Sandbox::start(&["--rate", "0.001"]);
    let mut raw = Raw::connect(&sandbox);
    assert_eq!(raw.read("customer/list").status, 200);
    let limited = raw.read("customer/list");
    assert_eq!((limited.status, limited.headers.contains_key("retry-after")), (429, false));
    assert!(limited.headers["content-type"].starts_with("text/html"));
    assert!(String::from_utf8(limited.body).unwrap().contains("<center>nginx</center>"));
    let limited = raw.exchange(&update_v2(&[("customer_id", "1"), ("name", "A")]));
    assert!(limited.status == 429 && limited.body.starts_with(b"<html>"));
    assert_eq!(raw.exchange(&update("a%40x")).reply().0, 429);
    let counters = sandbox.counters();
    let count = |key: &str| counters[key].as_u64().unwrap();
    assert_eq!(
        ["leituras", "leituras_429", "requisicoes", "limitadas_429"].map(count),
        [2, 1, 2, 2]
    );
}

#[test]
fn reads_can_be_refused() {
    let sandbox = Sandbox::start(&["--rate", "unlimited", "--no-reads"]);
    let mut raw = Raw::connect(&sandbox);
    for path in
        ["customer/list", "customer/details?customer_id=1", "customer/exists", "organization/list"]
    {
        let refused = raw.read(path);
        assert_eq!((refused.status, &refused.json()["error"]), (403, &json!(true)), "{path}");
    }
    assert_eq!(raw.exchange(&update_v2(&[("customer_id", "1"), ("name", "A")])).status, 200);
}

#[test]
fn reads_may_lag_behind_writes() {
    let name = |raw: &mut Raw| raw.read("customer/list").json()["data"][0]["name"].clone();
    let sandboxes = ["1h", "50ms"].map(|lag| {
        Sandbox::start_with("email,nome\na@x,A\n", &["--rate", "unlimited", "--read-lag", lag])
    });
    let [mut late, mut soon] = sandboxes.each_ref().map(Raw::connect);
    for raw in [&mut late, &mut soon] {
        raw.exchange(&update("a%40x"));
        assert_eq!(raw.get("/_sandbox/clientes/E/a%40x").json()["nome"], "Ana", "it is executed");
    }
    assert_eq!(name(&mut late), "A");
    while name(&mut soon) != "Ana" {}
}

#[test]
fn custom_fields_that_do_not_exist_are_lost_without_a_word() {
    let sandbox = Sandbox::start_with(
        "email,campo:c\na@x,1\n",
        &["--rate", "unlimited", "--custom-fields", "a,b"],
    );
    let mut raw = Raw::connect(&sandbox);
    let fields = [("campos[a]", "1"), ("campos[c]", "2"), ("campos[x]", "3")];
    assert_eq!(raw.exchange(&post("/update_cliente/t/a%40x/E", &form(&fields))).status, 200);
    let fields = [("customer_id", "a@x"), ("customer_type_id", "E"), ("custom_field[y]", "4")];
    assert_eq!(raw.exchange(&update_v2(&fields)).status, 200);
    let held = raw.get("/_sandbox/clientes/E/a%40x").json();
    assert_eq!(held["campos"], json!({"a": "1", "c": "2"}));
    let page = raw.read("customer/list?show_custom_fields=1").json();
    let shown = &page["data"][0]["custom_fields"];
    let ids: Vec<_> = shown.as_array().unwrap().iter().map(|field| &field["id"]).collect();
    assert_eq!(ids, ["a", "b", "c"]);
}

#[test]
fn a_snapshot_is_taken_verbatim() {
    let header = "identificador,tipo_identificador,nome,email,telefone,criarchamados,id_organizacao,id_interno,campo:a";
    for (columns, name) in [(",lido_em,conta", " Ana  "), ("", "Ana")] {
        let list = format!("{header}{columns}\na@x,E, Ana  ,a@x,,,,7,,2026-11-27T02:00:00Z,abc\n");
        let sandbox = Sandbox::start_with(&list, &["--rate", "unlimited"]);
        let mut raw = Raw::connect(&sandbox);
        let page = raw.read("customer/list").json();
        let shown = &page["data"][0];
        assert_eq!((&shown["name"], &shown["id"]), (&json!(name), &json!("7")));
    }
}

#[test]
fn failures_strike_reads_too_and_are_counted_apart() {
    let sandbox = Sandbox::start(&["--rate", "unlimited", "--fail", "500=50", "--fail", "429=50"]);
    let mut raw = Raw::connect(&sandbox);
    let statuses: Vec<_> = (0..20).map(|_| raw.read("customer/list").status).collect();
    let counters = sandbox.counters();
    let count = |status: u16| statuses.iter().filter(|other| **other == status).count();
    assert_eq!((counters["leituras"].clone(), count(500) + count(429)), (json!(20), 20));
    assert_eq!(counters["falhas_injetadas"]["500"], count(500));
    assert_eq!(counters["leituras_429"], count(429));
    assert_eq!((&counters["perdidas"], &counters["limitadas_429"]), (&json!(0), &json!(0)));
}

#[test]
fn a_late_update_is_executed_after_its_connection_was_cut() {
    // This seed makes it less than a second late.
    let sandbox = Sandbox::start(&["--fail", "late=100", "--seed", "3"]);
    let mut raw = Raw::connect(&sandbox);
    raw.send(&update("a%40x"));
    let (answer, end) = raw.rest();
    assert!(answer.is_empty() && end.is_ok());
    let mut raw = Raw::connect(&sandbox);
    let counters = until(&sandbox, |counters| counters["executadas"] == 1);
    assert_eq!(counters["falhas_injetadas"]["late"], 1);
    assert_eq!(raw.get("/_sandbox/clientes/E/a%40x").json()["nome"], "Ana");
}
