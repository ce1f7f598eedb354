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
        "/update_cliente/t/a/b/E",
        "/update_cliente/t//E",
        "/update_cliente//a/E",
        "/update_cliente/t/a%40x/E/",
        "//update_cliente/t/a/E",
        "/Update_cliente/t/a/E",
        "/update_cliente/t/./E",
        "/update_cliente/t/../E",
        "/update_cliente/t/%2E%2e/E",
        "/update_cliente/t/%zz/E",
        "/update_cliente/t/a%/E",
        "/update_cliente/t/a%4/E",
        "/update_cliente/t/%FF/E",
        "/v1.0/customer/update",
        "/_sandbox",
        "/_sandbox/",
        "/_sandbox/x",
        "/_sandbox/contagem/",
        "/_sandbox/clientes/E",
    ] {
        let (status, erro, _) = raw.exchange(&post(path, &ok)).reply();
        assert_eq!((status, erro), (404, true), "{path}");
    }
    for method in ["GET", "PUT", "DELETE"] {
        let request = format!(
            "{method} /update_cliente/t/a/E HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
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

/// A web page may reach this port under a name of its own; it must learn nothing.
#[test]
fn another_host_than_this_machine_is_refused_and_named() {
    let sandbox = Sandbox::start(&["--rate", "unlimited"]);
    let mut raw = Raw::connect(&sandbox);
    let port = sandbox.address().rsplit_once(':').unwrap().1.to_owned();
    let mut status = |path: &str, hosts: &[&str]| {
        let hosts: String = hosts.iter().map(|host| format!("Host: {host}\r\n")).collect();
        raw.exchange(format!("GET {path} HTTP/1.1\r\n{hosts}\r\n").as_bytes()).reply()
    };
    for host in ["localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "[::1]"] {
        for host in [host.to_owned(), format!("{host}:{port}")] {
            assert_eq!(status("/_sandbox/x", &[&host]).0, 404, "{host}");
        }
    }
    for host in ["exemplo.com", "localhost.exemplo.com", "192.168.0.1", "x@exemplo.com", "", "a b"]
    {
        let (code, erro, mensagem) = status("/_sandbox/contagem", &[host]);
        assert_eq!((code, erro), (421, true), "{host}");
        assert!(mensagem.ends_with(&format!("o pedido era para {host}.")), "{mensagem}");
    }
    assert_eq!(status("/_sandbox/contagem", &["localhost", "exemplo.com"]).0, 421);
    assert_eq!(status("http://exemplo.com/_sandbox/contagem", &["localhost"]).0, 421);
    let mut foreign = String::from_utf8(update("a%40x")).unwrap();
    foreign = foreign.replace("Host: localhost", "Host: exemplo.com");
    assert_eq!(once(&sandbox, foreign.as_bytes()).status, 421);
    assert_eq!(sandbox.counters()["requisicoes"], 0);
}

type Field<'a> = (&'a str, &'a str);
/// Identifier, type, form, and what the refusal's `mensagem` is about (nothing: accepted).
type UpdateCase<'a> = (&'a str, &'a str, &'a [Field<'a>], &'a str);

fn are_judged(rows: &[UpdateCase<'_>]) {
    let sandbox = Sandbox::start(&["--rate", "unlimited"]);
    let mut raw = Raw::connect(&sandbox);
    for (identifier, tipo, fields, about) in rows {
        let request = post(&format!("/update_cliente/t/{identifier}/{tipo}"), &form(fields));
        let (status, erro, mensagem) = raw.exchange(&request).reply();
        assert_eq!((status, erro), (200, !about.is_empty()), "{fields:?}: {mensagem}");
        assert!(mensagem.contains(about), "{mensagem}");
    }
    let counters = sandbox.counters();
    let refused = rows.iter().filter(|(.., about)| !about.is_empty()).count();
    assert_eq!([&counters["requisicoes"], &counters["recusadas"]], [rows.len(), refused]);
    assert_eq!(counters["executadas"], rows.len() - refused);
}

#[test]
fn broken_rules_are_said_with_status_200() {
    let nome: &[_] = &[("nome", "A")];
    let twins: &[_] = &[("nome", "a"), ("telefone", "1"), ("nome", "a")];
    let long = "é".repeat(251);
    are_judged(&[
        ("a@x", "X", nome, "I ou E"),
        ("a@x", "e", nome, "I ou E"),
        ("a@x", "i", nome, "I ou E"),
        ("a@x", "EE", nome, "I ou E"),
        ("a@x", "E%20", nome, "I ou E"),
        ("a%09b", "I", nome, "controle"),
        (&"%C3%A9".repeat(251), "I", nome, "250"),
        (&"%C3%A9".repeat(250), "I", nome, ""),
        ("12%2F0001+%C3%A7%25", "I", nome, ""),
        ("a@x", "E", &[], "Nenhum parâmetro"),
        ("a@x", "E", twins, "nome foi informado mais de uma vez"),
        ("a@x", "I", &[("id_interno", "1")], "id_interno"),
        ("a@x", "I", &[("id_interno", "")], "id_interno"),
        ("a@x", "E", &[("id_interno", &long[2..])], ""),
        ("a@x", "E", &[("id_interno", &long)], "id_interno passa de 250"),
        ("a@x", "E", &[("nome", &long[2..])], ""),
        ("a@x", "E", &[("nome", &long)], "nome passa de 250"),
        ("a@x", "E", &[("email", &long)], "email passa de 250"),
        ("a@x", "E", &[("id_organizacao", &long[2..])], ""),
        ("a@x", "E", &[("id_organizacao", &long)], "id_organizacao passa de 250"),
        ("a@x", "E", &[("telefone", &long[..40])], ""),
        ("a@x", "E", &[("telefone", &long[..42])], "telefone passa de 20"),
        ("a@x", "E", &[("portfolio_id", &long), ("campos[1]", &long)], ""),
        ("a@x", "E", &[("criarchamados", "true"), ("idioma", "es_ES")], ""),
        ("a@x", "E", &[("criarchamados", ""), ("idioma", "")], ""),
        ("a@x", "E", &[("criarchamados", "1")], "criarchamados deve ser true ou false"),
        ("a@x", "E", &[("criarchamados", "True")], "true ou false"),
        ("a@x", "E", &[("criarchamados", " true")], "true ou false"),
        ("a@x", "E", &[("idioma", "pt-BR")], "idioma deve ser pt_BR, en_US ou es_ES"),
        ("a@x", "E", &[("idioma", "pt_br")], "pt_BR"),
        ("a@x", "E", &[("idioma", "fr_FR")], "pt_BR"),
        ("a@x", "E", &[("idioma", "pt_BR ")], "5 caracteres"),
    ]);
}

#[test]
fn unknown_names_are_refused_and_those_that_php_would_mangle() {
    let unknown = ["Nome", "", "campos", "campo", "customer_id", "campos[1", "campos1]", " nome"];
    let mangled =
        ["", "'abc01'", "a]b", "a[b", "a][b", " a", "“a”"].map(|id| format!("campos[{id}]"));
    let unknown = unknown.map(|name| ([(name, "x")], "não existe"));
    let mangled = mangled.each_ref().map(|name| ([(name.as_str(), "x")], "campo personalizado"));
    let all = unknown.iter().chain(&mangled);
    let rows: Vec<_> = all.map(|(fields, about)| ("a", "I", &fields[..], *about)).collect();
    are_judged(&rows);
}

#[test]
fn parts_that_are_not_plain_are_refused() {
    let sandbox = Sandbox::start(&["--rate", "unlimited"]);
    let mut raw = Raw::connect(&sandbox);
    let mut judged = |headers: &str, value: &str| {
        let body = format!("--XX\r\n{headers}\r\n\r\n{value}\r\n--XX--");
        raw.exchange(&post("/update_cliente/t/a/I", &body)).reply()
    };
    let plain = "content-disposition: Form-Data; name=\"campos[é ü]\"\r\nContent-Type: text/plain";
    assert_eq!(judged(plain, "a\r\nb").0, 200);
    assert!(!judged(plain, "").1);
    for (headers, about) in [
        ("Content-Disposition: form-data", "name=\"…\""),
        ("Content-Disposition: form-data; name=nome", "name=\"…\""),
        ("Content-Disposition: form-data; name*=utf-8''nome", "name=\"…\""),
        ("Content-Disposition: form-data; name=\"nome\"; filename=\"a\"", "name=\"…\""),
        ("Content-Disposition: form-data; filename=\"a\"; name=\"nome\"", "name=\"…\""),
        ("Content-Disposition: form-data; name=\"nome\"; name*=utf-8''x", "name=\"…\""),
        ("Content-Disposition: form-data; name=\"no\\\"me\"", "name=\"…\""),
        ("Content-Disposition: attachment; name=\"nome\"", "name=\"…\""),
        ("Content-Type: text/plain", "não tem Content-Disposition"),
        ("Content-Disposition: form-data; name=\"nome\"\r\nX-Injected: 1", "x-injected"),
    ] {
        let (status, erro, mensagem) = judged(headers, "x");
        assert_eq!((status, erro), (200, true), "{headers}");
        assert!(mensagem.contains(about), "{headers}: {mensagem}");
    }
    for text in ["nome", "Jo?o"] {
        let mut request = post("/update_cliente/t/a/I", &form(&[("n?me", text), ("nome", text)]));
        let at = request.iter().rposition(|&byte| byte == b'?').unwrap();
        request[at] = 0xe3;
        let (status, erro, mensagem) = raw.exchange(&request).reply();
        assert_eq!((status, erro), (200, true), "{mensagem}");
        assert!(mensagem.contains("UTF-8"), "{mensagem}");
    }
}

#[test]
fn documented_defaults_come_back_where_that_is_chosen() {
    let sandbox = Sandbox::start(&["--rate", "unlimited", "--reset-defaults"]);
    let mut raw = Raw::connect(&sandbox);
    for (name, value, expected) in [
        ("idioma", "es_ES", ["true", "es_ES"]),
        ("criarchamados", "false", ["false", "pt_BR"]),
        ("nome", "Ana", ["true", "pt_BR"]),
    ] {
        raw.exchange(&post("/update_cliente/t/a/I", &form(&[(name, value)])));
        let customer = raw.get("/_sandbox/clientes/I/a").json();
        assert_eq!([&customer["criarchamados"], &customer["idioma"]], expected);
    }
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
    for around in [format!("x\r\n{whole}"), format!("{whole}x")] {
        assert_eq!(raw.exchange(&post(path, &around)).reply().0, 400, "{around}");
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
        "POST /update_cliente/t/a%40x/E HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\
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
