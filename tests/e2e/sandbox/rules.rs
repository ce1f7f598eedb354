//! What is accepted and what is refused, as status, `erro` and `mensagem`.

use std::net::Shutdown;

use serde_json::{Value, json};

use super::raw::{Raw, Sandbox, form, once, post, update};

#[test]
fn an_update_is_executed_and_can_be_looked_at() {
    let sandbox = Sandbox::start(&["--rate", "unlimited"]);
    let mut raw = Raw::connect(&sandbox);
    let fields = [("nome", "Ana \"Ação\""), ("telefone", "11 9"), ("campos[abc01]", "a\r\nb")];
    let request = post("/update_cliente/segredo/Ana%40x.com/E", &form(&fields));
    let response = raw.exchange(&request);
    assert_eq!(response.status, 200);
    assert_eq!(
        response.json(),
        json!({"erro": false, "mensagem": "Cliente atualizado com sucesso."})
    );
    // The same connection goes on.
    let customer = raw.get("/_sandbox/clientes/E/ana%40X.com");
    assert_eq!(
        customer.json(),
        json!({
            "email": "Ana@x.com", "id_interno": null, "nome": "Ana \"Ação\"",
            "criarchamados": null, "telefone": "11 9", "id_organizacao": null, "idioma": null,
            "portfolio_id": null, "campos": {"abc01": "a\r\nb"}, "atualizacoes": 1
        })
    );
    let all = raw.get("/_sandbox/clientes").json();
    assert_eq!(all, Value::Array(vec![customer.json()]));
    assert_eq!(raw.get("/_sandbox/clientes/I/ana%40x.com").reply().0, 404);
    assert_eq!(raw.get("/_sandbox/clientes/X/ana%40x.com").reply().0, 404);
}

#[test]
fn a_slash_inside_an_identifier_stays_inside() {
    let sandbox = Sandbox::start(&["--rate", "unlimited"]);
    let mut raw = Raw::connect(&sandbox);
    let path = "/update_cliente/t/12.345.678%2F0001-90/I";
    assert_eq!(raw.exchange(&post(path, &form(&[("nome", "A")]))).reply().0, 200);
    let customer = raw.get("/_sandbox/clientes/I/12.345.678%2F0001-90").json();
    assert_eq!(customer["id_interno"], "12.345.678/0001-90");
    let split = "/update_cliente/t/12.345.678/0001-90/I";
    assert_eq!(raw.exchange(&post(split, &form(&[("nome", "A")]))).reply().0, 404);
}

#[test]
fn other_addresses_and_methods() {
    let sandbox = Sandbox::start(&["--rate", "unlimited"]);
    let mut raw = Raw::connect(&sandbox);
    let ok = form(&[("nome", "A")]);
    for path in [
        "/",
        "/update_cliente/t/a%40x",
        "/update_cliente/t//E",
        "/update_cliente/t/a%40x/E/",
        "/update_cliente/t/../E",
        "/update_cliente/t/%2E%2E/E",
        "/update_cliente/t/%FF/E",
        "/v2.0/customer/update",
    ] {
        let (status, erro, _) = raw.exchange(&post(path, &ok)).reply();
        assert_eq!((status, erro), (404, true), "{path}");
    }
    for method in ["GET", "PUT", "DELETE"] {
        let request = format!(
            "{method} /update_cliente/t/a/E HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        );
        let response = raw.exchange(request.as_bytes());
        assert_eq!(
            (response.status, response.headers["allow"].as_str()),
            (405, "POST"),
            "{method}"
        );
    }
    assert_eq!(raw.exchange(&post("/_sandbox/contagem", &ok)).status, 405);
    // None of them was an update.
    assert_eq!(sandbox.counters()["requisicoes"], 0);
}

#[test]
fn broken_rules_are_said_with_status_200() {
    let sandbox = Sandbox::start(&["--rate", "unlimited"]);
    let mut raw = Raw::connect(&sandbox);
    let long = "é".repeat(251);
    for (tipo, fields, about) in [
        ("X", vec![("nome", "A")], "I ou E"),
        ("e", vec![("nome", "A")], "I ou E"),
        ("E", vec![], "Nenhum parâmetro"),
        ("E", vec![("nome", long.as_str())], "250"),
        ("E", vec![("telefone", "123456789012345678901")], "20"),
        ("E", vec![("idioma", "pt-BR")], "idioma"),
        ("E", vec![("criarchamados", "1")], "criarchamados"),
        ("I", vec![("id_interno", "1")], "id_interno"),
        ("E", vec![("nome", "A"), ("nome", "A")], "mais de uma vez"),
        ("E", vec![("Nome", "A")], "não existe"),
        ("E", vec![("campos['abc01']", "A")], "campo personalizado"),
        ("E", vec![("campos[]", "A")], "campo personalizado"),
        ("E", vec![("nome\"; filename=\"a", "A")], "Content-Disposition"),
    ] {
        let request = post(&format!("/update_cliente/t/a%40x/{tipo}"), &form(&fields));
        let (status, erro, mensagem) = raw.exchange(&request).reply();
        assert_eq!((status, erro), (200, true), "{fields:?}");
        assert!(mensagem.contains(about), "{mensagem}");
    }
    let counters = sandbox.counters();
    let count = |key: &str| counters[key].as_u64().unwrap();
    assert_eq!(["requisicoes", "recusadas", "executadas", "clientes"].map(count), [13, 13, 0, 0]);
}

#[test]
fn bodies_that_are_no_whole_form() {
    let sandbox = Sandbox::start(&["--rate", "unlimited"]);
    let mut raw = Raw::connect(&sandbox);
    let path = "/update_cliente/t/a%40x/E";
    let whole = form(&[("nome", "A")]);
    for end in 0..whole.len() - 2 {
        assert_eq!(raw.exchange(&post(path, &whole[..end])).reply().0, 400, "{end} bytes");
    }
    let with = |kind: &str| {
        let request = String::from_utf8(post(path, &whole)).unwrap();
        request.replace("multipart/form-data; boundary=XX", kind).into_bytes()
    };
    for (kind, status) in [
        ("application/x-www-form-urlencoded", 415),
        ("application/json", 415),
        ("multipart/mixed; boundary=XX", 415),
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=YY", 400),
        ("Multipart/Form-Data; boundary=\"XX\"", 200),
    ] {
        assert_eq!(raw.exchange(&with(kind)).reply().0, status, "{kind}");
    }
    let big = post(path, &form(&[("campos[1]", &"x".repeat(1 << 20))]));
    assert_eq!(once(&sandbox, &big).reply().0, 413);
}

#[test]
fn a_body_may_come_in_chunks() {
    let sandbox = Sandbox::start(&["--rate", "unlimited"]);
    let body = form(&[("nome", "A")]);
    let (a, b) = body.split_at(10);
    let request = format!(
        "POST /update_cliente/t/a%40x/E HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\
         Content-Type: multipart/form-data; boundary=XX\r\n\r\n\
         {:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n",
        a.len(),
        b.len()
    );
    assert_eq!(once(&sandbox, request.as_bytes()).reply().0, 200);
}

#[test]
fn a_request_that_never_arrived_whole_is_none() {
    let sandbox = Sandbox::start(&["--rate", "unlimited"]);
    let mut raw = Raw::connect(&sandbox);
    let request = update("a%40x");
    raw.send(&request[..request.len() - 5]);
    raw.stream.shutdown(Shutdown::Write).unwrap();
    let (_, end) = raw.rest();
    end.unwrap();
    assert_eq!(sandbox.counters()["requisicoes"], 0);
    assert_eq!(sandbox.counters()["clientes"], 0);
}

#[test]
fn only_the_named_token_is_accepted_and_never_repeated() {
    let sandbox = Sandbox::start(&["--token", "certo/1"]);
    let mut raw = Raw::connect(&sandbox);
    let body = form(&[("nome", "A")]);
    // Strangers do not use up the account's limit of three.
    for _ in 0..10 {
        let response = raw.exchange(&post("/update_cliente/errado/a/I", &body));
        assert_eq!(response.reply(), (401, true, "Token inválido.".to_owned()));
        assert!(!String::from_utf8_lossy(&response.body).contains("errado"));
    }
    assert_eq!(raw.exchange(&post("/update_cliente/certo%2F1/a/I", &body)).reply().0, 200);
    assert_eq!(sandbox.counters()["recusadas"], 10);
}

#[test]
fn with_a_list_of_customers_there_are_no_others() {
    let list = "email,id_interno,nome\nana@x,A1,Ana\n";
    let sandbox = Sandbox::start_with(list, &["--rate", "unlimited"]);
    let mut raw = Raw::connect(&sandbox);
    let (status, erro, mensagem) = raw.exchange(&update("bia%40x")).reply();
    assert_eq!((status, erro, mensagem.as_str()), (200, true, "Cliente não encontrado."));
    let rename = post("/update_cliente/t/A1/I", &form(&[("email", "nova@x")]));
    assert!(!raw.exchange(&rename).reply().1);
    assert!(raw.exchange(&update("ana%40x")).reply().1);
    assert!(!raw.exchange(&update("NOVA%40x")).reply().1);
    let counters = raw.get("/_sandbox/contagem").json();
    assert_eq!(counters["requisicoes"], 4);
    assert_eq!((&counters["executadas"], &counters["recusadas"]), (&json!(2), &json!(2)));
    assert_eq!(counters["clientes"], 1);
}
